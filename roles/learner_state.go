package roles

import (
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// This file is what a learner and the state machine that it feeds tell each other, and
// what it tells its fellows of that.

// Hold makes the learner one whose state machine cannot apply slot: it goes on
// learning, for its caller to look for an order to skip that, and is mute. It takes
// the state of a fellow that applied the slot.
func (l *Learner) Hold(slot paxos.Slot) { l.held = slot }

// NeedsSnapshot reports whether the next slot can no longer be learned from the
// acceptors' votes: they have forgotten them, or those that governed it do not answer
// and may be gone for good; or the state machine cannot apply what a fellow did.
func (l *Learner) NeedsSnapshot() bool {
	if l.genesis == nil {
		return false
	}
	stuck := l.held != 0 && slices.ContainsFunc(l.answer.fellows, func(f fellow) bool { return f.applied >= l.held })
	return stuck || l.next < l.trim || l.missing() && l.untold()
}

// Behind reports whether the state lacks more than a window of slots that are known to
// be chosen, or some that acceptors have forgotten. Reads would wait until it has them.
func (l *Learner) Behind() bool {
	return l.genesis != nil && (l.NeedsSnapshot() || l.Lacks() > l.genesis.Window)
}

// Lacks is how many slots that are known to be chosen the state lacks.
func (l *Learner) Lacks() paxos.Slot { return l.below - min(l.below, l.position.Applied+1) }

// untold reports whether those that could tell the next slot seem to be gone.
func (l *Learner) untold() bool {
	c := l.known.For(l.next)
	return c == nil || c != l.known.Newest() && l.fetch.attempt > 2*fillAfter*len(c.Acceptors)
}

// SnapshotFrom is a live fellow whose state is past the trim point, another one
// each turn; empty when there is none.
func (l *Learner) SnapshotFrom(now paxos.Now, turn int) paxos.NodeID {
	var ids []paxos.NodeID
	lacks := l.next
	if l.held != 0 {
		lacks = l.held
	}
	for _, f := range l.answer.fellows {
		if f.applied+1 >= l.trim && f.applied >= lacks && l.answer.live(now, f.id) {
			ids = append(ids, f.id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return ids[turn%len(ids)]
}

// Mute reports whether the learner must answer nothing and tell nobody how far it is:
// its state is in doubt, its state machine cannot go on, or another cluster has its name.
func (l *Learner) Mute() bool { return l.Diverged() || l.held != 0 || l.fenced() }

// Installed tells the learner that its state machine took over a snapshot that
// includes all slots up to and including position.Applied.
func (l *Learner) Installed(now paxos.Now, position paxos.Position, out *paxos.Effects) {
	for slot := l.next; slot <= position.Applied && slot < l.next+l.opts.OpenSlots; slot++ {
		l.close(slot)
	}
	if l.next <= position.Applied {
		l.next = position.Applied + 1
		l.fetch.progress()
	}
	l.inherited = max(l.inherited, position.Applied)
	l.answer.skip(position.Applied, out)
	l.Applied(now, position, out)
}

// Applied tells the learner how far its state machine is, after every batch and
// whenever more became durable.
func (l *Learner) Applied(now paxos.Now, position paxos.Position, out *paxos.Effects) {
	if l.position.Applied != position.Applied {
		l.digests.restAt = now.Mono + paxos.Instant(digestRest)
	}
	l.position = position
	for len(l.queued) > 0 && l.queued[0].slot <= position.Applied {
		l.bytes -= l.queued[0].bytes
		l.queued = l.queued[1:]
	}
	if l.genesis == nil {
		return
	}
	l.answerApplied(now, out)
	l.advance(now, out)
}

// answerApplied answers commands and reads from the state as it is, unless it must
// not.
func (l *Learner) answerApplied(now paxos.Now, out *paxos.Effects) {
	if l.Mute() {
		return
	}
	l.answer.applied(now, l.position.Applied, l.genesis.Window, out)
	l.answer.tick(now, out)
	l.serveReads(out)
}

// publishAt is when the learner next tells how far it is: soon after it moved. While
// it answers nothing it says nothing either: that it is past a slot means that it
// answered, and that it is there means that it can.
func (l *Learner) publishAt() paxos.Instant {
	if l.genesis == nil || l.Mute() {
		return l.nextHello
	}
	if l.position != l.published {
		return l.publishedAt + paxos.Instant(l.opts.Publish)
	}
	return l.publishedAt + paxos.Instant(l.opts.Idle)
}

// publish tells how far this learner is, after its answers up to there.
func (l *Learner) publish(now paxos.Now, out *paxos.Effects) {
	l.published, l.publishedAt = l.position, now.Mono
	m := l.position
	m.Inherited = l.inherited
	l.send(out, "", m)
}

// stepPosition notes how far a fellow learner is.
func (l *Learner) stepPosition(now paxos.Now, e paxos.Envelope, m paxos.Position, out *paxos.Effects) {
	if reason := l.foreign(e); reason != 0 {
		drop(out, e, reason)
		return
	}
	if l.tooFar(m.Applied, max(l.below, l.next)) {
		drop(out, e, paxos.Extreme)
		return
	}
	if e.From.ID != l.self.ID {
		l.answer.hear(now, e.From.ID, m, out)
	}
}
