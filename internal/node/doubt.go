package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/synod-paxos/synod/actors"
)

// doubtFile is in the data directory of a learner that stopped because its state
// differed from others'. It says why. While it is there the learner does not start:
// it would answer from a state that may be wrong.
const doubtFile = "DOUBT"

// doubt writes the mark. A learner that cannot write it says so, and stops all the
// same; started again it may answer until the next comparison stops it once more.
func (l *Learner) doubt(d actors.Doubt) {
	if err := writeDurably(filepath.Join(l.dir.Path(), doubtFile), d.Reason+"\n"); err != nil {
		l.log.Error("the doubt about this learner's state could not be written down", "err", err)
	}
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

// checkDoubt refuses a state that is marked.
func (l *Learner) checkDoubt() error {
	path := filepath.Join(l.dir.Path(), doubtFile)
	reason, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return fmt.Errorf("%s: %s: start with an empty data directory to take a fellow's state, or, if this state is known to be the good one, remove the file",
		path, string(reason[:max(0, len(reason)-1)]))
}
