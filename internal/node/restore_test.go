package node

import (
	"testing"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/backup"
	"github.com/synod-paxos/synod/paxos"
)

// TestWhoHoldsARestoredState: learners of the new cluster that have it, each disk once.
func TestWhoHoldsARestoredState(t *testing.T) {
	s := &serving{
		genesis: &paxos.Genesis{Cluster: ours, First: paxos.Configuration{Copies: 2}}, file: &backup.File{Info: backup.Info{Slot: 100}},
		self: paxos.Sender{Role: paxos.LearnerRole, ID: bus.RestoreID}, holders: map[paxos.UUID]paxos.NodeID{},
	}
	say := func(cluster paxos.ClusterID, role paxos.Role, id paxos.NodeID, of paxos.UUID, applied paxos.Slot) {
		s.step(paxos.Envelope{Cluster: cluster, From: paxos.Sender{Role: role, ID: id, Disk: of}, Msg: paxos.Position{Applied: applied}})
	}
	say(ours, paxos.LearnerRole, "l1", disk(1), 99)
	say(theirs, paxos.LearnerRole, "l1", disk(1), 100)
	say(ours, paxos.AcceptorRole, "a1", disk(2), 100)
	say(ours, paxos.LearnerRole, bus.RestoreID, disk(3), 100)
	say(ours, paxos.LearnerRole, "l2", paxos.UUID{}, 100)
	if h := s.holding(); len(h.Holders) != 0 || h.Wanted != 2 {
		t.Errorf("%+v, want no holder of 2", h)
	}
	say(ours, paxos.LearnerRole, "l1", disk(1), 100)
	say(ours, paxos.LearnerRole, "l3", disk(1), 105) // a copy of that disk
	if h := s.holding(); len(h.Holders) != 1 {
		t.Errorf("%+v, want one holder", h)
	}
	say(ours, paxos.LearnerRole, "l2", disk(2), 101)
	if h := s.holding(); len(h.Holders) != 2 {
		t.Errorf("%+v, want two holders", h)
	}
}

// TestOtherClustersOfTheName: a founding counts when it is finished, and is not that of the
// acceptors that are to be founded; the highest generation is what must be topped.
func TestOtherClustersOfTheName(t *testing.T) {
	s := bustest.Server(t)
	roles := bustest.Connect(t, s.URL())
	play := func(id paxos.NodeID, generation uint64, sealed bool) {
		as := paxos.Sender{Role: paxos.AcceptorRole, ID: id, Disk: disk(1), Boot: 1, Process: 1}
		g := &paxos.Genesis{Cluster: paxos.ClusterID{UUID: paxos.UUID{byte(generation)}, Generation: generation}}
		g.First.Acceptors = []paxos.Member{{ID: id, Disk: disk(1)}}
		if generation == 0 {
			g = nil
		}
		_, err := roles.Listen(as.Role, as.ID, func(e paxos.Envelope) {
			if _, is := e.Msg.(paxos.GenesisQuery); is {
				_ = roles.Publish(paxos.Envelope{From: as, To: e.From.ID, Msg: paxos.GenesisReport{Genesis: g, Sealed: sealed}})
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	look := func(want uint64) {
		t.Helper()
		g, err := Elsewhere(t.Context(), bustest.Connect(t, s.URL()), []paxos.NodeID{"b1", "b2"})
		have := uint64(0)
		if g != nil {
			have = g.Cluster.Generation
		}
		if err != nil || have != want {
			t.Errorf("generation %d, %v, want %d", have, err, want)
		}
	}
	play("b1", 8, true) // founded by an earlier call
	play("c1", 9, false)
	play("c2", 0, false)
	look(0)
	play("d1", 3, true)
	play("d2", 5, true)
	play("d3", 4, true)
	look(5)
}
