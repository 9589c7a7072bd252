package storage

import (
	"log/slog"
	"sync"
)

// phase is how a halted store treats what still wants to write.
type phase int

const (
	opening phase = iota // refuse: the opener is told, and gives up
	serving              // hold until Close: a refused flush is tried again, for ever
	closing              // refuse: everything winds up
)

// halt is the first failure of a store. Once there is one, nothing is written any
// more: see gate.
type halt struct {
	log    *slog.Logger
	stop   chan struct{} // closed by the first failure
	failed chan error    // gets the first failure

	mu      sync.Mutex
	phase   phase
	closing chan struct{} // closed when phase becomes closing
	err     error
}

func newHalt(log *slog.Logger) *halt {
	return &halt{log: log, stop: make(chan struct{}), failed: make(chan error, 1), closing: make(chan struct{})}
}

// fail makes err the store's failure, unless it has one, and returns the first.
func (h *halt) fail(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return h.err
	}
	h.err = err
	h.failed <- err
	close(h.stop)
	if h.phase == serving {
		h.log.Error("storage failed; nothing more is written", "err", err)
	}
	return err
}

// cause is the first failure, or nil.
func (h *halt) cause() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// enter moves to the next phase.
func (h *halt) enter(p phase) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p == closing && h.phase != closing {
		close(h.closing)
	}
	h.phase = p
}

// gate is passed before each change of the directory. After a failure it lets
// nobody through: it returns the failure, while serving only once the store is
// closed, because Pebble would try again at once and without end.
func (h *halt) gate() error {
	h.mu.Lock()
	err, hold := h.err, h.phase == serving
	h.mu.Unlock()
	if err != nil && hold {
		<-h.closing
	}
	return err
}
