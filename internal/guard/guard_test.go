package guard_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/synod-paxos/synod/internal/guard"
	"github.com/synod-paxos/synod/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const category = vfs.WriteCategoryUnspecified

var errLost = errors.New("lost")

// parked is a halt that ends the goroutine of whoever is held, and counts what it tells.
func parked() (*guard.Halt, *int) {
	told := new(int)
	h := guard.NewHalt(func(error) { *told++ })
	h.Park = runtime.Goexit
	return h, told
}

func guarded(fsys vfs.FS, h *guard.Halt) *guard.FS {
	return &guard.FS{FS: fsys, Halt: h, Wrap: func(op, path string, err error) error {
		return fmt.Errorf("%s %s: %w", op, path, err)
	}}
}

// a lossy file system fails from then on when it is told to, and counts the attempts.
type lossy struct {
	vfs.FS
	lost  error
	calls int
}

func (l *lossy) call() error { l.calls++; return l.lost }

func (l *lossy) open(f vfs.File, err error) (vfs.File, error) {
	return &lossyFile{f, l}, errors.Join(err, l.call())
}

func (l *lossy) Create(n string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return l.open(l.FS.Create(n, c))
}
func (l *lossy) ReuseForWrite(o, n string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return l.open(l.FS.Create(n, c))
}
func (l *lossy) OpenReadWrite(n string, c vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return l.open(l.FS.OpenReadWrite(n, c))
}
func (l *lossy) Open(n string, _ ...vfs.OpenOption) (vfs.File, error) { return l.open(l.FS.Open(n)) }
func (l *lossy) OpenDir(n string) (vfs.File, error)                   { return l.open(l.FS.OpenDir(n)) }
func (l *lossy) List(string) ([]string, error)                        { return nil, l.call() }
func (l *lossy) Stat(string) (vfs.FileInfo, error)                    { return nil, l.call() }
func (l *lossy) Remove(string) error                                  { return l.call() }
func (l *lossy) RemoveAll(string) error                               { return l.call() }
func (l *lossy) Rename(string, string) error                          { return l.call() }
func (l *lossy) Link(string, string) error                            { return l.call() }
func (l *lossy) MkdirAll(string, fs.FileMode) error                   { return l.call() }

type lossyFile struct {
	vfs.File
	fs *lossy
}

func (f *lossyFile) Read([]byte) (int, error)               { return 0, f.fs.call() }
func (f *lossyFile) ReadAt([]byte, int64) (int, error)      { return 0, f.fs.call() }
func (f *lossyFile) Write(p []byte) (int, error)            { return len(p), f.fs.call() }
func (f *lossyFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), f.fs.call() }
func (f *lossyFile) Sync() error                            { return f.fs.call() }
func (f *lossyFile) SyncData() error                        { return f.fs.call() }
func (f *lossyFile) SyncTo(int64) (bool, error)             { return false, f.fs.call() }
func (f *lossyFile) Stat() (vfs.FileInfo, error)            { return nil, f.fs.call() }
func (f *lossyFile) Close() error                           { return errors.Join(f.File.Close(), f.fs.call()) }

// changes is every change of a directory, and whether whoever makes it hears of a failure.
var changes = map[string]func(g *guard.FS, written vfs.File){
	"Create":        func(g *guard.FS, _ vfs.File) { _, _ = g.Create("x", category) },
	"Create table":  func(g *guard.FS, _ vfs.File) { _, _ = g.Create("x.sst", category) },
	"ReuseForWrite": func(g *guard.FS, _ vfs.File) { _, _ = g.ReuseForWrite("x", "y", category) },
	"OpenReadWrite": func(g *guard.FS, _ vfs.File) { _, _ = g.OpenReadWrite("x", category) },
	"Remove":        func(g *guard.FS, _ vfs.File) { _ = g.Remove("x") },
	"RemoveAll":     func(g *guard.FS, _ vfs.File) { _ = g.RemoveAll("x") },
	"Rename":        func(g *guard.FS, _ vfs.File) { _ = g.Rename("x", "y") },
	"MkdirAll":      func(g *guard.FS, _ vfs.File) { _ = g.MkdirAll("x", 0o700) },
	"Write":         func(_ *guard.FS, f vfs.File) { _, _ = f.Write([]byte("four")) },
	"Sync":          func(_ *guard.FS, f vfs.File) { _ = f.Sync() },
	"SyncData":      func(_ *guard.FS, f vfs.File) { _ = f.SyncData() },
	"SyncTo":        func(_ *guard.FS, f vfs.File) { _, _ = f.SyncTo(1) },
	"Stat":          func(_ *guard.FS, f vfs.File) { _, _ = f.Stat() },
	"Close":         func(_ *guard.FS, f vfs.File) { _ = f.Close() },
}

