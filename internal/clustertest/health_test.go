package clustertest

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// reasons is why roles are not ready, by id.
type reasons map[paxos.NodeID]string

// TestReadinessInEveryFault: a role is ready when, and only when, it does its part; it
// lives all the while, since a new start would not help it.
func TestReadinessInEveryFault(t *testing.T) {
	t.Parallel()
	server, elsewhere := bustest.Server(t), bustest.Server(t)
	c := New(t, server.URL())
	disk := storagetest.NewDisk() // of a3
	c.Configure = func(o *node.Config) {
		if o.ID == "a3" {
			o.Storage.FS, o.Storage.HungAfter, o.Storage.Reserve = disk.FS(), -1, -1
		}
	}
	rival := New(t, elsewhere.URL())
	rival.StartRole("a9")
	rival.foundAs("a9")
	rival.Stop("a9")
	rival.urls = c.urls

	release, wrong := func() {}, ""
	t.Cleanup(func() { // before the roles stop, of which one may wait for its disk
		release()
		if t.Failed() {
			t.Log(wrong)
		}
	})
	var load *Load
	all := func(why string) reasons {
		return reasons{"a1": why, "a2": why, "a3": why, "p1": why, "l1": why, "l2": why}
	}
	for _, fault := range []struct {
		name     string
		strike   func()
		notReady reasons
	}{
		{name: "nothing is founded", strike: func() {
			for _, id := range []paxos.NodeID{"a1", "a2", "a3", "p1", "l1", "l2"} {
				c.StartRole(id)
			}
		}, notReady: all("cluster yet")},
		{name: "it is founded", strike: func() { c.foundAs("a1", "a2", "a3") }},
		{name: "one acceptor is lost", strike: func() { c.Stop("a1") }},
		{name: "no quorum", strike: func() { c.Stop("a2") },
			notReady: reasons{"p1": "hears no leader", "l1": "no quorum of acceptors", "l2": "no quorum of acceptors"}},
		{name: "a quorum again", strike: func() { c.StartRole("a1") }},
		{name: "no proposer", strike: func() { c.Stop("p1") }}, // acceptors vote and learners read without one
		{name: "no learner", strike: func() {
			c.Stop("l1")
			c.Stop("l2")
			c.StartRole("p1")
		}, notReady: reasons{"p1": "hears no learner"}},
		{name: "all is well again", strike: func() {
			c.StartRole("l1")
			c.StartRole("l2")
			c.StartRole("a2")
		}},
		{name: "a disk hangs", strike: func() {
			load = c.StartLoad(1)
			release = disk.HangSyncs()
		}, notReady: reasons{"a3": "its disk hangs"}},
		{name: "it goes on", strike: func() {
			release()
			load.Stop()
		}},
		{name: "a learner's disk is lost", strike: func() {
			c.Stop("l1")
			c.Wipe("l1")
			c.StartRole("l1")
		}},
		{name: "another cluster has the name", strike: func() { rival.StartRole("a9") }, notReady: all("the same name and generation")},
		{name: "it is gone", strike: func() { rival.Stop("a9") }},
		{name: "an acceptor's disk is lost", strike: func() {
			c.Stop("a2")
			c.Wipe("a2")
			c.StartRole("a2")
		}, notReady: reasons{"a2": "no cluster yet"}},
		{name: "no NATS", strike: server.Stop, notReady: all("no connection")},
	} {
		fault.strike()
		c.Await(fault.name, func() bool {
			wrong = c.unready(fault.notReady)
			return wrong == ""
		})
		for _, id := range []paxos.NodeID{"a1", "a2", "a3", "p1", "l1", "l2"} {
			if r := c.Role(id); r != nil && r.Alive() != nil {
				t.Errorf("%s: %s lives: %v", fault.name, id, r.Alive())
			}
		}
		t.Logf("%s: as expected", fault.name)
	}
}

// TestReadinessOfAFailedDisk: its acceptor is neither ready nor alive, until a new start
// finds a disk that works.
func TestReadinessOfAFailedDisk(t *testing.T) {
	if !storagetest.Alone(t) { // a store that failed keeps its goroutines
		return
	}
	c := New(t, bustest.Server(t).URL())
	disk := storagetest.NewDisk()
	c.Configure = func(o *node.Config) {
		if o.ID == "a3" {
			o.Storage.FS = disk.FS()
		}
	}
	c.Start(small)
	well := func(what string) {
		t.Helper()
		c.Await(what, func() bool { return c.unready(nil) == "" })
	}
	well("a cluster that is well")

	load := c.StartLoad(1)
	disk.FailAt(disk.Calls()+1, syscall.EIO)
	c.Await("a3 to be dead", func() bool { return c.Role("a3").Alive() != nil })
	if r := c.Role("a3").Report(); r.Ready {
		t.Error("a3 is ready without a disk")
	}
	disk = disk.Crash(0, 1) // the failed store holds the old one
	c.Await("a3 to fail", func() bool { failed, _ := c.Revive("a3"); return failed })
	well("a3 to be well")
	load.Stop()
}

// foundAs founds the cluster with acceptors that run.
func (c *Cluster) foundAs(acceptors ...paxos.NodeID) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	if _, err := node.Found(ctx, c.Connect(), node.Plan{Acceptors: acceptors}, nil); err != nil {
		c.t.Fatal(err)
	}
}

// unready says which role's readiness is not as wanted, and "" when all are.
func (c *Cluster) unready(want reasons) string {
	for _, id := range []paxos.NodeID{"a1", "a2", "a3", "p1", "l1", "l2"} {
		role := c.Role(id)
		if role == nil {
			continue
		}
		r := role.Report()
		if _, unready := want[id]; r.Ready == unready || !strings.Contains(r.NotReady, want[id]) {
			return string(id) + " says " + r.NotReady
		}
	}
	return ""
}
