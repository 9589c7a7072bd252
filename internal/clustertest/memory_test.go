package clustertest

import (
	"bytes"
	"flag"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
)

var commandsFlag = flag.Int("clustertest.commands", 12_000, "number of commands of TestMemoryStaysFlat")

// A role that kept what it has decided would have grown by this long before the end.
const (
	proposalBytes  = 4 << 10
	tableBytes     = 512 << 10 // without cgo tables are in the heap, and grow until they are full
	mostGrowth     = 12 << 20  // half of what a role takes that keeps the values; from run to run and within one the heap differs by 6
	memoryCallers  = 256
	memoryMeasured = 8 // the heap is measured after each of so many parts
)

// TestMemoryStaysFlat: what the roles keep in memory does not grow with the commands that
// they have decided. All roles, the NATS server and the callers share one heap, in which
// tables that are being written take up to 15 MiB for a moment: so the least heap of
// either half counts. With -v -clustertest.commands 1000000 it shows how flat it is.
func TestMemoryStaysFlat(t *testing.T) {
	url := bustest.Server(t).URL()
	c := New(t, url)
	c.Configure = func(o *node.Config) { o.MemTable = tableBytes }
	c.Start(Size{Acceptors: 3, Proposers: 2, Learners: 2})
	c.AwaitLeader()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var least [2]uint64 // of the first half of the parts, and of the second
	for part := range memoryMeasured {
		proposeMany(t, nc, *commandsFlag/memoryMeasured)
		c.Await("learners that are equally far", func() bool {
			return c.Role("l1").Report().Learner.Applied == c.Role("l2").Report().Learner.Applied
		})
		heap() // pools let go of what they hold at the second collection
		now := heap()
		if half := &least[2*part/memoryMeasured]; *half == 0 || now < *half {
			*half = now
		}
		t.Logf("after %d commands: %.1f MiB of heap", (part+1)*(*commandsFlag/memoryMeasured), float64(now)/(1<<20))
	}
	if least[1] > least[0]+mostGrowth {
		t.Errorf("the heap grew from %d to %d bytes", least[0], least[1])
	}
}

// proposeMany has n commands decided, as many at once as a busy cluster has.
func proposeMany(t *testing.T, nc *nats.Conn, n int) {
	t.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var callers sync.WaitGroup
	for range memoryCallers {
		callers.Go(func() {
			data := make([]byte, proposalBytes)
			for left.Add(-1) >= 0 {
				for t.Context().Err() == nil {
					if reply, err := nc.Request(Subjects.Propose(), data, 5*time.Second); err == nil && !bytes.Contains(reply.Data, []byte(`"error"`)) {
						break
					}
				}
			}
		})
	}
	callers.Wait()
}
