package node

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/paxos"
)

// TestAnswersTellWhereTheyWereDecided although those of one slot share a header,
// and some have one of their own.
func TestAnswersTellWhereTheyWereDecided(t *testing.T) {
	url := bustest.Server(t).URL()
	nc := bustest.Connect(t, url).Conn()
	heard := make(chan *nats.Msg, 16)
	if _, err := nc.ChanSubscribe("inbox", heard); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	b := bustest.Connect(t, url)
	link, err := leaf.Open(leaf.Options{Beside: b, Bus: bus.Options{URLs: []string{url}}, Log: bustest.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := link.Close(); err != nil {
			t.Error(err)
		}
	})
	<-link.Up()
	for name, l := range map[string]*leaf.Link{"by a link": link, "by nats.go": nil} {
		t.Run(name, func(t *testing.T) { answersTell(t, newAnswerer(b, l, bustest.Quiet()), heard) })
	}
}

func answersTell(t *testing.T, a *answerer, heard <-chan *nats.Msg) {
	a.setGeneration(3)
	first, second := paxos.Ballot{Round: 1, Proposer: "p1"}, paxos.Ballot{Round: 2, Proposer: "p2"}
	own := bus.EncodeHeader(nats.Header{"Own": {"yes"}})
	answers := []struct {
		slot   paxos.Slot
		ballot paxos.Ballot
		header []byte
	}{{7, first, nil}, {7, first, nil}, {7, first, own}, {7, first, nil}, {8, first, nil}, {8, second, nil}}
	for i, x := range answers {
		a.Answer("inbox", actors.Result{Header: x.header, Data: fmt.Append(nil, i)}, x.slot, x.ballot)
	}
	a.Rest()
	for i, x := range answers {
		m := <-heard
		if string(m.Data) != fmt.Sprint(i) || m.Header.Get(bus.SlotHeader) != fmt.Sprint(uint64(x.slot)) ||
			m.Header.Get(bus.BallotHeader) != x.ballot.String() || m.Header.Get(bus.GenerationHeader) != "3" || (m.Header.Get("Own") == "yes") != (x.header != nil) {
			t.Errorf("answer %d is %q with %v, want that of slot %d in %s", i, m.Data, m.Header, x.slot, x.ballot)
		}
	}
}

// BenchmarkAnswer is one answer of a slot of 64.
func BenchmarkAnswer(b *testing.B) {
	a := newAnswerer(bustest.Connect(b, bustest.Server(b).URL()), nil, bustest.Quiet())
	r := actors.Result{Data: []byte(`{"stream":"LEDGER","seq":123456}`)}
	ballot := paxos.Ballot{Round: 3, Proposer: "p1", Incarnation: 0xabcdef}
	b.ReportAllocs()
	for i := range b.N {
		a.Answer("_INBOX.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAA", r, paxos.Slot(i/64), ballot)
	}
}
