package storage

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/internal/gentle"
)

// guardFS is the file system as Pebble sees it. The first call that fails halts the
// store, and what is synced to the logs and manifests is noted in the cover.
type guardFS struct {
	vfs.FS
	halt  *halt
	cover *cover
	ahead int64 // bytes of zeros that are kept ahead of a log's end
	last  atomic.Pointer[string]
}

// lastOpened is the file last opened for reading: what Pebble cannot make sense of
// while it opens is in there.
func (g *guardFS) lastOpened() string {
	if name := g.last.Load(); name != nil {
		return *name
	}
	return ""
}

// change does one change of the directory. It does not return if the change fails,
// nor after another one failed.
func (g *guardFS) change(op, path string, do func() error) {
	g.halt.gate()
	if err := do(); err != nil {
		g.halt.hold(wrap(op, path, err))
	}
}

// look halts the store because of err, if it is one. What is missing or at its end
// is no failure: Pebble knows what should be there.
func (g *guardFS) look(op, path string, err error) error {
	if err == nil || err == io.EOF || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return g.halt.failRead(wrap(op, path, err))
}

// Create first covers the log before a new one: it is complete.
func (g *guardFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open("create", name, func() (vfs.File, error) {
		if err := g.beforeLog(name); err != nil {
			return nil, err
		}
		f, err := g.FS.Create(name, category)
		if err != nil {
			return nil, err
		}
		return f, restrict(f)
	})
}

// ReuseForWrite makes the new log oldname out of an obsolete one.
func (g *guardFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open("reuse", newname, func() (vfs.File, error) {
		g.cover.forget(g.PathBase(oldname))
		if err := g.beforeLog(newname); err != nil {
			return nil, err
		}
		f, err := g.FS.ReuseForWrite(oldname, newname, category)
		if err != nil {
			return nil, err
		}
		return f, restrict(f)
	})
}

func (g *guardFS) beforeLog(name string) error {
	if n, ok := parseCovered(g.PathBase(name)); !ok || n.kind != logFile {
		return nil
	}
	return g.cover.write()
}

func (g *guardFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return g.open("open", name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, category, opts...) })
}

func (g *guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err := g.look("open", name, err); err != nil {
		return nil, err
	}
	return &guardDir{File: f, fs: g, path: name}, nil
}

