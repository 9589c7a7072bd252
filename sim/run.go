package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// Report is what a run came to.
type Report struct {
	Plan      *Plan
	Failure   *Failure // nil: every rule held
	Counts    map[string]int
	Events    int
	Recovered time.Duration // from the end of the faults until all was done
}

// Run runs a plan to its end, or to the first rule that breaks. A trace gets a
// line for everything that happens; nil costs nothing.
func Run(p *Plan, trace func(line string)) *Report {
	w := NewWorld(p)
	defer w.close()
	w.recorder.sink = trace
	w.archiving = slices.ContainsFunc(p.Faults, func(f Fault) bool { return f.Kind == Hostile })
	w.Begin()
	w.advance(p.Quiet)
	r := &Report{Plan: p}
	if w.failure == nil {
		w.settleAll("after the faults")
		r.Recovered = w.now - p.Quiet
	}
	if w.failure == nil && p.Audit {
		w.audit()
	}
	if w.failure == nil {
		w.readAll()
		w.settleAll("after the last reads")
	}
	if w.failure == nil {
		w.oracle.finalChecks()
	}
	r.Failure, r.Counts, r.Events = w.failure, w.counts, w.handled
	r.Counts["virtual seconds"] = int(w.now / time.Second)
	return r
}

// settleAll lets the world go on until all that was asked for is done, and fails
// the run when that takes longer than its bound.
func (w *World) settleAll(when string) {
	bound := w.plan.Bound + w.slotBySlot()
	if w.advanceUntil(w.now+bound, w.allDone) || w.failure != nil {
		return
	}
	w.fail("liveness", "%s, %v are not enough: %s", when, bound, w.unfinished())
}

// slotBySlot is how long it takes where a page holds a single vote: whoever missed all
// that is chosen and a window, be it a learner or a new leader in phase 1, asks for it slot
// by slot; and another window comes with each change of configuration.
func (w *World) slotBySlot() time.Duration {
	if w.plan.PageBytes >= 1<<10 {
		return 0
	}
	slots := w.oracle.below + 2*w.plan.Window
	return time.Duration(slots) * time.Duration(w.plan.Learning.Patience+5e6)
}

// allDone reports whether no client wants anything, and every learner has applied
// all that is chosen.
func (w *World) allDone() bool {
	for c := range w.askers() {
		if !c.done() {
			return false
		}
	}
	for _, l := range w.learners {
		if l.machine.applied+1 != w.oracle.below || !l.up {
			return false
		}
	}
	return true
}

// unfinished says what is not done, for a person.
func (w *World) unfinished() string {
	var s []string
	for c := range w.askers() {
		if !c.done() {
			s = append(s, c.unfinished())
		}
	}
	for _, l := range w.learners {
		s = append(s, fmt.Sprintf("learner %s applied %d", l.id, l.machine.applied))
	}
	s = append(s, fmt.Sprintf("chosen below %d", w.oracle.below))
	if p := w.leader(); p != nil {
		s = append(s, fmt.Sprintf("leader %s", p.id))
	} else {
		s = append(s, "no leader")
	}
	return strings.Join(s, "; ")
}

// audit cuts the power of everything at once, and lets a learner with an empty
// disk read the whole log from what the disks hold.
func (w *World) audit() {
	w.note("", "the power fails, and a fresh learner comes")
	w.oracle.mayElect = true
	undo := w.crash(w.processes()...)
	undo()
	l := newLearner(w, nodeID("l", len(w.learners)))
	w.learners = append(w.learners, l)
	w.byID[l.id] = &l.process
	l.start()
	c := newClient(w, ClientPlan{ID: "c99", Commands: 2, Think: time.Millisecond, Timeout: 300 * time.Millisecond, Retry: 40 * time.Millisecond})
	w.clients = append(w.clients, c)
	c.next()
	w.settleAll("after the power failed")
}

