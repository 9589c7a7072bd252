package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// Fault is one thing that goes wrong, at a time and for a time.
type Fault struct {
	At, For time.Duration
	Kind    FaultKind
	Node    paxos.NodeID // whom it hits; some kinds hit others, or everybody
	Draw    uint64       // seeds what else the kind leaves open
}

// TheLeader as the Node of a Fault is whoever leads when it happens.
const TheLeader paxos.NodeID = "leader"

// FaultKind is what goes wrong.
type FaultKind uint8

const (
	Crash       FaultKind = iota // the process stops, and starts again when the fault ends
	PowerLoss                    // all processes at once
	Freeze                       // the process stands still, and goes on as if nothing was
	Isolate                      // no message from or to the process
	Deaf                         // no message to it
	Mute                         // no message from it
	Partition                    // two halves that hear nothing of each other
	Estrange                     // proposers do not hear each other
	RandomCuts                   // some links, each direction for itself
	Buffering                    // what the process sends is kept, and arrives when the fault ends
	Storm                        // loss, duplicates and delays
	SlowDisk                     // an acceptor's syncs take very long
	HungDisk                     // an acceptor's syncs do not return
	BrokenDisk                   // an acceptor's next sync fails: it stops, and starts again
	LowDisk                      // an acceptor's disk is down to its reserve
	LostDisk                     // an acceptor's disk is gone for good
	LostCopy                     // a learner's disk is gone
	SlowLearner                  // a learner's state machine takes very long
	ClockJump                    // the wall clock of a proposer or learner jumps
	Drain                        // a proposer hands over and leaves, and starts again
	Dying                        // most of what a proposer sends is lost, and then it crashes
	Hostile                      // forged, extreme and foreign messages
	Rival                        // another cluster of the same name and generation is there
	Reconfigure                  // an operator asks for another configuration
	faultKinds
)

func (k FaultKind) String() string {
	return [...]string{
		"crash", "power loss", "freeze", "isolate", "deaf", "mute", "partition", "estrange", "random cuts", "buffering", "storm",
		"slow disk", "hung disk", "broken disk", "low disk", "lost disk", "lost copy", "slow learner", "clock jump", "drain", "dying", "hostile", "rival", "reconfigure",
	}[k]
}

func (f Fault) String() string {
	return fmt.Sprintf("at %v for %v: %s %s", f.At.Round(time.Millisecond), f.For.Round(time.Millisecond), f.Kind, f.Node)
}

// schedule lets f happen, and end when its time is over or all faults end.
func (w *World) schedule(f Fault) {
	w.after(nil, f.At, func() {
		if w.quiet {
			return
		}
		w.note("", "FAULT ", f.String())
		undo := w.inject(f)
		if undo == nil {
			return
		}
		w.count("faults: "+f.Kind.String(), 1)
		w.after(nil, f.For, func() {
			if !w.quiet {
				w.note("", "over: ", f.String())
				undo()
			}
		})
	})
}

// inject begins a fault. It returns how to end it; nil when the fault cannot
// happen here.
func (w *World) inject(f Fault) (undo func()) {
	g := rand.New(rand.NewPCG(w.plan.Seed, f.Draw))
	switch f.Kind {
	case Crash:
		return w.crash(w.target(f))
	case PowerLoss:
		return w.crash(w.processes()...)
	case Freeze:
		return w.freeze(w.target(f))
	case Storm:
		return w.storm(g)
	case ClockJump:
		return w.clockJump(w.target(f), g)
	case Drain:
		p := w.proposers[g.IntN(len(w.proposers))]
		p.drain()
		return func() {}
	case Dying:
		return w.dying(w.target(f), 30*time.Millisecond)
	case Hostile:
		return w.hostility(f, g)
	case Reconfigure:
		return w.reconfigure(g)
	case Rival:
		return w.rivalry()
	case SlowDisk, HungDisk, BrokenDisk, LowDisk, LostDisk:
		return w.diskFault(f.Kind, w.acceptors[g.IntN(len(w.acceptors))], g)
	case LostCopy, SlowLearner:
		return w.learnerFault(f.Kind, w.learners[g.IntN(len(w.learners))])
	default:
		return w.netFault(f, g)
	}
}

// target is the process that f hits; nil when there is no leader to hit.
func (w *World) target(f Fault) *process {
	if f.Node != TheLeader {
		return w.byID[f.Node]
	}
	if p := w.leader(); p != nil {
		return &p.process
	}
	return nil
}

func (w *World) crash(ps ...*process) (undo func()) {
	if ps[0] == nil {
		return nil
	}
	for _, p := range ps {
		p.downs++
		p.crash("crash")
	}
	return func() {
		for _, p := range ps {
			p.downs = max(0, p.downs-1)
			p.start()
		}
	}
}

func (w *World) freeze(p *process) (undo func()) {
	if p == nil || !p.up {
		return nil
	}
	p.freeze()
	return p.thaw
}

