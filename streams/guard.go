package streams

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A failureReport holds the first thing that was wrong with the disk of one database.
//
// When a change of the directory fails, whoever made it, or makes one later, is held
// for good. The database must not hear of such an error: it would try again, panic
// while it holds locks, or go on. So it is left as it stands until the process ends,
// and what is done with it meanwhile is done by [attempt], which does not wait for it.
type failureReport struct {
	dir   string
	log   *slog.Logger
	tell  func(error)
	once  sync.Once
	first atomic.Pointer[error]
	jam   sync.Once
	stuck chan struct{} // closed by the first change that failed

	opening atomic.Bool // a read that fails is treated like a change
}

// open opens the database. What it has begun in the background would not survive that
// it gives up because of a read.
func (f *failureReport) open(o *pebble.Options) (*pebble.DB, error) {
	f.opening.Store(true)
	defer f.opening.Store(false)
	db, err := pebble.Open(f.dir, o)
	if err != nil {
		return nil, fmt.Errorf("streams: open %s: %w", f.dir, err)
	}
	return db, nil
}

func newFailure(h *home, name string, o Options) *failureReport {
	return &failureReport{dir: o.FS.PathJoin(h.dir, name), log: o.Logger, tell: o.Failed, stuck: make(chan struct{})}
}

func (f *failureReport) report(err error) {
	f.once.Do(func() {
		err = fmt.Errorf("streams: database in %s: %w", f.dir, err)
		f.log.Error(err.Error())
		f.first.Store(&err)
		if f.tell != nil {
			f.tell(err)
		}
	})
}

func (f *failureReport) reason() error {
	if p := f.first.Load(); p != nil {
		return *p
	}
	return nil
}

// block reports err and leaves the database as it stands.
func (f *failureReport) block(err error) {
	f.report(err)
	f.jam.Do(func() { close(f.stuck) })
}

// hold is block, and never returns.
func (f *failureReport) hold(err error) {
	f.block(err)
	select {}
}

// held reports whether the database is left as it stands.
func (f *failureReport) held() bool {
	select {
	case <-f.stuck:
		return true
	default:
		return false
	}
}

// events tells what happens inside the database.
func (f *failureReport) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: f.report,
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			f.report(fmt.Errorf("damaged file %s: %w", i.Path, i.Details))
		},
	}
}

// attempt does what may be held, in a goroutine of its own, and returns what comes of
// it; or the failure, as soon as somebody is held. A panic is a failure: who knows what
// the database has locked.
func attempt[T any](f *failureReport, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case error:
				f.block(fmt.Errorf("panic: %w\n%s", p, debug.Stack()))
			default:
				f.block(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-f.stuck:
		var none T
		return none, f.reason()
	}
}

// do is attempt for what has no result.
func (f *failureReport) do(do func() error) error {
	_, err := attempt(f, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// guardFS is the file system as the database sees it: a change that fails does not
// return, nor does any after it. A read that fails is reported, and does not return
// while the database opens.
type guardFS struct {
	vfs.FS
	failure *failureReport
}

// change does one change of the directory.
func (g guardFS) change(op, path string, do func() error) {
	if g.failure.held() {
		select {}
	}
	if err := do(); err != nil {
		g.failure.hold(fmt.Errorf("%s %s: %w", op, path, err))
	}
}

// look reports err, if it is one. What is missing or at its end is no failure: the
// database knows what should be there.
func (g guardFS) look(op, path string, err error) error {
	if err == nil || err == io.EOF || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if g.failure.opening.Load() {
		g.failure.hold(fmt.Errorf("%s %s: %w", op, path, err))
	}
	g.failure.report(fmt.Errorf("%s %s: %w", op, path, err))
	return err
}

func (g guardFS) open(op, name string, do func() (vfs.File, error)) (f vfs.File, err error) {
	g.change(op, name, func() (err error) {
		f, err = do()
		return err
	})
	return &guardFile{File: f, fs: g, path: name, written: true}, nil
}

func (g guardFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open("create", name, func() (vfs.File, error) { return g.FS.Create(name, c) })
}

func (g guardFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open("reuse", newname, func() (vfs.File, error) { return g.FS.ReuseForWrite(oldname, newname, c) })
}

func (g guardFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return g.open("open", name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c, opts...) })
}

func (g guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err := g.look("open", name, err); err != nil {
		return nil, err
	}
	return &guardFile{File: f, fs: g, path: name}, nil
}

func (g guardFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.Open(name)
	if err := g.look("open", name, err); err != nil {
		return nil, err
	}
	file := &guardFile{File: f, fs: g, path: name}
	for _, opt := range opts {
		opt.Apply(file)
	}
	return file, nil
}

func (g guardFS) List(dir string) ([]string, error) {
	names, err := g.FS.List(dir)
	return names, g.look("list", dir, err)
}

func (g guardFS) Stat(name string) (vfs.FileInfo, error) {
	info, err := g.FS.Stat(name)
	return info, g.look("stat", name, err)
}

func (g guardFS) Remove(name string) (err error) {
	g.change("remove", name, func() error {
		if err = g.FS.Remove(name); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return err
}

func (g guardFS) RemoveAll(name string) error {
	g.change("remove", name, func() error { return g.FS.RemoveAll(name) })
	return nil
}

func (g guardFS) Rename(oldname, newname string) error {
	g.change("rename", oldname, func() error { return g.FS.Rename(oldname, newname) })
	return nil
}

// Link may fail for want of a file system that can, or because the new name is there.
func (g guardFS) Link(oldname, newname string) error { return g.FS.Link(oldname, newname) }

func (g guardFS) MkdirAll(dir string, perm fs.FileMode) error {
	g.change("mkdir", dir, func() error { return g.FS.MkdirAll(dir, perm) })
	return nil
}

// Unwrap is nil: what lies below must not be reached around the guard.
func (g guardFS) Unwrap() vfs.FS { return nil }

// guardFile is a file or a directory that the database has open.
type guardFile struct {
	vfs.File
	fs      guardFS
	path    string
	written bool // opened for writing
}

func (f *guardFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	return n, f.fs.look("read", f.path, err)
}

func (f *guardFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	return n, f.fs.look("read", f.path, err)
}

func (f *guardFile) Write(p []byte) (n int, err error) {
	f.fs.change("write", f.path, func() (err error) {
		n, err = f.File.Write(p)
		return err
	})
	return n, nil
}

func (f *guardFile) WriteAt(p []byte, off int64) (n int, err error) {
	f.fs.change("write", f.path, func() (err error) {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, nil
}

func (f *guardFile) Sync() error {
	f.fs.change("sync", f.path, f.File.Sync)
	return nil
}

func (f *guardFile) SyncData() error {
	f.fs.change("sync", f.path, f.File.SyncData)
	return nil
}

func (f *guardFile) SyncTo(length int64) (full bool, err error) {
	f.fs.change("sync", f.path, func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, nil
}

// Close is a change where the file was written: some file systems report a failed
// write only then.
func (f *guardFile) Close() error {
	if !f.written {
		return f.fs.look("close", f.path, f.File.Close())
	}
	f.fs.change("close", f.path, f.File.Close)
	return nil
}

// Stat is asked of a new log while the database cannot go back.
func (f *guardFile) Stat() (info vfs.FileInfo, err error) {
	if !f.written {
		info, err = f.File.Stat()
		return info, f.fs.look("stat", f.path, err)
	}
	f.fs.change("stat", f.path, func() (err error) {
		info, err = f.File.Stat()
		return err
	})
	return info, nil
}
