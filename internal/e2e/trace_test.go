package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/internal/ladder"
	"github.com/synod-paxos/synod/paxos"
)

// trace watches one proposal. What it prints of it is an Accept, and votes of which
// one completes the quorum, in this order.
func (c *cluster) trace(t *testing.T) {
	p := startProcess(t, "synod", "trace", "--json", "--kind", "accept,accepted", "--nats", c.url)
	id := 0
	var lines []string
	poll(t, "a message is shown", func() bool {
		// It may take a moment until it listens; what is proposed before that is not heard.
		id++
		c.synod("propose", "watch", "--id", fmt.Sprintf("trace-%d", id)).must(t)
		lines = strings.Split(strings.TrimSpace(p.output()), "\n")
		return len(lines) > 20
	})
	p.term()
	accepts, chosen := map[string]bool{}, 0
	for _, line := range lines[:20] {
		var e ladder.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		slots := fmt.Sprint(e.Slots)
		switch e.Kind {
		case "accept":
			accepts[slots] = true
			if !slices.Equal(e.To, []paxos.NodeID{"a1", "a2", "a3", "l1", "l2"}) {
				t.Errorf("an accept to %v, want all acceptors and learners", e.To)
			}
		case "accepted":
			chosen += len(e.Chosen)
			if len(accepts) > 0 && !accepts[slots] {
				t.Errorf("a vote in %s comes before its accept", slots)
			}
		}
	}
	if chosen == 0 {
		t.Errorf("no quorum is seen in\n%s", strings.Join(lines, "\n"))
	}
	if out := c.synod("trace", "--for", "2s", "--kind", "all", "--limit", "30", "--ascii").must(t); strings.Count(out, "\n") != 31 || !strings.Contains(out, "heartbeat") {
		t.Errorf("30 messages in a ladder:\n%s", out)
	}
}
