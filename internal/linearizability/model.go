package linearizability

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// Kind is a kind of operation.
type Kind int

// The kinds of operations.
const (
	Read    Kind = iota // key -> value
	Write               // key, value
	Swap                // key: old to value, if it is old
	Both                // both keys to value if key is old, else read both
	Lock                // -> token
	Guarded             // key to value, if token holds the lock
	Kinds               // how many there are
)

var kindNames = [Kinds]string{"read", "write", "swap", "transaction", "lock", "guarded write"}

func (k Kind) String() string {
	if k < 0 || k >= Kinds {
		return "none"
	}
	return kindNames[k]
}

// An Input is an operation. Values are unique, and "" is none, so a revision stands
// for a value.
type Input struct {
	Kind       Kind
	Key        int // 0 or 1
	Old, Value string
	Token      uint64
}

// An Output is what the caller was told.
type Output struct {
	Unknown bool
	OK      bool      // the condition held
	Values  [2]string // that were read; of a Read only the first
	Token   uint64
}

// state is what one copy of the data would hold.
type state struct {
	values [2]string
	token  uint64 // of the last lock
	over   bool   // that lease has ended
}

// Model is what two keys and a lock do if there is one copy of them.
var Model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(s, in, out any) (bool, any) { return step(s.(state), in.(Input), out.(Output)) },
	DescribeOperation: func(in, out any) string {
		return describe(in.(Input), out.(Output))
	},
}

func describe(in Input, out Output) string { return fmt.Sprintf("%+v -> %+v", in, out) }

// step is the specification. An operation whose outcome is unknown never returns:
// it may have its effect anywhere after its call, and at the end of all if it had none.
func step(s state, in Input, out Output) (bool, state) {
	switch in.Kind {
	case Read:
		return out.Values[0] == s.values[in.Key], s
	case Write:
		s.values[in.Key] = in.Value
		return true, s
	case Swap:
		holds := s.values[in.Key] == in.Old
		if holds {
			s.values[in.Key] = in.Value
		}
		return out.Unknown || out.OK == holds, s
	case Both:
		return stepBoth(s, in, out)
	case Lock:
		return stepLock(s, out)
	default:
		return stepGuarded(s, in, out)
	}
}

func stepBoth(s state, in Input, out Output) (bool, state) {
	holds := s.values[in.Key] == in.Old
	seen := s.values
	if holds {
		s.values = [2]string{in.Value, in.Value}
	}
	return out.Unknown || out.OK == holds && (holds || out.Values == seen), s
}

// stepLock: leases end by time, of which the model knows nothing, so a lock may
// always be taken; but tokens rise.
func stepLock(s state, out Output) (bool, state) {
	if out.Unknown {
		s.over = true // who holds it knows no token
		return true, s
	}
	ok := out.Token > s.token
	s.token, s.over = out.Token, false
	return ok, s
}

// stepGuarded: a token that was superseded never writes, nor does one that was
// once refused.
func stepGuarded(s state, in Input, out Output) (bool, state) {
	holds := s.token == in.Token && !s.over
	if !out.Unknown && !out.OK {
		if s.token == in.Token {
			s.over = true
		}
		return true, s
	}
	if holds {
		s.values[in.Key] = in.Value
	}
	return out.Unknown || holds, s
}
