package roles

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/synod-paxos/synod/paxos"
)

// The scripts in testdata are one story each. A script starts one role and hands
// it messages, commands and time; what it prints is the effects that the role
// asks for. The runner carries them out no further than the story needs: an
// acceptor's records go to a paxos.Ledger, and its pages are filled in from there.
//
//	go test ./roles -rewrite
//
// writes the present effects into the scripts; read the diff.

// TestScripts runs every story of every role.
func TestScripts(t *testing.T) {
	for role, start := range map[string]func(*script, *datadriven.TestData) actor{
		"acceptor": startAcceptor, "proposer": startProposer, "learner": startLearner, "founder": startFounder,
	} {
		t.Run(role, func(t *testing.T) {
			datadriven.Walk(t, filepath.Join("testdata", role), func(t *testing.T, path string) {
				s := &script{t: t, start: start, genesis: testGenesis(3), now: paxos.Now{Mono: start0, Wall: wall0}}
				datadriven.RunTest(t, path, s.run)
			})
		})
	}
}

// A story begins at start0 on the monotonic clock; the wall clock then reads
// wall0, which the scripts print as 0.
const (
	start0 = paxos.Instant(1e9)
	wall0  = paxos.LogTime(1_000_000e9)
)

// actor is a role under test.
type actor interface {
	Step(now paxos.Now, e paxos.Envelope, out *paxos.Effects)
	Tick(now paxos.Now, out *paxos.Effects)
	Wake() paxos.Instant
	// do carries out a command that only this role understands.
	do(s *script, td *datadriven.TestData, out *paxos.Effects) (text string, known bool)
	// after is called with the effects of every command, before they are printed.
	after(s *script, out *paxos.Effects)
}

// script is one story that runs.
type script struct {
	t       *testing.T
	start   func(*script, *datadriven.TestData) actor
	role    actor
	genesis paxos.Genesis
	later   []paxos.Configuration // after the genesis
	now     paxos.Now

	promised map[paxos.NodeID]paxos.Ballot // by acceptor, as far as the story tells
}

// run carries out one command of a script:
//
//	cluster acceptors=5 sizes=(2,4) window=4   the cluster, before start; 3, majority and 8 when unsaid; from=101 for one that goes on from a state
//	configuration from=10 acceptors=(a1,a2,a4) copies=1   the next one; messages are of the newest from then on
//	start id=a1 ...                            the role, fresh; see startAcceptor and its like
//	tick 300ms                                 time passes, then the role's timer fires
//	wait                                       as long as the role wants to wait
//	wake                                       how long that is
//	founded                                    in which cluster the role is
//	wall 1h                                    this process's wall clock jumps
//	<message> from=p1 ...                      see parseMessage
func (s *script) run(t *testing.T, td *datadriven.TestData) string {
	s.t = t
	out := &paxos.Effects{}
	text := ""
	switch td.Cmd {
	case "cluster":
		s.cluster(td)
	case "configuration":
		c := s.parseConfiguration(args{s, td})
		s.later = append(s.later, c)
		return printConfiguration(&c) + "\n"
	case "start":
		s.promised = map[paxos.NodeID]paxos.Ballot{}
		s.role = s.start(s, td)
	case "tick":
		s.pass(duration(t, td.CmdArgs[0].Key))
		s.role.Tick(s.now, out)
	case "wait":
		d := s.untilWake()
		s.pass(d)
		s.role.Tick(s.now, out)
		text = fmt.Sprintf("after %s\n", d)
	case "wake":
		return fmt.Sprintf("in %s\n", s.untilWake())
	case "founded":
		if g := s.role.(interface{ Genesis() *paxos.Genesis }).Genesis(); g != nil {
			return "in " + printGenesis(g) + "\n"
		}
		return "no\n"
	case "wall":
		s.now.Wall += paxos.LogTime(duration(t, td.CmdArgs[0].Key))
	default:
		known := false
		if text, known = s.role.do(s, td, out); !known {
			s.role.Step(s.now, s.parseEnvelope(td), out)
		}
	}
	if s.role != nil {
		s.role.after(s, out)
	}
	if text += s.printEffects(out); text == "" {
		return "nothing\n"
	}
	return text
}

func (s *script) pass(d time.Duration) {
	s.now.Mono += paxos.Instant(d)
	s.now.Wall += paxos.LogTime(d)
}

func (s *script) untilWake() time.Duration { return max(0, time.Duration(s.role.Wake()-s.now.Mono)) }

func (s *script) cluster(td *datadriven.TestData) {
	acceptors, window, from := 3, 8, 1
	td.MaybeScanArgs(s.t, "acceptors", &acceptors)
	td.MaybeScanArgs(s.t, "from", &from)
	td.MaybeScanArgs(s.t, "window", &window)
	s.genesis, s.later = testGenesis(acceptors), nil
	s.genesis.Window = paxos.Slot(window)
	startAt(&s.genesis, paxos.Slot(from))
	if q := &s.genesis.First.Quorums; td.HasArg("sizes") {
		q.Kind = paxos.Sizes
		td.ScanArgs(s.t, "sizes", &q.Size1, &q.Size2)
	}
	if err := s.genesis.Check(); err != nil {
		td.Fatalf(s.t, "%v", err)
	}
}

// startAt makes g the genesis of a cluster that goes on from a state.
func startAt(g *paxos.Genesis, from paxos.Slot) {
	g.First.From, g.State = from, [16]byte{}
	if from > 1 {
		g.State = testCluster("state")
	}
}

// testGenesis founds a cluster of acceptors a1, a2, ... on disks 1, 2, ...
func testGenesis(acceptors int) paxos.Genesis {
	g := paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: testCluster("c1"), Generation: 1}, Window: 8,
		First: paxos.Configuration{Number: 1, From: 1, Copies: 2},
	}
	for i := range acceptors {
		id := paxos.NodeID(fmt.Sprintf("a%d", i+1))
		g.First.Acceptors = append(g.First.Acceptors, paxos.Member{ID: id, Disk: testDisk(id)})
	}
	return g
}

// testCluster is the UUID of a cluster that a script calls name.
func testCluster(name string) (u paxos.UUID) {
	copy(u[:], name)
	return u
}

// testDisk is the first disk of a role process.
func testDisk(id paxos.NodeID) paxos.UUID { return testCluster("disk-" + string(id)) }

// testSender is the first process of the role that id's first letter tells.
func testSender(id paxos.NodeID) paxos.Sender {
	s := paxos.Sender{ID: id, Process: testProcess(id)}
	switch {
	case strings.HasPrefix(string(id), "p"):
		s.Role = paxos.ProposerRole
	case strings.HasPrefix(string(id), "a"):
		s.Role, s.Disk, s.Boot = paxos.AcceptorRole, testDisk(id), 1
	case strings.HasPrefix(string(id), "l"):
		s.Role, s.Disk, s.Boot = paxos.LearnerRole, testDisk(id), 1
	default:
		s.Role = paxos.OperatorRole
	}
	return s
}

// testProcess is the number of the first process of id; scripts print ballots of
// that process without their incarnation.
func testProcess(id paxos.NodeID) uint64 {
	n := uint64(0)
	for _, c := range []byte(id) {
		n = n<<8 | uint64(c)
	}
	return n
}

func duration(t *testing.T, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
