package roles

import "github.com/synod-paxos/synod/paxos"

// LearnerOptions are the times and bounds of a Learner.
type LearnerOptions struct {
	Patience paxos.Duration // how long a slot that is chosen may be missing before it is fetched
	Retry    paxos.Duration // before a Fetch is sent again, to another acceptor for the values
	Publish  paxos.Duration // between Positions while it moves
	Idle     paxos.Duration // between Positions while it does not
	Cover    paxos.Duration // how long the named answerer may take before the next learner answers too

	OpenSlots paxos.Slot // slots above the lowest missing one that are kept
	OpenBytes int        // bytes of values that are kept for them
}

// DefaultLearnerOptions go with DefaultProposerOptions.
func DefaultLearnerOptions() LearnerOptions {
	return LearnerOptions{
		Patience: 20e6, Retry: 60e6, Publish: 15e6, Idle: 75e6, Cover: 50e6,
		OpenSlots: 1024, OpenBytes: 64 << 20,
	}
}

// Learner is the learner of Multi-Paxos (PMS §2.3): it finds out what is chosen,
// in the order of the slots, and sees to it that every command is answered. It
// hears the leader's Accepts for the values and the acceptors' Accepted for the
// votes, and fetches what it missed.
type Learner struct {
	member
	opts LearnerOptions

	next    paxos.Slot              // lowest slot not learned
	open    map[paxos.Slot]*tallies // what is known of slots from next on
	bytes   int                     // of the values in open, and of those learned and not applied
	kept    paxos.Slot              // no slot from here on has a value in open
	queued  []queuedBytes           // learned and not applied, ascending
	claim   claim                   // of the leader with the highest ballot heard of
	claimed paxos.Instant           // when it was heard last
	below   paxos.Slot              // all slots below are chosen, as anyone claimed
	trim    paxos.Slot              // votes below are forgotten by some acceptor
	fetch   fetch
	answer  answers
	reads   reads
	digests digests

	held        paxos.Slot // see Hold
	position    paxos.Position
	inherited   paxos.Slot // slots up to this one were applied by an earlier start, or by a fellow
	published   paxos.Position
	publishedAt paxos.Instant
	nextHello   paxos.Instant
}

// queuedBytes is the size of a value that waits to be applied.
type queuedBytes struct {
	slot  paxos.Slot
	bytes int
}

// NewLearner is the learner self whose state machine has applied all slots up to
// and including applied.
func NewLearner(self paxos.Sender, opts LearnerOptions, applied paxos.Position, now paxos.Now) *Learner {
	l := &Learner{
		member: member{self: self}, opts: opts, next: applied.Applied + 1, open: map[paxos.Slot]*tallies{},
		position: applied, nextHello: now.Mono,
	}
	l.answer.self, l.answer.cover = self.ID, opts.Cover
	if applied.Applied > 0 {
		l.digests.restAt = now.Mono + paxos.Instant(digestRest)
	}
	l.inherited = applied.Applied
	l.reads.nonce = self.Process // answers to an earlier start must not count
	return l
}

// LearnerStatus is what a person or a metric wants to know of a learner.
type LearnerStatus struct {
	Learned     paxos.Slot // all slots up to and including it
	ChosenBelow paxos.Slot // as far as anyone claimed
	TrimBelow   paxos.Slot // the learner needs a snapshot when Learned+1 is below
	Leader      paxos.Ballot
	Open        int // slots heard of and not learned
	Unanswered  int // slots applied that another learner has yet to answer
	Fetching    bool
	Behind      bool // see Learner.Behind
	Position    paxos.Position
}

// Status is the learner's state.
func (l *Learner) Status() LearnerStatus {
	return LearnerStatus{
		Learned: l.next - 1, ChosenBelow: l.below, TrimBelow: l.trim, Leader: l.claim.ballot, Open: len(l.open),
		Unanswered: len(l.answer.covered), Fetching: l.fetch.since != 0, Behind: l.Behind(), Position: l.position,
	}
}

// Wake is when Tick should be called next.
func (l *Learner) Wake() paxos.Instant {
	if l.fenced() {
		return l.nextHello
	}
	wake := min(l.nextHello, l.publishAt())
	answers := l.answer.wake()
	if l.Mute() {
		answers = 0
	}
	for _, at := range []paxos.Instant{l.fetch.wake(l.opts), answers, l.readsWake(), l.digestsWake()} {
		if at != 0 {
			wake = min(wake, at)
		}
	}
	return wake
}

// Tick does what is due.
func (l *Learner) Tick(now paxos.Now, out *paxos.Effects) {
	l.noteTime(now)
	if now.Mono >= l.nextHello {
		l.hello(now, out)
	}
	if l.genesis == nil || l.fenced() {
		return
	}
	l.tickFetch(now, out)
	l.answerApplied(now, out)
	l.tickReads(now, out)
	l.beginRound(now, out)
	l.tickDigests(now, out)
	if now.Mono >= l.publishAt() {
		l.publish(now, out)
	}
}

// Step handles one message.
func (l *Learner) Step(now paxos.Now, e paxos.Envelope, out *paxos.Effects) {
	l.meet(now, e)
	if e.To != "" && e.To != l.self.ID && !l.overhears(e) {
		return
	}
	l.step(now, e, out)
	if l.gossip(now) {
		l.hello(now, out)
	}
}

