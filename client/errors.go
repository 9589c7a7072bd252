package client

import (
	"errors"
	"fmt"

	"github.com/synod-paxos/synod/bus"
)

// What became of a command whose call returned an error. Every error of a call that
// changes something matches exactly one of the two, with [errors.Is]; a nil error
// means that it was done.
var (
	// ErrNotDone: the command was certainly not carried out, and never will be.
	ErrNotDone = errors.New("certainly not done")
	// ErrOutcomeUnknown: the command may have been carried out, or may still be. What
	// tells is [Client.Lookup], or a call that repeats it: see the package's overview.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Why a call failed, matched with [errors.Is].
var (
	// ErrNotFound: there is no such bucket, key, revision or message.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the state is not what the command expected.
	ErrConflict = errors.New("the state is not the one expected")
	// ErrSuperseded: a cluster answered that was restored or forced anew elsewhere, with a
	// higher generation that this client has heard of.
	ErrSuperseded = errors.New("the cluster that answers is superseded")
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("the client is closed")
)

// Error is the error of a call. It matches [ErrNotDone] or [ErrOutcomeUnknown], and
// what Err matches.
type Error struct {
	Op       string      // what was asked for, such as "propose"
	ID       string      // of the command; empty: it had none
	Outcome  bus.Outcome // of the command
	Position Position    // where the state machine refused it; 0: it did not
	Err      error       // the last answer, often a *bus.Error, or why there was none

	stream string // for a lookup
	since  int64
}

// Error says what was asked for, why it failed, and what became of it.
func (e *Error) Error() string {
	id := ""
	if e.ID != "" {
		id = " " + e.ID
	}
	return fmt.Sprintf("synod: %s%s: %v (%s)", e.Op, id, e.Err, e.Outcome)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target names e's outcome.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotDone:
		return e.Outcome == bus.NotDone
	case ErrOutcomeUnknown:
		return e.Outcome == bus.Unknown
	default:
		return false
	}
}

// JetStream's codes that mean one of this package's errors.
const (
	codeStreamNotFound  = 10059
	codeMessageNotFound = 10037
	codeWrongSequence   = 10071
	codeWrongConstant   = 10164
)

// explain gives the state machine's error e a name that errors.Is finds.
func explain(e *bus.Error) error {
	switch e.Code {
	case codeStreamNotFound, codeMessageNotFound:
		return fmt.Errorf("%w: %w", ErrNotFound, e)
	case codeWrongSequence, codeWrongConstant:
		return fmt.Errorf("%w: %w", ErrConflict, e)
	default:
		return e
	}
}
