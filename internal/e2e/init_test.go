package e2e

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

// TestInitWaitsForEveryAcceptor: a founding needs all, says who is missing, and
// loses nothing by being given up.
func TestInitWaitsForEveryAcceptor(t *testing.T) {
	t.Parallel()
	c := startNATS(t)
	c.start("a1").await("acceptor runs")
	c.awaitProblem("not founded", "synod init --acceptors a1")
	r := c.synod("init", "--acceptors", "a1,a2", "--timeout", "3s")
	if r.code != 1 || !containsAll(r.errors, "Waiting for a2", "no answer from a2", "run the same command again") {
		t.Errorf("init without a2: code %d\n%s", r.code, r.errors)
	}
	waiting := startProcess(t, "synod", "init", "--acceptors", "a1,a2", "--nats", c.url)
	waiting.await("Waiting for a2")
	c.start("a2")
	if code := waiting.wait(); code != 0 || !strings.Contains(waiting.output(), "Founded cluster main") {
		t.Errorf("init with a2 late: code %d\n%s", code, waiting.output())
	}
	c.awaitProblem("no proposer")
	c.awaitProblem("No learner answers")
}

// TestInitInterrupted: some acceptors have stored a founding that nobody sealed.
func TestInitInterrupted(t *testing.T) {
	t.Parallel()
	c := startNATS(t)
	for _, id := range []string{"a1", "a2", "a3"} {
		c.start(id).await("acceptor runs")
	}
	half := c.foundHalf(t)
	c.awaitProblem("not sealed", "a1")

	out := c.synod("init", "--acceptors", "a1,a2,a3", "--abandon", half.String()).must(t)
	if !strings.Contains(out, "a1 holds no founding") {
		t.Errorf("abandon says %q", out)
	}
	c.awaitProblem("not founded")

	half = c.foundHalf(t)
	if out := c.synod("init", "--acceptors", "a1,a2,a3").must(t); !containsAll(out, "Founded before", half.String()) {
		t.Errorf("init completes with %q, want the founding %s", out, half)
	}
	if s := c.status(); s.UUID != half.String() {
		t.Errorf("the cluster is %s, want the one that was begun, %s", s.UUID, half)
	}
	if r := c.synod("init", "--acceptors", "a1,a2,a3", "--abandon", half.String()); r.code != 1 || !containsAll(r.errors, "sealed") {
		t.Errorf("a sealed founding is dropped: code %d\n%s", r.code, r.errors)
	}
}

// TestInitAfterAReplacement: who starts everything as on the first day, init too, is told
// what to do with a disk that is new, and that nothing is to be done once it is taken in.
func TestInitAfterAReplacement(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.kill("a1")
	if err := os.RemoveAll(c.data("a1")); err != nil {
		t.Fatal(err)
	}
	c.start("a1").await("acceptor runs")
	if r := c.synod("init", "--acceptors", "a1,a2,a3"); r.code != 1 || !containsAll(r.errors, "founded already, without acceptor a1", "`synod member replace a1`") {
		t.Errorf("init with a new disk: code %d\n%s", r.code, r.errors)
	}
	c.synod("member", "replace", "a1").must(t)
	if out := c.synod("init", "--acceptors", "a1,a2,a3").must(t); !containsAll(out, "changed since, nothing to do") {
		t.Errorf("init after the replacement says %q", out)
	}
}

