package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// diskOptions are those of a small log on d, each Append of which is covered at once.
func diskOptions(d *storagetest.Disk) Options {
	return Options{FS: d.FS(), Segment: 16 << 10, CoverAfter: -1, HungAfter: -1}
}

// pageOf is all votes that a has.
func pageOf(t *testing.T, a *Acceptor) []paxos.Vote {
	t.Helper()
	p := paxos.Page{}
	if err := a.Fill(&p, 1<<30); err != nil {
		t.Fatal(err)
	}
	return p.Votes
}

// dropNow drops what is below the trim point, and returns when that is done.
func dropNow(a *Acceptor) {
	a.dropping.Lock()
	defer a.dropping.Unlock()
	a.dropAll()
}

func closeIt(t *testing.T, a *Acceptor) {
	t.Helper()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSegmentNames: a name is a segment's in one form only.
func TestSegmentNames(t *testing.T) {
	for name, want := range map[string]bool{"000000000012.log": true, "12.log": false, "000000000012": false, "x.log": false, "-00000000012.log": false, "0000000000012.log": false} {
		if n, ok := segmentNumber(name); ok != want || ok && (n != 12 || segmentName(n) != name) {
			t.Errorf("%s is segment %d, %t", name, n, ok)
		}
	}
	if name := segmentName(1 << 62); !strings.HasPrefix(name, "4611") {
		t.Errorf("a large number is %s", name)
	} else if n, ok := segmentNumber(name); !ok || n != 1<<62 {
		t.Errorf("%s is segment %d, %t", name, n, ok)
	}
}

// TestIndexAgainstAList: a run begins where slots do not ascend, and a scan for a slot begins
// at it or before, never after.
func TestIndexAgainstAList(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		x := index{every: 1 + r.Int64N(100)}
		var all []place
		var at int64
		for n := range 3 {
			s := &segment{number: uint64(n)}
			x.begin(s)
			at = 0
			all = nil
			for range r.IntN(20) {
				var votes []place
				for range r.IntN(5) {
					at += 1 + r.Int64N(40)
					votes = append(votes, place{paxos.Slot(r.Uint64N(30)), at})
				}
				at += 1 + r.Int64N(40)
				x.add(votes, at, at)
				all = append(all, votes...)
			}
			checkRuns(t, seed, &x, s, all)
		}
	}
}

// checkRuns compares the runs of s with the votes that it holds.
func checkRuns(t *testing.T, seed uint64, x *index, s *segment, all []place) {
	t.Helper()
	rest := all
	for _, r := range x.runs {
		if r.segment != s {
			continue
		}
		n := 1
		for n < len(rest) && rest[n].slot > rest[n-1].slot {
			n++
		}
		votes := rest[:n]
		rest = rest[n:]
		if r.low != votes[0].slot || r.high != votes[n-1].slot || r.end <= votes[n-1].at || len(rest) > 0 && r.end > rest[0].at {
			t.Fatalf("seed %d: run %+v of votes %+v, then %+v", seed, r, votes, rest)
		}
		for from := range paxos.Slot(32) {
			start := r.seek(from)
			first := slices.IndexFunc(votes, func(p place) bool { return p.slot >= from })
			if first >= 0 && start > votes[first].at || !slices.ContainsFunc(votes, func(p place) bool { return p.at == start }) {
				t.Fatalf("seed %d: run of %+v, a scan from slot %d begins at %d", seed, votes, from, start)
			}
			if first > 0 && votes[first].at-start > 2*x.every+240 {
				t.Fatalf("seed %d: run of %+v, a scan from slot %d begins at %d, places every %d", seed, votes, from, start, x.every)
			}
		}
	}
	if len(rest) > 0 {
		t.Fatalf("seed %d: votes %+v are in no run", seed, rest)
	}
	high := paxos.Slot(0)
	for _, v := range all {
		high = max(high, v.slot)
	}
	if s.high != high {
		t.Fatalf("seed %d: the highest slot is %d, want %d", seed, s.high, high)
	}
}

