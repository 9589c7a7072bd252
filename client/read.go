package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// A ReadOption changes how fresh the answer to a read is.
type ReadOption func(*readLevel)

// readLevel is the value of the request header that asks for a level; empty for
// linearizable.
type readLevel string

// Stale lets a read be answered with any state that was once current. It is the
// only level that can be served without a quorum of acceptors.
func Stale() ReadOption { return func(l *readLevel) { *l = staleLevel } }

const staleLevel readLevel = "stale"

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
	return c.readOne(ctx, &message{op: op, subject: "api." + subject, data: data}, options)
}

// readOne is read with o. If o.read says what it reads, it shares its request with others
// that are to be linearizable, or may be stale, like it.
func (c *Client) readOne(ctx context.Context, o *message, options []ReadOption) (result, error) {
	o.header, o.window = nats.Header{}, forever
	var level readLevel
	for _, option := range options {
		option(&level)
	}
	if level != "" {
		o.header.Set(bus.ReadHeader, string(level))
	}
	switch {
	case o.read == nil:
	case level == "", level == staleLevel:
		o.read.level = level
	default: // each asks for a position of its own, and waits for no other's
		o.read = nil
	}
	r, _, err := c.do(ctx, o)
	if err != nil {
		return r, c.fail(o, result{err: r.err}, true)
	}
	return r, nil
}

// directFrom reads a message that was read directly: the message itself, or a status.
func directFrom(r result) (*Entry, error) {
	if r.found != nil {
		return entryOf(r.found, r.position)
	}
	if status := bus.StatusOf(r.header); status != "" {
		return nil, refusedRead(status, r.header.Get("Description"))
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
		deleted: isDeletion(r.header),
	}, nil
}

// refusedRead is the error of a read that was answered with a status in the manner of HTTP.
func refusedRead(status, why string) error {
	switch status {
	case "404":
		return fmt.Errorf("%w: %s", ErrNotFound, why)
	case "503": // of a learner: there is nobody at a stream that is gone
		return fmt.Errorf("%w: there is no such stream", ErrNotFound)
	default:
		return fmt.Errorf("the read was refused: %s %s", status, why)
	}
}

// entryOf is a message that was read with others. It shares no memory with their answer.
func entryOf(found *command.ReadResult, at Position) (*Entry, error) {
	switch found.State {
	case command.ReadNotFound:
		return nil, fmt.Errorf("%w: Message Not Found", ErrNotFound)
	case command.ReadRefused:
		return nil, refusedRead(strconv.FormatUint(found.Code, 10), found.Why)
	}
	header, err := bus.DecodeHeader(found.Header)
	if err != nil {
		return nil, fmt.Errorf("an answer that is none: %w", err)
	}
	return &Entry{
		Value: append([]byte{}, found.Data...), Revision: found.Seq, Created: time.Unix(0, found.Time).UTC(), Position: at,
		subject: found.Subject, deleted: isDeletion(header),
	}, nil
}

// isDeletion reports whether a bucket's message with this header says that its key has no
// value.
func isDeletion(h nats.Header) bool {
	return h.Get("KV-Operation") != "" || h.Get("Nats-Marker-Reason") != ""
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
