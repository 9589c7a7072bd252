package client

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// Ack says that a command was carried out.
type Ack struct {
	ID        string   // by which the command was known
	Stream    string   // that it was appended to
	Seq       uint64   // of the message in the stream; a bucket calls it the revision
	Duplicate bool     // a copy had been carried out before: Seq is that one's
	Position  Position // where the answer was decided; the command is applied there or below
}

// The stream that proposals are appended to, and for how long copies of a proposal
// are sent. The stream knows an id for an hour of log time; the rest is for a log
// time that goes faster than this process's clock, and for copies on their way.
const (
	ledger       = "LEDGER"
	ledgerWindow = 30 * time.Minute
)

// A ProposeOption changes one call of Propose.
type ProposeOption func(*message)

// WithID gives a proposal an id of the caller's, which other proposals must not
// have had for an hour, at most 64 KiB long and without line breaks. Proposing again with the
// same id is safe within that hour, from any process: the data is appended once. An error
// that matches [ErrNotDone] then says that this call did not do it; an earlier one with the
// id may have.
func WithID(id string) ProposeOption {
	return func(o *message) { o.id = id }
}

// WithHeader stores a header field with a proposal. Fields that begin with "Nats-"
// mean what they mean to JetStream.
func WithHeader(key, value string) ProposeOption {
	return func(o *message) { o.header.Add(key, value) }
}

// Propose appends data to the replicated log, the stream LEDGER, and returns once it
// is durable on a quorum of disks and applied. Until ctx ends it sends copies with
// the same id to whoever leads, and waits for a leader where there is none; the
// data is appended at most once. Proposals of concurrent callers are in no
// promised order.
//
// An error matches [ErrNotDone] or [ErrOutcomeUnknown]; the latter's [Error] has the
// id to look up or to propose again with.
func (c *Client) Propose(ctx context.Context, data []byte, options ...ProposeOption) (Ack, error) {
	o := &message{op: "propose", stream: ledger, subject: "propose", header: nats.Header{}, data: data, window: ledgerWindow}
	for _, option := range options {
		option(o)
	}
	return c.publish(ctx, o)
}

// publish carries out a command that appends a message to a stream.
func (c *Client) publish(ctx context.Context, o *message) (Ack, error) {
	if o.id == "" {
		o.id = c.newID()
	}
	o.header.Set(nats.MsgIdHdr, o.id)
	for {
		o.since = c.clockNow(ctx)
		r, settled, err := c.do(ctx, o)
		if err != nil {
			return Ack{}, err
		}
		a, err := bus.ParseAck(r.data)
		switch {
		case err != nil:
			return Ack{}, c.fail(o, result{err: fmt.Errorf("an answer that is none: %w", err)}, false)
		case a.Error == nil:
			return Ack{ID: o.id, Stream: a.Stream, Seq: a.Seq, Duplicate: a.Duplicate, Position: r.position}, nil
		case a.Error.Code == command.CodeTooLate && settled && c.clock.Load() > o.since:
			continue // the clock had stood too long; no copy of this was ever taken
		case settled || a.Error.Code == command.CodeIDRefused:
			return Ack{}, c.fail(o, result{err: explain(a.Error), position: r.position}, true)
		}
		return c.settle(ctx, o, r, explain(a.Error))
	}
}

// Apply sends data to a cluster whose learners run a state machine of your own
// (package learner), and returns the machine's reply. An attempt that may have been
// taken is not repeated, for only the machine could know a copy: then the error matches
// [ErrOutcomeUnknown].
func (c *Client) Apply(ctx context.Context, data []byte) (reply []byte, at Position, err error) {
	o := &message{op: "apply", subject: "propose", header: nats.Header{}, data: data}
	r, _, err := c.do(ctx, o)
	return r.data, r.position, err
}
