package e2e

import (
	"path/filepath"
	"testing"

	"github.com/synod-paxos/synod/streams"
)

// message is a message of a learner's log.
type message struct {
	seq  uint64
	data string
}

// ledger is the whole log of a learner that has stopped, from its disk.
func (c *cluster) ledger(id string) []message {
	c.t.Helper()
	m, err := streams.Open(filepath.Join(c.data(id), "state"), streams.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			c.t.Error(err)
		}
	}()
	v := m.View()
	defer func() {
		if err := v.Close(); err != nil {
			c.t.Error(err)
		}
	}()
	var log []message
	for stored, err := range v.Messages(streams.Query{Stream: streams.Ledger}) {
		if err != nil {
			c.t.Fatal(err)
		}
		log = append(log, message{stored.Seq, string(stored.Data)})
	}
	return log
}

// check compares every learner's log with what clients were told: each
// acknowledged proposal is there exactly once, where it was said to be, and the
// logs are equal.
func (l *load) check(c *cluster, learners ...string) {
	c.t.Helper()
	first := c.ledger(learners[0])
	for _, id := range learners {
		log := c.ledger(id)
		if len(log) != len(first) {
			c.t.Errorf("learner %s has %d messages, %s has %d", id, len(log), learners[0], len(first))
		}
		at := map[string]uint64{}
		for i, m := range log {
			if i < len(first) && m != first[i] {
				c.t.Fatalf("learner %s has %v where %s has %v", id, m, learners[0], first[i])
			}
			if at[m.data] != 0 {
				c.t.Errorf("learner %s has %s twice, at %d and %d", id, m.data, at[m.data], m.seq)
			}
			at[m.data] = m.seq
			if l.acked[m.data] == 0 && !l.open[m.data] {
				c.t.Errorf("learner %s has %q, which nobody proposed", id, m.data)
			}
		}
		for proposal, seq := range l.acked {
			if at[proposal] != seq {
				c.t.Errorf("%s was acknowledged at %d; learner %s has it at %d", proposal, seq, id, at[proposal])
			}
		}
	}
}

// settle waits until both learners have all that is chosen, and stops them.
func (c *cluster) settle() {
	c.t.Helper()
	poll(c.t, "learners that have everything", func() bool {
		s := c.status()
		if len(s.Learners) != 2 || s.Leader == nil {
			return false
		}
		return s.Learners[0].Applied == s.Chosen && s.Learners[1].Applied == s.Chosen
	})
	c.term("l1")
	c.term("l2")
}

// TestKillEachRoleUnderLoad is the promise to clients: whichever process dies, what
// was acknowledged is there, once, and in the same order everywhere.
func TestKillEachRoleUnderLoad(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	l := startLoad(t, c.connect(), 16)
	l.await(200)
	for _, id := range []string{"a1", "l1", "a2", "l2", "a3", "leader", "leader"} {
		if id == "leader" {
			id = c.leader()
		}
		l.gap()
		c.kill(id)
		l.await(100)
		t.Logf("%s killed: no answer for %s", id, l.gap())
		c.start(id)
		l.await(100)
	}
	l.stop()
	t.Logf("%d acknowledged", len(l.acked))
	c.settle()
	l.check(c, "l1", "l2")
}

// TestEverythingDiesAtOnce: no process that remembers anything is left running.
func TestEverythingDiesAtOnce(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	l := startLoad(t, c.connect(), 16)
	l.await(500)
	all := c.running()
	for _, id := range all {
		c.kill(id)
	}
	for _, id := range all {
		c.start(id)
	}
	l.await(500)
	l.stop()
	c.settle()
	l.check(c, "l1", "l2")
}

// TestNATSServerDies: the roles wait for it, and go on where they were.
func TestNATSServerDies(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	l := startLoad(t, c.connect(), 8)
	l.await(200)
	c.nats.kill()
	c.nats = startProcess(t, "nats-server", "-a", "127.0.0.1", "-p", c.url[len("nats://127.0.0.1:"):])
	l.await(200)
	l.stop()
	c.settle()
	l.check(c, "l1", "l2")
}
