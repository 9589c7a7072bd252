package roles

import "github.com/synod-paxos/synod/paxos"

// Election is about speed, not safety: any proposer may start phase 1 at any
// time (PMS §2.4). It keeps the number of those that do near one, for two
// that prepare against each other may go on for ever (PMS §2.4, "progress").

// query is one question to the acceptors: do you hear a leader?
type query struct {
	nonce uint64
	since paxos.Instant // when it was asked first
}

// waitForLeader makes the proposer a standby that acts after a random time of
// silence, so that one of several standbys is likely to be alone.
func (p *Proposer) waitForLeader(now paxos.Now) {
	if p.stage == retired {
		p.deadline = now.Mono + paxos.Instant(AcceptorHello)
		return
	}
	p.stage = standby
	p.deadline = now.Mono + paxos.Instant(p.random.between(p.opts.Election, 2*p.opts.Election))
}

// backOff makes the proposer a standby that waits the longer, the more elections
// it lost in a row.
func (p *Proposer) backOff(now paxos.Now) {
	p.waitForLeader(now)
	p.failures = min(p.failures+1, 5)
	p.deadline += paxos.Instant(p.random.between(0, p.opts.Election<<p.failures/2))
}

// ask starts a query. A standby that alone lost its way to the leader learns so
// from the acceptors, and disturbs nobody.
func (p *Proposer) ask(now paxos.Now, out *paxos.Effects) {
	if p.genesis == nil {
		p.waitForLeader(now)
		return
	}
	p.stage = asking
	p.query = query{nonce: p.query.nonce + 1, since: now.Mono}
	p.askAgain(now, out)
}

// askAgain repeats the question while there is time for an answer.
func (p *Proposer) askAgain(now paxos.Now, out *paxos.Effects) {
	if now.Mono-p.query.since >= paxos.Instant(p.opts.Election) {
		p.leader = paxos.Ballot{} // whoever it is that the acceptors hear, it is not this one
		p.waitForLeader(now)
		return
	}
	p.deadline = now.Mono + paxos.Instant(p.opts.Retry)
	p.send(out, "", paxos.LeaderQuery{Nonce: p.query.nonce})
}

// stepReport counts an acceptor's answer, by the newest configuration: of an older
// one perhaps nobody is left. One that this process comes to read only
// after its question is over, because it stood still, says nothing about now. To a
// leader any answer shows that the acceptor is alive.
func (p *Proposer) stepReport(now paxos.Now, v *voter, m paxos.LeaderReport, out *paxos.Effects) {
	v.pulse = p.lead.pulse
	if p.stage != asking || now.Mono >= p.deadline || m.Nonce != p.query.nonce || m.Silent < p.opts.Election {
		return
	}
	v.silent = m.Nonce
	c := p.known.Newest()
	if c.Phase1(p.those(c, func(v *voter) bool { return v.silent == p.query.nonce })) {
		p.prepare(now, out)
	}
}

// stepHeartbeat is a leader's sign of life.
func (p *Proposer) stepHeartbeat(now paxos.Now, e paxos.Envelope, m paxos.Heartbeat, out *paxos.Effects) {
	if reason := p.foreign(e); reason != 0 {
		drop(out, e, reason)
		return
	}
	if p.stage == leading && e.From.ID == p.self.ID && m.Ballot == p.ballot {
		p.stepEcho(now)
		return
	}
	if !ownBallot(e, m.Ballot) || !p.near(now, m.Ballot.Round) || m.Contradicts() || p.tooFar(m.Chosen.Below, p.chosen.Below) {
		drop(out, e, paxos.Extreme)
		return
	}
	if m.Ballot.Less(p.leader) {
		drop(out, e, paxos.Stale)
		return
	}
	p.peers.note(e.From.ID, now)
	p.leader = m.Ballot
	p.giveWay(now, m.Ballot, out)
	if p.stage == standby || p.stage == asking {
		p.failures = 0
		p.chosen.Below = max(p.chosen.Below, m.Chosen.Below)
		p.waitForLeader(now)
	}
}

