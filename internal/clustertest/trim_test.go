package clustertest

import (
	"fmt"
	"testing"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

// trimmed is the highest slot below which a running acceptor has forgotten votes.
func (c *Cluster) trimmed(ids ...paxos.NodeID) paxos.Slot {
	var below paxos.Slot
	for _, id := range ids {
		below = max(below, c.Role(id).Report().Acceptor.TrimBelow)
	}
	return below
}

// TestAWipedLearnerInstallsASnapshot under load, since the acceptors have trimmed
// what it lacks, and trimming goes on once it is there; where there are enough others to
// hold copies, also while it is not, and during the transfer.
func TestAWipedLearnerInstallsASnapshot(t *testing.T) {
	for _, learners := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d learners", learners), func(t *testing.T) {
			t.Parallel()
			c := Start(t, Size{Acceptors: 3, Proposers: 2, Learners: learners}, bustest.Server(t).URL())
			load := c.StartLoad(16)
			trims := func(when string, above paxos.Slot) {
				t.Helper()
				c.Await("the acceptors to trim "+when, func() bool { return c.trimmed("a1", "a2", "a3") > above+paxos.DigestEvery })
			}
			trims("at first", 0)
			c.Stop("l2")
			c.Wipe("l2")
			load.AwaitMore(100)
			before := c.trimmed("a1", "a2", "a3")
			if learners > 2 {
				trims("without it", before)
			}
			c.StartRole("l2")
			c.Await("the learner to catch up", func() bool {
				l := c.Role("l2").Report().Learner
				return l.Applied > before && l.Lag < 100
			})
			trims("with it", c.trimmed("a1", "a2", "a3"))
			load.Stop()
			load.Check(1000, "l1", "l2")
		})
	}
}

// TestNothingIsTrimmedForWantOfCopies: an absent learner does not lower the number
// of copies that are required.
func TestNothingIsTrimmedForWantOfCopies(t *testing.T) {
	t.Parallel()
	c := Start(t, Size{Acceptors: 3, Proposers: 1, Learners: 1}, bustest.Server(t).URL())
	load := c.StartLoad(16)
	c.Await("many slots", func() bool { return c.Role("l1").Report().Learner.Applied > 3*paxos.DigestEvery })
	if below := c.trimmed("a1", "a2", "a3"); below != 0 {
		t.Errorf("trimmed below slot %d with one copy of two", below)
	}
	c.StartRole("l2")
	c.Await("the acceptors to trim", func() bool { return c.trimmed("a1", "a2", "a3") > paxos.DigestEvery })
	load.Stop()
	load.Check(1000, "l1", "l2")
}
