package roles

import "github.com/synod-paxos/synod/paxos"

// promises is phase 1 of one ballot, for all slots of [from, to) at once: PTP §3.1
// step 1 to 3. It is used once per leadership with an open end, and again for the
// few slots that a learner cannot assemble.
//
// A promise is for all slots, whoever governs them: it counts in every configuration
// that has the acceptor. So a leader that goes on under a new configuration asks only
// those that it has not asked yet.
type promises struct {
	from, to paxos.Slot
	used     paxos.Slot                // slots below are proposed in already
	pages    map[paxos.UUID]page       // by disk
	votes    map[paxos.Slot]paxos.Vote // by slot: the one with the highest ballot
	top      paxos.Slot                // highest slot in votes
	below    paxos.Slot                // all slots below are chosen, as the acceptors know
	trim     paxos.Slot                // votes below are forgotten by some acceptor
	stamp    paxos.LogTime             // highest stamp that they voted for
}

// page is how far the pages of one acceptor are in.
type page struct {
	next     paxos.Slot // where its next page starts
	complete bool       // the last one is in
	clock    paxos.LogTime
}

func newPromises(from, to paxos.Slot) promises {
	return promises{from: from, to: to, pages: map[paxos.UUID]page{}, votes: map[paxos.Slot]paxos.Vote{}}
}

// asked is where the page that v owes must start.
func (ps *promises) asked(v *voter) paxos.Slot { return max(ps.from, ps.pages[v.Disk].next) }

func (ps *promises) complete(v *voter) bool { return ps.pages[v.Disk].complete }

// clocks is the clocks of the acceptors of c whose promise is complete.
func (ps *promises) clocks(c *paxos.Configuration) []paxos.LogTime {
	var clocks []paxos.LogTime
	for _, a := range c.Acceptors {
		if page := ps.pages[a.Disk]; page.complete {
			clocks = append(clocks, page.clock)
		}
	}
	return clocks
}

// starts is where an acceptor with these marks starts the page that was asked for
// from asked: its votes below are forgotten, or not needed.
func (ps *promises) starts(asked paxos.Slot, m paxos.Marks) paxos.Slot {
	if ps.to == 0 {
		asked = max(asked, m.ChosenBelow)
	}
	return max(asked, m.TrimBelow)
}

// add takes a page of v. again is where its next page starts, 0 for no further page. A
// page that answers another question, asked earlier in the same ballot, could hide votes:
// it must start exactly where this one has it.
func (ps *promises) add(v *voter, m paxos.Promise) (again paxos.Slot) {
	if ps.complete(v) || m.Page.To != ps.to || m.Page.From != ps.starts(ps.asked(v), m.Marks) {
		return 0
	}
	for _, vote := range m.Page.Votes {
		if vote.Slot >= ps.used {
			ps.votes[vote.Slot] = higher(ps.votes[vote.Slot], vote)
			ps.top = max(ps.top, vote.Slot)
		}
	}
	ps.below = max(ps.below, m.Marks.ChosenBelow, m.Marks.TrimBelow)
	ps.trim = max(ps.trim, m.Marks.TrimBelow)
	ps.stamp = max(ps.stamp, m.Marks.MaxStamp)
	if m.Page.Next != 0 {
		ps.pages[v.Disk] = page{next: m.Page.Next}
		return m.Page.Next
	}
	ps.pages[v.Disk] = page{complete: true, clock: m.Marks.Clock}
	return 0
}

// promisedBy reports whether a phase-1 quorum of c has promised all that ps asks for.
func (p *Proposer) promisedBy(ps *promises, c *paxos.Configuration) bool {
	return c != nil && c.Phase1(p.those(c, ps.complete))
}

// prepare starts phase 1 with a ballot above every one heard of (PMS §2.2 phase
// 1a). Its proposer part makes it unlike any other proposer's.
func (p *Proposer) prepare(now paxos.Now, out *paxos.Effects) {
	p.ballot = paxos.Ballot{Round: p.nextRound(now), Proposer: p.self.ID, Incarnation: p.self.Process}
	p.stage, p.began = preparing, now.Mono
	p.phase1 = newPromises(p.chosen.Below, 0)
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
	for _, v := range p.voters {
		if !ps.complete(v) {
			p.send(out, v.ID, paxos.Prepare{Ballot: p.ballot, From: ps.asked(v), To: ps.to})
		}
	}
}

// stepPromise takes phase 1b of this proposer's present ballot; one of an earlier
// ballot says nothing about this one.
func (p *Proposer) stepPromise(now paxos.Now, v *voter, e paxos.Envelope, m paxos.Promise, out *paxos.Effects) {
	ps := p.wanted(m)
	if ps == nil {
		drop(out, e, paxos.Stale)
		return
	}
	p.noteMarks(v, m.Marks, p.chosen.Below)
	if !p.credible(m) {
		drop(out, e, paxos.Extreme)
		return
	}
	p.phase1.used = p.lead.next // 0 while preparing
	was := ps.complete(v)
	again := ps.add(v, m)
	if again != 0 || ps.complete(v) != was {
		p.keepPreparing(now)
	}
	if again != 0 {
		p.send(out, e.From.ID, paxos.Prepare{Ballot: p.ballot, From: again, To: ps.to})
	}
	switch {
	case p.stage == preparing:
		p.becomeLeader(now, out)
	case ps == p.lead.refill:
		p.refillFound(now, out)
	default:
		p.promisedMore(now, out)
	}
}

// wanted is the phase 1 that m belongs to; nil when it is over, or of another ballot.
func (p *Proposer) wanted(m paxos.Promise) *promises {
	switch {
	case m.Ballot != p.ballot:
		return nil
	case p.stage == leading && m.Page.To != 0:
		return p.lead.refill
	case p.stage == preparing || p.stage == leading && p.wantsPromises():
		return &p.phase1
	default:
		return nil
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
