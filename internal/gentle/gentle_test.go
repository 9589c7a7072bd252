package gentle_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/internal/gentle"
)

var large = bytes.Repeat([]byte("0123456789abcdef"), 5*gentle.Piece/16/2) // two and a half pieces

// watched says how large a file was when its removal came.
type watched struct {
	vfs.FS
	sizes []int64
}

func (w *watched) Unwrap() vfs.FS { return w.FS }

func (w *watched) Remove(name string) error {
	info, err := w.Stat(name)
	if err == nil {
		w.sizes = append(w.sizes, info.Size())
	}
	return errors.Join(err, w.FS.Remove(name))
}

func TestALargeFileGoesInPieces(t *testing.T) {
	disk := &watched{FS: vfs.Default}
	name := write(t, t.TempDir(), "table")
	if err := gentle.Remove(disk, name); err != nil {
		t.Fatal(err)
	}
	if len(disk.sizes) != 1 || disk.sizes[0] > gentle.Piece || disk.sizes[0] == 0 {
		t.Errorf("sizes %d at the removal, not one of at most %d", disk.sizes, gentle.Piece)
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

// TestATreeGoesInPieces: of a state that another has taken the place of.
func TestATreeGoesInPieces(t *testing.T) {
	disk := &watchedTree{watched{FS: vfs.Default}}
	dir := t.TempDir()
	write(t, dir, "table")
	if err := gentle.RemoveAllOf(disk, dir); err != nil {
		t.Fatal(err)
	}
	if len(disk.sizes) != 1 || disk.sizes[0] > gentle.Piece || disk.sizes[0] == 0 {
		t.Errorf("sizes %d at the removal, not one of at most %d", disk.sizes, gentle.Piece)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

// watchedTree says how large a directory's table was when its removal came.
type watchedTree struct{ watched }

func (w *watchedTree) RemoveAll(dir string) error {
	info, err := w.Stat(filepath.Join(dir, "table"))
	if err == nil {
		w.sizes = append(w.sizes, info.Size())
	}
	return errors.Join(err, w.FS.RemoveAll(dir))
}

// A checkpoint shares its tables with the state by hard links.
func TestWhatHasAnotherNameStaysWhole(t *testing.T) {
	dir := t.TempDir()
	state, copied := write(t, dir, "state"), filepath.Join(dir, "checkpoint", "a", "table")
	if err := os.MkdirAll(filepath.Dir(copied), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(state, copied); err != nil {
		t.Fatal(err)
	}
	if err := gentle.RemoveAll(filepath.Join(dir, "checkpoint")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(copied)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	if got, err := os.ReadFile(state); err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes are left of %d: %v", len(got), len(large), err)
	}
}

func TestAnotherFileSystemRemovesByItself(t *testing.T) {
	disk := &watched{FS: vfs.NewMem()}
	f, err := disk.Create("table", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(bytes.Clone(large)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), gentle.Remove(disk, "table")); err != nil {
		t.Fatal(err)
	}
	if len(disk.sizes) != 1 || disk.sizes[0] != int64(len(large)) {
		t.Errorf("sizes %d at the removal", disk.sizes)
	}
}

// With one processor, a goroutine that is ready runs while another writes a table, between
// two writes.
func TestWhoWritesATableGivesWay(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	f, err := vfs.NewMem().Create("000001.sst", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	table := gentle.Table(f)
	var ran atomic.Bool
	go ran.Store(true)
	for writes := 0; !ran.Load() && writes < 1000; writes++ {
		if _, err := table.Write([]byte("a block")); err != nil {
			t.Fatal(err)
		}
	}
	if !ran.Load() {
		t.Error("a thousand writes, and the other goroutine did not run")
	}
}

func TestTables(t *testing.T) {
	for name, want := range map[string]bool{"a/000001.sst": true, "000002.blob": true, "000003.log": false, "MANIFEST-000004": false, "COVER": false} {
		if got := gentle.IsTable(name); got != want {
			t.Errorf("IsTable(%s) = %t", name, got)
		}
	}
}

func TestWhatIsMissing(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	if err := gentle.Remove(vfs.Default, none); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Remove: %v", err)
	}
	if err := gentle.RemoveAll(none); err != nil {
		t.Errorf("RemoveAll: %v", err)
	}
}

func write(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, large, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