// TestWhatIsCut: segments below the slot, from the first on, but not one that is read, nor
// the last.
func TestWhatIsCut(t *testing.T) {
	var x index
	segments := make([]*segment, 5)
	for i, high := range []paxos.Slot{10, 0, 30, 20, 5} {
		segments[i] = &segment{number: uint64(i + 1)}
		x.begin(segments[i])
		if high > 0 {
			x.add([]place{{high, 1}}, 2, 2)
		}
	}
	for _, c := range []struct {
		below    paxos.Slot
		read     int // segment that somebody reads; -1: none
		cut      int
		firstNow uint64
	}{{10, -1, 0, 1}, {11, 0, 0, 1}, {11, -1, 2, 3}, {30, -1, 0, 3}, {100, 3, 1, 4}, {100, -1, 1, 5}, {100, -1, 0, 5}} {
		var read []run
		if c.read >= 0 {
			read = x.read(segments[c.read].high, segments[c.read].high+1)
		}
		before := len(x.segments)
		obsolete, first := x.cut(c.below)
		if len(obsolete) != c.cut || first.number != c.firstNow || len(x.segments) != before-c.cut {
			t.Errorf("below %d: %d segments cut, want %d; the first is %d, want %d", c.below, len(obsolete), c.cut, first.number, c.firstNow)
		}
		x.release(read)
		for _, r := range x.runs {
			if r.segment.number < first.number {
				t.Errorf("below %d: a run of segment %d is left", c.below, r.segment.number)
			}
		}
	}
	if len(x.runs) != 1 || slices.ContainsFunc(segments, func(s *segment) bool { return s.readers != 0 }) {
		t.Errorf("%d runs are left", len(x.runs))
	}
}

// TestTheLastVoteCounts: of the votes in a slot, wherever they are.
func TestTheLastVoteCounts(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, diskOptions(d))
	vote := func(round uint64, slots ...paxos.Slot) {
		var group []paxos.Record
		for _, s := range slots {
			group = append(group, paxos.Voted{Vote: paxos.Vote{Slot: s, Ballot: paxos.Ballot{Round: round, Proposer: "p1"}, Value: paxos.Value{Body: make([]byte, 1000)}}})
		}
		if err := a.Append(group); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string) {
		t.Helper()
		want := []uint64{1, 3, 2, 4, 5, 3} // rounds, of slots 1 to 6
		var got []uint64
		for i, v := range pageOf(t, a) {
			got = append(got, v.Ballot.Round)
			if v.Slot != paxos.Slot(i+1) {
				t.Errorf("%s: slot %d, want %d", what, v.Slot, i+1)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: rounds %v, want %v", what, got, want)
		}
	}
	vote(1, 1, 2, 3, 4)
	vote(2, 3, 4, 5)
	vote(3, 2, 6)
	vote(4, 4)
	vote(5, 5, 5)
	check("before")
	closeIt(t, a)
	a = mustOpenIn(t, diskOptions(d))
	check("afterwards")
	closeIt(t, a)
}

// sized is the options with which every Append begins a segment.
func sized(d *storagetest.Disk) Options {
	o := diskOptions(d)
	o.Segment = 1
	return o
}

// TestSegmentsThatWereNeverWritten: a crash may leave a new segment without an Append, and
// even two, one after the other.
func TestSegmentsThatWereNeverWritten(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, diskOptions(d))
	if err := a.Append([]paxos.Record{voteFor(1, 9)}); err != nil {
		t.Fatal(err)
	}
	closeIt(t, a)
	for _, n := range []uint64{2, 3} {
		if err := d.Put("/a1/votes/"+segmentName(n), make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		a = mustOpenIn(t, diskOptions(d))
		if votes := pageOf(t, a); len(votes) != 1 {
			t.Errorf("%d votes", len(votes))
		}
		closeIt(t, a)
	}
	if err := d.FS().Remove("/a1/votes/" + segmentName(3)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAcceptor("/a1", "a1", diskOptions(d)); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), segmentName(3)+": corrupt") {
		t.Errorf("a segment is missing: %v", err)
	}
}

