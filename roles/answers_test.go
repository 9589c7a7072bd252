package roles

import (
	"slices"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// TestLearnerStandsByForSoManySlotsOnly: a learner that applies a long log, named for
// another that is dead, keeps the last of its slots in mind and forgets the others.
func TestLearnerStandsByForSoManySlotsOnly(t *testing.T) {
	a := answers{self: "l2", cover: 50e6}
	now := paxos.Now{Mono: start0}
	var out paxos.Effects
	const slots = maxCovered + 100
	for slot := paxos.Slot(1); slot <= slots; slot++ {
		v := testValue("x")
		v.Answerer = "l1"
		a.note(paxos.Decision{Slot: slot, Value: v})
	}
	a.applied(now, slots, 256, &out)
	if len(out.Forget) != 100 || out.Forget[0] != 1 || len(a.covered) != maxCovered {
		t.Errorf("forgets %v, stands by for %d slots", out.Forget, len(a.covered))
	}
	now.Mono = a.wake()
	a.tick(now, &out)
	if len(out.Answer) != maxCovered || a.wake() != 0 {
		t.Errorf("answers %d slots, and waits for %d", len(out.Answer), a.wake())
	}
}

// TestFellows: a learner that was not heard for a while is still there, for a while.
func TestFellows(t *testing.T) {
	l := testLearner(1024, 64<<20)
	var out paxos.Effects
	for i, id := range []paxos.NodeID{"l3", "l2"} {
		l.Step(paxos.Now{Mono: start0 + paxos.Instant(i)}, heard(testSender(id), paxos.Position{}), &out)
	}
	for _, c := range []struct {
		after paxos.Instant
		want  []paxos.NodeID
	}{{1, []paxos.NodeID{"l2", "l3"}}, {paxos.Instant(fellowThere), []paxos.NodeID{"l2"}}, {paxos.Instant(fellowThere) + 1, nil}} {
		if got := l.Fellows(paxos.Now{Mono: start0 + c.after}); !slices.Equal(got, c.want) {
			t.Errorf("after %d: %v, want %v", c.after, got, c.want)
		}
	}
}
