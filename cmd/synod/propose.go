package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
)

// proposeCommand appends to the log.
type proposeCommand struct {
	Text    string        `arg:"" help:"What to append; - reads it from standard input."`
	ID      string        `name:"id" env:"SYNOD_MSG_ID" help:"Nats-Msg-Id of the proposal: the same id is appended once (default: a new one)."`
	Timeout time.Duration `env:"SYNOD_PROPOSE_TIMEOUT" default:"5s" help:"How long to try (${default})."`

	Connection node.Connection `embed:""`
}

// Help shows what to do with it.
func (c *proposeCommand) Help() string {
	return `It tries again, with the same id, until it is answered or the time is over; what is appended is appended once. Without an answer the outcome is unknown: run it again with the id that it names.

Examples:
  synod propose "hello"
  date | synod propose -
  synod propose "order 17" --id order-17`
}

// Check reports everything that is wrong with the flags.
func (c *proposeCommand) Check() []error {
	if c.Timeout <= 0 {
		return []error{fmt.Errorf("--timeout %s: want more than 0", c.Timeout)}
	}
	return nil
}

// Run proposes once.
func (c *proposeCommand) Run(ctx context.Context, s cli.Streams) error {
	data := []byte(c.Text)
	if c.Text == "-" {
		var err error
		if data, err = io.ReadAll(s.In); err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
	}
	b, err := connect(ctx, &c.Connection, s.Err)
	if err != nil {
		return err
	}
	defer b.Close()
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	span, end, err := startTrace(ctx, s.Err)
	if err != nil {
		return err
	}
	defer end()
	p := proposal{bus: b, msg: &nats.Msg{Subject: b.Subjects().Propose(), Data: data, Header: nats.Header{nats.MsgIdHdr: {c.ID}}}}
	if span != "" {
		p.msg.Header.Set(bus.TraceHeader, span)
	}
	ack, err := p.untilAnswered(ctx, time.Now().Add(c.Timeout))
	if err != nil {
		return p.explain(err, c.ID)
	}
	again := ""
	if ack.Duplicate {
		again = ", appended before"
	}
	fmt.Fprintf(s.Out, "%s %d (slot %s%s)\n", ack.Stream, ack.Seq, p.slot, again)
	return nil
}

// proposal is a proposal that is tried again.
type proposal struct {
	bus  *bus.Bus
	msg  *nats.Msg
	slot string
	// mayBeDone says that some attempt may have been carried out.
	mayBeDone bool
}

// attemptTimeout is how long one attempt waits: beyond it the one who should
// answer is likely gone, and another answers the same id.
const attemptTimeout = time.Second

// pause is between attempts that were refused at once.
const pause = 50 * time.Millisecond

// untilAnswered tries until the proposal is appended or is refused for good; no
// attempt begins after the deadline. It returns the last attempt's error: one that
// has begun is not cut off, since its outcome would be unknown for nothing.
func (p *proposal) untilAnswered(ctx context.Context, deadline time.Time) (bus.Ack, error) {
	for {
		ack, err := p.attempt(ctx)
		if err == nil || !worthTrying(err) || time.Now().After(deadline) {
			return ack, err
		}
		select {
		case <-ctx.Done():
			return ack, err
		case <-time.After(pause):
		}
	}
}

func (p *proposal) attempt(ctx context.Context) (bus.Ack, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	reply, err := p.bus.Conn().RequestMsgWithContext(ctx, p.msg)
	if err != nil {
		p.mayBeDone = p.mayBeDone || !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, nats.ErrMaxPayload)
		return bus.Ack{}, err
	}
	ack, err := bus.ParseAck(reply.Data)
	if err != nil {
		return ack, err
	}
	if ack.Error != nil {
		p.mayBeDone = p.mayBeDone || ack.Error.Outcome == bus.Unknown
		return ack, ack.Error
	}
	p.slot = reply.Header.Get(bus.SlotHeader)
	return ack, nil
}

// worthTrying reports whether the same proposal may fare better in a moment.
func worthTrying(err error) bool {
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) {
		return true
	}
	var refused *bus.Error
	return errors.As(err, &refused) && refused.Status == 503
}

// explain says what became of the proposal, and what to do.
func (p *proposal) explain(err error, id string) error {
	outcome := "It was certainly not appended."
	if p.mayBeDone {
		outcome = "Whether it was appended is unknown: run it again with --id " + id + ", which appends it at most once."
	}
	if errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("nobody leads the cluster: see `synod status` for why\n  %s", outcome)
	}
	var refused *bus.Error
	if errors.As(err, &refused) {
		return fmt.Errorf("%s\n  %s", refused.Description, outcome)
	}
	return fmt.Errorf("%w\n  %s See `synod status`", err, outcome)
}
