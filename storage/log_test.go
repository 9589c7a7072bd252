package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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

// TestPlacesOfARun are as far from each other as was asked for, and a scan for a slot that is
// at one of them begins there.
func TestPlacesOfARun(t *testing.T) {
	x := index{every: 10}
	x.begin(&segment{number: 1})
	x.add([]place{{1, 0}, {2, 9}, {3, 10}, {4, 19}, {5, 20}, {7, 35}}, 40, 40)
	r := x.runs[0]
	if want := []place{{1, 0}, {3, 10}, {5, 20}, {7, 35}}; !slices.Equal(r.places, want) {
		t.Errorf("places %v, want %v", r.places, want)
	}
	for from, want := range map[paxos.Slot]int64{0: 0, 1: 0, 2: 0, 3: 10, 4: 10, 5: 20, 6: 20, 7: 35} {
		if at := r.seek(from); at != want {
			t.Errorf("a scan from slot %d begins at %d, want %d", from, at, want)
		}
	}
}

// TestWhichRunsAreRead: those that have votes in the slots, and no other is kept from being
// dropped.
func TestWhichRunsAreRead(t *testing.T) {
	var x index
	x.begin(&segment{number: 1})
	x.add([]place{{5, 0}, {6, 1}, {7, 2}}, 3, 3)
	for _, c := range []struct {
		from, to paxos.Slot
		want     int
	}{{1, 5, 0}, {1, 6, 1}, {7, 0, 1}, {7, 8, 1}, {8, 0, 0}} {
		runs := x.read(c.from, c.to)
		if len(runs) != c.want || x.segments[0].readers != c.want {
			t.Errorf("slots %d to %d: %d runs, %d readers", c.from, c.to, len(runs), x.segments[0].readers)
		}
		x.release(runs)
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

// TestALaterStateIsFound wherever it is, if it is sound and later than that number.
func TestALaterStateIsFound(t *testing.T) {
	s := &segment{number: 7, seed: someSeed}
	entry := func(appends uint64) []byte {
		b, err := appendState(nil, someSeed, 7, state{appends: appends})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	mark := binary.LittleEndian.AppendUint64(nil, 7)
	damaged := entry(8)
	damaged[len(damaged)-1] ^= 1
	for _, c := range []struct {
		what  string
		parts [][]byte
		want  uint64
	}{
		{"nothing", nil, 0},
		{"a number alone", [][]byte{mark}, 0},
		{"at the beginning", [][]byte{entry(6)}, 6},
		{"behind other bytes", [][]byte{{1}, entry(6)}, 6},
		{"behind the number of the segment", [][]byte{mark, entry(6)}, 6},
		{"no later one", [][]byte{entry(5)}, 0},
		{"behind one that is not later", [][]byte{entry(5), entry(6)}, 6},
		{"damaged", [][]byte{damaged}, 0},
		{"behind a damaged one", [][]byte{damaged, entry(6)}, 6},
		{"cut short", [][]byte{entry(6)[:20]}, 0},
		{"behind one that is cut short", [][]byte{entry(6)[:13], entry(6)}, 6},
	} {
		if n := laterState(slices.Concat(c.parts...), s, 5); n != c.want {
			t.Errorf("%s: %d, want %d", c.what, n, c.want)
		}
	}
}

// TestPartsThatAreOlder: each sign that a part of the directory is older than the others is
// enough.
func TestPartsThatAreOlder(t *testing.T) {
	last := &segment{path: "/a1/votes/x"}
	for _, c := range []struct {
		what          string
		last          *segment
		appends, boot uint64 // of the log's last state
		cover         page
		identity      uint64 // boot number
		file          string // that is said to be damaged; empty: none
	}{
		{"all sound", last, 9, 4, page{appends: 9, boot: 4}, 4, ""},
		{"opened, and nothing appended", last, 9, 3, page{appends: 9, boot: 4}, 4, ""},
		{"about to be opened", last, 9, 4, page{appends: 9, boot: 5}, 4, ""},
		{"later than the cover", last, 10, 4, page{appends: 9, boot: 4}, 4, ""},
		{"no Append", nil, 9, 4, page{appends: 9, boot: 4}, 4, "/a1/votes"},
		{"an Append lost", last, 8, 4, page{appends: 9, boot: 4}, 4, "/a1/votes/x"},
		{"a boot lost", last, 9, 2, page{appends: 9, boot: 4}, 4, "/a1/votes/x"},
		{"identity older than the log", last, 9, 4, page{appends: 9, boot: 4}, 3, "/a1/IDENTITY"},
		{"identity older than the cover", last, 9, 4, page{appends: 9, boot: 6}, 4, "/a1/IDENTITY"},
		{"cover older than the identity", last, 9, 4, page{appends: 9, boot: 3}, 4, "/a1/COVER"},
	} {
		fsys := vfs.NewMem()
		a := &Acceptor{dir: &Dir{fs: fsys, path: "/a1", info: Info{Boot: c.identity}}, cover: &cover{path: "/a1/COVER", page: c.cover}, disk: fsys}
		r := recovery{a: a, last: c.last, state: state{appends: c.appends, boot: c.boot}}
		var damage *Error
		switch err := r.check(); {
		case c.file == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.file != "" && (!errors.As(err, &damage) || damage.Kind != ErrCorrupt || damage.Path != c.file):
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestALostGenesis: the states of a segment say that there is one.
func TestALostGenesis(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, diskOptions(d))
	a.stage.state.Genesis = someGenesis() // as if it were written
	if err := a.Append([]paxos.Record{voteFor(1, 9)}); err != nil {
		t.Fatal(err)
	}
	closeIt(t, a)
	if _, err := OpenAcceptor("/a1", "a1", diskOptions(d)); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "the genesis is missing") {
		t.Errorf("error %v", err)
	}
}

// TestTheEndOfTheLogIsSynced before anything is written behind it: what a process left unsynced
// may be lost with the power, when that is there.
func TestTheEndOfTheLogIsSynced(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	for slot := range paxos.Slot(2) {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 9)}); err != nil {
			t.Fatal(err)
		}
	}
	closeIt(t, a)
	var ops []string
	d.Before(func(o storagetest.Op) error {
		if path.Ext(o.Path) == ".log" && (o.Kind == storagetest.Write || o.Kind == storagetest.Sync) {
			ops = append(ops, fmt.Sprint(o.Kind, " ", path.Base(o.Path)))
		}
		return nil
	})
	a = mustOpenIn(t, sized(d))
	d.Before(nil)
	closeIt(t, a)
	if want := []string{"sync " + segmentName(3), "write " + segmentName(4)}; len(ops) < 2 || !slices.Equal(ops[:2], want) {
		t.Errorf("%v, want %v first", ops, want)
	}
}

// TestALongRecoveryIsTold to an operator, once in a while.
func TestALongRecoveryIsTold(t *testing.T) {
	for took, want := range map[time.Duration]int{tellAfter: 0, tellAfter + 1: 1} {
		synctest.Test(t, func(t *testing.T) {
			d := storagetest.NewDisk()
			a := mustOpenIn(t, sized(d))
			for slot := range paxos.Slot(2) {
				if err := a.Append([]paxos.Record{voteFor(slot+1, 9)}); err != nil {
					t.Fatal(err)
				}
			}
			closeIt(t, a)
			d.Before(func(o storagetest.Op) error {
				if o.Kind == storagetest.Open && path.Base(o.Path) == segmentName(1) {
					time.Sleep(took)
				}
				return nil
			})
			var log bytes.Buffer
			o := diskOptions(d)
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			a = mustOpenIn(t, o)
			if n := strings.Count(log.String(), "reading the log of votes"); n != want {
				t.Errorf("%v for a file: told %d times, want %d: %s", took, n, want, log.String())
			}
			closeIt(t, a)
		})
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
	m, err := openMerge(a.disk, runs, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
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
			m, err := openMerge(a.disk, runs, 1, 0)
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

// TestTheEndOfAWindow lies anywhere in the last entry of a run, which is a state.
func TestTheEndOfAWindow(t *testing.T) {
	o := memOptions()
	o.Segment = 1 << 20
	for over := -5; over < 70; over++ {
		o.FS = vfs.NewMem()
		a := mustOpenIn(t, o)
		v := voteFor(1, windowBytes-100).(paxos.Voted)
		v.Vote.Value.Body = make([]byte, 2*windowBytes-100-over-len(encodeVote(t, v.Vote)))
		if n := len(encodeVote(t, v.Vote)); n != windowBytes-over {
			t.Fatalf("a vote of %d bytes", n)
		}
		if err := a.Append([]paxos.Record{v}); err != nil {
			t.Fatal(err)
		}
		if votes := pageOf(t, a); len(votes) != 1 {
			t.Errorf("%d bytes behind the vote: %d votes", over, len(votes))
		}
		closeIt(t, a)
	}
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
		if how == "short" && !strings.Contains(err.Error(), "it ends before byte") {
			t.Errorf("%s: error %v", how, err)
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
	add(50, 100+ahead+ahead)
	add(50, 100+ahead+ahead)
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

// shortFile writes a byte less than it is told, and says so by no error.
type shortFile struct{ vfs.File }

func (f shortFile) Write(b []byte) (int, error) { return f.File.Write(b[:len(b)-1]) }

// TestAWriteThatIsShort is a failure.
func TestAWriteThatIsShort(t *testing.T) {
	f, err := vfs.NewMem().Create("x", diskWrites)
	if err != nil {
		t.Fatal(err)
	}
	w := logWriter{file: shortFile{f}}
	if err := w.append(make([]byte, 9)); err == nil || !strings.Contains(err.Error(), "8 of 9 bytes") || w.length != 8 {
		t.Errorf("error %v, %d bytes", err, w.length)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWhenASegmentIsFull: when it has as many bytes as were chosen.
func TestWhenASegmentIsFull(t *testing.T) {
	a := mustOpenIn(t, diskOptions(storagetest.NewDisk()))
	length := a.log.length
	for n, full := range map[int64]bool{-1: false, 0: true, 1: true} {
		a.log.length = int64(a.options.Segment) + n
		if next := a.nextSegment(); full != (next != nil) {
			t.Errorf("with %d bytes too many it is full: %t", n, !full)
		}
	}
	a.log.length = length
	closeIt(t, a)
}

// TestTheMemoryOfAnAppend is kept for the next, unless it is much.
func TestTheMemoryOfAnAppend(t *testing.T) {
	for size, kept := range map[int]bool{bufferRetained: true, bufferRetained + 1: false} {
		s := stage{bytes: make([]byte, 0, size)}
		if err := s.fill(nil, nil); err != nil {
			t.Fatal(err)
		}
		if kept != (cap(s.bytes) == size) {
			t.Errorf("%d bytes are kept: %t", size, !kept)
		}
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

// TestATrimDuringADrop is done by who drops: nobody else comes for it.
func TestATrimDuringADrop(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	for slot := range paxos.Slot(9) {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 100)}); err != nil {
			t.Fatal(err)
		}
	}
	d.Before(func(o storagetest.Op) error {
		if path.Base(o.Path) == coverName {
			a.trimmed.Store(9)
		}
		return nil
	})
	a.trimmed.Store(4)
	a.dropTrimmed()
	if n := a.Metrics().Segments; n != 1 {
		t.Errorf("%d segments are left", n)
	}
	d.Before(nil)
	closeIt(t, a)
}

// TestTrimmingDrops at once, though nobody waits for it.
func TestTrimmingDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := mustOpenIn(t, sized(storagetest.NewDisk()))
		for _, r := range []paxos.Record{voteFor(1, 9), voteFor(2, 9), paxos.Trimmed{Below: 3}} {
			if err := a.Append([]paxos.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if m := a.Metrics(); m.Segments != 1 || m.Reclaims != 1 {
			t.Errorf("%d segments are left, %d times some were dropped", m.Segments, m.Reclaims)
		}
		closeIt(t, a)
	})
}

// TestAFileThatCannotBeUsedAgain, or be removed, ends the acceptor, and costs nothing.
func TestAFileThatCannotBeUsedAgain(t *testing.T) {
	for _, kind := range []storagetest.Kind{storagetest.Rename, storagetest.Stat, storagetest.Remove} {
		d := storagetest.NewDisk()
		a := mustOpenIn(t, sized(d))
		for slot := range paxos.Slot(spareFiles + 2) {
			if err := a.Append([]paxos.Record{voteFor(slot+1, 9)}); err != nil {
				t.Fatal(err)
			}
		}
		fails := func(o storagetest.Op) error {
			if o.Kind == kind && path.Ext(o.Path) == ".log" {
				return syscall.EIO
			}
			return nil
		}
		d.Before(fails)
		a.trimmed.Store(spareFiles + 3)
		dropNow(a)
		err := errors.Join(a.Append([]paxos.Record{voteFor(8, 9)}), a.Append([]paxos.Record{voteFor(9, 9), paxos.Trimmed{Below: 9}}))
		dropNow(a)
		if err = cmp.Or(err, a.halt.Cause()); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s fails: error %v", kind, err)
		}
		if closed := a.Close(); !errors.Is(closed, syscall.EIO) {
			t.Errorf("%s fails: Close says %v", kind, closed)
		}
		left := d.Crash(0, 0)
		a = mustOpenIn(t, sized(left))
		pageOf(t, a)
		closeIt(t, a)
	}
}

// TestALeftoverThatCannotBeRemoved ends the opening.
func TestALeftoverThatCannotBeRemoved(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	for slot := range paxos.Slot(spareFiles + 3) {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 9)}); err != nil {
			t.Fatal(err)
		}
	}
	a.cover.begins(a.newest, a.log.segment.before) // and a crash before the files are given up
	if err := a.coverNow(); err != nil {
		t.Fatal(err)
	}
	left := d.Crash(0, 0)
	closeIt(t, a)
	left.Before(func(o storagetest.Op) error {
		if o.Kind == storagetest.Remove {
			return syscall.EIO
		}
		return nil
	})
	if _, err := OpenAcceptor("/a1", "a1", sized(left)); !errors.Is(err, syscall.EIO) {
		t.Errorf("error %v", err)
	}
}

// TestEveryReadFails of a page, one in each: whatever it is of, no page comes of it.
func TestEveryReadFails(t *testing.T) {
	d := storagetest.NewDisk()
	o := diskOptions(d)
	o.Segment = 1 << 20
	a := mustOpenIn(t, o)
	for slot, over := range []int{20, -300} { // a state crosses the end of a window, and a vote is larger than one
		v := voteFor(paxos.Slot(slot+1), windowBytes-100).(paxos.Voted)
		v.Vote.Value.Body = make([]byte, 2*windowBytes-100-over-len(encodeVote(t, v.Vote)))
		if err := a.Append([]paxos.Record{v}); err != nil {
			t.Fatal(err)
		}
	}
	left := d.Crash(0, 0)
	closeIt(t, a)
	failed := 0
	for n, more := 1, true; more; n++ {
		d := left.Crash(0, 0)
		a := mustOpenIn(t, o.on(d))
		reads := 0
		d.Before(func(o storagetest.Op) error {
			if o.Kind == storagetest.Read {
				if reads++; reads == n {
					return syscall.EIO
				}
			}
			return nil
		})
		p := paxos.Page{}
		err := a.Fill(&p, 1<<30)
		if more = reads >= n; more {
			failed++
		}
		if more != errors.Is(err, syscall.EIO) || more && len(p.Votes) > 0 || !more && len(p.Votes) != 2 {
			t.Errorf("read %d fails: %d votes, error %v", n, len(p.Votes), err)
		}
		d.Before(nil)
		if closed := a.Close(); (closed != nil) != more {
			t.Errorf("read %d fails: Close says %v", n, closed)
		}
	}
	if failed < 3 {
		t.Errorf("only %d reads", failed)
	}
}
