package streams

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/synod-paxos/synod/storage/storagetest"
)

// TestFlippedBitOnDiskIsAnError damages every table file behind the database's
// back: a scrub must say so, and name the file.
func TestFlippedBitOnDiskIsAnError(t *testing.T) {
	fs := vfs.NewMem()
	m := openMem(t, fs)
	applyTale(t, m, 0)
	if err := m.db.Flush(); err != nil {
		t.Fatal(err)
	}
	closeMachine(t, m)
	files := flipTables(t, fs, "state/state-000001")
	if files == 0 {
		t.Fatal("no table files to damage")
	}
	m, err := Open("state", Options{FS: fs})
	if err == nil {
		v := m.View()
		_, err = v.Scrub(context.Background())
		if closeErr := errors.Join(v.Close(), m.Close()); closeErr != nil {
			t.Log(closeErr)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "checksum mismatch") || !strings.Contains(err.Error(), "state/state-000001") {
		t.Errorf("error %v, want one that tells of a checksum and names the directory", err)
	}
}

// flipTables changes a byte early in every table file, and returns their number.
func flipTables(t *testing.T, fs vfs.FS, dir string) (files int) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		path := fs.PathJoin(dir, name)
		f, err := fs.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		b[20] ^= 1
		w, err := fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(b)
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		files++
	}
	return files
}

// TestFullDiskIsReported refuses new table files: the machine must say so, and
// apply nothing more.
func TestFullDiskIsReported(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	full := errors.New("no space left on device")
	var armed errorfs.Toggle
	armed.Injector = errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
			return full
		}
		return nil
	})
	failed := make(chan error, 1)
	m, err := Open("state", Options{FS: errorfs.Wrap(vfs.NewMem(), &armed), Failed: func(err error) { failed <- err }})
	if err != nil {
		t.Fatal(err)
	}
	applyTale(t, m, 0)
	armed.On()
	if _, err := m.db.AsyncFlush(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, full) {
		t.Errorf("failed with %v, want %v", err, full)
	}
	if _, err := m.Apply(m.Applied()+1, 0, nil); !errors.Is(err, full) {
		t.Errorf("applied with %v, want %v", err, full)
	}
	if err := m.Close(); !errors.Is(err, full) {
		t.Errorf("closed with %v, want %v", err, full)
	}
}
