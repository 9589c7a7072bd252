package bus

import (
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

func benchAccept() paxos.Envelope {
	return paxos.Envelope{
		Cluster: paxos.ClusterID{UUID: paxos.UUID{0: 1}, Generation: 1}, Config: 1,
		From: paxos.Sender{Role: paxos.ProposerRole, ID: "p1", Process: 0x9e3779b97f4a7c15},
		Msg: paxos.Accept{
			Ballot: paxos.Ballot{Round: 7, Proposer: "p1", Incarnation: 0x9e3779b97f4a7c15}, Slot: 123456,
			Value:  paxos.Value{Kind: paxos.Batch, Stamp: 1e18, Answerer: "l1", Body: make([]byte, 16<<10)},
			Chosen: paxos.Chosen{From: 1, Below: 123450},
		},
	}
}

func benchAccepted() paxos.Envelope {
	ballot := paxos.Ballot{Round: 7, Proposer: "p1", Incarnation: 0x9e3779b97f4a7c15}
	return paxos.Envelope{
		Cluster: paxos.ClusterID{UUID: paxos.UUID{0: 1}, Generation: 1}, Config: 1,
		From: paxos.Sender{Role: paxos.AcceptorRole, ID: "a1", Disk: paxos.UUID{0: 2}, Boot: 3, Process: 99, Promised: ballot},
		To:   "p1",
		Msg:  paxos.Accepted{Ballot: ballot, Slots: []paxos.Slot{101, 102, 103, 104, 105, 106, 107, 108}},
	}
}

func benchReadReport() paxos.Envelope {
	e := benchAccepted()
	e.To, e.Msg = "l1", paxos.ReadReport{Nonce: 0x9e3779b97f4a7c15, MaxVoted: 123456}
	return e
}

func BenchmarkEncode(b *testing.B) {
	for name, e := range map[string]paxos.Envelope{"accept_16KiB": benchAccept(), "accepted_8_slots": benchAccepted(), "read_report": benchReadReport()} {
		b.Run(name, func(b *testing.B) {
			var buffer []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if buffer, err = AppendEncode(buffer[:0], e); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(buffer)))
		})
	}
}

// BenchmarkDecode reads messages of one sender, as roles do.
func BenchmarkDecode(b *testing.B) {
	for name, e := range map[string]paxos.Envelope{"accept_16KiB": benchAccept(), "accepted_8_slots": benchAccepted(), "read_report": benchReadReport()} {
		b.Run(name, func(b *testing.B) {
			data, err := Encode(e)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			head := &plainHead{}
			for b.Loop() {
				if _, err := decodeOwned(data, head); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheckSender(b *testing.B) {
	s, e := Subjects{Cluster: "main"}, benchAccepted()
	subject, err := s.Subject(e)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.CheckSender(subject, e); err != nil {
			b.Fatal(err)
		}
	}
}
