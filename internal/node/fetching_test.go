package node

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synod-paxos/synod/internal/backup"
	"github.com/synod-paxos/synod/paxos"
)

// TestABackupWaitsWhileItsSnapshotIsMade: news that there is more of it count, and only
// those.
func TestABackupWaitsWhileItsSnapshotIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fetching{chunks: make(chan paxos.Envelope, 4)}
		say := func(from paxos.NodeID, c paxos.SnapshotChunk) {
			f.chunks <- paxos.Envelope{From: paxos.Sender{Role: paxos.LearnerRole, ID: from}, Msg: c}
		}
		for i, step := range []struct {
			from paxos.NodeID
			made uint64
			more bool
		}{{"l1", 1, true}, {"l1", 1, false}, {"l1", 500, true}, {"l2", 900, false}, {"l1", 500, false}} {
			say(step.from, paxos.SnapshotChunk{ID: paxos.SnapshotMaking, Offset: step.made})
			if c, ok, err := f.await(t.Context(), "l1", paxos.SnapshotQuery{}); ok || err != nil || f.more != step.more {
				t.Errorf("step %d: %+v, %t, %v, more %t; want no chunk, and more %t", i, c, ok, err, f.more, step.more)
			}
		}
		say("l1", paxos.SnapshotChunk{ID: paxos.SnapshotMaking, Offset: 600})
		say("l1", paxos.SnapshotChunk{ID: 7, Total: 2, Data: []byte("x")})
		if c, ok, err := f.await(t.Context(), "l1", paxos.SnapshotQuery{}); !ok || err != nil || c.ID != 7 {
			t.Errorf("%+v, %t, %v, want the first chunk", c, ok, err)
		}
	})
}

// TestABackupOfASilentMachine: a machine may think for long before it writes the first byte. Who
// is left meanwhile may take longer the next time.
func TestABackupOfASilentMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, err := backup.Create(filepath.Join(t.TempDir(), "copy"))
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abandon()
		f := &fetching{out: w, giveUp: chunkGiveUp, chunks: make(chan paxos.Envelope, 4), progress: func(paxos.NodeID, uint64, uint64) {}}
		var began time.Time
		f.publish = func(e paxos.Envelope) error {
			c := paxos.SnapshotChunk{ID: 7, Total: 1, Data: []byte("x")}
			if time.Since(began) < 150*time.Second {
				c = paxos.SnapshotChunk{ID: paxos.SnapshotMaking, Offset: 1}
			}
			f.chunks <- paxos.Envelope{From: paxos.Sender{Role: paxos.LearnerRole, ID: e.To}, Msg: c}
			return nil
		}
		for i, learner := range []paxos.NodeID{"l1", "l2"} { // each makes one when it is asked
			began = time.Now()
			r := Report{ID: learner, UUID: "00000000-0000-0000-0000-000000000001"}
			if err := f.from(t.Context(), &r); err != nil || f.complete != (i == 1) {
				t.Errorf("%s: %v, complete %t after %s", learner, err, f.complete, time.Since(began))
			}
		}
	})
}
