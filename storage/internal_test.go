package storage

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
)

func memOptions() Options {
	return Options{FS: vfs.NewMem(), MemTable: 16 << 10, HungAfter: -1}
}

// TestVotesOlderThanTheCover: the cover also says which Append is durable, so that
// votes which are sound but older do not pass.
func TestVotesOlderThanTheCover(t *testing.T) {
	o := memOptions()
	a, err := OpenAcceptor("/a1", "a1", o)
	if err != nil {
		t.Fatal(err)
	}
	a.cover.acked(100)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAcceptor("/a1", "a1", o); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "number 100") {
		t.Errorf("error %v", err)
	}
}

// TestRecordsThatDoNotDecode reach Pebble's checksums unharmed and not ours.
func TestRecordsThatDoNotDecode(t *testing.T) {
	for name, damage := range map[string]func(a *Acceptor, b *pebble.Batch) error{
		"vote": func(a *Acceptor, b *pebble.Batch) error {
			return b.Set(appendVoteKey(nil, 5), []byte{recordVersion}, nil)
		},
		"state": func(a *Acceptor, b *pebble.Batch) error {
			return b.Set(appendStateKey(nil, 5), []byte{recordVersion, 0, 0, 0}, nil)
		},
		"no state": func(a *Acceptor, b *pebble.Batch) error {
			return b.DeleteRange(keySpan[0], keySpan[1], nil)
		},
		"no state but a vote": func(a *Acceptor, b *pebble.Batch) error {
			return errors.Join(b.DeleteRange(keySpan[0], keySpan[1], nil), b.Set(appendVoteKey(nil, 5), nil, nil))
		},
		"genesis": func(a *Acceptor, b *pebble.Batch) error {
			return b.Set(appendGenesisKey(nil, 0), []byte{recordVersion}, nil)
		},
		"no genesis": func(a *Acceptor, b *pebble.Batch) error {
			return b.Delete(appendGenesisKey(nil, 0), nil)
		},
	} {
		o := memOptions()
		a, err := OpenAcceptor("/a1", "a1", o)
		if err != nil {
			t.Fatal(err)
		}
		b := a.db.NewBatch()
		err = errors.Join(a.Append([]paxos.Record{paxos.Founded{Genesis: *someGenesis()}}), damage(a, b), b.Commit(pebble.Sync), a.Close())
		if err != nil {
			t.Fatal(err)
		}
		a, err = OpenAcceptor("/a1", "a1", o)
		if err == nil {
			err = a.Fill(&paxos.Page{From: 1}, 1)
			if closed := a.Close(); !errors.Is(closed, err) {
				t.Errorf("%s: Close says %v after %v", name, closed, err)
			}
		}
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "/a1/votes") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestCleanCut(t *testing.T) {
	tables := []tableSpan{{1, 10, 1}, {11, 20, 2}, {20, 30, 4}, {31, 40, 8}, {38, 50, 16}, {60, 60, 32}}
	for _, c := range []struct {
		end, cut paxos.Slot
		size     uint64
	}{
		{0, 0, 0}, {1, 1, 0}, {5, 1, 0}, {11, 11, 1}, {20, 11, 1}, {21, 11, 1}, {31, 31, 7}, {39, 31, 7}, {51, 51, 31}, {60, 60, 31}, {math.MaxUint64, math.MaxUint64, 63},
	} {
		cut := cleanCut(tables, c.end)
		if size := sizeBelow(tables, cut); cut != c.cut || size != c.size {
			t.Errorf("up to %d: cut at %d, %d bytes; want %d, %d", c.end, cut, size, c.cut, c.size)
		}
	}
}

func TestKindsOfErrors(t *testing.T) {
	for err, kind := range map[error]error{
		syscall.ENOSPC: ErrNoSpace, syscall.EDQUOT: ErrNoSpace, syscall.EROFS: ErrReadOnly, syscall.EACCES: ErrReadOnly,
		fs.ErrPermission: ErrReadOnly, syscall.ENOTDIR: ErrNotDir, pebble.ErrCorruption: ErrCorrupt, syscall.EIO: nil,
	} {
		if got := kindOf(&fs.PathError{Op: "open", Path: "x", Err: err}); got != kind {
			t.Errorf("%v is %v, want %v", err, got, kind)
		}
	}
	if wrap("open", "x", nil) != nil {
		t.Error("no error became one")
	}
	for kind := range fixes {
		err := error(&Error{Op: "open", Path: "/a1", Kind: kind, Err: fs.ErrInvalid})
		if !errors.Is(err, kind) || !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), fixes[kind]) {
			t.Errorf("%v does not say all", err)
		}
	}
}

