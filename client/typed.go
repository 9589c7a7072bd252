package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// typed carries out a typed command for a stream. window is how long a copy is
// sent after an attempt whose outcome is unknown.
func (c *Client) typed(ctx context.Context, op, stream string, t command.Command, window time.Duration) (command.Value, result, error) {
	o := typedMessage(op, stream, t, window)
	r, settled, err := c.do(ctx, o)
	if err != nil {
		return nil, r, err
	}
	out, refusal, err := parseOutcome(r.data)
	switch {
	case err != nil:
		return nil, r, c.fail(o, result{err: err}, false)
	case refusal != nil:
		return nil, r, c.refusal(o, r, settled, explain(refusal))
	}
	c.setClock(out.LogTime)
	return out.Value, r, nil
}

func typedMessage(op, stream string, t command.Command, window time.Duration) *message {
	return &message{op: op, subject: "command." + stream, header: nats.Header{}, data: t.Encode(), window: window}
}

// parseOutcome reads the answer to a typed command: its outcome, or the error with
// which the state machine refused it.
func parseOutcome(data []byte) (command.Outcome, *bus.Error, error) {
	o, err := command.DecodeOutcome(data)
	if err == nil {
		return o, nil, nil
	}
	if len(data) > 0 && data[0] == '{' {
		if a, err := bus.ParseAck(data); err == nil && a.Error != nil {
			return o, a.Error, nil
		}
	}
	return o, nil, fmt.Errorf("an answer that is none: %w", err)
}

// codeOf is the code of the error in data; 0: there is none.
func codeOf(data []byte) bus.Code {
	if a, err := bus.ParseAck(data); err == nil && a.Error != nil {
		return a.Error.Code
	}
	return 0
}

// clockAge is how long the log time that was heard last serves. It is below the
// duplicate window of all but short-lived buckets.
const clockAge = 20 * time.Second

// setClock notes a log time that is past.
func (c *Client) setClock(at int64) {
	c.heard.Store(int64(time.Since(c.born)))
	for {
		now := c.clock.Load()
		if at <= now || c.clock.CompareAndSwap(now, at) {
			return
		}
	}
}

// clockNow is a log time that is past: the last that was heard, asked for if that
// is long ago. It is 0 when nobody tells.
func (c *Client) clockNow(ctx context.Context) int64 {
	if c.clockServes() || c.options.Singly {
		return c.clock.Load()
	}
	if c.asking.take(ctx) != nil {
		return c.clock.Load()
	}
	defer c.asking.leave()
	if c.clockServes() || !c.asked.IsZero() && time.Since(c.asked) < c.options.Attempt {
		return c.clock.Load()
	}
	c.asked = time.Now()
	o := typedMessage("ask for the log time", ledger, command.Command{Op: command.Inspect{Name: "clock"}}, forever)
	r := c.attempt(ctx, o, false, c.options.Attempt)
	if out, refusal, err := parseOutcome(r.data); r.verdict == answered && err == nil && refusal == nil {
		c.setClock(out.LogTime)
	}
	return c.clock.Load()
}

func (c *Client) clockServes() bool {
	return c.clock.Load() != 0 && time.Since(c.born)-time.Duration(c.heard.Load()) < clockAge
}

// Found is what Lookup found out.
type Found struct {
	Ack // of the command, if Err is nil; without a Duplicate
	// Err is nil if the command was done, and else matches ErrNotDone or
	// ErrOutcomeUnknown.
	Err error
}

// Lookup tells what became of a proposal, or of a change of one key of a bucket, whose call
// returned failed, an error that matches [ErrOutcomeUnknown]. When it was not done, it never
// will be: no copy of it that is still on its way is carried out any more. What is older
// than the duplicate window of its stream is unknown for ever. A session's commands and
// transactions are not looked up, but repeated: see [Session.Propose] and [Txn.Commit].
//
// Lookup itself fails only with the error that it returns second, and can be tried
// again. The context of the call that failed has mostly ended: give it another one.
func (c *Client) Lookup(ctx context.Context, failed error) (Found, error) {
	var e *Error
	if !errors.As(failed, &e) || e.ID == "" || e.stream == "" {
		return Found{}, &Error{Op: "lookup", Outcome: bus.NotDone, Err: fmt.Errorf("not the error of a proposal or of a change of a key "+
			"(a session's commands and transactions are repeated instead): %v", failed)}
	}
	return c.lookup(ctx, e.stream, e.ID, e.since)
}

// LookupID is Lookup of the proposal with this id, for who has only that. It
// finds what was done; what it does not find is unknown.
func (c *Client) LookupID(ctx context.Context, id string) (Found, error) {
	return c.lookup(ctx, ledger, id, 0)
}

func (c *Client) lookup(ctx context.Context, stream, id string, since int64) (Found, error) {
	value, r, err := c.typed(ctx, "lookup "+id, stream, command.Command{Op: command.Lookup{ID: id, Since: since}}, forever)
	if err != nil {
		return Found{}, err
	}
	looked, _ := value.(command.Looked)
	found := Found{Ack: Ack{ID: id, Stream: stream, Seq: looked.Seq, Position: r.position}}
	unknown := &Error{Op: "lookup", ID: id, Outcome: bus.Unknown, Position: r.position, Err: errForgotten, stream: stream, since: since}
	switch looked.State {
	case command.Done:
	case command.NotDone:
		unknown.Outcome, unknown.Err = bus.NotDone, errNeverTaken
		found.Err = unknown
	default:
		found.Err = unknown
	}
	return found, nil
}

var (
	errForgotten  = errors.New("nothing is known of it: its time in the duplicate window may be over")
	errNeverTaken = errors.New("it was not carried out, and is refused from now on")
)

// settle finds out what became of o, of which a copy was refused with why, while
// others may still be on their way.
func (c *Client) settle(ctx context.Context, o *message, r result, why error) (Ack, error) {
	unknown := c.fail(o, result{err: why, position: r.position}, false)
	if c.options.Singly || o.since == 0 {
		return Ack{}, unknown
	}
	found, err := c.lookup(ctx, o.stream, o.id, o.since)
	switch {
	case err != nil, errors.Is(found.Err, ErrOutcomeUnknown):
		return Ack{}, unknown
	case found.Err != nil:
		return Ack{}, c.fail(o, result{err: why, position: r.position}, true)
	}
	found.Duplicate = true
	return found.Ack, nil
}
