// Package clustertest runs whole clusters of real roles in one test process: real
// actors, real disks, each role with its own connection to embedded NATS servers.
package clustertest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

// Subjects are those of every cluster of this package.
var Subjects = bus.Subjects{Cluster: "test"}

// Cluster is the roles of one test, by id: a1, p1, l1 and so on.
type Cluster struct {
	t    testing.TB
	urls []string
	leaf []string
	dir  string
	log  *slog.Logger

	// Configure, if not nil, changes what a role is told when it starts.
	Configure func(*node.Config)

	mu    sync.Mutex
	roles map[paxos.NodeID]node.Role
}

// Size is how many of each role a cluster has, and where its learners connect as leaf
// nodes, to serve watchers; nowhere when Leaf is empty.
type Size struct {
	Acceptors, Proposers, Learners int

	Leaf []string
}

// New is a cluster on the NATS servers at urls of which nothing runs yet. All of it
// ends with the test.
func New(t testing.TB, urls ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, urls: urls, dir: t.TempDir(), log: bustest.Quiet(), roles: map[paxos.NodeID]node.Role{}}
	if os.Getenv("SYNOD_TEST_LOG") != "" {
		c.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	t.Cleanup(c.stopAll)
	return c
}

// Start founds a cluster on the NATS servers at urls and starts its roles. It
// returns before a leader is elected.
func Start(t testing.TB, size Size, urls ...string) *Cluster {
	t.Helper()
	c := New(t, urls...)
	c.leaf = size.Leaf
	c.Start(size)
	return c
}

// Start founds the cluster and starts its roles. It returns before a leader is elected.
func (c *Cluster) Start(size Size) {
	c.t.Helper()
	c.found(size.Acceptors)
	for i := range size.Proposers {
		c.StartRole(paxos.NodeID(fmt.Sprintf("p%d", i+1)))
	}
	for i := range size.Learners {
		c.StartRole(paxos.NodeID(fmt.Sprintf("l%d", i+1)))
	}
}

// found starts so many acceptors and founds the cluster with them.
func (c *Cluster) found(acceptors int) {
	c.t.Helper()
	plan := node.Plan{}
	for i := range acceptors {
		id := paxos.NodeID(fmt.Sprintf("a%d", i+1))
		plan.Acceptors = append(plan.Acceptors, id)
		c.StartRole(id)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	if _, err := node.Found(ctx, c.Connect(), plan, nil); err != nil {
		c.t.Fatal(err)
	}
}

// Connect is a connection of the test's own.
func (c *Cluster) Connect() *bus.Bus {
	c.t.Helper()
	return bustest.ConnectWith(c.t, bus.Options{Subjects: Subjects, URLs: c.urls, Name: "test"})
}

// Data is the data directory of the acceptor or learner id.
func (c *Cluster) Data(id paxos.NodeID) string { return filepath.Join(c.dir, string(id)) }

// StartRole starts the role id with the disk that it had before, if it had one.
func (c *Cluster) StartRole(id paxos.NodeID) {
	c.t.Helper()
	config := node.Config{
		ID: id, Bus: bus.Options{Subjects: Subjects, URLs: c.urls}, Data: c.Data(id), BareSubjects: true, Log: c.log,
		CheckpointEvery: 200 * time.Millisecond,
	}
	if c.Configure != nil {
		c.Configure(&config)
	}
	if len(c.leaf) > 0 {
		config.Leaf = &leaf.Options{Bus: bus.Options{URLs: c.leaf}}
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	role, err := startRole(ctx, config)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.roles[id] = role
	c.mu.Unlock()
}

func startRole(ctx context.Context, c node.Config) (node.Role, error) {
	switch c.ID[0] {
	case 'a':
		return node.StartAcceptor(ctx, c)
	case 'p':
		return node.StartProposer(ctx, c)
	default:
		return node.StartLearner(ctx, c)
	}
}

// Stop ends the role id at once: a leader is given no time to hand over.
func (c *Cluster) Stop(id paxos.NodeID) {
	c.t.Helper()
	now, cancel := context.WithCancel(context.Background())
	cancel()
	c.stop(now, id)
}

// Retire ends the role id as SIGTERM does: a leader hands over.
func (c *Cluster) Retire(id paxos.NodeID) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c.stop(ctx, id)
}

func (c *Cluster) stop(ctx context.Context, id paxos.NodeID) {
	c.t.Helper()
	role := c.Role(id)
	c.mu.Lock()
	delete(c.roles, id)
	c.mu.Unlock()
	if role == nil {
		return
	}
	if err := role.Stop(ctx); err != nil {
		c.t.Errorf("stop %s: %v", id, err)
	}
}

// Revive starts the role id again if it has failed, as a service manager does, and
// reports whether it had.
func (c *Cluster) Revive(id paxos.NodeID) (failed bool, why error) {
	c.t.Helper()
	role := c.Role(id)
	select {
	case why = <-role.Failed():
	default:
		return false, nil
	}
	_ = role.Stop(context.Background()) // says once more why it failed
	c.StartRole(id)
	return true, why
}

// Role is the running role id; nil when it does not run.
func (c *Cluster) Role(id paxos.NodeID) node.Role {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roles[id]
}

// Wipe removes the data directory of a role that does not run.
func (c *Cluster) Wipe(id paxos.NodeID) {
	c.t.Helper()
	if err := os.RemoveAll(c.Data(id)); err != nil {
		c.t.Fatal(err)
	}
}

// Leader is the proposer that leads; empty when none does.
func (c *Cluster) Leader() paxos.NodeID {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, role := range c.roles {
		if r := role.Report(); r.Proposer != nil && r.Proposer.Stage == "leading" {
			return id
		}
	}
	return ""
}

// Await polls until ok, and fails the test when that takes longer than a minute.
func (c *Cluster) Await(what string, ok func() bool) {
	c.t.Helper()
	c.awaitFor(time.Minute, what, ok)
}

func (c *Cluster) awaitFor(most time.Duration, what string, ok func() bool) {
	c.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(most)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			c.t.Fatalf("waited %s for %s", most, what)
		}
	}
}

// AwaitLeader returns the leader once there is one.
func (c *Cluster) AwaitLeader() (leader paxos.NodeID) {
	c.t.Helper()
	c.Await("a leader", func() bool { leader = c.Leader(); return leader != "" })
	return leader
}

func (c *Cluster) stopAll() {
	c.mu.Lock()
	var ids []paxos.NodeID
	for id := range c.roles {
		ids = append(ids, id)
	}
	c.mu.Unlock()
	for _, id := range ids {
		c.Stop(id)
	}
}
