package node

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/storage"
)

// TestALearnerInDoubtDoesNotStartAgain on the state that differed from others'.
func TestALearnerInDoubtDoesNotStartAgain(t *testing.T) {
	dir, err := storage.OpenLearnerDir(t.TempDir(), "l1", storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	l := &Learner{dir: dir}
	l.log = slog.New(slog.DiscardHandler)
	if err := l.checkDoubt(); err != nil {
		t.Fatalf("a fresh directory is in doubt: %v", err)
	}
	l.doubt(actors.Doubt{Slot: 256, Reason: "the state of learner l1 after slot 256 differs from that of l2"})
	err = l.checkDoubt()
	if err == nil || !strings.Contains(err.Error(), "after slot 256") || !strings.Contains(err.Error(), "DOUBT") {
		t.Errorf("a directory in doubt: %v, want the file and the reason named", err)
	}
}
