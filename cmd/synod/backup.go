package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/synod-paxos/synod/internal/backup"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
)

// backupCommand copies a cluster's state into a file.
type backupCommand struct {
	File    string        `arg:"" help:"The file to write."`
	Data    string        `env:"SYNOD_BACKUP_DATA" placeholder:"DIR" help:"Take the copy from this data directory of a learner that is stopped, without NATS."`
	Verify  bool          `env:"SYNOD_VERIFY" help:"Only check the file that is there, and tell what it holds."`
	Force   bool          `env:"SYNOD_FORCE" help:"Replace the file if it is there."`
	Timeout time.Duration `env:"SYNOD_BACKUP_TIMEOUT" default:"1h" help:"How long it may take (${default})."`

	Connection node.Connection `embed:""`
}

// Help shows what to do with it.
func (c *backupCommand) Help() string {
	return `Copies the whole state, the log and all buckets, from a learner while the cluster works, and checks what it has written. It holds everything that was answered before it began. The file has a checksum, and only its owner can read it.

Examples:
  synod backup synod-main.backup
  synod backup --verify synod-main.backup
  synod backup --data /var/lib/synod/l1 synod-main.backup`
}

// Check reports everything that is wrong with the flags.
func (c *backupCommand) Check() []error {
	var errs []error
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("--timeout %s: want more than 0", c.Timeout))
	}
	if c.Verify && (c.Data != "" || c.Force) {
		errs = append(errs, errors.New("--verify writes nothing: want neither --data nor --force with it"))
	}
	return errs
}

// Run takes the backup, or checks one.
func (c *backupCommand) Run(ctx context.Context, s cli.Streams) error {
	if c.Verify {
		f, err := openBackup(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		tellBackup(s.Out, "Whole", c.File, &f.Info)
		return nil
	}
	if _, err := os.Lstat(c.File); err == nil && !c.Force {
		return fmt.Errorf("%s is there already: name another file, or replace it with --force", c.File)
	}
	info, err := c.take(ctx, s)
	if err != nil {
		return err
	}
	tellBackup(s.Out, "Saved", c.File, &info)
	return nil
}

func (c *backupCommand) take(ctx context.Context, s cli.Streams) (backup.Info, error) {
	if c.Data != "" {
		return node.BackupDirectory(c.Data, c.File, storage.Options{})
	}
	b, err := connect(ctx, &c.Connection, s.Err)
	if err != nil {
		return backup.Info{}, err
	}
	defer b.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("gave up after %s", c.Timeout))
	defer cancel()
	return node.Backup(ctx, b, c.File, progress(s.Err, "Receiving from"))
}

// openBackup opens a backup, and says what to do about a damaged one.
func openBackup(path string) (*backup.File, error) {
	f, err := backup.Open(path)
	if errors.Is(err, backup.ErrDamaged) {
		return nil, fmt.Errorf("%w\n  Nothing was changed. Use another copy of the file", err)
	}
	return f, err
}

func tellBackup(w io.Writer, what, path string, i *backup.Info) {
	cluster := strings.TrimSpace(i.Cluster + " " + i.UUID) // a data directory does not know the name
	say(w, "%s %s\n  cluster %s, generation %d, up to slot %d\n  %s of state as of %s\n  digest %s\n",
		what, path, cluster, i.Generation, i.Slot, size(uint64(i.Bytes)), i.LogTime.Format(time.RFC3339), i.Digest)
	switch {
	case len(i.Acceptors) == 0:
		say(w, "  It does not say who voted, nor how votes and copies were counted\n")
		return
	case i.Number == 0:
		say(w, "  Founded (and perhaps changed since) with acceptors %s\n", strings.Join(i.Acceptors, ", "))
	default:
		say(w, "  Configuration %d, from slot %d on: acceptors %s\n", i.Number, i.From, strings.Join(i.Acceptors, ", "))
	}
	say(w, "  %s quorums, %d learner copies, window of %d slots\n", i.Quorums, i.Copies, i.Window)
}

// progress tells how far a transfer is, now and then.
func progress(w io.Writer, verb string) node.Progress {
	var last time.Time
	return func(who paxos.NodeID, done, of uint64) {
		now := time.Now()
		if now.Sub(last) < time.Second && (done < of || of == 0) {
			return
		}
		last = now
		if of == 0 {
			say(w, "Waiting for %s, which has made %s of a snapshot\n", who, size(done))
			return
		}
		say(w, "%s %s: %s of %s\n", verb, who, size(done), size(of))
	}
}

func size(n uint64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
