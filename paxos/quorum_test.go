package paxos

import (
	"errors"
	"fmt"
	"testing"
)

// systems are all quorum systems that could be asked for with n acceptors, sound or
// not.
func systems(n int) []QuorumSystem {
	all := []QuorumSystem{{}, {Kind: 3}}
	for a := -1; a <= n+1; a++ {
		all = append(all, QuorumSystem{Kind: Grid, Rows: a})
		for b := -1; b <= n+1; b++ {
			all = append(all, QuorumSystem{Kind: Sizes, Size1: a, Size2: b})
		}
	}
	return all
}

// dumb is a quorum system as its definition has it: the least sets that are
// quorums. A set holds a quorum when it holds one of these.
type dumb struct{ phase1, phase2 []Set }

func define(q QuorumSystem, n int) (d dumb) {
	switch q.Kind {
	case Majority:
		d.phase1 = ofSize(n/2+1, n)
		d.phase2 = d.phase1
	case Sizes:
		d.phase1, d.phase2 = ofSize(q.Size1, n), ofSize(q.Size2, n)
	case Grid:
		if q.Rows < 1 || n%q.Rows != 0 {
			return dumb{}
		}
		d.phase2 = []Set{0}
		for row := range q.Rows {
			var whole Set
			var more []Set
			for col := range n / q.Rows {
				i := row*(n/q.Rows) + col
				whole = whole.With(i)
				for _, s := range d.phase2 {
					more = append(more, s.With(i))
				}
			}
			d.phase1, d.phase2 = append(d.phase1, whole), more
		}
	}
	return d
}

// ofSize is all sets of size of the first n acceptors; none for sizes there are none of.
func ofSize(size, n int) (sets []Set) {
	for s := range Set(1) << n {
		if s.Len() == size && size > 0 {
			sets = append(sets, s)
		}
	}
	return sets
}

func holdsOne(s Set, of []Set) bool {
	for _, q := range of {
		if s&q == q {
			return true
		}
	}
	return false
}

// sound is the definition: there are quorums, and every one of phase 1 meets every
// one of phase 2 (PTP §2.1 B2 as Flexible Paxos §3 weakens it).
func (d dumb) sound() bool {
	for _, a := range d.phase1 {
		for _, b := range d.phase2 {
			if a&b == 0 {
				return false
			}
		}
	}
	return len(d.phase1) > 0 && len(d.phase2) > 0
}

// survives is the most acceptors of which any may be lost with quorums of both
// phases left.
func (d dumb) survives(n int) int {
	for lost := 1; ; lost++ {
		for _, s := range ofSize(lost, n) {
			left := all(n) &^ s
			if !holdsOne(left, d.phase1) || !holdsOne(left, d.phase2) {
				return lost - 1
			}
		}
	}
}

// TestQuorumSystemsAgainstTheirDefinition checks every system of up to 7 acceptors,
// every set of these.
func TestQuorumSystemsAgainstTheirDefinition(t *testing.T) {
	checked := 0
	for n := 1; n <= 7; n++ {
		for _, q := range systems(n) {
			d := define(q, n)
			err := q.Check(n)
			if (err == nil) != d.sound() {
				t.Errorf("%s of %d acceptors: %v, want sound: %v", q, n, err, d.sound())
			}
			if err != nil {
				if !errors.Is(err, ErrQuorum) {
					t.Errorf("%s of %d acceptors: %v is no ErrQuorum", q, n, err)
				}
				continue
			}
			checked++
			for s := range Set(1) << n {
				if got := q.Phase1(s, n); got != holdsOne(s, d.phase1) {
					t.Fatalf("%s of %d: %b holds a phase-1 quorum: %v", q, n, s, got)
				}
				if got := q.Phase2(s, n); got != holdsOne(s, d.phase2) {
					t.Fatalf("%s of %d: %b holds a phase-2 quorum: %v", q, n, s, got)
				}
			}
			if got, want := q.Survives(n), d.survives(n); got != want {
				t.Errorf("%s of %d acceptors survives %d, want %d", q, n, got, want)
			}
		}
	}
	if checked < 100 {
		t.Errorf("%d sound systems, want all of them", checked)
	}
}

// TestNoQuorumWithoutASystem: a kind that nobody knows chooses nothing.
func TestNoQuorumWithoutASystem(t *testing.T) {
	q := QuorumSystem{Kind: 9}
	if q.Phase1(all(3), 3) || q.Phase2(all(3), 3) {
		t.Error("all acceptors are a quorum of an unknown system")
	}
}

func TestQuorumSystemLimits(t *testing.T) {
	for n, want := range map[int]bool{-1: false, 0: false, 1: true, MaxAcceptors: true, MaxAcceptors + 1: false} {
		if err := (QuorumSystem{}).Check(n); (err == nil) != want {
			t.Errorf("%d acceptors: %v", n, err)
		}
	}
	if whole := all(MaxAcceptors); whole.Len() != MaxAcceptors || !whole.Has(MaxAcceptors-1) || !(QuorumSystem{}).Phase2(whole, MaxAcceptors) {
		t.Error("not all acceptors fit a Set")
	}
}

func TestQuorumStrings(t *testing.T) {
	for _, c := range []struct {
		what fmt.Stringer
		want string
	}{
		{QuorumSystem{}, "majority"},
		{QuorumSystem{Kind: Sizes, Size1: 2, Size2: 4}, "sizes 2/4"},
		{QuorumSystem{Kind: Grid, Rows: 3}, "grid of 3 rows"},
		{QuorumSystem{Kind: 9}, "quorum kind 9"},
		{Majority, "majority"}, {Sizes, "sizes"}, {Grid, "grid"}, {QuorumKind(9), "quorum kind 9"},
	} {
		if got := c.what.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
