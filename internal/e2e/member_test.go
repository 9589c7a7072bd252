package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/internal/node"
)

// recipe is the commands of the handbook below the paragraph that begins with title.
func recipe(t *testing.T, title string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "OPERATIONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "**"+title+"**")
	if !found {
		t.Fatalf("the handbook has no recipe %q", title)
	}
	rest, _, _ = strings.Cut(rest, "\n**")
	var commands []string
	for line := range strings.SplitSeq(rest, "\n") {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			commands = append(commands, command)
		}
	}
	if len(commands) == 0 {
		t.Fatalf("the recipe %q has no commands", title)
	}
	return commands
}

// carryOut does what the handbook says, as it is written there, but for the directories
// and the address of the NATS server.
func (c *cluster) carryOut(title string) {
	c.t.Helper()
	for _, command := range recipe(c.t, title) {
		words := strings.Fields(command)
		switch {
		case words[0] == "acceptor" && words[1] == "--id":
			c.start(words[2]).await("acceptor runs")
		case words[0] == "stop":
			c.term(words[1])
		case words[0] == "synod":
			r := c.synod(words[1:]...)
			if r.code != 0 {
				c.t.Fatalf("%s: exit code %d\n%s%s", command, r.code, r.out, r.errors)
			}
			if !containsAll(r.out, "Done: configuration ") {
				c.t.Errorf("%s says\n%s", command, r.out)
			}
		default:
			c.t.Fatalf("the handbook says %q", command)
		}
	}
}

// members is the ids of the acceptors in the configuration, as status has it.
func members(s node.Cluster) string {
	var ids []string
	for _, m := range s.Configuration.Acceptors {
		ids = append(ids, string(m.ID))
	}
	return strings.Join(ids, " ")
}

// TestTheRunBook follows every recipe of the handbook that changes who votes, under
// load: nothing acknowledged is lost, and every proposal is acknowledged in the end.
func TestTheRunBook(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	l := startLoad(t, c.connect(), 4)
	l.await(50)
	step := func(title, want string) {
		c.carryOut(title)
		l.await(20)
		if have := members(c.status()); have != want {
			t.Errorf("after %q the acceptors are %q, want %q", title, have, want)
		}
		t.Logf("%s: at most %v without an acknowledgement", title, l.gap())
	}
	c.kill("a1")
	if err := os.RemoveAll(c.data("a1")); err != nil {
		t.Fatal(err)
	}
	l.gap()
	step("Replace an acceptor whose disk is gone.", "a1 a2 a3")
	step("Grow from 3 to 5.", "a1 a2 a3 a4 a5")
	step("Shrink from 5 to 3.", "a1 a2 a3")
	step("Move to other machines.", "b1 b2 b3")
	step("Forget a learner that is gone for good.", "b1 b2 b3")
	l.stop()
	c.settle()
	l.check(c, "l1", "l2")
}

// plan shows a step and what it survives, and changes nothing.
func (c *cluster) plan(t *testing.T) {
	before := c.synod("member", "list", "--json").must(t)
	out := c.synod("member", "remove", "a3", "--plan").must(t)
	if !containsAll(out, "Now:  configuration 1: acceptors a1, a2, a3 majority quorums, which survive the loss of any 1;",
		"Then: configuration 2: acceptors a1, a2 majority quorums, which survive the loss of any 0;", "Out:  a3, disk ") {
		t.Errorf("the plan is\n%s", out)
	}
	if r := c.synod("member", "remove", "a9", "--plan"); r.code != 1 || !containsAll(r.errors, "acceptor a9 is not in configuration 1") {
		t.Errorf("a plan that cannot be: code %d\n%s%s", r.code, r.out, r.errors)
	}
	if after := c.synod("member", "list", "--json").must(t); after != before {
		t.Errorf("a plan changed\n%s\nto\n%s", before, after)
	}
}

// transfer moves leadership to the proposer that is named.
func (c *cluster) transfer(t *testing.T) {
	to := "p1"
	if c.status().Leader.ID == "p1" {
		to = "p2"
	}
	c.synod("leader", "transfer", "--to", to).must(t)
	poll(t, to+" to lead", func() bool { s := c.status(); return s.Leader != nil && string(s.Leader.ID) == to })
	if r := c.synod("leader", "transfer", "--to", "p9"); r.code != 1 || !containsAll(r.errors, "the leader refuses", "p9") {
		t.Errorf("a transfer to nobody: code %d\n%s%s", r.code, r.out, r.errors)
	}
}
