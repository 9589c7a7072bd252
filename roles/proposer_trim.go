package roles

import (
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// keptDigests is how many digests of each learner a role remembers.
const keptDigests = 16

// trimEvery is how often a leader tells the acceptors what to forget.
const trimEvery = paxos.Duration(1e9)

// trim tells the acceptors which votes to forget, now and then. One that misses
// it hears the next.
func (p *Proposer) trim(now paxos.Now, out *paxos.Effects) {
	if now.Mono < p.lead.trimAt {
		return
	}
	p.lead.trimAt = now.Mono + paxos.Instant(trimEvery)
	if below := min(p.learners.trimBelow(p.config.Copies), p.chosen.Below); below > 1 {
		p.send(out, "", paxos.Trim{Ballot: p.ballot, Below: below})
	}
}

// trimBelow is the lowest slot that acceptors must still remember: all below are
// durable at the required number of learner disks, and so many states were equal
// at a slot not below. It is 0 when there are too few copies, or when any two
// states differ. An absent learner's copy counts for what it once held, and its
// absence never lowers the number of copies required.
func (ls learners) trimBelow(copies int) paxos.Slot {
	if len(ls) < copies {
		return 0
	}
	durable := make([]paxos.Slot, 0, len(ls))
	for _, v := range ls {
		durable = append(durable, v.position.Durable)
	}
	slices.Sort(durable)
	agreed, ok := ls.agreed(copies)
	if !ok {
		return 0
	}
	return min(durable[len(durable)-copies], agreed) + 1
}

// agreed is the highest slot after which enough states were found equal. ok is
// false when two states were found to differ.
func (ls learners) agreed(copies int) (slot paxos.Slot, ok bool) {
	type count struct {
		sum [16]byte
		n   int
	}
	seen := map[paxos.Slot]count{}
	for _, v := range ls {
		for _, d := range v.digests {
			c := seen[d.Slot]
			if c.n > 0 && c.sum != d.Sum {
				return 0, false
			}
			seen[d.Slot] = count{d.Sum, c.n + 1}
			if c.n+1 >= copies {
				slot = max(slot, d.Slot)
			}
		}
	}
	return slot, true
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
