package streams

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/synod-paxos/synod/internal/gentle"
)

// A home is the data directory: databases under numbered names, and a marker that
// names the one in use. Moving the marker is the one step that puts another state
// in place; everything that it does not name is rubbish.
type home struct {
	fs      vfs.FS
	dir     string
	lock    *pebble.Lock
	current string // database in use, "" when there is none
}

const (
	markerName  = "synod-streams"
	statePrefix = "state-"
)

// openHome locks dir, makes it when it does not exist, and removes what is not in
// use.
func openHome(dir string, o Options) (*home, error) {
	if err := makeDir(o.FS, dir); err != nil {
		return nil, fmt.Errorf("streams: open %s: %w", dir, err)
	}
	lock, err := pebble.LockDirectory(dir, o.FS)
	if err != nil {
		return nil, fmt.Errorf("streams: open %s: is it in use by another process? %w", dir, err)
	}
	h := &home{fs: o.FS, dir: dir, lock: lock}
	if err := h.read(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return h, nil
}

// makeDir makes dir and what is missing above it, durably.
func makeDir(fs vfs.FS, dir string) error {
	var parents []string // of the directories to make
	for d := dir; ; {
		if _, err := fs.Stat(d); err == nil {
			break
		}
		up := fs.PathDir(d)
		parents = append(parents, up)
		if up == d {
			break
		}
		d = up
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, parent := range parents {
		if err := syncDir(fs, parent); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (h *home) read() error {
	marker, value, err := atomicfs.LocateMarker(h.fs, h.dir, markerName)
	if err == nil {
		err = errors.Join(marker.RemoveObsolete(), marker.Close())
	}
	if err != nil {
		return fmt.Errorf("streams: open %s: %w", h.dir, err)
	}
	h.current = value
	return h.removeUnused()
}

// removeUnused deletes every database but the one in use.
func (h *home) removeUnused() error {
	names, err := h.states()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != h.current {
			err = errors.Join(err, h.clear(name))
		}
	}
	return err
}

func (h *home) states() ([]string, error) {
	list, err := h.fs.List(h.dir)
	if err != nil {
		return nil, fmt.Errorf("streams: list %s: %w", h.dir, err)
	}
	var names []string
	for _, name := range list {
		if strings.HasPrefix(name, statePrefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

// nextName returns a name for a database that follows the one in use.
func (h *home) nextName() string {
	var n uint64
	// A marker that another program wrote counts as the number 0.
	_, _ = fmt.Sscanf(h.current, statePrefix+"%d", &n)
	return fmt.Sprintf("%s%06d", statePrefix, n+1)
}

// clear deletes the database name and everything in it.
func (h *home) clear(name string) error {
	if err := gentle.RemoveAllOf(h.fs, h.fs.PathJoin(h.dir, name)); err != nil {
		return fmt.Errorf("streams: remove %s in %s: %w", name, h.dir, err)
	}
	return nil
}

// use makes name the database in use, atomically and durably. Its contents must
// be durable already.
func (h *home) use(name string) error {
	marker, _, err := atomicfs.LocateMarker(h.fs, h.dir, markerName)
	if err == nil {
		err = errors.Join(syncDir(h.fs, h.dir), marker.Move(name), marker.Close())
	}
	if err != nil {
		return fmt.Errorf("streams: put %s in place in %s: %w", name, h.dir, err)
	}
	h.current = name
	return nil
}
