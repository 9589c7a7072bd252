package roles

import (
	"fmt"

	"github.com/synod-paxos/synod/paxos"
)

// refuseOrder says why an operator's order must not be proposed now; empty when it
// may be, and for every client's command.
func (p *Proposer) refuseOrder(now paxos.Now, c paxos.Command) string {
	order, err := paxos.ParseOrder(c)
	if err != nil {
		return err.Error()
	}
	switch o := order.(type) {
	case paxos.Upgrade:
		return p.learners.refuseUpgrade(now, o, p.deciding().Copies)
	case paxos.Skip:
		return p.refuseSkip(o)
	default:
		return ""
	}
}

// refuseUpgrade wants every learner that is there, and at least as many as the
// configured copies, to support the version: one that does not would stop.
func (ls learners) refuseUpgrade(now paxos.Now, o paxos.Upgrade, copies int) string {
	able := 0
	for _, v := range ls {
		switch {
		case !v.alive(now):
		case v.position.Supports < o.Version:
			return fmt.Sprintf("learner %s supports versions up to %d only", v.id, v.position.Supports)
		case v.position.Version >= o.Version:
			return fmt.Sprintf("the state machine of learner %s has version %d already", v.id, v.position.Version)
		default:
			able++
		}
	}
	if able < copies {
		return fmt.Sprintf("%d learners are there, and the configuration counts on %d: the others may not support version %d", able, copies, o.Version)
	}
	return ""
}

// beginNewest gives the order to upgrade by itself while nothing was ever proposed: a new
// log begins with the newest rules that all its learners support. As any such order it
// waits for as many learners as the configuration counts on.
func (p *Proposer) beginNewest(now paxos.Now) {
	if p.lead.next != 1 || p.queue.orders > 0 {
		return
	}
	o := paxos.Upgrade{Version: p.learners.supported(now)}
	if p.learners.refuseUpgrade(now, o, p.deciding().Copies) == "" {
		p.queue.add(now, paxos.OrderCommand(o, ""), true)
	}
}

// supported is the highest version that every learner supports that is there; 0 for none.
func (ls learners) supported(now paxos.Now) (version uint64) {
	for _, v := range ls {
		if v.alive(now) && (version == 0 || v.position.Supports < version) {
			version = v.position.Supports
		}
	}
	return version
}

// refuseSkip wants that no learner was ever heard to have applied the slot: what it
// did there, and answered, would be undone.
func (p *Proposer) refuseSkip(o paxos.Skip) string {
	if o.Slot >= p.chosen.Below {
		return fmt.Sprintf("slot %d is not decided", o.Slot)
	}
	for _, v := range p.learners {
		if v.position.Applied >= o.Slot {
			return fmt.Sprintf("learner %s has applied slot %d", v.id, o.Slot)
		}
	}
	return ""
}
