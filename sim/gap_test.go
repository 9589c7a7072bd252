package sim

import (
	"testing"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// TestLosingAProcessCostsLittle kills one process while a client proposes one command
// after the other, in many seeds: it waits for no answer longer than the handbook says.
// A learner that dies is covered for without a retry; what a leader takes with it wants one.
func TestLosingAProcessCostsLittle(t *testing.T) {
	for _, c := range []struct {
		node         paxos.NodeID
		retry, limit time.Duration
	}{
		{"a1", 5 * time.Second, 200 * time.Millisecond},
		{"l1", 5 * time.Second, 200 * time.Millisecond},
		{TheLeader, 100 * time.Millisecond, time.Second},
	} {
		t.Run(string(c.node), func(t *testing.T) {
			var longest time.Duration
			for seed := range uint64(20) {
				longest = max(longest, longestGap(t, seed+1, c.node, c.retry))
			}
			if longest > c.limit {
				t.Errorf("an answer takes %v, want at most %v", longest, c.limit)
			}
			t.Logf("the slowest answer takes %v", longest)
		})
	}
}

// longestGap is the longest time between two answers around the death of node.
func longestGap(t *testing.T, seed uint64, node paxos.NodeID, retry time.Duration) (longest time.Duration) {
	t.Helper()
	const from, to = 1900 * time.Millisecond, 4 * time.Second
	p := CalmPlan(seed)
	p.Proposers, p.Learners, p.Quiet = 3, 3, 6*time.Second
	p.Clients = []ClientPlan{{
		ID: "c1", Start: time.Second, Commands: 100000, Think: 2 * time.Millisecond, Timeout: retry, Retry: 40 * time.Millisecond,
	}}
	p.Faults = []Fault{{At: 2 * time.Second, For: 3 * time.Second, Kind: Crash, Node: node}}
	w := NewWorld(p)
	w.Begin()
	w.advance(from)
	answered, since := w.counts["commands answered"], from
	for at := from; at < to; at += time.Millisecond {
		w.advance(at)
		if n := w.counts["commands answered"]; n > answered {
			answered, since = n, at
		}
		longest = max(longest, at-since)
	}
	if w.failure != nil {
		t.Fatalf("seed %d: %v", seed, w.failure)
	}
	return longest
}

// TestPhase1OfManyPages: a leader that votes do not reach leaves a window of them, and a
// page holds one, so phase 1 takes longer than any standby's patience. It is done all the
// same, by the first that begins it: others see it turn the pages.
func TestPhase1OfManyPages(t *testing.T) {
	const commands, deaf = 200, 4110 * time.Millisecond
	for seed := range uint64(5) {
		p := CalmPlan(seed + 1)
		p.Proposers, p.PageBytes, p.Quiet = 3, 1, 10*time.Second
		p.Proposing.BatchCommands, p.Proposing.Pipeline = 1, commands
		p.Calm = Weather{Min: 20 * time.Millisecond, Max: 25 * time.Millisecond}
		for i := range commands {
			p.Clients = append(p.Clients, ClientPlan{
				ID: nodeID("c", i), Start: 4060*time.Millisecond + time.Duration(i)*100*time.Microsecond, Commands: 1,
				Think: time.Millisecond, Timeout: 2 * time.Second, Retry: 100 * time.Millisecond,
			})
		}
		p.Faults = []Fault{{At: deaf, For: 5 * time.Second, Kind: Deaf, Node: TheLeader}}
		w := NewWorld(p)
		w.Begin()
		w.advance(deaf)
		won := w.counts["elections won"]
		if !w.advanceUntil(60*time.Second, func() bool { return w.counts["elections won"] > won }) || w.failure != nil {
			t.Fatalf("seed %d: no leader after %v (%v)", seed+1, w.now-deaf, w.failure)
		}
	}
}
