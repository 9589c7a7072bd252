package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
	"github.com/synod-paxos/synod/paxos"
)

// upgradeCommand raises the version of the state machine's rules.
type upgradeCommand struct {
	To      uint64        `env:"SYNOD_UPGRADE_TO" placeholder:"VERSION" help:"Version (default: the highest that every learner supports)."`
	Timeout time.Duration `env:"SYNOD_UPGRADE_TIMEOUT" default:"5s" help:"How long to try (${default})."`

	Connection node.Connection `embed:""`
}

// Help shows what to do with it.
func (c *upgradeCommand) Help() string {
	return `After all programs of a cluster are replaced by a newer build, the state machine goes on by the rules of the old one. This order, which goes through the log, makes all learners change to newer rules at the same slot. There is no way back, neither to the rules nor to the old build. It is refused while a learner that is there does not support the version, or fewer are there than the configured copies.

Examples:
  synod upgrade
  synod upgrade --to 2`
}

// Check reports everything that is wrong with the flags.
func (c *upgradeCommand) Check() []error { return checkTimeout(c.Timeout) }

func checkTimeout(d time.Duration) []error {
	if d <= 0 {
		return []error{fmt.Errorf("--timeout %s: want more than 0", d)}
	}
	return nil
}

// Run upgrades, if there is something to upgrade to.
func (c *upgradeCommand) Run(ctx context.Context, s cli.Streams) error {
	b, err := connect(ctx, &c.Connection, s.Err)
	if err != nil {
		return err
	}
	defer b.Close()
	cluster, err := overview(ctx, b, &c.Connection)
	if err != nil {
		return err
	}
	inForce, supported := versions(cluster.Learners)
	if c.To == 0 {
		c.To = supported
	}
	if c.To <= inForce {
		say(s.Out, "The rules have version %d already; every learner supports up to %d.\n", inForce, supported)
		return nil
	}
	var done struct {
		Version uint64 `json:"version"`
	}
	if err := order(ctx, b, paxos.Upgrade{Version: c.To}, c.Timeout, &done); err != nil {
		return err
	}
	say(s.Out, "The rules have version %d from now on.\n", done.Version)
	return nil
}

// versions is the highest version that any learner has in force, and the highest that
// all of them support.
func versions(learners []node.LearnerStatus) (inForce, supported uint64) {
	for i, l := range learners {
		if l.LearnerReport == nil {
			continue
		}
		inForce = max(inForce, l.StateVersion)
		if i == 0 || l.Supports < supported {
			supported = l.Supports
		}
	}
	return inForce, supported
}

// skipCommand makes an error of a command.
type skipCommand struct {
	Slot    uint64        `required:"" env:"SYNOD_SKIP_SLOT" placeholder:"N" help:"The slot on which the learners fail, as their logs and status name it."`
	Command int           `env:"SYNOD_SKIP_COMMAND" placeholder:"I" help:"The command in the slot, from 1, as the reason names it (default: all of the slot)."`
	Timeout time.Duration `env:"SYNOD_SKIP_TIMEOUT" default:"5s" help:"How long to wait until the order is decided (${default})."`

	Connection node.Connection `embed:""`
}

// Help shows what to do with it.
func (c *skipCommand) Help() string {
	return `A state machine that panics on a command stops every learner there, and nothing is applied or answered any more. A build without the fault goes on by itself. Where there is none, this order, which is decided in a later slot and read ahead by the stopped learners, has them answer the command with an error instead of applying it. Start each of them again afterwards, unless your service manager does.

It is refused when some learner has applied the slot: then only the others are broken, and a new state from a fellow mends them.

Examples:
  synod skip --slot 4711 --command 3`
}

// Check reports everything that is wrong with the flags.
func (c *skipCommand) Check() []error {
	errs := checkTimeout(c.Timeout)
	if c.Slot == 0 {
		errs = append(errs, errors.New("--slot 0: want a slot, from 1"))
	}
	if c.Command < 0 {
		errs = append(errs, fmt.Errorf("--command %d: want one from 1, or none", c.Command))
	}
	return errs
}

// Run orders the skip, if the learners that answer need it.
func (c *skipCommand) Run(ctx context.Context, s cli.Streams) error {
	b, err := connect(ctx, &c.Connection, s.Err)
	if err != nil {
		return err
	}
	defer b.Close()
	cluster, err := overview(ctx, b, &c.Connection)
	if err != nil {
		return err
	}
	if err := mayBeSkipped(cluster.Learners, paxos.Slot(c.Slot)); err != nil {
		return err
	}
	o := paxos.Skip{Slot: paxos.Slot(c.Slot), Command: c.Command}
	// Learners that stopped answer nothing: that it is decided is all that can be known.
	err = order(ctx, b, o, c.Timeout, nil)
	if err != nil && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	what := "all of slot %d"
	if c.Command > 0 {
		what = fmt.Sprintf("command %d of slot %%d", c.Command)
	}
	say(s.Out, "Ordered to skip "+what+". Each learner that is held there ends when it reads that; start it again, and it goes on.\n", c.Slot)
	return nil
}

// mayBeSkipped wants at least one learner held at the slot, and none beyond it.
func mayBeSkipped(learners []node.LearnerStatus, slot paxos.Slot) error {
	held := false
	for _, l := range learners {
		switch {
		case l.LearnerReport == nil:
		case l.HeldAt == slot:
			held = true
		case l.HeldAt == 0 && l.Applied >= slot:
			return fmt.Errorf("learner %s has applied slot %d: start those that are held there with an empty data directory instead", l.ID, slot)
		}
	}
	if !held {
		return fmt.Errorf("no learner that answers is held at slot %d: see `synod status`", slot)
	}
	return nil
}

func overview(ctx context.Context, b *bus.Bus, c *node.Connection) (node.Cluster, error) {
	reports, err := node.Ask(ctx, b, askPatience)
	return node.Overview(c.Cluster, reports), err
}

// askPatience is how long roles may take to tell their state.
const askPatience = 2 * time.Second

// order gives an order to the leader and reads the answer of the learner that carried
// it out into v, which may be nil.
func order(ctx context.Context, b *bus.Bus, o paxos.Order, timeout time.Duration, v any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c := paxos.OrderCommand(o, "")
	reply, err := b.Conn().RequestMsgWithContext(ctx, &nats.Msg{Subject: b.Subjects().Root() + c.Subject, Data: c.Data})
	if errors.Is(err, nats.ErrNoResponders) {
		return errors.New("nobody leads the cluster: see `synod status` for why")
	}
	if err != nil {
		return err
	}
	var refused struct {
		Error *bus.Error `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &refused); err != nil {
		return fmt.Errorf("answer of %d bytes: %w", len(reply.Data), err)
	}
	if refused.Error != nil {
		return refused.Error
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(reply.Data, v)
}
