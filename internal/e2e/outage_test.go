package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestStopWithoutNATS: a role that is told to stop does, also while there is no
// server to say goodbye to.
func TestStopWithoutNATS(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.nats.kill()
	for _, id := range c.running() {
		c.roles[id].await("lost the NATS server")
	}
	for _, id := range c.running() {
		c.term(id)
	}
}

// TestTwoClustersOfOneName meet on one bus: neither takes the other's messages nor
// serves clients while both are there, and status says what is wrong.
func TestTwoClustersOfOneName(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	uuid := c.status().UUID
	c.synod("propose", "ours").must(t)
	other := startNATS(t)
	other.dir = c.dir
	other.start("b1").await("acceptor runs")
	if out := other.synod("init", "--acceptors", "b1").must(t); !strings.Contains(out, "Founded cluster main") || strings.Contains(out, uuid) {
		t.Errorf("a second cluster is founded: %s", out)
	}
	other.term("b1")
	c.start("b1").await("acceptor runs")
	s := c.awaitProblem("Acceptor b1", "another cluster")
	if s.UUID != uuid {
		t.Errorf("status is about %s, want %s", s.UUID, uuid)
	}
	if r := c.synod("propose", "whose?"); r.code != 1 || !containsAll(r.errors, "certainly not appended") {
		t.Errorf("a proposal between the two ends with code %d: %s", r.code, r.errors)
	}
	c.kill("b1")
	c.awaitReady()
	c.synod("propose", "still ours").must(t)
	if out := c.synod("log").must(t); !containsAll(out, "1\t", "ours", "2\t", "still ours") {
		t.Errorf("the log is %q", out)
	}

	// A learner whose disk is of this cluster refuses any other.
	c.term("l1")
	other.start("b1").await("acceptor runs")
	p := startProcess(t, "learner", "--id", "l1", "--nats", other.url, "--data", c.data("l1"))
	p.await("another cluster has the name and the generation of this one")
	if code := p.term(); code != 0 || strings.Contains(p.output(), "joined the cluster") {
		t.Errorf("a learner of another cluster ends with code %d:\n%s", code, p.output())
	}
}

// TestFollowOutlivesItsLearner: who reads the log waits while nobody serves it, and
// misses nothing.
func TestFollowOutlivesItsLearner(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.synod("propose", "one").must(t)
	p := startProcess(t, "synod", "log", "--follow", "--nats", c.url)
	p.await("one")
	c.kill("l1")
	c.kill("l2")
	p.await("no learner serves the log")
	c.start("l1")
	c.start("l2")
	c.synod("propose", "two", "--timeout", "20s").must(t)
	p.await("two")
	if strings.Count(p.output(), "one") != 1 {
		t.Errorf("the log is printed again:\n%s", p.output())
	}
	if r := c.synod("log", "--from", "2"); r.code != 0 || !strings.Contains(r.out, "two") {
		t.Errorf("log: code %d\n%s%s", r.code, r.out, r.errors)
	}
}

// TestAnOldCopyOfADisk is put in the place of an acceptor's disk. No leader changed since
// it was made, and it was opened as often as the original, so all that it has forgotten
// are votes. It is found out and not heard, and the acceptor is replaced as status says.
func TestAnOldCopyOfADisk(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.kill("a1")
	elsewhere := startNATS(t)
	if err := os.CopyFS(elsewhere.data("a1"), os.DirFS(c.data("a1"))); err != nil {
		t.Fatal(err)
	}
	elsewhere.start("a1").await("acceptor runs")
	elsewhere.term("a1")
	c.start("a1").await("acceptor runs")
	c.awaitReady()
	before := c.status().Chosen
	c.synod("propose", "what the copy does not know").must(t)
	poll(t, "a vote of a1", func() bool { return c.status().Acceptors[0].MaxVoted > before })

	c.term("a1")
	if err := os.RemoveAll(c.data("a1")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(elsewhere.data("a1"), c.data("a1")); err != nil {
		t.Fatal(err)
	}
	c.start("a1").await("acceptor runs")
	c.awaitProblem("Leader", "no answer from acceptor a1")
	c.awaitProblem("Proposer", "of acceptor a1", "old copy of an acceptor's disk runs: stop it")
	c.awaitProblem("Learner", "of acceptor a1", "old copy of an acceptor's disk runs: stop it")
	c.changes()
	c.synod("propose", "all is well").must(t)
}