func (l *Learner) step(now paxos.Now, e paxos.Envelope, out *paxos.Effects) {
	switch m := e.Msg.(type) {
	case paxos.Accept:
		l.stepAccept(now, e, m, out)
	case paxos.Heartbeat:
		l.stepHeartbeat(now, e, m, out)
	case paxos.Accepted:
		l.stepAccepted(now, e, m, out)
	case paxos.Votes:
		l.stepVotes(now, e, m, out)
	case paxos.ReadReport:
		l.stepReadReport(now, e, m, out)
	case paxos.Digest:
		l.stepDigest(now, e, m, out)
	case paxos.Position:
		l.stepPosition(now, e, m, out)
	case paxos.Hello:
		l.stepHello(now, e, m, out)
	}
}

// overhears reports whether e, although sent to another, is meant for learners
// too: an Accepted goes to its leader and past all learners.
func (l *Learner) overhears(e paxos.Envelope) bool {
	_, accepted := e.Msg.(paxos.Accepted)
	return accepted
}

// stepAccept keeps the value that a leader proposes. It is chosen only by votes.
func (l *Learner) stepAccept(now paxos.Now, e paxos.Envelope, m paxos.Accept, out *paxos.Effects) {
	if !l.fromLeader(e, m.Ballot, m.Chosen, out) {
		return
	}
	if t := l.tally(m.Slot, m.Ballot); t != nil {
		l.keep(m.Slot, t, m.Value)
	}
	l.hearClaim(now, claim{m.Ballot, m.Chosen})
	l.advance(now, out)
}

func (l *Learner) stepHeartbeat(now paxos.Now, e paxos.Envelope, m paxos.Heartbeat, out *paxos.Effects) {
	if m.Contradicts() {
		drop(out, e, paxos.Extreme)
		return
	}
	if !l.fromLeader(e, m.Ballot, m.Chosen, out) {
		return
	}
	l.hearClaim(now, claim{m.Ballot, m.Chosen})
	l.advance(now, out)
}

// fromLeader reports whether e may be believed to come from the leader of ballot b.
func (l *Learner) fromLeader(e paxos.Envelope, b paxos.Ballot, c paxos.Chosen, out *paxos.Effects) bool {
	reason := l.foreign(e)
	if reason == 0 && (!ownBallot(e, b) || c.From > c.Below || l.tooFar(c.Below, max(l.below, l.next))) {
		reason = paxos.Extreme
	}
	if reason != 0 {
		drop(out, e, reason)
	}
	return reason == 0
}

// claimKept is how long a claim stays after it was heard last, while others of lower
// ballots are heard.
const claimKept = paxos.Duration(1e9)

// hearClaim keeps the claim of the highest ballot. A leader's claims only grow. All
// are true for ever, so one whose leader fell silent makes way for any other: with a
// ballot that nobody follows it would hide those of the real leader.
func (l *Learner) hearClaim(now paxos.Now, c claim) {
	grown := c.ballot == l.claim.ballot && c.chosen.Below >= l.claim.chosen.Below
	if grown || l.claim.ballot.Less(c.ballot) || now.Mono-l.claimed >= paxos.Instant(claimKept) {
		l.claim, l.claimed = c, now.Mono
	}
	l.below = max(l.below, c.chosen.Below)
}

// stepAccepted counts an acceptor's votes.
func (l *Learner) stepAccepted(now paxos.Now, e paxos.Envelope, m paxos.Accepted, out *paxos.Effects) {
	v, reason := l.fromAcceptor(e)
	if reason != 0 {
		drop(out, e, reason)
		return
	}
	for _, slot := range m.Slots {
		c := l.known.For(slot)
		seat, ok := mayVote(v, &e, c)
		if !ok {
			continue
		}
		if t := l.tally(slot, m.Ballot); t != nil {
			t.count(c, seat)
		}
	}
	l.advance(now, out)
}

// advance learns the next slots, as far as they are decided.
func (l *Learner) advance(now paxos.Now, out *paxos.Effects) {
	for !l.full() {
		o := l.open[l.next]
		if o == nil {
			break
		}
		d, ok := o.decided(l.next, l.claim)
		if !ok {
			break
		}
		l.learn(d, out)
	}
	l.noticeGap(now)
}

// full reports whether the state machine is too far behind for more to be learned.
func (l *Learner) full() bool {
	return len(l.queued) > 0 && (l.bytes > l.opts.OpenBytes || l.next > l.position.Applied+l.opts.OpenSlots)
}

func (l *Learner) learn(d paxos.Decision, out *paxos.Effects) {
	l.close(d.Slot)
	l.bytes += d.Value.Size()
	l.queued = append(l.queued, queuedBytes{d.Slot, d.Value.Size()})
	l.next = d.Slot + 1
	l.fetch.progress()
	l.answer.note(d)
	if c := l.known.Change(d.Slot, l.genesis.Window, d.Value); c != nil {
		l.configure(*c)
	}
	out.Learn = append(out.Learn, d)
}

// Tell sends what the learner's caller has to say to a fellow: its part of the
// transfer of a snapshot.
func (l *Learner) Tell(to paxos.NodeID, m paxos.Message, out *paxos.Effects) { l.send(out, to, m) }
