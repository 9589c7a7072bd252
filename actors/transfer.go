package actors

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/synod-paxos/synod/internal/gentle"
	"github.com/synod-paxos/synod/paxos"
)

const (
	snapshotRetry  = 500 * time.Millisecond // before a chunk is asked for again
	snapshotFirst  = 5 * time.Second        // the same, while it has to be made
	snapshotSilent = 10 * time.Second       // without a chunk, before another learner is asked
	snapshotStuck  = 100 * time.Second      // the same without a byte more, while one is made; at first
)

// Transfer is one snapshot on its way in. It asks a learner for one chunk after the other,
// so a lost message costs a repeat and nothing more; and it leaves a learner that brings
// nothing new for a while, be it bytes of the snapshot or the news that more of it is made.
// How long the whole takes does not matter. That a learner is left which was making one may
// have been too early, since a machine may think for long before it writes: the next may
// take twice as long, or none would ever be done.
type Transfer struct {
	ask    func(to paxos.NodeID, q paxos.SnapshotQuery)
	there  func(paxos.NodeID) bool
	tell   func(Progress)
	stop   <-chan struct{}
	chunks chan incoming

	stuck time.Duration // how long a learner may make one without a byte more
	news  time.Time     // when the learner brought something last
	made  uint64        // what it said last of the snapshot that it makes; 0: it makes none
}

// incoming is a chunk, and who sent it.
type incoming struct {
	from paxos.NodeID
	paxos.SnapshotChunk
}

// Sink is what a snapshot is written to. Restart forgets what was written before.
type Sink interface {
	io.Writer
	Restart() error
}

// Stage is what is done with a snapshot.
type Stage string

// The stages, in the order in which they come.
const (
	Making     Stage = "waiting for" // its learner makes it
	Receiving  Stage = "receiving"
	Installing Stage = "installing"
)

// Progress is how far a snapshot is on its way in.
type Progress struct {
	Stage Stage
	From  paxos.NodeID // the learner that makes or made it
	Done  uint64       // bytes
	Of    uint64       // bytes; 0 while that is not known
}

func (p Progress) String() string {
	if p.Of == 0 {
		return fmt.Sprintf("it is %s a snapshot of %s, which has made %d MiB of it", p.Stage, p.From, p.Done>>20)
	}
	return fmt.Sprintf("it is %s a snapshot of %s: %d of %d MiB", p.Stage, p.From, p.Done>>20, p.Of>>20)
}

// NewTransfer returns a transfer that asks by ask, which does not wait, tells how far it is
// by tell, and ends when stop is closed. there says whether a learner was heard lately: one
// that was not makes no snapshot. Where nobody can know that it is nil.
func NewTransfer(stop <-chan struct{}, ask func(to paxos.NodeID, q paxos.SnapshotQuery), there func(paxos.NodeID) bool, tell func(Progress)) *Transfer {
	return &Transfer{ask: ask, there: there, tell: tell, stop: stop, chunks: make(chan incoming, 16), stuck: snapshotStuck}
}

// Receive takes a chunk from the network. It may be called by any goroutine, and does not
// wait: what there is no room for is asked for again.
func (t *Transfer) Receive(from paxos.NodeID, chunk paxos.SnapshotChunk) {
	select {
	case t.chunks <- incoming{from, chunk}:
	default:
	}
}

// ErrStopped is why a transfer that was stopped ended.
var ErrStopped = errors.New("stopped")

// Fetch tries to fetch a snapshot from one learner. done is false when that could not help.
func (t *Transfer) Fetch(to paxos.NodeID, into Sink) (applied paxos.Slot, done bool, err error) {
	if err := into.Restart(); err != nil {
		return 0, false, err
	}
	var got paxos.SnapshotChunk // the last one
	t.news, t.made = time.Now(), 0
	for next := uint64(0); !t.hopeless(to, got.ID == 0); {
		chunk, ok, err := t.await(to, paxos.SnapshotQuery{ID: got.ID, Offset: next})
		if err != nil {
			return 0, false, err
		}
		if !ok {
			continue
		}
		if chunk.ID == 0 {
			return 0, false, t.Pause()
		}
		if _, err := into.Write(chunk.Data); err != nil {
			return 0, false, err
		}
		got, t.news, t.made = chunk, time.Now(), 0
		next += uint64(len(chunk.Data))
		t.tell(Progress{Receiving, to, next, chunk.Total})
		if next >= chunk.Total {
			return chunk.Applied, true, nil
		}
	}
	if t.made > 0 {
		t.stuck *= 2
	}
	return 0, false, nil
}

