package linearizability

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// The kinds of operations.
type kind int

const (
	read    kind = iota // key -> value
	write               // key, value
	swap                // key: old to value, if it is old
	both                // both keys to value if key is old, else read both
	lock                // -> token
	guarded             // key to value, if token holds the lock
	kindsEnd
)

// An input is an operation. Values are unique, and "" is none, so a revision stands
// for a value.
type input struct {
	kind       kind
	key        int // 0 or 1
	old, value string
	token      uint64
}

// An output is what the caller was told.
type output struct {
	unknown bool
	ok      bool      // the condition held
	values  [2]string // that were read; of a read only the first
	token   uint64
}

// state is what one copy of the data would hold.
type state struct {
	values [2]string
	token  uint64 // of the last lock
	over   bool   // that lease has ended
}

var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(s, in, out any) (bool, any) { return step(s.(state), in.(input), out.(output)) },
	DescribeOperation: func(in, out any) string {
		return fmt.Sprintf("%+v -> %+v", in, out)
	},
}

// step is the specification. An operation whose outcome is unknown never returns:
// it may have its effect anywhere after its call, and at the end of all if it had none.
func step(s state, in input, out output) (bool, state) {
	switch in.kind {
	case read:
		return out.values[0] == s.values[in.key], s
	case write:
		s.values[in.key] = in.value
		return true, s
	case swap:
		holds := s.values[in.key] == in.old
		if holds {
			s.values[in.key] = in.value
		}
		return out.unknown || out.ok == holds, s
	case both:
		return stepBoth(s, in, out)
	case lock:
		return stepLock(s, out)
	default:
		return stepGuarded(s, in, out)
	}
}

func stepBoth(s state, in input, out output) (bool, state) {
	holds := s.values[in.key] == in.old
	seen := s.values
	if holds {
		s.values = [2]string{in.value, in.value}
	}
	return out.unknown || out.ok == holds && (holds || out.values == seen), s
}

// stepLock: leases end by time, of which the model knows nothing, so a lock may
// always be taken; but tokens rise.
func stepLock(s state, out output) (bool, state) {
	if out.unknown {
		s.over = true // who holds it knows no token
		return true, s
	}
	ok := out.token > s.token
	s.token, s.over = out.token, false
	return ok, s
}

// stepGuarded: a token that was superseded never writes, nor does one that was
// once refused.
func stepGuarded(s state, in input, out output) (bool, state) {
	holds := s.token == in.token && !s.over
	if !out.unknown && !out.ok {
		if s.token == in.token {
			s.over = true
		}
		return true, s
	}
	if holds {
		s.values[in.key] = in.value
	}
	return out.unknown || holds, s
}

// A history is what all clients of a test called and were told.
type history struct {
	begun time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation
}

func newHistory() *history { return &history{begun: time.Now()} }

// call records an operation. done is given the output, and whether to keep it: a
// read without an answer says nothing.
func (h *history) call(client int, in input, do func() (out output, keep bool)) {
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

// close leaves operations with an unknown outcome open to the end, and returns all.
func (h *history) close() []porcupine.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	end := int64(time.Since(h.begun)) + 1
	for i := range h.ops {
		if h.ops[i].Output.(output).unknown {
			h.ops[i].Return = end
		}
	}
	return slices.Clone(h.ops)
}

// check wants the history to be linearizable, or not to be.
func (h *history) check(t *testing.T, want porcupine.CheckResult) {
	t.Helper()
	ops := h.close()
	if got := porcupine.CheckOperationsTimeout(model, ops, 20*time.Second); got != want {
		for _, op := range ops {
			t.Logf("%d: %d to %d: %+v -> %+v", op.ClientId, op.Call, op.Return, op.Input, op.Output)
		}
		t.Errorf("of %d operations the checker says %s, want %s", len(ops), got, want)
	}
}

// TestTheModel refuses what no single copy of the data can do.
func TestTheModel(t *testing.T) {
	for _, test := range []struct {
		what string
		want porcupine.CheckResult
		ops  []porcupine.Operation
	}{
		{"an old value after a new one", porcupine.Illegal, []porcupine.Operation{
			op(input{kind: write, value: "a"}, output{}, 1, 2), op(input{kind: write, value: "b"}, output{}, 3, 4),
			op(input{kind: read}, output{values: [2]string{"a"}}, 5, 6),
		}},
		{"a late unknown write", porcupine.Ok, []porcupine.Operation{
			op(input{kind: write, value: "a"}, output{unknown: true}, 1, 9),
			op(input{kind: read}, output{}, 3, 4), op(input{kind: read}, output{values: [2]string{"a"}}, 5, 6),
		}},
		{"half a transaction", porcupine.Illegal, []porcupine.Operation{
			op(input{kind: both, value: "a"}, output{ok: true}, 1, 2), op(input{kind: read, key: 1}, output{}, 3, 4),
		}},
		{"a superseded token that writes", porcupine.Illegal, []porcupine.Operation{
			op(input{kind: lock}, output{token: 1}, 1, 2), op(input{kind: lock}, output{token: 2}, 3, 4),
			op(input{kind: guarded, token: 1, value: "a"}, output{ok: true}, 5, 6),
		}},
		{"a token that falls", porcupine.Illegal, []porcupine.Operation{
			op(input{kind: lock}, output{token: 2}, 1, 2), op(input{kind: lock}, output{token: 1}, 3, 4),
		}},
		{"two swaps of the same value", porcupine.Illegal, []porcupine.Operation{
			op(input{kind: swap, value: "a"}, output{ok: true}, 1, 3), op(input{kind: swap, value: "b"}, output{ok: true}, 2, 4),
		}},
	} {
		if got := porcupine.CheckOperationsTimeout(model, test.ops, time.Second); got != test.want {
			t.Errorf("%s: %s, want %s", test.what, got, test.want)
		}
	}
}

func op(in input, out output, call, back int64) porcupine.Operation {
	return porcupine.Operation{Input: in, Output: out, Call: call, Return: back}
}
