package clustertest

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
)

// TestACutOffRoleMoves: the link between two NATS servers is broken, and the only
// proposer, or a learner, is at the one where the others are not. Both are reached by
// all, so the one that hears nobody moves.
func TestACutOffRoleMoves(t *testing.T) {
	t.Parallel()
	here, there := bustest.Server(t).URL(), bustest.Server(t).URL()
	c := New(t, here)
	c.Configure = func(o *node.Config) {
		if o.ID == "p1" || o.ID == "l2" {
			o.Bus.URLs, o.Bus.NATS = []string{there, here}, []nats.Option{nats.DontRandomize()}
		}
	}
	c.Start(Size{Acceptors: 3, Proposers: 1, Learners: 2})
	c.AwaitLeader()
	load := c.StartLoad(2)
	load.AwaitMore(50)
	c.Await("the learner that was cut off", func() bool {
		l := c.Role("l2").Report().Learner
		return l != nil && l.Applied > 0
	})
	load.Stop()
	load.Check(50, "l1", "l2")
}
