package explore

import (
	"fmt"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// Bound is how large a cluster is, and how much happens in it.
type Bound struct {
	Proposers int // with three acceptors
	Slots     int
	Ballots   int // of each proposer
	Crashes   int // of acceptors and proposers
	States    int // stop after so many; 0: never

	// Plain leaves out what makes the space small, beside the numbering of states and
	// steps: no symmetry, one message at a time, nothing forgotten.
	Plain bool
}

// Default is the bound that every test run closes.
func Default() Bound { return Bound{Proposers: 2, Slots: 1, Ballots: 2} }

// Small is a bound that takes no time.
func Small() Bound { return Bound{Proposers: 2, Slots: 1, Ballots: 1, Crashes: 1} }

func (b Bound) String() string {
	return fmt.Sprintf("3 acceptors, %d proposers, %d slots, %d ballots each, %d crashes", b.Proposers, b.Slots, b.Ballots, b.Crashes)
}

// Two of three acceptors are a quorum of either phase.
const acceptors, quorum = 3, 2

// present is when every step happens. Timers go off ever longer after.
var present = paxos.Now{Mono: 1e9, Wall: 1e18}

// cluster makes the processes of a bound, and steps them.
type cluster struct {
	bound   Bound
	genesis paxos.Genesis
	*tables
}

func newCluster(b Bound) *cluster {
	c := &cluster{bound: b, tables: newTables()}
	c.ballot(paxos.Ballot{})
	c.genesis = paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: paxos.UUID{1}, Generation: 1}, Window: paxos.Slot(b.Slots),
		First: paxos.Configuration{Number: 1, From: 1, Copies: 1},
	}
	for i := range acceptors {
		c.genesis.First.Acceptors = append(c.genesis.First.Acceptors, paxos.Member{ID: id("a", i), Disk: paxos.UUID{2, byte(i)}})
	}
	return c
}

func id(role string, i int) paxos.NodeID { return paxos.NodeID(fmt.Sprint(role, i+1)) }

// newAcceptor is an acceptor of a cluster that was just founded.
func (c *cluster) newAcceptor() *process {
	p := &process{ledger: &paxos.Ledger{}}
	p.ledger.Append(paxos.Founded{Genesis: c.genesis, Sealed: true})
	c.startAcceptor(p)
	return p
}

// self is acceptor i. All starts of it go by one boot number, so what it said before a
// crash counts after it. In truth it is dropped once something newer was heard, which
// is a loss like any other: here more can happen, not less.
func (c *cluster) self(i int) paxos.Sender {
	m := c.genesis.First.Acceptors[i]
	return paxos.Sender{Role: paxos.AcceptorRole, ID: m.ID, Disk: m.Disk, Boot: 1, Process: 1}
}

func (c *cluster) startAcceptor(p *process) {
	p.acceptor = roles.RestoreAcceptor(c.self(0), p.ledger.State, present)
}

// startProposer starts a proposer that has just learned its cluster, and that there is
// a learner to answer.
func (c *cluster) startProposer(p *process) {
	p.boot++
	self := paxos.Sender{Role: paxos.ProposerRole, ID: id("p", p.index), Process: p.boot}
	o := roles.DefaultProposerOptions()
	o.BatchCommands = 1
	p.proposer = roles.NewProposer(self, o, present)
	var out paxos.Effects
	for i := range acceptors {
		p.proposer.Step(present, c.envelope(c.self(i), paxos.Hello{Genesis: &c.genesis}), &out)
	}
	p.proposer.Step(present, c.envelope(paxos.Sender{Role: paxos.LearnerRole, ID: "l1"}, paxos.Position{}), &out)
}

func (c *cluster) envelope(from paxos.Sender, m paxos.Message) paxos.Envelope {
	return paxos.Envelope{Cluster: c.genesis.Cluster, Config: 1, From: from, Msg: m}
}

// step is what comes of s.
func (c *cluster) step(s step) *outcome {
	if o := c.known(s); o != nil {
		return o
	}
	p := c.states[s.process].copy()
	var out paxos.Effects
	switch {
	case s.act == crash && p.acceptor != nil:
		c.startAcceptor(p)
	case s.act == crash:
		c.startProposer(p)
		if !c.bound.Plain {
			c.begin(p, s.i, &out) // until then it is as one that nothing reaches
		}
	case s.act == begin:
		c.begin(p, s.i, &out)
	case p.acceptor != nil:
		p.acceptor.Step(present, c.messages[s.first], &out)
	default:
		before := p.proposer.Status(present)
		c.answer(p, s.first, s.i, &out)
		if s.second != none {
			c.answer(p, s.second, s.j, &out)
		}
		c.propose(p, &out)
		c.claim(p, before.ChosenBelow, &out)
	}
	o := c.carryOut(p, &out)
	c.remember(s, &o)
	return &o
}