func (g *guardFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	g.last.Store(&name)
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

func (g *guardFS) List(dir string) ([]string, error) {
	names, err := g.FS.List(dir)
	return names, g.look("list", dir, err)
}

func (g *guardFS) Stat(name string) (vfs.FileInfo, error) {
	info, err := g.FS.Stat(name)
	return info, g.look("stat", name, err)
}

func (g *guardFS) open(op, name string, do func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	g.change(op, name, func() (err error) {
		f, err = do()
		return err
	})
	file := &guardFile{File: f, fs: g, path: name, written: true}
	file.covered, _ = parseCovered(g.PathBase(name))
	if info, err := f.Stat(); err == nil {
		file.filled = info.Size()
	}
	if gentle.IsTable(name) {
		return gentle.Table(file), nil // gives way before the gate, not behind it
	}
	return file, nil
}

// Remove first takes a covered file off the cover, durably: one that is missing
// without that was lost. What is not there need not be removed.
func (g *guardFS) Remove(name string) (err error) {
	g.change("remove", name, func() error {
		if g.cover.forget(g.PathBase(name)) {
			if err := g.cover.write(); err != nil {
				return err
			}
		}
		if err = gentle.Remove(g.FS, name); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return err
}

func (g *guardFS) RemoveAll(name string) error {
	g.change("remove", name, func() error { return g.FS.RemoveAll(name) })
	return nil
}

func (g *guardFS) Rename(oldname, newname string) error {
	g.change("rename", oldname, func() error { return g.FS.Rename(oldname, newname) })
	return nil
}

func (g *guardFS) Link(oldname, newname string) error {
	g.change("link", newname, func() error { return g.FS.Link(oldname, newname) })
	return nil
}

func (g *guardFS) MkdirAll(dir string, perm fs.FileMode) error {
	g.change("mkdir", dir, func() error { return g.FS.MkdirAll(dir, min(perm, dirMode)) })
	return nil
}

// Unwrap is nil: what lies below must not be reached around the guard.
func (g *guardFS) Unwrap() vfs.FS { return nil }

// guardFile is a file that Pebble reads, or writes from its first byte to its last.
// One goroutine at a time writes and syncs it.
type guardFile struct {
	vfs.File
	fs      *guardFS
	path    string
	written bool // opened for writing
	covered coveredName
	length  int64  // bytes written
	crc     uint32 // of them
	synced  int64  // of them, durable
	filled  int64  // bytes that the file has on the disk, zeros and old bytes included
}

func (f *guardFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	return n, f.fs.look("read", f.path, err)
}

// ReadAt fails where the file ends too soon: Pebble asks for what it once wrote.
func (f *guardFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		err = corrupt(f.path, "it ends before byte %d", off+int64(len(p)))
	}
	return n, f.fs.look("read", f.path, err)
}

func (f *guardFile) Write(p []byte) (int, error) {
	f.fs.change("write", f.path, func() error {
		if f.covered.kind != 0 { // before Write, which may change p
			f.crc = crc32.Update(f.crc, castagnoli, p)
		}
		n, err := f.File.Write(p)
		if err == nil && n < len(p) {
			err = fmt.Errorf("wrote %d of %d bytes", n, len(p))
		}
		f.length += int64(n)
		return err
	})
	return len(p), nil
}

// errWriteAt is a write that the cover cannot follow. Pebble does none.
var errWriteAt = errors.New("a write in the middle of a file")

func (f *guardFile) WriteAt([]byte, int64) (int, error) {
	f.fs.change("write", f.path, func() error { return errWriteAt })
	return 0, errWriteAt
}

func (f *guardFile) Sync() error {
	f.fs.change("sync", f.path, func() error { return f.sync(f.File.Sync) })
	return nil
}

func (f *guardFile) SyncData() error {
	f.fs.change("sync", f.path, func() error { return f.sync(f.File.SyncData) })
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

// Stat is asked of a new log while Pebble cannot go back.
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

// sync syncs the file and notes that all bytes so far are durable. A manifest's
// are covered at once: as soon as its sync returns, Pebble removes what it makes
// obsolete. A log's are covered when the Append that waits for them is.
//
// The name of a new manifest is made durable too: Pebble next creates the marker
// that points to it, and a power loss might keep the marker and not the manifest.
func (f *guardFile) sync(do func() error) error {
	if f.covered.kind == logFile {
		if err := f.fill(); err != nil {
			return err
		}
	}
	if err := do(); err != nil || f.covered.kind == 0 {
		return err
	}
	first := f.synced == 0
	f.synced = f.length
	f.fs.cover.note(f.covered, extent{length: f.length, crc: f.crc})
	if f.covered.kind == logFile {
		return nil
	}
	if first {
		if err := syncDir(f.fs.FS, f.fs.PathDir(f.path)); err != nil {
			return err
		}
	}
	return f.fs.cover.write()
}

// zeros are never written to.
var zeros [logAhead]byte

// fill writes zeros ahead of a log's end, so that the next syncs need not make a
// longer file durable: on most file systems that takes twice as long. Groups that
// are large gain nothing, and cost the disk twice their bytes.
func (f *guardFile) fill() error {
	if f.length-f.synced > f.fs.ahead/32 || f.length+f.fs.ahead/8 < f.filled {
		return nil
	}
	from := max(f.filled, f.length)
	if _, err := f.File.WriteAt(zeros[:f.fs.ahead], from); err != nil {
		return err
	}
	f.filled = from + f.fs.ahead
	return nil
}

// guardDir is a directory whose names Pebble makes durable.
type guardDir struct {
	vfs.File
	fs   *guardFS
	path string
}

func (d *guardDir) Sync() error {
	d.fs.change("sync", d.path, d.File.Sync)
	return nil
}

// coveredKind tells the files apart whose synced length is covered.
type coveredKind uint8

const (
	logFile coveredKind = iota + 1
	manifestFile
)

// coveredName is the name of a log or a manifest.
type coveredName struct {
	kind   coveredKind
	number uint64
}

func (n coveredName) String() string {
	if n.kind == manifestFile {
		return fmt.Sprintf("MANIFEST-%06d", n.number)
	}
	return fmt.Sprintf("%06d.log", n.number)
}

// parseCovered reports whether base names a log or a manifest, and which.
func parseCovered(base string) (coveredName, bool) {
	if digits, ok := strings.CutSuffix(base, ".log"); ok {
		n, err := strconv.ParseUint(digits, 10, 64)
		return coveredName{logFile, n}, err == nil
	}
	if digits, ok := strings.CutPrefix(base, "MANIFEST-"); ok {
		n, err := strconv.ParseUint(digits, 10, 64)
		return coveredName{manifestFile, n}, err == nil
	}
	return coveredName{}, false
}
