package roles

import (
	"cmp"

	"github.com/synod-paxos/synod/paxos"
)

// Election is about speed, not safety: any proposer may start phase 1 at any
// time (PMS §2.4). It keeps the number of those that do near one, for two
// that prepare against each other may go on for ever (PMS §2.4, "progress").

// query is one question to the acceptors: do you hear a leader?
type query struct {
	nonce  uint64
	silent paxos.Set // acceptors that heard none for an election timeout
}

func cmpID(a, b paxos.NodeID) int { return cmp.Compare(a, b) }

func cmpSlot(a, b paxos.Slot) int { return cmp.Compare(a, b) }

// waitForLeader makes the proposer a standby that acts after a random time of
// silence, so that one of several standbys is likely to be alone.
func (p *Proposer) waitForLeader(now paxos.Now) {
	if p.stage == retired {
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
	p.query = query{nonce: p.query.nonce + 1}
	p.deadline = now.Mono + paxos.Instant(p.opts.Retry)
	p.send(out, "", paxos.LeaderQuery{Nonce: p.query.nonce})
}

func (p *Proposer) stepReport(now paxos.Now, i int, m paxos.LeaderReport, out *paxos.Effects) {
	if p.stage != asking || m.Nonce != p.query.nonce || m.Silent < p.opts.Election {
		return
	}
	p.query.silent = p.query.silent.With(i)
	if p.config.Phase1(p.query.silent) {
		p.prepare(now, out)
	}
}

// stepHeartbeat is a leader's sign of life.
func (p *Proposer) stepHeartbeat(now paxos.Now, e paxos.Envelope, m paxos.Heartbeat, out *paxos.Effects) {
	if reason := p.foreign(e); reason != 0 {
		drop(out, e, reason)
		return
	}
	if !ownBallot(e, m.Ballot) || m.Ballot.Round > p.rounds+maxRoundStep || m.Chosen.Below > p.chosen.Below+maxSlotStep {
		drop(out, e, paxos.Extreme)
		return
	}
	if m.Ballot.Less(p.leader) {
		drop(out, e, paxos.Stale)
		return
	}
	p.peers.note(e.From.ID, now)
	p.leader = m.Ballot
	p.noticeHigher(now, m.Ballot, out)
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
	p.noticeHigher(now, m.Ballot, out)
	p.prepare(now, out)
}

// stepNack is a refusal of this proposer's ballot.
func (p *Proposer) stepNack(now paxos.Now, e paxos.Envelope, m paxos.Nack, out *paxos.Effects) {
	if m.Ballot != p.ballot {
		drop(out, e, paxos.Stale)
		return
	}
	p.noticeHigher(now, m.Promised, out)
}

// noticeHigher remembers the round of ballot b, so that the next one of this
// proposer is above it, and gives way when b is above the ballot that it prepares
// or leads in: that ballot can no longer be sure of a quorum.
func (p *Proposer) noticeHigher(now paxos.Now, b paxos.Ballot, out *paxos.Effects) {
	if b.Round > p.rounds+maxRoundStep {
		return
	}
	p.rounds = max(p.rounds, b.Round)
	if !p.ballot.Less(b) {
		return
	}
	switch p.stage {
	case preparing:
		p.backOff(now)
	case leading:
		p.stepDown(now, out)
	}
}
