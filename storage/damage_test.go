package storage_test

import (
	"bytes"
	"flag"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

var everyBit = flag.Bool("storage.everybit", false, "flip every bit of the acceptor's files in turn, not one bit of every byte")

// TestFlippedBits flips a bit of every byte of every file of a small acceptor in
// turn. Each flip leaves all answers as they were, or ends the acceptor with an
// error that names the file.
func TestFlippedBits(t *testing.T) {
	for name, clean := range map[string]bool{"closed": true, "power lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk, want := smallAcceptor(t, clean)
			f := flips{t: t, disk: disk, want: want, caught: map[string]int{}}
			for _, file := range disk.Files() {
				f.file(file)
			}
			t.Logf("flips caught, by file: %v; %d changed nothing", f.caught, f.harmless)
			for _, kind := range []string{"IDENTITY", ".log"} {
				if f.caught[kind] < 50 {
					t.Errorf("only %d flips in %s were caught", f.caught[kind], kind)
				}
			}
		})
	}
}

// smallAcceptor is a disk with segments and a trim point, and what it answers.
func smallAcceptor(t *testing.T, clean bool) (*storagetest.Disk, contents) {
	d := storagetest.NewDisk()
	o := small(d)
	var model paxos.Ledger
	h := newHistory(3, 30)
	for boot := range 2 {
		a := mustOpen(t, "/a1", o)
		for i := range 4 {
			group := h.group(4)
			if i == 0 {
				group = append(group, someGenesis(), paxos.Trimmed{Below: 2 + paxos.Slot(boot)})
			}
			if err := a.Append(group); err != nil {
				t.Fatal(err)
			}
			model.Append(group...)
		}
		if boot == 1 && !clean {
			d = d.Crash(0, 0)
		}
		mustClose(t, a)
	}
	return d, expected(&model)
}

type flips struct {
	t        *testing.T
	disk     *storagetest.Disk
	want     contents
	caught   map[string]int // by kind of file
	harmless int
}

func (f *flips) file(file string) {
	data := slices.Clone(f.disk.Bytes(file))
	for i := range data {
		around := data[max(0, i-20):min(len(data), i+20)]
		if len(bytes.Trim(around, "\x00")) == 0 && i%97 != 0 {
			continue // of many zeros some will do
		}
		bits := []int{i % 8}
		if *everyBit {
			bits = []int{0, 1, 2, 3, 4, 5, 6, 7}
		}
		for _, bit := range bits {
			f.flip(file, i, 1<<bit)
		}
	}
}

func (f *flips) flip(file string, at int, bit byte) {
	damaged := f.disk.Crash(0, 0)
	damaged.Bytes(file)[at] ^= bit
	got, err := look(damaged)
	switch {
	case err != nil && !strings.Contains(err.Error(), file):
		f.t.Errorf("%s, byte %d, bit %x: the error does not name the file: %v", file, at, bit, err)
	case err != nil:
		f.caught[kindOfFile(file)]++
	case !got.equal(f.want):
		f.t.Errorf("%s, byte %d, bit %x: wrong answer\n got %s\nwant %s", file, at, bit, got, f.want)
	default:
		f.harmless++
	}
}

func kindOfFile(file string) string {
	base := path.Base(file)
	if ext := path.Ext(base); ext != "" {
		return ext
	}
	kind, _, _ := strings.Cut(base, "-")
	return kind
}

// TestFlippedBitsInOlderSegments: a damaged end of a segment must not pass for its end, nor a
// damaged beginning for a segment that was never written.
func TestFlippedBitsInOlderSegments(t *testing.T) {
	disk, want := acceptorOfManySegments(t)
	logs := slices.DeleteFunc(disk.Files(), func(file string) bool { return path.Ext(file) != ".log" })
	if len(logs) < 3 {
		t.Fatalf("only %d segments", len(logs))
	}
	f := flips{t: t, disk: disk, want: want, caught: map[string]int{}}
	for i, file := range logs {
		for at := i; at < len(disk.Bytes(file)); at += 11 {
			f.flip(file, at, 1)
		}
	}
	t.Logf("flips caught, by file: %v; %d changed nothing", f.caught, f.harmless)
	if f.caught[".log"] < 3000 {
		t.Errorf("only %d flips were caught", f.caught[".log"])
	}
}

// acceptorOfManySegments is the disk after a power loss, and what had been answered.
func acceptorOfManySegments(t *testing.T) (*storagetest.Disk, contents) {
	d := storagetest.NewDisk()
	a := mustOpen(t, "/a1", small(d))
	var model paxos.Ledger
	h := newHistory(4, 200)
	for a.Metrics().Segments < 4 {
		group := slices.DeleteFunc(h.group(4), func(r paxos.Record) bool { _, trims := r.(paxos.Trimmed); return trims })
		if err := a.Append(group); err != nil {
			t.Fatal(err)
		}
		model.Append(group...)
	}
	left := d.Crash(0, 0)
	mustClose(t, a)
	return left, expected(&model)
}

// TestLostBytes cuts every file shorter, and loses each file.
func TestLostBytes(t *testing.T) {
	disk, want := smallAcceptor(t, true)
	for _, file := range disk.Files() {
		size := len(disk.Bytes(file))
		for _, left := range []int{size - 1, size / 2, 0, -1} {
			damaged := disk.Crash(0, 0)
			data := append([]byte(nil), disk.Bytes(file)[:max(left, 0)]...)
			if err := damaged.FS().Remove(file); err != nil {
				t.Fatal(err)
			}
			if left >= 0 {
				if err := damaged.Put(file, data); err != nil {
					t.Fatal(err)
				}
			}
			got, err := look(damaged)
			if err == nil && !got.equal(want) {
				t.Errorf("%s, %d of %d bytes left: wrong answer\n got %s\nwant %s", file, left, size, got, want)
			}
			if err != nil && !strings.Contains(err.Error(), path.Dir(file)) {
				t.Errorf("%s, %d of %d bytes left: the error does not name the directory: %v", file, left, size, err)
			}
		}
	}
}

// TestOldCopies puts back an older copy of each part of the directory alone: the
// parts tell that they do not belong together.
func TestOldCopies(t *testing.T) {
	d := storagetest.NewDisk()
	h := newHistory(5, 60)
	live := func() {
		a := mustOpen(t, "/a1", small(d))
		for range 6 {
			if err := a.Append(h.group(4)); err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, a)
	}
	live()
	old := d.Crash(0, 0)
	live()
	live()
	for _, part := range []string{"/a1/IDENTITY", "/a1/COVER"} {
		mixed := d.Crash(0, 0)
		if err := mixed.Put(part, old.Bytes(part)); err != nil {
			t.Fatal(err)
		}
		_, err := look(mixed)
		mustMatch(t, "an old "+part, err, storage.ErrCorrupt)
	}
	mixed := d.Crash(0, 0)
	if err := mixed.FS().RemoveAll("/a1/votes"); err != nil {
		t.Fatal(err)
	}
	for _, file := range old.Files() {
		if strings.HasPrefix(file, "/a1/votes/") {
			if err := mixed.Put(file, old.Bytes(file)); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := look(mixed)
	mustMatch(t, "old votes", err, storage.ErrCorrupt)
}
