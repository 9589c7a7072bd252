package sim

import (
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// proposerView is what one life of a proposer was told, and said.
type proposerView struct {
	ballot   paxos.Ballot // the last that it prepared
	ledSince paxos.Instant
	heard    map[paxos.UUID]paxos.Instant // by acceptor's disk: any word of it
	silent   map[paxos.UUID]paxos.Instant // its word that it hears no leader
	handOver paxos.Instant
	echoes   []paxos.Instant // its own Heartbeats came back, at least one Heartbeat apart
}

func (o *oracle) proposerStarts(p *proposer) {
	o.views[p.id] = &proposerView{heard: map[paxos.UUID]paxos.Instant{}, silent: map[paxos.UUID]paxos.Instant{}}
}

// proposerHears notes what the checks of leadership go by.
func (o *oracle) proposerHears(p *proposer, now paxos.Now, e *paxos.Envelope) {
	v := o.views[p.id]
	switch m := e.Msg.(type) {
	case paxos.HandOver:
		v.handOver = now.Mono
	case paxos.Heartbeat:
		if e.From.ID == p.id && m.Ballot == v.ballot {
			v.echo(now, o.w.plan.Proposing.Heartbeat)
		}
	}
	if e.From.Role != paxos.AcceptorRole || o.known == nil {
		return
	}
	v.heard[e.From.Disk] = now.Mono
	if m, ok := e.Msg.(paxos.LeaderReport); ok && m.Silent >= o.w.plan.Proposing.Election {
		v.silent[e.From.Disk] = now.Mono
	}
}

func (v *proposerView) echo(now paxos.Now, apart paxos.Duration) {
	if n := len(v.echoes); n == 0 || now.Mono-v.echoes[n-1] >= paxos.Instant(apart) {
		v.echoes = append(v.echoes, now.Mono)
	}
}

// within is the acceptors of c whose instant is not longer ago than limit.
func within(at map[paxos.UUID]paxos.Instant, c *paxos.Configuration, now paxos.Now, limit paxos.Duration) paxos.Set {
	var s paxos.Set
	for i, m := range c.Acceptors {
		if t := at[m.Disk]; t != 0 && now.Mono-t <= paxos.Instant(limit) {
			s = s.With(i)
		}
	}
	return s
}

// checkSlack is what the checks of time allow for turns that come late.
const checkSlack = paxos.Duration(20 * time.Millisecond)

// serving checks that a leader without a phase-2 quorum leaves its clients: at once when
// its own Heartbeats come back, which says that the silence is not the bus's, and else
// when a command has waited for as long as it may.
func (o *oracle) serving(p *proposer, now paxos.Now) {
	if !p.open || o.known == nil {
		return
	}
	p.besideRival(now, "serves clients")
	v, opts := o.views[p.id], o.w.plan.Proposing
	late := opts.Heartbeat + checkSlack
	if limit := opts.QueueTimeout + late; !o.quorumWithin(v, now, limit) {
		o.w.fail("leadership", "proposer %s serves clients, and has heard no quorum for longer than a command may wait", p.id)
	}
	// So many Heartbeats are an election timeout, the time until the leader looks, and slack.
	enough := int(opts.Election/opts.Heartbeat) + 3
	if n := len(v.echoes); n >= enough && !o.quorumWithin(v, now, paxos.Duration(now.Mono-v.echoes[n-enough])) {
		o.w.fail("leadership", "proposer %s serves clients, and has heard no quorum for %d of its Heartbeats", p.id, enough)
	}
}

// quorumWithin reports whether a phase-2 quorum was heard, or the proposer began to lead,
// not longer ago than limit.
func (o *oracle) quorumWithin(v *proposerView, now paxos.Now, limit paxos.Duration) bool {
	return now.Mono-v.ledSince <= paxos.Instant(limit) ||
		o.some(func(c *paxos.Configuration) bool { return c.Phase2(within(v.heard, c, now, limit)) })
}

// leads notes that p leads in ballot b from now on.
func (o *oracle) leads(p *proposer, b paxos.Ballot) {
	v := o.ballot(p, b)
	if v == nil {
		return
	}
	if v.led {
		o.w.fail("ballots", "proposer %s leads twice in ballot %s", p.id, describeBallot(b))
	}
	v.led = true
	if o.known != nil && !o.some(func(c *paxos.Configuration) bool { return c.Phase1(o.promisers(b, c)) }) {
		o.w.fail("quorums", "proposer %s leads in ballot %s, which no phase-1 quorum has promised", p.id, describeBallot(b))
	}
	if from := o.w.plan.OneLeader; from > 0 && o.w.now > from && !o.mayElect {
		o.w.fail("no disruption", "proposer %s is elected, and nothing was wrong with the leader", p.id)
	}
	o.views[p.id].ledSince, o.views[p.id].echoes = p.clock.at(o.w.now).Mono, nil
}

// ballot is the view of a ballot that p uses; nil, and a failure, when it is not
// its own.
func (o *oracle) ballot(p *proposer, b paxos.Ballot) *ballotView {
	v := o.ballots[b]
	if v == nil {
		v = &ballotView{owner: p.id, life: p.life}
		o.ballots[b] = v
	}
	if v.owner != p.id || v.life != p.life {
		o.w.fail("ballots", "life %d of proposer %s uses ballot %s, which life %d of %s used", p.life, p.id, describeBallot(b), v.life, v.owner)
		return nil
	}
	return v
}

// proposes judges a message that leaves a proposer.
func (o *oracle) proposes(p *proposer, now paxos.Now, e *paxos.Envelope) {
	o.w.countSend(e)
	switch m := e.Msg.(type) {
	case paxos.Prepare:
		o.prepares(p, now, m)
	case paxos.Accept:
		o.checkAccept(p, m)
		o.checkClaim(p, m.Ballot, m.Chosen)
	case paxos.Heartbeat:
		o.checkClaim(p, m.Ballot, m.Chosen)
	case paxos.HandOver:
		o.checkClaim(p, m.Ballot, m.Chosen)
		o.checkHandOver(p, m.Ballot)
	case paxos.Trim:
		o.checkTrim(p, m)
	}
}

// prepares checks that a proposer uses ballots of its own, once, in order, and
// only when it was asked to lead or a quorum hears no leader. A Prepare for no slot
// at all only lifts an acceptor, and is no attempt to lead.
func (o *oracle) prepares(p *proposer, now paxos.Now, m paxos.Prepare) {
	v, b := o.views[p.id], m.Ballot
	if o.ballot(p, b) == nil || b == v.ballot || (m.To != 0 && m.From == m.To && b.Less(v.ballot)) {
		return
	}
	if b.Less(v.ballot) {
		o.w.fail("ballots", "proposer %s prepares %s after %s", p.id, describeBallot(b), describeBallot(v.ballot))
	}
	v.ballot = b
	limit := o.w.plan.Proposing.Election + checkSlack
	asked := v.handOver != 0 && now.Mono-v.handOver <= paxos.Instant(limit)
	if !asked && o.known != nil && !o.some(func(c *paxos.Configuration) bool { return c.Phase1(within(v.silent, c, now, limit)) }) {
		o.w.fail("no disruption", "proposer %s prepares %s, and no quorum has told it that it hears no leader", p.id, describeBallot(b))
	}
}

// checkAccept judges a proposal by all that is chosen, which its proposer may not
// know: no ballot above one that chose may propose anything else.
func (o *oracle) checkAccept(p *proposer, m paxos.Accept) {
	s := o.slot(m.Slot)
	if s == nil || o.ballot(p, m.Ballot) == nil {
		return
	}
	if old := s.proposal(m.Ballot); old != nil {
		if !old.value.Equal(m.Value) {
			o.w.fail("one value per ballot", "slot %d in ballot %s: proposer %s proposes %s, after %s",
				m.Slot, describeBallot(m.Ballot), p.id, describeValue(m.Value), describeValue(old.value))
		}
		return
	}
	o.accepted(p, m.Value)
	if c := s.chosen; c != nil && c.ballot.Less(m.Ballot) && !c.value.Equal(m.Value) {
		o.w.fail("agreement", "slot %d: proposer %s proposes %s in ballot %s, and %s is chosen in ballot %s", m.Slot, p.id,
			describeValue(m.Value), describeBallot(m.Ballot), describeValue(c.value), describeBallot(c.ballot))
		return
	}
	o.checkSafeValue(p, m)
	if s.holds(m.Value) {
		o.w.count("votes proposed again", 1)
	} else {
		o.checkStamp(p, m)
	}
	s.proposals = append(s.proposals, &proposal{ballot: m.Ballot, value: m.Value})
}

// checkHandOver checks that a leader that hands over has nothing left to do.
func (o *oracle) checkHandOver(p *proposer, b paxos.Ballot) {
	for slot := range o.slots {
		if s := &o.slots[slot]; s.chosen == nil && s.proposal(b) != nil {
			o.w.fail("hand-over", "proposer %s hands over, and slot %d is not decided", p.id, slot)
		}
	}
}

// holds reports whether v was proposed in the slot before.
func (s *slotView) holds(v paxos.Value) bool {
	for _, p := range s.proposals {
		if p.value.Equal(v) {
			return true
		}
	}
	return false
}

// stampBack is how many slots back a new stamp is compared.
const stampBack = 8

// checkStamp checks log time: no stamp runs ahead of true time, whatever the wall
// clock of the leader or of a minority says, nor behind what was chosen before.
func (o *oracle) checkStamp(p *proposer, m paxos.Accept) {
	true_ := epoch + paxos.LogTime(o.w.now)
	if limit := true_ + paxos.LogTime(time.Second) + paxos.LogTime(o.w.now)/10; m.Value.Stamp > limit {
		o.w.fail("log time", "proposer %s stamps slot %d %v ahead of true time", p.id, m.Slot, time.Duration(m.Value.Stamp-true_))
	}
	for s := m.Slot - 1; s > 0 && s+stampBack > m.Slot; s-- {
		if c := o.slots[s].chosen; c != nil && !m.Ballot.Less(c.ballot) && m.Value.Stamp < c.value.Stamp {
			o.w.fail("log time", "proposer %s stamps slot %d %v before slot %d", p.id, m.Slot, time.Duration(c.value.Stamp-m.Value.Stamp), s)
			return
		}
	}
}

// checkClaim checks what a leader says is chosen.
func (o *oracle) checkClaim(p *proposer, b paxos.Ballot, c paxos.Chosen) {
	v := o.ballot(p, b)
	if v == nil {
		return
	}
	if c.Below > o.below {
		o.w.fail("watermark", "proposer %s says that all slots below %d are chosen; slot %d is not", p.id, c.Below, o.below)
		return
	}
	for s := max(c.From, v.verified); s < c.Below; s++ {
		if q := o.slots[s].proposal(b); q == nil || !q.chosen {
			o.w.fail("watermark", "proposer %s says that slot %d is chosen in ballot %s, which it is not", p.id, s, describeBallot(b))
			return
		}
	}
	v.verified = max(v.verified, c.Below)
}

// checkTrim checks that nothing is forgotten that too few learners hold.
func (o *oracle) checkTrim(p *proposer, m paxos.Trim) {
	o.w.count("trims", 1)
	copies := 0
	for _, l := range o.w.learners {
		if l.machine.durable+1 >= m.Below {
			copies++
		}
	}
	if m.Below > o.below || (copies < o.copies() && o.w.counts["learner disks lost"] == 0) {
		o.w.fail("copies before trimming", "proposer %s trims below slot %d, and only %d learners hold that much durably", p.id, m.Below, copies)
	}
}