// answer delivers an acceptor's message to a proposer, in the name of acceptor i.
func (c *cluster) answer(p *process, m number, i uint8, out *paxos.Effects) {
	e := c.messages[m]
	e.From.ID, e.From.Disk = c.genesis.First.Acceptors[i].ID, c.genesis.First.Acceptors[i].Disk
	p.proposer.Step(present, e, out)
}

// propose gives a leader a command for each slot that it has not used: clients that
// wait for just that. Each ballot has commands of its own.
func (c *cluster) propose(p *process, out *paxos.Effects) {
	for {
		now := p.proposer.Status(present)
		if p.proposer.Leading().IsZero() || now.Next > paxos.Slot(c.bound.Slots) {
			return
		}
		p.proposer.Propose(present, paxos.Command{Subject: "propose", Data: fmt.Appendf(nil, "%d.%d of %s", p.begun, now.Next, id("p", p.index))}, out)
		p.proposer.Flush(present, out)
		if p.proposer.Status(present).Next == now.Next {
			return // the window is full
		}
	}
}

// claim lets a leader that learned of something chosen send its next Heartbeat.
func (c *cluster) claim(p *process, before paxos.Slot, out *paxos.Effects) {
	if p.proposer.Leading().IsZero() || p.proposer.Status(present).ChosenBelow == before {
		return
	}
	o := roles.DefaultProposerOptions()
	now := present
	for range o.Election/o.Heartbeat - 1 {
		now.Mono += paxos.Instant(o.Heartbeat)
		var sent paxos.Effects
		p.proposer.Tick(now, &sent)
		for _, e := range sent.Send {
			if _, ok := e.Msg.(paxos.Heartbeat); ok {
				out.Send = append(out.Send, e)
			}
		}
	}
}

// begin lets an acceptor say what it promised, lets the timers of a proposer go off
// until it asks the acceptors for a leader, and lets all of them say that they hear
// none. They say nothing else, as if they had said it long ago.
func (c *cluster) begin(p *process, round uint8, out *paxos.Effects) {
	p.begun++
	if round > 0 {
		from := c.self(0)
		from.Promised = paxos.Ballot{Round: uint64(round), Proposer: "p"}
		p.proposer.Step(present, c.envelope(from, paxos.Hello{Genesis: &c.genesis}), &paxos.Effects{})
	}
	var reporters []paxos.Sender
	for i := range acceptors {
		reporters = append(reporters, c.self(i))
	}
	c.campaign(p, reporters, out)
}

// campaign lets the timers of a proposer go off until it asks the acceptors for a
// leader, and lets all of them say that they hear none.
func (c *cluster) campaign(p *process, reporters []paxos.Sender, out *paxos.Effects) {
	now, nonce := present, uint64(0)
	for i := 1; nonce == 0 && i < 8; i++ {
		now.Mono = paxos.Instant(p.begun*10+i) * 1e14
		var asked paxos.Effects
		p.proposer.Tick(now, &asked)
		for _, e := range asked.Send {
			if m, ok := e.Msg.(paxos.LeaderQuery); ok {
				nonce = m.Nonce
			}
		}
	}
	for _, from := range reporters {
		e := c.envelope(from, paxos.LeaderReport{Nonce: nonce, Silent: 1 << 60})
		p.proposer.Step(now, e, out)
	}
}

// persist makes durable what a step asked for, returns the votes in it, and fills in the
// pages of its messages.
func (c *cluster) persist(p *process, out *paxos.Effects) (votes uint64) {
	if p.acceptor != nil {
		p.ledger.Append(out.Persist...)
	}
	for _, r := range out.Persist {
		if v, ok := r.(paxos.Voted); ok {
			votes |= c.vote(v.Vote)
		}
	}
	for i, e := range out.Send {
		if page, with := paxos.Pending(e.Msg); page != nil {
			filled := *page
			p.ledger.Fill(&filled, 1<<20)
			out.Send[i].Msg = with(filled)
		}
	}
	return votes
}

// carryOut makes what a step asked for into an outcome. Messages that only keep time,
// or make somebody known, are left out: that is a loss that may always happen.
func (c *cluster) carryOut(p *process, out *paxos.Effects) outcome {
	if out.Stop != "" {
		return outcome{wrong: "a role stops: " + out.Stop}
	}
	o := outcome{votes: c.persist(p, out)}
	for _, e := range out.Send {
		switch m := e.Msg.(type) {
		case paxos.Prepare:
			e.To = "" // one for all
		case paxos.Promise, paxos.Accept, paxos.Accepted, paxos.Nack:
		case paxos.Heartbeat:
			if m.Chosen.Below == 1 {
				continue // it says nothing
			}
		default:
			continue
		}
		o.sent = append(o.sent, c.message(e))
	}
	c.note(p)
	o.next = c.number(p)
	return o
}

// note keeps at hand what the explorer asks of p most.
func (c *cluster) note(p *process) {
	if p.proposer != nil {
		now := p.proposer.Status(present)
		p.stage, p.ballot, p.busy = now.Stage, c.ballot(now.Ballot), now.InFlight > 0
		return
	}
	p.ballot = c.ballot(p.acceptor.State().Promised)
}
