package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// A ReadOption changes how fresh the answer to a read is.
type ReadOption func(*readLevel)

// readLevel is the value of the request header that asks for a level; empty for
// linearizable.
type readLevel string

// Stale lets a read be answered with any state that was once current. It is the
// only level that can be served without a quorum of acceptors.
func Stale() ReadOption { return func(l *readLevel) { *l = "stale" } }

// AtLeast has a read answered with a state that holds all that was decided up to
// p, and maybe no more. Reading with [Ack.Position] shows one's own write;
// with [Client.Position], all that this client has done or seen. It needs no
// quorum of acceptors, and waits, until ctx ends, for a learner that is that far.
func AtLeast(p Position) ReadOption {
	return func(l *readLevel) { *l = readLevel("at-least=" + strconv.FormatUint(uint64(p), 10)) }
}

// read asks the learners, until one answers or ctx ends. A read that fails has
// changed nothing: every error matches ErrNotDone.
func (c *Client) read(ctx context.Context, op, subject string, data []byte, options []ReadOption) (result, error) {
	o := &message{op: op, subject: "api." + subject, header: nats.Header{}, data: data, window: forever}
	var level readLevel
	for _, option := range options {
		option(&level)
	}
	if level != "" {
		o.header.Set(bus.ReadHeader, string(level))
	}
	r, _, err := c.do(ctx, o)
	if err != nil {
		return r, c.fail(o, result{err: r.err}, true)
	}
	return r, nil
}

// directFrom reads a message that was read directly: the message itself, or a status.
func directFrom(r result) (*Entry, error) {
	status := bus.StatusOf(r.header)
	switch status {
	case "":
	case "404":
		return nil, fmt.Errorf("%w: %s", ErrNotFound, r.header.Get("Description"))
	default:
		return nil, fmt.Errorf("the read was refused: %s %s", status, r.header.Get("Description"))
	}
	seq, err := strconv.ParseUint(bus.Said(r.header, "Nats-Sequence"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("an answer that is none: sequence: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, bus.Said(r.header, "Nats-Time-Stamp"))
	if err != nil {
		return nil, fmt.Errorf("an answer that is none: time: %w", err)
	}
	return &Entry{
		Value: r.data, Revision: seq, Created: at, Position: r.position, subject: bus.Said(r.header, "Nats-Subject"),
		deleted: r.header.Get("KV-Operation") != "" || r.header.Get("Nats-Marker-Reason") != "",
	}, nil
}

// apiAnswer is what the answers of JetStream's API have in common.
type apiAnswer struct {
	Error *bus.Error `json:"error"`
}

// parseAPI reads an answer of JetStream's API into v.
func parseAPI(data []byte, v any) error {
	var a apiAnswer
	if err := json.Unmarshal(data, &a); err != nil {
		return fmt.Errorf("an answer that is none: %w", err)
	}
	if a.Error != nil {
		return explain(a.Error)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("an answer that is none: %w", err)
	}
	return nil
}
