package storagetest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Kind says what a call on the file system does.
type Kind string

// The kinds of calls.
const (
	Create  Kind = "create" // or open for writing
	Open    Kind = "open"   // for reading
	Remove  Kind = "remove"
	Rename  Kind = "rename" // or reuse
	Mkdir   Kind = "mkdir"
	Lock    Kind = "lock"
	List    Kind = "list"
	Stat    Kind = "stat"
	Usage   Kind = "usage" // free space
	Read    Kind = "read"
	Write   Kind = "write"
	Sync    Kind = "sync"
	SyncDir Kind = "sync directory"
	Close   Kind = "close"
)

// Op is one call on a Disk.
type Op struct {
	N    int // counts the calls of this Disk from 1
	Kind Kind
	Path string
}

// Changes reports whether o may change what is on the disk or what survives a
// power loss.
func (o Op) Changes() bool {
	return slices.Contains([]Kind{Create, Remove, Rename, Mkdir, Write, Sync, SyncDir}, o.Kind)
}

func (o Op) String() string { return fmt.Sprintf("call %d, %s %s", o.N, o.Kind, o.Path) }

// Disk is a file system in memory. It is safe for concurrent use.
type Disk struct {
	mem *vfs.MemFS

	mu     sync.Mutex
	before func(Op) error
	calls  int
	quota  int64 // bytes that may still be written; negative: no limit
	hung   chan struct{}
}

// NewDisk is an empty disk without faults.
func NewDisk() *Disk { return &Disk{mem: vfs.NewCrashableMem(), quota: -1} }

// FS is the disk for storage.Options.FS.
func (d *Disk) FS() vfs.FS { return &faultFS{FS: d.mem, disk: d} }

// Restarted is the disk for a process that follows one that was killed: nobody holds a lock,
// and what was written and not synced is still to be read.
func (d *Disk) Restarted() vfs.FS { return restarted{d.FS()} }

type restarted struct{ vfs.FS }

func (restarted) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Unwrap is nil, as faultFS's.
func (restarted) Unwrap() vfs.FS { return nil }

// Before has f called before each call on the disk, by whichever goroutine makes
// the call; nil ends that. The call is not done, and fails, if f returns an error.
// f may use d's methods.
func (d *Disk) Before(f func(Op) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = f
}

// Calls is how many calls there were.
func (d *Disk) Calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// FailAt makes the n-th call from now fail with err, once. It returns a function
// that says which call that was; its N is 0 as long as there was none.
func (d *Disk) FailAt(n int, err error) func() Op {
	var mu sync.Mutex
	var hit Op
	at := d.Calls() + n
	d.Before(func(o Op) error {
		mu.Lock()
		defer mu.Unlock()
		if o.N != at {
			return nil
		}
		hit = o
		return err
	})
	return func() Op {
		mu.Lock()
		defer mu.Unlock()
		return hit
	}
}

// Fill leaves room for this many more bytes: the write that would take more
// writes what fits and fails with ENOSPC, and all later ones fail. A negative
// number makes room for all.
func (d *Disk) Fill(room int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.quota = room
}

// HangSyncs makes every sync wait until release is called.
func (d *Disk) HangSyncs() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	hung := make(chan struct{})
	d.hung = hung
	return sync.OnceFunc(func() {
		d.mu.Lock()
		d.hung = nil
		d.mu.Unlock()
		close(hung)
	})
}

// Crash is the disk as a power loss at this moment would leave it: all that was
// synced, and of the rest each block of 4 KiB and each name with a probability of
// percent, drawn from seed. d goes on as if nothing had happened. It must not be
// called from within a call on d other than by the function given to Before.
func (d *Disk) Crash(percent int, seed uint64) *Disk {
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 0))}
	return &Disk{mem: d.mem.CrashClone(cfg), quota: -1}
}

// Files are the paths of all files that are not empty, in order.
func (d *Disk) Files() []string {
	var files []string
	d.walk("/", func(path string, size int64) {
		if size > 0 {
			files = append(files, path)
		}
	})
	slices.Sort(files)
	return files
}

func (d *Disk) walk(dir string, file func(path string, size int64)) {
	names, err := d.mem.List(dir)
	if err != nil {
		return
	}
	for _, name := range names {
		path := d.mem.PathJoin(dir, name)
		info, err := d.mem.Stat(path)
		switch {
		case err != nil: // removed just now
		case info.IsDir():
			d.walk(path, file)
		default:
			file(path, info.Size())
		}
	}
}

// Bytes are the bytes of the file at path: writing to them changes the file, as
// read from now on. It is nil if there is no such file. Nobody may be writing the
// file at the time.
func (d *Disk) Bytes(path string) []byte {
	b, err := d.mem.UnsafeGetFileDataBuffer(path)
	if err != nil {
		return nil
	}
	return b
}

// Put makes a file of these bytes and the directories above it, all synced.
func (d *Disk) Put(path string, data []byte) error {
	dir := path[:strings.LastIndex(path, "/")+1]
	if err := d.mem.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := d.mem.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := f.Write(slices.Clone(data)); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return d.syncNames(path)
}

// syncNames makes the names of path and of the directories above it durable.
func (d *Disk) syncNames(path string) error {
	for path != "/" {
		path = d.mem.PathDir(path)
		dir, err := d.mem.OpenDir(path)
		if err != nil {
			return err
		}
		if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
			return err
		}
	}
	return nil
}

// call is passed before every call.
func (d *Disk) call(kind Kind, path string) error {
	d.mu.Lock()
	d.calls++
	op, before := Op{N: d.calls, Kind: kind, Path: path}, d.before
	hung := d.hung
	d.mu.Unlock()
	if before != nil {
		if err := before(op); err != nil {
			return err
		}
	}
	if hung != nil && (kind == Sync || kind == SyncDir) {
		<-hung
	}
	return nil
}

// take is how many of n bytes may be written.
func (d *Disk) take(n int) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.quota < 0 || int64(n) <= d.quota {
		d.quota -= min(int64(n), max(d.quota, 0))
		return n, nil
	}
	fits := int(d.quota)
	d.quota = 0
	return fits, syscall.ENOSPC
}

// Used is how many bytes all files take.
func (d *Disk) Used() int64 {
	var used int64
	d.walk("/", func(_ string, size int64) { used += size })
	return used
}