// readAll reads from every learner: with nothing wrong, that takes little time, also
// where a vote was left behind in a slot that nobody has used since.
func (w *World) readAll() {
	served := 0
	for _, l := range w.learners {
		w.oracle.reads++
		need := w.oracle.visible
		l.read(w.oracle.reads, func() {
			served++
			if l.machine.applied < need {
				w.fail("fresh reads", "learner %s serves a read with slot %d applied; slot %d was answered before", l.id, l.machine.applied, need)
			}
		})
	}
	bound := 3*time.Second + w.slotBySlot()
	if !w.advanceUntil(w.now+bound, func() bool { return served == len(w.learners) }) && w.failure == nil {
		w.fail("liveness", "%d of %d learners served a read within %v", served, len(w.learners), bound)
	}
}

// countSend counts a message that a role sends.
func (w *World) countSend(e *paxos.Envelope) {
	w.keepArchive(e)
	switch e.Msg.(type) {
	case paxos.Prepare:
		w.counts["Prepares"]++
	case paxos.Accept:
		w.counts["Accepts"]++
	case paxos.Nack:
		w.counts["Nacks"]++
	case paxos.Fetch:
		w.counts["Fetches"]++
	case paxos.Fill:
		w.counts["Fills"]++
	case paxos.HandOver:
		w.counts["HandOvers"]++
	}
}

// Story is the last lines of a plan's run, by running it again.
func Story(p *Plan, lines int) string {
	var last []string
	Run(p, func(line string) {
		last = append(last, line)
		if len(last) > 2*lines {
			last = append(last[:0], last[lines:]...)
		}
	})
	return strings.Join(last[max(0, len(last)-lines):], "\n")
}

// Shrink leaves out of a failing plan whatever it fails without, faults and
// clients and their commands, and returns the smaller plan: it breaks the same rule.
// Each try is one run; there are at most so many.
func Shrink(p *Plan, tries int) *Plan {
	check := Run(p, nil).Failure.Check
	best := p
	fails := func(q *Plan) bool {
		tries--
		f := Run(q, nil).Failure
		return f != nil && f.Check == check
	}
	for again := true; again && tries > 0; {
		again = false
		for _, q := range smaller(best) {
			if tries > 0 && fails(q) {
				best, again = q, true
				break
			}
		}
	}
	return best
}

// smaller is the plans with one thing less than p.
func smaller(p *Plan) []*Plan {
	var all []*Plan
	change := func(f func(q *Plan)) {
		q := *p
		q.Faults, q.Clients, q.Sessions = slices.Clone(p.Faults), slices.Clone(p.Clients), slices.Clone(p.Sessions)
		f(&q)
		all = append(all, &q)
	}
	for i := range p.Faults {
		change(func(q *Plan) { q.Faults = slices.Delete(q.Faults, i, i+1) })
	}
	for i := range p.Clients {
		if len(p.Clients)+len(p.Sessions) > 1 {
			change(func(q *Plan) { q.Clients = slices.Delete(q.Clients, i, i+1) })
		}
		if n := p.Clients[i].Commands; n > 1 {
			change(func(q *Plan) { q.Clients[i].Commands = n / 2 })
		}
		if p.Clients[i].Reads > 0 {
			change(func(q *Plan) { q.Clients[i].Reads = 0 })
		}
	}
	for i := range p.Sessions {
		if len(p.Sessions) > 1 {
			change(func(q *Plan) { q.Sessions = slices.Delete(q.Sessions, i, i+1) })
		}
		if n := p.Sessions[i].Commands; n > 1 {
			change(func(q *Plan) { q.Sessions[i].Commands = n / 2 })
		}
	}
	return all
}

// Add adds the counts of a run to a sum of many.
func (r *Report) Add(sum map[string]int) {
	for k, n := range r.Counts {
		sum[k] += n
	}
}

// Table is counts for a person, one a line.
func Table(counts map[string]int) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%12d %s\n", counts[k], k)
	}
	return b.String()
}
