package actors

import (
	"bytes"
	"io"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// TestChunksThatComeTwice, or late, or of another snapshot, are not taken for those that
// were asked for.
func TestChunksThatComeTwice(t *testing.T) {
	const chunk = 10
	want := make([]byte, 95)
	for i := range want {
		want[i] = byte(i)
	}
	const most = 20 // questions
	chunks, stop := make(chan paxos.SnapshotChunk, 3*most), make(chan struct{})
	var before paxos.SnapshotChunk
	asked := 0
	tr := &transfer{
		from: func(int) paxos.NodeID { return "l2" }, chunks: chunks, stop: stop, log: quiet(),
		ask: func(_ paxos.NodeID, q paxos.SnapshotQuery) {
			if asked++; asked > most {
				t.Errorf("asked more than %d times, the last time for byte %d", most, q.Offset)
				close(stop)
				return
			}
			c := paxos.SnapshotChunk{ID: 7, Applied: 5, Total: uint64(len(want)), Offset: q.Offset, Data: want[q.Offset:min(int(q.Offset)+chunk, len(want))]}
			foreign := c
			foreign.ID, foreign.Data = 8, bytes.Repeat([]byte{0xff}, chunk)
			if q.ID != 0 {
				chunks <- before
				chunks <- foreign
			}
			chunks <- c
			before = c
		},
	}
	file, err := tr.run(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if have, err := io.ReadAll(file); err != nil || !bytes.Equal(have, want) {
		t.Errorf("received %v, %v, want %v", have, err, want)
	}
}
