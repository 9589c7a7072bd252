package bus

import (
	"math"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// worstEnvelope carries m with every other field at its largest.
func worstEnvelope(role paxos.Role, m paxos.Message) paxos.Envelope {
	uuid := paxos.UUID{0: 1}
	return paxos.Envelope{
		Cluster: paxos.ClusterID{UUID: uuid, Generation: math.MaxUint64}, Config: math.MaxUint64, To: worstID, Msg: m,
		From: paxos.Sender{
			Role: role, ID: worstID, Disk: uuid, Boot: math.MaxUint64, Process: math.MaxUint64, Promised: worstBallot(),
		},
	}
}

func worstMarks() paxos.Marks {
	return paxos.Marks{ChosenBelow: math.MaxUint64, TrimBelow: math.MaxUint64, MaxVoted: math.MaxUint64, MaxStamp: -1, Clock: -1}
}

func worstValue(body int) paxos.Value {
	return paxos.Value{Kind: paxos.Reconfigure, Stamp: -1, Answerer: worstID, Body: make([]byte, body)}
}

// worstOnePage has one vote, in the highest slot but one.
func worstOnePage(body int) paxos.Page {
	return paxos.Page{
		From: math.MaxUint64 - 1, To: math.MaxUint64, Next: math.MaxUint64,
		Votes: []paxos.Vote{{Slot: math.MaxUint64 - 1, Ballot: worstBallot(), Value: worstValue(body)}},
	}
}

func TestTheLargestValueFitsEveryMessage(t *testing.T) {
	for _, maxPayload := range []int{MinPayload, MinPayload + 1, 64 << 10, 1 << 20, 8 << 20} {
		body := MaxValueBytes(maxPayload)
		for name, e := range map[string]paxos.Envelope{
			"accept": worstEnvelope(paxos.ProposerRole, paxos.Accept{
				Ballot: worstBallot(), Slot: math.MaxUint64, Value: worstValue(body),
				Chosen: paxos.Chosen{From: math.MaxUint64, Below: math.MaxUint64},
			}),
			"promise": worstEnvelope(paxos.AcceptorRole, paxos.Promise{Ballot: worstBallot(), Page: worstOnePage(body), Marks: worstMarks()}),
			"votes":   worstEnvelope(paxos.AcceptorRole, paxos.Votes{Page: worstOnePage(body), Marks: worstMarks()}),
		} {
			data, err := Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			spare := maxPayload - len(data)
			if spare < 0 || name == "promise" && spare > 32 {
				t.Errorf("max_payload %d, body %d: the %s takes %d bytes, want a little less than max_payload", maxPayload, body, name, len(data))
			}
		}
	}
	for _, tiny := range []int{-1, 0, 100} {
		if MaxValueBytes(tiny) != 0 || MaxCommandBytes(tiny) != 0 || MaxPageBytes(tiny) != 0 || MaxChunkBytes(tiny) != 0 {
			t.Errorf("max_payload %d leaves room", tiny)
		}
	}
}

func TestTheLargestCommandFitsABatch(t *testing.T) {
	const maxPayload = 1 << 20
	c := paxos.Command{Subject: "propose", Reply: "_INBOX.x", Header: []byte("NATS/1.0\r\n\r\n")}
	c.Data = make([]byte, MaxCommandBytes(maxPayload)-c.Size())
	if c.Size() != MaxCommandBytes(maxPayload) {
		t.Fatalf("a command of %d bytes, want %d", c.Size(), MaxCommandBytes(maxPayload))
	}
	if body := len(paxos.EncodeBatch(c)); body > MaxValueBytes(maxPayload) {
		t.Errorf("its batch takes %d bytes, want at most %d", body, MaxValueBytes(maxPayload))
	}
}

// TestAFullPageFits fills pages as an acceptor's disk does.
func TestAFullPageFits(t *testing.T) {
	for _, maxPayload := range []int{MinPayload, 64 << 10, 1 << 20} {
		for _, body := range []int{0, 1, 100, 5000} {
			for _, ballotsOnly := range []bool{false, true} {
				page := worstOnePage(0)
				page.Votes, page.BallotsOnly = nil, ballotsOnly
				page.From, page.To = math.MaxUint64-1<<20, 0
				room, slot := MaxPageBytes(maxPayload), page.From
				for page.Add(paxos.Vote{Slot: slot, Ballot: worstBallot(), Value: worstValue(body)}, &room) {
					slot++
				}
				data, err := Encode(worstEnvelope(paxos.AcceptorRole, paxos.Promise{Ballot: worstBallot(), Page: page, Marks: worstMarks()}))
				if err != nil {
					t.Fatal(err)
				}
				if len(data) > maxPayload {
					t.Errorf("max_payload %d, bodies of %d, ballots only %t: %d votes take %d bytes",
						maxPayload, body, ballotsOnly, len(page.Votes), len(data))
				}
			}
		}
	}
}

func TestTheLargestChunkFits(t *testing.T) {
	for _, maxPayload := range []int{MinPayload, 1 << 20} {
		data, err := Encode(worstEnvelope(paxos.LearnerRole, paxos.SnapshotChunk{
			ID: math.MaxUint64, Applied: math.MaxUint64, Total: math.MaxUint64, Offset: math.MaxUint64,
			Data: make([]byte, MaxChunkBytes(maxPayload)),
		}))
		if err != nil || len(data) > maxPayload {
			t.Errorf("max_payload %d: %d bytes, %v", maxPayload, len(data), err)
		}
	}
}

// TestTheLargestGenesisFits: every acceptor tells it in every Hello.
func TestTheLargestGenesisFits(t *testing.T) {
	g := &paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: paxos.UUID{1}, Generation: math.MaxUint64}, Window: math.MaxUint64,
		First: paxos.Configuration{
			Number: math.MaxUint64, From: math.MaxUint64, Copies: maxCount,
			Quorums: paxos.QuorumSystem{Kind: paxos.Grid, Size1: maxCount, Size2: maxCount, Rows: maxCount},
		},
	}
	for range paxos.MaxAcceptors {
		g.First.Acceptors = append(g.First.Acceptors, paxos.Member{ID: worstID, Disk: paxos.UUID{1}})
	}
	var known []paxos.Configuration
	for range maxTold {
		known = append(known, g.First)
	}
	data, err := Encode(worstEnvelope(paxos.AcceptorRole, paxos.Hello{Genesis: g, Known: known, Marks: worstMarks(), NoSpace: true}))
	if err != nil || len(data) > MinPayload {
		t.Errorf("%d bytes, %v, want at most %d", len(data), err, MinPayload)
	}
	g.First.Acceptors = append(g.First.Acceptors, paxos.Member{ID: worstID})
	if _, err := Encode(worstEnvelope(paxos.AcceptorRole, paxos.Hello{Genesis: g})); err == nil {
		t.Error("a genesis with one acceptor too many is sent")
	}
	if _, err := Encode(worstEnvelope(paxos.AcceptorRole, paxos.Hello{Known: append(known, known[0])})); err == nil {
		t.Error("one configuration too many is told")
	}
}
