package storage

import (
	"io"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// TestKilledAndThenPowerLost: a process is killed before a call, the next one opens what is
// in the memory of the operating system, and then power is lost. What the second read it has
// to make durable before it goes on from it.
func TestKilledAndThenPowerLost(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	var points atomic.Int64 // who drops segments calls the disk, too
	for n := 1; !t.Failed(); n++ {
		d := storagetest.NewDisk()
		k := killedAt(d, n)
		if !k.hit {
			break
		}
		d.Before(func(o storagetest.Op) error {
			for seed := range uint64(6) {
				if o.Changes() {
					points.Add(1)
					k.powerLost(t, o, d.Crash(50*int(min(seed, 1)), seed<<32|uint64(o.N)))
				}
			}
			return nil
		})
		a, err := OpenAcceptor("/a1", "a1", tiny(d.Restarted()))
		if err != nil {
			t.Fatalf("killed before %s: %v", k.op, err)
		}
		d.Before(nil)
		closeIt(t, a)
	}
	if n := points.Load(); n < 5000 {
		t.Errorf("only %d power losses", n)
	}
}

func tiny(fsys vfs.FS) Options {
	return Options{FS: fsys, Segment: 300, CoverAfter: -1, HungAfter: -1}
}

// killed is what a process that was killed had done.
type killed struct {
	hit         bool
	op          storagetest.Op // the call that it did not do
	acked, next paxos.Ledger
}

// killedAt is a life on d that ends before its n-th change.
func killedAt(d *storagetest.Disk, n int) *killed {
	k := &killed{}
	var mu sync.Mutex
	d.Before(func(o storagetest.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if o.Changes() {
			n--
		}
		if n > 0 {
			return nil
		}
		if !k.hit {
			k.hit, k.op = true, o
		}
		return io.ErrUnexpectedEOF
	})
	defer d.Before(nil)
	for life := range paxos.Slot(3) {
		a, err := OpenAcceptor("/a1", "a1", tiny(d.Restarted()))
		if err != nil {
			return k
		}
		for i := range paxos.Slot(6) {
			group := []paxos.Record{voteFor(6*life+i+1, 100)}
			if i == 4 {
				group = append(group, paxos.Trimmed{Below: 6*life + 5})
			}
			k.next.Append(group...)
			if a.Append(group) != nil {
				return k
			}
			dropNow(a)
			k.acked.Append(group...)
		}
		if a.Close() != nil {
			return k
		}
	}
	return k
}

// powerLost looks at what is left of the disk, when power was lost before o.
func (k *killed) powerLost(t *testing.T, o storagetest.Op, left *storagetest.Disk) {
	a, err := OpenAcceptor("/a1", "a1", tiny(left.FS()))
	if err != nil {
		t.Errorf("killed before %s, then power lost before %s: %v", k.op, o, err)
		return
	}
	got := paxos.Page{Votes: pageOf(t, a)}
	var acked, next paxos.Page
	k.acked.Fill(&acked, 1<<30)
	k.next.Fill(&next, 1<<30)
	if !reflect.DeepEqual(got, acked) && !reflect.DeepEqual(got, next) {
		t.Errorf("killed before %s, then power lost before %s: %d votes, want %d or %d", k.op, o, len(got.Votes), len(acked.Votes), len(next.Votes))
	}
	closeIt(t, a)
}
