package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
	"github.com/synod-paxos/synod/paxos"
)

// initCommand founds a cluster.
type initCommand struct {
	Acceptors []string      `env:"SYNOD_ACCEPTORS" placeholder:"IDS" help:"Ids of all acceptors of the cluster, comma-separated. They must run."`
	Quorums   string        `env:"SYNOD_QUORUMS" default:"majority" placeholder:"Q" help:"majority, sizes:PHASE1,PHASE2 or grid:ROWS (${default})."`
	Copies    int           `env:"SYNOD_COPIES" placeholder:"N" help:"Learners that must hold a slot durably before acceptors may forget it (default: one more than the acceptors that may be lost)."`
	Window    uint64        `env:"SYNOD_WINDOW" placeholder:"N" help:"Slots that may be undecided at once (default: 256)."`
	Abandon   string        `env:"SYNOD_ABANDON" placeholder:"UUID" help:"Drop the unfinished founding of this cluster instead. A finished one cannot be dropped."`
	Timeout   time.Duration `env:"SYNOD_INIT_TIMEOUT" default:"30s" help:"How long to wait for the acceptors (${default})."`

	Connection node.Connection `embed:""`
}

// Help shows what to do with it.
func (c *initCommand) Help() string {
	return `It may be stopped at any point and run again: whatever the acceptors hold is completed, never replaced. Acceptors vote only once all of them have stored the same founding.

Examples:
  synod init --acceptors a1,a2,a3
  synod init --acceptors a1,a2,a3,a4,a5 --quorums sizes:4,2
  synod init --acceptors a1,a2 --abandon 0b5c1a52-5a8e-4d0c-8f0f-3c1d7b8c2f11`
}

