package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
	"github.com/synod-paxos/synod/streams/command"
)

// Plan is everything that a run is made of. The same Plan gives the same run.
type Plan struct {
	Seed  uint64
	Drill string // the family that it is of; empty: none

	Acceptors, Proposers, Learners int

	Quorums paxos.QuorumSystem
	Window  paxos.Slot
	Copies  int

	Proposing roles.ProposerOptions
	Learning  roles.LearnerOptions

	PageBytes   int           // of votes in one message
	DigestEvery paxos.Slot    // how many slots lie between two digests
	Sync        time.Duration // an acceptor's sync takes up to this
	Apply       time.Duration // a learner's state machine takes up to this for what waits
	LearnerSync time.Duration // about how often it is made durable
	Restart     time.Duration // how long a process that stopped itself stays away
	Calm        Weather       // of the network without faults
	Drift       map[paxos.NodeID]int64
	Skew        map[paxos.NodeID]time.Duration

	Clients []ClientPlan
	// Sessions are clients with sessions. With any, learners have the built-in state
	// machine beside the simulated one.
	Sessions []SessionPlan
	Faults   []Fault
	Quiet    time.Duration // when the faults end; 0: never
	Bound    time.Duration // how long after Quiet everything must be done
	Audit    bool          // at the end, cut the power and let a fresh learner read the log
	Events   int           // more than any sane run takes

	LeaderLife   time.Duration // until the faults end, each leader loses most of what it sends and crashes within this; 0: not
	OneLeader    time.Duration // from then on nothing happens that justifies an election; 0: not checked
	AnswerWithin time.Duration // the commands of a chosen slot are answered within this; 0: not checked
}

// ClientPlan is what one client does.
type ClientPlan struct {
	ID       paxos.NodeID
	Start    time.Duration
	Commands int
	Think    time.Duration // it waits up to this between commands
	Timeout  time.Duration // before it sends again
	Retry    time.Duration // before it asks again when it was refused
	Reads    int           // percent of chances to read that it takes
	GiveUp   int           // per mille of attempts that are its last
	Padding  int           // up to so many bytes more in a command
}

func (p *Plan) clockOf(id paxos.NodeID) (drift int64, skew time.Duration) {
	return p.Drift[id], p.Skew[id]
}

// CalmPlan is a cluster without faults, and what all random plans start from.
func CalmPlan(seed uint64) *Plan {
	return &Plan{
		Seed: seed, Acceptors: 3, Proposers: 2, Learners: 2, Window: 256, Copies: 2,
		Proposing: roles.DefaultProposerOptions(), Learning: roles.DefaultLearnerOptions(),
		PageBytes: 1 << 20, DigestEvery: 8, Sync: 2 * time.Millisecond, Apply: 200 * time.Microsecond,
		LearnerSync: 100 * time.Millisecond, Restart: 200 * time.Millisecond,
		Calm:  Weather{Min: 50 * time.Microsecond, Max: 500 * time.Microsecond},
		Drift: map[paxos.NodeID]int64{}, Skew: map[paxos.NodeID]time.Duration{},
		Bound: 20 * time.Second, Events: 600_000,
	}
}

// RandomPlan is the plan that a seed stands for.
func RandomPlan(seed uint64) *Plan {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), p: CalmPlan(seed)}
	g.sizes()
	g.options()
	g.clocks()
	g.clients()
	g.faults()
	g.alignClocks()
	g.p.Audit = g.IntN(4) == 0
	if g.IntN(4) == 0 {
		g.sessions(1 + g.IntN(3))
	}
	return g.p
}

// generator draws a plan.
type generator struct {
	*rand.Rand
	p *Plan
}

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func (g *generator) time(from, to time.Duration) time.Duration {
	return from + time.Duration(g.Int64N(int64(to-from)))
}

func (g *generator) sizes() {
	p := g.p
	p.Acceptors = pick(g, 1, 3, 3, 3, 3, 3, 4, 5, 5)
	p.Proposers = pick(g, 1, 2, 2, 2, 3, 3, 4)
	p.Learners = pick(g, 1, 2, 2, 2, 3)
	p.Copies = min(pick(g, 1, 2, 2), p.Learners)
	p.Window = pick[paxos.Slot](g, 1, 2, 5, 16, 256)
	switch {
	case p.Acceptors == 4 && g.IntN(2) == 0:
		p.Quorums = paxos.QuorumSystem{Kind: paxos.Grid, Rows: 2}
	case p.Acceptors > 1 && g.IntN(4) == 0:
		one := 1 + g.IntN(p.Acceptors)
		p.Quorums = paxos.QuorumSystem{Kind: paxos.Sizes, Size1: one, Size2: p.Acceptors + 1 - one}
	}
}

func (g *generator) options() {
	p := g.p
	p.Proposing.Pipeline = pick(g, 1, 3, 8, 8)
	p.Proposing.BatchCommands = pick(g, 1, 1, 2, 64)
	p.Proposing.QueueCommands = pick(g, 2, 64)
	p.Proposing.QueueTimeout = paxos.Duration(pick(g, 300*time.Millisecond, 2*time.Second))
	p.Learning.OpenSlots = pick[paxos.Slot](g, 16, 64, 1024)
	p.Learning.OpenBytes = pick(g, 2000, 1<<20)
	p.PageBytes = pick(g, 1, 250, 600, 1<<20)
	p.DigestEvery = pick[paxos.Slot](g, 4, 16, 64)
	p.Sync = pick(g, 100*time.Microsecond, 2*time.Millisecond, 10*time.Millisecond)
	p.Apply = pick(g, 50*time.Microsecond, 5*time.Millisecond)
	p.LearnerSync = pick(g, 20*time.Millisecond, 300*time.Millisecond)
	p.Calm.Max = pick(g, 300*time.Microsecond, 2*time.Millisecond, 8*time.Millisecond)
}

