package storage

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/synod-paxos/synod/internal/guard"
	"github.com/synod-paxos/synod/paxos"
)

// Acceptor is one acceptor's durable memory. Append is called by one goroutine at
// a time; all other methods may be called by any, at any time before Close.
type Acceptor struct {
	options  Options
	dir      *Dir
	halt     *guard.Halt
	failed   chan error // gets the first failure
	counters counters

	disk    vfs.FS    // the directory's file system, timed
	watch   io.Closer // ends the timing; may be nil
	cover   *cover
	index   index
	newest  uint64 // number of the newest segment
	log     logWriter
	spares  spares
	loaded  paxos.AcceptorState
	space   space
	trimmed atomic.Uint64 // the durable trim point
	stage   stage
	commits chan struct{} // the stage is full: commit it
	results chan error    // of each commit
	ended   chan struct{} // closed when no commit is under way, nor will be

	dropping sync.Mutex  // held while segments are dropped; and, from Close on, for good
	timing   sync.Mutex  // guards the next three
	timer    *time.Timer // runs until the cover is written; nil when all is covered
	since    time.Time   // when the first Append ended that is not covered
	latest   time.Time   // and the last
	closed   atomic.Bool
}

// OpenAcceptor opens the data directory of acceptor id, and makes it if dir is
// missing or empty. All that was ever appended is there: the boot number is
// raised, durably, once that is known. It reads the whole log.
//
// Its errors are those of OpenLearnerDir. None of them loses anything: opening
// again, once the reason is gone, finds all that was there. After an error of the
// disk the directory may stay locked until the process ends.
func OpenAcceptor(dir string, id paxos.NodeID, o Options) (*Acceptor, error) {
	a := &Acceptor{
		options: o.withDefaults(), failed: make(chan error, 1),
		commits: make(chan struct{}), results: make(chan error, 1), ended: make(chan struct{}),
	}
	a.index.every = max(1, int64(a.options.Segment)/placesPerSegment)
	a.halt = newHalt(a.options.Log, a.failed)
	a.disk, a.watch = a.watchDisk()
	under := a.options
	under.FS = a.disk
	d, err := openDir(dir, paxos.AcceptorRole, id, under)
	if err != nil {
		return nil, errors.Join(err, a.stopWatch())
	}
	a.dir = d
	go a.commitLoop()
	if err := a.open(); err != nil {
		return nil, errors.Join(err, a.giveUp())
	}
	return a, nil
}

// newHalt returns a halt that logs the first failure and hands it to failed, which has
// room for it.
func newHalt(log *slog.Logger, failed chan<- error) *guard.Halt {
	return guard.NewHalt(func(err error) {
		failed <- err
		log.Error("storage failed", "err", err)
	})
}

// giveUp closes what a failed opening opened.
func (a *Acceptor) giveUp() error {
	if err := a.stop(a.release); err != a.halt.Cause() {
		return err
	}
	return nil // it is why the opening failed
}

// open reads the log, or makes it in a directory that was never opened whole.
func (a *Acceptor) open() error {
	if a.dir.info.Boot == 0 {
		return a.create()
	}
	if err := a.openCover(); err != nil {
		return err
	}
	s, err := a.recoverLog()
	if err != nil {
		return err
	}
	return a.begin(s)
}

func (a *Acceptor) openCover() error {
	c, err := openCover(a.disk, a.dir.file(coverName), a.dir.info.Disk)
	if err != nil {
		return err
	}
	if a.options.HungAfter > 0 {
		c.watch = a.watchCall
	}
	a.cover = c
	return nil
}

// create makes an empty log. What an unfinished making left is removed: nothing
// was ever answered from it, since the boot number is raised last.
func (a *Acceptor) create() error {
	if err := a.disk.RemoveAll(a.votesPath()); err != nil {
		return wrap("create", a.votesPath(), err)
	}
	if err := makeDir(a.disk, a.votesPath()); err != nil {
		return wrap("create", a.votesPath(), err)
	}
	if err := createCover(a.disk, a.dir.file(coverName), a.dir.info.Disk, paxos.UUID(uuid.New())); err != nil {
		return err
	}
	if err := a.openCover(); err != nil {
		return err
	}
	return a.begin(state{})
}

// begin goes on from s in a segment of its own, and raises the boot number.
func (a *Acceptor) begin(s state) error {
	a.loaded = s.AcceptorState
	s.boot = a.dir.info.Boot
	a.stage.state = s
	a.cover.opened(s.boot + 1)
	if err := a.stage.fill(a.nextSegment(), nil); err != nil {
		return wrap("open", a.votesPath(), err)
	}
	if err := a.settle(); err != nil {
		return err
	}
	if err := a.dir.raiseBoot(); err != nil {
		return err
	}
	a.stage.state.boot = a.dir.info.Boot
	return nil
}

// Disk is the disk incarnation: a UUID made with the directory.
func (a *Acceptor) Disk() paxos.UUID { return a.dir.info.Disk }

// Boot is how often the directory was opened, this time included.
func (a *Acceptor) Boot() uint64 { return a.dir.info.Boot }

// State is what the directory held when it was opened.
func (a *Acceptor) State() paxos.AcceptorState { return a.loaded }

// Failed yields the first failure, once, when there is one. It may be one that
// no call has met: a cover that could not be written, a disk that hangs. The
// process should stop.
func (a *Acceptor) Failed() <-chan error { return a.failed }

func (a *Acceptor) votesPath() string { return a.dir.file(votesName) }

func (a *Acceptor) stopWatch() error {
	if a.watch == nil {
		return nil
	}
	return a.watch.Close()
}

// release closes what open opened, as far as it got; after a change that failed only what
// does not matter.
func (a *Acceptor) release() error {
	if a.halt.IsStuck() {
		return a.stopWatch()
	}
	var errs []error
	if a.log.file != nil {
		errs = append(errs, wrap("close", a.log.segment.path, a.log.file.Close()))
	}
	if a.cover != nil {
		errs = append(errs, a.cover.close())
	}
	return errors.Join(append(errs, a.dir.Close(), a.stopWatch())...)
}