// TestOnlyItsOwnerReads what Pebble makes.
func TestOnlyItsOwnerReads(t *testing.T) {
	dir := t.TempDir()
	v := &votesFS{FS: vfs.Default}
	f, err := v.Create(v.PathJoin(dir, "000001.sst"), diskWrites)
	if err == nil {
		err = errors.Join(f.Close(), v.MkdirAll(v.PathJoin(dir, "d"), 0o777))
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"000001.sst": fileMode, "d": dirMode} {
		if info, err := v.Stat(v.PathJoin(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, error %v", name, info.Mode(), err)
		}
	}
	if v.lastOpened() != "" {
		t.Errorf("opened %q", v.lastOpened())
	}
	if vfs.Root(v) != vfs.Default {
		t.Error("it does not say that its files are real")
	}
}

// TestDroppedWhenItReturns: also where a MemTable has votes below the cut, which Pebble
// would rather do later, in a flush, when a failure of reading is heard of again.
func TestDroppedWhenItReturns(t *testing.T) {
	for range 10 {
		a, err := OpenAcceptor("/a1", "a1", memOptions())
		if err != nil {
			t.Fatal(err)
		}
		vote := func(round uint64, slots ...paxos.Slot) {
			for _, s := range slots {
				v := paxos.Vote{Slot: s, Ballot: paxos.Ballot{Round: round, Proposer: "p1"}}
				if err := a.Append([]paxos.Record{paxos.Voted{Vote: v}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		vote(1, 1, 2, 3, 4)
		if err := a.db.Flush(); err != nil {
			t.Fatal(err)
		}
		vote(2, 2)
		if err := a.dropSlots(3); err != nil {
			t.Fatal(err)
		}
		spans, err := a.tableSpans()
		if err != nil || slices.ContainsFunc(spans, func(s tableSpan) bool { return s.from < 3 }) {
			t.Errorf("tables %+v, error %v", spans, err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTooManyLogs(t *testing.T) {
	c := memCover(t, vfs.NewMem())
	for n := range uint64(coverMax + 1) {
		c.note(coveredName{logFile, n}, extent{})
	}
	if err := c.write(); err == nil || c.written.Load() != 0 {
		t.Errorf("%d entries fit a page: error %v, %d pages written", len(c.page.files), err, c.written.Load())
	}
}

// memCover is a new cover.
func memCover(t *testing.T, mem vfs.FS) *cover {
	t.Helper()
	if err := createCover(mem, "cover", someDisk); err != nil {
		t.Fatal(err)
	}
	c, err := openCover(mem, "cover", someDisk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestNoLogBeforeTheCover: while the cover cannot be written, no log is begun, nor made
// of an old one: what the log before it holds might be lost unseen.
func TestNoLogBeforeTheCover(t *testing.T) {
	mem := vfs.NewMem()
	if err := writeFile(mem, "000012.log", nil); err != nil {
		t.Fatal(err)
	}
	v := &votesFS{FS: mem, cover: memCover(t, mem)}
	v.cover.failed = io.ErrClosedPipe
	if _, err := v.Create("000013.log", diskWrites); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Create: %v", err)
	}
	if _, err := v.ReuseForWrite("000012.log", "000013.log", diskWrites); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("ReuseForWrite: %v", err)
	}
	if _, err := mem.Stat("000013.log"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a log that the cover does not know of: %v", err)
	}
}

// nobodysFile has a descriptor whose mode cannot be changed.
type nobodysFile struct{ vfs.File }

func (nobodysFile) Fd() uintptr { return 1 << 20 }

// TestFilesThatOthersMayRead are not written.
func TestFilesThatOthersMayRead(t *testing.T) {
	v := &votesFS{FS: vfs.NewMem()}
	if f, err := v.begun("000001.sst", nobodysFile{}, nil); f != nil || !errors.Is(err, syscall.EBADF) {
		t.Errorf("%v, error %v", f, err)
	}
}

func TestDamagedIdentities(t *testing.T) {
	good := string(encodeIdentity(Info{Format: 1, Role: paxos.AcceptorRole, ID: "a1", Disk: someDisk, Boot: 3}))
	body, _, _ := strings.Cut(good, "crc32c")
	for _, c := range []struct{ old, new, names string }{
		{"synod data", "some data", "first line"}, {"format 1", "format x", `"format"`}, {"role acceptor", "role king", `"role"`},
		{"id a1", "name a1", `"id"`}, {"disk 0", "disk x", `"uuid"`}, {"boot 3", "boot -3", `"boot"`}, {"boot 3", "boot 03", "canonical"},
		{"cluster none", "cluster x generation 1", `"uuid"`}, {"cluster none\n", "", `"cluster"`}, {"cluster none", "cluster none\nmore", "canonical"},
		{"cluster none", "cluster " + someDisk.String(), `"cluster"`},
	} {
		data := summed([]byte(strings.Replace(body, c.old, c.new, 1)))
		if i, err := decodeIdentity(data); err == nil || !strings.Contains(err.Error(), c.names) || errors.As(err, new(errOtherFormat)) {
			t.Errorf("%q was read as %+v, %v; want damage that names %s", data, i, err, c.names)
		}
	}
	if _, err := decodeIdentity([]byte(body)); err == nil {
		t.Error("read without a checksum")
	}
}

// TestCoveredNames: logs and manifests, and nothing else, are covered, and forgotten when
// they are gone.
func TestCoveredNames(t *testing.T) {
	for base, want := range map[string]bool{"000012.log": true, "MANIFEST-000012": true, "x.log": false, "MANIFEST-x": false, "000012.sst": false} {
		name, ok := parseCovered(base)
		if ok != want || ok && (name.number != 12 || name.String() != base) {
			t.Errorf("%s is %+v, %t", base, name, ok)
		}
		c := &cover{page: page{files: map[coveredName]extent{{logFile, 12}: {}, {manifestFile, 12}: {}}}}
		if was := c.forget(base); was != want || len(c.page.files) == 1 != want {
			t.Errorf("%s was covered: %t; %d are left", base, was, len(c.page.files))
		}
	}
}

// TestRemovedOnceForgotten: what the cover knew of is removed too, after the cover says
// that it may be; and stays while the cover cannot be written.
func TestRemovedOnceForgotten(t *testing.T) {
	mem := vfs.NewMem()
	if err := writeFile(mem, "000012.log", nil); err != nil {
		t.Fatal(err)
	}
	c := memCover(t, mem)
	v := &votesFS{FS: mem, cover: c}
	c.note(coveredName{logFile, 12}, extent{})
	c.failed = io.ErrClosedPipe
	if err := v.Remove("000012.log"); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the cover cannot be written: %v", err)
	}
	if _, err := mem.Stat("000012.log"); err != nil {
		t.Errorf("removed, and still covered: %v", err)
	}
	c.failed = nil
	c.note(coveredName{logFile, 12}, extent{})
	before := c.written.Load()
	if err := v.Remove("000012.log"); err != nil || c.written.Load() != before+1 {
		t.Errorf("%v, the cover was written %d times", err, c.written.Load()-before)
	}
	if _, err := mem.Stat("000012.log"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("obsolete, and still there: %v", err)
	}
}
