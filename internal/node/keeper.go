package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/synod-paxos/synod/internal/gentle"
	"github.com/synod-paxos/synod/paxos"
)

// checkpoints is what a Machine also is when it can keep copies of its state.
type checkpoints interface {
	// Checkpoint copies the state as it is after some slot in [from, to] into the new
	// directory dir, durably. It may be called while Apply runs.
	Checkpoint(dir string) (from, to uint64, err error)
}

// checkpointEvery is the least time between two copies of a learner's state.
const checkpointEvery = 10 * time.Second

// keeper keeps the copy of a state to go back to when states are found to differ: the
// last one that was found equal to those of fellows. The log since then is kept too,
// because the learner tells nobody that it holds more.
type keeper struct {
	machine checkpoints
	dir     string
	every   time.Duration

	agreed atomic.Uint64 // the slot that roles.Learner.Agreed tells
	kept   atomic.Uint64 // the copy has the slots up to it, and perhaps some more

	mu        sync.Mutex
	candidate checkpoint // the next copy; zero: none
	taken     time.Time  // the last one
}

// A checkpoint is a directory with a state after some slot in [from, to].
type checkpoint struct {
	path     string
	from, to uint64
}

// The names of checkpoints, by what is known of them.
const (
	candidateName = "candidate-%d-%d"
	agreedName    = "agreed-%d-%d"
)

// openKeeper finds the copy in dir, and removes what is none.
func openKeeper(dir string, m checkpoints, every time.Duration) (*keeper, error) {
	if every == 0 {
		every = checkpointEvery
	}
	k := &keeper{machine: m, dir: dir, every: every, taken: time.Now()}
	last, err := lastCheckpoint(dir)
	k.kept.Store(last.from)
	return k, errors.Join(err, k.removeAllBut(last))
}

// lastCheckpoint is the newest agreed one in dir; zero when there is none.
func lastCheckpoint(dir string) (last checkpoint, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		c := checkpoint{path: filepath.Join(dir, e.Name())}
		if _, err := fmt.Sscanf(e.Name(), agreedName, &c.from, &c.to); err == nil && c.to >= last.to {
			last = c
		}
	}
	return last, err
}

func (k *keeper) removeAllBut(c checkpoint) error {
	entries, err := os.ReadDir(k.dir)
	for _, e := range entries {
		if path := filepath.Join(k.dir, e.Name()); path != c.path {
			err = errors.Join(err, gentle.RemoveAll(path))
		}
	}
	return err
}

// slot is how far the copy goes.
func (k *keeper) slot() paxos.Slot { return paxos.Slot(k.kept.Load()) }

// step makes a candidate the copy once fellows are known to have the same state after a
// later slot, and takes another one when it is time: after a while, or at once when one
// with the slot wanted can be had and is not. The machine has applied all up to applied.
func (k *keeper) step(applied, wanted uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.candidate; c.path != "" && k.agreed.Load() >= c.to {
		if err := k.promote(c); err != nil {
			return err
		}
	}
	switch waits := max(k.kept.Load(), k.candidate.from) < wanted && wanted <= applied; {
	case waits:
		return k.take()
	case k.candidate.path == "" && time.Since(k.taken) >= k.every:
		return k.take()
	}
	return nil
}

// take takes a candidate, in place of one that there is.
func (k *keeper) take() error {
	if err := k.drop(); err != nil {
		return err
	}
	k.taken = time.Now()
	path := filepath.Join(k.dir, "new")
	if err := gentle.RemoveAll(path); err != nil {
		return err
	}
	from, to, err := k.machine.Checkpoint(path)
	if err != nil {
		return err
	}
	if from <= k.kept.Load() {
		return gentle.RemoveAll(path) // nothing happened since
	}
	k.candidate = checkpoint{filepath.Join(k.dir, fmt.Sprintf(candidateName, from, to)), from, to}
	return os.Rename(path, k.candidate.path)
}

// replaced drops the candidate: what fellows agree with from now on is another state,
// which did not come from it.
func (k *keeper) replaced() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.drop()
}

func (k *keeper) drop() error {
	old := k.candidate.path
	k.candidate = checkpoint{}
	if old == "" {
		return nil
	}
	return gentle.RemoveAll(old)
}

func (k *keeper) promote(c checkpoint) error {
	k.candidate = checkpoint{}
	old := c.path
	c.path = filepath.Join(k.dir, fmt.Sprintf(agreedName, c.from, c.to))
	if err := os.Rename(old, c.path); err != nil {
		return err
	}
	if err := syncDir(k.dir); err != nil {
		return err
	}
	k.kept.Store(c.from)
	return k.removeAllBut(c)
}
