package roles

import "github.com/synod-paxos/synod/paxos"

// This file is what a learner keeps of slots that it has yet to learn. It is
// bounded in slots, in ballots of a slot, and in bytes of values.

// tally is the tally of a ballot in a slot; nil when the slot is learned already
// or too far ahead to be kept.
func (l *Learner) tally(slot paxos.Slot, b paxos.Ballot) *tally {
	if slot < l.next || slot >= l.next+l.opts.OpenSlots {
		return nil
	}
	o := l.open[slot]
	if o == nil {
		o = &tallies{}
		l.open[slot] = o
	}
	t, lost := o.of(b)
	if lost != nil && lost.known {
		l.bytes -= lost.value.Size()
	}
	return t
}

// keep notes the value of a tally. Where there is no room for it, the values of the
// highest slots make way, since they are needed last; they, or it, are fetched when
// their turn comes.
func (l *Learner) keep(slot paxos.Slot, t *tally, v paxos.Value) {
	if t.known {
		return
	}
	for l.bytes+v.Size() > l.opts.OpenBytes && slot != l.next {
		if !l.forgetAbove(slot) {
			return
		}
	}
	t.value, t.known = v, true
	l.bytes += v.Size()
	l.kept = max(l.kept, slot+1)
}

// forgetAbove forgets the values of the highest slot above slot that has any.
func (l *Learner) forgetAbove(slot paxos.Slot) bool {
	for ; l.kept > slot+1; l.kept-- {
		if o := l.open[l.kept-1]; o != nil && l.forgetValues(*o) {
			return true
		}
	}
	return false
}

// forgetValues forgets the values in ts, and reports whether there were any.
func (l *Learner) forgetValues(ts tallies) bool {
	before := l.bytes
	for _, t := range ts {
		if t.known {
			l.bytes -= t.value.Size()
			t.value, t.known = paxos.Value{}, false
		}
	}
	return l.bytes < before
}

// close forgets the tallies of a slot.
func (l *Learner) close(slot paxos.Slot) {
	if o := l.open[slot]; o != nil {
		l.forgetValues(*o)
		delete(l.open, slot)
	}
}
