package clustertest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

var (
	keysFlag = flag.Int("clustertest.keys", 4000, "number of keys of TestManyKeys; from 100000 on, learners copy their state as seldom as programs do")
	moreFlag = flag.Duration("clustertest.more", 0, "how long TestManyKeys goes on putting then, and looks for pauses while states are copied")
)

// TestManyKeys puts keys of 100 bytes, starts one learner again, and wipes another,
// which takes the first one's state. With -v and -clustertest.keys=1000000 it shows how
// long that takes, and what it takes of memory and disk.
func TestManyKeys(t *testing.T) {
	url := bustest.Server(t).URL()
	c := New(t, url)
	transfers := &transferLog{Handler: c.log.Handler()}
	c.log = slog.New(transfers)
	if *keysFlag >= 100_000 {
		c.Configure = func(n *node.Config) { n.CheckpointEvery = 0 } // as programs have it
	}
	c.found(3)
	for _, id := range []paxos.NodeID{"p1", "l1", "l2"} {
		c.StartRole(id)
	}
	c.AwaitLeader()
	c.Bucket(url)
	l := startPuts(t, url, min(512, *keysFlag/500))
	l.await(*keysFlag)
	t.Logf("%d keys put in %s", *keysFlag, time.Since(l.began).Round(time.Millisecond))
	c.Await("the acceptors to trim, so that the log alone does not give the state", func() bool { return c.trimmed("a1", "a2", "a3") > 1 })
	l.stop()
	c.Await("learners that are equally far", func() bool {
		return c.Role("l1").Report().Learner.Applied == c.Role("l2").Report().Learner.Applied
	})
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("heap of all roles and the NATS server: %d MiB; disk of learner l1: %d MiB", memory.HeapAlloc>>20, treeBytes(t, c.Data("l1"))>>20)

	digest := c.Role("l1").Report().Learner.Digest
	c.Stop("l1")
	began := time.Now()
	c.StartRole("l1")
	c.Await("l1 to be ready", func() bool { return c.Role("l1").Report().Ready })
	t.Logf("l1 ready %s after its start", time.Since(began).Round(time.Millisecond))

	c.Stop("l2")
	c.Wipe("l2")
	began = time.Now()
	c.StartRole("l2")
	c.awaitFor(10*time.Minute, "l2 to have the state", func() bool {
		r := c.Role("l2").Report()
		return r.Ready && r.Learner.Applied >= digest.Slot
	})
	t.Logf("l2 has the state, and is ready, %s after its start with an empty disk; %s", time.Since(began).Round(time.Millisecond), transfers)
	if transfers.bytes.Load() < int64(*keysFlag)*100 {
		t.Errorf("%s: want the whole state", transfers)
	}
	c.Await("equal states", func() bool {
		a, b := c.Role("l1").Report().Learner.Digest, c.Role("l2").Report().Learner.Digest
		return a == b && a.Slot >= digest.Slot
	})
	if *moreFlag > 0 {
		c.showPauses(url)
	}
}

// transferLog takes note of the last snapshot that a learner says it received.
type transferLog struct {
	slog.Handler
	began, took atomic.Int64
	bytes       atomic.Int64
}

func (l *transferLog) Enabled(context.Context, slog.Level) bool { return true }

func (l *transferLog) Handle(ctx context.Context, r slog.Record) error {
	switch r.Message {
	case "too far behind: installing a snapshot":
		l.began.Store(r.Time.UnixNano())
	case "snapshot received":
		l.took.Store(r.Time.UnixNano() - l.began.Load())
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "bytes" {
				l.bytes.Store(int64(a.Value.Uint64()))
			}
			return true
		})
	}
	if !l.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return l.Handler.Handle(ctx, r)
}

func (l *transferLog) WithAttrs(as []slog.Attr) slog.Handler { return &attributed{l, as} }

// attributed is a transferLog for one role.
type attributed struct {
	*transferLog
	attrs []slog.Attr
}

func (a *attributed) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	r.AddAttrs(a.attrs...)
	return a.transferLog.Handle(ctx, r)
}

func (l *transferLog) String() string {
	return fmt.Sprintf("a snapshot of %.1f MiB came in %s", float64(l.bytes.Load())/(1<<20), time.Duration(l.took.Load()).Round(time.Millisecond))
}

