package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/backup"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
)

// restoreFlags say what a cluster that goes on from a state is founded with.
type restoreFlags struct {
	Acceptors []string      `env:"SYNOD_ACCEPTORS" placeholder:"IDS" help:"Ids of all acceptors of the new cluster, comma-separated. They must run, on empty disks (default of restore: the ids that the backup names)."`
	Quorums   string        `env:"SYNOD_QUORUMS" placeholder:"Q" help:"majority, sizes:PHASE1,PHASE2 or grid:ROWS (default: as the backup says, else majority)."`
	Copies    int           `env:"SYNOD_COPIES" placeholder:"N" help:"Learners that must hold a slot durably before acceptors may forget it (default: as the backup says, else one more than the acceptors that may be lost)."`
	Window    uint64        `env:"SYNOD_WINDOW" placeholder:"N" help:"Slots that may be undecided at once (default: as the backup says, else 256)."`
	Raise     uint64        `name:"generation" env:"SYNOD_GENERATION" placeholder:"N" help:"Generation of the new cluster (default: one above every other that is known)."`
	Timeout   time.Duration `env:"SYNOD_RESTORE_TIMEOUT" default:"1h" help:"How long to wait for acceptors and learners (${default})."`
}

func (r *restoreFlags) check() []error {
	var errs []error
	if _, err := node.ParseQuorums(r.Quorums); r.Quorums != "" && err != nil {
		errs = append(errs, fmt.Errorf("--quorums: %w", err))
	}
	if len(r.Acceptors) > 0 {
		i := r.init()
		i.Quorums = "majority" // the backup may say how many make a quorum
		errs = append(errs, i.Check()...)
	} else if r.Copies < 0 {
		errs = append(errs, fmt.Errorf("--copies %d: want 1 or more", r.Copies))
	}
	if r.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("--timeout %s: want more than 0", r.Timeout))
	}
	return errs
}

func (r *restoreFlags) init() *initCommand {
	return &initCommand{Acceptors: r.Acceptors, Quorums: cmp.Or(r.Quorums, "majority"), Copies: r.Copies, Window: r.Window}
}

// with is r and, where it says nothing, what the backup says. told is how the two differ
// where both say something.
func (r *restoreFlags) with(i *backup.Info) (filled restoreFlags, told []string) {
	filled = *r
	differ := func(what string, given, had any) {
		if given != had {
			told = append(told, fmt.Sprintf("%s %v, where the backup has %v", what, given, had))
		}
	}
	if len(r.Acceptors) == 0 {
		filled.Acceptors = i.Acceptors
	}
	if filled.Quorums == "" {
		filled.Quorums = i.Quorums
	}
	filled.Copies, filled.Window = cmp.Or(r.Copies, i.Copies), cmp.Or(r.Window, i.Window)
	if len(i.Acceptors) > 0 {
		differ("acceptors", joinStrings(filled.Acceptors), joinStrings(i.Acceptors))
		differ("quorums", filled.Quorums, i.Quorums)
		differ("learner copies", filled.Copies, i.Copies)
		differ("window", filled.Window, i.Window)
	}
	return filled, told
}

func joinStrings(s []string) string { return strings.Join(s, ", ") }

// restoreCommand founds a cluster on the state in a backup.
type restoreCommand struct {
	File    string       `arg:"" help:"A file that synod backup wrote."`
	Restore restoreFlags `embed:""`

	Connection node.Connection `embed:""`
}

// Help shows what to do with it.
func (c *restoreCommand) Help() string {
	return `Founds a new cluster, under the old name and with a higher generation, whose log goes on from the state in the file: the log, all buckets, ids, sequences, sessions and leases are as they were. Roles of the old cluster that hear of it serve and vote no more.

Who votes, and how votes and copies are counted, is as the backup says (synod backup --verify shows it) where no flag says otherwise; the command tells where they differ.

Start its acceptors on empty disks first, and its learners, also on empty disks, once the command asks for them: before that they would join the old cluster, if that still runs. The command gives them the state, and ends when as many as the copies hold it durably. It may be stopped and run again. Proposers have no disk and change over by themselves.

Examples:
  synod restore synod-main.backup
  synod restore synod-main.backup --acceptors b1,b2,b3`
}

