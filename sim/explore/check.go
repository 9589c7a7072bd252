package explore

import (
	"fmt"
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// wrong ends the exploration.
func (x *explorer) wrong(format string, args ...any) {
	if x.report.Wrong == "" {
		x.report.Wrong = fmt.Sprintf(format, args...)
	}
}

// checkPromise checks that an acceptor sends no promise and no vote below a ballot that
// it promised, in words or by a vote, before.
func (x *explorer) checkPromise(v *voter, m number) {
	n := x.notes[m]
	if n.kind != promises && n.kind != votes {
		return
	}
	if x.less[n.ballot][v.promised] {
		x.wrong("an acceptor promises or votes in ballot %s after it promised %s", x.order[n.ballot], x.order[v.promised])
	}
	v.promised = n.ballot
}

// checkProposal checks that a proposer asks for one value in a slot and ballot, and for
// one that somebody wants, or for a no-op where a later slot is in use.
func (x *explorer) checkProposal(s *state, m number) {
	a, ok := x.messages[m].Msg.(paxos.Accept)
	if !ok {
		return
	}
	if a.Slot > paxos.Slot(x.bound.Slots) || (a.Value.Kind == paxos.Noop && a.Slot == paxos.Slot(x.bound.Slots)) {
		x.wrong("ballot %s proposes %s in slot %d, and nobody asked for that", a.Ballot, valueText(a.Value), a.Slot)
	}
	s.asked.each(func(n number) {
		if b, ok := x.messages[n].Msg.(paxos.Accept); ok && b.Ballot == a.Ballot && b.Slot == a.Slot && !b.Value.Equal(a.Value) {
			x.wrong("ballot %s proposes %s and %s in slot %d", a.Ballot, valueText(a.Value), valueText(b.Value), a.Slot)
		}
	})
}

// poll is all votes that were ever made durable, by acceptor. Votes are facts, so what
// they choose stays chosen.
type poll [acceptors]uint64

// verdict is what a poll chooses.
type verdict struct {
	chosen   map[paxos.Slot]choice
	messages int // that were judged
	wrong    set // of them, Accepts that ask for something else in a ballot above
}

// choice is a value, and the lowest ballot that chose it.
type choice struct {
	value  string
	ballot paxos.Ballot
}

// check judges a state by its poll: at most one value has, in a slot, a quorum of votes
// of one ballot, and no higher ballot asks for another (PMS §2.2, P2b).
func (x *explorer) check(s *state) {
	v := x.judge(poll{s.voters[0].votes, s.voters[1].votes, s.voters[2].votes})
	for ; v.messages < len(x.messages); v.messages++ {
		a, ok := x.messages[v.messages].Msg.(paxos.Accept)
		if c, chosen := v.chosen[paxos.Slot(a.Slot)]; ok && chosen && c.ballot.Less(a.Ballot) && c.value != valueText(a.Value) {
			v.wrong.add(number(v.messages))
		}
	}
	wrong := v.wrong
	wrong.meet(&s.asked)
	wrong.each(func(m number) {
		a := x.messages[m].Msg.(paxos.Accept)
		x.wrong("ballot %s proposes %s in slot %d, where a lower one chose %s", a.Ballot, valueText(a.Value), a.Slot, v.chosen[a.Slot].value)
	})
}

// judge is the verdict of a poll.
func (x *explorer) judge(p poll) *verdict {
	slices.Sort(p[:])
	v := x.polls[p]
	if v == nil {
		v = &verdict{chosen: x.count(p)}
		x.polls[p] = v
	}
	return v
}

// count is what a poll chooses, by slot.
func (x *explorer) count(p poll) map[paxos.Slot]choice {
	chosen := map[paxos.Slot]choice{}
	for i, v := range x.votes {
		n := 0
		for _, votes := range p {
			n += int(votes >> i & 1)
		}
		before, ok := chosen[v.slot]
		switch {
		case n < quorum:
		case ok && before.value != v.value:
			x.wrong("both %s and %s are chosen in slot %d", before.value, v.value, v.slot)
		case !ok || v.ballot.Less(before.ballot):
			chosen[v.slot] = choice{v.value, v.ballot}
			x.values[v.value] = true
		}
	}
	return chosen
}
