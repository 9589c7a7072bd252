package actors

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// A learner that is too far behind to learn from the acceptors, who have trimmed
// what it lacks, installs a snapshot of a fellow learner's state. It asks for one
// chunk after the other, so a lost message costs a repeat and nothing more.

const (
	snapshotRetry  = 500 * time.Millisecond // before a chunk is asked for again
	snapshotGiveUp = 20                     // unanswered questions before another fellow is asked
	snapshotKeep   = time.Minute            // how long a snapshot is kept after its last use
	snapshotReport = 5 * time.Second        // between two lines of progress in the log
)

// source serves snapshots of a learner's state to its fellows, one at a time.
type source struct {
	machine Snapshots
	dir     string // for the file; the source's own
	chunk   int    // bytes
	log     *slog.Logger

	mu      sync.Mutex
	id      uint64
	file    *os.File
	applied paxos.Slot
	total   uint64
	expire  *time.Timer
}

// answer reads the chunk that q asks for. It may take long: it makes a snapshot
// when q asks for a new one.
func (s *source) answer(q paxos.SnapshotQuery, fresh uint64) paxos.SnapshotChunk {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.ID == 0 {
		if err := s.make(fresh); err != nil {
			s.log.Error("cannot make a snapshot for a fellow learner", "err", err)
			s.drop()
			return paxos.SnapshotChunk{}
		}
		q.Offset = 0
	} else if q.ID != s.id || q.Offset > s.total {
		return paxos.SnapshotChunk{}
	}
	s.expire.Reset(snapshotKeep)
	data := make([]byte, min(uint64(s.chunk), s.total-q.Offset))
	if _, err := s.file.ReadAt(data, int64(q.Offset)); err != nil && !errors.Is(err, io.EOF) {
		s.log.Error("cannot read the snapshot for a fellow learner", "err", err)
		s.drop()
		return paxos.SnapshotChunk{}
	}
	return paxos.SnapshotChunk{ID: s.id, Applied: s.applied, Total: s.total, Offset: q.Offset, Data: data}
}

// make replaces the present snapshot by a new one.
func (s *source) make(id uint64) (err error) {
	s.drop()
	if s.file, err = os.CreateTemp(s.dir, "snapshot-out-*"); err != nil {
		return err
	}
	if s.applied, err = s.machine.Snapshot(s.file); err != nil {
		return err
	}
	size, err := s.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	s.id, s.total = id, uint64(size)
	s.expire = time.AfterFunc(snapshotKeep, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.id == id {
			s.drop()
		}
	})
	return nil
}

// drop forgets the present snapshot.
func (s *source) drop() {
	if s.expire != nil {
		s.expire.Stop()
	}
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
	s.id, s.file, s.expire = 0, nil, nil
}

func (s *source) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
}

// transfer is one snapshot on its way in.
type transfer struct {
	from   func(turn int) paxos.NodeID // whom to ask; empty: nobody can help now
	ask    func(to paxos.NodeID, q paxos.SnapshotQuery)
	chunks chan paxos.SnapshotChunk
	stop   <-chan struct{}
	log    *slog.Logger
}

var errStopped = errors.New("stopped")

// run fetches a snapshot into a file of dir, and returns it, open at its start.
// It goes on until it has one or is stopped.
func (t *transfer) run(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "snapshot-in-*")
	if err != nil {
		return nil, err
	}
	for turn := 0; ; turn++ {
		done, err := t.fetch(file, turn)
		if err == nil && done {
			_, err = file.Seek(0, io.SeekStart)
		}
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
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
	reported := time.Now()
	for next, tries := uint64(0), 0; tries < snapshotGiveUp; tries++ {
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
		got, tries = chunk, 0
		next += uint64(len(chunk.Data))
		if next >= chunk.Total {
			t.log.Info("snapshot received", "from", to, "bytes", chunk.Total, "slot", uint64(chunk.Applied))
			return true, nil
		}
		if time.Since(reported) > snapshotReport {
			reported = time.Now()
			t.log.Info("receiving a snapshot", "from", to, "bytes", next, "of", chunk.Total,
				"percent", fmt.Sprintf("%.0f", 100*float64(next)/float64(chunk.Total)))
		}
	}
	return false, nil
}

// await asks for a chunk and waits for it; ok is false when it did not come.
func (t *transfer) await(to paxos.NodeID, q paxos.SnapshotQuery) (chunk paxos.SnapshotChunk, ok bool, err error) {
	t.ask(to, q)
	timeout := time.NewTimer(snapshotRetry)
	if q.ID == 0 {
		timeout.Reset(10 * snapshotRetry) // it has to be made first
	}
	defer timeout.Stop()
	for {
		select {
		case <-t.stop:
			return chunk, false, errStopped
		case <-timeout.C:
			return chunk, false, nil
		case c := <-t.chunks:
			if c.ID == 0 || (c.Offset == q.Offset && (c.ID == q.ID || q.ID == 0)) {
				return c, true, nil
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
			_ = os.Remove(f)
		}
	}
}
