package storage

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// These tests stand at the edges of what the others go through in passing.

func mustOpenIn(t *testing.T, o Options) *Acceptor {
	t.Helper()
	a, err := OpenAcceptor("/a1", "a1", o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func voteFor(slot paxos.Slot, body int) paxos.Record {
	return paxos.Voted{Vote: paxos.Vote{Slot: slot, Ballot: paxos.Ballot{Round: 1, Proposer: "p1"}, Value: paxos.Value{Body: make([]byte, body)}}}
}

// TestDefaults: each takes the place of nothing, and of nothing else.
func TestDefaults(t *testing.T) {
	o := Options{}.withDefaults()
	if o.FS != vfs.Default || o.Log == nil || o.CoverAfter != 10*time.Millisecond || o.Reserve != 512<<20 || o.HungAfter != 30*time.Second || o.Segment != 32<<20 {
		t.Errorf("defaults %+v", o)
	}
	chosen := Options{FS: vfs.NewMem(), Log: slog.Default(), CoverAfter: 1, Reserve: 2, HungAfter: 3, Segment: 4}
	if have := chosen.withDefaults(); have != chosen {
		t.Errorf("chosen %+v, have %+v", chosen, have)
	}
}

// TestErrorsAreOneLine: what is not known is left out.
func TestErrorsAreOneLine(t *testing.T) {
	for want, err := range map[string]*Error{
		"storage: read /x":        {Op: "read", Path: "/x"},
		"storage: read /x: boom":  {Op: "read", Path: "/x", Err: errors.New("boom")},
		"storage: use /x: closed": {Op: "use", Path: "/x", Kind: ErrClosed},
		"storage: open /x: is not a directory; name a directory": {Op: "open", Path: "/x", Kind: ErrNotDir},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	if got := (&Error{Kind: ErrClosed}).Unwrap(); len(got) != 1 {
		t.Errorf("an error without a cause unwraps to %v", got)
	}
	for _, err := range []error{syscall.EAGAIN, syscall.EACCES} {
		if lockKind(err) != ErrLocked || lockKind(&fs.PathError{Err: err}) == ErrLocked {
			t.Errorf("%v: a lock that another holds, and a lock file that cannot be made, are one", err)
		}
	}
}

// TestLatencyBuckets: a bound is in its own bucket, and what is above all in the last.
func TestLatencyBuckets(t *testing.T) {
	var c counters
	c.appended([]paxos.Record{voteFor(1, 0), paxos.Promised{}}, 10, LatencyBounds[2])
	c.appended(nil, 0, LatencyBounds[2]+1)
	c.appended(nil, 0, time.Hour)
	for i := range c.buckets {
		want := map[int]uint64{2: 1, 3: 1, len(LatencyBounds): 1}[i]
		if n := c.buckets[i].Load(); n != want {
			t.Errorf("bucket %d has %d, want %d", i, n, want)
		}
	}
	if c.votes.Load() != 1 || c.records.Load() != 2 || c.bytes.Load() != 10 {
		t.Errorf("%d votes, %d records, %d bytes", c.votes.Load(), c.records.Load(), c.bytes.Load())
	}
}

// TestSpaceAtTheEdge: the reserve itself is enough, and a disk that does not tell is not low.
func TestSpaceAtTheEdge(t *testing.T) {
	d := storagetest.NewDisk()
	a := &Acceptor{options: Options{FS: d.FS(), Reserve: 1000}.withDefaults(), dir: &Dir{path: "/"}, disk: d.FS()}
	for room, want := range map[int64]bool{1000: false, 999: true} {
		a.space.asked.Store(0)
		d.Fill(room)
		if a.SpaceLow() != want {
			t.Errorf("%d bytes are left: low is %t", room, !want)
		}
	}
	d.Before(func(o storagetest.Op) error {
		if o.Kind == storagetest.Usage {
			return syscall.EIO
		}
		return nil
	})
	a.space.asked.Store(0)
	if a.SpaceLow() {
		t.Error("a disk that does not tell its space is low")
	}
}

// TestHowOldTheSpaceIs: the disk is asked again after spaceEvery.
func TestHowOldTheSpaceIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := storagetest.NewDisk()
		a := &Acceptor{options: Options{FS: d.FS(), Reserve: 1000}.withDefaults(), dir: &Dir{path: "/"}, disk: d.FS()}
		a.SpaceLow()
		d.Fill(999)
		<-time.After(spaceEvery - 1)
		if a.SpaceLow() {
			t.Error("asked again too soon")
		}
		<-time.After(1)
		if !a.SpaceLow() {
			t.Error("not asked again")
		}
	})
}