// TestInitBesideAnotherCluster of the same name founds nothing, and says why: neither
// would serve.
func TestInitBesideAnotherCluster(t *testing.T) {
	t.Parallel()
	c := startNATS(t)
	for _, id := range []string{"a1", "b1"} {
		c.start(id).await("acceptor runs")
	}
	c.synod("init", "--acceptors", "a1").must(t)
	held := func() map[string]string {
		files := map[string]string{}
		for _, id := range []string{"a1", "b1"} {
			err := filepath.WalkDir(c.data(id), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				data, err := os.ReadFile(path)
				files[path] = string(data)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return files
	}
	uuid := c.status().UUID
	before := held()
	r := c.synod("init", "--acceptors", "b1")
	if r.code != 1 || !containsAll(r.errors, "cluster main is there already", "a1", uuid, "nothing was founded", "--cluster") {
		t.Errorf("a second founding: code %d\n%s%s", r.code, r.out, r.errors)
	}
	if after := held(); !maps.Equal(after, before) {
		t.Errorf("a founding that is refused changed what is on the disks")
	}
	for _, a := range c.status().Acceptors {
		if a.ID == "b1" && (a.Sealed || a.Member) {
			t.Error("b1 is founded")
		}
	}
	if out := c.synod("init", "--acceptors", "a1").must(t); !containsAll(out, "Founded before", uuid) {
		t.Errorf("the same founding again says %q", out)
	}
}

// foundHalf does what `synod init` does until it dies after the first acceptor has
// stored the genesis.
func (c *cluster) foundHalf(t *testing.T) paxos.UUID {
	t.Helper()
	b, err := bus.Connect(t.Context(), bus.Options{Subjects: bus.Subjects{Cluster: "main"}, URLs: []string{c.url}, Log: bustest.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	answers := make(chan paxos.Envelope, 16)
	self := paxos.Sender{Role: paxos.OperatorRole, ID: paxos.NodeID("half-" + uuid.NewString()[:8])}
	if _, err := b.Listen(self.Role, self.ID, func(e paxos.Envelope) { answers <- e }); err != nil {
		t.Fatal(err)
	}
	ask := func(to paxos.NodeID, m paxos.Message) paxos.Envelope {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := b.Publish(paxos.Envelope{From: self, To: to, Msg: m}); err != nil {
			t.Fatal(err)
		}
		select {
		case e := <-answers:
			return e
		case <-ctx.Done():
			t.Fatalf("%s does not answer %T", to, m)
			return paxos.Envelope{}
		}
	}
	g := paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: paxos.UUID(uuid.New()), Generation: 1}, Window: paxos.DefaultWindow,
		First: paxos.Configuration{Number: 1, From: 1, Copies: 2},
	}
	for _, id := range []paxos.NodeID{"a1", "a2", "a3"} {
		g.First.Acceptors = append(g.First.Acceptors, paxos.Member{ID: id, Disk: ask(id, paxos.GenesisQuery{}).From.Disk})
	}
	if report := ask("a1", paxos.StoreGenesis{Genesis: g}).Msg.(paxos.GenesisReport); report.Refused != "" {
		t.Fatal(report.Refused)
	}
	return g.Cluster.UUID
}

// TestWipedAcceptor: an acceptor whose disk is gone does not vote, says so, and the
// others go on.
func TestWipedAcceptor(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.synod("propose", "before").must(t)
	c.term("a2")
	c.awaitProblem("a2", "does not answer")
	if err := os.RemoveAll(c.data("a2")); err != nil {
		t.Fatal(err)
	}
	c.start("a2").await("acceptor runs")
	s := c.awaitProblem("a2", "another disk", "never votes")
	for _, a := range s.Acceptors {
		if a.Member != (a.ID != "a2") {
			t.Errorf("acceptor %s: member %v", a.ID, a.Member)
		}
	}
	c.synod("propose", "after").must(t)
	c.term("a3")
	s = c.awaitProblem("Nothing can be decided", "a2", "a3")
	if s.Leader != nil && len(s.Problems) < 2 {
		t.Errorf("problems are %q", s.Problems)
	}
	r := c.synod("propose", "never", "--timeout", "3s")
	if r.code != 1 || !containsAll(r.errors, "synod status") {
		t.Errorf("propose without a quorum: code %d\n%s", r.code, r.errors)
	}
	c.start("a3")
	c.synod("propose", "again", "--timeout", "20s").must(t)
}

// TestNobodyLeads: without a proposer a client hears so at once.
func TestNobodyLeads(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.term("p1")
	c.term("p2")
	r := c.synod("propose", "x", "--timeout", "300ms")
	if r.code != 1 || !containsAll(r.errors, "nobody leads", "certainly not appended") {
		t.Errorf("propose without a proposer: code %d\n%s", r.code, r.errors)
	}
	c.awaitProblem("no proposer answers")
}
