package streams

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/synod-paxos/synod/streams/command"
)

var keysFlag = flag.Int("streams.keys", 20_000, "number of keys of TestMemoryStaysFlat")

// TestMemoryStaysFlat puts many keys of 100 bytes into a bucket and looks at the
// heap. With -v and -streams.keys 1000000 it shows the figures for disk, memory,
// restart and snapshots.
func TestMemoryStaysFlat(t *testing.T) {
	dir := t.TempDir()
	m, err := Open(filepath.Join(dir, "a"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Apply(1, 1, []Message{*bucketConfig("b", `"max_msgs_per_subject":1`)}); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 100)
	start, before := time.Now(), heapBytes()
	commands := make([]Message, 100)
	for n := 0; n < *keysFlag; n += len(commands) {
		for i := range commands {
			commands[i] = Message{Subject: fmt.Sprintf("api.$KV.b.key-%08d", n+i), Data: data}
		}
		if _, err := m.Apply(m.Applied()+1, 1, commands); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Sync(); err != nil {
		t.Fatal(err)
	}
	grown := int64(heapBytes()) - int64(before)
	t.Logf("%d keys: applied in %s, heap grew by %d KiB", *keysFlag, time.Since(start).Round(time.Millisecond), grown>>10)
	// The cache of subjects is what may grow, and is full at 65536 of them.
	if limit := int64(32 << 20); grown > limit {
		t.Errorf("heap grew by %d bytes, want at most %d", grown, limit)
	}
	digest := m.Digest()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("disk: %d KiB", diskBytes(t, dir)>>10)
	start = time.Now()
	if m, err = Open(filepath.Join(dir, "a"), Options{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("opened in %s", time.Since(start).Round(time.Millisecond))
	defer closeMachine(t, m)
	start = time.Now()
	restored, n := copyMachine(t, m, filepath.Join(dir, "b"))
	defer closeMachine(t, restored)
	t.Logf("snapshot: %d KiB, written, checked and restored in %s", n>>10, time.Since(start).Round(time.Millisecond))
	if restored.Digest() != digest {
		t.Errorf("digest %+v, want %+v", restored.Digest(), digest)
	}
}

// copyMachine restores a snapshot of m in dir, and returns the snapshot's size.
func copyMachine(t *testing.T, m *Machine, dir string) (*Machine, int64) {
	t.Helper()
	s, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, w := io.Pipe()
	written := make(chan int64, 1)
	go func() {
		n, err := s.WriteTo(w)
		w.CloseWithError(err)
		written <- n
	}()
	restored, err := Restore(dir, r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return restored, <-written
}

func heapBytes() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func diskBytes(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		i, err := d.Info()
		if err == nil {
			n += i.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestExpiryIsLinear: what ends together with many others costs what it costs alone, and
// nothing is stepped over that went long ago.
func TestExpiryIsLinear(t *testing.T) {
	m, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeMachine(t, m)
	apply := func(at time.Duration, commands ...Message) {
		t.Helper()
		if _, err := m.Apply(m.Applied()+1, int64(at), commands); err != nil {
			t.Fatal(err)
		}
	}
	typed := func(op command.Op) Message {
		return Message{Subject: "command.S", Data: command.Command{Op: op}.Encode()}
	}
	of := func(i int) []Message {
		return []Message{
			typed(command.OpenSession{Nonce: [16]byte{1, byte(i), byte(i >> 8)}, TTL: time.Second}),
			typed(command.Acquire{Name: fmt.Sprint("lease", i), Owner: []byte("o"), TTL: time.Second}),
			{Subject: "api.s." + fmt.Sprint(i), Header: fmt.Appendf(nil, "NATS/1.0\r\nNats-TTL: 1s\r\nNats-Msg-Id: %d\r\n\r\n", i)},
		}
	}
	// looked is how many pairs a slot at that time steps over to find what is due.
	looked := func(at time.Duration) int {
		if err := m.settle(); err != nil {
			t.Fatal(err)
		}
		w := &m.work
		w.begin(int64(at))
		w.expire()
		steps := w.iter.Stats().ForwardStepCount[pebble.InternalIterCall]
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		for _, s := range m.order {
			s.dirty = false
		}
		return steps
	}
	const n = 1000
	apply(time.Second, Message{Subject: "api.STREAM.CREATE.S", Data: []byte(`{"name":"S","subjects":["s.>"],"allow_msg_ttl":true,"duplicate_window":1000000000}`)})
	for i := range n {
		apply(time.Second+time.Duration(i), of(i)...)
	}
	apply(3 * time.Second)
	for _, s := range m.order {
		if st := s.state; st.sessions+st.leases+st.ids+st.msgs != 0 {
			t.Fatalf("%s still has %+v", s.config.Name, st)
		}
	}
	apply(3*time.Second, of(n)...)
	if steps := looked(5 * time.Second); steps > 100 {
		t.Errorf("one of each ends, after %d others have: %d steps", n, steps)
	}
}
