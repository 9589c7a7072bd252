package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// A message is a command on its way to the state machine, through any number of
// attempts.
type message struct {
	op      string   // for errors
	id      string   // by which the state machine knows a copy; empty: it does not
	stream  string   // that it is published to, through its lane; empty: through none
	read    *reading // what may be read through a lane; nil: nothing
	subject string   // relative to the cluster's
	header  nats.Header
	data    []byte

	// window is how long after the first attempt whose outcome is unknown a copy is
	// sent that does not say since when. It is well below the time for which the
	// state machine knows the id. 0: no copy is sent; forever: a copy never does harm.
	window time.Duration
	since  int64       // a log time before the first attempt; 0: unknown
	maybe  bool        // an earlier call may have sent it, and did not hear what became of it
	apart  atomic.Bool // it does not share a message, for one that it shared was refused
	wire   []byte      // header, encoded
}

// encoded is the header in NATS's wire form.
func (o *message) encoded() []byte {
	if o.wire == nil {
		o.wire = bus.EncodeHeader(o.header)
	}
	return o.wire
}

// inStream is the subject as the stream names it.
func (o *message) inStream() string { return strings.TrimPrefix(o.subject, "api.") }

// size is how many bytes o takes in a bundle, and replySize its reply, at most.
func (o *message) size() int {
	return command.MessageBytes(len(o.subject), len(o.encoded()), len(o.data))
}

func (o *message) replySize() int { return 256 + len(o.stream) + len(o.encoded()) }

// mustGoAlone reports whether o does not go into one message with others. A refusal
// that names the last id of its stream may be of any size.
func (o *message) mustGoAlone() bool {
	return o.apart.Load() || len(o.header[nats.ExpectedLastMsgIdHdr]) > 0
}

// repeatable reports whether copies of o can say since when they may have been
// sent, so that none is ever carried out twice.
func (o *message) repeatable() bool { return o.since != 0 && !o.apart.Load() }

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
	found    *command.ReadResult // of a read that shared a request; then header and data are nil
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
		r.verdict, r.err = verdictOf(e), spoken{e}
	}
	return r
}

// spoken is a role's error without what it says of the attempt's outcome: that of the call,
// which [Error] tells, may be another.
type spoken struct{ of *bus.Error }

func (s spoken) Error() string { return s.of.Description }
func (s spoken) Unwrap() error { return s.of }

// roleError is the error with which a role answers for itself; nil when it is the
// state machine that answers.
func roleError(m *nats.Msg) *bus.Error {
	outcome := m.Header.Get(bus.OutcomeHeader)
	if outcome == "" || bus.Said(m.Header, "Nats-Sequence") != "" { // a message may have such a header itself
		return nil
	}
	if status := m.Header.Get("Status"); status != "" { // of a message read directly
		return &bus.Error{Code: bus.CodeNotFresh, Description: status + " " + m.Header.Get("Description"), Outcome: bus.Outcome(outcome)}
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

// attempt sends o once and waits for the answer, as long as patience. again says
// that an earlier attempt may have been taken.
func (c *Client) attempt(ctx context.Context, o *message, again bool, patience time.Duration) result {
	if l := c.lane(o); l != nil {
		return l.attempt(ctx, o, again, patience)
	}
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
func (c *Client) do(ctx context.Context, o *message) (r result, settled bool, err error) {
	return c.traced(ctx, o, func(ctx context.Context) (result, bool, error) { return c.repeat(ctx, o) })
}

func (c *Client) repeat(ctx context.Context, o *message) (r result, settled bool, err error) {
	var doubtful time.Time // of the first attempt that is not settled
	certain := func() bool { return !o.maybe && doubtful.IsZero() }
	pause, patience := pauseFirst, c.options.Attempt
	if ctx.Err() != nil {
		r = result{verdict: refused, err: fmt.Errorf("not sent: %w", context.Cause(ctx))}
		return r, !o.maybe, c.fail(o, r, !o.maybe)
	}
	for {
		begun := time.Now()
		r = c.attempt(ctx, o, !doubtful.IsZero(), patience)
		switch r.verdict {
		case answered:
			return r, certain(), nil
		case hopeless:
			return r, certain(), c.fail(o, r, certain())
		case unsettled:
			if doubtful.IsZero() {
				doubtful = begun
			}
			pause, patience = pauseFirst, 2*patience
		}
		wait := jitter(pause)
		pause = min(2*pause, pauseMost)
		if !c.mayRepeat(ctx, o, doubtful, wait) {
			if why := c.ended(ctx); why != nil && !errors.Is(r.err, why) {
				r.err = fmt.Errorf("%w: %w", r.err, why)
			}
			return r, certain(), c.fail(o, r, certain())
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
func (c *Client) mayRepeat(ctx context.Context, o *message, doubtful time.Time, wait time.Duration) bool {
	if c.caller.isClosed() {
		return false
	}
	safe := o.window == forever || o.repeatable() && !c.options.Singly
	if !doubtful.IsZero() && !safe && time.Since(doubtful)+wait >= o.window {
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

// ended is why there are no more attempts, if that is the caller's doing.
func (c *Client) ended(ctx context.Context) error {
	if c.caller.isClosed() {
		return ErrClosed
	}
	return context.Cause(ctx)
}

// fail is the error of a command that no answer of the state machine settled.
func (c *Client) fail(o *message, r result, settled bool) error {
	e := &Error{Op: o.op, ID: o.id, Outcome: bus.Unknown, Err: r.err, Position: r.position, stream: o.stream, since: o.since}
	if settled {
		e.Outcome = bus.NotDone
	}
	return e
}

// refusal is the error of a command that the state machine refused with why. When
// a copy is on its way that might still be carried out, only the lookup of its id
// tells that it never will be.
func (c *Client) refusal(o *message, r result, settled bool, why error) error {
	r.err = why
	return c.fail(o, r, settled)
}
