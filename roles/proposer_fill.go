package roles

import "github.com/synod-paxos/synod/paxos"

// This file is what a leader does for a learner that cannot go on by what the acceptors
// tell it: phase 1 again for slots below its own, no-ops above.

// stepFill helps a learner that cannot go on by what the acceptors tell it.
func (p *Proposer) stepFill(now paxos.Now, e paxos.Envelope, m paxos.Fill, out *paxos.Effects) {
	if reason := p.foreign(e); reason != 0 {
		drop(out, e, reason)
		return
	}
	if p.stage != leading {
		return
	}
	if m.From == 0 || m.From >= m.To || m.To > p.chosen.Below+p.genesis.Window {
		drop(out, e, paxos.Extreme)
		return
	}
	p.refill(m, out)
	p.fillUp(now, m.To, out)
}

// refill starts phase 1 again for slots below this leadership's first, to propose
// what a quorum voted for there once more: the votes may be spread over ballots
// that no quorum remembers together. Slots of this ballot need no such help.
func (p *Proposer) refill(m paxos.Fill, out *paxos.Effects) {
	to := min(m.To, p.chosen.From, m.From+p.genesis.Window)
	c := p.known.For(m.From)
	if p.lead.refill != nil || m.From >= to || c == nil {
		return
	}
	if end := p.known.End(c); end != 0 {
		to = min(to, end) // one configuration at a time
	}
	ps := newPromises(m.From, to)
	p.lead.refill = &ps
	p.askPromises(&ps, out)
}

// fillUp uses the slots below to that this leader has not used, with no-ops. A
// reader waits for a slot there in which an acceptor voted: for a value of an
// earlier leader that phase 1 did not find, so it was not chosen, and now cannot be.
func (p *Proposer) fillUp(now paxos.Now, to paxos.Slot, out *paxos.Effects) {
	for p.lead.next > p.lead.top && p.lead.next < to && p.mayUse() {
		p.propose(now, p.lead.next, paxos.Value{Kind: paxos.Noop, Stamp: p.lead.clock.read(now)}, false, out)
		p.lead.next++
	}
}

// refillFound proposes what a quorum remembers. Below a trim point it remembers
// too little: the votes that are left there may be of ballots that chose nothing,
// and learners take a snapshot instead.
func (p *Proposer) refillFound(now paxos.Now, out *paxos.Effects) {
	ps := p.lead.refill
	if !p.promisedBy(ps, p.known.For(ps.from)) {
		return
	}
	p.lead.refill = nil
	for slot := max(ps.from, ps.trim); slot < ps.to; slot++ {
		v, voted := ps.votes[slot]
		if voted && p.lead.rounds[slot] == nil {
			p.propose(now, slot, v.Value, false, out)
		}
	}
}
