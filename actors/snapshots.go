package actors

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/synod-paxos/synod/internal/gentle"
	"github.com/synod-paxos/synod/paxos"
)

// A learner that is too far behind to learn from the acceptors, who have trimmed
// what it lacks, installs a snapshot of a fellow learner's state. It asks for one
// chunk after the other, so a lost message costs a repeat and nothing more.

const (
	snapshotRetry  = 500 * time.Millisecond // before a chunk is asked for again
	snapshotFirst  = 5 * time.Second        // the same, while it has to be made
	snapshotSilent = 10 * time.Second       // without a chunk, before another fellow is asked
	snapshotStuck  = 100 * time.Second      // the same without a byte more, while one is made; at first
	snapshotKeep   = time.Minute            // how long a snapshot is kept after its last use
	snapshotReport = 5 * time.Second        // between two lines of progress in the log
)

// source serves snapshots of a learner's state to its fellows, and to whoever backs it
// up: each has its own, one at a time.
type source struct {
	machine Snapshots
	dir     string // for the files; the source's own
	chunk   int    // bytes
	log     *slog.Logger

	made atomic.Uint64 // one more than the bytes of the snapshot that is being made; 0: none is

	mu  sync.Mutex
	out map[paxos.NodeID]*outgoing
}

// maxOutgoing is how many snapshots are kept at once.
const maxOutgoing = 4

// outgoing is one snapshot on its way out.
type outgoing struct {
	id      uint64
	file    *os.File
	applied paxos.Slot
	total   uint64
	seen    bool // a chunk of it was asked for by its id
	expire  *time.Timer
}

// answer reads the chunk that q asks for. It may take long: it makes a snapshot
// when q asks for a new one.
func (s *source) answer(to paxos.NodeID, q paxos.SnapshotQuery, fresh uint64) paxos.SnapshotChunk {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.ID == 0 && !s.unseen(to) {
		if err := s.make(to, fresh); err != nil {
			s.log.Error("cannot make a snapshot for another", "to", to, "err", err)
			return paxos.SnapshotChunk{}
		}
	}
	if q.ID == 0 {
		q.Offset = 0
	}
	o := s.out[to]
	if o == nil || q.ID != 0 && q.ID != o.id || q.Offset > o.total {
		return paxos.SnapshotChunk{}
	}
	o.seen = o.seen || q.ID != 0
	o.expire.Reset(snapshotKeep)
	data := make([]byte, min(uint64(s.chunk), o.total-q.Offset))
	if _, err := o.file.ReadAt(data, int64(q.Offset)); err != nil && !errors.Is(err, io.EOF) {
		s.log.Error("cannot read the snapshot for another", "to", to, "err", err)
		s.drop(to)
		return paxos.SnapshotChunk{}
	}
	return paxos.SnapshotChunk{ID: o.id, Applied: o.applied, Total: o.total, Offset: q.Offset, Data: data}
}

// unseen reports whether there is a snapshot for to of which it seems to have no chunk yet:
// the first was lost, or crosses with another question for it. To make it again would take
// as long again.
func (s *source) unseen(to paxos.NodeID) bool {
	o := s.out[to]
	return o != nil && !o.seen && o.total > uint64(s.chunk)
}

// make replaces the snapshot for to by a new one.
func (s *source) make(to paxos.NodeID, id uint64) error {
	s.drop(to)
	if len(s.out) >= maxOutgoing {
		return fmt.Errorf("%d others have one already", len(s.out))
	}
	file, err := os.CreateTemp(s.dir, "snapshot-out-*")
	if err != nil {
		return err
	}
	o := &outgoing{id: id, file: file}
	s.made.Store(1)
	defer s.made.Store(0)
	o.applied, err = s.machine.Snapshot(counted{file, &s.made})
	if err == nil {
		var size int64
		size, err = file.Seek(0, io.SeekEnd)
		o.total = uint64(size)
	}
	if err != nil {
		o.remove()
		return err
	}
	o.expire = time.AfterFunc(snapshotKeep, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.out[to] == o {
			s.drop(to)
		}
	})
	if s.out == nil {
		s.out = map[paxos.NodeID]*outgoing{}
	}
	s.out[to] = o
	return nil
}

// making is what to tell whoever asks for a chunk while a snapshot is being made; ok is
// false when none is.
func (s *source) making() (chunk paxos.SnapshotChunk, ok bool) {
	made := s.made.Load()
	return paxos.SnapshotChunk{ID: paxos.SnapshotMaking, Offset: made}, made > 0
}

// counted counts what is written.
type counted struct {
	io.Writer
	n *atomic.Uint64
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n.Add(uint64(n))
	return n, err
}

// drop forgets the snapshot for to, if there is one.
func (s *source) drop(to paxos.NodeID) {
	if o := s.out[to]; o != nil {
		o.expire.Stop()
		o.remove()
		delete(s.out, to)
	}
}

func (o *outgoing) remove() {
	_ = o.file.Close()
	_ = gentle.RemoveAll(o.file.Name()) // the next start sweeps what is left
}

