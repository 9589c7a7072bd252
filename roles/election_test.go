package roles

import (
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// TestWhoLosesElectionsWaitsTheLonger, the more it lost in a row, up to a bound: so one of
// two that prepare against each other is soon alone (PMS §2.4).
func TestWhoLosesElectionsWaitsTheLonger(t *testing.T) {
	now := paxos.Now{Mono: start0}
	for lost := 1; lost <= 8; lost++ {
		var shortest, longest paxos.Instant
		o := DefaultProposerOptions()
		for o.Seed = range uint64(200) {
			p := NewProposer(testSender("p1"), o, now)
			for range lost {
				p.backOff(now)
			}
			wait := p.deadline - now.Mono
			if shortest == 0 || wait < shortest {
				shortest = wait
			}
			longest = max(longest, wait)
		}
		most := paxos.Instant(2*o.Election + o.Election<<min(lost, 5)/2)
		if shortest < paxos.Instant(o.Election) || longest > most || longest < most/4*3 {
			t.Errorf("after %d lost elections it waits for %d to %d ns, want one election timeout to %d", lost, shortest, longest, most)
		}
	}
}