// clocks sets the wall clocks of all proposers and learners, and of a minority of
// every phase-1 quorum, hours apart, and lets all monotonic clocks drift.
func (g *generator) clocks() {
	p := g.p
	wrong := 0
	if p.Acceptors >= 3 && p.Quorums.Kind == paxos.Majority {
		wrong = 1
	}
	for i := range p.Acceptors {
		id := nodeID("a", i)
		p.Skew[id] = g.time(-50*time.Millisecond, 50*time.Millisecond)
		if i < wrong && g.IntN(2) == 0 {
			p.Skew[id] = g.time(-5*time.Hour, 5*time.Hour)
		}
		p.Drift[id] = int64(g.IntN(4001) - 2000)
	}
	for i := range p.Proposers {
		p.Skew[nodeID("p", i)] = g.time(-5*time.Hour, 5*time.Hour)
		p.Drift[nodeID("p", i)] = int64(g.IntN(4001) - 2000)
	}
	for i := range p.Learners {
		p.Skew[nodeID("l", i)] = g.time(-5*time.Hour, 5*time.Hour)
		p.Drift[nodeID("l", i)] = int64(g.IntN(4001) - 2000)
	}
}

// alignClocks lets no acceptor's clock be wrong where the quorums change: what is a
// minority of one may be all of another.
func (g *generator) alignClocks() {
	if slices.ContainsFunc(g.p.Faults, func(f Fault) bool { return f.Kind == Reconfigure }) {
		for i := range g.p.Acceptors {
			delete(g.p.Skew, nodeID("a", i))
		}
	}
}

func (g *generator) clients() {
	for i := range pick(g, 1, 2, 4, 8, 12) {
		g.p.Clients = append(g.p.Clients, ClientPlan{
			ID: nodeID("c", i), Start: g.time(0, time.Second), Commands: 5 + g.IntN(20),
			Think: pick(g, time.Millisecond, time.Millisecond, 20*time.Millisecond, 200*time.Millisecond), Timeout: pick(g, 100*time.Millisecond, 600*time.Millisecond),
			Retry: 40 * time.Millisecond, Reads: pick(g, 0, 20, 50), GiveUp: pick(g, 0, 0, 20), Padding: pick(g, 0, 0, 300),
		})
	}
}

// sessions is clients that publish things in sessions, or look them up.
func (g *generator) sessions(clients int) {
	for i := range clients {
		g.p.Sessions = append(g.p.Sessions, SessionPlan{
			ID: nodeID("s", i), Start: g.time(0, time.Second), Commands: 10 + g.IntN(20),
			Think: pick(g, time.Millisecond, 20*time.Millisecond, 200*time.Millisecond), Timeout: pick(g, 30*time.Millisecond, 200*time.Millisecond),
			Retry: 40 * time.Millisecond, TTL: pick(g, command.MinTTL, command.MinTTL, 5*time.Second), GiveUp: pick(g, 5, 30, 60), Pause: pick(g, 0, 2, 5),
		})
	}
}

func (g *generator) faults() {
	p := g.p
	p.Quiet = g.time(time.Second, 5*time.Second)
	for range g.IntN(14) {
		p.Faults = append(p.Faults, g.fault())
	}
}

func (g *generator) fault() Fault {
	f := Fault{
		At: g.time(0, g.p.Quiet), For: g.time(time.Millisecond, time.Second), Draw: g.Uint64(),
		Kind: FaultKind(g.IntN(int(faultKinds))), Node: g.anyNode(),
	}
	if g.IntN(3) == 0 {
		f.For = g.time(time.Second, 4*time.Second)
	}
	if f.Kind == Dying {
		f.Node = TheLeader
	}
	return f
}

// anyNode is a process, the leader more often than others.
func (g *generator) anyNode() paxos.NodeID {
	p := g.p
	switch i := g.IntN(p.Acceptors + p.Proposers + p.Learners + 2); {
	case i < p.Acceptors:
		return nodeID("a", i)
	case i < p.Acceptors+p.Proposers:
		return nodeID("p", i-p.Acceptors)
	case i < p.Acceptors+p.Proposers+p.Learners:
		return nodeID("l", i-p.Acceptors-p.Proposers)
	default:
		return TheLeader
	}
}

// String is the plan for a person who looks for what went wrong.
func (p *Plan) String() string {
	family := ""
	if p.Drill != "" {
		family = fmt.Sprintf(" of the drill %q", p.Drill)
	}
	s := fmt.Sprintf("seed %d%s: %d acceptors (%s), %d proposers, %d learners, window %d, pages of %d bytes, faults end at %v\n",
		p.Seed, family, p.Acceptors, p.Quorums, p.Proposers, p.Learners, p.Window, p.PageBytes, p.Quiet.Round(time.Millisecond))
	for _, c := range p.Clients {
		s += fmt.Sprintf("  client %s from %v: %d commands\n", c.ID, c.Start.Round(time.Millisecond), c.Commands)
	}
	for _, c := range p.Sessions {
		s += fmt.Sprintf("  client %s from %v: %d things published in sessions of %v\n", c.ID, c.Start.Round(time.Millisecond), c.Commands, c.TTL)
	}
	for _, f := range p.Faults {
		s += "  " + f.String() + "\n"
	}
	return s
}
