package actors

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// wire carries the messages of two learners to each other, and loses some.
type wire struct {
	sent
	lose func(n int, m paxos.Message) bool
	to   map[paxos.NodeID]*Learner
	n    int
}

func (w *wire) Publish(e paxos.Envelope) error {
	w.mu.Lock()
	w.n++
	lost := w.lose != nil && w.lose(w.n, e.Msg)
	to := w.to[e.To]
	w.mu.Unlock()
	if to != nil && !lost {
		to.Deliver(e)
	}
	return w.sent.Publish(e)
}

// TestALearnerBelowTheTrimPointInstallsASnapshot over a network that loses one of
// three messages, not always the same one of a round, and learns on from there.
func TestALearnerBelowTheTrimPointInstallsASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{to: map[paxos.NodeID]*Learner{}, lose: func(n int, _ paxos.Message) bool { return n%3 == n/3%3 }}
		full, empty := newLearning(), newLearning()
		l1 := startLearnerAs(t, "l1", full, w)
		l2 := startLearnerAs(t, "l2", empty, w)
		w.mu.Lock()
		w.to["l1"], w.to["l2"] = l1, l2
		w.mu.Unlock()
		for slot := paxos.Slot(1); slot <= 20; slot++ {
			choose(l1, slot, fmt.Sprint("x", slot), "l1")
		}
		synctest.Wait()
		fellow := paxos.Sender{Role: paxos.LearnerRole, ID: "l1", Process: 21}
		trimmed := paxos.Marks{ChosenBelow: 21, TrimBelow: 11, MaxVoted: 20}
		var stages []Stage
		see := func() {
			if p := l2.Status().Snapshot; p != nil {
				if stages = append(stages, p.Stage); p.From != "l1" || p.Done > p.Of || !strings.Contains(p.String(), "snapshot of l1") {
					t.Errorf("%+v: %s", p, p)
				}
			}
		}
		empty.machine.installing = see
		for range 200 {
			see()
			l2.Deliver(from(fellow, paxos.Position{Applied: 20}))
			l2.Deliver(from(acceptor1, paxos.Hello{Marks: trimmed}))
			pass(100 * time.Millisecond)
			if empty.machine.Position().Applied == 20 {
				break
			}
		}
		for _, stage := range []Stage{Receiving, Installing} {
			if !slices.Contains(stages, stage) {
				t.Errorf("l2 was never seen %s a snapshot, but %v", stage, stages)
			}
		}
		if p := l2.Status().Snapshot; p != nil {
			t.Errorf("once it is installed, %v", p)
		}
		choose(l2, 21, "after", "l2")
		synctest.Wait()
		if got, want := strings.Join(empty.machine.applied, " "), strings.Join(full.machine.applied, " ")+" after"; got != want {
			t.Errorf("l2 holds %q, want %q", got, want)
		}
		stopLearner(t, l1)
		stopLearner(t, l2)
		for _, l := range []*Learner{l1, l2} {
			if files, err := os.ReadDir(l.actor.config.Dir); err != nil || len(files) > 0 {
				t.Errorf("left %v behind (%v)", files, err)
			}
		}
	})
}

// TestALearnerThatStopsInTheMiddleOfATransfer leaves nothing behind either.
func TestALearnerThatStopsInTheMiddleOfATransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning()
		a := startLearner(t, l)
		a.Deliver(from(paxos.Sender{Role: paxos.LearnerRole, ID: "l2", Process: 22}, paxos.Position{Applied: 20}))
		a.Deliver(from(acceptor1, paxos.Hello{Marks: paxos.Marks{ChosenBelow: 21, TrimBelow: 11}}))
		synctest.Wait()
		if got := of[paxos.SnapshotQuery](l.out); len(got) != 1 {
			t.Fatalf("asked %v, want once", got)
		}
		stopLearner(t, a)
		if files, err := os.ReadDir(a.actor.config.Dir); err != nil || len(files) > 0 {
			t.Errorf("left %v behind (%v)", files, err)
		}
	})
}
