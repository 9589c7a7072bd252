package e2e

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/internal/node"
)

// cluster is a nats-server and the role processes around it.
type cluster struct {
	t     *testing.T
	url   string
	dir   string
	nats  *process
	roles map[string]*process // by id; those that run
	build string              // the programs' names begin with it; empty: those of the tree
	env   []string            // more of an environment for all programs
	// extra are more flags of a role; nil: none.
	extra func(id string) []string
	// flags are the credentials of a user of the cluster, such as "acceptor-a1"; nil: none.
	flags func(user string) []string
}

// startNATS starts a nats-server, and nothing else.
func startNATS(t *testing.T, flags ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), roles: map[string]*process{}}
	c.nats = startProcess(t, "nats-server", append([]string{"-a", "127.0.0.1", "-p", "-1"}, flags...)...)
	line := c.nats.await("Listening for client connections on ")
	c.url = "nats://" + regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
	c.nats.await("Server is ready")
	return c
}

// startCluster starts a founded cluster of 3 acceptors, 2 proposers and 2 learners
// that serves clients.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := startNATS(t)
	c.found()
	return c
}

// found starts the roles, and founds the cluster.
func (c *cluster) found() {
	c.t.Helper()
	for _, id := range []string{"a1", "a2", "a3", "l1", "l2", "p1", "p2"} {
		c.start(id)
	}
	for _, id := range []string{"a1", "a2", "a3"} {
		c.roles[id].await("acceptor runs")
	}
	c.synod("init", "--acceptors", "a1,a2,a3").must(c.t)
	c.awaitReady()
}

var roleOf = map[byte]string{'a': "acceptor", 'b': "acceptor", 'p': "proposer", 'l': "learner", 'm': "learner"}

// data is the directory of a role.
func (c *cluster) data(id string) string { return filepath.Join(c.dir, id) }

// start starts the role process id, whose first letter says which role.
func (c *cluster) start(id string, more ...string) *process {
	c.t.Helper()
	role := roleOf[id[0]]
	args := []string{"--id", id, "--nats", c.url}
	if role != "proposer" {
		args = append(args, "--data", c.data(id))
	}
	if c.extra != nil {
		args = append(args, c.extra(id)...)
	}
	p := startNamed(c.t, c.env, id, c.build+role, append(append(args, c.as(role+"-"+id)...), more...)...)
	c.roles[id] = p
	return p
}

// kill ends the role process id as a crash does.
func (c *cluster) kill(id string) {
	c.roles[id].kill()
	delete(c.roles, id)
}

// term ends the role process id in peace.
func (c *cluster) term(id string) {
	c.t.Helper()
	if code := c.roles[id].term(); code != 0 {
		c.t.Errorf("%s ended with code %d, want 0:\n%s", id, code, c.roles[id].output())
	}
	delete(c.roles, id)
}

// synod runs a subcommand to its end. What it says to people fits a narrow terminal.
func (c *cluster) synod(args ...string) result {
	c.t.Helper()
	r := callWith(c.t, c.env, c.build+"synod", append(append(args, "--nats", c.url), c.as("operator-admin")...)...)
	switch args[0] {
	case "backup", "init", "leader", "member", "restore", "skip", "upgrade":
		narrow(c.t, r.out+r.errors)
	}
	return r
}

// broken is where a line was broken, or ends and one follows that is indented.
var broken = regexp.MustCompile(`\n +`)

// narrow fails the test where a line of text is wider than 80 columns, and could be broken.
func narrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > 80 && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("%d columns wide: %s", len(line), line)
		}
	}
}

func (c *cluster) as(user string) []string {
	if c.flags == nil {
		return nil
	}
	return c.flags(user)
}

// status is what synod status --json says.
func (c *cluster) status() node.Cluster {
	c.t.Helper()
	var s node.Cluster
	r := c.synod("status", "--json", "--wait", "500ms")
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		c.t.Fatalf("status says %q (%s): %v", r.out, r.errors, err)
	}
	// This machine's disk may be as slow as it likes.
	s.Problems = slices.DeleteFunc(s.Problems, func(p string) bool { return strings.Contains(p, "has a slow disk") })
	return s
}

// awaitReady waits until there is a leader and nothing to complain about.
func (c *cluster) awaitReady() {
	c.t.Helper()
	var last node.Cluster
	defer func() {
		if c.t.Failed() {
			c.t.Logf("status says at last: %+v", last)
		}
	}()
	poll(c.t, "a cluster without problems", func() bool {
		last = c.status()
		return last.Leader != nil && len(last.Problems) == 0 && len(last.Proposers) == 2 && len(last.Learners) == 2
	})
}

// awaitProblem waits until status complains in these words, and returns the status.
func (c *cluster) awaitProblem(words ...string) node.Cluster {
	c.t.Helper()
	var last node.Cluster
	defer func() {
		if c.t.Failed() {
			c.t.Logf("the last problems: %q", last.Problems)
		}
	}()
	poll(c.t, "a problem that says "+strings.Join(words, ", "), func() bool {
		last = c.status()
		return slices.ContainsFunc(last.Problems, func(p string) bool { return containsAll(p, words...) })
	})
	return last
}

// containsAll reports whether text has all words, however its lines are broken.
func containsAll(text string, words ...string) bool {
	text = broken.ReplaceAllString(text, " ")
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// leader is who leads, once somebody does.
func (c *cluster) leader() string {
	c.t.Helper()
	var id string
	poll(c.t, "a leader", func() bool {
		s := c.status()
		if s.Leader != nil {
			id = string(s.Leader.ID)
		}
		return id != ""
	})
	return id
}

// connect is a client's connection.
func (c *cluster) connect() *nats.Conn {
	c.t.Helper()
	nc, err := nats.Connect(c.url, nats.MaxReconnects(-1))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(nc.Close)
	return nc
}

// running is the ids of the roles that run.
func (c *cluster) running() []string { return slices.Sorted(maps.Keys(c.roles)) }
