package roles

import "github.com/synod-paxos/synod/paxos"

// This file is agreement on one slot. A value is chosen when a phase-2 quorum
// has voted for it in one ballot (PTP §2.2, PMS §2.1). Two rules keep it the only
// one: an acceptor votes in no ballot below its promise (acceptor.go), and a
// proposer proposes what safeValue says.

// safeValue is PTP's B3 and PMS's P2c, given the votes that the promises of a
// phase-1 quorum reported: the proposer must adopt the value of the vote with the
// highest ballot, since it may be chosen, and is free only where none voted. Then
// every ballot above the one that chose a value proposes that value again.
func safeValue(highest paxos.Vote, free paxos.Value) paxos.Value {
	if highest.Ballot.IsZero() {
		return free
	}
	return highest.Value
}

// higher is the vote that safeValue must see, of two in the same slot.
func higher(a, b paxos.Vote) paxos.Vote {
	if a.Ballot.Less(b.Ballot) {
		return b
	}
	return a
}

// tally counts the votes of one ballot in one slot. Votes of other ballots, even
// for an equal value, belong to other tallies: only a quorum within one ballot
// chooses (PTP §2.1 B2).
type tally struct {
	ballot paxos.Ballot
	config *paxos.Configuration // that governs the slot, and that voters count by
	voters paxos.Set            // an acceptor that repeats itself counts once
	value  paxos.Value
	known  bool // value is the value of ballot; votes can be heard before it
}

// count adds the vote of the acceptor with this seat in c, which governs the slot.
func (t *tally) count(c *paxos.Configuration, seat int) {
	if t.config != c {
		t.config, t.voters = c, 0
	}
	t.voters = t.voters.With(seat)
}

// chosen reports whether the votes counted so far choose the tally's value.
func (t *tally) chosen() bool { return t.config != nil && t.config.Phase2(t.voters) }

// tallies are the ballots of one slot that a learner heard of, in no order that
// matters. There are rarely more than two.
type tallies []*tally

// maxTallies is the most ballots of one slot that are kept.
const maxTallies = 16

// of is the tally of ballot b, made when there was none. If that is one too many,
// another is lost: of the lowest ballot among those that no acceptor voted in, which
// anybody can make, and only then of the lowest of all.
func (ts *tallies) of(b paxos.Ballot) (t, lost *tally) {
	for _, t := range *ts {
		if t.ballot == b {
			return t, nil
		}
	}
	t = &tally{ballot: b}
	if len(*ts) < maxTallies {
		*ts = append(*ts, t)
		return t, nil
	}
	i := 0
	for j, o := range *ts {
		if o.lessWanted((*ts)[i]) {
			i = j
		}
	}
	lost, (*ts)[i] = (*ts)[i], t
	return t, lost
}

// lessWanted reports whether t is lost before o.
func (t *tally) lessWanted(o *tally) bool {
	if voted, other := t.voters != 0, o.voters != 0; voted != other {
		return other
	}
	return t.ballot.Less(o.ballot)
}

// decided is the value that is chosen as far as these tallies and the claim of a
// leader show. The leader of claim.ballot counted a quorum of that ballot for
// every slot in claim.chosen, so any ballot not below it has the chosen value
// (PTP §2.2, theorem 1). A ballot above it in which no acceptor is known to have voted
// may be one that nobody could: anybody can make up such a proposal. ok is false while
// nothing is known to be chosen, or its value is not known.
func (ts tallies) decided(slot paxos.Slot, claim claim) (paxos.Decision, bool) {
	for _, t := range ts {
		if t.known && (t.chosen() || claim.covers(slot, t)) {
			return paxos.Decision{Slot: slot, Ballot: t.ballot, Value: t.value}, true
		}
	}
	return paxos.Decision{}, false
}

// quorum reports whether some ballot has a quorum, its value known or not.
func (ts tallies) quorum() bool {
	for _, t := range ts {
		if t.chosen() {
			return true
		}
	}
	return false
}

// claim is what the leader of a ballot says is chosen.
type claim struct {
	ballot paxos.Ballot
	chosen paxos.Chosen
}

// covers reports whether the value of t in slot is the chosen one if the claim is true.
func (c claim) covers(slot paxos.Slot, t *tally) bool {
	heeded := t.ballot == c.ballot || c.ballot.Less(t.ballot) && t.voters != 0
	return c.chosen.From <= slot && slot < c.chosen.Below && heeded
}