func (w *World) storm(g *rand.Rand) (undo func()) {
	x := &Weather{
		Loss: g.IntN(300), Duplicate: g.IntN(300), Max: time.Duration(1+g.IntN(60)) * time.Millisecond,
		Straggle: g.IntN(100), Straggler: time.Duration(1+g.IntN(3000)) * time.Millisecond,
	}
	w.net.weathers = append(w.net.weathers, x)
	return func() {
		for i, o := range w.net.weathers {
			if o == x {
				w.net.weathers = append(w.net.weathers[:i:i], w.net.weathers[i+1:]...)
				return
			}
		}
	}
}

// dying lets most of what a proposer sends be lost: slots in which nobody voted stay
// behind it, below others in which somebody did.
func (w *World) dying(p *process, within time.Duration) (undo func()) {
	if p == nil || p.role != paxos.ProposerRole || !p.up {
		return nil
	}
	w.net.leaky[p.id] = 700
	life := p.life
	w.after(nil, w.draw(within), func() {
		delete(w.net.leaky, p.id)
		if p.life == life && !w.quiet {
			p.downs++
			p.crash("crash")
		}
	})
	return func() {
		if !w.quiet {
			p.downs = max(0, p.downs-1)
			p.start()
		}
	}
}

// clockJump moves the wall clock of a process whose wall clock must not matter.
func (w *World) clockJump(p *process, g *rand.Rand) (undo func()) {
	if p == nil || p.role == paxos.AcceptorRole {
		return nil
	}
	by := time.Duration(g.Int64N(int64(10*time.Hour))) - 5*time.Hour
	p.clock.skew += by
	return func() { p.clock.skew -= by }
}

func (w *World) diskFault(kind FaultKind, a *acceptor, g *rand.Rand) (undo func()) {
	switch kind {
	case SlowDisk:
		a.factor = time.Duration(1 + g.IntN(200))
		return func() { a.factor = 1 }
	case HungDisk:
		return a.hang()
	case BrokenDisk:
		a.broken = true
		return func() { a.broken = false }
	case LowDisk:
		a.noSpace = true
		return func() { a.noSpace = false }
	}
	if !w.mayLose(a) {
		return nil
	}
	w.count("acceptor disks lost", 1)
	a.wipe()
	return func() {}
}

// mayLose reports whether the cluster can do without the disk of a: the others
// that are members still hold a quorum of both phases.
func (w *World) mayLose(a *acceptor) bool {
	if w.founder.done == nil || a.gone || len(w.operator.steps) > 0 {
		return false
	}
	for _, c := range w.oracle.known.Since(w.oracle.below) {
		if rest := w.there(c, a); !c.Phase1(rest) || !c.Phase2(rest) {
			return false
		}
	}
	return true
}

func (w *World) learnerFault(kind FaultKind, l *learner) (undo func()) {
	if kind == SlowLearner {
		l.slow = 100 * time.Millisecond
		return func() { l.slow = 0 }
	}
	if !w.mayLoseCopy() {
		return nil
	}
	w.count("learner disks lost", 1)
	l.wipe()
	return func() {}
}

// mayLoseCopy reports whether the log can do without the disk of one more learner:
// of the copies that the plan demands before acceptors forget, one is left.
func (w *World) mayLoseCopy() bool { return w.counts["learner disks lost"] < w.plan.Copies-1 }

// netFault cuts or holds up links.
func (w *World) netFault(f Fault, g *rand.Rand) (undo func()) {
	switch f.Kind {
	case Partition:
		return w.cutOff(w.split(g))
	case Estrange:
		return w.cutOff(w.links(func(l link) bool {
			from, to := w.byID[l.from], w.byID[l.to]
			return from != nil && to != nil && from.role == paxos.ProposerRole && to.role == paxos.ProposerRole
		}))
	case RandomCuts:
		percent := 5 + g.IntN(50)
		return w.cutOff(w.links(func(link) bool { return g.IntN(100) < percent }))
	}
	p := w.target(f)
	if p == nil {
		return nil
	}
	from := w.links(func(l link) bool { return l.from == p.id })
	to := w.links(func(l link) bool { return l.to == p.id })
	switch f.Kind {
	case Isolate:
		return w.cutOff(append(from, to...))
	case Deaf:
		return w.cutOff(to)
	case Mute:
		return w.cutOff(from)
	default:
		return w.buffer(w.links(func(l link) bool { return l.from == p.id && w.byID[l.to] != nil }))
	}
}

// links is every link for which the condition holds, clients' links included, in
// a fixed order.
func (w *World) links(holds func(link) bool) []link {
	var ids []paxos.NodeID
	for _, p := range w.processes() {
		ids = append(ids, p.id)
	}
	for c := range w.askers() {
		ids = append(ids, c.id())
	}
	var links []link
	for _, from := range ids {
		for _, to := range ids {
			if l := (link{from, to}); from != to && holds(l) {
				links = append(links, l)
			}
		}
	}
	return links
}

// split is all links between two random halves.
func (w *World) split(g *rand.Rand) []link {
	side := map[paxos.NodeID]bool{}
	for _, p := range w.processes() {
		side[p.id] = g.IntN(2) == 0
	}
	for c := range w.askers() {
		side[c.id()] = g.IntN(2) == 0
	}
	return w.links(func(l link) bool { return side[l.from] != side[l.to] })
}
