package bus_test

import (
	"testing"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

// BenchmarkPath is one message from Publish to deliver, over TCP, as many at once as
// go.
func BenchmarkPath(b *testing.B) {
	ballot := paxos.Ballot{Round: 7, Proposer: "p1", Incarnation: 0x9e3779b97f4a7c15}
	proposer := paxos.Sender{Role: paxos.ProposerRole, ID: "p1", Process: ballot.Incarnation}
	for name, e := range map[string]paxos.Envelope{
		"accepted": {
			From: paxos.Sender{Role: paxos.AcceptorRole, ID: "a1", Disk: paxos.UUID{1}, Boot: 1, Promised: ballot},
			To:   "l1", Msg: paxos.Accepted{Ballot: ballot, Slots: []paxos.Slot{123456}},
		},
		"accept_16KiB": {From: proposer, Msg: paxos.Accept{Ballot: ballot, Slot: 9, Value: paxos.Value{Body: make([]byte, 16<<10)}}},
	} {
		b.Run(name, func(b *testing.B) {
			s := bustest.Server(b)
			sender, receiver := bustest.Connect(b, s.URL()), bustest.Connect(b, s.URL())
			done, heard := make(chan struct{}), 0
			l, err := receiver.Listen(paxos.LearnerRole, "l1", func(paxos.Envelope) {
				if heard++; heard == b.N {
					close(done)
				}
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := sender.Publish(e); err != nil {
					b.Fatal(err)
				}
			}
			<-done
			b.StopTimer()
			if err := l.Stop(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkRefusal is one answer to a command that the leader does not take, up to the
// connection: what an overloaded leader does most.
func BenchmarkRefusal(b *testing.B) {
	nc := bustest.Connect(b, bustest.Server(b).URL()).Conn()
	r := paxos.Refusal{Command: paxos.Command{Subject: "propose", Reply: "_INBOX.0123456789abcdefghijkl.0123"}, Reason: paxos.Overloaded}
	b.ReportAllocs()
	for b.Loop() {
		if err := nc.PublishMsg(bus.RefusalMessage(r)); err != nil {
			b.Fatal(err)
		}
	}
}
