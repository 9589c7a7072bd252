package clustertest

import (
	"context"
	"testing"
	"time"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

// slowCopies makes learners keep copies of their states when they must, and not else.
func slowCopies(c *node.Config) { c.CheckpointEvery = time.Hour }

// change carries out one step, as `synod member` does. waiting, if not nil, is called
// whenever what it waits for changes.
func (c *Cluster) change(what node.Change, waiting func(why string)) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	m, err := node.OpenMembers(ctx, c.Connect())
	if err != nil {
		c.t.Fatal(err)
	}
	defer m.Close()
	r, err := m.Newest(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	next, err := m.Plan(ctx, &r.Newest, what)
	if err != nil {
		c.t.Fatal(err)
	}
	if waiting == nil {
		waiting = func(string) {}
	}
	if _, err = m.Carry(ctx, next, waiting); err != nil {
		c.t.Fatal(err)
	}
}

// leave destroys an acceptor that a finished change left out.
func (c *Cluster) leave(id paxos.NodeID) {
	c.t.Helper()
	c.Stop(id)
	c.Wipe(id)
}

// TestAChangeOfAnIdleCluster waits neither for commands nor for the time when learners
// keep a copy of their state anyway.
func TestAChangeOfAnIdleCluster(t *testing.T) {
	c := New(t, bustest.Server(t).URL())
	c.Configure = slowCopies
	c.Start(small)
	c.AwaitLeader()
	c.StartRole("a4")
	c.change(node.Change{Add: "a4"}, nil)
	c.change(node.Change{Remove: "a1"}, nil)
}

// TestAMoveUnderLoad takes a cluster to three other acceptors, one after the other. Those
// that left are destroyed at once.
func TestAMoveUnderLoad(t *testing.T) {
	c := Start(t, small, bustest.Server(t).URL())
	load := c.StartLoad(8)
	load.AwaitMore(200)
	for _, step := range [][2]paxos.NodeID{{"a1", "a4"}, {"a2", "a5"}, {"a3", "a6"}} {
		c.StartRole(step[1])
		c.change(node.Change{Remove: step[0], Add: step[1]}, nil)
		c.leave(step[0])
		load.AwaitMore(200)
	}
	t.Logf("the longest time between two acknowledgements: %v", load.Gap())
	load.Stop()
	load.Check(800, "l1", "l2")
}

// TestGrowAndShrinkUnderLoad from 3 to 5 acceptors, of which two fail, and back.
func TestGrowAndShrinkUnderLoad(t *testing.T) {
	c := Start(t, small, bustest.Server(t).URL())
	load := c.StartLoad(8)
	load.AwaitMore(200)
	for _, id := range []paxos.NodeID{"a4", "a5"} {
		c.StartRole(id)
		c.change(node.Change{Add: id}, nil)
	}
	for _, id := range []paxos.NodeID{"a1", "a4"} {
		c.Stop(id)
	}
	load.AwaitMore(200)
	c.change(node.Change{Remove: "a1"}, nil)
	c.change(node.Change{Remove: "a4"}, nil)
	load.AwaitMore(200)
	load.Stop()
	load.Check(600, "l1", "l2")
}

// TestLeadersDieInChanges: each step is proposed by one leader, which is gone before it
// is finished, and taken up by the next. The operator notices a wait.
func TestLeadersDieInChanges(t *testing.T) {
	c := Start(t, Size{Acceptors: 3, Proposers: 3, Learners: 2}, bustest.Server(t).URL())
	load := c.StartLoad(8)
	load.AwaitMore(200)
	died := 0
	for i, step := range [][2]paxos.NodeID{{"a1", "a4"}, {"a2", "a5"}, {"a3", "a6"}} {
		c.StartRole(step[1])
		leader := c.AwaitLeader()
		waits := 0
		c.change(node.Change{Remove: step[0], Add: step[1]}, func(string) {
			if waits++; waits != 1 {
				return
			}
			died++
			if i%2 == 0 {
				c.Stop(leader)
			} else {
				c.Retire(leader)
			}
		})
		c.leave(step[0])
		if c.Role(leader) == nil {
			c.StartRole(leader)
		}
		load.AwaitMore(200)
	}
	if died != 3 {
		t.Errorf("%d leaders died in the middle of a change, want 3", died)
	}
	load.Stop()
	load.Check(800, "l1", "l2")
}
