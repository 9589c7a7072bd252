package sim

import (
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// governs is the configuration that governs slot; nil while it is not decided, since
// not all slots up to a window below are chosen.
func (o *oracle) governs(slot paxos.Slot) *paxos.Configuration {
	if slot >= o.below+o.window {
		return nil
	}
	return o.known.For(slot)
}

// some reports whether a condition holds for some configuration. A role may know fewer
// than are chosen, so checks of what it does in time allow for each.
func (o *oracle) some(holds func(*paxos.Configuration) bool) bool {
	return slices.ContainsFunc(o.known, holds)
}

// change notes a change that is chosen in slot, as are all slots below.
func (o *oracle) change(slot paxos.Slot, v paxos.Value) {
	if c := o.known.Change(slot, o.window, v); c != nil {
		o.known = append(o.known, c)
		o.w.count("changes chosen", 1)
		o.w.note("", "configuration ", int(c.Number), " governs from slot ", c.From)
	} else if v.Kind == paxos.Reconfigure {
		o.w.count("changes chosen in vain", 1)
	}
}

// counted reports whether the vote of a for p in slot is on its disk.
func (o *oracle) counted(slot paxos.Slot, p *proposal, a *acceptor) bool {
	c := o.governs(slot)
	if c == nil {
		return false
	}
	seat := c.Seat(a.id, a.disk.id)
	return seat >= 0 && p.voters.Has(seat)
}

// checkHandedDown checks that nothing is proposed under c before a phase-2 quorum of the
// configuration before it has stored c.
func (o *oracle) checkHandedDown(p *proposer, slot paxos.Slot, c *paxos.Configuration) {
	before := o.known.Before(c)
	if o.used[c.Number] || before == nil {
		return
	}
	o.used[c.Number] = true
	var told paxos.Set
	for i, m := range before.Acceptors {
		if o.told[m.Disk] >= c.Number {
			told = told.With(i)
		}
	}
	if !before.Phase2(told) {
		o.w.fail("handed down", "proposer %s proposes in slot %d under configuration %d, and no quorum of the one before knows it", p.id, slot, c.Number)
	}
}

// copies is the fewest learner copies that any configuration in use asks for.
func (o *oracle) copies() int {
	least := o.w.plan.Copies
	for _, c := range o.known {
		least = min(least, c.Copies)
	}
	return least
}

// finished checks that the change to c is finished: the acceptors that it leaves out
// are needed for nothing.
func (o *oracle) finished(c *paxos.Configuration) {
	if o.below <= c.From {
		o.w.fail("removal", "configuration %d is said to have taken over, and only slots below %d are chosen, not %d", c.Number, o.below, c.From)
	}
	durable := 0
	for _, l := range o.w.learners {
		if l.machine.durable+1 >= c.From {
			durable++
		}
	}
	if durable < c.Copies && o.w.counts["learner disks lost"] == 0 {
		o.w.fail("removal", "configuration %d is said to have taken over, and %d learners hold the slots below %d durably", c.Number, durable, c.From)
	}
}
