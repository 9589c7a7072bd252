// Package guard keeps a database from hearing of a disk that fails.
//
// When a change of its directory fails, whoever made it, or makes one later, is held for
// good. The database must not hear of such an error: it would try again, at once and
// without end, panic while it holds locks, or go on. So it is left as it stands, its lock
// included, until the process ends, which a [Halt] is to have done.
package guard

import (
	"sync"
	"time"
)

// A Halt is the first failure of a database, after which it is not used any more.
type Halt struct {
	// Park holds whoever calls it. It never returns; a test may end the goroutine.
	Park func()

	tell  func(error)
	stop  chan struct{} // closed by the first failure
	stuck chan struct{} // closed by the first change that failed
	jobs  chan func()   // of attempts, to workers that wait

	mu     sync.Mutex
	err    error
	strict bool // no failure of reading may be heard of either
}

// NewHalt returns a halt that hands its first failure to tell, which must return at once
// and not use the halt.
func NewHalt(tell func(error)) *Halt {
	return &Halt{Park: func() { select {} }, tell: tell, stop: make(chan struct{}), stuck: make(chan struct{}), jobs: make(chan func())}
}

// Fail makes err the failure, unless there is one, and returns the first.
func (h *Halt) Fail(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failLocked(err)
}

func (h *Halt) failLocked(err error) error {
	if h.err != nil {
		return h.err
	}
	h.err = err
	close(h.stop)
	h.tell(err)
	return err
}

// Cause is the first failure, or nil.
func (h *Halt) Cause() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// Stopped is closed by the first failure.
func (h *Halt) Stopped() <-chan struct{} { return h.stop }

// Stuck is closed by the first change that failed.
func (h *Halt) Stuck() <-chan struct{} { return h.stuck }

// Jam says that a change failed with err, and returns the first failure. The gate
// closes before anybody is told, so that nobody who is told finds it open; and who
// finds it closed waits in Cause for the failure.
func (h *Halt) Jam(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.IsStuck() {
		close(h.stuck)
	}
	return h.failLocked(err)
}

// Strictly does what makes the database change the directory by what it reads, and take
// what it cannot read for empty: whoever fails to read is held meanwhile. After a
// failure, which the database may have heard of, it does nothing and returns that.
func (h *Halt) Strictly(do func() error) error {
	if err := h.setStrict(); err != nil {
		return err
	}
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.strict = false
	}()
	return do()
}

func (h *Halt) setStrict() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.strict = h.err == nil
	return h.err
}

// FailRead says that reading failed with err, and returns the first failure, unless it
// must not be heard of.
func (h *Halt) FailRead(err error) error {
	first, strict := h.noteRead(err)
	if strict {
		h.Hold(err)
	}
	return first
}

func (h *Halt) noteRead(err error) (first error, strict bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.strict {
		return nil, true
	}
	return h.failLocked(err), false
}

// Hold says that a change failed with err, and never returns.
func (h *Halt) Hold(err error) {
	_ = h.Jam(err)
	h.Park()
}

// Gate is passed before each change, and lets nobody through once one failed.
func (h *Halt) Gate() {
	if h.IsStuck() {
		h.Park()
	}
}

// IsStuck reports whether the database is left as it stands.
func (h *Halt) IsStuck() bool {
	select {
	case <-h.stuck:
		return true
	default:
		return false
	}
}

// Attempt does what may be held, in another goroutine, and returns what comes of it; or the
// failure, as soon as somebody is held.
func Attempt[T any](h *Halt, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	job := func() {
		value, err := do()
		done <- result{value, err}
	}
	select {
	case h.jobs <- job:
	default: // nobody waits for one
		go h.work(job)
	}
	select {
	case r := <-done:
		return r.value, r.err
	case <-h.stuck:
		var none T
		return none, h.Cause()
	}
}

// idleTime is after how long without a job, at least, a worker ends: soon, since nobody else
// ends it.
const idleTime = 20 * time.Millisecond

// work does a job, and then those that come: whoever has just done one has a stack that is
// large enough for the next.
func (h *Halt) work(job func()) {
	job()
	idle := time.NewTicker(idleTime)
	defer idle.Stop()
	for used := false; ; {
		select {
		case job := <-h.jobs:
			job()
			used = true
		case <-idle.C:
			if !used {
				return
			}
			used = false
		case <-h.stuck:
			return
		}
	}
}
