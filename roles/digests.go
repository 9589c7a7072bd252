package roles

import (
	"fmt"
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// divergeWait is how long learners that found their states to differ wait for
// what the others have to say. They repeat their own digest meanwhile, so that all
// whom it concerns hear of it: one whose state is wrong must not go on alone.
const (
	divergeWait  = paxos.Duration(1e9)
	digestRepeat = divergeWait / 4
)

// digestRest is how long the log must rest before learners compare their states after
// its last slot, whichever that is: what waits for their agreement (trimming, a change of
// configuration, a copy of the state to go back to) must not wait for more commands.
// restRepeat is how often they repeat that while it rests, for those that have started
// since.
const (
	digestRest = paxos.Duration(200e6)
	restRepeat = paxos.Duration(1e9)
)

// digests compares the states of the learners. Equal logs make equal states, so
// a difference is a broken disk, memory or program, and some answers are wrong.
type digests struct {
	own      []paxos.Digest
	fellows  []fellowDigests // by id
	agreed   paxos.Slot      // see Agreed
	diverged paxos.Instant   // when a difference was first seen; 0: none
	slot     paxos.Slot      // where
	repeatAt paxos.Instant   // when to tell the own digest there again
	restAt   paxos.Instant   // when to tell the own digest of the last slot, should the log rest
	outvoted bool            // see Doubt
}

type fellowDigests struct {
	id      paxos.NodeID
	digests []paxos.Digest
}

func digestAt(ds []paxos.Digest, slot paxos.Slot) (sum [16]byte, ok bool) {
	for _, d := range ds {
		if d.Slot == slot {
			return d.Sum, true
		}
	}
	return sum, false
}

// Digested tells the learner what its own state is after a slot, and publishes it.
func (l *Learner) Digested(now paxos.Now, d paxos.Digest, out *paxos.Effects) {
	if l.held != 0 {
		return // the state is not that after the slot
	}
	l.digests.own = keepDigest(l.digests.own, d)
	l.send(out, "", d)
	l.compare(now, d.Slot, out)
}

// stepDigest notes what a fellow's state is.
func (l *Learner) stepDigest(now paxos.Now, e paxos.Envelope, m paxos.Digest, out *paxos.Effects) {
	if reason := l.foreign(e); reason != 0 {
		drop(out, e, reason)
		return
	}
	if e.From.ID == l.self.ID {
		return
	}
	fs := &l.digests.fellows
	i, found := slices.BinarySearchFunc(*fs, e.From.ID, func(f fellowDigests, id paxos.NodeID) int { return cmpID(f.id, id) })
	if !found {
		*fs = slices.Insert(*fs, i, fellowDigests{id: e.From.ID})
	}
	(*fs)[i].digests = keepDigest((*fs)[i].digests, m)
	l.compare(now, m.Slot, out)
}

// compare looks for a difference at a slot, and acts on one once all learners that
// are there have told their digest, or had the time to.
func (l *Learner) compare(now paxos.Now, slot paxos.Slot, out *paxos.Effects) {
	same, others, silent := l.poll(now, slot)
	if same == 0 || len(others) == 0 {
		if slot == l.digests.slot {
			l.settle(now, out) // the one that differed has taken it back
		}
		if c := l.known.Newest(); c != nil && same >= c.Copies {
			l.digests.agreed = max(l.digests.agreed, slot)
		}
		return
	}
	if l.digests.diverged == 0 {
		l.digests.diverged, l.digests.slot = now.Mono, slot
		l.digests.repeatAt = now.Mono
	}
	total, late := same+len(others), now.Mono >= l.digests.diverged+paxos.Instant(divergeWait)
	switch good := total >= 3 && same > total/2; {
	case good && (silent == 0 || late):
		l.settle(now, out) // the others stop
		return
	case !late:
		return
	}
	l.digests.outvoted = total >= 3 && l.mostAlike(slot) > total/2
	out.Stop = fmt.Sprintf("the state of learner %s after slot %d differs from that of %v: one of them is damaged, "+
		"and it is not known to be another; see OPERATIONS.md, \"States that differ\"", l.self.ID, slot, others)
}

// settle ends a doubt that turned out to be another's, and answers what waited.
func (l *Learner) settle(now paxos.Now, out *paxos.Effects) {
	if !l.Diverged() {
		return
	}
	l.digests.diverged, l.digests.slot = 0, 0
	l.answerApplied(now, out)
}

// poll counts the learners whose state after slot is the same as this one's, itself
// included, names those whose differs, and counts the live ones that have not said.
// same is 0 when its own is not known.
func (l *Learner) poll(now paxos.Now, slot paxos.Slot) (same int, others []paxos.NodeID, silent int) {
	own, ok := digestAt(l.digests.own, slot)
	if !ok {
		return 0, nil, 0
	}
	same = 1
	for _, f := range l.digests.fellows {
		sum, ok := digestAt(f.digests, slot)
		switch {
		case ok && sum == own:
			same++
		case ok:
			others = append(others, f.id)
		case l.answer.live(now, f.id):
			silent++
		}
	}
	return same, others, silent
}

// mostAlike is how many fellows have the state after slot that most of them have.
func (l *Learner) mostAlike(slot paxos.Slot) (most int) {
	count := map[[16]byte]int{}
	for _, f := range l.digests.fellows {
		if sum, ok := digestAt(f.digests, slot); ok {
			count[sum]++
			most = max(most, count[sum])
		}
	}
	return most
}

// Agreed is the last slot after which this learner's state was found to be that of
// the configured number of copies, itself included, and to differ from none; 0: none
// is known.
func (l *Learner) Agreed() paxos.Slot { return l.digests.agreed }

// Doubt is why this learner stopped, when it did because its state differs from
// others': where that was found, and whether a strict majority of three or more has
// another one, so that this one is wrong.
func (l *Learner) Doubt() (slot paxos.Slot, outvoted bool) {
	return l.digests.slot, l.digests.outvoted
}

// Diverged reports whether this learner's state is in doubt. It answers nothing
// while it is.
func (l *Learner) Diverged() bool { return l.digests.diverged != 0 }

// Wanted is the last slot before the newest configuration. The change to that waits
// until enough learners hold it durably.
func (l *Learner) Wanted() paxos.Slot {
	if c := l.known.Newest(); c != nil {
		return c.From - 1
	}
	return 0
}

// restsAt is when tickRest is due; 0 for never.
func (l *Learner) restsAt() paxos.Instant {
	if l.genesis == nil || l.held != 0 {
		return 0
	}
	return l.digests.restAt
}

// tickRest tells the digest of the last slot while the log rests.
func (l *Learner) tickRest(now paxos.Now, out *paxos.Effects) {
	if at := l.restsAt(); at == 0 || now.Mono < at {
		return
	}
	l.digests.restAt = now.Mono + paxos.Instant(restRepeat)
	if sum, ok := digestAt(l.digests.own, l.position.Applied); ok {
		l.send(out, "", paxos.Digest{Slot: l.position.Applied, Sum: sum})
		return
	}
	out.Digest = true
}

// tickDigests repeats what is in doubt, and decides a difference whose time is up.
func (l *Learner) tickDigests(now paxos.Now, out *paxos.Effects) {
	if !l.Diverged() {
		l.tickRest(now, out)
		return
	}
	if sum, ok := digestAt(l.digests.own, l.digests.slot); ok && now.Mono >= l.digests.repeatAt {
		l.digests.repeatAt = now.Mono + paxos.Instant(digestRepeat)
		l.send(out, "", paxos.Digest{Slot: l.digests.slot, Sum: sum})
	}
	l.compare(now, l.digests.slot, out)
}

// digestsWake is when tickDigests is due; 0 for never.
func (l *Learner) digestsWake() paxos.Instant {
	if !l.Diverged() {
		return l.restsAt()
	}
	return min(l.digests.repeatAt, l.digests.diverged+paxos.Instant(divergeWait))
}
