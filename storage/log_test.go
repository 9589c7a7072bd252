package storage

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
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
	remove := func(numbers ...uint64) {
		t.Helper()
		for _, n := range numbers {
			if err := d.FS().Remove("/a1/votes/" + segmentName(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustMiss := func(n uint64) {
		t.Helper()
		if _, err := OpenAcceptor("/a1", "a1", diskOptions(d)); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), segmentName(n)+": corrupt") {
			t.Errorf("segment %d is missing: %v", n, err)
		}
	}
	remove(3)
	mustMiss(3)
	remove(1, 2, 4, 5, 6)
	mustMiss(1)
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
			<-time.After(d)
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
			<-time.After(time.Millisecond)
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
	add(100, 100) // the first Append of a segment may be the last
	add(100, 200+ahead)
	for w.length < 2900 {
		add(100, 200+ahead)
	}
	add(50, 200+ahead)
	add(50, 200+ahead+ahead)
	add(50, 200+ahead+ahead)
	add(101, 200+ahead+ahead)
	add(8000, 8000+3151)
	add(101, 8000+3151+101)
	add(100, 8000+3151+201+ahead)
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
	if want := leastSpares + 1 + 1; err != nil || len(names) != want || a.Metrics().Recycled != 1 || a.Metrics().Segments != 1 {
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
	next := segmentName(a.newest + 1)
	var left *storagetest.Disk
	d.Before(func(o storagetest.Op) error {
		if left == nil && o.Kind == storagetest.Write && path.Base(o.Path) == next {
			left = d // ends this
			a.dropping.Unlock()
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