// TestATornAppend: of the Append that a power loss interrupts any part may be there, also its
// end without its beginning; it counts for nothing. Of one that was answered all must be there.
func TestATornAppend(t *testing.T) {
	d := storagetest.NewDisk()
	o := diskOptions(d)
	o.CoverAfter = time.Hour // what the log says itself is enough
	a := mustOpenIn(t, o)
	var ends []int64
	for slot := range paxos.Slot(3) {
		if err := a.Append([]paxos.Record{voteFor(2*slot+1, 50), voteFor(2*slot+2, 50)}); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, a.log.length)
	}
	file := a.log.segment.path
	left := d.Crash(0, 0)
	closeIt(t, a)
	for n, lost := range map[int][2]int64{0: {0, ends[0]}, 1: {ends[0], ends[1]}, 2: {ends[1], ends[2]}} {
		for from := lost[0]; from < lost[1]; from += 7 {
			for _, to := range []int64{from + 1, min(from+60, lost[1]), lost[1]} {
				torn := left.Crash(0, 0)
				part := torn.Bytes(file)[from:to]
				if len(bytes.Trim(part, "\x00")) == 0 {
					continue
				}
				clear(part)
				a, err := OpenAcceptor("/a1", "a1", o.on(torn))
				switch {
				case n < 2 && !errors.Is(err, ErrCorrupt):
					t.Errorf("Append %d, bytes %d to %d lost: error %v", n, from, to, err)
				case n == 2 && err != nil:
					t.Errorf("the last Append, bytes %d to %d lost: error %v", from, to, err)
				case n == 2 && len(pageOf(t, a)) != 4:
					t.Errorf("the last Append, bytes %d to %d lost: %d votes", from, to, len(pageOf(t, a)))
				}
				if err == nil {
					closeIt(t, a)
				}
			}
		}
	}
}

// on is o with the file system of d.
func (o Options) on(d *storagetest.Disk) Options {
	o.FS = d.FS()
	return o
}

// TestNobodyLooksLikeAnAppend: a value with the bytes of a later state is a value, whoever
// knows the disk, since the salt is not known.
func TestNobodyLooksLikeAnAppend(t *testing.T) {
	for _, known := range []bool{false, true} {
		d := storagetest.NewDisk()
		o := diskOptions(d)
		o.CoverAfter = time.Hour
		a := mustOpenIn(t, o)
		var salt paxos.UUID
		if known {
			salt = a.cover.salt
		}
		forged, err := appendState(nil, seedOf(a.Disk(), salt, a.newest), a.newest, state{appends: 1000})
		if err != nil {
			t.Fatal(err)
		}
		v := voteFor(1, 0).(paxos.Voted)
		v.Vote.Value.Body = forged
		at := a.log.length
		if err := a.Append([]paxos.Record{v}); err != nil {
			t.Fatal(err)
		}
		torn := d.Crash(0, 0)
		torn.Bytes(a.log.segment.path)[at] ^= 1
		closeIt(t, a)
		a, err = OpenAcceptor("/a1", "a1", o.on(torn))
		if err == nil {
			closeIt(t, a)
		}
		if known != errors.Is(err, ErrCorrupt) || !known && err != nil {
			t.Errorf("the salt is known: %t, error %v", known, err)
		}
	}
}

