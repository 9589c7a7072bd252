package node

import (
	"slices"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// TestCanDecide: both quorums are needed, and of acceptors that vote.
func TestCanDecide(t *testing.T) {
	for _, test := range []struct {
		name    string
		quorums paxos.QuorumSystem
		there   func([]Report) []Report
		want    bool
	}{
		{"all", paxos.QuorumSystem{}, func(r []Report) []Report { return r }, true},
		{"a majority", paxos.QuorumSystem{}, func(r []Report) []Report { return without(r, "acceptor", "a3") }, true},
		{"no majority", paxos.QuorumSystem{}, func(r []Report) []Report { return without(r, "acceptor", "a2", "a3") }, false},
		{"nobody to promise", paxos.QuorumSystem{Kind: paxos.Sizes, Size1: 3, Size2: 1}, func(r []Report) []Report { return without(r, "acceptor", "a3") }, false},
		{"nobody to choose", paxos.QuorumSystem{Kind: paxos.Sizes, Size1: 1, Size2: 3}, func(r []Report) []Report { return without(r, "acceptor", "a3") }, false},
		{"other disks", paxos.QuorumSystem{}, func(r []Report) []Report {
			r[0].Disk, r[1].Disk = paxos.UUID{8}.String(), paxos.UUID{9}.String()
			return r
		}, false},
		{"another cluster took the name", paxos.QuorumSystem{}, func(r []Report) []Report {
			r[0].Rival, r[1].Rival = "x generation 2", "x generation 2"
			return r
		}, false},
	} {
		reports := healthy()
		for i := range reports {
			reports[i].Configuration.Quorums = Quorums{test.quorums}
		}
		c := Overview("main", test.there(reports))
		if have := c.CanDecide(); have != test.want {
			t.Errorf("%s: %t, want %t", test.name, have, test.want)
		}
	}
	if c := Overview("main", nil); c.CanDecide() {
		t.Error("a cluster that nobody knows can decide")
	}
}

// TestLoss: who gives a cluster up hears what goes with it, before anything is done.
func TestLoss(t *testing.T) {
	reports := without(healthy(), "acceptor", "a2", "a3")
	for i := range reports {
		switch r := &reports[i]; r.ID {
		case "a1":
			r.Acceptor.MaxVoted = 14
		case "l1":
			r.Learner.Applied = 9
		}
	}
	c := Overview("main", reports)
	text, err := c.Loss()
	for _, want := range []string{"acceptors a2, a3 are missing, a1 is there", "Learner l2 has applied the most, up to slot 11", "voted up to slot 14", "slots 12 to 14"} {
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%q, %v, want %q", text, err, want)
		}
	}
	c = Overview("main", without(slices.Clone(reports), "learner", "l2"))
	if text, err = c.Loss(); err != nil || !strings.Contains(text, "Learner l1 has applied the most, up to slot 9") {
		t.Errorf("with l1 alone: %q, %v", text, err)
	}
	reports[0].Acceptor.MaxVoted = 11
	c = Overview("main", reports)
	if text, err = c.Loss(); err != nil || strings.Contains(text, "may have been decided") {
		t.Errorf("nothing is voted for above what is applied: %q, %v", text, err)
	}
	c = Overview("main", without(slices.Clone(reports), "learner", "l1", "l2"))
	if text, err = c.Loss(); err == nil || !strings.Contains(err.Error(), "no learner answers") {
		t.Errorf("without a learner: %q, %v", text, err)
	}
}

// TestWhichClusterStatusIsOf: of several of one name that of the highest generation, with the
// newest configuration that anybody knows.
func TestWhichClusterStatusIsOf(t *testing.T) {
	reports := healthy()
	reports[1].UUID, reports[1].Generation = paxos.UUID{2}.String(), 2
	if c := Overview("main", reports); c.Generation != 2 || c.UUID != reports[1].UUID {
		t.Errorf("it is of %s, generation %d, want the one that took the name", c.UUID, c.Generation)
	}
	reports = healthy()
	reports[1].UUID = paxos.UUID{2}.String()
	if c := Overview("main", reports); c.UUID != reports[0].UUID {
		t.Errorf("of one generation it is %s, want the one that most are of", c.UUID)
	}
	reports = healthy()
	newest := *reports[5].Configuration
	newest.Number = 7
	reports[5].Configuration = &newest
	if c := Overview("main", reports); c.Configuration.Number != 7 {
		t.Errorf("configuration %d, want 7, which one role knows", c.Configuration.Number)
	}
}
