package storage_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/storage/storagetest"
)

var writeFormat = flag.Bool("storage.writeformat", false, "write testdata/format1 anew; a format that was released must never change")

// TestFormat1IsStillRead opens a directory that an earlier build wrote.
func TestFormat1IsStillRead(t *testing.T) {
	const dir, text = "testdata/format1", "testdata/format1.txt"
	if *writeFormat {
		writeOldDirectory(t, dir, text)
	}
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
	got, err := look(d)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(text)
	if err != nil || got.text() != string(want) {
		t.Errorf("error %v\n got %s\nwant %s", err, got.text(), want)
	}
}

// writeOldDirectory keeps the files of a small acceptor.
func writeOldDirectory(t *testing.T, dir, text string) {
	disk, want := smallAcceptor(t, true)
	names := []string{"/a1/votes/" + marker(t, disk, "manifest"), "/a1/votes/" + marker(t, disk, "format-version")}
	for _, file := range append(disk.Files(), names...) {
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

// marker is Pebble's empty file of that kind.
func marker(t *testing.T, d *storagetest.Disk, kind string) string {
	names, err := d.FS().List("/a1/votes")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker."+kind) {
			return name
		}
	}
	t.Fatalf("no marker of %s", kind)
	return ""
}
