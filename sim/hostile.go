package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// liar makes messages that no honest role sends: of another cluster, with a field
// beyond all bounds, in the name of a disk's past, of a twin or of a stranger. It
// also sends old messages again. None of it may have an effect that lasts.
type liar struct {
	*rand.Rand
	w *World
}

// hostility lets a liar speak for the time of f.
func (w *World) hostility(f Fault, g *rand.Rand) (undo func()) {
	if w.oracle.known == nil {
		return nil
	}
	l := &liar{Rand: g, w: w}
	for range 5 + g.IntN(40) {
		w.after(nil, time.Duration(g.Int64N(int64(f.For)+1)), l.speak)
	}
	return func() {}
}

// speak delivers one forged message to one process.
func (l *liar) speak() {
	to := l.anyone()
	if l.w.quiet || !to.up {
		return
	}
	var e paxos.Envelope
	switch l.IntN(7) {
	case 0:
		l.replay()
		return
	case 6:
		if l.w.counts["promises driven up"] == maxClimbs {
			return
		}
		l.w.count("promises driven up", 1)
		e = l.climb()
	case 1:
		e = l.extreme()
	case 2:
		e = l.impossible()
	case 3:
		e = l.honest()
		e.Cluster = l.otherCluster()
	case 4:
		e = l.honest()
		e.From.Disk[0]++
	default:
		var ok bool
		if e, ok = l.past(to); !ok {
			return
		}
	}
	l.w.count("forged messages", 1)
	l.w.forged[&e] = true
	l.w.push(event{at: l.w.now, p: to, env: &e})
}

func (l *liar) anyone() *process {
	all := l.w.processes()
	return all[l.IntN(len(all)-2)] // no operator
}

// otherCluster is an older one: one that is not ends all service, as it must (rival.go).
func (l *liar) otherCluster() paxos.ClusterID {
	c := l.w.oracle.cluster
	c.Generation--
	if l.IntN(2) == 0 {
		c.UUID[l.IntN(16)] ^= 1
	}
	return c
}

// replay sends an old message again, to where it went before.
func (l *liar) replay() {
	if len(l.w.archive) > 0 {
		l.w.count("messages replayed", 1)
		l.w.publish(l.w.archive[l.IntN(len(l.w.archive))])
	}
}

// keepArchive remembers some of the messages that were sent, for replay.
func (w *World) keepArchive(e *paxos.Envelope) {
	const size = 256
	switch {
	case !w.archiving:
	case len(w.archive) < size:
		w.archive = append(w.archive, e)
	case w.rng.IntN(8) == 0:
		w.archive[w.rng.IntN(size)] = e
	}
}

// huge is a number that no honest counter reaches.
func (l *liar) huge() uint64 {
	return []uint64{1 << 36, 1 << 40, 1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 1}[l.IntN(6)]
}

func (l *liar) hugeSlot() paxos.Slot { return paxos.Slot(l.huge()) }

func (l *liar) proposerSelf() paxos.Sender {
	p := l.w.proposers[l.IntN(len(l.w.proposers))]
	return paxos.Sender{Role: paxos.ProposerRole, ID: p.id, Process: p.incarnation}
}

func (l *liar) acceptorSelf() paxos.Sender {
	return l.selfOf(l.w.acceptors[l.IntN(len(l.w.acceptors))])
}

func (l *liar) selfOf(a *acceptor) paxos.Sender {
	return paxos.Sender{
		Role: paxos.AcceptorRole, ID: a.id, Disk: a.disk.id, Boot: a.disk.boot, Process: a.incarnation, Promised: a.disk.State.Promised,
	}
}

func (l *liar) learnerSelf() paxos.Sender {
	x := l.w.learners[l.IntN(len(l.w.learners))]
	return paxos.Sender{Role: paxos.LearnerRole, ID: x.id, Disk: x.disk, Boot: x.boots, Process: x.incarnation}
}

func (l *liar) envelope(from paxos.Sender, m paxos.Message) paxos.Envelope {
	return paxos.Envelope{Cluster: l.w.oracle.cluster, Config: l.w.oracle.known.Number(), From: from, Msg: m}
}

// own is a ballot of the proposer from.
func own(from paxos.Sender, round uint64) paxos.Ballot {
	return paxos.Ballot{Round: round, Proposer: from.ID, Incarnation: from.Process}
}

// honest is a message that would be taken if it came from a member of the cluster.
func (l *liar) honest() paxos.Envelope {
	a := l.acceptorSelf()
	b := a.Promised
	slot := l.w.oracle.below + paxos.Slot(l.IntN(3))
	m := []paxos.Message{
		paxos.Accepted{Ballot: b, Slots: []paxos.Slot{slot}},
		paxos.Promise{Ballot: b, Page: paxos.Page{From: slot}},
		paxos.Votes{Page: paxos.Page{From: slot, Votes: []paxos.Vote{{Slot: slot, Ballot: b}}}},
		paxos.Nack{Ballot: b, Promised: paxos.Ballot{Round: b.Round + 1, Proposer: "p9", Incarnation: 9}},
		paxos.LeaderReport{Nonce: 1, Silent: paxos.Duration(time.Hour)},
		paxos.Hello{Marks: paxos.Marks{ChosenBelow: slot, TrimBelow: slot}},
	}[l.IntN(6)]
	return l.envelope(a, m)
}

