package streams

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/synod-paxos/synod/storage/storagetest"
)

// life is a machine that applies slots of the tale, and what it said.
type life struct {
	t       *testing.T
	disk    *storagetest.Disk
	digests []Digest // by slot
	told

	mu      sync.Mutex // the disk is called from the background, too
	durable uint64     // what the last Sync said
	applied uint64     // the last slot that Apply was called for
}

func (l *life) note(durable, applied uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.durable, l.applied = max(l.durable, durable), max(l.applied, applied)
}

func (l *life) said() (durable, applied uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable, l.applied
}

// lived is the digest after each slot of the tale, with nothing wrong.
func lived(t *testing.T, slots int) []Digest {
	t.Helper()
	l := &life{t: t, disk: storagetest.NewDisk()}
	if err := l.live(slots); err != nil {
		t.Fatal(err)
	}
	return l.digests
}

// often makes the machine write tables and logs often.
func often(d *storagetest.Disk) Options { return Options{FS: d.FS(), MemTableBytes: 64 << 10} }

func (l *life) options() Options {
	o := often(l.disk)
	o.Failed = l.tell
	return o
}

// live opens the machine and applies slots, half of them in a second opening.
func (l *life) live(slots int) error {
	for from := 0; from < slots; from += slots / 2 {
		m, err := Open("state", l.options())
		if err != nil {
			return err
		}
		err = l.apply(m, min(slots/2, slots-from))
		if closed := m.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *life) apply(m *Machine, n int) error {
	if l.digests == nil {
		l.digests = append(l.digests, m.Digest())
	}
	for range n {
		slot := m.Applied() + 1
		l.note(0, slot)
		commands := tale()[int(slot)%len(tale())]
		commands = append(commands, Message{Subject: "propose", Data: fmt.Appendf(nil, "%d %2000d", slot, slot)})
		if _, err := m.Apply(slot, int64(slot), commands); err != nil {
			return err
		}
		l.digests = append(l.digests, m.Digest())
		if slot%5 == 0 {
			durable, err := m.Sync()
			if err != nil {
				return err
			}
			l.note(durable, 0)
		}
	}
	return nil
}

// check opens what a power loss would leave: a state after a whole slot, not before the
// one that was said to be durable, and the right one.
func (l *life) check(what string, percent int, seed uint64, want []Digest) {
	l.t.Helper()
	durable, _ := l.said() // before the loss
	left := l.disk.Crash(percent, seed)
	_, applied := l.said()
	m, err := Open("state", often(left))
	if err != nil {
		l.t.Errorf("%s: %v", what, err)
		return
	}
	defer closeMachine(l.t, m)
	d := scrubbedDigest(l.t, m)
	if d.Slot < durable || d.Slot > applied || d != want[d.Slot] {
		l.t.Errorf("%s: slot %d is applied; %d was durable, %d may be applied; digest %+v", what, d.Slot, durable, applied, d)
	}
}

// TestPowerLossAtEveryCall loses power before every call that changes the disk. What
// Sync called durable is there, as part of a state after a whole slot.
func TestPowerLossAtEveryCall(t *testing.T) {
	const slots = 40
	want := lived(t, slots)
	l := &life{t: t, disk: storagetest.NewDisk()}
	var points atomic.Int64 // several may call the disk at once
	disk := l.disk
	disk.Before(func(o storagetest.Op) error {
		if !o.Changes() {
			return nil
		}
		points.Add(1)
		for _, percent := range []int{0, 50} {
			l.check(fmt.Sprintf("power lost before %s, %d%% of unsynced bytes left", o, percent), percent, uint64(o.N), want)
		}
		return nil
	})
	if err := l.live(slots); err != nil {
		t.Fatal(err)
	}
	if n := points.Load(); n < 100 {
		t.Errorf("only %d power losses", n)
	}
	t.Logf("%d power losses, twice each", points.Load())
}
