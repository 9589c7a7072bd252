package paxos

import (
	"strings"
	"testing"
)

func genesis() Genesis {
	return Genesis{
		Cluster: ClusterID{UUID: UUID{1}, Generation: 1}, Window: DefaultWindow,
		First: Configuration{Number: 1, From: 1, Copies: 2, Acceptors: []Member{{"a1", UUID{1}}, {"a2", UUID{2}}, {"a3", UUID{3}}}},
	}
}

// TestGenesisCheckNamesEveryProblem breaks one thing at a time, and then all at once.
func TestGenesisCheckNamesEveryProblem(t *testing.T) {
	if g := genesis(); g.Check() != nil {
		t.Fatalf("a sound genesis: %v", g.Check())
	}
	cases := []struct {
		breaks func(*Genesis)
		want   string
	}{
		{func(g *Genesis) { g.Cluster.UUID = UUID{} }, "without a cluster UUID or generation"},
		{func(g *Genesis) { g.Cluster.Generation = 0 }, "without a cluster UUID or generation"},
		{func(g *Genesis) { g.Window = 0 }, "window of 0 slots, want 1 to 1048576"},
		{func(g *Genesis) { g.Window = 1<<20 + 1 }, "window of 1048577 slots"},
		{func(g *Genesis) { g.First.Number = 2 }, "the genesis configuration is number 1"},
		{func(g *Genesis) { g.First.From = 2 }, "a log from slot 2 on: want 1 for an empty state"},
		{func(g *Genesis) { g.State[3] = 1 }, "a log from slot 1 on: want 1 for an empty state"},
		{func(g *Genesis) { g.First.From, g.State[3] = 1<<60+1, 1 }, "a log from slot 1152921504606846977 on"},
		{func(g *Genesis) { g.First.Number = 0 }, "start at 1"},
		{func(g *Genesis) { g.First.From = 0 }, "start at 1"},
		{func(g *Genesis) { g.First.Copies = 0 }, "0 learner copies"},
		{func(g *Genesis) { g.First.Acceptors = nil }, "0 acceptors, want 1 to 64"},
		{func(g *Genesis) { g.First.Acceptors[1].ID = "a1" }, "acceptor a1 is named twice"},
		{func(g *Genesis) { g.First.Acceptors[2].Disk = UUID{1} }, "acceptor a3 has the disk 01000000-0000-0000-0000-000000000000, as another one has"},
		{func(g *Genesis) { g.First.Acceptors[2].Disk = UUID{} }, "acceptor a3 has no disk incarnation"},
		{func(g *Genesis) { g.First.Acceptors[0].ID = "A.1" }, `acceptor id "A.1": want 1 to 63 of a-z, 0-9 and -`},
		{func(g *Genesis) { g.First.Quorums = QuorumSystem{Kind: Sizes, Size1: 1, Size2: 1} }, "need not meet"},
	}
	everything := genesis()
	for _, c := range cases {
		g := genesis()
		c.breaks(&g)
		if err := g.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want it to name %q", err, c.want)
		}
		if len(everything.First.Acceptors) > 0 && !strings.Contains(c.want, "0 acceptors") {
			c.breaks(&everything)
		}
	}
	if err := everything.Check(); err == nil || strings.Count(err.Error(), "\n") < 6 {
		t.Errorf("with everything wrong it says only: %v", err)
	}
}

// TestGenesisEqual: any difference that a member could vote by is one.
func TestGenesisEqual(t *testing.T) {
	for _, change := range []func(*Genesis){
		func(g *Genesis) { g.Cluster.UUID = UUID{9} },
		func(g *Genesis) { g.Cluster.Generation = 2 },
		func(g *Genesis) { g.First.From = 2 },
		func(g *Genesis) { g.State[15] = 1 },
		func(g *Genesis) { g.Window = 9 },
		func(g *Genesis) { g.First.Quorums.Kind = Grid },
		func(g *Genesis) { g.First.Copies = 9 },
		func(g *Genesis) { g.First.Acceptors[1].Disk = UUID{9} },
		func(g *Genesis) { g.First.Acceptors = g.First.Acceptors[:2] },
	} {
		g, o := genesis(), genesis()
		if !g.Equal(&o) {
			t.Fatal("the same genesis differs")
		}
		if change(&o); g.Equal(&o) {
			t.Errorf("%+v equals %+v", g, o)
		}
	}
}

func TestConfigurationCounts(t *testing.T) {
	g := genesis()
	c := &g.First
	if c.Index("a2") != 1 || c.Index("a9") != -1 {
		t.Error("acceptors are found by another index than theirs")
	}
	if c.Phase1(Set(0).With(0)) || !c.Phase1(Set(0).With(0).With(2)) || c.Phase2(Set(0).With(1)) || !c.Phase2(Set(0).With(1).With(2)) {
		t.Error("two of three are a majority, and one is none")
	}
}

func TestIdentityStrings(t *testing.T) {
	u := UUID{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe}
	if got, want := u.String(), "01234567-89ab-cdef-1032-547698badcfe"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !(UUID{}).IsZero() || u.IsZero() {
		t.Error("only the zero UUID is zero")
	}
	if got, want := (ClusterID{u, 3}).String(), u.String()+" generation 3"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
