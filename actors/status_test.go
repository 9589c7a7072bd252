package actors

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// TestStatusTellsHowLongASyncTakes, while it takes.
func TestStatusTellsHowLongASyncTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		store.hold = make(chan struct{})
		a := startAcceptor(t, store, &sent{})
		a.Deliver(acceptFor(1, "x"))
		pass(3 * time.Second)
		if have := a.Status().Writer.Pending; have != 3*time.Second {
			t.Errorf("the sync has taken %s, want 3s", have)
		}
		close(store.hold)
		synctest.Wait()
		if have := a.Status().Writer.Pending; have != 0 {
			t.Errorf("after its end the sync has taken %s", have)
		}
		stopAcceptor(t, a)
	})
}

// TestStatusNamesWhoHasYetToVote, and counts how long everything took.
func TestStatusNamesWhoHasYetToVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		front, out := &door{}, &sent{}
		p := startProposer(t, front, out, nil)
		elect(t, p, out)
		p.Propose(paxos.Command{Subject: "propose", Data: []byte("x")})
		pass(50 * time.Millisecond)
		open := p.Status().Open
		if len(open) != 1 || open[0].Slot != 1 || open[0].Age < 50e6 || !slices.Equal(open[0].Missing, []paxos.NodeID{"a1"}) {
			t.Errorf("open slots %+v, want slot 1 for 50 ms, without a vote of a1", open)
		}
		p.Deliver(from(acceptor1, paxos.Accepted{Ballot: of[paxos.Accept](out)[0].Ballot, Slots: []paxos.Slot{1}}))
		synctest.Wait()
		s := p.Status()
		if len(s.Open) != 0 {
			t.Errorf("open slots %+v after the vote", s.Open)
		}
		for what, have := range map[string]paxos.Durations{"queue": s.Times.Queue, "phase 1": s.Times.Phase1, "phase 2": s.Times.Phase2} {
			n := uint64(0)
			for _, c := range have.Counts {
				n += c
			}
			if n != 1 {
				t.Errorf("%s: counted %v, want one", what, have)
			}
		}
		if have := s.Times.Phase2.Sum; have < 50e6 || have > 60e6 {
			t.Errorf("phase 2 took %d ns, want 50 ms", have)
		}
		stopProposer(t, p, front)
	})
}

// TestARoleThatHangsSaysHowLong: whoever asks is not held up.
func TestARoleThatHangsSaysHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAcceptor(t, newMemory(), &sent{})
		pass(time.Second)
		if have := a.Busy(); have != 0 {
			t.Errorf("an idle role is busy for %s", have)
		}
		release := make(chan struct{})
		a.call(func() { <-release })
		pass(12 * time.Second)
		if have := a.Busy(); have != 12*time.Second {
			t.Errorf("busy for %s, want 12s", have)
		}
		close(release)
		synctest.Wait()
		if have := a.Busy(); have != 0 || a.Gone() {
			t.Errorf("busy for %s afterwards, gone %v", have, a.Gone())
		}
		stopAcceptor(t, a)
		if !a.Gone() {
			t.Error("a role that has stopped is not gone")
		}
	})
}
