package roles

import (
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// leadership is what a leader keeps while its phase 1 holds.
type leadership struct {
	since   paxos.Instant
	next    paxos.Slot            // first slot that it has not used
	until   paxos.Slot            // it may use no slot from here on; see mayUse
	top     paxos.Slot            // the last slot with a vote of phase 1
	rounds  map[paxos.Slot]*round // proposed and not known to be chosen
	batches int                   // of them, those with new commands
	refill  *promises             // phase 1 again, for slots that a learner lacks
	clock   logClock
	change  change

	beat   paxos.Instant  // when the next Heartbeat is due
	echo   paxos.Instant  // when one of its own came back last, or it began to lead
	pulse  paxos.Duration // the time that Heartbeats came back; see stepEcho
	trimAt paxos.Instant  // when the next Trim is due
}

// round is phase 2 in one slot.
type round struct {
	tally
	batch bool // holds new commands
	began paxos.Instant
	sent  paxos.Instant // last
}

// becomeLeader starts phase 2 once a phase-1 quorum promised (PTP §3.1 step 4).
// Slots below the highest chosen watermark or trim point of those that promised are
// left alone: the quorum is one of the configuration that governs the first above. In
// those with a vote the value is fixed by it; gaps get no-ops.
func (p *Proposer) becomeLeader(now paxos.Now, out *paxos.Effects) {
	ps := &p.phase1
	below := max(p.chosen.Below, ps.below)
	c := p.known.For(below)
	if !p.promisedBy(ps, c) {
		return
	}
	p.lead = leadership{
		since: now.Mono, echo: now.Mono, next: below, top: ps.top, rounds: map[paxos.Slot]*round{},
		clock: startClock(ps.stamp, ps.clocks(c), now),
	}
	for _, v := range p.voters {
		v.answered, v.pulse = now.Mono, 0 // from now on, each has an election timeout to answer
	}
	p.times.Phase1.Add(paxos.Duration(now.Mono - p.began))
	p.stage, p.failures, p.leader = leading, 0, p.ballot
	p.chosen = paxos.Chosen{From: below, Below: below}
	p.hello(now, out)
	p.tickLeading(now, out)
}

// tickLeading keeps the leadership alive, or ends it when it has no quorum.
func (p *Proposer) tickLeading(now paxos.Now, out *paxos.Effects) {
	if c := p.deciding(); !c.Phase2(p.heardLately(now, c)) {
		p.stepDown(now, out)
		return
	}
	if now.Mono >= p.lead.beat {
		p.lead.beat = now.Mono + paxos.Instant(p.opts.Heartbeat)
		p.send(out, "", paxos.Heartbeat{Ballot: p.ballot, Chosen: p.chosen, Next: p.lead.next})
	}
	p.deadline = p.lead.beat
	p.lift(now, out)
	p.trim(now, out)
	p.resend(now, out)
	p.expire(now, out)
	p.Flush(now, out)
	p.preferOther(now)
	p.handOver(now, out)
}

// deciding is the configuration that governs the lowest slot not known to be chosen.
func (p *Proposer) deciding() *paxos.Configuration { return p.known.For(p.chosen.Below) }

// stepEcho notes that a Heartbeat of this leader came back to it: so what is sent
// arrives. On a bus that is slow, because it or this process has too much to do, they
// come late, and then many at once: time goes on by one Heartbeat at most with each.
func (p *Proposer) stepEcho(now paxos.Now) {
	p.lead.pulse += min(paxos.Duration(now.Mono-p.lead.echo), p.opts.Heartbeat)
	p.lead.echo = now.Mono
}

// heardLately is the acceptors of c that said something within an election timeout. A
// leader that has no quorum of them must not keep clients waiting for nothing. The time is
// that of its own Heartbeats, which it hears as they do: while none comes back, their
// silence shows only that the bus is slow, and another leader would have no faster one. A
// command waits for answers no longer than it may wait, however: not for a bus that carries
// nothing, nor for acceptors that say that they are alive and wait for their disks.
func (p *Proposer) heardLately(now paxos.Now, c *paxos.Configuration) paxos.Set {
	return p.those(c, func(v *voter) bool {
		return p.lead.pulse-v.pulse < p.opts.Election && now.Mono-v.answered < paxos.Instant(max(p.opts.QueueTimeout, p.opts.Election))
	})
}

// quorumHeard is when the leader last had the answers of a whole phase-2 quorum of c, by
// the clock and by its pulse.
func (p *Proposer) quorumHeard(c *paxos.Configuration) (at paxos.Instant, pulse paxos.Duration) {
	for _, last := range p.voters {
		if last.answered > at && c.Phase2(p.those(c, func(v *voter) bool { return v.answered >= last.answered })) {
			at, pulse = last.answered, last.pulse
		}
	}
	return at, pulse
}

// heard notes that v answered.
func (p *Proposer) heard(now paxos.Now, v *voter, m paxos.Marks) {
	v.answered, v.pulse = now.Mono, p.lead.pulse
	p.noteMarks(v, m, p.chosen.Below)
	if p.stage == leading {
		p.lead.clock.hear(v.Disk, m.Clock, p.deciding(), now)
		p.giveUpTrimmed(m.TrimBelow)
	}
}

// giveUpTrimmed ends what was to be proposed again in slots that are trimmed by now:
// they are chosen, acceptors vote there no more, and learners take a snapshot. This
// leader makes no claim for its own ballot there. Phase 1 found a vote in every slot
// that is chosen, so no honest trim point is above all that it found or used since.
func (p *Proposer) giveUpTrimmed(below paxos.Slot) {
	found := max(p.chosen.From, p.lead.top+1)
	if below > max(p.lead.next, found) {
		found = p.chosen.From
	}
	p.skip(min(below, found))
}

// skip leaves alone the slots below, which are chosen: perhaps acceptors vote there no
// more. Whoever says so knew every change there, and this leader knows what they knew.
func (p *Proposer) skip(below paxos.Slot) {
	p.lead.change.skip(below)
	for _, slot := range p.openSlots() {
		if slot < below {
			p.finish(slot, p.lead.rounds[slot])
		}
	}
	if below <= p.chosen.From {
		return
	}
	for ; p.lead.next < below; p.lead.next++ {
		delete(p.phase1.votes, p.lead.next)
	}
	p.chosen.From = below
	p.advance()
}

// propose is phase 2a in one slot (PMS §2.2). No leader proposes two values in
// one slot and ballot, because it uses every slot of its ballot once.
func (p *Proposer) propose(now paxos.Now, slot paxos.Slot, v paxos.Value, batch bool, out *paxos.Effects) {
	r := &round{tally: tally{ballot: p.ballot, value: v, known: true}, batch: batch, began: now.Mono, sent: now.Mono}
	p.lead.rounds[slot] = r
	p.lead.change.propose(slot, v)
	if batch {
		p.lead.batches++
	}
	p.sendAccept(slot, v, out)
}

func (p *Proposer) sendAccept(slot paxos.Slot, v paxos.Value, out *paxos.Effects) {
	p.send(out, "", paxos.Accept{Ballot: p.ballot, Slot: slot, Value: v, Chosen: p.chosen})
}

// recover proposes again what phase 1 found, as far as the window allows.
func (p *Proposer) recover(now paxos.Now, out *paxos.Effects) {
	for p.lead.next <= p.lead.top && p.mayUse() {
		slot := p.lead.next
		gap := paxos.Value{Kind: paxos.Noop, Stamp: p.lead.clock.read(now)}
		p.propose(now, slot, safeValue(p.phase1.votes[slot], gap), false, out)
		delete(p.phase1.votes, slot)
		p.lead.next++
	}
}

// stepAccepted counts votes (PMS §2.2: a value is chosen when a quorum accepted).
func (p *Proposer) stepAccepted(now paxos.Now, v *voter, e paxos.Envelope, m paxos.Accepted, out *paxos.Effects) {
	if p.stage != leading || m.Ballot != p.ballot {
		drop(out, e, paxos.Stale)
		return
	}
	v.answered, v.pulse = now.Mono, p.lead.pulse
	for _, slot := range m.Slots {
		r := p.lead.rounds[slot]
		if r == nil {
			continue // chosen already by the others
		}
		c := p.known.For(slot)
		if seat, ok := mayVote(v, &e, c); ok {
			r.count(c, seat)
		}
		if r.chosen() {
			p.times.Phase2.Add(paxos.Duration(now.Mono - r.began))
			p.finish(slot, r)
		}
	}
	p.Flush(now, out)
	p.handOver(now, out)
}

// finish notes that slot is chosen, and advances the watermark over all that are.
func (p *Proposer) finish(slot paxos.Slot, r *round) {
	delete(p.lead.rounds, slot)
	if r.batch {
		p.lead.batches--
	}
	p.advance()
}

// advance takes the watermark over all slots that are chosen.
func (p *Proposer) advance() {
	for p.chosen.Below < p.lead.next && p.lead.rounds[p.chosen.Below] == nil {
		p.changeChosen(p.chosen.Below)
		p.chosen.Below++
		if c := p.known.Newest(); c.From == p.chosen.Below {
			p.lead.clock.keep(c)
		}
	}
}

// resend repeats the Accepts that were not answered by a quorum in time. An
// acceptor that voted already votes again, and its answer counts once. An acceptor answers
// in order: one that has said nothing since waits for its disk, which a repetition would
// give more to write, or will answer a Heartbeat once it is back.
func (p *Proposer) resend(now paxos.Now, out *paxos.Effects) {
	p.askMore(out)
	if len(p.lead.rounds) == 0 && p.lead.refill == nil {
		return
	}
	for _, slot := range p.openSlots() {
		r := p.lead.rounds[slot]
		if now.Mono-r.sent >= paxos.Instant(p.opts.Retry) && p.passedOver(slot, r) {
			r.sent = now.Mono
			p.sendAccept(slot, r.value, out)
		}
	}
	if p.lead.refill != nil {
		p.askPromises(p.lead.refill, out)
	}
}

// passedOver reports whether an acceptor has answered since slot was proposed last, and
// has not voted there.
func (p *Proposer) passedOver(slot paxos.Slot, r *round) bool {
	c := p.known.For(slot)
	return slices.ContainsFunc(p.voters, func(v *voter) bool {
		seat := v.in(c)
		return seat >= 0 && !r.voters.Has(seat) && v.answered >= r.sent
	})
}

// openSlots is the slots in flight, ascending.
func (p *Proposer) openSlots() []paxos.Slot {
	slots := make([]paxos.Slot, 0, len(p.lead.rounds))
	for slot := range p.lead.rounds {
		slots = append(slots, slot)
	}
	slices.Sort(slots)
	return slots
}

// stepDown ends a leadership. What was proposed may still be chosen, by the votes
// in flight or by the next leader, and is answered by a learner; what only waited
// was certainly not done.
func (p *Proposer) stepDown(now paxos.Now, out *paxos.Effects) {
	p.queue.refuseAll(paxos.NotLeader, out)
	p.lead, p.yield.to = leadership{}, ""
	p.stage = standby
	if p.drain {
		p.stage = retired
	}
	p.waitForLeader(now)
	p.hello(now, out)
}
