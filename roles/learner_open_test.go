package roles

import (
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// heard is e as the member of a cluster of three hears it.
func heard(from paxos.Sender, m paxos.Message) paxos.Envelope {
	return paxos.Envelope{Cluster: testGenesis(3).Cluster, Config: 1, From: from, Msg: m}
}

// testLearner is a learner of a cluster of three, with little room.
func testLearner(openSlots paxos.Slot, openBytes int) *Learner {
	o := DefaultLearnerOptions()
	o.OpenSlots, o.OpenBytes = openSlots, openBytes
	l := NewLearner(testSender("l1"), o, paxos.Position{}, paxos.Now{Mono: start0})
	g := testGenesis(3)
	l.Join(&g)
	return l
}

// TestLearnerKeepsFewBallotsOfASlot sends proposals for one slot in ever higher
// ballots, as no honest proposers do. The learner keeps a few of them, and among
// these the one that an acceptor voted in.
func TestLearnerKeepsFewBallotsOfASlot(t *testing.T) {
	l, now := testLearner(1024, 64<<20), paxos.Now{Mono: start0}
	var out paxos.Effects
	propose := func(round uint64) {
		from := testSender("p1")
		b := paxos.Ballot{Round: round, Proposer: from.ID, Incarnation: from.Process}
		value := paxos.Value{Kind: paxos.Batch, Body: make([]byte, 1000)}
		l.Step(now, heard(from, paxos.Accept{Ballot: b, Slot: 1, Value: value, Chosen: paxos.Chosen{From: 1, Below: 1}}), &out)
	}
	vote := func(id paxos.NodeID) {
		b := paxos.Ballot{Round: 1, Proposer: "p1", Incarnation: testProcess("p1")}
		l.Step(now, heard(testSender(id), paxos.Accepted{Ballot: b, Slots: []paxos.Slot{1}}), &out)
	}
	propose(1)
	vote("a1")
	for round := range uint64(1000) {
		propose(2 + round)
	}
	if n := len(*l.open[1]); n != maxTallies {
		t.Errorf("%d ballots are kept, want %d", n, maxTallies)
	}
	if most := maxTallies * 2000; l.bytes > most {
		t.Errorf("%d bytes are kept, want at most %d", l.bytes, most)
	}
	vote("a2")
	if len(out.Learn) != 1 || out.Learn[0].Ballot.Round != 1 {
		t.Errorf("learned %v, want slot 1 in the ballot that a1 and a2 voted in", out.Learn)
	}
	l.Applied(now, paxos.Position{Applied: 1}, &out)
	if l.bytes != 0 || len(l.open) != 0 {
		t.Errorf("%d bytes in %d slots are left when all is applied", l.bytes, len(l.open))
	}
}
