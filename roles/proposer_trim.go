package roles

import (
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// keptDigests is how many digests of each learner a role remembers.
const keptDigests = 16

// trimEvery is how often a leader tells the acceptors what to forget.
const trimEvery = paxos.Duration(1e9)

// keptForLearners is how many slots that enough copies hold are kept all the same,
// while a learner that is there has yet to apply them: it goes on from the log, also
// after a snapshot that took long to come.
const keptForLearners paxos.Slot = 1 << 14

// trim tells the acceptors which votes to forget, now and then. One that misses
// it hears the next.
func (p *Proposer) trim(now paxos.Now, out *paxos.Effects) {
	if now.Mono < p.lead.trimAt {
		return
	}
	p.lead.trimAt = now.Mono + paxos.Instant(trimEvery)
	below := min(p.learners.trimBelow(p.deciding().Copies), p.chosen.Below)
	if !slices.ContainsFunc(p.voters, func(v *voter) bool { return v.noSpace }) {
		kept := min(keptForLearners, below)
		below = min(below, max(p.learners.slowest(now), below-kept))
	}
	if below > 1 {
		p.send(out, "", paxos.Trim{Ballot: p.ballot, Below: below})
	}
}

// slowest is the lowest slot that a live learner has not applied; none when there is
// no live learner.
func (ls learners) slowest(now paxos.Now) paxos.Slot {
	slowest := maxSlot
	for _, v := range ls {
		if v.alive(now) {
			slowest = min(slowest, v.position.Applied+1)
		}
	}
	return slowest
}

// trimBelow is the lowest slot that acceptors must still remember: all below are
// durable at the required number of learner disks, whose states were found equal at
// a slot not below. It is 0 when there are too few such copies, or when any two
// states differ. An absent learner's copy counts for what it once held, and its
// absence never lowers the number of copies required.
func (ls learners) trimBelow(copies int) (below paxos.Slot) {
	for _, v := range ls {
		for _, d := range v.digests {
			durable, differs := ls.holding(d)
			if differs {
				return 0
			}
			if len(durable) >= copies {
				below = max(below, min(d.Slot, durable[len(durable)-copies])+1)
			}
		}
	}
	return below
}

// holding is how far the states of those learners are durable that have digest d,
// ascending, and each disk once: a copied disk under another id is no second copy.
// differs reports whether another learner's state after that slot was not the same.
func (ls learners) holding(d paxos.Digest) (durable []paxos.Slot, differs bool) {
	for i, v := range ls {
		sum, ok := digestAt(v.digests, d.Slot)
		if ok && sum != d.Sum {
			return nil, true
		}
		twin := slices.ContainsFunc(ls[:i], func(o learnerView) bool { return o.disk == v.disk })
		if ok && !twin {
			durable = append(durable, v.position.Durable)
		}
	}
	slices.Sort(durable)
	return durable, false
}

// stepDigest notes what a learner's state is.
func (p *Proposer) stepDigest(e paxos.Envelope, m paxos.Digest, out *paxos.Effects) {
	if reason := p.foreign(e); reason != 0 {
		drop(out, e, reason)
		return
	}
	v := p.learners.view(e.From)
	v.digests = keepDigest(v.digests, m)
}

// keepDigest adds d to the last digests of a learner. A learner that restarts may
// repeat slots; what it says last of a slot counts.
func keepDigest(ds []paxos.Digest, d paxos.Digest) []paxos.Digest {
	ds = slices.DeleteFunc(ds, func(o paxos.Digest) bool { return o.Slot == d.Slot })
	ds = append(ds, d)
	slices.SortFunc(ds, func(a, b paxos.Digest) int { return cmpSlot(a.Slot, b.Slot) })
	return ds[max(0, len(ds)-keptDigests):]
}