// TestOldBytesOfAFile that is used again are not taken for new ones.
func TestOldBytesOfAFile(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, diskOptions(d))
	var slot paxos.Slot
	for a.Metrics().Recycled < 3 {
		slot++
		dropNow(a)
		if err := a.Append([]paxos.Record{voteFor(slot, 500), paxos.Trimmed{Below: slot}}); err != nil {
			t.Fatal(err)
		}
	}
	if file := d.Bytes(a.log.segment.path); len(bytes.Trim(file[a.log.length:], "\x00")) == 0 {
		t.Error("there are no old bytes")
	}
	left := d.Crash(0, 0)
	closeIt(t, a)
	a = mustOpenIn(t, diskOptions(left))
	if votes := pageOf(t, a); len(votes) != 1 || votes[0].Slot != slot {
		t.Errorf("votes %v, want one in slot %d", votes, slot)
	}
	closeIt(t, a)
}

// TestWhoReadsKeepsTheFiles: what a page is read from is neither removed nor used again.
func TestWhoReadsKeepsTheFiles(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	for slot := range paxos.Slot(5) {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 100)}); err != nil {
			t.Fatal(err)
		}
	}
	runs := a.index.read(3, 4)
	if err := a.Append([]paxos.Record{paxos.Trimmed{Below: 6}}); err != nil {
		t.Fatal(err)
	}
	dropNow(a)
	m := newMerge(a.disk, runs, 3, 4)
	v, ok, err := m.next(false)
	if !ok || err != nil || v.Slot != 3 {
		t.Errorf("vote %+v, %t, error %v", v, ok, err)
	}
	if err := m.close(); err != nil {
		t.Fatal(err)
	}
	a.index.release(runs)
	dropNow(a)
	if n := a.Metrics().Segments; n != 1 {
		t.Errorf("%d segments are left", n)
	}
	closeIt(t, a)
}

// TestWhatIsPassedIsRead: between two votes of a run there may be states. If one of them is not
// what was written, neither is its length, perhaps.
func TestWhatIsPassedIsRead(t *testing.T) {
	for _, kind := range []byte{stateEntry, genesisEntry} {
		d := storagetest.NewDisk()
		a := mustOpenIn(t, diskOptions(d))
		founded := paxos.Founded{Genesis: *someGenesis()}
		err := errors.Join(a.Append([]paxos.Record{voteFor(5, 9), founded}), a.Append([]paxos.Record{voteFor(6, 9)}), a.Append([]paxos.Record{voteFor(7, 9)}))
		if err != nil {
			t.Fatal(err)
		}
		data := d.Bytes(a.log.segment.path)
		at := a.index.runs[0].places[0].at
		for at += entryLength(data[at:]); data[at] != kind; at += entryLength(data[at:]) {
		}
		for _, flip := range []int64{0, 1, 2, 3, entryHeader, entryLength(data[at:]) - 1} {
			data[at+flip] ^= 1
			runs := a.index.read(1, 0)
			m := newMerge(a.disk, runs, 1, 0)
			var err error
			for err == nil {
				var ok bool
				if _, ok, err = m.next(true); !ok {
					break
				}
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%c, byte %d: error %v", kind, flip, err)
			}
			a.index.release(runs)
			data[at+flip] ^= 1
		}
		closeIt(t, a)
	}
}

// TestAPageReadsWhatItNeeds: also of a log whose votes are in many runs and segments, and
// without a limit.
func TestAPageReadsWhatItNeeds(t *testing.T) {
	d := storagetest.NewDisk()
	o := diskOptions(d)
	a := mustOpenIn(t, o)
	for slot := paxos.Slot(1); slot < 1000; slot += 2 {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 400), voteFor(slot, 400)}); err != nil {
			t.Fatal(err)
		}
	}
	before := d.Calls()
	p := paxos.Page{From: 301}
	if err := a.Fill(&p, 2500); err != nil || len(p.Votes) < 3 || p.Next != p.Votes[0].Slot+paxos.Slot(len(p.Votes)) {
		t.Errorf("error %v, page of %d, next %d", err, len(p.Votes), p.Next)
	}
	if calls := d.Calls() - before; calls > 40 {
		t.Errorf("%d calls on the disk for %d votes", calls, len(p.Votes))
	}
	closeIt(t, a)
}

func entryLength(b []byte) int64 {
	entry, _ := cutEntry(b)
	return int64(len(entry))
}

