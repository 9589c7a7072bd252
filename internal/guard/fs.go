package guard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/internal/gentle"
)

// FS is a file system as a database sees it: a change that fails does not return, nor
// does any after it. A read that fails halts the database (see [Halt.FailRead]).
type FS struct {
	vfs.FS
	Halt *Halt
	Wrap func(op, path string, err error) error // says what failed, and where
}

// change does one change of the directory. It does not return if the change fails,
// nor after another one failed.
func (g *FS) change(op, path string, do func() error) {
	g.Halt.Gate()
	if err := do(); err != nil {
		g.Halt.Hold(g.Wrap(op, path, err))
	}
}

// look halts the database because of err, if it is one. What is missing or at its end
// is no failure: the database knows what should be there.
func (g *FS) look(op, path string, err error) error {
	if err == nil || err == io.EOF || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return g.Halt.FailRead(g.Wrap(op, path, err))
}

func (g *FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open("create", name, func() (vfs.File, error) { return g.FS.Create(name, category) })
}

func (g *FS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open("reuse", newname, func() (vfs.File, error) { return g.FS.ReuseForWrite(oldname, newname, category) })
}

func (g *FS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return g.open("open", name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, category, opts...) })
}

func (g *FS) open(op, name string, do func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	g.change(op, name, func() (err error) {
		f, err = do()
		return err
	})
	opened := &file{File: f, fs: g, path: name, written: true}
	if gentle.IsTable(name) {
		return gentle.Table(opened), nil // gives way before the gate, not behind it
	}
	return opened, nil
}

func (g *FS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err := g.look("open", name, err); err != nil {
		return nil, err
	}
	return &file{File: f, fs: g, path: name}, nil
}

func (g *FS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.Open(name)
	if err := g.look("open", name, err); err != nil {
		return nil, err
	}
	opened := &file{File: f, fs: g, path: name}
	for _, opt := range opts {
		opt.Apply(opened)
	}
	return opened, nil
}

func (g *FS) List(dir string) ([]string, error) {
	names, err := g.FS.List(dir)
	return names, g.look("list", dir, err)
}

func (g *FS) Stat(name string) (vfs.FileInfo, error) {
	info, err := g.FS.Stat(name)
	return info, g.look("stat", name, err)
}

// Remove says so when there is nothing to remove.
func (g *FS) Remove(name string) (err error) {
	g.change("remove", name, func() error {
		if err = g.FS.Remove(name); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return err
}

func (g *FS) RemoveAll(name string) error {
	g.change("remove", name, func() error { return g.FS.RemoveAll(name) })
	return nil
}

func (g *FS) Rename(oldname, newname string) error {
	g.change("rename", oldname, func() error { return g.FS.Rename(oldname, newname) })
	return nil
}

// Link may fail, for want of a file system that can or because the new name is there: the
// database copies then, or says why not.
func (g *FS) Link(oldname, newname string) (err error) {
	g.change("link", newname, func() error {
		err = g.FS.Link(oldname, newname)
		return nil
	})
	return err
}

func (g *FS) MkdirAll(dir string, perm fs.FileMode) error {
	g.change("mkdir", dir, func() error { return g.FS.MkdirAll(dir, perm) })
	return nil
}

// Unwrap is nil: what lies below must not be reached around the guard.
func (g *FS) Unwrap() vfs.FS { return nil }

// file is a file or a directory that the database has open.
type file struct {
	vfs.File
	fs      *FS
	path    string
	written bool // opened for writing
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	return n, f.fs.look("read", f.path, err)
}

// ReadAt fails where the file ends too soon: the database asks for what it once wrote.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: it ends before byte %d", pebble.ErrCorruption, off+int64(len(p)))
	}
	return n, f.fs.look("read", f.path, err)
}

func (f *file) Write(p []byte) (int, error) {
	f.fs.change("write", f.path, func() error {
		n, err := f.File.Write(p)
		if err == nil && n < len(p) {
			err = fmt.Errorf("wrote %d of %d bytes", n, len(p))
		}
		return err
	})
	return len(p), nil
}

// errWriteAt is a write that who follows what is written cannot follow. A database that
// writes each file from its first byte to its last does none.
var errWriteAt = errors.New("a write in the middle of a file")

func (f *file) WriteAt([]byte, int64) (int, error) {
	f.fs.change("write", f.path, func() error { return errWriteAt })
	return 0, errWriteAt
}

func (f *file) Sync() error {
	f.fs.change("sync", f.path, f.File.Sync)
	return nil
}

func (f *file) SyncData() error {
	f.fs.change("sync", f.path, f.File.SyncData)
	return nil
}

func (f *file) SyncTo(length int64) (full bool, err error) {
	f.fs.change("sync", f.path, func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, nil
}

// Close is a change where the file was written: some file systems report a failed
// write only then.
func (f *file) Close() error {
	if !f.written {
		return f.fs.look("close", f.path, f.File.Close())
	}
	f.fs.change("close", f.path, f.File.Close)
	return nil
}

// Stat is asked of a new log while the database cannot go back.
func (f *file) Stat() (info vfs.FileInfo, err error) {
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
