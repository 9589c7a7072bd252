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

// change carries out one step, as `synod member` does.
func (c *Cluster) change(what node.Change) paxos.ChangeReport {
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
	began := time.Now()
	r, err = m.Carry(ctx, next, func(waits string) { c.t.Logf("%v: waits: %s", time.Since(began).Round(time.Millisecond), waits) })
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Logf("configuration %d after %v", r.Newest.Number, time.Since(began).Round(time.Millisecond))
	return r
}

// TestAChangeOfAnIdleCluster waits neither for commands nor for the time when learners
// keep a copy of their state anyway.
func TestAChangeOfAnIdleCluster(t *testing.T) {
	c := New(t, bustest.Server(t).URL())
	c.Configure = slowCopies
	c.Start(small)
	c.AwaitLeader()
	c.StartRole("a4")
	c.change(node.Change{Add: "a4"})
	c.change(node.Change{Remove: "a1"})
}
