package paxos

import (
	"cmp"
	"math"
	"strings"
	"testing"
	"testing/quick"
)

// TestBallotsAreTotallyOrdered: of any two ballots one is below the other, or they
// are the same; every field counts; and the order is transitive (PTP §2.3).
func TestBallotsAreTotallyOrdered(t *testing.T) {
	var all []Ballot
	for _, round := range []uint64{0, 1, 2, math.MaxUint64} {
		for _, id := range []NodeID{"", "p1", "p10", "p2"} {
			for _, incarnation := range []uint64{0, 1, math.MaxUint64} {
				all = append(all, Ballot{round, id, incarnation})
			}
		}
	}
	// They were made in ascending order.
	for i, a := range all {
		for j, b := range all {
			if got, want := a.Compare(b), cmp.Compare(i, j); got != want {
				t.Errorf("%v.Compare(%v) = %d, want %d", a, b, got, want)
			}
			if got, want := a.Less(b), i < j; got != want {
				t.Errorf("%v.Less(%v) = %v", a, b, got)
			}
		}
	}
}

// TestBallotOrderIsAntisymmetric on random ballots, also for the parts of it.
func TestBallotOrderIsAntisymmetric(t *testing.T) {
	property := func(a, b Ballot) bool {
		return a.Compare(b) == -b.Compare(a) && (a.Compare(b) == 0) == (a == b)
	}
	if err := quick.Check(property, nil); err != nil {
		t.Error(err)
	}
}

func TestZeroBallotIsBelowAllOthers(t *testing.T) {
	if !(Ballot{}).IsZero() || !(Ballot{}).Less(Ballot{Incarnation: 1}) || (Ballot{Incarnation: 1}).IsZero() {
		t.Error("the zero ballot is not the one below all others")
	}
}

func TestBallotString(t *testing.T) {
	for b, want := range map[Ballot]string{
		{}:              "0",
		{3, "p1", 0xbe}: "3.p1.be",
		{0, "p1", 0}:    "0.p1.0",
	} {
		if got := b.String(); got != want {
			t.Errorf("%#v: %q, want %q", b, got, want)
		}
	}
}

func TestNodeIDValid(t *testing.T) {
	for id, want := range map[NodeID]bool{
		"": false, "a1": true, "a-1": true, "A1": false, "a.1": false, "a 1": false, "a*": false, "ä": false, "a\x00": false,
		NodeID(strings.Repeat("a", MaxNodeID)):   true,
		NodeID(strings.Repeat("a", MaxNodeID+1)): false,
	} {
		if got := id.Valid(); got != want {
			t.Errorf("%q is valid: %v", id, got)
		}
	}
}
