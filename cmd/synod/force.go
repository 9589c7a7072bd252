package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
)

// forceCommand makes a new cluster when too many acceptors are lost for good.
type forceCommand struct {
	Restore restoreFlags `embed:""`
	Save    string       `env:"SYNOD_FORCE_SAVE" placeholder:"FILE" help:"Where to keep the state that survived; it must not be there yet."`
	Confirm string       `env:"SYNOD_CONFIRM" placeholder:"UUID" help:"UUID of the cluster that is given up. Without it the command tells what would be lost, and does nothing."`

	Connection node.Connection `embed:""`
}

// Help shows what to do with it.
func (c *forceCommand) Help() string {
	return `When more acceptors are lost for good than the quorums can do without, nothing can be decided any more, and nobody can say what the lost ones had voted for. This command gives the cluster up: it takes the state of the learner that has applied the most, and founds a new cluster on it, with new acceptors, under the same name and with a higher generation. Roles of the old one that come back serve and vote no more.

What was decided after that learner's last slot is lost, although clients may have been told that it was done. Try everything to bring the disks of the acceptors back first. Start the new acceptors on empty disks, and new learners, also on empty disks, once the command asks for them: before that they would join the old cluster. When no learner runs, take its state from its data directory with synod backup --data, and restore that.

Examples:
  synod member force-new-cluster --acceptors b1,b2,b3
  synod member force-new-cluster --acceptors b1,b2,b3 \
    --save last.backup --confirm 0b5c1a52-5a8e-4d0c-8f0f-3c1d7b8c2f11`
}

// Check reports everything that is wrong with the flags.
func (c *forceCommand) Check() []error {
	errs := c.Restore.check()
	if len(c.Restore.Acceptors) == 0 {
		errs = append(errs, errors.New("--acceptors: is required, such as b1,b2,b3"))
	}
	if c.Confirm != "" {
		if _, err := uuid.Parse(c.Confirm); err != nil {
			errs = append(errs, fmt.Errorf("--confirm %q: want the UUID of a cluster", c.Confirm))
		}
		if c.Save == "" {
			errs = append(errs, errors.New("--save: is required with --confirm"))
		}
	}
	return errs
}

// Run tells what would be lost, or does it.
func (c *forceCommand) Run(ctx context.Context, s cli.Streams) error {
	b, err := connect(ctx, &c.Connection, s.Err)
	if err != nil {
		return err
	}
	defer b.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, c.Restore.Timeout, fmt.Errorf("gave up after %s", c.Restore.Timeout))
	defer cancel()
	reports, err := node.Ask(ctx, b, 3*time.Second)
	if err != nil {
		return err
	}
	cluster := node.Overview(c.Connection.Cluster, reports)
	if err := c.judge(&cluster, s.Out); err != nil {
		return err
	}
	return c.force(ctx, b, s)
}

// judge says what is lost, and refuses what is not confirmed or not called for.
func (c *forceCommand) judge(cluster *node.Cluster, w io.Writer) error {
	if cluster.UUID == "" {
		return errors.New("no role that knows its cluster answers: start a learner, or restore a backup of one that is stopped (synod backup --data)")
	}
	if cluster.CanDecide() {
		return fmt.Errorf("cluster %s has its quorums: nothing was done\n  Replace the acceptors that are lost, one by one", cluster.Cluster)
	}
	loss, err := cluster.Loss()
	if err != nil {
		return err
	}
	say(w, "%s", loss)
	switch c.Confirm {
	case cluster.UUID:
		return nil
	case "":
		return &cli.MisuseError{Problem: fmt.Sprintf("nothing was done. To give the cluster up, run it again with\n  --save FILE --confirm %s", cluster.UUID)}
	default:
		return &cli.MisuseError{Problem: fmt.Sprintf("--confirm %s: the cluster is %s; nothing was done", c.Confirm, cluster.UUID)}
	}
}

// force saves what survives, and founds a cluster on it.
func (c *forceCommand) force(ctx context.Context, b *bus.Bus, s cli.Streams) error {
	if _, err := os.Lstat(c.Save); err == nil {
		return fmt.Errorf("--save: %s is there already: go on with `synod restore %s`, or name another file", c.Save, c.Save)
	}
	info, err := node.Backup(ctx, b, c.Save, progress(s.Err, "Receiving from"))
	if err != nil {
		return err
	}
	tellBackup(s.Out, "Saved", c.Save, &info)
	f, err := openBackup(c.Save)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.Restore.restore(ctx, b, f, c.Connection.Cluster, s)
}
