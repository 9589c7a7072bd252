package storage_test

import (
	"flag"
	"sync"
	"testing"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

var lives = flag.Int("storage.lives", 5, "random lives in which power is lost at every call, and in which every call fails")

// witness knows what was answered, and looks at what a power loss would leave.
type witness struct {
	t    *testing.T
	seed uint64
	disk *storagetest.Disk

	mu     sync.Mutex
	acked  *paxos.Ledger // all Appends that returned nil
	next   *paxos.Ledger // and the one under way
	boot   uint64        // of the last opening that returned
	reused uint64        // files of the log used again
	points int
	deep   bool // power may be lost again while the acceptor recovers
}

// TestPowerLossAtEveryCall loses power before every call that changes the disk, in
// a life with restarts, trims, new segments and old files. Whatever Append returned
// nil for is there, and nothing but the Append under way beside it.
func TestPowerLossAtEveryCall(t *testing.T) {
	for seed := range uint64(*lives) {
		w := &witness{t: t, seed: seed, disk: storagetest.NewDisk(), acked: &paxos.Ledger{}, next: &paxos.Ledger{}, deep: true}
		w.watch()
		h := newHistory(seed, 1500)
		for range 4 {
			if err := w.live(h, 30); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if w.points < 500 || w.reused < 3 {
			t.Errorf("seed %d: only %d power losses, %d files used again", seed, w.points, w.reused)
		}
		t.Logf("seed %d: %d power losses, twice each", seed, w.points)
	}
}

// watch loses power before every change from now on.
func (w *witness) watch() {
	w.disk.Before(func(o storagetest.Op) error {
		if o.Changes() {
			w.powerLoss(o)
		}
		return nil
	})
}

// live opens the acceptor, appends n groups and closes it.
func (w *witness) live(h *history, n int) error {
	a, err := storage.OpenAcceptor("/a1", "a1", small(w.disk))
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.boot = a.Boot()
	w.mu.Unlock()
	for range n {
		group := h.group(6)
		w.mu.Lock()
		w.next = w.acked.Clone()
		w.next.Append(group...)
		w.mu.Unlock()
		if err := a.Append(group); err != nil {
			return err
		}
		w.mu.Lock()
		w.acked = w.next
		w.mu.Unlock()
	}
	w.reused += a.Metrics().Recycled
	return a.Close()
}

// powerLoss looks at what is left with all unsynced bytes lost, and with some. It runs
// within a call on the disk, whose caller nothing may end; the first thing that is wrong
// says enough.
func (w *witness) powerLoss(o storagetest.Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.points++; w.t.Failed() {
		return
	}
	for _, percent := range []int{0, 50} {
		left := w.disk.Crash(percent, w.seed<<32|uint64(o.N))
		a, err := storage.OpenAcceptor("/a1", "a1", small(left))
		if err != nil {
			w.t.Errorf("seed %d, power lost before %s, %d%% of unsynced bytes left: %v", w.seed, o, percent, err)
			continue
		}
		w.compare(o, percent, a)
		if err := a.Close(); err != nil {
			w.t.Errorf("seed %d, power lost before %s: close: %v", w.seed, o, err)
		}
	}
	if w.deep && w.points%50 == 0 {
		again := &witness{t: w.t, seed: w.seed, disk: w.disk.Crash(50, uint64(o.N)), acked: w.acked, next: w.next, boot: w.boot}
		again.watch()
		if err := again.live(nil, 0); err != nil {
			w.t.Errorf("seed %d, power lost before %s, and again: %v", w.seed, o, err)
		}
	}
}

func (w *witness) compare(o storagetest.Op, percent int, a *storage.Acceptor) {
	if a.Boot() <= w.boot {
		w.t.Errorf("seed %d, power lost before %s: boot number %d again", w.seed, o, a.Boot())
	}
	got, err := held(a)
	if err != nil {
		w.t.Errorf("seed %d, power lost before %s, %d%% of unsynced bytes left: %v", w.seed, o, percent, err)
		return
	}
	if !got.equal(expected(w.acked)) && !got.equal(expected(w.next)) {
		w.t.Errorf("seed %d, power lost before %s, %d%% of unsynced bytes left:\n got %s\nwant %s\n  or %s",
			w.seed, o, percent, got, expected(w.acked), expected(w.next))
	}
}