// puts is clients that put one key after the other, each its next when it is answered.
type puts struct {
	t       *testing.T
	began   time.Time
	next    atomic.Int64 // key
	done    atomic.Int64
	end     chan struct{}
	clients sync.WaitGroup

	mu   sync.Mutex
	acks []ack
}

// ack is an answered request.
type ack struct{ sent, answered time.Time }

// startPuts puts with so many requests at once.
func startPuts(t *testing.T, url string, clients int) *puts {
	t.Helper()
	l := &puts{t: t, began: time.Now(), end: make(chan struct{})}
	var conns []*nats.Conn
	for range 8 {
		nc, err := nats.Connect(url)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, nc)
		t.Cleanup(nc.Close)
	}
	for i := range clients {
		l.clients.Go(func() { l.run(conns[i%len(conns)]) })
	}
	return l
}

func (l *puts) run(nc *nats.Conn) {
	data := make([]byte, 100)
	var acks []ack
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.acks = append(l.acks, acks...)
	}()
	for {
		subject := fmt.Sprintf("%sapi.$KV.test.key-%08d", Subjects.Root(), l.next.Add(1))
		for answered := false; !answered; {
			select {
			case <-l.end:
				return
			case <-l.t.Context().Done():
				return
			default:
			}
			sent := time.Now()
			reply, err := nc.Request(subject, data, 5*time.Second)
			if answered = err == nil && !bytes.Contains(reply.Data, []byte(`"error"`)); answered {
				acks = append(acks, ack{sent, time.Now()})
			}
		}
		l.done.Add(1)
	}
}

// await waits for so many answers.
func (l *puts) await(n int) {
	l.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for l.done.Load() < int64(n) {
		select {
		case <-tick.C:
		case <-l.t.Context().Done():
			l.t.Fatal("ended before all was put")
		}
	}
}

func (l *puts) stop() {
	close(l.end)
	l.clients.Wait()
}

// showPauses puts at half the speed that all can take, and compares what clients wait
// while learners copy their states with what they wait at other times.
func (c *Cluster) showPauses(url string) {
	t := c.t.(*testing.T)
	l := startPuts(t, url, 16)
	l.next.Store(1 << 30) // other keys
	var copies []ack
	since := map[paxos.NodeID]time.Time{}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(*moreFlag); ; {
		select {
		case <-end:
			l.stop()
			report(t, l.acks, copies)
			return
		case now := <-tick.C:
			for _, id := range []paxos.NodeID{"l1", "l2"} {
				_, err := os.Stat(filepath.Join(c.Data(id), "checkpoint", "new"))
				begun, copying := since[id]
				switch {
				case err == nil && !copying:
					since[id] = now
				case errors.Is(err, fs.ErrNotExist) && copying:
					copies = append(copies, ack{begun, now})
					delete(since, id)
				}
			}
		}
	}
}

func report(t *testing.T, acks, copies []ack) {
	var during, apart []time.Duration
	gap, gapAtCopy := time.Duration(0), time.Duration(0)
	slices.SortFunc(acks, func(a, b ack) int { return a.answered.Compare(b.answered) })
	for i, a := range acks {
		beside := slices.ContainsFunc(copies, func(c ack) bool { return a.answered.After(c.sent) && a.sent.Before(c.answered) })
		longest := &gap
		if beside {
			during, longest = append(during, a.answered.Sub(a.sent)), &gapAtCopy
		} else {
			apart = append(apart, a.answered.Sub(a.sent))
		}
		if i > 0 {
			*longest = max(*longest, a.answered.Sub(acks[i-1].answered))
		}
	}
	for _, c := range copies {
		t.Logf("a copy of a state took %s", c.answered.Sub(c.sent).Round(time.Millisecond))
	}
	t.Logf("beside copies: %s, longest time without an answer %s", quantiles(during), gapAtCopy.Round(100*time.Microsecond))
	t.Logf("else: %s, longest time without an answer %s", quantiles(apart), gap.Round(100*time.Microsecond))
}

func quantiles(d []time.Duration) string {
	if len(d) == 0 {
		return "no answer"
	}
	slices.Sort(d)
	at := func(q float64) time.Duration { return d[int(q*float64(len(d)-1))].Round(10 * time.Microsecond) }
	return fmt.Sprintf("%d answers, median %s, p99 %s, p99.9 %s, slowest %s", len(d), at(0.5), at(0.99), at(0.999), at(1))
}

// treeBytes is what the files below dir take.
func treeBytes(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // a file may go while it is looked at
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
