package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/streams"
)

var previousFlag = flag.String("e2e.previous", "", "directory with the programs of an older build, for TestRollingUpgradeOfPrograms; empty: this tree, with the first version of the rules")

// previous is what the names of an older build's programs begin with in bin.
const previous = "previous-"

// buildPrevious makes the older build's programs, unless they are given: those of this
// tree, with a learner that knows only the first version of the rules.
func buildPrevious(t *testing.T) {
	t.Helper()
	from := *previousFlag
	if from == "" {
		from = bin
		buildLearner(t)
	}
	for _, name := range []string{"acceptor", "proposer", "synod", "learner"} {
		if name == "learner" && from == bin {
			continue
		}
		if err := os.Symlink(filepath.Join(from, name), program(previous+name)); err != nil {
			t.Fatal(err)
		}
	}
}

func buildLearner(t *testing.T) {
	t.Helper()
	source, err := filepath.Abs(filepath.Join(tree, "cmd", "learner", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	const start = "return node.StartLearner(ctx, o)"
	old := bytes.Replace(text, []byte(start), []byte("o.Supports = 1\n"+start), 1)
	if bytes.Equal(old, text) {
		t.Fatalf("%s has no %q", source, start)
	}
	dir := t.TempDir()
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: filepath.Join(dir, "main.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"main.go": old, "overlay.json": overlay} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := build("-overlay="+filepath.Join(dir, "overlay.json"), "-o", program(previous+"learner"), stamp("0.0.0-previous"), module+"/cmd/learner"); err != nil {
		t.Fatal(err)
	}
}

// TestRollingUpgradeOfPrograms: a cluster of an older build is replaced by this one, process
// by process as the handbook says, partly back, and again, under load. The rules change
// only when an operator says so, and then an older learner refuses the state.
func TestRollingUpgradeOfPrograms(t *testing.T) {
	t.Parallel()
	buildPrevious(t)
	c := startNATS(t)
	c.build = previous
	c.extra = func(string) []string { return []string{"--http", "127.0.0.1:0"} }
	c.found()
	l := startLoad(t, c.connect(), 4)
	l.await(50)

	c.roll("", "standby", "l1", "a1")
	newer := *previousFlag == "" // whether there is something to upgrade to
	if s := c.status(); s.Leader == nil || len(s.Problems) > 0 || newer && s.Learners[0].Version == s.Learners[1].Version {
		t.Errorf("half way status says %q, and %s and %s as versions of l1 and l2", s.Problems, s.Learners[0].Version, s.Learners[1].Version)
	}
	if r := c.synod("upgrade", "--to", "2"); newer && (r.code != 1 || !containsAll(r.errors, "support")) {
		t.Errorf("an upgrade with a learner of the older build: code %d\n%s%s", r.code, r.out, r.errors)
	}
	c.roll("", "l2", "a2", "a3", "leader")
	c.roll(previous, "l1", "a1", "standby", "leader") // and back
	c.roll("", "l1", "a1", "standby", "leader")
	c.build = ""
	c.awaitReady()
	if out := c.synod("upgrade").must(t); !strings.Contains(out, "version") {
		t.Errorf("upgrade says %q", out)
	}
	l.await(50)
	for _, learner := range c.status().Learners {
		if learner.StateVersion < streams.MaxVersion {
			t.Errorf("%s applies the rules of version %d", learner.ID, learner.StateVersion)
		}
	}
	if newer {
		c.olderIsRefused("l1")
	}
	l.stop()
	c.settle()
	l.check(c, "l1", "l2")
}

// roll replaces roles by those of a build, one after the other.
func (c *cluster) roll(build string, ids ...string) {
	c.t.Helper()
	c.build = build
	for _, id := range ids {
		if id == "leader" || id == "standby" {
			leads := c.leader()
			id = map[bool]string{true: "p1", false: "p2"}[(leads == "p1") == (id == "leader")]
		}
		c.term(id)
		p := c.start(id)
		address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(p.await("HTTP serves"))
		poll(c.t, id+" ready", func() bool { code, _ := get(c.t, address, "readyz"); return code == http.StatusOK })
	}
}

// olderIsRefused starts the learner id with the older build, which must say why it does not
// run, and leave its state to the newer one.
func (c *cluster) olderIsRefused(id string) {
	c.t.Helper()
	c.term(id)
	c.build = previous
	p := c.start(id)
	if code := p.wait(); code != 1 || !containsAll(p.output(), fmt.Sprintf("version %d", streams.MaxVersion), "newer") {
		c.t.Errorf("an older learner on a newer state: code %d\n%s", code, p.output())
	}
	c.build = ""
	c.start(id)
}