// hopeless reports whether the learner has brought nothing for too long.
func (t *Transfer) hopeless(to paxos.NodeID, first bool) bool {
	silent := time.Since(t.news)
	switch {
	case silent < snapshotSilent:
		return false
	case t.there != nil && !t.there(to):
		return true
	case t.made > 0:
		return silent >= t.stuck
	case first:
		return silent >= snapshotStuck
	default:
		return true
	}
}

// await asks for a chunk and waits for it; ok is false when it did not come.
func (t *Transfer) await(to paxos.NodeID, q paxos.SnapshotQuery) (chunk paxos.SnapshotChunk, ok bool, err error) {
	patience := snapshotRetry
	if q.ID == 0 {
		patience = snapshotFirst
	}
	t.ask(to, q)
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case <-t.stop:
			return chunk, false, ErrStopped
		case <-timeout.C:
			return chunk, false, nil
		case c := <-t.chunks:
			switch {
			case c.from != to: // of one that was left
			case c.ID == paxos.SnapshotMaking:
				t.waits(to, c.Offset)
			case answers(&c.SnapshotChunk, q):
				return c.SnapshotChunk, true, nil
			}
		}
	}
}

// answers reports whether c is what q asks for, or says that there is nothing. One without
// a byte is the end.
func answers(c *paxos.SnapshotChunk, q paxos.SnapshotQuery) bool {
	return c.ID == 0 || c.Offset == q.Offset && (c.ID == q.ID || q.ID == 0) && (len(c.Data) > 0 || c.Total == c.Offset)
}

// waits notes how much of a snapshot the learner has made.
func (t *Transfer) waits(to paxos.NodeID, made uint64) {
	if made != t.made { // less than before is another one
		t.made, t.news = made, time.Now()
	}
	t.tell(Progress{Stage: Making, From: to, Done: max(made, 1) - 1})
}

// Pause waits for a moment before the next learner is asked.
func (t *Transfer) Pause() error {
	select {
	case <-t.stop:
		return ErrStopped
	case <-time.After(snapshotRetry):
		return nil
	}
}

// intoFile fetches a snapshot into a file of dir, and returns it, open at its start. from
// says whom to ask; empty: nobody can help now. It goes on until it has one or is stopped.
func (t *Transfer) intoFile(dir string, from func(turn int) paxos.NodeID, log *slog.Logger) (*os.File, error) {
	file, err := os.CreateTemp(dir, "snapshot-in-*")
	if err != nil {
		return nil, err
	}
	if err := t.fetchInto(fileSink{file}, from, log); err != nil {
		_ = file.Close()
		_ = gentle.RemoveAll(file.Name())
		return nil, err
	}
	return file, nil
}

func (t *Transfer) fetchInto(file fileSink, from func(turn int) paxos.NodeID, log *slog.Logger) error {
	for turn := 0; ; turn++ {
		to := from(turn)
		if to == "" {
			log.Warn("a snapshot is needed, and no other learner has one")
			if err := t.Pause(); err != nil {
				return err
			}
			continue
		}
		applied, done, err := t.Fetch(to, file)
		if err != nil {
			return err
		}
		if !done {
			continue
		}
		size, err := file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		log.Info("snapshot received", "from", to, "bytes", uint64(size), "slot", uint64(applied))
		_, err = file.Seek(0, io.SeekStart)
		return err
	}
}

// fileSink is a file that is written from its start.
type fileSink struct{ *os.File }

func (f fileSink) Restart() error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}
