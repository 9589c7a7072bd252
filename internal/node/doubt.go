package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// doubtFile is in the data directory of a learner that stopped because its state
// differed from others'. It says why. While it is there the learner does not start:
// it would answer from a state that may be wrong.
const doubtFile = "DOUBT"

// doubt writes the mark. A learner that cannot write it says so, and stops all the
// same; started again it may answer until the next comparison stops it once more.
func (l *Learner) doubt(reason string) {
	if err := writeDurably(filepath.Join(l.dir.Path(), doubtFile), reason+"\n"); err != nil {
		l.log.Error("the doubt about this learner's state could not be written down", "err", err)
	}
}

func writeDurably(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
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
