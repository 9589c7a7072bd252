package ladder

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/datadriven"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

var subjects = bus.Subjects{Cluster: "main"}

// teller makes the messages of a story, 2 ms apart.
type teller struct {
	t       *testing.T
	ladder  *Ladder
	at      time.Time
	genesis paxos.Genesis
}

func newTeller(t *testing.T, l *Ladder, acceptors ...string) *teller {
	s := &teller{t: t, ladder: l, at: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)}
	s.genesis = paxos.Genesis{Cluster: paxos.ClusterID{UUID: paxos.UUID{0xab}, Generation: 1}, First: paxos.Configuration{Number: 1, From: 1}}
	for i, id := range acceptors {
		s.genesis.First.Acceptors = append(s.genesis.First.Acceptors, paxos.Member{ID: paxos.NodeID(id), Disk: paxos.UUID{byte(i + 1)}})
	}
	return s
}

var roleOf = map[byte]paxos.Role{'p': paxos.ProposerRole, 'a': paxos.AcceptorRole, 'l': paxos.LearnerRole, 'o': paxos.OperatorRole}

// say lets from publish m.
func (s *teller) say(from, to string, m paxos.Message) {
	s.t.Helper()
	e := paxos.Envelope{Cluster: s.genesis.Cluster, Config: 1, From: paxos.Sender{Role: roleOf[from[0]], ID: paxos.NodeID(from)}, To: paxos.NodeID(to), Msg: m}
	if i := s.genesis.First.Index(e.From.ID); i >= 0 {
		e.From.Disk = s.genesis.First.Acceptors[i].Disk
	}
	subject, err := subjects.Subject(e)
	if err != nil {
		s.t.Fatal(err)
	}
	s.at = s.at.Add(2 * time.Millisecond)
	if err := s.ladder.Hear(s.at, subject, e); err != nil {
		s.t.Fatal(err)
	}
}

func (s *teller) meet(ids ...string) {
	for _, id := range ids {
		m := paxos.Hello{}
		if roleOf[id[0]] == paxos.AcceptorRole {
			m.Genesis = &s.genesis
		}
		s.say(id, "", m)
	}
}

// story is an election, commands, a deposed leader and a learner that catches up.
func (s *teller) story() {
	p, a, l := "p", "a", "l"
	n := func(role string, i int) string { return s.name(role, i) }
	one, two := paxos.Ballot{Round: 4, Proposer: paxos.NodeID(n(p, 1)), Incarnation: 7}, paxos.Ballot{Round: 5, Proposer: paxos.NodeID(n(p, 2)), Incarnation: 9}
	batch := paxos.Value{Kind: paxos.Batch, Body: paxos.EncodeBatch(paxos.Command{Subject: "propose", Data: []byte("hello")}, paxos.Command{Subject: "api.$KV.b.k"})}
	s.say(n(p, 1), "", paxos.LeaderQuery{Nonce: 1})
	s.say(n(a, 1), n(p, 1), paxos.LeaderReport{Nonce: 1, Silent: paxos.Duration(412 * time.Millisecond)})
	s.say(n(p, 1), "", paxos.Prepare{Ballot: one, From: 17})
	vote := paxos.Vote{Slot: 17, Ballot: paxos.Ballot{Round: 3, Proposer: two.Proposer}, Value: batch}
	s.say(n(a, 1), n(p, 1), paxos.Promise{Ballot: one, Page: paxos.Page{From: 17, Votes: []paxos.Vote{vote}}})
	s.say(n(a, 3), n(p, 1), paxos.Promise{Ballot: one, Page: paxos.Page{From: 17}})
	s.say(n(p, 1), "", paxos.Accept{Ballot: one, Slot: 17, Value: batch, Chosen: paxos.Chosen{From: 17, Below: 17}})
	s.say(n(p, 1), "", paxos.Accept{Ballot: one, Slot: 18, Value: paxos.Value{}})
	s.say(n(a, 1), "", paxos.Accepted{Ballot: one, Slots: []paxos.Slot{17, 18}})
	s.say(n(a, 2), "", paxos.Accepted{Ballot: one, Slots: []paxos.Slot{17}})
	s.say(n(p, 1), "", paxos.Heartbeat{Ballot: one, Chosen: paxos.Chosen{From: 17, Below: 18}})
	s.say(n(a, 1), n(p, 1), paxos.LeaderReport{})
	s.say(n(p, 1), n(p, 2), paxos.HandOver{Ballot: one, Chosen: paxos.Chosen{Below: 18}})
	s.say(n(p, 2), "", paxos.Prepare{Ballot: two, From: 18})
	s.say(n(a, 2), n(p, 1), paxos.Nack{Ballot: one, Promised: two})
	s.say(n(l, 2), "", paxos.Fetch{From: 12, To: 18, Values: paxos.NodeID(n(a, 1))})
	s.say(n(a, 1), n(l, 2), paxos.Votes{Page: paxos.Page{From: 12, To: 18, Votes: []paxos.Vote{vote}, Next: 13}})
	s.say(n(l, 1), "", paxos.Position{Applied: 17, Durable: 12})
}