func (s *source) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for to := range s.out {
		s.drop(to)
	}
}

// incoming is a chunk, and who sent it.
type incoming struct {
	from paxos.NodeID
	paxos.SnapshotChunk
}

// transfer is one snapshot on its way in. It leaves a fellow that brings nothing new for a
// while, be it bytes of the snapshot or the news that more of it is made. How long the
// whole takes does not matter. That a fellow is left which was making one may have been too
// early, since a machine may think for long before it writes: the next may take twice as
// long, or none would ever be done.
type transfer struct {
	from   func(turn int) paxos.NodeID // whom to ask; empty: nobody can help now
	ask    func(to paxos.NodeID, q paxos.SnapshotQuery)
	chunks chan incoming
	stop   <-chan struct{}
	log    *slog.Logger

	stuck    time.Duration // how long a fellow may make one without a byte more
	news     time.Time     // when the fellow brought something last
	made     uint64        // what it said last of the snapshot that it makes; 0: it makes none
	reported time.Time
}

// hopeless reports whether the fellow has brought nothing for too long.
func (t *transfer) hopeless(first bool) bool {
	limit := snapshotSilent
	switch {
	case t.made > 0:
		limit = t.stuck
	case first:
		limit = snapshotStuck
	}
	return time.Since(t.news) >= limit
}

// waits notes how much of a snapshot the fellow has made.
func (t *transfer) waits(to paxos.NodeID, made uint64) {
	if made != t.made { // less than before is another one
		t.made, t.news = made, time.Now()
	}
	t.report("waiting while a fellow makes a snapshot", "from", to, "bytes so far", made-1)
}

// report logs what goes on, now and then.
func (t *transfer) report(what string, args ...any) {
	if time.Since(t.reported) > snapshotReport {
		t.reported = time.Now()
		t.log.Info(what, args...)
	}
}

var errStopped = errors.New("stopped")

// run fetches a snapshot into a file of dir, and returns it, open at its start.
// It goes on until it has one or is stopped.
func (t *transfer) run(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "snapshot-in-*")
	if err != nil {
		return nil, err
	}
	t.stuck = snapshotStuck
	for turn := 0; ; turn++ {
		done, err := t.fetch(file, turn)
		if err == nil && done {
			_, err = file.Seek(0, io.SeekStart)
		}
		if err != nil {
			_ = file.Close()
			_ = gentle.RemoveAll(file.Name())
			return nil, err
		}
		if done {
			return file, nil
		}
	}
}

// fetch tries one fellow. done is false when it could not help.
func (t *transfer) fetch(file *os.File, turn int) (done bool, err error) {
	to := t.from(turn)
	if to == "" {
		t.log.Warn("a snapshot is needed, and no other learner has one")
		return false, t.pause()
	}
	if err := file.Truncate(0); err != nil {
		return false, err
	}
	var got paxos.SnapshotChunk // the last one
	t.news, t.reported, t.made = time.Now(), time.Now(), 0
	for next := uint64(0); !t.hopeless(got.ID == 0); {
		chunk, ok, err := t.await(to, paxos.SnapshotQuery{ID: got.ID, Offset: next})
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if chunk.ID == 0 {
			return false, t.pause()
		}
		if _, err := file.WriteAt(chunk.Data, int64(next)); err != nil {
			return false, err
		}
		got, t.news, t.made = chunk, time.Now(), 0
		next += uint64(len(chunk.Data))
		if next >= chunk.Total {
			t.log.Info("snapshot received", "from", to, "bytes", chunk.Total, "slot", uint64(chunk.Applied))
			return true, nil
		}
		t.report("receiving a snapshot", "from", to, "bytes", next, "of", chunk.Total,
			"percent", fmt.Sprintf("%.0f", 100*float64(next)/float64(chunk.Total)))
	}
	if t.made > 0 {
		t.stuck *= 2
	}
	return false, nil
}

// await asks for a chunk and waits for it; ok is false when it did not come.
func (t *transfer) await(to paxos.NodeID, q paxos.SnapshotQuery) (chunk paxos.SnapshotChunk, ok bool, err error) {
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
			return chunk, false, errStopped
		case <-timeout.C:
			return chunk, false, nil
		case c := <-t.chunks:
			switch {
			case c.from != to: // of one that was left
			case c.ID == paxos.SnapshotMaking:
				t.waits(to, c.Offset)
			case c.ID == 0 || c.Offset == q.Offset && (c.ID == q.ID || q.ID == 0):
				return c.SnapshotChunk, true, nil
			}
		}
	}
}

func (t *transfer) pause() error {
	select {
	case <-t.stop:
		return errStopped
	case <-time.After(snapshotRetry):
		return nil
	}
}

// sweep removes what an earlier process left behind in dir.
func sweep(dir string) {
	for _, pattern := range []string{"snapshot-in-*", "snapshot-out-*"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, f := range files {
			_ = gentle.RemoveAll(f)
		}
	}
}
