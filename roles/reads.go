package roles

import "github.com/synod-paxos/synod/paxos"

// reads is the quorum reads of a learner (Charapko, Ailijiang and Demirbas,
// "Linearizable Quorum Reads in Paxos", HotStorage 2019). A value that any client
// has seen was voted for by a phase-2 quorum, so the highest slot that a phase-1
// quorum ever voted in is not below it: a state that has applied that slot is no
// older than the read. It takes no leader and no clock.
//
// The round asks by the newest configuration that the learner knows, and is not over
// below its first slot: what the configurations before it chose lies there. If there is
// a newer one under which anything was chosen, then a phase-2 quorum of this one knew
// it before (see mayUse), so one of those that are asked says so, and the round begins
// again under the newer one.
//
// A round serves every read that waited when it began. Reads that come while it
// runs wait for the next, since its answers may be older than they are.
type reads struct {
	nonce   uint64     // of the round; unique across the starts of this learner
	asking  bool       // a round runs
	asked   []uint64   // reads of the round
	next    []uint64   // reads of the next round
	again   bool       // a newer configuration became known: begin the round again
	highest paxos.Slot // of the acceptors' answers so far
	began   paxos.Instant
	sent    paxos.Instant
	reached []reached // rounds that are over, and whose slot is not applied; slots ascend
}

// reached is the reads that may be served once slot is applied.
type reached struct {
	slot  paxos.Slot
	since paxos.Instant
	nudge paxos.Instant // when the leader was last asked to fill up to slot
	reads []uint64
}

// Read asks for a linearizable read. Effects.Read names it once the state is new
// enough to serve it. A read that is given up needs no notice.
func (l *Learner) Read(now paxos.Now, read uint64, out *paxos.Effects) {
	l.reads.next = append(l.reads.next, read)
	l.beginRound(now, out)
}

// CannotRead reports whether reads have been waiting for a round of the acceptors
// for longer than patience: other learners should serve them.
func (l *Learner) CannotRead(now paxos.Now, patience paxos.Duration) bool {
	return l.reads.asking && now.Mono-l.reads.began >= paxos.Instant(patience)
}

func (l *Learner) beginRound(now paxos.Now, out *paxos.Effects) {
	r := &l.reads
	if r.asking || len(r.next) == 0 || l.genesis == nil {
		return
	}
	r.nonce++
	r.asking, r.again, r.highest, r.began = true, false, 0, now.Mono
	r.asked, r.next = r.next, nil
	l.askReads(now, out)
}

func (l *Learner) askReads(now paxos.Now, out *paxos.Effects) {
	l.reads.sent = now.Mono
	l.send(out, "", paxos.ReadQuery{Nonce: l.reads.nonce})
}

// stepReadReport counts an acceptor's answer to the round that runs now. Answers
// to earlier rounds, even if from a start before this one, say nothing about it.
func (l *Learner) stepReadReport(now paxos.Now, e paxos.Envelope, m paxos.ReadReport, out *paxos.Effects) {
	v, reason := l.fromAcceptor(e)
	if reason == 0 && l.tooFar(m.MaxVoted, max(l.below, l.next)) {
		reason = paxos.Extreme
	}
	r := &l.reads
	if reason == 0 && (!r.asking || m.Nonce != r.nonce) {
		reason = paxos.Stale
	}
	if reason != 0 {
		drop(out, e, reason)
		return
	}
	v.read, r.highest = r.nonce, max(r.highest, m.MaxVoted)
	c := l.known.Newest()
	if r.again || !c.Phase1(l.those(c, func(v *voter) bool { return v.read == r.nonce })) {
		return
	}
	r.asking = false
	r.reached = append(r.reached, reached{slot: max(r.highest, c.From-1), since: now.Mono, nudge: now.Mono, reads: r.asked})
	r.asked = nil
	l.answerApplied(now, out)
	l.beginRound(now, out)
}

// serveReads names the reads whose slot is applied.
func (l *Learner) serveReads(out *paxos.Effects) {
	waiting := l.reads.reached[:0]
	for _, r := range l.reads.reached {
		if r.slot <= l.position.Applied {
			out.Read = append(out.Read, r.reads...)
		} else {
			waiting = append(waiting, r)
		}
	}
	l.reads.reached = waiting
}

// readsWake is when tickReads is due; 0 for never.
func (l *Learner) readsWake() paxos.Instant {
	var wake paxos.Instant
	if l.reads.asking {
		wake = l.reads.sent + paxos.Instant(l.opts.Retry)
	}
	for _, r := range l.reads.reached {
		if at := r.nudge + paxos.Instant(l.opts.Retry); wake == 0 || at < wake {
			wake = at
		}
	}
	return wake
}

// tickReads asks again what was lost. A slot that was voted for and is not chosen
// hangs in the air until a leader fills it: the vote may be all that is left of a
// leader that died.
func (l *Learner) tickReads(now paxos.Now, out *paxos.Effects) {
	if l.reads.again {
		l.reads.nonce++
		l.reads.again, l.reads.highest = false, 0
		l.askReads(now, out)
	}
	if l.reads.asking && now.Mono >= l.reads.sent+paxos.Instant(l.opts.Retry) {
		l.askReads(now, out)
	}
	for i := range l.reads.reached {
		r := &l.reads.reached[i]
		if now.Mono < r.nudge+paxos.Instant(l.opts.Retry) {
			continue
		}
		r.nudge = now.Mono
		if from := max(l.next, l.trim); r.slot >= from {
			l.send(out, "", paxos.Fill{From: from, To: r.slot + 1})
		}
	}
}
