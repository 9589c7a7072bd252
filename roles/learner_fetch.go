package roles

import "github.com/synod-paxos/synod/paxos"

// fetch is the state of catching up. Core NATS loses messages, so a learner must
// expect gaps: it asks the acceptors for their votes.
type fetch struct {
	since   paxos.Instant // when the next slot was first missed; 0: it is not
	sent    paxos.Instant // the last Fetch; 0 none since since
	attempt int           // Fetches without progress, which rotates who sends values
	turn    int
}

// fetchSlots is the most slots that one Fetch asks for.
const fetchSlots = 1024

// fillAfter is how many Fetches per acceptor may fail before the leader is asked
// to propose the slot again.
const fillAfter = 2

func (f *fetch) wake(o LearnerOptions) paxos.Instant {
	switch {
	case f.since == 0:
		return 0
	case f.sent == 0:
		return f.since + paxos.Instant(o.Patience)
	default:
		return f.sent + paxos.Instant(o.Retry)
	}
}

// progress forgets the gap that was just closed.
func (f *fetch) progress() { f.since, f.sent, f.attempt = 0, 0, 0 }

// noticeGap starts the clock when the next slot is chosen and not learned.
func (l *Learner) noticeGap(now paxos.Now) {
	if l.fetch.since == 0 && l.missing() {
		l.fetch.since = now.Mono
	}
}

// missing reports whether the next slot is known to be chosen: someone said so,
// or a quorum voted and only the value is unknown.
func (l *Learner) missing() bool {
	if l.genesis == nil || l.full() {
		return false
	}
	if l.next < l.below {
		return true
	}
	o := l.open[l.next]
	return o != nil && o.quorum()
}

// tickFetch asks for what is missing when it is due.
func (l *Learner) tickFetch(now paxos.Now, out *paxos.Effects) {
	if at := l.fetch.wake(l.opts); at != 0 && now.Mono >= at {
		if !l.missing() {
			l.fetch.progress()
			return
		}
		l.ask(now, out)
	}
}

// ask sends a Fetch. One acceptor is asked for the values too, each time another.
func (l *Learner) ask(now paxos.Now, out *paxos.Effects) {
	l.fetch.sent = now.Mono
	l.fetch.attempt++
	c := l.known.For(l.next)
	if c == nil {
		return // a snapshot must help
	}
	n := len(c.Acceptors)
	to := min(max(l.below, l.next+1), l.next+fetchSlots)
	l.send(out, "", paxos.Fetch{From: l.next, To: to, Values: c.Acceptors[l.fetch.turn%n].ID})
	if l.fetch.attempt > fillAfter*n && !l.NeedsSnapshot() {
		l.send(out, "", paxos.Fill{From: l.next, To: to})
	}
	l.fetch.turn++
}

// stepVotes takes an acceptor's votes. When they close the gap and more is
// missing, the next page is asked for at once, of the same acceptor.
func (l *Learner) stepVotes(now paxos.Now, e paxos.Envelope, m paxos.Votes, out *paxos.Effects) {
	v, reason := l.fromAcceptor(e)
	if reason != 0 {
		drop(out, e, reason)
		return
	}
	l.hearMarks(v, m.Marks)
	for i := range m.Page.Votes {
		vote := &m.Page.Votes[i]
		c := l.known.For(vote.Slot)
		seat, ok := mayVote(v, &e, c)
		if !ok {
			continue
		}
		t := l.tally(vote.Slot, vote.Ballot)
		if t == nil {
			continue
		}
		t.count(c, seat)
		if !m.Page.BallotsOnly {
			l.keep(vote.Slot, t, vote.Value)
		}
	}
	before := l.next
	l.advance(now, out)
	if c := l.known.For(l.next); l.next > before && l.missing() && c != nil {
		l.fetch.turn += len(c.Acceptors) - 1
		l.ask(now, out)
	}
}
