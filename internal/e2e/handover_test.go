package e2e

import (
	"slices"
	"testing"
	"time"
)

// TestHandOverLeavesNoGap: a leader that is told to stop asks another to lead, so
// clients do not wait until its silence is noticed, which takes 300 ms at least.
func TestHandOverLeavesNoGap(t *testing.T) {
	c := startCluster(t)
	l := startLoad(t, c.connect(), 4)
	l.await(100)
	var gaps []time.Duration
	for range 5 {
		leader := c.leader()
		l.gap()
		c.term(leader)
		l.await(50)
		gaps = append(gaps, l.gap())
		c.start(leader)
		c.awaitReady()
	}
	slices.Sort(gaps)
	t.Logf("gaps: %v", gaps)
	// One of five may meet a pause of the machine; an election would be in all.
	if median := gaps[2]; median >= 250*time.Millisecond {
		t.Errorf("hand-overs left clients without an answer for %v, want less than an election timeout", gaps)
	}
	l.stop()
	c.settle()
	l.check(c, "l1", "l2")
}

// TestLeaderThatStopsAnswersEveryone: a request that reached a leader is answered
// although the leader leaves; none waits until it gives up.
func TestLeaderThatStopsAnswersEveryone(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	nc := c.connect()
	answers := make(chan time.Duration, 64)
	stop := make(chan struct{})
	for range cap(answers) {
		go func() {
			var longest time.Duration
			defer func() { answers <- longest }()
			for {
				select {
				case <-stop:
					return
				default:
				}
				began := time.Now()
				_, err := nc.Request("synod.main.propose", []byte("x"), patience)
				if took := time.Since(began); err == nil {
					longest = max(longest, took)
				}
			}
		}()
	}
	c.term(c.leader())
	c.leader()
	close(stop)
	for range cap(answers) {
		if took := <-answers; took > 10*time.Second {
			t.Errorf("a request waited %s for its answer", took)
		}
	}
}
