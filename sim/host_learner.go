package sim

import (
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// learner is a learner with its state machine, which applies what is learned in
// its own time, and its disk, which is synced now and then.
type learner struct {
	process
	disk    paxos.UUID
	boots   uint64
	genesis *paxos.Genesis // on the disk
	machine *machine

	role     *roles.Learner
	out      paxos.Effects
	position paxos.Position // that the role knows
	queue    []paxos.Decision
	applying bool
	outcomes map[paxos.Slot][]outcome
	reads    map[uint64]waitingRead
	rounds   map[uint64]*readRound // by nonce

	slow      time.Duration // what applying takes longer
	snapshots map[uint64]*machine
	asked     time.Duration // when a snapshot was last asked for; 0: never
	turns     int
	installs  int // in this life
}

// outcome is a command's result, until it is answered or forgotten.
type outcome struct {
	inbox string
	id    string
	reply []byte // of the built-in state machine
	result
}

// newMachine is a learner's machine with an empty disk.
func (w *World) newMachine() *machine {
	m := newMachine()
	if len(w.plan.Sessions) > 0 {
		m.state = newState()
	}
	return m
}

func newLearner(w *World, id paxos.NodeID) *learner {
	l := &learner{disk: w.uuid(), machine: w.newMachine()}
	l.process = w.adopt(id, paxos.LearnerRole, l)
	return l
}

func (l *learner) boot(now paxos.Now) {
	l.boots++
	self := paxos.Sender{Role: paxos.LearnerRole, ID: l.id, Disk: l.disk, Boot: l.boots, Process: l.incarnation}
	l.position = l.machine.position()
	l.role = roles.NewLearner(self, l.w.plan.Learning, l.position, now)
	if l.genesis != nil {
		l.role.Join(l.genesis)
	}
	l.outcomes = map[paxos.Slot][]outcome{}
	l.reads, l.rounds = map[uint64]waitingRead{}, map[uint64]*readRound{}
	l.snapshots = map[uint64]*machine{}
	l.asked, l.installs = 0, 0
	l.w.after(&l.process, l.w.draw(l.w.plan.LearnerSync)+1, l.sync)
}

func (l *learner) founded() bool { return l.role.Genesis() != nil }

func (l *learner) step(now paxos.Now, e *paxos.Envelope) {
	switch m := e.Msg.(type) {
	case paxos.ReadReport:
		l.hearReport(e, m)
		l.role.Step(now, *e, &l.out)
	case paxos.SnapshotQuery:
		l.serveSnapshot(e.From.ID, m)
	case paxos.SnapshotChunk:
		l.install(now, e.From.ID, m)
	default:
		l.role.Step(now, *e, &l.out)
	}
}

func (l *learner) settle(now paxos.Now) {
	l.tellPosition(now)
	l.role.Tick(now, &l.out)
	if l.out.Digest {
		l.role.Digested(now, paxos.Digest{Slot: l.machine.applied, Sum: l.machine.digest()}, &l.out)
	}
	if l.genesis == nil {
		l.genesis = l.role.Genesis()
	}
	l.wantSnapshot(now)
	l.flush(now)
}

func (l *learner) tellPosition(now paxos.Now) {
	if p := l.machine.position(); p != l.position {
		l.position = p
		l.role.Applied(now, p, &l.out)
	}
}

func (l *learner) wake() paxos.Instant { return l.role.Wake() }

func (l *learner) flush(now paxos.Now) {
	l.w.drops(l.id, l.out.Drop)
	for _, d := range l.out.Learn {
		l.w.oracle.learned(l, d)
		if l.w.recorder.on() {
			l.w.note(l.id, "learns slot ", d.Slot, " ", describeValue(d.Value))
		}
		l.queue = append(l.queue, d)
	}
	for _, slot := range l.out.Answer {
		l.besideRival(now, "answers")
		l.answer(slot)
	}
	for _, slot := range l.out.Forget {
		delete(l.outcomes, slot)
	}
	for _, n := range l.out.Read {
		l.besideRival(now, "reads")
		l.serveRead(n)
	}
	sends := l.out.Send
	for i := range sends {
		l.w.countSend(&sends[i])
		if m, ok := sends[i].Msg.(paxos.ReadQuery); ok && l.rounds[m.Nonce] == nil {
			l.rounds[m.Nonce] = &readRound{began: l.w.now, got: map[paxos.UUID]bool{}}
		}
		l.w.publish(&sends[i])
	}
	stop := l.out.Stop
	l.out = paxos.Effects{}
	if stop != "" {
		l.stop(stop)
		return
	}
	l.apply()
}

// apply lets the state machine take what was learned, some time from now.
func (l *learner) apply() {
	if l.applying || len(l.queue) == 0 || l.w.failure != nil {
		return
	}
	l.applying = true
	l.w.after(&l.process, 10*time.Microsecond+l.w.draw(l.w.plan.Apply)+l.slow, func() {
		l.applying = false
		queue := l.queue
		l.queue = nil
		now := l.clock.at(l.w.now)
		for _, d := range queue {
			l.applyOne(now, d)
		}
		l.turn()
	})
}

func (l *learner) applyOne(now paxos.Now, d paxos.Decision) {
	if d.Slot <= l.machine.applied {
		return // a snapshot was faster
	}
	results, replies := l.machine.apply(d)
	commands := commandsOf(d.Value)
	for i, c := range commands {
		o := outcome{inbox: c.Reply, id: string(c.Data), result: results[i]}
		if replies != nil {
			o.reply = replies[i]
		}
		l.outcomes[d.Slot] = append(l.outcomes[d.Slot], o)
	}
	if l.machine.state != nil {
		l.w.sessions.judge(l, d.Slot, commands, replies)
	}
	if d.Slot%l.w.plan.DigestEvery == 0 {
		l.tellPosition(now)
		l.role.Digested(now, paxos.Digest{Slot: d.Slot, Sum: l.machine.digest()}, &l.out)
	}
}

// sync makes the machine durable, now and then.
func (l *learner) sync() {
	l.machine.sync()
	l.turn()
	l.w.after(&l.process, l.w.plan.LearnerSync/2+l.w.draw(l.w.plan.LearnerSync), l.sync)
}

func (l *learner) answer(slot paxos.Slot) {
	for _, o := range l.outcomes[slot] {
		l.w.count("answers", 1)
		l.w.oracle.answers(l, slot, o)
		if l.w.recorder.on() {
			l.w.note(l.id, "answers ", o.inbox, ": ", o.result)
		}
		if l.w.reply != nil {
			l.w.reply(o.inbox, o.result.String())
		}
		c := l.w.askerAt(o.inbox)
		if c == nil {
			continue
		}
		if wait, ok := l.w.reaches(l.id, c.id()); ok {
			l.w.after(nil, wait, func() { c.answered(o) })
		}
	}
	delete(l.outcomes, slot)
}

// read asks for a linearizable read; done is called when it may be served.
func (l *learner) read(n uint64, done func()) {
	if !l.up || l.frozen > 0 {
		return
	}
	now := l.clock.at(l.w.now)
	l.reads[n] = waitingRead{since: l.w.now, done: done}
	l.role.Read(now, n, &l.out)
	l.flush(now)
	if l.up {
		l.arm()
	}
}

// waitingRead is a read, and readRound a round of the acceptors for reads.
type (
	waitingRead struct {
		since time.Duration
		done  func()
	}
	readRound struct {
		began time.Duration
		got   map[paxos.UUID]bool // by disk
	}
)

func (l *learner) hearReport(e *paxos.Envelope, m paxos.ReadReport) {
	if r := l.rounds[m.Nonce]; r != nil && !l.w.forged[e] {
		r.got[e.From.Disk] = true
	}
}

// serveRead checks that some round that began no earlier than the read was answered
// by a quorum: the answers of an older one may be older than the read.
func (l *learner) serveRead(n uint64) {
	read, ok := l.reads[n]
	if !ok {
		return
	}
	delete(l.reads, n)
	for _, r := range l.rounds {
		if r.began >= read.since && l.w.oracle.some(r.answeredBy) {
			read.done()
			return
		}
	}
	l.w.fail("fresh reads", "learner %s serves a read, and no quorum has answered a round that began after it", l.id)
}

// answeredBy reports whether a phase-1 quorum of c answered.
func (r *readRound) answeredBy(c *paxos.Configuration) bool {
	var s paxos.Set
	for i, m := range c.Acceptors {
		if r.got[m.Disk] {
			s = s.With(i)
		}
	}
	return c.Phase1(s)
}

func (l *learner) lose() {
	l.machine.lose()
	l.role, l.out, l.queue, l.applying = nil, paxos.Effects{}, nil, false
	l.outcomes, l.reads, l.snapshots = nil, nil, nil
}

// wipe gives the learner an empty disk.
func (l *learner) wipe() {
	l.crash("loses its disk")
	l.machine.close()
	l.disk, l.boots, l.genesis, l.machine = l.w.uuid(), 0, nil, l.w.newMachine()
	l.start()
}

// wantSnapshot asks a fellow for its state when the acceptors have forgotten what
// this learner needs.
func (l *learner) wantSnapshot(now paxos.Now) {
	if !l.role.NeedsSnapshot() || (l.asked != 0 && l.w.now < l.asked+50*time.Millisecond) {
		return
	}
	if from := l.role.SnapshotFrom(now, l.turns); from != "" {
		l.turns++
		l.asked = l.w.now
		l.role.Tell(from, paxos.SnapshotQuery{}, &l.out)
	}
}

// serveSnapshot answers with a snapshot in one part: what travels is its number.
func (l *learner) serveSnapshot(to paxos.NodeID, _ paxos.SnapshotQuery) {
	id := uint64(len(l.snapshots) + 1)
	l.snapshots[id] = l.machine.snapshot()
	l.role.Tell(to, paxos.SnapshotChunk{ID: id, Applied: l.machine.applied}, &l.out)
}

// install takes over a fellow's state, at once and durably.
func (l *learner) install(now paxos.Now, from paxos.NodeID, m paxos.SnapshotChunk) {
	for _, f := range l.w.learners {
		s := f.snapshots[m.ID]
		if f.id != from || s == nil || s.applied != m.Applied || s.applied <= l.machine.applied {
			continue
		}
		l.w.count("snapshots installed", 1)
		l.machine.install(s)
		l.w.oracle.installed(l)
		l.position = l.machine.position()
		l.role.Installed(now, l.position, &l.out)
	}
}