// Check reports everything that is wrong with the flags.
func (c *restoreCommand) Check() []error { return c.Restore.check() }

// Run restores the cluster.
func (c *restoreCommand) Run(ctx context.Context, s cli.Streams) error {
	f, err := openBackup(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	tellBackup(s.Out, "Read", c.File, &f.Info)
	b, err := connect(ctx, &c.Connection, s.Err)
	if err != nil {
		return err
	}
	defer b.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, c.Restore.Timeout, fmt.Errorf("gave up after %s", c.Restore.Timeout))
	defer cancel()
	return c.Restore.restore(ctx, b, f, c.Connection.Cluster, s)
}

// restore founds the cluster of that name on the state in f, and gives its learners the
// state.
func (r *restoreFlags) restore(ctx context.Context, b *bus.Bus, f *backup.File, name string, s cli.Streams) error {
	given := *r
	filled, told := r.with(&f.Info)
	r = &filled
	plan, err := r.plan(ctx, b, &f.Info)
	if err != nil {
		return err
	}
	for _, how := range told {
		say(s.Out, "As the flags say: %s\n", how)
	}
	founded, err := found(ctx, b, plan, s)
	if err != nil {
		return fmt.Errorf("%w\n  Acceptors of a restored cluster start on empty disks, with ids that no other has. Run synod restore to go on", err)
	}
	g := founded.Genesis
	say(s.Out, "Founded cluster %s: %s, generation %d\n  from slot %d on: acceptors %s\n  %s quorums, %d learner copies, window of %d slots\n",
		name, g.Cluster.UUID, g.Cluster.Generation, g.First.From, joinStrings(r.Acceptors), g.First.Quorums, g.First.Copies, g.Window)
	if how := plan.Differs(g); how != "" {
		say(s.Out, "  It was founded by an earlier call with %s, and stays so: see synod member set\n", how)
	}
	if f.Info.Number == 0 && (given.Quorums == "" || given.Copies == 0) {
		say(s.Out, "  This backup is too old to know changes of the configuration. If quorums or copies were changed, change them again with synod member set\n")
	}
	err = node.Serve(ctx, b, g, f, progress(s.Err, "Sending to"), func(h node.Holding) {
		if len(h.Holders) < h.Wanted {
			say(s.Err, "%d of %d learners hold the state: start learners on empty disks\n", len(h.Holders), h.Wanted)
		}
	})
	if err != nil {
		return fmt.Errorf("the cluster is founded, and not enough learners hold its state yet: %w\n  Start learners on empty disks, and run synod restore to go on", err)
	}
	say(s.Out, "Restored: %d learners hold the state durably\n", g.First.Copies)
	return nil
}

// plan is what to found, with a generation above every cluster of the name that is known.
func (r *restoreFlags) plan(ctx context.Context, b *bus.Bus, info *backup.Info) (node.Plan, error) {
	plan, err := r.init().plan()
	if err != nil {
		return plan, err
	}
	if len(plan.Acceptors) == 0 {
		return plan, &cli.MisuseError{Problem: "--acceptors: is required, since the backup does not say who voted"}
	}
	if err := plan.Check(); err != nil {
		return plan, fmt.Errorf("the backup's quorums and copies do not go with these flags: %w\n  Nothing was done: give --quorums, --copies or --acceptors", err)
	}
	plan.From, plan.Generation = info.Slot+1, info.Generation+1
	if plan.State, err = info.State(); err != nil {
		return plan, err
	}
	if info.Slot == 0 {
		return plan, errors.New("the backup is of a cluster in which nothing was decided: found a new one with `synod init`")
	}
	other, err := node.Elsewhere(ctx, b, plan.Acceptors)
	if err != nil {
		return plan, err
	}
	if other != nil {
		plan.Generation = max(plan.Generation, other.Cluster.Generation+1)
	}
	if r.Raise != 0 && r.Raise < plan.Generation {
		return plan, &cli.MisuseError{Problem: fmt.Sprintf("--generation %d: there has been generation %d of this cluster, want a higher one", r.Raise, plan.Generation-1)}
	}
	plan.Generation = max(plan.Generation, r.Raise)
	return plan, nil
}