// name is "p1", or the i-th acceptor of the genesis with a longer name, and so on.
func (s *teller) name(role string, i int) string {
	if role == "a" {
		return string(s.genesis.First.Acceptors[i-1].ID)
	}
	return fmt.Sprintf("%s%d", role, i)
}

// TestLadder draws the same story for several terminals; look at the file.
func TestLadder(t *testing.T) {
	datadriven.RunTest(t, "testdata/ladder.txt", func(t *testing.T, d *datadriven.TestData) string {
		var b strings.Builder
		o := Options{Subjects: subjects, Width: 80}
		d.MaybeScanArgs(t, "width", &o.Width)
		o.ASCII, o.Color, o.JSON = d.HasArg("ascii"), d.HasArg("color"), d.HasArg("json")
		var text string
		if d.MaybeScanArgs(t, "slots", &text) {
			var err error
			if o.Filter.Slots, err = ParseSlots(text); err != nil {
				t.Fatal(err)
			}
		}
		if d.MaybeScanArgs(t, "kind", &text) {
			o.Filter.Kinds = strings.Split(text, "+")
		}
		o.Filter.Busy = d.HasArg("busy")
		if d.MaybeScanArgs(t, "node", &text) {
			o.Filter.Nodes = []paxos.NodeID{paxos.NodeID(text)}
		}
		l := New(&b, o)
		acceptors := []string{"a1", "a2", "a3"}
		if d.HasArg("long") {
			acceptors = []string{"acceptor-in-berlin", "acceptor-in-oslo", "acceptor-in-rome"}
		}
		s := newTeller(t, l, acceptors...)
		nodes := append([]string{"p1", "p2", "l1", "l2"}, acceptors...)
		if d.HasArg("many") {
			for i := range 12 {
				nodes = append(nodes, fmt.Sprintf("l%d", i+3))
			}
		}
		s.meet(nodes...)
		l.gathered = nil // the nodes are known now
		if err := l.Begin(); err != nil {
			t.Fatal(err)
		}
		s.story()
		if d.HasArg("gap") {
			if err := l.Gap(1234); err != nil {
				t.Fatal(err)
			}
		}
		out := strings.ReplaceAll(b.String(), "\x1b", "^")
		for line := range strings.SplitSeq(out, "\n") {
			if n := utf8.RuneCountInString(line); n > o.Width && !o.JSON && !o.Color {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		return out
	})
}

// TestNewNodesGetAColumn, and the names are printed again after so many rows.
func TestNewNodesGetAColumn(t *testing.T) {
	var b strings.Builder
	l := New(&b, Options{Subjects: subjects, Width: 80, Lines: 2, ASCII: true})
	s := newTeller(t, l, "a1")
	s.meet("p1", "a1")
	if b.Len() != 0 {
		t.Errorf("printed before it began:\n%s", b.String())
	}
	if err := l.Begin(); err != nil {
		t.Fatal(err)
	}
	s.meet("p1", "p1", "l1")
	var heads []string
	for line := range strings.SplitSeq(b.String(), "\n") {
		if line != "" && !strings.Contains(line, "hello") {
			heads = append(heads, strings.Join(strings.Fields(line), " "))
		}
	}
	if have := strings.Join(heads, "; "); have != "p1 a1; p1 a1; p1 a1 l1" {
		t.Errorf("heads %q:\n%s", have, b.String())
	}
	l.options.Limit = 6
	s.meet("p1", "p1")
	if l.Shown() != 6 || l.Heard() != 3 {
		t.Errorf("%d messages shown and %d nodes heard, want 6 and 3", l.Shown(), l.Heard())
	}
}

// TestOnlyVotesOfMembersChoose: a swapped disk completes no quorum here either.
func TestOnlyVotesOfMembersChoose(t *testing.T) {
	b := paxos.Ballot{Round: 1, Proposer: "p1"}
	accepted := func(id paxos.NodeID, disk byte, config uint64) paxos.Envelope {
		return paxos.Envelope{Config: config, From: paxos.Sender{Role: paxos.AcceptorRole, ID: id, Disk: paxos.UUID{disk}}, Msg: paxos.Accepted{Ballot: b, Slots: []paxos.Slot{5}}}
	}
	for _, test := range []struct {
		name   string
		second paxos.Envelope
		want   int
	}{
		{"a quorum", accepted("a2", 2, 1), 1},
		{"the same again", accepted("a1", 1, 1), 0},
		{"another disk", accepted("a2", 9, 1), 0},
		{"a stranger", accepted("a4", 2, 1), 0},
		{"another configuration", accepted("a2", 2, 2), 0},
	} {
		s := newTeller(t, New(&strings.Builder{}, Options{Subjects: subjects, Width: 80}), "a1", "a2", "a3")
		s.meet("a1")
		o := &s.ladder.observer
		o.hear(s.at, accepted("a1", 1, 1))
		if have := o.hear(s.at, test.second); len(have.Chosen) != test.want {
			t.Errorf("%s: %v are chosen, want %d slots", test.name, have.Chosen, test.want)
		}
	}
}

// TestVotesAreForgotten: an observer that runs for a year needs no more memory, and
// says nothing wrong of slots that it has forgotten.
func TestVotesAreForgotten(t *testing.T) {
	s := newTeller(t, New(&strings.Builder{}, Options{Subjects: subjects, Width: 80}), "a1", "a2", "a3")
	s.meet("a1")
	r := rand.New(rand.NewPCG(1, 2))
	chosen := map[paxos.Slot]bool{}
	for slot := paxos.Slot(1); slot < 3*maxSlots; slot++ {
		for _, id := range []string{"a1", "a2", "a3"} {
			m := paxos.Accepted{Ballot: paxos.Ballot{Round: 1, Proposer: "p1"}, Slots: []paxos.Slot{slot - paxos.Slot(r.IntN(int(min(slot, 5))))}}
			i := s.genesis.First.Index(paxos.NodeID(id))
			e := paxos.Envelope{Config: 1, From: paxos.Sender{Role: paxos.AcceptorRole, ID: paxos.NodeID(id), Disk: s.genesis.First.Acceptors[i].Disk}, Msg: m}
			for _, c := range s.ladder.observer.hear(s.at, e).Chosen {
				if chosen[c] {
					t.Fatalf("slot %d is chosen twice", c)
				}
				chosen[c] = true
			}
		}
		if n := len(s.ladder.observer.votes); n > maxSlots {
			t.Fatalf("%d slots are remembered", n)
		}
	}
	if len(chosen) < maxSlots {
		t.Errorf("only %d slots were chosen", len(chosen))
	}
}

func TestParseSlots(t *testing.T) {
	for text, want := range map[string]Slots{"17": {17, 17}, "17-20": {17, 20}, "17-": {17, ^paxos.Slot(0)}, "-20": {1, 20}} {
		if have, err := ParseSlots(text); err != nil || have != want {
			t.Errorf("%q is %v, %v, want %v", text, have, err, want)
		}
	}
	for _, text := range []string{"", "-", "0", "x", "20-17", "1-2-3", "1.5"} {
		if have, err := ParseSlots(text); err == nil {
			t.Errorf("%q is %v, want an error", text, have)
		}
	}
}

// TestEventsAreJSON: what --json prints can be read back, and says who hears it.
func TestEventsAreJSON(t *testing.T) {
	var b strings.Builder
	l := New(&b, Options{Subjects: subjects, JSON: true})
	s := newTeller(t, l, "a1", "a2", "a3")
	if err := l.Begin(); err != nil {
		t.Fatal(err)
	}
	s.meet("p1", "p2", "a1", "a2", "a3", "l1", "l2")
	s.story()
	kinds := map[string]Event{}
	for line := range strings.SplitSeq(strings.TrimSpace(b.String()), "\n") {
		var e Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		kinds[e.Kind] = e
	}
	if e := kinds["nack"]; e.Promised != "5.p2.9" || e.Ballot != "4.p1.7" || e.From != "a2" || len(e.To) != 1 {
		t.Errorf("the nack is %+v", e)
	}
	if e := kinds["accepted"]; len(e.Chosen) != 1 || e.Chosen[0] != 17 || len(e.To) != 3 {
		t.Errorf("the second vote for 17 is %+v", e)
	}
}
