package clustertest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

// TestStories plays the stories of whole clusters, which the simulator plays on the
// pure roles, on real actors over NATS: the same text must come of both.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("../../testdata/cluster/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := &story{t: t, answered: map[string]bool{}}
			if got := s.play(string(text)); got != string(text) {
				t.Errorf("the story ends otherwise here:\n%s", got)
			}
		})
	}
}

// story is one that is being played. Its commands are those of testdata/README.md.
type story struct {
	t        *testing.T
	c        *Cluster
	size     Size
	nc       *nats.Conn
	answered map[string]bool
}

func (s *story) play(text string) string {
	var out []string
	for block := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n\n") {
		var said []string
		for line := range strings.SplitSeq(block, "\n") {
			said = append(said, line)
			if !strings.HasPrefix(line, "#") {
				said = append(append(said, "----"), s.do(strings.Fields(line))...)
				break
			}
		}
		out = append(out, strings.Join(said, "\n"))
	}
	return strings.Join(out, "\n\n") + "\n"
}

func (s *story) do(words []string) []string {
	command, args := words[0], words[1:]
	switch command {
	case "cluster":
		s.cluster(args)
	case "init":
		return s.found()
	case "start":
		s.each(args, s.c.StartRole)
	case "crash":
		s.each(args, s.c.Stop)
	case "drain":
		s.each(args, s.c.Retire)
	case "wipe":
		s.each(args, func(id paxos.NodeID) { s.c.Stop(id); s.c.Wipe(id); s.c.StartRole(id) })
	case "replace":
		s.change(paxos.NodeID(args[0]), true)
	case "add":
		s.change("", true)
	case "remove":
		s.change(paxos.NodeID(args[0]), false)
	case "wait":
		s.wait(args)
	case "propose":
		return s.propose(args)
	case "log":
		return s.log(args)
	default:
		s.t.Fatalf("a story of a cluster cannot say %q", command)
	}
	return nil
}

func (s *story) cluster(args []string) {
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		n := map[string]*int{"acceptors": &s.size.Acceptors, "proposers": &s.size.Proposers, "learners": &s.size.Learners}[key]
		if n == nil {
			s.t.Fatalf("a story of a cluster cannot say %q", arg)
		}
		if _, err := fmt.Sscan(value, n); err != nil {
			s.t.Fatal(err)
		}
	}
	s.c = New(s.t, bustest.Server(s.t).URL())
	s.nc = s.c.Connect().Conn()
}

func (s *story) found() []string {
	s.c.found(s.size.Acceptors)
	for i := range s.size.Learners {
		s.c.StartRole(paxos.NodeID(fmt.Sprintf("l%d", i+1)))
	}
	return []string{"founded"}
}

// each calls do for the roles that words name; "leader" is whoever leads.
func (s *story) each(words []string, do func(paxos.NodeID)) {
	for _, word := range words {
		id := paxos.NodeID(word)
		if word == "leader" {
			id = s.c.AwaitLeader()
		}
		do(id)
	}
}

// change takes a newcomer in, or an acceptor out, or both, and destroys what was left
// out.
func (s *story) change(leaves paxos.NodeID, comes bool) {
	what := node.Change{Remove: leaves}
	if comes {
		s.size.Acceptors++
		what.Add = paxos.NodeID(fmt.Sprintf("a%d", s.size.Acceptors))
		s.c.StartRole(what.Add)
	}
	s.c.change(what, nil)
	if leaves != "" {
		s.c.leave(leaves)
	}
}

func (s *story) wait(args []string) {
	if slices.Contains(args, "leader") {
		s.c.AwaitLeader()
		return
	}
	s.c.Await("learners that have applied the same", func() bool {
		var applied []paxos.Slot
		for i := range s.size.Learners {
			if role := s.c.Role(paxos.NodeID(fmt.Sprintf("l%d", i+1))); role != nil {
				applied = append(applied, role.Report().Learner.Applied)
			}
		}
		return len(applied) == 0 || slices.Min(applied) == slices.Max(applied)
	})
}

// propose appends the words one after the other, each with itself for an id, and
// again until it is answered.
func (s *story) propose(words []string) []string {
	var said []string
	for _, word := range words {
		m := nats.NewMsg(Subjects.Propose())
		m.Data = []byte(word)
		m.Header.Set(nats.MsgIdHdr, word)
		var ack bus.Ack
		s.c.Await("an answer to "+word, func() bool {
			reply, err := s.nc.RequestMsg(m, time.Second)
			if err == nil {
				ack, err = bus.ParseAck(reply.Data)
			}
			return err == nil && ack.Error == nil
		})
		line := fmt.Sprintf("%s: number %d", word, ack.Seq)
		if s.answered[word] {
			line += ", done before"
		}
		s.answered[word] = true
		said = append(said, line)
	}
	return said
}

// log shows the state of learners, from their disks.
func (s *story) log(words []string) []string {
	var said []string
	s.each(words, func(id paxos.NodeID) {
		s.c.Retire(id)
		said = append(said, fmt.Sprintf("%s: %s", id, strings.Join(s.c.Ledger(id), " ")))
		s.c.StartRole(id)
	})
	return said
}
