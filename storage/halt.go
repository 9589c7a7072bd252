package storage

import (
	"log/slog"
	"sync"
)

// halt is the first failure of a store, after which every call is refused.
//
// When a change of the directory fails, more than that: whoever made it, or makes
// one later, is held for good. Pebble must not hear of such an error: it would try
// again at once and without end, panic while it holds locks, or go on. So the
// store is left as it stands, its lock included, until the process ends.
type halt struct {
	log    *slog.Logger
	stop   chan struct{} // closed by the first failure
	failed chan error    // gets the first failure
	stuck  chan struct{} // closed by the first change that failed
	park   func()        // never returns

	mu     sync.Mutex
	err    error
	strict bool // no failure of reading may be heard of either
}

func newHalt(log *slog.Logger) *halt {
	return &halt{
		log:    log,
		stop:   make(chan struct{}),
		failed: make(chan error, 1),
		stuck:  make(chan struct{}),
		park:   func() { select {} },
	}
}

// fail makes err the store's failure, unless it has one, and returns the first.
func (h *halt) fail(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failLocked(err)
}

func (h *halt) failLocked(err error) error {
	if h.err != nil {
		return h.err
	}
	h.err = err
	h.failed <- err
	close(h.stop)
	h.log.Error("storage failed", "err", err)
	return err
}

// cause is the first failure, or nil.
func (h *halt) cause() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// jam says that a change failed with err, and returns the first failure. The gate
// closes before anybody is told, so that nobody who is told finds it open; and who
// finds it closed waits here for the cause.
func (h *halt) jam(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.isStuck() {
		close(h.stuck)
	}
	return h.failLocked(err)
}

// strictly does what makes Pebble change the directory by what it reads, and takes what
// it cannot read for empty: whoever fails to read is held meanwhile. After a failure,
// which Pebble may have heard of, it does nothing and returns that.
func (h *halt) strictly(do func() error) error {
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

func (h *halt) setStrict() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.strict = h.err == nil
	return h.err
}

// failRead says that reading failed with err, and returns the first failure, unless it
// must not be heard of.
func (h *halt) failRead(err error) error {
	first, strict := h.noteRead(err)
	if strict {
		h.hold(err)
	}
	return first
}

func (h *halt) noteRead(err error) (first error, strict bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.strict {
		return nil, true
	}
	return h.failLocked(err), false
}

// hold says that a change failed with err, and never returns.
func (h *halt) hold(err error) {
	_ = h.jam(err)
	h.park()
}

// gate is passed before each change, and lets nobody through once one failed.
func (h *halt) gate() {
	if h.isStuck() {
		h.park()
	}
}

func (h *halt) isStuck() bool {
	select {
	case <-h.stuck:
		return true
	default:
		return false
	}
}
