package bus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/synod-paxos/synod/paxos"
)

// samples has one message of every type, from the role that sends it. Those that
// have one receiver go to p1, l1, o1 or a1.
func samples() []paxos.Envelope {
	ballot := paxos.Ballot{Round: 1, Proposer: "p1"}
	proposer := paxos.Sender{Role: paxos.ProposerRole, ID: "p1"}
	acceptor := paxos.Sender{Role: paxos.AcceptorRole, ID: "a1"}
	learner := paxos.Sender{Role: paxos.LearnerRole, ID: "l1"}
	operator := paxos.Sender{Role: paxos.OperatorRole, ID: "o1"}
	return []paxos.Envelope{
		{From: proposer, Msg: paxos.Prepare{Ballot: ballot}},
		{From: proposer, Msg: paxos.Accept{Ballot: ballot, Slot: 1}},
		{From: proposer, Msg: paxos.Heartbeat{Ballot: ballot}},
		{From: proposer, Msg: paxos.LeaderQuery{}},
		{From: proposer, Msg: paxos.Trim{Ballot: ballot}},
		{From: proposer, To: "p2", Msg: paxos.HandOver{Ballot: ballot}},
		{From: proposer, Msg: paxos.Hello{}},
		{From: acceptor, To: "p1", Msg: paxos.Promise{Ballot: ballot}},
		{From: acceptor, To: "p1", Msg: paxos.Accepted{Ballot: ballot}},
		{From: acceptor, To: "p1", Msg: paxos.Nack{Ballot: ballot, Promised: ballot}},
		{From: acceptor, To: "p1", Msg: paxos.LeaderReport{}},
		{From: acceptor, To: "l1", Msg: paxos.Votes{}},
		{From: acceptor, To: "l1", Msg: paxos.ReadReport{}},
		{From: acceptor, To: "o1", Msg: paxos.GenesisReport{}},
		{From: acceptor, Msg: paxos.Hello{}},
		{From: learner, Msg: paxos.Fetch{}},
		{From: learner, Msg: paxos.Fill{}},
		{From: learner, Msg: paxos.Position{}},
		{From: learner, Msg: paxos.Digest{}},
		{From: learner, Msg: paxos.ReadQuery{}},
		{From: learner, To: "l2", Msg: paxos.SnapshotQuery{}},
		{From: learner, To: "l2", Msg: paxos.SnapshotChunk{}},
		{From: learner, Msg: paxos.Hello{}},
		{From: operator, To: "a1", Msg: paxos.GenesisQuery{}},
		{From: operator, To: "a1", Msg: paxos.StoreGenesis{}},
		{From: operator, To: "a1", Msg: paxos.Seal{}},
		{From: operator, Msg: paxos.Abandon{}},
		{From: operator, Msg: paxos.Change{}},
		{From: operator, Msg: paxos.Transfer{}},
		{From: proposer, To: "o1", Msg: paxos.ChangeReport{}},
	}
}

