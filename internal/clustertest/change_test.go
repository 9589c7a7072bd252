package clustertest

import (
	"context"
	"slices"
	"strings"
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
	c.begin(what, nil, waiting)()
}

// begin carries out one step beside the test. It calls planned before the leader hears of
// the step, and waiting as change does; either may be nil. The returned function waits
// until the step is finished.
func (c *Cluster) begin(what node.Change, planned func(), waiting func(why string)) (done func()) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	m, err := node.OpenMembers(ctx, c.Connect())
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := m.Newest(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	next, err := m.Plan(ctx, &r.Newest, what)
	if err != nil {
		c.t.Fatal(err)
	}
	if planned != nil {
		planned()
	}
	if waiting == nil {
		waiting = func(string) {}
	}
	result := make(chan error, 1)
	go func() {
		_, err := m.Carry(ctx, next, waiting)
		result <- err
	}()
	return func() {
		c.t.Helper()
		err := <-result
		m.Close()
		cancel()
		if err != nil {
			c.t.Fatal(err)
		}
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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

// TestStatusDuringAChange: status says which configuration governs, who joins, and what a
// change waits for: for a learner, and for the very acceptor that joins.
func TestStatusDuringAChange(t *testing.T) {
	t.Parallel()
	c := New(t, bustest.Server(t).URL())
	c.Configure = slowCopies
	c.Start(small)
	c.AwaitLeader()
	b := c.Connect()
	await := func(what string, ok func(s *node.Cluster) bool) (s node.Cluster) {
		t.Helper()
		c.Await(what, func() bool {
			reports, err := node.Ask(t.Context(), b, 300*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			s = node.Overview(Subjects.Cluster, reports)
			return ok(&s)
		})
		return s
	}
	settled := func(number uint64) func(s *node.Cluster) bool {
		return func(s *node.Cluster) bool {
			return s.Configuration != nil && s.Configuration.Number == number && s.Previous == nil && s.Waits == "" && s.Leader != nil
		}
	}
	await("configuration 1 alone", settled(1))

	// Of the three before two are there, a quorum; of the four then three must be, a4 too.
	c.Stop("a3")
	c.StartRole("a4")
	done := c.begin(node.Change{Add: "a4"}, func() { c.Stop("a4") }, nil)
	s := await("a change that waits for who joins", func(s *node.Cluster) bool {
		return s.Configuration.Number == 2 && slices.ContainsFunc(s.Problems, func(p string) bool {
			return strings.Contains(p, "only 2 of 4 acceptors vote") && strings.Contains(p, "Missing: a3, a4")
		})
	})
	if len(s.Acceptors) != 4 || s.Acceptors[3].Up || s.Configuration.From < 2 {
		t.Errorf("while a4 is away it says %+v", s)
	}
	c.StartRole("a4")
	done()
	if after := await("configuration 2 alone", settled(2)); after.Configuration.From != s.Configuration.From {
		t.Errorf("configuration 2 is from slot %d, and was from %d", after.Configuration.From, s.Configuration.From)
	}

	c.Stop("l2")
	c.StartRole("a5")
	done = c.begin(node.Change{Remove: "a3", Add: "a5"}, nil, nil)
	s = await("a change that waits for a learner", func(s *node.Cluster) bool { return strings.Contains(s.Waits, "learner copies") })
	if s.Configuration.Number != 3 || s.Previous == nil || s.Previous.Number != 2 || !s.Joins(&s.Acceptors[3]) || s.Joins(&s.Acceptors[0]) {
		t.Errorf("during the change it says %+v", s)
	}
	c.StartRole("l2")
	done()
	await("configuration 3 alone", settled(3))
}
