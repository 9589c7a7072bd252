package roles

import (
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// answers decides which commands this learner replies to. The leader names one
// learner in each batch. If that one is slow or dead, the next live learner in
// the order of ids answers too, then the one after it: a second answer is
// harmless, none is not.
type answers struct {
	self    paxos.NodeID
	cover   paxos.Duration
	learned []standing // learned and not applied, ascending
	covered []standing // applied, and named for another learner, ascending
	fellows []fellow   // by id
}

// standing is one slot whose commands want an answer.
type standing struct {
	slot     paxos.Slot
	answerer paxos.NodeID
	due      paxos.Instant // when this learner answers in its stead
}

type fellow struct {
	id        paxos.NodeID
	heard     paxos.Instant
	applied   paxos.Slot
	inherited paxos.Slot // it may have answered nothing up to this one
}

// maxCovered is how many slots a learner stands by for at most; for older ones it
// trusts the others.
const maxCovered = 4096

// emptyBatch is the length of the longest body without a command.
const emptyBatch = 1

// note keeps a decision that has commands.
func (a *answers) note(d paxos.Decision) {
	if d.Value.Kind == paxos.Batch && len(d.Value.Body) > emptyBatch {
		a.learned = append(a.learned, standing{slot: d.Slot, answerer: d.Value.Answerer})
	}
}

// applied says which of the slots up to and including slot to answer, now that
// their results are known. history is how far others must be ahead for a slot to
// be long answered: this learner is catching up.
func (a *answers) applied(now paxos.Now, slot, history paxos.Slot, out *paxos.Effects) {
	n := 0
	for ; n < len(a.learned) && a.learned[n].slot <= slot; n++ {
		s := a.learned[n]
		switch {
		case a.ahead(now, s.slot+history), s.answerer != a.self && a.passed(s):
			out.Forget = append(out.Forget, s.slot)
		case s.answerer == a.self || s.answerer == "":
			out.Answer = append(out.Answer, s.slot)
		default:
			s.due = now.Mono + paxos.Instant(a.cover*paxos.Duration(a.distance(now, s.answerer)))
			a.covered = append(a.covered, s)
		}
	}
	a.learned = slices.Delete(a.learned, 0, n)
	for len(a.covered) > maxCovered {
		out.Forget = append(out.Forget, a.covered[0].slot)
		a.covered = slices.Delete(a.covered, 0, 1)
	}
}

// skip forgets all slots up to and including slot, which a snapshot covers.
func (a *answers) skip(slot paxos.Slot, out *paxos.Effects) {
	a.learned = slices.DeleteFunc(a.learned, func(s standing) bool {
		if s.slot <= slot {
			out.Forget = append(out.Forget, s.slot)
		}
		return s.slot <= slot
	})
}

// ahead reports whether a live fellow applied slot.
func (a *answers) ahead(now paxos.Now, slot paxos.Slot) bool {
	return slices.ContainsFunc(a.fellows, func(f fellow) bool {
		return f.applied >= slot && now.Mono-f.heard < paxos.Instant(learnerAlive)
	})
}

// live reports whether fellow id was heard lately.
func (a *answers) live(now paxos.Now, id paxos.NodeID) bool {
	return slices.ContainsFunc(a.fellows, func(f fellow) bool {
		return f.id == id && now.Mono-f.heard < paxos.Instant(learnerAlive)
	})
}

// Fellows is the other learners that were heard within the last few seconds, by id.
func (l *Learner) Fellows(now paxos.Now) (ids []paxos.NodeID) {
	for _, f := range l.answer.fellows {
		if now.Mono-f.heard < paxos.Instant(fellowThere) {
			ids = append(ids, f.id)
		}
	}
	return ids
}

// fellowThere is how long after its last Position a learner may be slow and not gone.
const fellowThere = paxos.Duration(5e9)

// passed reports whether the named answerer said that it is past s; it answers
// before it says so.
func (a *answers) passed(s standing) bool {
	return slices.ContainsFunc(a.fellows, func(f fellow) bool {
		return f.id == s.answerer && f.inherited < s.slot && s.slot <= f.applied
	})
}

// distance is this learner's turn to answer for the answerer: 1 for the next live
// one after it in the circle of ids.
func (a *answers) distance(now paxos.Now, answerer paxos.NodeID) int {
	turn := 1
	for _, f := range a.fellows {
		between := f.id > answerer && f.id < a.self
		if a.self < answerer {
			between = f.id > answerer || f.id < a.self
		}
		if between && now.Mono-f.heard < paxos.Instant(learnerAlive) {
			turn++
		}
	}
	return turn
}

// hear notes a fellow's position, and forgets what it answered. What it inherited it
// may never answer, so others answer that at once.
func (a *answers) hear(now paxos.Now, id paxos.NodeID, m paxos.Position, out *paxos.Effects) {
	i, found := slices.BinarySearchFunc(a.fellows, id, func(f fellow, id paxos.NodeID) int { return cmpID(f.id, id) })
	if !found {
		a.fellows = slices.Insert(a.fellows, i, fellow{id: id})
	}
	a.fellows[i].heard, a.fellows[i].applied, a.fellows[i].inherited = now.Mono, m.Applied, m.Inherited
	for i, s := range a.covered {
		if s.answerer == id && s.slot <= m.Inherited {
			a.covered[i].answerer, a.covered[i].due = "", now.Mono // it never will
		}
	}
	a.covered = slices.DeleteFunc(a.covered, func(s standing) bool {
		answered := s.answerer == id && s.slot <= m.Applied
		if answered {
			out.Forget = append(out.Forget, s.slot)
		}
		return answered
	})
}

// tick answers for those that did not answer in time.
func (a *answers) tick(now paxos.Now, out *paxos.Effects) {
	a.covered = slices.DeleteFunc(a.covered, func(s standing) bool {
		due := now.Mono >= s.due
		if due {
			out.Answer = append(out.Answer, s.slot)
		}
		return due
	})
}

// wake is when tick is due; 0 for never.
func (a *answers) wake() paxos.Instant {
	var wake paxos.Instant
	for _, s := range a.covered {
		if wake == 0 || s.due < wake {
			wake = s.due
		}
	}
	return wake
}
