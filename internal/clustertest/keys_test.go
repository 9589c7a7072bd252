package clustertest

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

var keysFlag = flag.Int("clustertest.keys", 2000, "number of keys of TestManyKeys")

// TestManyKeys puts keys of 100 bytes, starts one learner again, and wipes another,
// which takes the first one's state. With -v and -clustertest.keys 1000000 it shows how
// long that takes, and what it takes of memory and disk.
func TestManyKeys(t *testing.T) {
	url := bustest.Server(t).URL()
	c := New(t, url)
	c.Configure = func(n *node.Config) { n.CheckpointEvery = 0 } // as programs have it
	c.found(3)
	for _, id := range []paxos.NodeID{"p1", "l1", "l2"} {
		c.StartRole(id)
	}
	c.AwaitLeader()
	c.Bucket(url)
	began := time.Now()
	putKeys(t, url, *keysFlag)
	t.Logf("%d keys put in %s", *keysFlag, time.Since(began).Round(time.Millisecond))
	c.Await("learners that are equally far", func() bool {
		return c.Role("l1").Report().Learner.Applied == c.Role("l2").Report().Learner.Applied
	})
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("heap of all roles and the NATS server: %d MiB; disk of learner l1: %d MiB", memory.HeapAlloc>>20, treeBytes(t, c.Data("l1"))>>20)

	digest := c.Role("l1").Report().Learner.Digest
	c.Stop("l1")
	began = time.Now()
	c.StartRole("l1")
	c.Await("l1 to be ready", func() bool { return c.Role("l1").Report().Ready })
	t.Logf("l1 ready %s after its start", time.Since(began).Round(time.Millisecond))

	c.Stop("l2")
	c.Wipe("l2")
	began = time.Now()
	c.StartRole("l2")
	c.Await("l2 to have the state", func() bool {
		r := c.Role("l2").Report()
		return r.Ready && r.Learner.Applied >= digest.Slot
	})
	t.Logf("l2 has the state, and is ready, %s after its start with an empty disk", time.Since(began).Round(time.Millisecond))
	c.Await("equal states", func() bool {
		a, b := c.Role("l1").Report().Learner.Digest, c.Role("l2").Report().Learner.Digest
		return a == b && a.Slot >= digest.Slot
	})
}

// putKeys puts so many keys with as many requests at once as a busy service has.
func putKeys(t *testing.T, url string, keys int) {
	t.Helper()
	numbers := make(chan int)
	var clients sync.WaitGroup
	for range 8 {
		nc, err := nats.Connect(url)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		for range 64 {
			clients.Go(func() {
				data := make([]byte, 100)
				for n := range numbers {
					subject := fmt.Sprintf("%sapi.$KV.test.key-%08d", Subjects.Root(), n)
					for t.Context().Err() == nil {
						if reply, err := nc.Request(subject, data, 5*time.Second); err == nil && !bytes.Contains(reply.Data, []byte(`"error"`)) {
							break
						}
					}
				}
			})
		}
	}
	for n := range keys {
		numbers <- n
	}
	close(numbers)
	clients.Wait()
}

// treeBytes is what the files below dir take.
func treeBytes(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // a file may go while it is looked at
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