// TestReadsGoOverWindows: entries larger and smaller than what is read at once.
func TestReadsGoOverWindows(t *testing.T) {
	o := memOptions()
	o.Segment = 1 << 20
	a := mustOpenIn(t, o)
	r := rand.New(rand.NewPCG(1, 1))
	var want []paxos.Vote
	for slot := range paxos.Slot(60) {
		v := voteFor(slot+1, r.IntN(3*windowBytes>>(slot%3*4))).(paxos.Voted)
		for i := range v.Vote.Value.Body {
			v.Vote.Value.Body[i] = byte(r.Uint32())
		}
		want = append(want, v.Vote)
		if err := a.Append([]paxos.Record{v}); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []int{0, 1, 29, 59} {
		p := paxos.Page{From: paxos.Slot(from + 1)}
		if err := a.Fill(&p, 1<<30); err != nil {
			t.Fatal(err)
		}
		if len(p.Votes) != len(want)-from {
			t.Fatalf("from %d: %d votes", from, len(p.Votes))
		}
		for i, v := range p.Votes {
			if w := want[from+i]; v.Slot != w.Slot || !v.Value.Equal(w.Value) {
				t.Errorf("from %d: slot %d is not what was written in slot %d", from, v.Slot, w.Slot)
			}
		}
	}
	closeIt(t, a)
}

// TestAFileThatIsCutShort while the acceptor is open, or gone, is told by who reads it.
func TestAFileThatIsCutShort(t *testing.T) {
	for _, how := range []string{"short", "gone", "unreadable"} {
		d := storagetest.NewDisk()
		a := mustOpenIn(t, diskOptions(d))
		if err := a.Append([]paxos.Record{voteFor(5, 1000)}); err != nil {
			t.Fatal(err)
		}
		file, want := a.log.segment.path, ErrCorrupt
		switch how {
		case "short":
			if err := d.Put(file, d.Bytes(file)[:a.index.runs[0].places[0].at+200]); err != nil {
				t.Fatal(err)
			}
		case "gone":
			want = fs.ErrNotExist
			if err := d.FS().Remove(file); err != nil {
				t.Fatal(err)
			}
		case "unreadable":
			want = syscall.EIO
			d.Before(func(o storagetest.Op) error {
				if o.Kind == storagetest.Read {
					return syscall.EIO
				}
				return nil
			})
		}
		p := paxos.Page{From: 1}
		err := a.Fill(&p, 1)
		if !errors.Is(err, want) || len(p.Votes) > 0 || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %d votes, error %v", how, len(p.Votes), err)
		}
		d.Before(nil)
		if closed := a.Close(); !errors.Is(closed, err) {
			t.Errorf("%s: Close says %v", how, closed)
		}
	}
}

// TestWhenTheCoverIsWritten: CoverAfter after the last of several Appends, and ten times that
// after the first at the latest.
func TestWhenTheCoverIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := memOptions()
		o.CoverAfter = 10 * time.Millisecond
		o.Segment = 1 << 20
		a := mustOpenIn(t, o)
		covers := a.cover.written.Load
		wait := func(d time.Duration, want uint64, what string) {
			t.Helper()
			before := covers()
			time.Sleep(d)
			synctest.Wait()
			if n := covers() - before; n != want {
				t.Errorf("%s: %d covers, want %d", what, n, want)
			}
		}
		wait(time.Second, 1, "after the opening")
		wait(time.Second, 0, "when nothing happens")
		before := covers()
		for slot := range paxos.Slot(950) {
			if err := a.Append([]paxos.Record{voteFor(slot+1, 9)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if n := covers() - before; n < 9 || n > 11 {
			t.Errorf("in 950 ms of Appends: %d covers", n)
		}
		wait(9*time.Millisecond-time.Microsecond, 0, "soon after the last Append")
		wait(time.Second, 1, "after the last Append")
		closeIt(t, a)
	})
}

