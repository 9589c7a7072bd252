package clustertest

import (
	"strings"
	"testing"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

// TestReadinessInEveryFault: a role is ready when, and only when, it does its part; it
// lives all the while, since a new start would help none of them.
func TestReadinessInEveryFault(t *testing.T) {
	server := bustest.Server(t)
	c := Start(t, Size{Acceptors: 3, Proposers: 1, Learners: 2}, server.URL())
	expect := func(fault string, notReady map[paxos.NodeID]string) {
		t.Helper()
		var wrong string
		c.Await(fault, func() bool {
			wrong = c.unready(notReady)
			return wrong == ""
		})
		for _, id := range []paxos.NodeID{"a1", "a2", "a3", "p1", "l1", "l2"} {
			if r := c.Role(id); r != nil && r.Alive() != nil {
				t.Errorf("%s: %s does not live: %v", fault, id, r.Alive())
			}
		}
	}
	expect("all is well", nil)
	c.Stop("a1")
	expect("one acceptor lost", nil)
	c.Stop("a2")
	expect("no quorum", map[paxos.NodeID]string{"p1": "hears no leader", "l1": "no quorum of acceptors", "l2": "no quorum of acceptors"})
	c.StartRole("a1")
	expect("a quorum again", nil)
	c.Stop("p1")
	expect("no proposer", nil) // acceptors vote and learners read without one
	c.Stop("l1")
	c.Stop("l2")
	c.StartRole("p1")
	expect("no learner", map[paxos.NodeID]string{"p1": "hears no learner"})
	c.StartRole("l1")
	c.StartRole("l2")
	c.StartRole("a2")
	expect("all is well again", nil)
	server.Stop()
	lost := "no connection"
	expect("no NATS", map[paxos.NodeID]string{"a1": lost, "a2": lost, "a3": lost, "p1": lost, "l1": lost, "l2": lost})
}

// unready says which role's readiness is not as wanted, and "" when all are.
func (c *Cluster) unready(want map[paxos.NodeID]string) string {
	for _, id := range []paxos.NodeID{"a1", "a2", "a3", "p1", "l1", "l2"} {
		role := c.Role(id)
		if role == nil {
			continue
		}
		r := role.Report()
		if r.Ready != (want[id] == "") || !strings.Contains(r.NotReady, want[id]) {
			return string(id) + " says " + r.NotReady
		}
	}
	return ""
}