// TestOneCoverForMany: the cover waits for the last of several Appends, and Close writes it.
func TestOneCoverForMany(t *testing.T) {
	o := memOptions()
	o.CoverAfter = time.Hour
	a := mustOpenIn(t, o)
	if err := a.Append([]paxos.Record{voteFor(1, 9)}); err != nil {
		t.Fatal(err)
	}
	timer, covers := a.timer, a.cover.written.Load()
	if err := a.Append([]paxos.Record{voteFor(2, 9)}); err != nil {
		t.Fatal(err)
	}
	if timer == nil || a.timer != timer {
		t.Error("the second Append began another wait")
	}
	if err := a.Close(); err != nil || a.cover.written.Load() != covers+1 {
		t.Errorf("Close: %v, %d covers, want 1", err, a.cover.written.Load()-covers)
	}
	a.timer = nil
	if a.coverSoon(); a.timer != nil {
		t.Error("a timer runs after Close")
	}
}

// TestFilesAreUsedAgain once their votes are trimmed, and not before.
func TestFilesAreUsedAgain(t *testing.T) {
	a := mustOpenIn(t, memOptions())
	for slot := range paxos.Slot(100) {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 1000)}); err != nil {
			t.Fatal(err)
		}
	}
	full := a.Metrics()
	if full.Recycled != 0 || full.Segments < 5 || full.DiskBytes < 100*1000 {
		t.Errorf("before anything was trimmed: %+v", full)
	}
	for slot := range paxos.Slot(200) {
		dropNow(a)
		if err := a.Append([]paxos.Record{voteFor(slot+101, 1000), paxos.Trimmed{Below: slot + 101}}); err != nil {
			t.Fatal(err)
		}
	}
	if m := a.Metrics(); m.Recycled == 0 || m.Segments > 4 || m.DiskBytes > full.DiskBytes/2 {
		t.Errorf("after many segments: %+v", m)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAVoteThatDoesNotDecode is told by the page that it would be on.
func TestAVoteThatDoesNotDecode(t *testing.T) {
	o := memOptions()
	for _, page := range []paxos.Page{{From: 1}, {From: 1, BallotsOnly: true}} {
		o.FS = vfs.NewMem()
		a := mustOpenIn(t, o)
		if err := a.Append([]paxos.Record{voteFor(5, 9), voteFor(9, 9)}); err != nil {
			t.Fatal(err)
		}
		data, err := o.FS.(*vfs.MemFS).UnsafeGetFileDataBuffer(a.log.segment.path)
		if err != nil {
			t.Fatal(err)
		}
		data[a.index.runs[0].places[0].at+entryHeader] ^= 1
		if err := a.Fill(&page, 1<<20); !errors.Is(err, ErrCorrupt) || len(page.Votes) > 0 || !strings.Contains(err.Error(), a.log.segment.path) {
			t.Errorf("%d votes, error %v", len(page.Votes), err)
		}
		if err := a.Close(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("Close: %v", err)
		}
	}
}

// TestADamagedBody: the header of a vote is sound, and its value is not.
func TestADamagedBody(t *testing.T) {
	b := encodeVote(t, voteFor(5, 9).(paxos.Voted).Vote)
	b[len(b)-5] ^= 1
	if _, err := decodeVote(b, someSeed); err == nil {
		t.Error("read in whole")
	}
	if _, err := decodeBallot(b, someSeed); err != nil {
		t.Errorf("its ballot: %v", err)
	}
}

// TestWhatAnOperatorReads: a slow disk is a warning until it counts as hung.
func TestWhatAnOperatorReads(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a := &Acceptor{options: Options{Log: log, HungAfter: 5 * time.Second}, halt: newHalt(log, make(chan error, 1))}
	a.slowCall(vfs.DiskSlowInfo{Path: "/x", Duration: 5*time.Second - 1})
	if !strings.Contains(b.String(), "level=WARN msg=\"slow disk\"") || a.halt.Cause() != nil {
		t.Errorf("the log is %q, the cause %v", b.String(), a.halt.Cause())
	}
	a.slowCall(vfs.DiskSlowInfo{Path: "/x", Duration: 5 * time.Second})
	if !errors.Is(a.halt.Cause(), ErrHung) || a.counters.slow.Load() != 2 {
		t.Errorf("%d slow calls, the cause is %v", a.counters.slow.Load(), a.halt.Cause())
	}
}

// TestMakingADirectory fails at every call once: the next opening makes it whole. Its
// names are durable, those above it too.
func TestMakingADirectory(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	o := func(d *storagetest.Disk) Options {
		return Options{FS: d.FS(), Segment: 16 << 10, CoverAfter: -1, HungAfter: -1}
	}
	for name, open := range map[string]func(d *storagetest.Disk) error{
		"acceptor": func(d *storagetest.Disk) error {
			a, err := OpenAcceptor("/x/y/a1", "a1", o(d))
			if err != nil {
				return err
			}
			return a.Close()
		},
		"learner": func(d *storagetest.Disk) error {
			l, err := OpenLearnerDir("/x/y/l1", "l1", o(d))
			if err != nil {
				return err
			}
			return l.Close()
		},
	} {
		failed := 0
		for n := 1; ; n++ {
			d := storagetest.NewDisk()
			hit := d.FailAt(n, syscall.EIO)
			err := open(d)
			if hit().N == 0 {
				break
			}
			if err != nil {
				failed++
			}
			left := d.Crash(0, 0)
			if after := open(left); after != nil {
				t.Errorf("%s, %s fails with %v: afterwards %v", name, hit(), err, after)
			}
			if err == nil && len(d.Crash(0, 0).Files()) == 0 {
				t.Errorf("%s, %s fails: made, and not durable", name, hit())
			}
		}
		if failed < 10 {
			t.Errorf("%s: only %d failures", name, failed)
		}
		d := storagetest.NewDisk()
		if err := open(d); err != nil || len(d.Crash(0, 0).Files()) == 0 {
			t.Errorf("%s: %v; a power loss leaves %v", name, err, d.Crash(0, 0).Files())
		}
	}
}

// TestWhyAnOpeningFailed is told once, and with what failed after it.
func TestWhyAnOpeningFailed(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, Options{FS: d.FS(), HungAfter: -1})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	fails := func(left *storagetest.Disk, what storagetest.Kind, base string, after int) error { // so many that go well
		left.Before(func(o storagetest.Op) error {
			if o.Kind != what || path.Base(o.Path) != base {
				return nil
			}
			if after--; after >= 0 {
				return nil
			}
			return syscall.EIO
		})
		_, err := OpenAcceptor("/a1", "a1", Options{FS: left.FS(), HungAfter: -1})
		return err
	}
	if err := fails(d.Crash(0, 0), storagetest.Write, segmentName(2), 0); err == nil || strings.Count(err.Error(), "storage: ") != 1 {
		t.Errorf("a write fails: %v", err)
	}
	if err := d.FS().RemoveAll("/a1/votes"); err != nil {
		t.Fatal(err)
	}
	if err := fails(d, storagetest.Close, coverName, 1); !errors.Is(err, ErrCorrupt) || !errors.Is(err, syscall.EIO) {
		t.Errorf("the votes are missing, and a file does not close: %v", err)
	}
}

