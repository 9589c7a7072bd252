package bus_test

import (
	"testing"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

func TestWhatIsPublishedIsHeard(t *testing.T) {
	s := bustest.Server(t)
	b := bustest.Connect(t, s.URL())
	got := make(chan paxos.Envelope, 8)
	l, err := b.Listen(paxos.AcceptorRole, "a1", func(e paxos.Envelope) { got <- e })
	if err != nil {
		t.Fatal(err)
	}
	e := paxos.Envelope{From: paxos.Sender{Role: paxos.ProposerRole, ID: "p1"}, Msg: paxos.Accept{Ballot: paxos.Ballot{Round: 1, Proposer: "p1"}, Slot: 3, Value: paxos.Value{Kind: paxos.Batch, Body: []byte("x")}}}
	if err := b.Publish(e); err != nil {
		t.Fatal(err)
	}
	t.Log(<-got)
	if err := l.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", b.Stats())
}
