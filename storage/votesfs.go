package storage

import (
	"fmt"
	"hash/crc32"
	"io/fs"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/internal/gentle"
)

// votesFS is the file system below the guard: what is synced to the logs and manifests
// is noted in the cover, and only their owner can read files.
type votesFS struct {
	vfs.FS
	cover *cover
	ahead int64 // bytes of zeros that are kept ahead of a log's end
	last  atomic.Pointer[string]
}

func (v *votesFS) Unwrap() vfs.FS { return v.FS }

// lastOpened is the file last opened for reading: what Pebble cannot make sense of
// while it opens is in there.
func (v *votesFS) lastOpened() string {
	if name := v.last.Load(); name != nil {
		return *name
	}
	return ""
}

func (v *votesFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	v.last.Store(&name)
	return v.FS.Open(name, opts...)
}

// Create first covers the log before a new one: it is complete.
func (v *votesFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := v.beforeLog(name); err != nil {
		return nil, err
	}
	f, err := v.FS.Create(name, category)
	return v.begun(name, f, err)
}

// ReuseForWrite makes the new log oldname out of an obsolete one.
func (v *votesFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	v.cover.forget(v.PathBase(oldname))
	if err := v.beforeLog(newname); err != nil {
		return nil, err
	}
	f, err := v.FS.ReuseForWrite(oldname, newname, category)
	return v.begun(newname, f, err)
}

func (v *votesFS) beforeLog(name string) error {
	if n, ok := parseCovered(v.PathBase(name)); !ok || n.kind != logFile {
		return nil
	}
	return v.cover.write()
}

// begun is the file f that Pebble will write.
func (v *votesFS) begun(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	if err := restrict(f); err != nil {
		return nil, err
	}
	covered, ok := parseCovered(v.PathBase(name))
	if !ok {
		return f, nil
	}
	file := &coveredFile{File: f, fs: v, path: name, name: covered}
	if info, err := f.Stat(); err == nil {
		file.filled = info.Size()
	}
	return file, nil
}

// Remove first takes a covered file off the cover, durably: one that is missing
// without that was lost.
func (v *votesFS) Remove(name string) error {
	if v.cover.forget(v.PathBase(name)) {
		if err := v.cover.write(); err != nil {
			return err
		}
	}
	return gentle.Remove(v.FS, name)
}

func (v *votesFS) MkdirAll(dir string, perm fs.FileMode) error {
	return v.FS.MkdirAll(dir, min(perm, dirMode))
}

// coveredFile is a log or a manifest that Pebble writes from its first byte to its last.
// One goroutine at a time writes and syncs it.
type coveredFile struct {
	vfs.File
	fs     *votesFS
	path   string
	name   coveredName
	length int64  // bytes written
	crc    uint32 // of them
	synced int64  // of them, durable
	filled int64  // bytes that the file has on the disk, zeros and old bytes included
}

func (f *coveredFile) Write(p []byte) (int, error) {
	f.crc = crc32.Update(f.crc, castagnoli, p) // before Write, which may change p
	n, err := f.File.Write(p)
	f.length += int64(n)
	return n, err
}

func (f *coveredFile) Sync() error { return f.sync(f.File.Sync) }

func (f *coveredFile) SyncData() error { return f.sync(f.File.SyncData) }

// sync syncs the file and notes that all bytes so far are durable. A manifest's
// are covered at once: as soon as its sync returns, Pebble removes what it makes
// obsolete. A log's are covered when the Append that waits for them is.
//
// The name of a new manifest is made durable too: Pebble next creates the marker
// that points to it, and a power loss might keep the marker and not the manifest.
func (f *coveredFile) sync(do func() error) error {
	if f.name.kind == logFile {
		if err := f.fill(); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	first := f.synced == 0
	f.synced = f.length
	f.fs.cover.note(f.name, extent{length: f.length, crc: f.crc})
	if f.name.kind == logFile {
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
func (f *coveredFile) fill() error {
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
