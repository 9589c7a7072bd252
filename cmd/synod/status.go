package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
)

// statusCommand shows how the cluster does.
type statusCommand struct {
	JSON bool          `name:"json" env:"SYNOD_JSON" help:"Print JSON; see STATUS.md for what each field means."`
	Wait time.Duration `env:"SYNOD_STATUS_WAIT" default:"2s" help:"How long to wait for roles that do not answer (${default})."`

	Connection node.Connection `embed:""`
}

// Help shows what to do with it.
func (c *statusCommand) Help() string {
	return `Examples:
  synod status
  synod status --json | jq .problems`
}

// Check reports everything that is wrong with the flags.
func (c *statusCommand) Check() []error {
	if c.Wait <= 0 {
		return []error{fmt.Errorf("--wait %s: want more than 0", c.Wait)}
	}
	return nil
}

// Run asks every role and prints what they say.
func (c *statusCommand) Run(ctx context.Context, s cli.Streams) error {
	b, err := connect(ctx, &c.Connection, s.Err)
	if err != nil {
		return err
	}
	defer b.Close()
	reports, err := node.Ask(ctx, b, c.Wait)
	if err != nil {
		return err
	}
	cluster := node.Overview(c.Connection.Cluster, reports)
	if c.JSON {
		e := json.NewEncoder(s.Out)
		e.SetIndent("", "  ")
		err = e.Encode(cluster)
	} else {
		_, err = fmt.Fprint(s.Out, table(&cluster))
	}
	if err == nil && len(reports) == 0 {
		err = nobody(b, c.Connection.Cluster)
	}
	return err
}

// nobody says that no role answers, and what other clusters there are.
func nobody(b *bus.Bus, cluster string) error {
	text := fmt.Sprintf("no role of cluster %s answers", cluster)
	if others := node.Neighbours(b); len(others) > 0 {
		text += "\n  There is " + strings.Join(others, ", ") + ": name it with --cluster"
	}
	return errors.New(text)
}
