package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/internal/guard"
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
	if o.FS != vfs.Default || o.Log == nil || o.CoverAfter != 10*time.Millisecond || o.Reserve != 512<<20 || o.HungAfter != 30*time.Second || o.MemTable != 32<<20 {
		t.Errorf("defaults %+v", o)
	}
	chosen := Options{FS: vfs.NewMem(), Log: slog.Default(), CoverAfter: 1, Reserve: 2, HungAfter: 3, MemTable: 4}
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

// TestOneCoverForMany: the cover waits for the first of several Appends, and Close writes it.
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
		t.Error("the second Append put the cover off")
	}
	if err := a.Close(); err != nil || a.cover.written.Load() != covers+1 {
		t.Errorf("Close: %v, %d covers, want 1", err, a.cover.written.Load()-covers)
	}
	a.timer = nil
	if a.coverSoon(); a.timer != nil {
		t.Error("a timer runs after Close")
	}
	if a = mustOpenIn(t, o); a.Metrics().Recycled != 0 {
		t.Error("logs are used again that were not made")
	}
	for slot := range paxos.Slot(200) {
		if err := a.Append([]paxos.Record{voteFor(slot+3, 1000)}); err != nil {
			t.Fatal(err)
		}
	}
	if m := a.Metrics(); m.Recycled == 0 || m.DiskBytes == 0 || m.TableBytes == 0 {
		t.Errorf("after many logs: %+v", m)
	}
	if err := a.Close(); err != nil || a.Metrics().DiskBytes != 0 {
		t.Errorf("Close: %v, then %d bytes", err, a.Metrics().DiskBytes)
	}
}

// TestPanicsOfPebble stop the store like any failure.
func TestPanicsOfPebble(t *testing.T) {
	a := mustOpenIn(t, memOptions())
	if err := a.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.dropBelow(5); err == nil || !strings.Contains(err.Error(), "pebble: ") {
		t.Errorf("dropping: %v", err)
	}
	err := a.Append([]paxos.Record{voteFor(1, 9)})
	if err == nil || !strings.Contains(err.Error(), "pebble: ") {
		t.Errorf("Append: %v", err)
	}
	if again := a.dropBelow(5); !errors.Is(again, err) {
		t.Errorf("dropping after %v: %v", err, again)
	}
	if closed := closeEngine(a.db); closed == nil {
		t.Error("closed twice")
	}
	if closed := a.Close(); !errors.Is(closed, err) {
		t.Errorf("Close after %v: %v", err, closed)
	}
	o := a.engineOptions(nil)
	o.FS = panicFS{vfs.NewMem()}
	if _, err := openPebble("/votes", o); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "pebble: ") {
		t.Errorf("opening: %v", err)
	}
}

// panicFS is what Pebble cannot make sense of.
type panicFS struct{ vfs.FS }

func (panicFS) List(string) ([]string, error) { panic("no sense") }

