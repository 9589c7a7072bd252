package node

import (
	"testing"
	"testing/synctest"

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