// TestZerosAhead: a new file is written ahead of, once in a while; one that is used again, or
// whose Appends are large, is not.
func TestZerosAhead(t *testing.T) {
	mem := vfs.NewMem()
	f, err := mem.Create("x", diskWrites)
	if err != nil {
		t.Fatal(err)
	}
	const ahead = 3200
	w := logWriter{file: f, ahead: ahead}
	size := func() int64 {
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	add := func(n int, want int64) {
		t.Helper()
		if err := w.append(bytes.Repeat([]byte{7}, n)); err != nil {
			t.Fatal(err)
		}
		if size() != want || w.filled != want {
			t.Errorf("after %d bytes of %d the file has %d, and is said to have %d, want %d", n, w.length, size(), w.filled, want)
		}
	}
	add(100, 100+ahead)
	for w.length < 2800 {
		add(100, 100+ahead)
	}
	add(50, 100+ahead)
	add(100, 100+ahead+ahead)
	add(101, 100+ahead+ahead)
	add(8000, 8000+3051)
	add(101, 8000+3051+101)
	add(100, 8000+3051+201+ahead)
	w.filled = 1 << 20
	before := size()
	if err := w.append([]byte{1}); err != nil || size() != before || w.filled != 1<<20 {
		t.Errorf("in a file that is used again: %v, %d bytes", err, size())
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLeftoversAreGoneOrUsed: files of segments before the first are used again, or removed.
func TestLeftoversAreGoneOrUsed(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	for slot := range paxos.Slot(8) {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 100)}); err != nil {
			t.Fatal(err)
		}
	}
	before := d.Crash(0, 0)
	if err := a.Append([]paxos.Record{paxos.Trimmed{Below: 9}}); err != nil {
		t.Fatal(err)
	}
	dropNow(a)
	closeIt(t, a)
	for _, file := range before.Files() {
		if d.Bytes(file) == nil && path.Ext(file) == ".log" {
			if err := d.Put(file, before.Bytes(file)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.Put("/a1/votes/notes.txt", []byte("x")); err != nil { // is nobody's
		t.Fatal(err)
	}
	a = mustOpenIn(t, diskOptions(d))
	dropNow(a)
	names, err := d.FS().List("/a1/votes")
	if want := spareFiles + 1 + 1; err != nil || len(names) != want || a.Metrics().Recycled != 1 || a.Metrics().Segments != 1 {
		t.Errorf("files %v, error %v, want %d; %d used again", names, err, want, a.Metrics().Recycled)
	}
	if votes := pageOf(t, a); len(votes) > 0 {
		t.Errorf("votes %v", votes)
	}
	closeIt(t, a)
}

// TestWhereTheLogBeginsIsCovered before what came before it is given up.
func TestWhereTheLogBeginsIsCovered(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	for slot := range paxos.Slot(3) {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 100)}); err != nil {
			t.Fatal(err)
		}
	}
	f := a.cover.file
	a.cover.file = &lostFile{File: f}
	a.trimmed.Store(4)
	before := len(d.Files())
	a.dropTrimmed()
	if a.halt.Cause() == nil || len(d.Files()) != before || len(a.spares.paths) > 0 {
		t.Errorf("cause %v, files %v", a.halt.Cause(), d.Files())
	}
	if err := errors.Join(f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err == nil {
		t.Error("closed as if nothing had failed")
	}
}

// TestKnownConfigurationsSurvive what trims them.
func TestKnownConfigurationsSurvive(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, diskOptions(d))
	g := someGenesis()
	g.First.From, g.State = 1, [16]byte{}
	var model paxos.Ledger
	add := func(records ...paxos.Record) {
		t.Helper()
		if err := a.Append(records); err != nil {
			t.Fatal(err)
		}
		model.Append(records...)
	}
	add(paxos.Founded{Genesis: *g, Sealed: true})
	for n := range uint64(4) {
		add(paxos.Configured{Known: []paxos.Configuration{{Number: n + 2, From: paxos.Slot(10 * (n + 1)), Copies: 1, Acceptors: g.First.Acceptors}}})
	}
	for _, below := range []paxos.Slot{5, 11, 25, 100} {
		add(paxos.Trimmed{Below: below})
		left := mustOpenIn(t, diskOptions(d.Crash(0, 0)))
		if got := left.State(); !reflect.DeepEqual(got, model.State) {
			t.Errorf("trimmed below %d: %s\nwant %s", below, fmt.Sprint(got.Known), fmt.Sprint(model.State.Known))
		}
		closeIt(t, left)
	}
	closeIt(t, a)
}

