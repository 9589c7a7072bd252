package linearizability

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// A History is what all clients of a test called and were told about one pair of
// keys and its lock. Its methods may be called from any goroutine.
type History struct {
	begun time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// NewHistory begins an empty history.
func NewHistory() *History { return &History{begun: time.Now()} }

// Call records an operation. do returns the output, and whether to keep it: a
// read without an answer says nothing.
func (h *History) Call(client int, in Input, do func() (out Output, keep bool)) {
	op := porcupine.Operation{ClientId: client, Input: in, Call: int64(time.Since(h.begun))}
	out, keep := do()
	op.Output, op.Return = out, int64(time.Since(h.begun))
	if !keep {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, op)
}

// Len is how many operations were recorded.
func (h *History) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ops)
}

// Close leaves operations with an unknown outcome open to the end, and returns all.
func (h *History) Close() []porcupine.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	end := int64(time.Since(h.begun)) + 1
	for i := range h.ops {
		if h.ops[i].Output.(Output).Unknown {
			h.ops[i].Return = end
		}
	}
	return slices.Clone(h.ops)
}

// Check closes the history and says whether one order of its operations explains
// every answer; porcupine.Unknown when that is not found out within patience.
func (h *History) Check(patience time.Duration) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(Model, h.Close(), patience)
}

// String lists the operations, one a line.
func (h *History) String() string {
	var b strings.Builder
	for _, op := range h.Close() {
		fmt.Fprintf(&b, "client %d: %s to %s: %s: %s\n", op.ClientId, time.Duration(op.Call), time.Duration(op.Return),
			op.Input.(Input).Kind, describe(op.Input.(Input), op.Output.(Output)))
	}
	return b.String()
}
