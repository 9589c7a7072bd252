package roles

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// history is what an acceptor's messages and records must never contradict.
type history struct {
	promised paxos.Ballot
	highest  paxos.Slot
	stamp    paxos.LogTime
	trim     paxos.Slot
}

// see checks the effects of one step against what was before, and learns them.
func (h *history) see(t *testing.T, out *paxos.Effects) {
	t.Helper()
	for _, r := range out.Persist {
		switch r := r.(type) {
		case paxos.Promised:
			if !h.promised.Less(r.Ballot) {
				t.Fatalf("promise %v after %v", r.Ballot, h.promised)
			}
			h.promised = r.Ballot
		case paxos.Voted:
			if r.Vote.Ballot.Less(h.promised) {
				t.Fatalf("vote in %v after the promise of %v", r.Vote.Ballot, h.promised)
			}
			if r.Vote.Slot < h.trim {
				t.Fatalf("vote in slot %d, trimmed below %d", r.Vote.Slot, h.trim)
			}
			h.promised = r.Vote.Ballot
			h.highest, h.stamp = max(h.highest, r.Vote.Slot), max(h.stamp, r.Vote.Value.Stamp)
		case paxos.Trimmed:
			if r.Below <= h.trim {
				t.Fatalf("trim below %d after %d", r.Below, h.trim)
			}
			h.trim = r.Below
		}
	}
	for _, e := range out.Send {
		h.check(t, e)
	}
}

// check reports a message that says less than was said before.
func (h *history) check(t *testing.T, e paxos.Envelope) {
	t.Helper()
	if e.From.Promised != h.promised {
		t.Fatalf("%T states the promise of %v, it is %v", e.Msg, e.From.Promised, h.promised)
	}
	switch m := e.Msg.(type) {
	case paxos.Promise:
		if m.Ballot != h.promised || m.Marks.MaxStamp != h.stamp || m.Marks.TrimBelow != h.trim || m.Marks.MaxVoted < h.highest {
			t.Fatalf("%+v after %+v", m, h)
		}
	case paxos.Accepted:
		if m.Ballot != h.promised {
			t.Fatalf("%+v after %+v", m, h)
		}
	case paxos.Nack:
		if !m.Ballot.Less(m.Promised) || m.Promised != h.promised {
			t.Fatalf("%+v after %+v", m, h)
		}
	case paxos.ReadReport:
		if m.MaxVoted < h.highest || m.MaxVoted+1 < h.trim {
			t.Fatalf("%+v after %+v", m, h)
		}
	}
}

// TestAcceptorKeepsItsWord sends an acceptor random messages, plausible and not,
// crashes it at random, and checks that no promise and no watermark is ever lowered, no
// vote is below a promise, and that the same message again gets the same answer.
func TestAcceptorKeepsItsWord(t *testing.T) {
	votes := 0
	for seed := range uint64(300) {
		r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
		data := make([]byte, 3000)
		_, _ = r.Read(data) // never fails
		votes += wordsOf(t, &chaos{data: data, role: "a1", calm: seed%3 > 0})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if votes < 500 {
		t.Errorf("%d votes in all: the messages are too wild to test anything", votes)
	}
}

func wordsOf(t *testing.T, c *chaos) (votes int) {
	self, now := testSender("a1"), paxos.Now{Mono: start0, Wall: wall0}
	disk := &paxos.Ledger{}
	disk.Append(paxos.Founded{Genesis: testGenesis(3), Sealed: true})
	a := RestoreAcceptor(self, disk.State, now)
	var h history
	for c.more() {
		if c.one(20) == 0 {
			self.Boot++
			a = RestoreAcceptor(self, disk.State, now)
		}
		below := a.State().Marks.ChosenBelow
		e := c.envelope()
		var first, again paxos.Effects
		a.Step(now, e, &first)
		h.see(t, &first)
		disk.Append(first.Persist...)
		for _, r := range first.Persist {
			if _, voted := r.(paxos.Voted); voted {
				votes++
			}
		}
		before := a.State()
		if before.Marks.ChosenBelow < below {
			t.Fatalf("%+v lowers the watermark from %d to %d", e, below, before.Marks.ChosenBelow)
		}
		a.Step(now, e, &again)
		if !reflect.DeepEqual(beyondHello(first.Send), beyondHello(again.Send)) || !reflect.DeepEqual(before, a.State()) {
			t.Fatalf("%+v is answered with %+v and then with %+v", e, first, again)
		}
		if !reflect.DeepEqual(memory(disk.State), memory(a.State())) {
			t.Fatalf("the disk holds %+v, the acceptor %+v", disk.State, a.State())
		}
	}
	return votes
}

// beyondHello is send without Hellos: they are said once after a Seal, and not too often
// to those who know other configurations.
func beyondHello(send []paxos.Envelope) []paxos.Envelope {
	return slices.DeleteFunc(append([]paxos.Envelope{}, send...), func(e paxos.Envelope) bool {
		_, hello := e.Msg.(paxos.Hello)
		return hello
	})
}

// memory is what of a state a crash must not take: all but the watermark that
// Heartbeats raise.
func memory(s paxos.AcceptorState) paxos.AcceptorState {
	s.Marks.ChosenBelow = 0
	return s
}
