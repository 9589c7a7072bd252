package clustertest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// order gives an order, and returns the answer and its error.
func (c *Cluster) order(b *bus.Bus, o paxos.Order) (string, *bus.Error) {
	c.t.Helper()
	command := paxos.OrderCommand(o, "")
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	m, err := b.Conn().RequestMsgWithContext(ctx, &nats.Msg{Subject: Subjects.Root() + command.Subject, Data: command.Data})
	if err != nil {
		return err.Error(), nil
	}
	var answer struct{ Error *bus.Error }
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		c.t.Fatal(err)
	}
	return string(m.Data), answer.Error
}

// TestRollingUpgrade replaces the build of one learner after the other, under load.
// Until an order in the log the new one applies the old rules, so that both have one
// state; after it the old one cannot come back.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	c := New(t, url)
	old := func(n *node.Config) { n.Supports = streams.MaxVersion - 1 }
	c.Configure = old
	c.found(3)
	for _, id := range []paxos.NodeID{"p1", "p2", "l1", "l2"} {
		c.StartRole(id)
	}
	load := c.StartLoad(8)
	load.AwaitMore(100)
	c.Configure = nil
	c.Stop("l1")
	c.StartRole("l1")
	c.Await("the builds to agree", func() bool {
		return c.Role("l1").Report().Learner.Kept > 0 && c.Role("l2").Report().Learner.Kept > 0
	})
	b := c.Connect()
	if _, err := c.order(b, paxos.Upgrade{Version: streams.MaxVersion}); err == nil || err.Code != bus.CodeNotAllowed || !strings.Contains(err.Description, "learner l2 supports") {
		t.Fatalf("an upgrade that l2 does not support: %v", err)
	}
	c.Stop("l2")
	c.StartRole("l2")
	want := `{"version":2}`
	c.Await("the upgrade", func() bool {
		answer, err := c.order(b, paxos.Upgrade{Version: streams.MaxVersion})
		return answer == want || err != nil && strings.Contains(err.Description, "already")
	})
	for _, id := range []paxos.NodeID{"l1", "l2"} {
		c.Await("the new rules", func() bool { return c.Role(id).Report().Learner.StateVersion == streams.MaxVersion })
	}
	load.AwaitMore(100)
	load.Stop()
	c.Stop("l2")
	config := node.Config{ID: "l2", Bus: bus.Options{Subjects: Subjects, URLs: c.urls}, Data: c.Data("l2"), Log: c.log}
	old(&config)
	var version *streams.VersionError
	if _, err := node.StartLearner(t.Context(), config); !errors.As(err, &version) {
		t.Errorf("the old build starts on a state with newer rules: %v", err)
	}
	c.StartRole("l2")
	load.Check(200, "l1", "l2")
}

// TestSkip gets a cluster going again whose learners all fail on one command.
func TestSkip(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	c := New(t, url)
	disks := map[paxos.NodeID]*fragile{"l1": {}, "l2": {}}
	c.Configure = func(n *node.Config) {
		n.OpenMachine = func(string) (node.Machine, error) { return disks[n.ID], nil }
	}
	c.found(3)
	for _, id := range []paxos.NodeID{"p1", "l1", "l2"} {
		c.StartRole(id)
	}
	b := c.Connect()
	propose := func(text string) string {
		m, err := b.Conn().Request(Subjects.Propose(), []byte(text), time.Second)
		if err != nil {
			return err.Error()
		}
		return string(m.Data)
	}
	c.Await("an answer", func() bool { return propose("a") == "a done" })
	propose("poison")
	learners := []paxos.NodeID{"l1", "l2"}
	for _, id := range learners {
		c.Await("the learner to stop", func() bool {
			failed, why := c.Revive(id)
			if failed && !strings.Contains(why.Error(), "panicked on slot") {
				t.Errorf("%s: %v", id, why)
			}
			return failed
		})
	}
	var slot paxos.Slot
	for _, id := range learners {
		c.Await("the learner to be held", func() bool {
			r := c.Role(id).Report()
			slot = r.Learner.HeldAt
			return slot > 0 && !r.Ready && strings.Contains(r.NotReady, "synod skip --slot")
		})
	}
	if _, err := c.order(b, paxos.Skip{Slot: slot + 1000}); err == nil || err.Code != bus.CodeNotAllowed {
		t.Errorf("a skip of what is not decided: %v", err)
	}
	again := map[paxos.NodeID]bool{}
	c.Await("the learners to find the order", func() bool {
		if len(again) == 0 {
			c.order(b, paxos.Skip{Slot: slot})
		}
		for _, id := range learners {
			if failed, why := c.Revive(id); failed {
				again[id] = true
				if !strings.Contains(why.Error(), "start this learner again") {
					t.Errorf("%s: %v", id, why)
				}
			}
		}
		return len(again) == len(learners)
	})
	c.Await("an answer after the skip", func() bool { return propose("b") == "b done" })
	for _, id := range learners {
		c.Await("the learner to go on", func() bool {
			r := c.Role(id).Report().Learner
			return r.HeldAt == 0 && r.Applied > slot
		})
	}
}

// fragile is a state machine that panics on "poison". Its memory outlives its process.
type fragile struct {
	mu      sync.Mutex
	applied paxos.Slot
}

func (f *fragile) Apply(slot paxos.Slot, _ paxos.LogTime, commands []paxos.Command) (results []actors.Result, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range commands {
		if string(c.Data) == "poison" {
			panic("cannot stand this")
		}
		results = append(results, actors.Result{Data: append(c.Data, " done"...)})
	}
	f.applied = slot
	return results, nil
}

func (f *fragile) Position() paxos.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return paxos.Position{Applied: f.applied}
}

func (f *fragile) Digest() [16]byte                       { return [16]byte{} }
func (f *fragile) Sync(paxos.Slot) error                  { return nil }
func (f *fragile) Close() error                           { return nil }
func (f *fragile) Snapshot(io.Writer) (paxos.Slot, error) { return 0, errors.New("none") }
func (f *fragile) Install(io.Reader) error                { return errors.New("none") }
