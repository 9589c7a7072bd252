package storage

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

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
	db      *pebble.DB
	seed    seed
	loaded  paxos.AcceptorState
	space   space
	trimmed atomic.Uint64 // the durable trim point
	reclaim reclaim
	stage   stage
	commits chan struct{} // the stage is full: commit it
	results chan error    // of each commit

	timing sync.Mutex  // guards timer, oldest and newest
	timer  *time.Timer // runs until the cover is written; nil when all is covered
	oldest time.Time   // when the first Append ended that is not covered
	newest time.Time   // and the last
	closed atomic.Bool
}

// OpenAcceptor opens the data directory of acceptor id, and makes it if dir is
// missing or empty. All that was ever appended is there: the boot number is
// raised, durably, once that is known.
//
// Its errors are those of OpenLearnerDir. None of them loses anything: opening
// again, once the reason is gone, finds all that was there. After an error of the
// disk the directory may stay locked until the process ends.
func OpenAcceptor(dir string, id paxos.NodeID, o Options) (*Acceptor, error) {
	a := &Acceptor{options: o.withDefaults(), failed: make(chan error, 1), commits: make(chan struct{}), results: make(chan error, 1)}
	a.halt = newHalt(a.options.Log, a.failed)
	a.disk, a.watch = a.watchDisk()
	under := a.options
	under.FS = a.disk
	d, err := openDir(dir, paxos.AcceptorRole, id, under)
	if err != nil {
		return nil, errors.Join(err, a.stopWatch())
	}
	a.dir, a.seed = d, seedOf(d.info.Disk)
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

// giveUp closes what a failed opening opened. Where Pebble is still at it, that is
// nothing: the lock stays until the process ends.
func (a *Acceptor) giveUp() error {
	if a.halt.IsStuck() {
		return nil
	}
	if a.db == nil {
		return a.release()
	}
	return a.stop()
}

// open reads the store, or makes it in a directory that was never opened whole.
func (a *Acceptor) open() error {
	if a.dir.info.Boot == 0 {
		return a.create()
	}
	if err := a.openCover(); err != nil {
		return err
	}
	if err := a.checkCover(); err != nil {
		return err
	}
	if err := a.openVotes(func(o *pebble.Options) { o.ErrorIfNotExists = true }); err != nil {
		return err
	}
	s, err := a.loadState()
	if err != nil {
		return a.whyUnread(err)
	}
	if err := a.checkState(s); err != nil {
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

// checkCover compares the logs with the cover before Pebble sees them: it would
// take a damaged end for an unfinished write, and delete the rest.
func (a *Acceptor) checkCover() error {
	at, err := pebble.Peek(a.votesPath(), a.disk)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !at.Exists {
		return corrupt(a.votesPath(), "the votes are missing")
	}
	if err != nil {
		return wrap("open", a.votesPath(), err)
	}
	return a.cover.check(a.disk, a.votesPath(), a.disk.PathBase(at.ManifestFilename))
}

// checkState catches what is sound in itself and yet older than it should be.
func (a *Acceptor) checkState(s state) error {
	if s.appends < a.cover.page.appends {
		return corrupt(a.votesPath(), "the last append is number %d, number %d was durable", s.appends, a.cover.page.appends)
	}
	if s.boot > a.dir.info.Boot {
		return corrupt(a.dir.file(identityName), "boot number %d, the votes have seen %d", a.dir.info.Boot, s.boot)
	}
	return nil
}

// create makes an empty store. What an unfinished making left is removed: nothing
// was ever answered from it, since the boot number is raised last.
func (a *Acceptor) create() error {
	if err := a.disk.RemoveAll(a.votesPath()); err != nil {
		return wrap("create", a.votesPath(), err)
	}
	if err := makeDir(a.disk, a.votesPath()); err != nil {
		return wrap("create", a.votesPath(), err)
	}
	if err := createCover(a.disk, a.dir.file(coverName), a.dir.info.Disk); err != nil {
		return err
	}
	if err := a.openCover(); err != nil {
		return err
	}
	if err := a.openVotes(func(o *pebble.Options) { o.ErrorIfExists = true }); err != nil {
		return err
	}
	return a.begin(state{})
}

func (a *Acceptor) openVotes(choose func(*pebble.Options)) error {
	votes := &votesFS{FS: a.disk, cover: a.cover, ahead: min(logAhead, int64(a.options.MemTable)/8)}
	o := a.engineOptions(&guard.FS{FS: votes, Halt: a.halt, Wrap: wrap})
	choose(o)
	db, err := guard.Attempt(a.halt, func() (*pebble.DB, error) { return openPebble(a.votesPath(), o) })
	if err != nil {
		return a.whyUnread(unopened(votes, a.votesPath(), err))
	}
	a.db = db
	go a.commitLoop()
	return a.halt.Cause()
}

// unopened is why Pebble did not open, as far as the disk is not the reason: it
// does not understand a file.
func unopened(votes *votesFS, dir string, err error) error {
	return &Error{Op: "open", Path: cmp.Or(votes.lastOpened(), dir), Kind: cmp.Or(kindOf(err), ErrCorrupt), Err: err}
}

// whyUnread prefers what was seen on the file itself to what Pebble made of it.
func (a *Acceptor) whyUnread(err error) error {
	if cause := a.halt.Cause(); cause != nil {
		return cause
	}
	return err
}

// begin goes on from s: it writes the state record, so that from now on a store
// without one is known to be damaged, and raises the boot number.
func (a *Acceptor) begin(s state) error {
	a.loaded = s.AcceptorState
	s.boot = a.dir.info.Boot
	a.stage = stage{seed: a.seed, batch: a.db.NewBatch(pebble.WithMaxRetainedSizeBytes(batchRetained)), state: s}
	if err := a.stage.fill(nil); err != nil {
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
// no call has met: a table that could not be written, a disk that hangs. The
// process should stop.
func (a *Acceptor) Failed() <-chan error { return a.failed }

func (a *Acceptor) votesPath() string { return a.dir.file(votesName) }

func (a *Acceptor) stopWatch() error {
	if a.watch == nil {
		return nil
	}
	return a.watch.Close()
}

// release closes what open opened, as far as it got.
func (a *Acceptor) release() error {
	var errs []error
	if a.db != nil {
		errs = append(errs, closeEngine(a.db))
	}
	if a.cover != nil {
		errs = append(errs, a.cover.close())
	}
	return errors.Join(append(errs, a.dir.Close(), a.stopWatch())...)
}
