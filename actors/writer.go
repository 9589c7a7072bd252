package actors

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// writer keeps the one order that safety needs: durable first, then sent. It
// takes all groups of effects that gathered during the last sync, makes their
// records durable with one sync, and then releases their messages, in order.
type writer struct {
	store     Store
	send      Sender
	pageBytes int
	fail      func(error)
	done      chan struct{} // closed when run has returned

	mu     sync.Mutex
	wait   sync.Cond
	groups []group
	busy   bool // run carries out groups, or has failed
	closed bool
	early  paxos.Early

	syncs, records, votes, messages atomic.Uint64
	syncing                         span
}

// group is the effects of one or more steps. If any of its messages has a page to
// fill in, that message's step is the last of the group.
type group struct {
	records []paxos.Record
	send    []paxos.Envelope
}

// WriterStats say how well group commit works: Records per Sync rises with load.
type WriterStats struct {
	Syncs    uint64 // appends, each with one sync
	Records  uint64 // made durable
	Votes    uint64 // of them
	Messages uint64 // sent
	// Pending is how long the present sync has been under way; 0 when there is none.
	Pending time.Duration
}

func newWriter(store Store, send Sender, clock *Clock, pageBytes int, fail func(error)) *writer {
	w := &writer{store: store, send: send, pageBytes: pageBytes, fail: fail, done: make(chan struct{}), syncing: span{clock: clock}}
	w.wait.L = &w.mu
	return w
}

func (w *writer) stats() WriterStats {
	s := WriterStats{Syncs: w.syncs.Load(), Records: w.records.Load(), Votes: w.votes.Load(), Messages: w.messages.Load()}
	s.Pending = w.syncing.age()
	return s
}

// put queues a group. It never blocks: what the acceptor may take in is bounded
// by its inbox and by the proposers' windows. A group without records and pages, such as
// the answer to a read, is sent at once when all before it are durable and sent. What
// need not wait for the disk does not.
func (w *writer) put(g group) {
	w.mu.Lock()
	if len(g.records) == 0 && len(w.groups) == 0 && !w.busy && !w.closed && !g.hasPage() {
		w.mu.Unlock()
		w.release(g.send)
		return
	}
	var early []paxos.Envelope
	early, g.send = w.early.Take(g.send)
	if len(g.records) > 0 || len(g.send) > 0 {
		w.groups = append(w.groups, g)
	}
	w.mu.Unlock()
	w.wait.Signal()
	w.publish(early)
}

// close lets run finish what is queued, and returns when it has.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wait.Signal()
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	for {
		groups := w.next()
		if groups == nil {
			return
		}
		if err := w.carryOut(groups); err != nil {
			w.fail(err)
			return
		}
	}
}

// next waits for groups, and takes all up to and including the first with a page
// to fill in: a page must not show what was written after it. nil is the end.
func (w *writer) next() []group {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	for len(w.groups) == 0 {
		if w.closed {
			return nil
		}
		w.wait.Wait()
	}
	n := slices.IndexFunc(w.groups, group.hasPage) + 1
	if n == 0 {
		n = len(w.groups)
	}
	taken := w.groups[:n:n]
	w.groups, w.busy = w.groups[n:], true
	return taken
}

func (g group) hasPage() bool {
	return slices.ContainsFunc(g.send, func(e paxos.Envelope) bool {
		page, _ := paxos.Pending(e.Msg)
		return page != nil
	})
}

// carryOut makes the records of the groups durable, and then sends their messages.
func (w *writer) carryOut(groups []group) error {
	records, send := groups[0].records, groups[0].send
	for _, g := range groups[1:] {
		records = append(records, g.records...)
		send = append(send, g.send...)
	}
	if err := w.persist(records); err != nil {
		return err
	}
	for i, e := range send {
		if page, with := paxos.Pending(e.Msg); page != nil {
			p := *page
			if err := w.store.Fill(&p, w.pageBytes); err != nil {
				return fmt.Errorf("read votes: %w", err)
			}
			send[i].Msg = with(p)
		}
	}
	w.release(mergeAccepted(send))
	return nil
}

// release sends what is next in order.
func (w *writer) release(send []paxos.Envelope) {
	if n := len(send); n > 0 {
		w.mu.Lock()
		w.early.Released(&send[n-1])
		w.mu.Unlock()
	}
	w.publish(send)
}

func (w *writer) publish(send []paxos.Envelope) {
	for _, e := range send {
		w.messages.Add(1)
		_ = w.send.Publish(e) // lost messages are normal; the bus counts them
	}
}

// appendBytes is about how many bytes of values are appended at once at most: the store
// copies them, and after a while without the disk all that waits may be a lot.
const appendBytes = 8 << 20

// persist makes the records durable, in order. Each is a fact of its own (paxos.Record), so
// that a crash may as well come between any two.
func (w *writer) persist(records []paxos.Record) error {
	for len(records) > 0 {
		n := fitting(records)
		if err := w.append(records[:n:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// fitting is how many of the records, one at least, are appended at once.
func fitting(records []paxos.Record) int {
	bytes := 0
	for i, r := range records {
		v, ok := r.(paxos.Voted)
		if !ok {
			continue
		}
		before := bytes
		if bytes += len(v.Vote.Value.Body); before > 0 && bytes > appendBytes {
			return i
		}
	}
	return len(records)
}

func (w *writer) append(records []paxos.Record) error {
	w.syncing.begin(w.syncing.clock.Now().Mono)
	err := w.store.Append(records)
	w.syncing.end()
	if err != nil {
		return err
	}
	w.syncs.Add(1)
	w.records.Add(uint64(len(records)))
	for _, r := range records {
		if _, vote := r.(paxos.Voted); vote {
			w.votes.Add(1)
		}
	}
	return nil
}

// mergeAccepted puts neighbouring votes of one ballot into one message.
func mergeAccepted(send []paxos.Envelope) []paxos.Envelope {
	merged := send[:0]
	for _, e := range send {
		if n := len(merged); n > 0 {
			last, ok1 := merged[n-1].Msg.(paxos.Accepted)
			this, ok2 := e.Msg.(paxos.Accepted)
			if ok1 && ok2 && last.Ballot == this.Ballot {
				last.Slots = append(last.Slots, this.Slots...)
				slices.Sort(last.Slots)
				last.Slots = slices.Compact(last.Slots)
				merged[n-1].Msg = last
				continue
			}
		}
		merged = append(merged, e)
	}
	return merged
}
