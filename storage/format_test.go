package storage_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

var writeFormat = flag.Bool("storage.writeformat", false, "write testdata/format2 anew; a format that was released must never change")

// TestFormat2IsStillRead opens a directory that an earlier build wrote.
func TestFormat2IsStillRead(t *testing.T) {
	const dir, text = "testdata/format2", "testdata/format2.txt"
	if *writeFormat {
		writeOldDirectory(t, dir, text)
	}
	got, err := look(oldDirectory(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(text)
	if err != nil || got.text() != string(want) {
		t.Errorf("error %v\n got %s\nwant %s", err, got.text(), want)
	}
}

// TestFormat1IsRefused: an acceptor's directory of builds that kept votes in a Pebble store.
func TestFormat1IsRefused(t *testing.T) {
	d := oldDirectory(t, "testdata/format1")
	before := snapshot(d)
	_, err := look(d)
	mustMatch(t, "format 1", err, storage.ErrOlderFormat)
	if err == nil || !strings.Contains(err.Error(), "replace this node") {
		t.Errorf("%v does not say what to do", err)
	}
	if after := snapshot(d); after != before {
		t.Errorf("the directory was changed:\n%s\nbefore:\n%s", after, before)
	}
}

// oldDirectory is a disk with the files of dir as /a1.
func oldDirectory(t *testing.T, dir string) *storagetest.Disk {
	t.Helper()
	d := storagetest.NewDisk()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return d.Put("/a1"+strings.TrimPrefix(filepath.ToSlash(path), dir), data)
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// writeOldDirectory keeps the files of a small acceptor.
func writeOldDirectory(t *testing.T, dir, text string) {
	disk, want := smallAcceptor(t, true)
	for _, file := range disk.Files() {
		path := filepath.Join(dir, strings.TrimPrefix(file, "/a1"))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, disk.Bytes(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(text, []byte(want.text()), 0o644); err != nil {
		t.Fatal(err)
	}
}
