package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/internal/gentle"
	"github.com/synod-paxos/synod/streams"
)

// A learner that stopped because its state differed from others' has a file DOUBT in its
// data directory, which says why. Its next start rebuilds the state: from the last copy
// that was found equal to fellows' and the log since then, or without one from a fellow.
// REBUILT has the last doubt that was dealt with so. What cannot be told from a good state
// stays under suspect, for people.
const (
	doubtFile   = "DOUBT"
	rebuiltFile = "REBUILT"
	suspectDir  = "suspect"
)

// doubt writes the mark. A learner that cannot write it says so, and stops all the
// same; started again it may answer until the next comparison stops it once more.
func (l *Learner) doubt(d actors.Doubt) {
	if err := writeJSON(filepath.Join(l.dir.Path(), doubtFile), d); err != nil {
		l.log.Error("the doubt about this learner's state could not be written down", "err", err)
	}
}

// resolveDoubt rebuilds a state that is marked. It fails when nothing tells a good state.
func (l *Learner) resolveDoubt(ctx context.Context, c Config) error {
	dir := l.dir.Path()
	var d, last actors.Doubt
	if err := errors.Join(readJSON(filepath.Join(dir, doubtFile), &d), readJSON(filepath.Join(dir, rebuiltFile), &last)); err != nil || d.Slot == 0 {
		return err
	}
	again := last.Slot == d.Slot
	l.log.Warn("rebuilding the state", "reason", d.Reason)
	restored := false
	if c.OpenMachine == nil && !again {
		var err error
		if restored, err = l.restoreCheckpoint(ctx, d); err != nil {
			return err
		}
	}
	if !restored {
		if !d.Outvoted && (again || c.OpenMachine != nil) {
			return l.cannotTell(d)
		}
		if err := l.setAside(); err != nil {
			return err
		}
	}
	return errors.Join(writeJSON(filepath.Join(dir, rebuiltFile), d), removeDurably(filepath.Join(dir, doubtFile)))
}

// cannotTell refuses a state that may be the good one or the bad one.
func (l *Learner) cannotTell(d actors.Doubt) error {
	return fmt.Errorf("%s: %s: there is no state to go back to; start with an empty data directory to take a fellow's state, or, if this state is known to be the good one, remove the file",
		filepath.Join(l.dir.Path(), doubtFile), d.Reason)
}

// restoreCheckpoint goes back to the last state that was found equal to fellows'; false
// when there is none from before the doubt, or it is damaged.
func (l *Learner) restoreCheckpoint(ctx context.Context, d actors.Doubt) (bool, error) {
	kept, err := l.dir.Sub(checkpointDir)
	if err != nil {
		return false, err
	}
	last, err := lastCheckpoint(kept)
	if err != nil || last.path == "" {
		return false, err
	}
	if last.to >= uint64(d.Slot) {
		return false, gentle.RemoveAll(last.path) // it has what is wrong
	}
	state, err := l.dir.Sub(stateDir)
	if err != nil {
		return false, err
	}
	m, err := streams.RestoreCheckpoint(ctx, state, last.path, streams.Options{Logger: l.log})
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		l.log.Error("the last agreed state is damaged: this learner's memory or disk is broken", "err", err)
		return false, gentle.RemoveAll(last.path)
	}
	l.log.Info("went back to the last agreed state", "slot", m.Applied())
	return true, m.Close()
}

// setAside leaves no state: the learner learns all anew, or takes a fellow's.
func (l *Learner) setAside() error {
	dir := l.dir.Path()
	aside := filepath.Join(dir, suspectDir)
	if err := gentle.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, stateDir), aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l.log.Warn("starting without a state; what was there is kept", "in", aside)
	return syncDir(dir)
}

// writeDurably makes text the content of the file, or leaves it as it was.
func writeDurably(path, text string) error {
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
