package streams

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestLongPurgeIsWrittenInParts removes many messages in one command, whose memory
// must not grow with them.
func TestLongPurgeIsWrittenInParts(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	commands := []Message{{Subject: "api.STREAM.CREATE.S", Data: []byte(`{"name":"S","subjects":["s.*"]}`)}}
	for i := range 5000 {
		commands = append(commands, Message{Subject: fmt.Sprintf("api.s.%d", i%100)})
	}
	if _, err := m.Apply(1, 1, commands); err != nil {
		t.Fatal(err)
	}
	largest, parts := 0, 0
	m.spillAt = 16 << 10
	m.spilled = func(bytes int) {
		parts++
		largest = max(largest, bytes)
	}
	replies, err := m.Apply(2, 2, []Message{
		{Subject: "api.STREAM.PURGE.S", Data: []byte(`{"filter":"s.7"}`)},
		{Subject: "api.STREAM.PURGE.S", Data: []byte(`{"seq":4000}`)},
		{Subject: "api.STREAM.UPDATE.S", Data: []byte(`{"name":"S","subjects":["s.*"],"max_msgs":10}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{50, 3959, 0} {
		if got := result(t, replies[i].Data); got != want {
			t.Errorf("reply %d: purged %v, want %d", i, got, want)
		}
	}
	if parts < 10 || largest > 20<<10 {
		t.Errorf("written in %d parts of up to %d bytes, want 10 or more of up to 20 KiB", parts, largest)
	}
	v := m.View()
	defer v.Close()
	if n, err := v.Pending(Query{Stream: "S"}); err != nil || n != 10 {
		t.Errorf("%d messages left, %v, want 10", n, err)
	}
	scrubbedDigest(t, m)
}
