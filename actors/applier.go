package actors

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// syncEvery is how often a learner makes its state durable. Nothing waits for it but a
// change of configuration, which hurries it: what a crash loses is learned again from
// the acceptors, who keep it until then.
const syncEvery = 500 * time.Millisecond

// applier feeds a state machine what was learned, in a goroutine of its own or, where that
// takes longer than the work, in the learner's, and keeps the results until the learner
// answers with them or forgets them. What waits is bounded by the learner's role, which
// learns no more when it is full.
type applier struct {
	machine Machine
	log     *slog.Logger
	wake    func()
	fail    func(error)
	done    sync.WaitGroup
	stop    chan struct{}
	now     chan struct{} // asks for a sync at once

	mu       sync.Mutex
	wait     sync.Cond
	learned  []paxos.Decision
	job      func() error // to run between two decisions, such as installing a snapshot
	outcomes map[paxos.Slot]outcome
	digests  []paxos.Digest // taken, and not yet told
	summing  bool           // a digest is to be taken where the machine is
	at       paxos.Position
	wanted   paxos.Slot // is to be durable soon; see Machine.Sync
	closed   bool
	busy     bool // somebody uses the machine
	failed   bool // and nobody must any more
	quick    bool // the last slot was applied in less than quickTime
	commands uint64
	batches  uint64
	times    paxos.Durations
}

// A slot of at most smallSlot bytes is applied by whoever learned it, if the last one took
// no more than quickTime.
const (
	smallSlot = 2 << 10
	quickTime = 300 * time.Microsecond
)

// outcome is the results of one slot.
type outcome struct {
	ballot  paxos.Ballot
	inboxes []string // by command; empty: nobody waits
	results []Result
}

func newApplier(m Machine, log *slog.Logger, wake func(), fail func(error)) *applier {
	a := &applier{
		machine: m, log: log, wake: wake, fail: fail, stop: make(chan struct{}), now: make(chan struct{}, 1),
		outcomes: map[paxos.Slot]outcome{}, at: m.Position(),
	}
	a.wait.L = &a.mu
	return a
}

func (a *applier) start() {
	a.done.Add(2)
	go func() {
		defer a.done.Done()
		a.run()
	}()
	go func() {
		defer a.done.Done()
		a.syncLoop()
	}()
}

// close returns once all that was learned is applied, or the machine has failed.
func (a *applier) close() {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		close(a.stop)
	}
	a.mu.Unlock()
	a.wait.Signal()
	a.done.Wait()
}

func (a *applier) put(learned []paxos.Decision) {
	if len(learned) == 0 {
		return
	}
	a.mu.Lock()
	a.learned = append(a.learned, learned...)
	a.mu.Unlock()
	a.wait.Signal()
}

// position is how far the machine is.
func (a *applier) position() paxos.Position {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at
}

// results removes and returns the outcome of a slot.
func (a *applier) results(slot paxos.Slot) outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.outcomes[slot]
	delete(a.outcomes, slot)
	return o
}

func (a *applier) counts() (commands, batches uint64, times paxos.Durations) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.commands, a.batches, a.times
}

// between runs job in the goroutine that applies, before anything else is applied.
func (a *applier) between(job func() error) {
	a.mu.Lock()
	a.job = job
	a.mu.Unlock()
	a.wait.Signal()
}

// sum takes a digest of the state as it is.
func (a *applier) sum() {
	a.mu.Lock()
	a.summing = true
	a.mu.Unlock()
	a.wait.Signal()
}

// want hurries until slot is durable.
func (a *applier) want(slot paxos.Slot) {
	a.mu.Lock()
	news := slot > a.wanted
	a.wanted = max(a.wanted, slot)
	a.mu.Unlock()
	if news {
		a.hurry()
	}
}

// hurry syncs the machine at once if what is wanted is applied and not durable.
func (a *applier) hurry() {
	a.mu.Lock()
	waits := a.at.Applied >= a.wanted && a.at.Durable < a.wanted
	a.mu.Unlock()
	if waits {
		select {
		case a.now <- struct{}{}:
		default: // it is asked already
		}
	}
}

// takeDigests removes and returns the digests taken since the last call.
func (a *applier) takeDigests() []paxos.Digest {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.digests
	a.digests = nil
	return taken
}

// here applies what was learned before it returns, or does nothing and returns false. What
// is little is not worth the way to another goroutine and back.
func (a *applier) here(learned []paxos.Decision) bool {
	if len(learned) != 1 || learned[0].Value.Size() > smallSlot || !a.begin() {
		return false
	}
	err := a.apply(learned[0])
	a.mu.Lock()
	a.busy, a.failed = false, err != nil
	a.mu.Unlock()
	if err != nil {
		a.fail(err)
	}
	return true
}

