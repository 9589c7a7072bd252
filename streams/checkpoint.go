package streams

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Checkpoint makes a copy of the state in the new directory dir, durably, while Apply
// continues. It shares the files that neither changes, so it takes little space until
// they part. What was applied before it is durable in the state itself, too. It has the
// state after some slot in [from, to].
func (m *Machine) Checkpoint(dir string) (from, to uint64, err error) {
	if from, err = m.Sync(); err != nil {
		return 0, 0, err
	}
	if err = m.failure.do(func() error { return m.db.Checkpoint(dir) }); err != nil {
		return 0, 0, fmt.Errorf("streams: checkpoint of %s: %w", m.dir, err)
	}
	return from, m.Applied(), nil
}

// RestoreCheckpoint replaces the state in dir, if there is one, by the checkpoint in
// the directory from, which stays as it is, and opens it. No machine may have dir open.
//
// Every pair is compared with the checkpoint's digest first. An error or a crash
// before the new state is in place leaves the old one.
func RestoreCheckpoint(ctx context.Context, dir, from string, o Options) (*Machine, error) {
	o = o.withDefaults()
	home, err := openHome(dir, o)
	if err != nil {
		return nil, err
	}
	m, err := restoreCheckpoint(ctx, home, from, o)
	if err != nil {
		return nil, errors.Join(err, home.lock.Close())
	}
	return m, nil
}

func restoreCheckpoint(ctx context.Context, home *home, from string, o Options) (*Machine, error) {
	return home.replace(o, func(name string, _ *failureReport) error {
		return cloneDatabase(o.FS, from, o.FS.PathJoin(home.dir, name))
	}, func(m *Machine) error {
		if err := m.load(); err != nil {
			return err
		}
		return m.verify(ctx)
	})
}

// verify reads the whole state.
func (m *Machine) verify(ctx context.Context) error {
	v := m.View()
	_, err := v.Scrub(ctx)
	return errors.Join(err, v.Close())
}

// cloneDatabase makes to a copy of the database in from, durably. Tables and blobs never
// change, so they are linked; the other files the copy would write to.
func cloneDatabase(fs vfs.FS, from, to string) error {
	names, err := fs.List(from)
	if err != nil {
		return fmt.Errorf("streams: read checkpoint: %w", err)
	}
	if err := fs.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("streams: restore checkpoint: %w", err)
	}
	for _, name := range names {
		place := vfs.Copy
		if strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob") {
			place = vfs.LinkOrCopy
		}
		if err := place(fs, fs.PathJoin(from, name), fs.PathJoin(to, name)); err != nil {
			return fmt.Errorf("streams: restore checkpoint: %w", err)
		}
	}
	return syncDir(fs, to)
}