// TestATrimWhileASegmentBegins: what came before a segment is kept until the segment has an
// Append, and with it a state.
func TestATrimWhileASegmentBegins(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	if err := a.Append([]paxos.Record{voteFor(1, 100)}); err != nil {
		t.Fatal(err)
	}
	a.dropping.Lock() // whoever drops comes late
	if err := a.Append([]paxos.Record{paxos.Trimmed{Below: 2}}); err != nil {
		t.Fatal(err)
	}
	a.dropping.Unlock()
	next := segmentName(a.newest + 1)
	var left *storagetest.Disk
	d.Before(func(o storagetest.Op) error {
		if left == nil && o.Kind == storagetest.Write && path.Base(o.Path) == next {
			left = d // ends this
			dropNow(a)
			left = d.Crash(0, 0)
		}
		return nil
	})
	if err := a.Append([]paxos.Record{paxos.Reached{Below: 2}}); err != nil {
		t.Fatal(err)
	}
	d.Before(nil)
	closeIt(t, a)
	a = mustOpenIn(t, sized(left))
	if a.State().Marks.TrimBelow != 2 {
		t.Errorf("state %+v", a.State())
	}
	closeIt(t, a)
}

// TestLookingForStatesIsFast though a value is full of what looks like long ones, and the
// longest state is found.
func TestLookingForStatesIsFast(t *testing.T) {
	s := &segment{number: 7, seed: someSeed}
	trap := binary.LittleEndian.AppendUint64(append([]byte{stateEntry}, 0, 0, 16, 0), s.number)
	data := bytes.Repeat(trap, 4<<20/len(trap))
	largest := state{appends: 1<<64 - 1, boot: 1<<64 - 1}
	largest.Promised = paxos.Ballot{Round: 1<<64 - 1, Proposer: paxos.NodeID(strings.Repeat("x", 255))}
	largest.Marks = paxos.Marks{ChosenBelow: 1<<64 - 1, TrimBelow: 1<<64 - 1, MaxVoted: 1<<64 - 1, MaxStamp: -1 << 63}
	data, err := appendState(data, s.seed, s.number, largest)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if n := laterState(data, s, 1); n != largest.appends {
		t.Errorf("found number %d", n)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestAGenesisThatCannotBeRead again is refused, not stored.
func TestAGenesisThatCannotBeRead(t *testing.T) {
	for name, spoil := range map[string]func(g *paxos.Genesis){
		"negative size":      func(g *paxos.Genesis) { g.First.Quorums.Size1 = -1 },
		"too many acceptors": func(g *paxos.Genesis) { g.First.Acceptors = make([]paxos.Member, paxos.MaxAcceptors+1) },
	} {
		o := memOptions()
		a := mustOpenIn(t, o)
		g := *someGenesis()
		if err := a.Append([]paxos.Record{paxos.Founded{Genesis: g}}); err != nil {
			t.Fatal(err)
		}
		spoil(&g)
		err := a.Append([]paxos.Record{paxos.Founded{Genesis: g}})
		if !errors.Is(err, ErrRecord) {
			t.Errorf("%s: error %v", name, err)
		}
		_ = a.Close()
		if a, err = OpenAcceptor("/a1", "a1", o); err != nil {
			t.Errorf("%s: afterwards %v", name, err)
			continue
		}
		closeIt(t, a)
	}
}