func TestSamplesHaveEveryMessageType(t *testing.T) {
	var have []string
	for _, e := range samples() {
		have = append(have, strings.TrimPrefix(fmt.Sprintf("%T", e.Msg), "paxos."))
	}
	slices.Sort(have)
	if want := messageTypes(t); !slices.Equal(slices.Compact(have), want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

// TestWhoHearsWhat draws every message type, its subject and its receivers. A
// standby hears no values and no votes; nobody hears a message twice.
func TestWhoHearsWhat(t *testing.T) {
	datadriven.RunTest(t, "testdata/subjects.txt", func(t *testing.T, d *datadriven.TestData) string {
		s := Subjects{Cluster: "main"}
		if d.HasArg("prefix") {
			d.ScanArgs(t, "prefix", &s.Prefix)
		}
		switch d.Cmd {
		case "who":
			return whoHears(t, s)
		case "hears":
			return hears(t, s, d)
		default:
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		}
	})
}

func hears(t *testing.T, s Subjects, d *datadriven.TestData) string {
	var id string
	d.ScanArgs(t, "id", &id)
	return strings.Join(s.Hears(roleOf(id), paxos.NodeID(id)), "\n") + "\n"
}

func roleOf(id string) paxos.Role {
	return map[byte]paxos.Role{
		'p': paxos.ProposerRole, 'a': paxos.AcceptorRole, 'l': paxos.LearnerRole, 'o': paxos.OperatorRole,
	}[id[0]]
}

func whoHears(t *testing.T, s Subjects) string {
	var b strings.Builder
	for _, e := range samples() {
		subject, err := s.Subject(e)
		if err != nil {
			t.Fatal(err)
		}
		var who []string
		for _, id := range []string{"p1", "p2", "a1", "a2", "l1", "l2", "o1", "o2"} {
			switch n := matches(s.Hears(roleOf(id), paxos.NodeID(id)), subject); n {
			case 0:
			case 1:
				who = append(who, id)
			default:
				t.Errorf("%s hears %s %d times", id, subject, n)
			}
		}
		fmt.Fprintf(&b, "%-14s %-40s %s\n", strings.TrimPrefix(fmt.Sprintf("%T", e.Msg), "paxos."), subject, strings.Join(who, " "))
	}
	return b.String()
}

func matches(patterns []string, subject string) (n int) {
	for _, p := range patterns {
		if server.SubjectsCollide(p, subject) {
			n++
		}
	}
	return n
}

// TestNobodyHearsClients: what clients may publish reaches no role as a message.
func TestNobodyHearsClients(t *testing.T) {
	s := Subjects{Cluster: "main"}
	for _, id := range []string{"p1", "a1", "l1", "o1"} {
		for _, p := range append(s.Hears(roleOf(id), paxos.NodeID(id)), s.Protocol()...) {
			for _, client := range []string{s.Propose(), s.Command("*"), s.API(">"), s.Status()} {
				if server.SubjectsCollide(p, client) {
					t.Errorf("%s hears %s on %s", id, client, p)
				}
			}
		}
	}
}

func TestSubjectRefuses(t *testing.T) {
	s := Subjects{Cluster: "main"}
	ballot := paxos.Ballot{Round: 1, Proposer: "p1"}
	for name, e := range map[string]paxos.Envelope{
		"nothing":                     {From: paxos.Sender{Role: paxos.LearnerRole, ID: "l1"}},
		"an Accept of a learner":      {From: paxos.Sender{Role: paxos.LearnerRole, ID: "l1"}, Msg: paxos.Accept{Ballot: ballot, Slot: 1}},
		"an Accepted of a proposer":   {From: paxos.Sender{Role: paxos.ProposerRole, ID: "p1"}, Msg: paxos.Accepted{Ballot: ballot}},
		"a Hello of an operator":      {From: paxos.Sender{Role: paxos.OperatorRole, ID: "o1"}, Msg: paxos.Hello{}},
		"a Promise to nobody":         {From: paxos.Sender{Role: paxos.AcceptorRole, ID: "a1"}, Msg: paxos.Promise{Ballot: ballot}},
		"a GenesisReport to nobody":   {From: paxos.Sender{Role: paxos.AcceptorRole, ID: "a1"}, Msg: paxos.GenesisReport{}},
		"a Seal of an acceptor":       {From: paxos.Sender{Role: paxos.AcceptorRole, ID: "a1"}, To: "a2", Msg: paxos.Seal{}},
		"a ReadReport of a learner":   {From: paxos.Sender{Role: paxos.LearnerRole, ID: "l1"}, To: "l2", Msg: paxos.ReadReport{}},
		"a HandOver without receiver": {From: paxos.Sender{Role: paxos.ProposerRole, ID: "p1"}, Msg: paxos.HandOver{Ballot: ballot}},
	} {
		if subject, err := s.Subject(e); !errors.Is(err, ErrWire) {
			t.Errorf("%s: have %q, %v, want an error", name, subject, err)
		}
	}
}

func TestOnlyTheSubjectsOwnSenderIsBelieved(t *testing.T) {
	s := Subjects{Prefix: "acme.synod", Cluster: "main"}
	good := paxos.Envelope{
		From: paxos.Sender{Role: paxos.ProposerRole, ID: "p1"},
		Msg:  paxos.Accept{Ballot: paxos.Ballot{Round: 1, Proposer: "p1"}, Slot: 1},
	}
	other := good
	other.From.ID = "p2" // publishes as itself, in a ballot of p1
	vote := paxos.Envelope{
		From: paxos.Sender{Role: paxos.AcceptorRole, ID: "a1"}, To: "p1",
		Msg: paxos.Accepted{Ballot: paxos.Ballot{Round: 1, Proposer: "p1"}},
	}
	leading := paxos.Envelope{
		From: paxos.Sender{Role: paxos.ProposerRole, ID: "p2"},
		Msg:  paxos.Hello{Leading: paxos.Ballot{Round: 1, Proposer: "p1"}},
	}
	const root = "acme.synod.main."
	for _, c := range []struct {
		name, subject string
		e             paxos.Envelope
		ok            bool
	}{
		{"its own subject", root + "proposer.p1.accept", good, true},
		{"another id's", root + "proposer.p2.accept", good, false},
		{"another word's", root + "proposer.p1.heartbeat", good, false},
		{"another role's", root + "acceptor.p1.accept", good, false},
		{"another cluster's", "acme.synod.other.proposer.p1.accept", good, false},
		{"another prefix's", "synod.main.proposer.p1.accept", good, false},
		{"a longer one", root + "proposer.p1.accept.more", good, false},
		{"none", "", good, false},
		{"another's ballot", root + "proposer.p2.accept", other, false},
		{"another's leadership", root + "proposer.p2.hello", leading, false},
		{"a vote", root + "acceptor.a1.accepted.p1", vote, true},
		{"another's vote", root + "acceptor.a2.accepted.p1", vote, false},
		{"a vote for another", root + "acceptor.a1.accepted.p2", vote, false},
	} {
		if err := s.CheckSender(c.subject, c.e); (err == nil) != c.ok || (err != nil && !errors.Is(err, ErrSender)) {
			t.Errorf("%s: %v, want accepted: %t", c.name, err, c.ok)
		}
	}
}

func TestSubjectsCheck(t *testing.T) {
	for _, c := range []struct {
		s    Subjects
		want string // in the error; empty for none
	}{
		{Subjects{Cluster: "main"}, ""},
		{Subjects{Prefix: "a.b-C_1", Cluster: "x-1"}, ""},
		{Subjects{}, `cluster ""`},
		{Subjects{Cluster: "Main"}, `cluster "Main"`},
		{Subjects{Cluster: "a.b"}, `cluster "a.b"`},
		{Subjects{Cluster: strings.Repeat("a", 64)}, "cluster"},
		{Subjects{Prefix: "a..b", Cluster: "main"}, `prefix "a..b"`},
		{Subjects{Prefix: ".a", Cluster: "main"}, "prefix"},
		{Subjects{Prefix: "a.*", Cluster: "main"}, "prefix"},
		{Subjects{Prefix: "a.>", Cluster: "main"}, "prefix"},
		{Subjects{Prefix: "a b", Cluster: "main"}, "prefix"},
		{Subjects{Prefix: "$SYS", Cluster: "main"}, "prefix"},
		{Subjects{Prefix: "_INBOX.x", Cluster: "main"}, "prefix"},
	} {
		err := c.s.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.s, err, c.want)
		}
	}
	if err := (Subjects{Prefix: "*", Cluster: "*"}).Check(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("have %v, want both problems", err)
	}
}

func TestRelative(t *testing.T) {
	s := Subjects{Prefix: "a.b", Cluster: "main"}
	for subject, want := range map[string]string{
		"a.b.main.propose":     "propose",
		"a.b.main.api.$KV.x.y": "api.$KV.x.y",
		"a.b.main.":            "",
		"a.b.mainly.propose":   "-", "a.b.main": "-", "a.bc.main.x": "-", "main.propose": "-", "": "-",
	} {
		have, ok := s.Relative(subject)
		if !ok {
			have = "-"
		}
		if have != want {
			t.Errorf("%q: have %q, want %q", subject, have, want)
		}
	}
}