// TestAFailedChangeIsHeld, and each after it, which does not reach the disk.
func TestAFailedChangeIsHeld(t *testing.T) {
	for what, change := range changes {
		h, told := parked()
		disk := &lossy{FS: vfs.NewMem()}
		g := guarded(disk, h)
		file, err := g.Create("file", category)
		if err != nil {
			t.Fatal(err)
		}
		disk.lost = errLost
		if !storagetest.Held(func() { change(g, file) }) || !h.IsStuck() || *told != 1 || !errors.Is(h.Cause(), errLost) {
			t.Errorf("%s: it goes on after a failure, told %d times of %v", what, *told, h.Cause())
		}
		select {
		case <-h.Stopped():
		default:
			t.Errorf("%s: nobody stops", what)
		}
		disk.lost, disk.calls = nil, 0
		for after, change := range changes {
			if !storagetest.Held(func() { change(g, file) }) || disk.calls > 0 {
				t.Errorf("%s gets through after %s failed", after, what)
			}
		}
		if !storagetest.Held(func() { _ = g.Link("x", "y") }) || disk.calls > 0 {
			t.Errorf("a link gets through after %s failed", what)
		}
	}
}

// TestWhatIsNoWriteIsHeld: a short write, and one in the middle.
func TestWhatIsNoWriteIsHeld(t *testing.T) {
	for what, do := range map[string]func(f vfs.File){
		"short write": func(f vfs.File) { _, _ = f.Write([]byte("four")) },
		"WriteAt":     func(f vfs.File) { _, _ = f.WriteAt([]byte("four"), 0) },
	} {
		h, _ := parked()
		f, err := guarded(shortFS{vfs.NewMem()}, h).Create("000007.log", category)
		if err != nil {
			t.Fatal(err)
		}
		if !storagetest.Held(func() { do(f) }) || !h.IsStuck() {
			t.Errorf("%s: it goes on", what)
		}
	}
}

// shortFS has files that write half of what they are given.
type shortFS struct{ vfs.FS }

func (s shortFS) Create(n string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(n, c)
	return shortFile{f}, err
}

type shortFile struct{ vfs.File }

func (shortFile) Write(p []byte) (int, error) { return len(p) / 2, nil }

// reads is every call that changes nothing.
var reads = map[string]func(g *guard.FS, read vfs.File) error{
	"Open":          func(g *guard.FS, _ vfs.File) error { _, err := g.Open("file"); return err },
	"OpenDir":       func(g *guard.FS, _ vfs.File) error { _, err := g.OpenDir(""); return err },
	"List":          func(g *guard.FS, _ vfs.File) error { _, err := g.List(""); return err },
	"Stat":          func(g *guard.FS, _ vfs.File) error { _, err := g.Stat("file"); return err },
	"Read":          func(_ *guard.FS, f vfs.File) error { _, err := f.Read(nil); return err },
	"ReadAt":        func(_ *guard.FS, f vfs.File) error { _, err := f.ReadAt(nil, 0); return err },
	"a file's Stat": func(_ *guard.FS, f vfs.File) error { _, err := f.Stat(); return err },
	"Close":         func(_ *guard.FS, f vfs.File) error { return f.Close() },
}