// Check reports everything that is wrong with the flags.
func (c *initCommand) Check() []error {
	var errs []error
	if len(c.Acceptors) == 0 {
		errs = append(errs, errors.New("--acceptors: is required, such as a1,a2,a3"))
	}
	for _, id := range c.Acceptors {
		if !paxos.NodeID(id).Valid() {
			errs = append(errs, fmt.Errorf("--acceptors: id %q: want 1 to %d of a-z, 0-9 and -", id, paxos.MaxNodeID))
		}
	}
	if c.Copies < 0 {
		errs = append(errs, fmt.Errorf("--copies %d: want 1 or more", c.Copies))
	}
	if c.Abandon != "" {
		if _, err := uuid.Parse(c.Abandon); err != nil {
			errs = append(errs, fmt.Errorf("--abandon %q: want the UUID of a cluster", c.Abandon))
		}
	}
	plan, err := c.plan()
	if err != nil {
		errs = append(errs, fmt.Errorf("--quorums: %w", err))
	} else if len(errs) == 0 {
		if err := plan.Check(); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func (c *initCommand) plan() (node.Plan, error) {
	q, err := node.ParseQuorums(c.Quorums)
	p := node.Plan{Quorums: q.QuorumSystem, Copies: c.Copies, Window: paxos.Slot(c.Window)}
	for _, id := range c.Acceptors {
		p.Acceptors = append(p.Acceptors, paxos.NodeID(id))
	}
	return p, err
}

// tellAfter is how long an acceptor may take to answer before that is told.
const tellAfter = 500 * time.Millisecond

// Run founds the cluster, or drops what was founded by half.
func (c *initCommand) Run(ctx context.Context, s cli.Streams) error {
	plan, err := c.plan()
	if err != nil {
		return err
	}
	b, err := connect(ctx, &c.Connection, s.Err)
	if err != nil {
		return err
	}
	defer b.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("gave up after %s", c.Timeout))
	defer cancel()
	if c.Abandon != "" {
		return c.abandon(ctx, b, plan.Acceptors, s)
	}
	if err := c.alone(ctx, b, plan); err != nil {
		return err
	}
	f, err := found(ctx, b, plan, s)
	if err != nil {
		if others := node.Neighbours(b); len(others) > 0 && !slices.Contains(others, c.Connection.Cluster) {
			return fmt.Errorf("%w\n  No acceptor of cluster %s answers. There is %s: is --cluster right, and the acceptors' too?", err, c.Connection.Cluster, strings.Join(others, ", "))
		}
		return c.changed(ctx, b, plan, s, err)
	}
	return c.tell(plan, f, s)
}

// changed looks whether what keeps the cluster from being founded as planned is that it
// was, and that its acceptors or their disks are others by now.
func (c *initCommand) changed(ctx context.Context, b *bus.Bus, plan node.Plan, s cli.Streams, why error) error {
	again := fmt.Errorf("%w\n  Nothing is lost: see that all acceptors run (`synod status`), and run the same command again", why)
	reports, err := node.Ask(ctx, b, time.Second)
	if err != nil {
		return again
	}
	cluster := node.Overview(c.Connection.Cluster, reports)
	var orders []string
	for _, id := range c.Acceptors {
		i := slices.IndexFunc(cluster.Acceptors, func(a node.AcceptorStatus) bool { return string(a.ID) == id && a.Up })
		switch {
		case cluster.Configuration == nil || i < 0:
			return again
		case cluster.Acceptors[i].Member:
		case slices.ContainsFunc(cluster.Configuration.Acceptors, func(m node.Member) bool { return string(m.ID) == id }):
			orders = append(orders, "`synod member replace "+id+"`")
		default:
			orders = append(orders, "`synod member add "+id+"`")
		}
	}
	if len(orders) > 0 {
		return fmt.Errorf("%w\n  It is taken in by %s", why, strings.Join(orders, ", "))
	}
	now := cluster.Configuration
	if now.Number == 1 || len(now.Acceptors) != len(c.Acceptors) || now.Quorums.QuorumSystem != plan.Quorums || c.Copies != 0 && c.Copies != now.Copies {
		return again // another founding than the one that there is
	}
	say(s.Out, "Founded before, and changed since, nothing to do: cluster %s: %s\n  see `synod member list`\n", c.Connection.Cluster, cluster.UUID)
	return nil
}

// found founds, and names the acceptors that take long to answer.
func found(ctx context.Context, b *bus.Bus, plan node.Plan, s cli.Streams) (*node.Founding, error) {
	var waiting *time.Timer
	f, err := node.Found(ctx, b, plan, func(missing []paxos.NodeID) {
		if waiting != nil {
			waiting.Stop()
		}
		waiting = time.AfterFunc(tellAfter, func() {
			if len(missing) > 0 {
				say(s.Err, "Waiting for %s\n", joinIDs(missing))
			}
		})
	})
	if waiting != nil {
		waiting.Stop()
	}
	return f, err
}

// alone refuses to found a second cluster of one name: neither would serve.
func (c *initCommand) alone(ctx context.Context, b *bus.Bus, plan node.Plan) error {
	other, err := node.Elsewhere(ctx, b, plan.Acceptors)
	if err != nil || other == nil {
		return err
	}
	var ids []paxos.NodeID
	for _, m := range other.First.Acceptors {
		ids = append(ids, m.ID)
	}
	return fmt.Errorf("cluster %s is there already, with acceptors %s (%s): nothing was founded\n  Give the new one another name with --cluster, or stop the acceptors of the old one for good",
		c.Connection.Cluster, joinIDs(ids), other.Cluster)
}

// tell says what was founded, or that it was founded before, and how else.
func (c *initCommand) tell(plan node.Plan, f *node.Founding, s cli.Streams) error {
	g := f.Genesis
	what := fmt.Sprintf("cluster %s: %s\n  acceptors %s, %s quorums, %d learner copies, window of %d slots\n",
		c.Connection.Cluster, g.Cluster.UUID, strings.Join(c.Acceptors, ", "), g.First.Quorums, g.First.Copies, g.Window)
	if f.Fresh {
		say(s.Out, "Founded %s", what)
		return nil
	}
	if how := plan.Differs(g); how != "" {
		return fmt.Errorf("the acceptors hold a founding with %s, which stays as it is\n  Found before: %s", how, strings.TrimSpace(what))
	}
	say(s.Out, "Founded before, nothing to do: %s", what)
	return nil
}

func (c *initCommand) abandon(ctx context.Context, b *bus.Bus, members []paxos.NodeID, s cli.Streams) error {
	cluster := uuid.MustParse(c.Abandon) // checked
	refused, err := node.Abandon(ctx, b, members, paxos.UUID(cluster))
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range members {
		if why := refused[id]; why != "" {
			errs = append(errs, fmt.Errorf("acceptor %s refused: %s", id, why))
			continue
		}
		say(s.Out, "Acceptor %s holds no founding any more\n", id)
	}
	return errors.Join(errs...)
}

func joinIDs(ids []paxos.NodeID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return strings.Join(texts, ", ")
}
