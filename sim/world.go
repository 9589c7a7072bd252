package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// World is a cluster, its clients, and the network between them. It is driven by
// Run, or step by step by a story.
type World struct {
	plan   *Plan
	rng    *rand.Rand // every draw of the run, in one order
	now    time.Duration
	events queue
	seq    uint64
	net    network

	acceptors []*acceptor
	proposers []*proposer
	learners  []*learner
	founder   *founder
	operator  *operator
	clients   []*client
	byID      map[paxos.NodeID]*process

	sessionClients []*sessionClient
	sessions       *sessionOracle // nil: nobody has sessions

	oracle   *oracle
	recorder recorder
	counts   map[string]int
	forged   map[*paxos.Envelope]bool // what no role ever sent

	filter func(from paxos.NodeID, to *process, e *paxos.Envelope) bool // a script's: whether e goes on its way
	reply  func(inbox, what string)                                     // a script's: what a client hears

	torn func() bool // whether the sync under way at a crash reached the disk

	archiving bool
	archive   []*paxos.Envelope // some of what was sent, for a liar to send again
	handled   int               // events
	quiet     bool
	failure   *Failure
}

// Failure is the first rule that a run broke.
type Failure struct {
	At    time.Duration
	Check string // which rule
	What  string // what happened
}

func (f *Failure) Error() string { return fmt.Sprintf("%v: %s: %s", f.At, f.Check, f.What) }

// NewWorld is the world of a plan, at its first moment.
func NewWorld(plan *Plan) *World {
	w := &World{
		plan: plan, rng: rand.New(rand.NewPCG(plan.Seed, 2)),
		byID: map[paxos.NodeID]*process{}, counts: map[string]int{}, forged: map[*paxos.Envelope]bool{},
	}
	w.net = newNetwork(plan)
	w.torn = func() bool { return w.rng.IntN(2) == 0 }
	w.oracle = newOracle(w)
	for i := range plan.Acceptors {
		w.acceptors = append(w.acceptors, newAcceptor(w, nodeID("a", i)))
	}
	for i := range plan.Proposers {
		w.proposers = append(w.proposers, newProposer(w, nodeID("p", i)))
	}
	for i := range plan.Learners {
		w.learners = append(w.learners, newLearner(w, nodeID("l", i)))
	}
	w.founder, w.operator = newFounder(w), newOperator(w)
	for _, c := range plan.Clients {
		w.clients = append(w.clients, newClient(w, c))
	}
	for _, c := range plan.Sessions {
		w.sessionClients = append(w.sessionClients, newSessionClient(w, c))
	}
	if len(plan.Sessions) > 0 {
		w.sessions = newSessionOracle(w)
	}
	return w
}

func nodeID(prefix string, i int) paxos.NodeID { return paxos.NodeID(fmt.Sprint(prefix, i+1)) }

// adopt makes a process that runs h. It starts with Begin.
func (w *World) adopt(id paxos.NodeID, role paxos.Role, h host) process {
	drift, skew := w.plan.clockOf(id)
	return process{w: w, id: id, role: role, host: h, clock: clock{drift: drift, skew: skew}}
}

// processes is all processes, in a fixed order.
func (w *World) processes() []*process {
	var all []*process
	for _, a := range w.acceptors {
		all = append(all, &a.process)
	}
	for _, p := range w.proposers {
		all = append(all, &p.process)
	}
	for _, l := range w.learners {
		all = append(all, &l.process)
	}
	return append(all, &w.founder.process, &w.operator.process)
}

// Begin starts every process, and schedules what the plan has for later.
func (w *World) Begin() {
	for _, p := range w.processes() {
		w.byID[p.id] = p
	}
	for _, p := range w.processes() {
		w.after(nil, w.draw(20*time.Millisecond), p.start)
	}
	for _, c := range w.clients {
		w.after(nil, c.plan.Start, c.next)
	}
	for _, c := range w.sessionClients {
		w.after(nil, c.plan.Start, c.next)
	}
	for _, f := range w.plan.Faults {
		w.schedule(f)
	}
	if w.plan.Quiet > 0 {
		w.after(nil, w.plan.Quiet, w.calmDown)
	}
}

// draw is a random time below limit.
func (w *World) draw(limit time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(limit)))
}

func (w *World) push(e event) {
	w.seq++
	e.seq = w.seq
	w.events.push(e)
}

// after schedules do, in the present life of p, or in the world's.
func (w *World) after(p *process, wait time.Duration, do func()) {
	e := event{at: w.now + wait, p: p, do: do}
	if p != nil {
		e.life = p.life
	}
	w.push(e)
}

// step lets the next event happen. It reports whether there was one.
func (w *World) step() bool {
	if len(w.events) == 0 {
		return false
	}
	e := w.events.pop()
	w.now = e.at
	if w.handled++; w.handled > w.plan.Events {
		w.fail("liveness", "%d events, and still not done: something spins", w.handled)
	}
	switch {
	case e.env != nil:
		e.p.receive(e.env)
	case e.p == nil:
		e.do()
	case !e.p.up || e.life != e.p.life:
	case e.p.frozen > 0:
		e.p.held = append(e.p.held, e)
	default:
		e.do()
	}
	return true
}

// advance lets happen what happens until virtual time t, or until a rule breaks.
func (w *World) advance(t time.Duration) {
	for w.failure == nil && len(w.events) > 0 && w.events[0].at <= t {
		w.step()
	}
	w.now = max(w.now, t)
}

// advanceUntil lets the world go on until done, and reports whether that came
// true by the time limit.
func (w *World) advanceUntil(limit time.Duration, done func() bool) bool {
	for w.failure == nil && !done() {
		if len(w.events) == 0 || w.events[0].at > limit {
			w.now = max(w.now, limit)
			return false
		}
		w.step()
	}
	return w.failure == nil
}

// fail ends the run, with the first rule that it broke.
func (w *World) fail(check, format string, args ...any) {
	if w.failure == nil {
		w.failure = &Failure{At: w.now, Check: check, What: fmt.Sprintf(format, args...)}
		w.note("", "BROKEN ", check, ": ", w.failure.What)
	}
}

func (w *World) count(what string, n int) { w.counts[what] += n }

// calmDown ends all faults: from now on everything asked for must get done.
func (w *World) calmDown() {
	w.note("", "the faults are over")
	w.quiet = true
	w.net.heal(w)
	for _, p := range w.processes() {
		p.downs = 0
		if p.frozen > 0 {
			p.frozen = 1
			p.thaw()
		}
		w.after(nil, w.draw(50*time.Millisecond), p.start)
	}
	for _, a := range w.acceptors {
		a.heal()
	}
	for _, l := range w.learners {
		l.slow = 0
	}
}

// close ends the use of all disks.
func (w *World) close() {
	for _, l := range w.learners {
		l.machine.close()
	}
}

// leader is the proposer that leads in the highest ballot; nil for none.
func (w *World) leader() *proposer {
	var top *proposer
	for _, p := range w.proposers {
		if p.up && !p.role.Leading().IsZero() && (top == nil || top.role.Leading().Less(p.role.Leading())) {
			top = p
		}
	}
	return top
}
