package actors

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/synod-paxos/synod/internal/gentle"
	"github.com/synod-paxos/synod/paxos"
)

// A learner that is too far behind to learn from the acceptors, who have trimmed
// what it lacks, installs a snapshot of a fellow learner's state.

const (
	snapshotKeep   = time.Minute     // how long a snapshot is kept after its last use
	snapshotReport = 5 * time.Second // between two lines of progress in the log
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

// install fetches a snapshot and gives it to the state machine when the role can
// no longer learn what it lacks.
func (l *learner) install(now paxos.Now) {
	if l.transfer != nil || l.config.Snapshots == nil || !l.role.NeedsSnapshot() || l.role.SnapshotFrom(now, 0) == "" {
		return
	}
	l.config.Log.Info("too far behind: installing a snapshot", "applied", uint64(l.position.Applied))
	shown := &progressLog{log: l.config.Log, newest: &l.progress, last: time.Now()}
	t := NewTransfer(l.stop, l.askSnapshot, l.hears, shown.tell)
	l.transfer = t
	l.spawn(func() {
		file, err := t.intoFile(l.config.Dir, l.snapshotFrom, l.config.Log)
		if errors.Is(err, ErrStopped) {
			return
		}
		if err != nil {
			l.handle.fail(fmt.Errorf("receive a snapshot: %w", err))
			return
		}
		l.applier.between(func() error { return l.take(file, shown) })
	})
}

// take installs the snapshot in file. A snapshot that is damaged is dropped, and
// asked for again.
func (l *learner) take(file *os.File, shown *progressLog) error {
	defer gentle.RemoveAll(file.Name()) // before the learner catches up: both at once are too much for a disk
	defer file.Close()
	in, err := newInstalled(file, shown)
	if err == nil {
		err = l.config.Snapshots.Install(in)
	}
	l.handle.call(func() {
		l.transfer = nil
		l.progress.Store(nil)
		now := l.config.Clock.Now()
		l.position = l.config.Machine.Position()
		l.role.Installed(now, l.position, &l.out)
		if err == nil {
			l.config.Log.Info("snapshot installed", "applied", uint64(l.position.Applied))
		}
	})
	if errors.Is(err, ErrBadSnapshot) {
		l.config.Log.Error("the snapshot is damaged; asking for another", "err", err)
		return nil
	}
	return err
}

// ErrBadSnapshot is matched by an error of Machine.Install that left the state as
// it was: another snapshot may do.
var ErrBadSnapshot = errors.New("damaged snapshot")

// snapshotFrom, hears and askSnapshot are called by the transfer's goroutine.
func (l *learner) snapshotFrom(turn int) (id paxos.NodeID) {
	l.handle.ask(func() { id = l.role.SnapshotFrom(l.config.Clock.Now(), turn) })
	return id
}

func (l *learner) hears(id paxos.NodeID) bool {
	there := true
	l.handle.ask(func() { there = slices.Contains(l.role.Fellows(l.config.Clock.Now()), id) })
	return there
}

func (l *learner) askSnapshot(to paxos.NodeID, q paxos.SnapshotQuery) {
	l.handle.call(func() { l.role.Tell(to, q, &l.out) })
}

func (l *learner) receive(e paxos.Envelope, chunk paxos.SnapshotChunk) {
	g := l.role.Genesis()
	if g == nil || e.Cluster != g.Cluster || e.To != l.config.Self.ID || l.transfer == nil {
		return
	}
	l.transfer.Receive(e.From.ID, chunk)
}

// progressLog shows how far a snapshot is: the newest to whoever asks, and now and then
// a line in the log.
type progressLog struct {
	log    *slog.Logger
	newest *atomic.Pointer[Progress]
	last   time.Time // when a line was logged, or it began
}

func (p *progressLog) tell(at Progress) {
	p.newest.Store(&at)
	if time.Since(p.last) > snapshotReport {
		p.last = time.Now()
		p.log.Info(string(at.Stage)+" a snapshot", "from", at.From, "bytes", at.Done, "of", at.Of)
	}
}

// installed tells how much of a snapshot is installed while it is read.
type installed struct {
	io.Reader
	at    Progress
	shown *progressLog
}

func newInstalled(file *os.File, shown *progressLog) (*installed, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	in := &installed{Reader: file, shown: shown, at: Progress{Stage: Installing, Of: uint64(info.Size())}}
	if p := shown.newest.Load(); p != nil {
		in.at.From = p.From
	}
	return in, nil
}

func (r *installed) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.at.Done += uint64(n)
	r.shown.tell(r.at)
	return n, err
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
