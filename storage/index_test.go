package storage

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

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
