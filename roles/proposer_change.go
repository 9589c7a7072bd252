package roles

import (
	"fmt"
	"maps"
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// This file is a leader's part in a change of configuration (PTP §3.3.7, PMS §3).
//
//	slot k      the change is proposed, voted and chosen like any value, by the
//	            configuration of slot k
//	k+1 ...     still governed by that one; the leader tells everybody, asks the
//	            newcomers for promises, and fills the slots with no-ops at once
//	k+alpha     the first slot that the new configuration governs
//
// A change is finished when the configuration before it is needed for nothing: its
// acceptors that left may be stopped then, and the next change may be proposed.

// change is what a leader has to do with changes.
type change struct {
	asked    *paxos.Configuration       // by an operator, and not proposed yet
	proposed map[paxos.Slot]paxos.Value // in slots not known to be chosen
	tell     bool                       // one was chosen: tell everybody
}

// propose notes what is proposed in slot, if it is a change.
func (c *change) propose(slot paxos.Slot, v paxos.Value) {
	if v.Kind != paxos.Reconfigure {
		return
	}
	if c.proposed == nil {
		c.proposed = map[paxos.Slot]paxos.Value{}
	}
	c.proposed[slot] = v
}

// skip forgets what was proposed in slots below: another value may be chosen there.
func (c *change) skip(below paxos.Slot) {
	maps.DeleteFunc(c.proposed, func(slot paxos.Slot, _ paxos.Value) bool { return slot < below })
}

// mayUse reports whether the leader may propose in its next slot: it knows which
// configuration governs it, for all changes alpha slots below and earlier are chosen
// and known to it; and a phase-1 quorum of that configuration has promised its ballot.
//
// Before the first slot of a configuration is used, a phase-2 quorum of the one before
// has stored it. So whoever knows only the one before, and asks a phase-1 quorum of it
// for anything, hears that there is a newer one: a read never misses what is chosen
// without the acceptors that it asks.
func (p *Proposer) mayUse() bool {
	slot := p.lead.next
	if slot >= p.chosen.Below+p.genesis.Window {
		return false
	}
	if slot >= p.lead.until {
		p.lead.until = p.usable()
	}
	return slot < p.lead.until
}

// usable is the first slot from the next one on that the leader may not propose in.
func (p *Proposer) usable() paxos.Slot {
	for _, c := range p.known.Since(p.lead.next) {
		if !p.promisedBy(&p.phase1, c) || !p.handedDown(c) {
			return c.From
		}
	}
	return maxSlot
}

// handedDown reports whether a phase-2 quorum of the configuration before c knows c,
// which is so when anything was voted for under c.
func (p *Proposer) handedDown(c *paxos.Configuration) bool {
	before := p.known.Before(c)
	return before == nil || p.chosen.Below > c.From || p.lead.top >= c.From ||
		before.Phase2(p.those(before, func(v *voter) bool { return v.number >= c.Number }))
}

// changeChosen takes over the change in slot, which is chosen as all slots below are.
func (p *Proposer) changeChosen(slot paxos.Slot) {
	v, ok := p.lead.change.proposed[slot]
	if !ok {
		return
	}
	delete(p.lead.change.proposed, slot)
	since, pulse := p.quorumHeard(p.known.Newest())
	if c := p.known.Change(slot, p.genesis.Window, v); c != nil && p.adopt([]paxos.Configuration{*c}) {
		p.lead.until, p.lead.change.tell = 0, true
		for _, v := range p.voters {
			if v.answered == 0 {
				v.answered, v.pulse = since, pulse // newcomers have as long to answer as the leadership lasts without them
			}
		}
	}
}

// tellChange tells everybody of a change that was chosen, and starts phase 1 with the
// acceptors that it brings.
func (p *Proposer) tellChange(now paxos.Now, out *paxos.Effects) {
	if !p.lead.change.tell {
		return
	}
	p.lead.change.tell = false
	p.hello(now, out)
	p.askPromises(&p.phase1, out)
}

// askMore asks again for the promises that slots to come still want.
func (p *Proposer) askMore(out *paxos.Effects) {
	if p.wantsPromises() {
		p.askPromises(&p.phase1, out)
	}
}

// wantsPromises reports whether some configuration of slots to come has promised nothing
// yet.
func (p *Proposer) wantsPromises() bool {
	return slices.ContainsFunc(p.known.Since(p.lead.next), func(c *paxos.Configuration) bool { return !p.promisedBy(&p.phase1, c) })
}

// barred reports whether some configuration of slots to come can never promise this
// leader's ballot: too many of its acceptors have promised higher ones.
func (p *Proposer) barred() bool {
	free := func(v *voter) bool { return p.phase1.complete(v) || v.round <= p.ballot.Round }
	return slices.ContainsFunc(p.known.Since(p.lead.next), func(c *paxos.Configuration) bool { return !c.Phase1(p.those(c, free)) })
}

// promisedMore goes on with what promises for slots to come reported.
func (p *Proposer) promisedMore(now paxos.Now, out *paxos.Effects) {
	p.lead.top = max(p.lead.top, p.phase1.top)
	p.lead.clock.stamp = max(p.lead.clock.stamp, p.phase1.stamp)
	if p.phase1.below > p.chosen.Below {
		p.skip(p.phase1.below)
	}
	p.Flush(now, out)
}

// crossOver goes on when an acceptor's word was all that kept the leader from using
// the slots of the next configuration.
func (p *Proposer) crossOver(now paxos.Now, out *paxos.Effects) {
	if p.stage == leading && p.lead.next >= p.lead.until {
		p.Flush(now, out)
	}
}

// fillToChange fills the slots up to the first one of the newest configuration, so
// that it takes over however little there is to do.
func (p *Proposer) fillToChange(now paxos.Now, out *paxos.Effects) {
	if from := p.known.Newest().From; from >= p.chosen.Below && from >= p.lead.next && p.known.Number() > p.genesis.First.Number {
		p.fillUp(now, from+1, out)
	}
}

// proposeChange proposes the change that an operator asked for.
func (p *Proposer) proposeChange(now paxos.Now, out *paxos.Effects) {
	if p.lead.change.asked == nil || p.lead.next <= p.lead.top || !p.mayUse() {
		return
	}
	c := *p.lead.change.asked
	p.lead.change.asked = nil
	c.From = p.lead.next + p.genesis.Window
	v := paxos.Value{Kind: paxos.Reconfigure, Stamp: p.lead.clock.read(now), Body: paxos.AppendConfiguration(nil, &c)}
	p.propose(now, p.lead.next, v, false, out)
	p.lead.next++
}

// unfinished says what keeps the newest configuration from being all that is needed;
// empty when nothing does, and the next change may be proposed.
func (p *Proposer) unfinished() string {
	c := p.known.Newest()
	if c.Number == p.genesis.First.Number {
		return ""
	}
	stored := p.those(c, func(v *voter) bool { return v.number >= c.Number && v.stored > c.From })
	copies := p.learners.holdingDurably(c.From - 1)
	switch {
	case p.chosen.Below <= c.From:
		return fmt.Sprintf("slot %d, the first of configuration %d, is not chosen yet: all below %d are", c.From, c.Number, p.chosen.Below)
	case !c.Phase1(stored) || !c.Phase2(stored):
		return fmt.Sprintf("only %d of the %d acceptors of configuration %d have stored that it has taken over", stored.Len(), len(c.Acceptors), c.Number)
	case copies < c.Copies:
		return fmt.Sprintf("only %d of %d required learner copies hold the slots below %d durably", copies, c.Copies, c.From)
	}
	return ""
}

// commanded reports whether e is an operator's request of this cluster to the leader.
func (p *Proposer) commanded(e paxos.Envelope, out *paxos.Effects) bool {
	switch {
	case p.genesis == nil || e.From.Role != paxos.OperatorRole || e.Cluster != p.genesis.Cluster || p.fenced():
		drop(out, e, paxos.Foreign)
		return false
	default:
		return p.stage == leading
	}
}

// stepChange takes an operator's change, or says why not, and tells how things stand.
func (p *Proposer) stepChange(now paxos.Now, e paxos.Envelope, m paxos.Change, out *paxos.Effects) {
	if !p.commanded(e, out) {
		return
	}
	if p.leaving() {
		p.reportLeaving(e.From.ID, "", out)
		return
	}
	refused := ""
	if m.Next != nil && !p.underWay(m.Next) {
		if refused = p.refuseChange(now, *m.Next); refused == "" {
			c := *m.Next
			p.lead.change.asked = &c
			p.Flush(now, out)
		}
	}
	p.reportChange(e.From.ID, refused, out)
}

// underWay reports whether next is proposed, or chosen already: the request came before.
func (p *Proposer) underWay(next *paxos.Configuration) bool {
	for _, c := range append(p.pending(), p.known.Newest()) {
		if c.Number == next.Number && c.Same(next) {
			return true
		}
	}
	return false
}

// pending is the changes that are asked for, or proposed and not known to be chosen.
func (p *Proposer) pending() []*paxos.Configuration {
	var cs []*paxos.Configuration
	if c := p.lead.change.asked; c != nil {
		cs = append(cs, c)
	}
	for _, slot := range slices.Sorted(maps.Keys(p.lead.change.proposed)) {
		if c, err := paxos.DecodeConfiguration(p.lead.change.proposed[slot].Body); err == nil {
			cs = append(cs, &c)
		}
	}
	return cs
}

// refuseChange says why next must not be proposed now; empty when it may be. Changes
// come one by one: the number is what two operators race for, and each must be finished
// before the next.
func (p *Proposer) refuseChange(now paxos.Now, next paxos.Configuration) string {
	newest := p.known.Newest()
	if len(p.pending()) > 0 {
		return "another change is under way"
	}
	if next.Number > newest.Number+1 {
		return fmt.Sprintf("configuration %d was asked for, and the newest that this leader knows is number %d: ask again", next.Number, newest.Number)
	}
	if next.Number <= newest.Number {
		return fmt.Sprintf("the newest configuration is number %d by now: look at it, and ask again", newest.Number)
	}
	if err := newest.CheckChange(next); err != nil {
		return err.Error()
	}
	if waits := p.unfinished(); waits != "" {
		return fmt.Sprintf("the change to configuration %d is not finished: %s", newest.Number, waits)
	}
	if n := len(p.known.Since(p.trimmed())); n >= paxos.MaxConfigurations {
		return fmt.Sprintf("%d configurations govern slots that are not trimmed yet", n)
	}
	return p.refuseDead(now, &next)
}

// refuseDead refuses a configuration that could decide nothing with the acceptors that
// are there: those that come count as there.
func (p *Proposer) refuseDead(now paxos.Now, next *paxos.Configuration) string {
	var there paxos.Set
	var silent []paxos.NodeID
	for i, m := range next.Acceptors {
		if v := p.voter(m); v == nil || now.Mono-v.answered < paxos.Instant(p.opts.Election) {
			there = there.With(i)
		} else {
			silent = append(silent, m.ID)
		}
	}
	if next.Phase1(there) && next.Phase2(there) {
		return ""
	}
	return fmt.Sprintf("that configuration has no quorum without %v, which do not answer", silent)
}

// trimmed is the highest trim point that an acceptor told.
func (p *Proposer) trimmed() paxos.Slot {
	var below paxos.Slot
	for _, v := range p.voters {
		below = max(below, v.trim)
	}
	return below
}

func (p *Proposer) reportChange(to paxos.NodeID, refused string, out *paxos.Effects) {
	m := paxos.ChangeReport{
		Newest: *p.known.Newest(), Chosen: p.chosen.Below, Next: p.lead.next, Waits: p.unfinished(), Refused: refused,
	}
	if pending := p.pending(); len(pending) > 0 {
		m.Waits = fmt.Sprintf("configuration %d is proposed, and not chosen yet", pending[0].Number)
	}
	p.send(out, to, m)
}

// reportLeaving answers an operator from a leader that hands over: the next one will say.
func (p *Proposer) reportLeaving(to paxos.NodeID, refused string, out *paxos.Effects) {
	next := "another proposer"
	if p.yield.to != "" {
		next = "proposer " + string(p.yield.to)
	}
	p.send(out, to, paxos.ChangeReport{
		Newest: *p.known.Newest(), Chosen: p.chosen.Below, Next: p.lead.next, Refused: refused,
		Waits: fmt.Sprintf("proposer %s hands over to %s, which will answer", p.self.ID, next),
	})
}
