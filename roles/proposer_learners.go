package roles

import (
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// learnerAlive is how long after its last Position a learner counts as there.
const learnerAlive = paxos.Duration(250e6)

// learners are the learners by id, as their Positions tell.
type learners []learnerView

type learnerView struct {
	id       paxos.NodeID
	disk     paxos.UUID
	heard    paxos.Instant
	position paxos.Position
	digests  []paxos.Digest // the last ones, ascending
}

func (v learnerView) alive(now paxos.Now) bool { return now.Mono-v.heard < paxos.Instant(learnerAlive) }

// view is what is known of the learner that sent e. One that comes with another
// disk has lost what it held.
func (ls *learners) view(from paxos.Sender) *learnerView {
	i, found := slices.BinarySearchFunc(*ls, from.ID, func(v learnerView, id paxos.NodeID) int { return cmpID(v.id, id) })
	if !found {
		*ls = slices.Insert(*ls, i, learnerView{id: from.ID})
	}
	if v := &(*ls)[i]; v.disk == from.Disk {
		return v
	}
	(*ls)[i] = learnerView{id: from.ID, disk: from.Disk}
	return &(*ls)[i]
}

// live is the learners that were heard lately, in the order of their ids.
func (ls learners) live(now paxos.Now) []paxos.NodeID {
	var ids []paxos.NodeID
	for _, v := range ls {
		if v.alive(now) {
			ids = append(ids, v.id)
		}
	}
	return ids
}

// pick spreads the answers over the live learners, those that lag left out where
// there are others: what is named for one that has not applied the slots below
// current waits until another stands in for it. It is empty when there is none.
func (ls learners) pick(now paxos.Now, slot, current paxos.Slot) paxos.NodeID {
	var live, able []paxos.NodeID
	for _, v := range ls {
		if v.alive(now) {
			live = append(live, v.id)
			if v.position.Applied+1 >= current {
				able = append(able, v.id)
			}
		}
	}
	if len(able) == 0 {
		able = live
	}
	if len(able) == 0 {
		return ""
	}
	return able[slot%paxos.Slot(len(able))]
}

// nextExpiry is the earliest expiry that a live learner reports who applied every
// slot below next; 0 for none. One that is behind may report what a slot that it has
// yet to apply has ended.
func (ls learners) nextExpiry(now paxos.Now, next paxos.Slot) paxos.LogTime {
	var earliest paxos.LogTime
	for _, v := range ls {
		at, current := v.position.NextExpiry, v.position.Applied+1 >= next
		if v.alive(now) && current && at != 0 && (earliest == 0 || at < earliest) {
			earliest = at
		}
	}
	return earliest
}

// stepPosition notes how far a learner is.
func (p *Proposer) stepPosition(now paxos.Now, e paxos.Envelope, m paxos.Position, out *paxos.Effects) {
	if reason := p.foreign(e); reason != 0 {
		drop(out, e, reason)
		return
	}
	if p.tooFar(m.Applied, p.chosen.Below) || m.Durable > m.Applied { // or it would count as a copy
		drop(out, e, paxos.Extreme)
		return
	}
	first := len(p.queue.commands) > 0 && len(p.learners.live(now)) == 0
	v := p.learners.view(e.From)
	v.heard, v.position = now.Mono, m
	if first {
		p.Flush(now, out)
	}
}

// holdingDurably is how many learner disks hold all slots up to and including slot.
func (ls learners) holdingDurably(slot paxos.Slot) int {
	disks := map[paxos.UUID]bool{}
	for _, v := range ls {
		if v.position.Durable >= slot {
			disks[v.disk] = true
		}
	}
	return len(disks)
}
