package roles

import "github.com/synod-paxos/synod/paxos"

// promises is phase 1 of one ballot, for all slots of [from, to) at once: PTP §3.1
// step 1 to 3. It is used once per leadership with an open end, and again for the
// few slots that a learner cannot assemble.
type promises struct {
	from, to paxos.Slot
	next     []paxos.Slot              // by acceptor: where its next page starts
	complete paxos.Set                 // acceptors whose last page is in
	votes    map[paxos.Slot]paxos.Vote // by slot: the one with the highest ballot
	top      paxos.Slot                // highest slot in votes
	below    paxos.Slot                // all slots below are chosen, as the acceptors know
	trim     paxos.Slot                // votes below are forgotten by some acceptor
	stamp    paxos.LogTime             // highest stamp that they voted for
	clocks   []paxos.LogTime           // of the acceptors that are complete
}

func newPromises(from, to paxos.Slot, acceptors int) promises {
	return promises{from: from, to: to, next: make([]paxos.Slot, acceptors), votes: map[paxos.Slot]paxos.Vote{}}
}

// asked is where the page that acceptor i owes must start.
func (ps *promises) asked(i int) paxos.Slot { return max(ps.from, ps.next[i]) }

// starts is where an acceptor with these marks starts the page that was asked for
// from asked: its votes below are forgotten, or not needed.
func (ps *promises) starts(asked paxos.Slot, m paxos.Marks) paxos.Slot {
	if ps.to == 0 {
		asked = max(asked, m.ChosenBelow)
	}
	return max(asked, m.TrimBelow)
}

// add takes a page of acceptor i. again is where its next page starts, 0 for no
// further page. A page that answers another question, asked earlier in the same
// ballot, could hide votes: it must start exactly where this one has it.
func (ps *promises) add(i int, m paxos.Promise) (again paxos.Slot) {
	if ps.complete.Has(i) || m.Page.To != ps.to || m.Page.From != ps.starts(ps.asked(i), m.Marks) {
		return 0
	}
	for _, v := range m.Page.Votes {
		ps.votes[v.Slot] = higher(ps.votes[v.Slot], v)
		ps.top = max(ps.top, v.Slot)
	}
	ps.below = max(ps.below, m.Marks.ChosenBelow, m.Marks.TrimBelow)
	ps.trim = max(ps.trim, m.Marks.TrimBelow)
	ps.stamp = max(ps.stamp, m.Marks.MaxStamp)
	if m.Page.Next != 0 {
		ps.next[i] = m.Page.Next
		return m.Page.Next
	}
	ps.complete = ps.complete.With(i)
	ps.clocks = append(ps.clocks, m.Marks.Clock)
	return 0
}

// prepare starts phase 1 with a ballot above every one heard of (PMS §2.2 phase
// 1a). Its proposer part makes it unlike any other proposer's.
func (p *Proposer) prepare(now paxos.Now, out *paxos.Effects) {
	p.ballot = paxos.Ballot{Round: p.nextRound(now), Proposer: p.self.ID, Incarnation: p.self.Process}
	p.stage, p.began = preparing, now.Mono
	p.phase1 = newPromises(p.chosen.Below, 0, len(p.config.Acceptors))
	p.query.silent = 0
	p.keepPreparing(now)
	p.tickPreparing(now, out)
}

// keepPreparing gives phase 1 time for another page.
func (p *Proposer) keepPreparing(now paxos.Now) {
	p.giveUp = now.Mono + paxos.Instant(2*p.opts.Election<<p.failures)
}

// tickPreparing asks all acceptors that are not complete, again if need be. A
// proposer that no quorum answers asks for a leader anew before it goes on: when the
// network heals there may be one, and its ballot may be one that nobody follows.
func (p *Proposer) tickPreparing(now paxos.Now, out *paxos.Effects) {
	if now.Mono >= p.giveUp {
		p.backOff(now)
		return
	}
	p.deadline = now.Mono + paxos.Instant(p.opts.Retry)
	p.askPromises(&p.phase1, out)
	p.lift(now, out)
}

func (p *Proposer) askPromises(ps *promises, out *paxos.Effects) {
	for i, m := range p.config.Acceptors {
		if !ps.complete.Has(i) {
			p.send(out, m.ID, paxos.Prepare{Ballot: p.ballot, From: ps.asked(i), To: ps.to})
		}
	}
}

// stepPromise takes phase 1b of this proposer's present ballot; one of an earlier
// ballot says nothing about this one.
func (p *Proposer) stepPromise(now paxos.Now, i int, e paxos.Envelope, m paxos.Promise, out *paxos.Effects) {
	ps := &p.phase1
	switch {
	case m.Ballot != p.ballot:
		drop(out, e, paxos.Stale)
		return
	case p.stage == leading && p.lead.refill != nil:
		ps = p.lead.refill
	case p.stage != preparing:
		drop(out, e, paxos.Stale)
		return
	}
	p.noteMarks(i, m.Marks)
	if !p.credible(m) {
		drop(out, e, paxos.Extreme)
		return
	}
	before := ps.complete
	again := ps.add(i, m)
	if again != 0 || ps.complete != before {
		p.keepPreparing(now)
	}
	if again != 0 {
		p.send(out, e.From.ID, paxos.Prepare{Ballot: p.ballot, From: again, To: ps.to})
	}
	if !p.config.Phase1(ps.complete) {
		return
	}
	if p.stage == preparing {
		p.becomeLeader(now, out)
	} else {
		p.refillFound(now, out)
	}
}

// credible reports whether m names only slots that a log could have reached, and
// ballots that an acceptor could have voted in before it promised this one, holds
// the values too, and moves on.
func (p *Proposer) credible(m paxos.Promise) bool {
	page, known := m.Page, p.chosen.Below
	if p.tooFar(m.Marks.ChosenBelow, known) || p.tooFar(m.Marks.TrimBelow, known) {
		return false
	}
	if page.BallotsOnly || (page.Next != 0 && (page.Next <= page.From || p.tooFar(page.Next, known))) {
		return false
	}
	for _, v := range page.Votes {
		if p.tooFar(v.Slot, known) || p.ballot.Less(v.Ballot) || v.Slot < page.From || (page.To != 0 && v.Slot >= page.To) {
			return false
		}
	}
	return true
}
