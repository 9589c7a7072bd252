package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/ladder"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// traceCommand shows the messages of the protocol.
type traceCommand struct {
	Kind  []string      `env:"SYNOD_TRACE_KIND" placeholder:"KINDS" help:"Only these kinds of messages, comma-separated, or all (default: all but the periodic ones)."`
	Slot  string        `env:"SYNOD_TRACE_SLOT" placeholder:"SLOTS" help:"Only what speaks of these slots: 17, 17-20, 17- or -20."`
	Node  []string      `env:"SYNOD_TRACE_NODE" placeholder:"IDS" help:"Only what these nodes send or hear, comma-separated."`
	Limit int           `env:"SYNOD_TRACE_LIMIT" placeholder:"N" help:"Stop after so many messages (default: never)."`
	For   time.Duration `env:"SYNOD_TRACE_FOR" placeholder:"TIME" help:"Stop after this time (default: never)."`
	JSON  bool          `name:"json" env:"SYNOD_JSON" help:"One JSON object per line; see STATUS.md for the fields."`
	ASCII bool          `name:"ascii" env:"SYNOD_TRACE_ASCII" help:"Draw with ASCII characters alone (default: as the locale says)."`

	Connection node.Connection `embed:""`
}

// Help shows what to do with it.
func (c *traceCommand) Help() string {
	return `It only listens, so an observer's credentials are enough. Each row is one message at the moment when it is published: a mark at the sender, an arrow head at each node that it reaches. "17 @4.p1" is slot 17 in ballot 4 of proposer p1. "chosen" marks the vote that completes a quorum.

Kinds: ` + strings.Join(bus.KindNames(), ", ") + `.

Examples:
  synod trace
  synod trace --kind prepare,promise,nack,handover
  synod trace --slot 17
  synod trace --node a2 --kind all --for 10s
  synod trace --json | jq -c 'select(.chosen)'`
}

// Check reports everything that is wrong with the flags.
func (c *traceCommand) Check() []error {
	var errs []error
	for _, k := range c.Kind {
		if k != "all" && !slices.Contains(bus.KindNames(), k) {
			errs = append(errs, fmt.Errorf("--kind %q: want all, or some of %s", k, strings.Join(bus.KindNames(), ", ")))
		}
	}
	if c.Slot != "" {
		if _, err := ladder.ParseSlots(c.Slot); err != nil {
			errs = append(errs, fmt.Errorf("--slot: %w", err))
		}
	}
	for _, id := range c.Node {
		if !paxos.NodeID(id).Valid() {
			errs = append(errs, fmt.Errorf("--node %q: want an id of 1 to %d of a-z, 0-9 and -", id, paxos.MaxNodeID))
		}
	}
	if c.Limit < 0 {
		errs = append(errs, fmt.Errorf("--limit %d: want more than 0", c.Limit))
	}
	if c.For < 0 {
		errs = append(errs, fmt.Errorf("--for %s: want more than 0", c.For))
	}
	return errs
}

func (c *traceCommand) filter() ladder.Filter {
	var f ladder.Filter
	switch {
	case len(c.Kind) == 0:
		f.Busy = true
	case !slices.Contains(c.Kind, "all"):
		f.Kinds = c.Kind
	}
	for _, id := range c.Node {
		f.Nodes = append(f.Nodes, paxos.NodeID(id))
	}
	if c.Slot != "" {
		f.Slots, _ = ladder.ParseSlots(c.Slot) // checked
	}
	return f
}

// meetTime is how long the nodes of a cluster take to make themselves known.
const meetTime = time.Duration(roles.AcceptorHello) + 200*time.Millisecond

// heard is one message on its way to the terminal.
type heard struct {
	at      time.Time
	subject string
	message paxos.Envelope
}

// backlog is how many messages may wait for the terminal.
const backlog = 1 << 14

// Run shows what passes until ctx ends or a bound is reached.
func (c *traceCommand) Run(ctx context.Context, s cli.Streams) error {
	b, err := connect(ctx, &c.Connection, s.Err)
	if err != nil {
		return err
	}
	defer b.Close()
	messages := make(chan heard, backlog)
	missed := make(chan uint64, 1)
	l, err := b.Observe(func(subject string, e paxos.Envelope) {
		select {
		case messages <- heard{time.Now(), subject, e}:
		default:
			addTo(missed, 1)
		}
	})
	if err != nil {
		return err
	}
	t := terminalOf(s.Out)
	o := ladder.Options{
		Subjects: b.Subjects(), Filter: c.filter(), JSON: c.JSON, Width: t.width, Lines: max(0, t.height-2), Limit: c.Limit,
		Color: t.color, ASCII: c.ASCII || !t.unicode,
	}
	err = c.show(ctx, s, ladder.New(s.Out, o), messages, missed)
	return errors.Join(err, l.Stop())
}

// addTo adds n to the number that waits in counter, which holds one.
func addTo(counter chan uint64, n uint64) {
	select {
	case before := <-counter:
		n += before
	default:
	}
	counter <- n
}

func (c *traceCommand) show(ctx context.Context, s cli.Streams, l *ladder.Ladder, messages <-chan heard, missed <-chan uint64) error {
	if !c.JSON {
		fmt.Fprintf(s.Err, "Watching %s; Ctrl-C ends it.\n", strings.TrimSuffix(c.Connection.Prefix+"."+c.Connection.Cluster, "."))
	}
	begin := time.After(meetTime)
	var end <-chan time.Time
	if c.For > 0 {
		end = time.After(c.For)
	}
	for c.Limit == 0 || l.Shown() < c.Limit {
		var err error
		select {
		case <-ctx.Done():
			return cli.ErrStopped
		case <-end:
			return c.ended(l)
		case <-begin:
			if err = l.Begin(); err == nil && l.Heard() == 0 && !c.JSON {
				say(s.Err, "Nothing is heard: no role of the cluster runs, or these credentials may not listen.\n")
			}
		case m := <-messages:
			err = l.Hear(m.at, m.subject, m.message)
		case n := <-missed:
			err = l.Gap(n)
		}
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

// ended is the error of a trace whose time was too short to hear anybody.
func (c *traceCommand) ended(l *ladder.Ladder) error {
	if c.For < meetTime {
		if err := l.Begin(); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	if l.Heard() == 0 {
		return errors.New("nothing was heard: no role of the cluster runs, or these credentials may not listen")
	}
	return nil
}
