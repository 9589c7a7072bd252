package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// A command is a message on its way to the state machine, through any number of
// attempts.
type command struct {
	op      string // for errors
	id      string // by which the state machine knows a copy; empty: it does not
	stream  string // that it concerns, which names its lane
	subject string // relative to the cluster's
	header  nats.Header
	data    []byte
	alone   bool // it is not put into a bundle

	// window is how long, after the first attempt whose outcome is unknown, a copy is
	// sent. It is well below the time for which the state machine knows the id.
	// 0: no copy is sent; forever: a copy never does harm.
	window time.Duration
}

const forever = time.Duration(1<<63 - 1)

// A verdict is what is known after one attempt.
type verdict int

const (
	answered  verdict = iota // by the state machine: it was applied, or refused there
	refused                  // it was certainly not taken, and another attempt may be
	hopeless                 // it was certainly not taken, and no other will be
	unsettled                // it may have been taken, or may still be
)

// A result is the end of one attempt.
type result struct {
	verdict  verdict
	header   nats.Header
	data     []byte
	position Position
	err      error // unless answered: why
}

// judge reads the answer to one message that is not a bundle. An answer in which a
// role, not the state machine, speaks has one of Synod's own codes.
func (c *Client) judge(m *nats.Msg, err error) result {
	switch {
	case errors.Is(err, errNoResponders):
		return result{verdict: refused, err: err}
	case err != nil:
		return result{verdict: unsettled, err: err}
	}
	r := result{header: m.Header, data: m.Data, position: c.positionOf(m)}
	if e := roleError(m); e != nil {
		r.verdict, r.err = verdictOf(e), e
	}
	return r
}

// roleError is the error with which a role answers for itself; nil when it is the
// state machine that answers.
func roleError(m *nats.Msg) *bus.Error {
	if m.Header.Get(bus.OutcomeHeader) == "" {
		return nil
	}
	a, err := bus.ParseAck(m.Data)
	if err != nil || a.Error == nil {
		return nil
	}
	return a.Error
}

func verdictOf(e *bus.Error) verdict {
	switch {
	case e.Outcome != bus.NotDone:
		return unsettled
	case e.Code == bus.CodeTooLarge, e.Code == bus.CodeMalformed, e.Code == bus.CodeFailed:
		return hopeless
	default:
		return refused
	}
}

// attempt sends o once and waits for the answer, as long as patience.
func (c *Client) attempt(ctx context.Context, o *command, patience time.Duration) result {
	done := make(chan result, 1)
	m := &nats.Msg{Subject: c.bus.Subjects().Root() + o.subject, Header: o.header, Data: o.data}
	forget, err := c.caller.send(m, func(m *nats.Msg, err error) { done <- c.judge(m, err) })
	if err != nil {
		return unsent(err)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r := <-done:
		return r
	case <-timer.C:
		err = errNoAnswer
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", errNoAnswer, context.Cause(ctx))
	}
	forget()
	return result{verdict: unsettled, err: err}
}

// unsent is the result of an attempt that left for nobody.
func unsent(err error) result {
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) {
		return result{verdict: hopeless, err: err}
	}
	return result{verdict: refused, err: err}
}

// do attempts o until the state machine has answered, or nothing more can be done,
// or ctx ends. When the error is nil, the state machine has answered; settled says
// that no other copy of the command is on its way.
func (c *Client) do(ctx context.Context, o *command) (r result, settled bool, err error) {
	var doubtful time.Time // of the first attempt that is not settled
	pause, patience := pauseFirst, c.options.Attempt
	for {
		begun := time.Now()
		r = c.attempt(ctx, o, patience)
		switch r.verdict {
		case answered:
			return r, doubtful.IsZero(), nil
		case hopeless:
			return r, doubtful.IsZero(), c.fail(o, r, doubtful.IsZero())
		case unsettled:
			if doubtful.IsZero() {
				doubtful = begun
			}
			pause, patience = pauseFirst, 2*patience
		}
		wait := jitter(pause)
		pause = min(2*pause, pauseMost)
		if !c.mayRepeat(ctx, o, doubtful, wait) {
			return r, doubtful.IsZero(), c.fail(o, r, doubtful.IsZero())
		}
	}
}

const (
	pauseFirst = 5 * time.Millisecond
	pauseMost  = 500 * time.Millisecond
)

// jitter is a time of d on average, so that clients that were refused together do
// not return together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// mayRepeat waits before another attempt, and reports whether there may be one.
func (c *Client) mayRepeat(ctx context.Context, o *command, doubtful time.Time, wait time.Duration) bool {
	if c.caller.isClosed() {
		return false
	}
	if !doubtful.IsZero() && o.window != forever && time.Since(doubtful)+wait >= o.window {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// fail is the error of a command that no answer of the state machine settled.
func (c *Client) fail(o *command, r result, settled bool) error {
	e := &Error{Op: o.op, ID: o.id, Outcome: bus.Unknown, Err: r.err, Position: r.position}
	if settled {
		e.Outcome = bus.NotDone
	}
	return e
}

// refusal is the error of a command that the state machine refused with why. When
// a copy is on its way that might still be carried out, only the lookup of its id
// tells that it never will be.
func (c *Client) refusal(o *command, r result, settled bool, why error) error {
	r.err = why
	return c.fail(o, r, settled)
}
