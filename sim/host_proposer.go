package sim

import (
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// proposer is a proposer with its queue of clients' commands. It has no disk.
type proposer struct {
	process
	role     *roles.Proposer
	out      paxos.Effects
	commands []paxos.Command
	open     bool // clients reach it
	led      paxos.Ballot
}

func newProposer(w *World, id paxos.NodeID) *proposer {
	p := &proposer{}
	p.process = w.adopt(id, paxos.ProposerRole, p)
	return p
}

func (p *proposer) boot(now paxos.Now) {
	o := p.w.plan.Proposing
	o.Seed = p.w.rng.Uint64()
	self := paxos.Sender{Role: paxos.ProposerRole, ID: p.id, Process: p.incarnation}
	p.role = roles.NewProposer(self, o, now)
	p.led = paxos.Ballot{}
	p.w.oracle.proposerStarts(p)
}

func (p *proposer) founded() bool { return p.role.Genesis() != nil }

func (p *proposer) step(now paxos.Now, e *paxos.Envelope) {
	p.w.oracle.proposerHears(p, now, e)
	p.role.Step(now, *e, &p.out)
}

// propose takes a client's command.
func (p *proposer) propose(c paxos.Command) {
	if !p.up {
		return
	}
	p.commands = append(p.commands, c)
	if p.frozen == 0 {
		p.awake()
	}
}

func (p *proposer) settle(now paxos.Now) {
	for _, c := range p.commands {
		p.role.Propose(now, c, &p.out)
	}
	p.commands = nil
	p.role.Flush(now, &p.out)
	p.role.Tick(now, &p.out)
	p.flush(now)
}

func (p *proposer) flush(now paxos.Now) {
	p.open = p.role.Serving() // before anything that shows that leadership ended
	p.noteLeading()
	p.w.drops(p.id, p.out.Drop)
	sends := p.out.Send
	for i := range sends {
		p.w.oracle.proposes(p, now, &sends[i])
		p.w.publish(&sends[i])
	}
	for _, r := range p.out.Refuse {
		p.refuse(r)
	}
	p.out = paxos.Effects{}
	p.w.oracle.serving(p, now)
	if p.role.Retired() {
		p.w.count("proposers drained", 1)
		p.crash("has drained")
		p.w.after(nil, p.w.plan.Restart, p.start)
	}
}

func (p *proposer) noteLeading() {
	b := p.role.Leading()
	if b == p.led {
		return
	}
	p.led = b
	if b.IsZero() {
		p.w.note(p.id, "no longer leads")
		return
	}
	p.w.note(p.id, "leads in ", b)
	p.w.count("elections won", 1)
	p.w.oracle.leads(p, b)
	if life := p.w.plan.LeaderLife; life > 0 && !p.w.quiet {
		if undo := p.w.dying(&p.process, life); undo != nil {
			p.w.after(nil, life+p.w.draw(life), undo)
		}
	}
}

func (p *proposer) refuse(r paxos.Refusal) {
	p.w.count("commands refused: "+r.Reason.String(), 1)
	p.w.oracle.refused(p, r)
	p.w.note(p.id, "refuses ", r.Command.Reply, ": ", r.Reason.String())
	if p.w.reply != nil {
		p.w.reply(r.Command.Reply, "refused, "+r.Reason.String())
	}
	if c := p.w.askerAt(r.Command.Reply); c != nil {
		if wait, ok := p.w.reaches(p.id, c.id()); ok {
			p.w.after(nil, wait, func() { c.refused(r) })
		}
	}
}

func (p *proposer) wake() paxos.Instant { return p.role.Wake() }

func (p *proposer) lose() {
	p.role, p.out, p.commands, p.open = nil, paxos.Effects{}, nil, false
}

// drain asks the proposer to hand over and leave.
func (p *proposer) drain() {
	if !p.up || p.frozen > 0 {
		return
	}
	p.w.note(p.id, "drains")
	now := p.clock.at(p.w.now)
	p.role.Drain(now, &p.out)
	p.flush(now)
	if p.up {
		p.arm()
	}
}
