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

	mu  sync.Mutex
	err error
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