// TestAFailedReadIsHeardOf, and halts the database; but not where the database would take
// what it cannot read for empty: whoever reads is held then.
func TestAFailedReadIsHeardOf(t *testing.T) {
	for what, read := range reads {
		for _, strict := range []bool{false, true} {
			h, told := parked()
			disk := &lossy{FS: vfs.NewMem()}
			g := guarded(disk, h)
			f, err := disk.Create("file", category)
			if err == nil {
				err = f.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			if f, err = g.Open("file"); err != nil {
				t.Fatal(err)
			}
			disk.lost = errLost
			var heard error
			do := func() error { heard = read(g, f); return nil }
			stuck := storagetest.Held(func() {
				if strict {
					_ = h.Strictly(do)
				} else {
					_ = do()
				}
			})
			if stuck != strict || h.IsStuck() != strict || errors.Is(heard, errLost) == strict || *told != 1 || !errors.Is(h.Cause(), errLost) {
				t.Errorf("%s, strictly %t: held %t, heard of %v, told %d times of %v", what, strict, stuck, heard, *told, h.Cause())
			}
		}
	}
}

// TestNothingIsDoneStrictlyAfterAFailure that may have been heard of; and once it is done,
// failures are heard of again.
func TestNothingIsDoneStrictlyAfterAFailure(t *testing.T) {
	h, _ := parked()
	if err := h.Strictly(func() error { return errLost }); err != errLost || h.Cause() != nil {
		t.Errorf("the error is %v, the cause %v", err, h.Cause())
	}
	if err := h.FailRead(errLost); err != errLost || h.IsStuck() {
		t.Errorf("a failure that may be heard of: %v, stuck %t", err, h.IsStuck())
	}
	done := false
	if err := h.Strictly(func() error { done = true; return nil }); done || err != errLost {
		t.Errorf("after a failure that was heard of: %v, done %t", err, done)
	}
	if first := h.Fail(io.ErrNoProgress); first != errLost {
		t.Errorf("a second failure hides the first: %v", first)
	}
}

// TestAFileThatEndsTooSoon is damaged, where the database asks for what it once wrote. One
// that is read to its end is not, nor is one that is missing.
func TestAFileThatEndsTooSoon(t *testing.T) {
	h, _ := parked()
	g := guarded(vfs.NewMem(), h)
	f, err := g.Create("file", category)
	if err == nil {
		_, err = f.Write([]byte("four"))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	f, err = g.Open("file")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); string(b) != "four" || err != nil || h.Cause() != nil {
		t.Errorf("read %q, error %v, cause %v", b, err, h.Cause())
	}
	if _, err := g.Open("none"); !errors.Is(err, fs.ErrNotExist) || h.Cause() != nil {
		t.Errorf("what is missing: error %v, cause %v", err, h.Cause())
	}
	_, err = f.ReadAt(make([]byte, 4), 1)
	if !errors.Is(err, pebble.ErrCorruption) || !strings.Contains(err.Error(), "before byte 5") || h.Cause() == nil {
		t.Errorf("error %v, cause %v", err, h.Cause())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// TestGuardPassesOn: what the database may call, it finds done.
func TestGuardPassesOn(t *testing.T) {
	h, _ := parked()
	g := guarded(vfs.NewMem(), h)
	f, err := g.OpenReadWrite("/x", category)
	if err != nil {
		t.Fatal(err)
	}
	if full, err := f.SyncTo(1); full || err != nil {
		t.Errorf("SyncTo: %t, %v", full, err)
	}
	err = errors.Join(f.Close(), g.Link("/x", "/y"), g.MkdirAll("/d/e", 0o777), g.RemoveAll("/d"))
	names, err2 := g.List("/")
	slices.Sort(names)
	if err = errors.Join(err, err2); err != nil || !slices.Equal(names, []string{"x", "y"}) || g.Unwrap() != nil {
		t.Errorf("%v, error %v", names, err)
	}
	if err := g.Remove("/none"); !errors.Is(err, fs.ErrNotExist) || h.Cause() != nil {
		t.Errorf("removing nothing: %v, halted by %v", err, h.Cause())
	}
	if err := g.Link("/none", "/z"); !errors.Is(err, fs.ErrNotExist) || h.Cause() != nil {
		t.Errorf("linking nothing: %v, halted by %v", err, h.Cause())
	}
}

// TestAttempt does not wait for whoever is held.
func TestAttempt(t *testing.T) {
	h := guard.NewHalt(func(error) {})
	if n, err := guard.Attempt(h, func() (int, error) { return 4, errLost }); n != 4 || err != errLost {
		t.Errorf("it came to %d, %v", n, err)
	}
	hold := make(chan struct{})
	defer close(hold)
	n, err := guard.Attempt(h, func() (int, error) {
		_ = h.Jam(errLost)
		<-hold
		return 5, nil
	})
	if n != 0 || err != errLost {
		t.Errorf("held, it came to %d, %v", n, err)
	}
}

// TestAttemptsOneAfterTheOther: many attempts at once each get their own result, whoever
// does them; and nobody waits for more for long.
func TestAttemptsOneAfterTheOther(t *testing.T) {
	h := guard.NewHalt(func(error) {})
	if one, err := guard.Attempt(h, func() (int, error) { return 1, nil }); one != 1 || err != nil {
		t.Errorf("the only attempt: %d, error %v", one, err)
	}
	if err := goleak.Find(); err != nil {
		t.Error(err)
	}
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for n := range 200 {
				if have, err := guard.Attempt(h, func() (int, error) { return caller*1000 + n, nil }); have != caller*1000+n || err != nil {
					t.Errorf("attempt %d of %d: %d, error %v", n, caller, have, err)
				}
			}
		})
	}
	callers.Wait()
	if err := goleak.Find(); err != nil {
		t.Error(err)
	}
}

// BenchmarkAttempt is what a slot of a learner pays for its one write.
func BenchmarkAttempt(b *testing.B) {
	h := guard.NewHalt(func(error) {})
	for b.Loop() {
		if _, err := guard.Attempt(h, func() (int, error) { return deep(64), nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// deep takes about n times 100 bytes of stack.
//
//go:noinline
func deep(n int) int {
	var room [80]byte
	if n == 0 {
		return int(room[0])
	}
	room[n] = byte(deep(n - 1))
	return int(room[n])
}