// begin takes the machine for whoever calls it, unless something else is to be done with it.
func (a *applier) begin() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy || !a.quick || a.failed || a.closed || len(a.learned) > 0 || a.job != nil || a.summing {
		return false
	}
	a.busy = true
	return true
}

func (a *applier) run() {
	for {
		learned, job, sum, ok := a.next()
		if !ok {
			return
		}
		if sum {
			a.takeDigest()
		}
		if job != nil {
			if err := job(); err != nil {
				a.fail(err)
				return
			}
			a.moved()
		}
		for _, d := range learned {
			if err := a.apply(d); err != nil {
				a.fail(err)
				return
			}
			a.wake()
		}
	}
}

// next waits for something to do; ok is false at the end.
func (a *applier) next() (learned []paxos.Decision, job func() error, sum, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy = false
	for a.failed || len(a.learned) == 0 && a.job == nil && !a.summing {
		if a.closed || a.failed {
			return nil, nil, false, false
		}
		a.wait.Wait()
	}
	learned, job, sum = a.learned, a.job, a.summing
	a.learned, a.job, a.summing, a.busy = nil, nil, false, true
	return learned, job, sum, true
}

// takeDigest sums up the state as it is.
func (a *applier) takeDigest() {
	d := paxos.Digest{Slot: a.machine.Position().Applied, Sum: a.machine.Digest()}
	a.mu.Lock()
	a.digests = append(a.digests, d)
	a.mu.Unlock()
	a.wake()
}

// moved tells the role where the machine is after a job.
func (a *applier) moved() {
	at := a.machine.Position()
	a.mu.Lock()
	a.at = at
	a.mu.Unlock()
	a.wake()
}

func (a *applier) apply(d paxos.Decision) (err error) {
	if d.Slot <= a.position().Applied {
		return nil // a snapshot that was installed meanwhile holds it
	}
	defer func() {
		if r := recover(); r != nil {
			a.log.Error("panic", "reason", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("the state machine panicked on slot %d: %v", d.Slot, r)
		}
	}()
	commands, err := a.commandsOf(d)
	if err != nil {
		// Chosen is chosen: every learner finds the same bytes and skips them.
		a.log.Error("a chosen batch cannot be read and is skipped by every learner", "slot", d.Slot, "err", err)
	}
	began := time.Now()
	results, err := a.machine.Apply(d.Slot, d.Value.Stamp, commands)
	if err != nil {
		return fmt.Errorf("apply slot %d: %w", d.Slot, err)
	}
	if len(results) != len(commands) {
		return fmt.Errorf("apply slot %d: %d results for %d commands", d.Slot, len(results), len(commands))
	}
	a.applied(d, commands, results, time.Since(began))
	return nil
}

func (a *applier) commandsOf(d paxos.Decision) ([]paxos.Command, error) {
	if d.Value.Kind != paxos.Batch {
		return nil, nil
	}
	return paxos.DecodeBatch(d.Value.Body)
}

func (a *applier) applied(d paxos.Decision, commands []paxos.Command, results []Result, took time.Duration) {
	inboxes := make([]string, len(commands))
	for i, c := range commands {
		inboxes[i] = c.Reply
	}
	at := a.machine.Position()
	var digest []paxos.Digest
	if d.Slot%paxos.DigestEvery == 0 {
		digest = append(digest, paxos.Digest{Slot: d.Slot, Sum: a.machine.Digest()})
	}
	a.mu.Lock()
	a.digests = append(a.digests, digest...)
	if len(commands) > 0 {
		a.outcomes[d.Slot] = outcome{d.Ballot, inboxes, results}
	}
	a.at = at
	a.commands += uint64(len(commands))
	a.batches++
	a.times.Add(paxos.Duration(took))
	a.quick = took <= quickTime
	reached := d.Slot == a.wanted
	a.mu.Unlock()
	if reached {
		a.hurry()
	}
}

// syncLoop makes the state durable now and then.
func (a *applier) syncLoop() {
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-ticker.C:
		case <-a.now:
		}
		if p := a.machine.Position(); p.Durable >= p.Applied {
			continue
		}
		if err := a.machine.Sync(a.wants()); err != nil {
			a.fail(fmt.Errorf("sync the state: %w", err))
			return
		}
		durable := a.machine.Position().Durable
		a.mu.Lock()
		a.at.Durable = min(durable, a.at.Applied) // apply may be about to tell more
		a.mu.Unlock()
		a.wake()
	}
}

func (a *applier) wants() paxos.Slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.wanted
}