// TestWhatIsWorthDropping: a part of a MemTable, and less when the disk is almost full;
// but not nothing.
func TestWhatIsWorthDropping(t *testing.T) {
	o := memOptions()
	o.MemTable, o.Reserve = 64<<10, -1
	a := mustOpenIn(t, o)
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	drop := func(what string, below paxos.Slot, want uint64) {
		t.Helper()
		before := a.counters.reclaims.Load()
		if err := a.dropBelow(below); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if done := a.counters.reclaims.Load() - before; done != want {
			t.Errorf("%s: dropped %d times, want %d", what, done, want)
		}
	}
	write := func(slot paxos.Slot, body int) {
		t.Helper()
		if err := errors.Join(a.Append([]paxos.Record{voteFor(slot, body)}), a.db.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	write(1, 4<<10)
	drop("a little", 2, 0)
	write(2, 16<<10)
	drop("enough", 3, 1)
	write(3, 4<<10)
	a.options.Reserve = 1
	a.space.asked.Store(math.MaxInt64) // what was seen last holds: nothing is free
	drop("a little of a disk that is almost full", 4, 1)
	drop("nothing", 4, 0)
}

// TestForeignTables: a table with a key that is none of ours is not judged by it.
func TestForeignTables(t *testing.T) {
	for _, key := range [][]byte{{0}, {votePrefix}, {0xff}} {
		a := mustOpenIn(t, memOptions())
		err := errors.Join(a.Append([]paxos.Record{voteFor(1, 9)}), a.db.Set(key, nil, pebble.Sync), a.db.Flush())
		if err != nil {
			t.Fatal(err)
		}
		if err := a.dropBelow(1); !errors.Is(err, ErrCorrupt) {
			t.Errorf("key %x: %v", key, err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAVoteThatDoesNotDecode is told by the page that it would be on, below a sound state.
func TestAVoteThatDoesNotDecode(t *testing.T) {
	a := mustOpenIn(t, memOptions())
	err := errors.Join(a.Append([]paxos.Record{voteFor(5, 9), voteFor(9, 9)}), a.db.Set(appendVoteKey(nil, 5), []byte{recordVersion}, pebble.Sync))
	if err != nil {
		t.Fatal(err)
	}
	p := paxos.Page{From: 1}
	if err := a.Fill(&p, 1<<20); !errors.Is(err, ErrCorrupt) || len(p.Votes) > 0 {
		t.Errorf("%d votes, error %v", len(p.Votes), err)
	}
	if err := a.Close(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Close: %v", err)
	}
	long := binary.LittleEndian.AppendUint32(nil, 0)
	if _, err := decodeVote(long, a.seed, appendVoteKey(nil, 5), false); err == nil {
		t.Error("a vote of zeros is read")
	}
}

// TestADamagedBody: the header of a vote is sound, and its value is not.
func TestADamagedBody(t *testing.T) {
	key := appendVoteKey(nil, 5)
	v := voteFor(5, 9).(paxos.Voted).Vote
	s := stage{seed: seedOf(someDisk)}
	header, sum, err := appendVoteHeader(nil, s.seed, key, v)
	if err != nil {
		t.Fatal(err)
	}
	record := append(header, make([]byte, bodyRecordLen(v.Value.Body))...)
	putBody(record[len(header):], sum, v.Value.Body)
	if _, err := decodeVote(record, s.seed, key, false); err != nil {
		t.Fatal(err)
	}
	record[len(header)] ^= 1
	if _, err := decodeVote(record, s.seed, key, false); err == nil {
		t.Error("read in whole")
	}
	if _, err := decodeVote(record, s.seed, key, true); err != nil {
		t.Errorf("its ballot: %v", err)
	}
}

// TestPagesThatCannotBe: a page says how many files it covers, and no more fit.
func TestPagesThatCannotBe(t *testing.T) {
	b := encodePage(someDisk, page{turn: 3})
	binary.LittleEndian.PutUint16(b[40:], coverMax+1)
	binary.LittleEndian.PutUint32(b[coverPage-4:], crc32.Checksum(b[:coverPage-4], castagnoli))
	if _, ok := decodePage(someDisk, b); ok {
		t.Error("a page of too many files passes")
	}
	f := &lostFile{}
	c := &cover{file: f, disk: someDisk, watch: unwatched, page: page{files: map[coveredName]extent{}}}
	for n := range uint64(coverMax + 1) {
		c.note(coveredName{logFile, n}, extent{})
	}
	if err := c.write(); err == nil || f.writes > 0 {
		t.Errorf("too many logs: %v, %d writes", err, f.writes)
	}
}

// TestPebbleThatGivesUpIsHeld: what it thinks should end the process halts the store.
func TestPebbleThatGivesUpIsHeld(t *testing.T) {
	a := &Acceptor{dir: &Dir{path: "/a1", fs: vfs.NewMem()}, halt: parkedHalt()}
	if !storagetest.Held(func() { quietLogger{a}.Fatalf("%d", 4) }) || !a.halt.IsStuck() || a.halt.Cause() == nil {
		t.Errorf("it goes on, the cause is %v", a.halt.Cause())
	}
}

// parkedHalt is a halt that ends the goroutine of whoever is held.
func parkedHalt() *guard.Halt {
	h := newHalt(slog.New(slog.DiscardHandler), make(chan error, 1))
	h.Park = runtime.Goexit
	return h
}

// TestWhatAnOperatorReads: what Pebble says is debug output, and a slow disk a warning
// until it counts as hung.
func TestWhatAnOperatorReads(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a := &Acceptor{options: Options{Log: log, HungAfter: 5 * time.Second}, halt: newHalt(log, make(chan error, 1))}
	quietLogger{a}.Errorf("no %s", "sense")
	if !strings.Contains(b.String(), "level=DEBUG msg=\"pebble: no sense\"") {
		t.Errorf("the log is %q", b.String())
	}
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
		return Options{FS: d.FS(), MemTable: 16 << 10, CoverAfter: -1, HungAfter: -1}
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
	damaged := bytes.Replace(encodeIdentity(Info{Format: 1, Role: paxos.AcceptorRole, ID: "a1"}), []byte("format 1"), []byte("format 3"), 1)
	if _, err := decodeIdentity(damaged); err == nil || errors.As(err, new(errOtherFormat)) {
		t.Errorf("a damaged format passes for a newer one: %v", err)
	}
	for _, lines := range []string{"", "\n"} {
		if i, err := decodeIdentity(summed([]byte(lines))); err == nil {
			t.Errorf("%q is read as %+v", lines, i)
		}
	}
	if i, err := decodeIdentity(summed([]byte(identityTitle + "\nformat 1\n"))); err == nil || !strings.Contains(err.Error(), `"role"`) {
		t.Errorf("an identity that ends early is read as %+v, %v", i, err)
	}
	if cut := cleanCut(nil, math.MaxUint64); cut != math.MaxUint64 {
		t.Errorf("without tables the cut is at %d", cut)
	}
}