// stepHandOver leads at once, without a query: the leader itself asks for it.
func (p *Proposer) stepHandOver(now paxos.Now, e paxos.Envelope, m paxos.HandOver, out *paxos.Effects) {
	if reason := p.foreign(e); reason != 0 {
		drop(out, e, reason)
		return
	}
	if !ownBallot(e, m.Ballot) || m.Ballot.Less(p.leader) || (p.stage != standby && p.stage != asking) {
		drop(out, e, paxos.Stale)
		return
	}
	if !p.near(now, m.Ballot.Round) {
		drop(out, e, paxos.Extreme)
		return
	}
	p.leader = m.Ballot
	p.prepare(now, out)
}

// stepNack is a refusal of this proposer's ballot.
func (p *Proposer) stepNack(now paxos.Now, v *voter, e paxos.Envelope, m paxos.Nack, out *paxos.Effects) {
	if m.Ballot != p.ballot {
		drop(out, e, paxos.Stale)
		return
	}
	p.hearPromise(now, v, m.Promised, out)
}

// hearPromise notes what acceptor v says that it promised, and gives way to it. A
// message may be late, so the highest round that is near stays.
func (p *Proposer) hearPromise(now paxos.Now, v *voter, b paxos.Ballot, out *paxos.Effects) {
	if v.heard = now.Mono; b.Round > v.round || !p.near(now, v.round) {
		v.round = b.Round
	}
	p.giveWay(now, b, out)
}

// giveWay ends what the proposer does when b is above the ballot that it prepares
// or leads in: that ballot can no longer be sure of a quorum. A leader does not
// leave for a ballot that is far above what some acceptor would follow, unless it is
// barred: then several elections take all acceptors up to that ballot.
func (p *Proposer) giveWay(now paxos.Now, b paxos.Ballot, out *paxos.Effects) {
	switch {
	case !p.ballot.Less(b):
	case p.stage == preparing && p.near(now, b.Round):
		p.backOff(now)
	case p.stage == preparing:
		p.waitForLeader(now) // no duel is lost, there is a way to go
	case p.stage == leading && (p.near(now, b.Round) || p.barred()):
		p.stepDown(now, out)
	}
}

// limit is the highest round that every acceptor heard lately would follow: each
// ignores those too far above its promise, however high the others are.
func (p *Proposer) limit(now paxos.Now) uint64 {
	lowest, known := uint64(0), false
	for _, r := range p.voters {
		if r.heard != 0 && now.Mono-r.heard < paxos.Instant(3*AcceptorHello) && (!known || r.round < lowest) {
			lowest, known = r.round, true
		}
	}
	return lowest + maxRoundStep/2
}

// lift takes acceptors that are too far below this proposer's ballot to follow it
// a step up: it may be all that hears them. They promise a ballot in which nothing
// is ever proposed, so it binds nobody else.
func (p *Proposer) lift(now paxos.Now, out *paxos.Effects) {
	for _, r := range p.voters {
		if r.heard == 0 || p.ballot.Round <= r.round+maxRoundStep {
			continue
		}
		step := p.ballot
		step.Round = r.round + maxRoundStep
		p.send(out, r.ID, paxos.Prepare{Ballot: step, From: p.chosen.Below, To: p.chosen.Below})
	}
}

// near reports whether round is within reach of one election.
func (p *Proposer) near(now paxos.Now, round uint64) bool { return round <= p.limit(now) }

// nextRound is above every round that this start of the proposer used, and above
// all near ones that it heard of. Those that are far take several elections, each
// of which takes all acceptors a good step up.
func (p *Proposer) nextRound(now paxos.Now) uint64 {
	limit := p.limit(now)
	round := max(p.ballot.Round, min(p.leader.Round, limit))
	for _, r := range p.voters {
		round = max(round, min(r.round, limit))
	}
	return round + 1
}
