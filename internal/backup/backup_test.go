package backup_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/internal/backup"
	"github.com/synod-paxos/synod/streams"
)

// take makes a backup of a small state, and returns what it is of.
func take(t testing.TB, path string) backup.Info {
	t.Helper()
	m, err := streams.Open(t.TempDir(), streams.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Apply(1, 5, []streams.Message{{Subject: "propose", Data: []byte("hello")}}); err != nil {
		t.Fatal(err)
	}
	s, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w, err := backup.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abandon()
	if _, err := s.WriteTo(w); err != nil {
		t.Fatal(err)
	}
	info, err := w.Finish(backup.Info{Cluster: "main", UUID: "u", Generation: 3})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestWriteAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	info := take(t, path)
	f, err := backup.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Info.Slot != 1 || f.Info.Digest != info.Digest || f.Info.Cluster != "main" || f.Info.Generation != 3 || f.Info.Bytes != f.Snapshot.Size() {
		t.Errorf("read %+v, want %+v", f.Info, info)
	}
	if _, err := f.Info.State(); err != nil {
		t.Error(err)
	}
	if files, _ := filepath.Glob(path + "*"); len(files) != 1 {
		t.Errorf("files %v are left, want the backup alone", files)
	}
	if i, err := os.Stat(path); err != nil || i.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", i.Mode(), err)
	}
}

// TestOlderBackupIsRead: one that was taken before a backup named the configuration by
// number, and one from before that, which says nothing of it.
func TestOlderBackupIsRead(t *testing.T) {
	for name, want := range map[string]string{"founded.backup": "[a1 a2 a3] majority 2 256", "silent.backup": "[]  0 0"} {
		f, err := backup.Open(filepath.Join("testdata", name))
		if err != nil {
			t.Error(err)
			continue
		}
		defer f.Close()
		i := f.Info
		if have := fmt.Sprintf("%v %s %d %d", i.Acceptors, i.Quorums, i.Copies, i.Window); i.Slot != 1 || i.Generation != 3 || i.Number != 0 || have != want {
			t.Errorf("%s: %+v, says %q, want %q", name, i, have, want)
		}
	}
}

// TestEveryFlippedByteIsFound, and every missing end, and anything after the end.
func TestEveryFlippedByteIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	take(t, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, at int, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Open(path); !errors.Is(err, backup.ErrDamaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s %d: %v, want it to be damaged, by name", what, at, err)
		}
	}
	for i := range whole {
		damaged := append([]byte(nil), whole...)
		damaged[i] ^= 1 << (i % 8)
		refused("flipped in byte", i, damaged)
		refused("cut at byte", i, whole[:i])
	}
	refused("longer by", 1, append(append([]byte(nil), whole...), 0))
}

// TestUnfinishedIsNoBackup: what a crash leaves is under another name.
func TestUnfinishedIsNoBackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	w, err := backup.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("not a snapshot")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(backup.Info{}); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("nonsense is finished: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it is there under its name")
	}
	w.Abandon()
	if files, _ := filepath.Glob(path + "*"); len(files) != 0 {
		t.Errorf("abandoned, and %v is left", files)
	}
}

// FuzzOpen reads arbitrary bytes behind a checksum that is right: they are a whole
// backup, or damage.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "backup")
	take(f, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[8 : len(whole)-sha256.Size])
	f.Add([]byte("{}\x00\x00\x00\x02"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, body []byte) {
		data := append([]byte("SYNODBK1"), body...)
		sum := sha256.Sum256(data)
		path := filepath.Join(t.TempDir(), "backup")
		if err := os.WriteFile(path, append(data, sum[:]...), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := backup.Open(path)
		if err != nil {
			if !errors.Is(err, backup.ErrDamaged) {
				t.Errorf("%v is no ErrDamaged", err)
			}
			return
		}
		if b.Info.Slot == 0 || b.Snapshot.Size() != b.Info.Bytes {
			t.Errorf("a backup of %+v", b.Info)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}