// TestADirectoryThatIsGone: what has no name is not opened.
func TestADirectoryThatIsGone(t *testing.T) {
	gone := t.TempDir() + "/gone"
	if err := os.Mkdir(gone, dirMode); err != nil {
		t.Fatal(err)
	}
	t.Chdir(gone)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLearnerDir(".", "l1", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestDamageIsExpected of an identity before anything is locked, too.
func TestDamageIsExpected(t *testing.T) {
	d := storagetest.NewDisk()
	if err := d.Put("/a1/IDENTITY", []byte("nothing of the kind")); err != nil {
		t.Fatal(err)
	}
	if err := Expect("/a1", paxos.AcceptorRole, "a1", Options{FS: d.FS()}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("error %v", err)
	}
	damaged := bytes.Replace(encodeIdentity(Info{Format: 2, Role: paxos.AcceptorRole, ID: "a1"}), []byte("format 2"), []byte("format 3"), 1)
	if _, err := decodeIdentity(damaged); err == nil || errors.As(err, new(errOtherFormat)) {
		t.Errorf("a damaged format passes for a newer one: %v", err)
	}
	for _, lines := range []string{"", "\n"} {
		if i, err := decodeIdentity(summed([]byte(lines))); err == nil {
			t.Errorf("%q is read as %+v", lines, i)
		}
	}
	if i, err := decodeIdentity(summed([]byte(identityTitle + "\nformat 2\n"))); err == nil || !strings.Contains(err.Error(), `"role"`) {
		t.Errorf("an identity that ends early is read as %+v, %v", i, err)
	}
}