// extreme is a message of a true sender with a number beyond every bound.
func (l *liar) extreme() paxos.Envelope {
	p, n, s, below := l.proposerSelf(), l.huge(), l.hugeSlot(), l.w.oracle.below
	round := uint64(1)
	for _, q := range l.w.proposers {
		round = max(round, q.led.Round)
	}
	fine := paxos.Chosen{From: below, Below: below}
	messages := []paxos.Message{
		paxos.Prepare{Ballot: own(p, n), From: 1},
		paxos.Accept{Ballot: own(p, n), Slot: below, Chosen: fine},
		paxos.Accept{Ballot: own(p, round), Slot: s, Chosen: fine},
		paxos.Accept{Ballot: own(p, round), Slot: 0, Chosen: fine},
		paxos.Accept{Ballot: own(p, round), Slot: s, Chosen: paxos.Chosen{From: 1, Below: s}},
		paxos.Heartbeat{Ballot: own(p, n), Chosen: fine, Next: fine.Below},
		paxos.Heartbeat{Ballot: own(p, round), Chosen: paxos.Chosen{From: 1, Below: s}},
		paxos.Heartbeat{Ballot: own(p, round), Chosen: paxos.Chosen{From: s, Below: below}},
		paxos.Trim{Ballot: own(p, round), Below: s},
		paxos.LeaderQuery{Nonce: n},
		paxos.Hello{Leading: own(p, n)},
	}
	if l.IntN(3) == 0 {
		x := l.learnerSelf()
		return l.envelope(x, []paxos.Message{
			paxos.Fetch{From: s, To: 1}, paxos.Fetch{From: 1, To: s}, paxos.Fetch{From: s},
			paxos.Fill{From: s, To: s + 1}, paxos.Fill{From: 1, To: s},
			paxos.Position{Applied: s, Durable: s}, paxos.ReadQuery{Nonce: n},
		}[l.IntN(7)])
	}
	return l.envelope(p, messages[l.IntN(len(messages))])
}

// maxClimbs is how often promises are driven up in one run: each takes the cluster
// some elections to catch up with.
const maxClimbs = 3

// climb is a Prepare that raises an acceptor's promise as far as it lets one.
func (l *liar) climb() paxos.Envelope {
	p, round := l.proposerSelf(), uint64(0)
	for _, a := range l.w.acceptors {
		round = max(round, a.disk.State.Promised.Round)
	}
	return l.envelope(p, paxos.Prepare{Ballot: own(p, round+1<<32), From: 1})
}

// impossible is a word of an acceptor about slots, ballots or a past that it
// cannot have.
func (l *liar) impossible() paxos.Envelope {
	a, n, s := l.acceptorSelf(), l.huge(), l.hugeSlot()
	b, far := a.Promised, paxos.Ballot{Round: n, Proposer: "p1", Incarnation: n}
	switch l.IntN(4) {
	case 0:
		a.Boot = n
	case 1: // one acceptor at a time may lie of that, as many as the cluster can do without
		if b := l.w.acceptors[0]; l.w.mayLose(b) && len(l.w.acceptors) > 2 {
			a = l.selfOf(b)
			a.Promised = far
		}
	}
	nacked := far
	if len(l.w.acceptors) <= 2 {
		nacked = b // of so few, one that lies is all, or half, of what a proposer hears
	}
	marks := []paxos.Marks{{ChosenBelow: s}, {TrimBelow: s}, {ChosenBelow: s, TrimBelow: s, MaxVoted: s}}[l.IntN(3)]
	m := []paxos.Message{
		paxos.Accepted{Ballot: b, Slots: []paxos.Slot{s}},
		paxos.Accepted{Ballot: far, Slots: []paxos.Slot{s - 1, s}},
		paxos.Promise{Ballot: b, Page: paxos.Page{From: 1}, Marks: marks},
		paxos.Promise{Ballot: far, Page: paxos.Page{From: 1, Votes: []paxos.Vote{{Slot: s, Ballot: far}}}},
		paxos.Votes{Page: paxos.Page{From: s, Votes: []paxos.Vote{{Slot: s, Ballot: far}}}, Marks: marks},
		paxos.Nack{Ballot: b, Promised: nacked},
		paxos.Hello{Marks: marks},
		paxos.ReadReport{Nonce: n, MaxVoted: s},
	}[l.IntN(8)]
	return l.envelope(a, m)
}

// past speaks as an acceptor's disk did before its last start, or as its twin, to
// a process that has heard the present one: a copy that was taken before knows
// less than was promised since, so its votes must not count.
func (l *liar) past(to *process) (paxos.Envelope, bool) {
	var known []paxos.Sender
	for _, a := range l.w.acceptors {
		if s, ok := to.heard[a.disk.id]; ok {
			known = append(known, s)
		}
	}
	if len(known) == 0 {
		return paxos.Envelope{}, false
	}
	from := known[l.IntN(len(known))]
	if l.IntN(2) == 0 {
		from.Boot--
	} else {
		from.Process++
	}
	if leader := l.w.leader(); leader != nil {
		from.Promised = leader.led
	}
	e := l.honest()
	e.From = from
	switch m := e.Msg.(type) {
	case paxos.Accepted:
		m.Ballot, m.Slots = from.Promised, slices.Clone(m.Slots)
		e.Msg = m
	case paxos.Promise:
		m.Ballot = from.Promised
		e.Msg = m
	}
	return e, true
}
