package storage

import (
	"cmp"
	"errors"
	"path"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// TestATrimDuringADrop is done by who drops: nobody else comes for it.
func TestATrimDuringADrop(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	for slot := range paxos.Slot(9) {
		if err := a.Append([]paxos.Record{voteFor(slot+1, 100)}); err != nil {
			t.Fatal(err)
		}
	}
	d.Before(func(o storagetest.Op) error {
		if path.Base(o.Path) == coverName {
			a.trimmed.Store(9)
		}
		return nil
	})
	a.trimmed.Store(4)
	a.dropTrimmed()
	if n := a.Metrics().Segments; n != 1 {
		t.Errorf("%d segments are left", n)
	}
	d.Before(nil)
	closeIt(t, a)
}

// TestTrimmingDrops at once, though nobody waits for it.
func TestTrimmingDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := mustOpenIn(t, sized(storagetest.NewDisk()))
		for _, r := range []paxos.Record{voteFor(1, 9), voteFor(2, 9), paxos.Trimmed{Below: 3}} {
			if err := a.Append([]paxos.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if m := a.Metrics(); m.Segments != 1 || m.Reclaims != 1 {
			t.Errorf("%d segments are left, %d times some were dropped", m.Segments, m.Reclaims)
		}
		closeIt(t, a)
	})
}

// TestAFileThatCannotBeUsedAgain, or be removed, ends the acceptor, and costs nothing.
func TestAFileThatCannotBeUsedAgain(t *testing.T) {
	for _, kind := range []storagetest.Kind{storagetest.Rename, storagetest.Stat, storagetest.Remove} {
		d := storagetest.NewDisk()
		a := mustOpenIn(t, sized(d))
		for slot := range paxos.Slot(leastSpares + 2) {
			if err := a.Append([]paxos.Record{voteFor(slot+1, 9)}); err != nil {
				t.Fatal(err)
			}
		}
		fails := func(o storagetest.Op) error {
			if o.Kind == kind && path.Ext(o.Path) == ".log" {
				return syscall.EIO
			}
			return nil
		}
		d.Before(fails)
		a.trimmed.Store(leastSpares + 3)
		dropNow(a)
		err := errors.Join(a.Append([]paxos.Record{voteFor(8, 9)}), a.Append([]paxos.Record{voteFor(9, 9), paxos.Trimmed{Below: 9}}))
		dropNow(a)
		if err = cmp.Or(err, a.halt.Cause()); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s fails: error %v", kind, err)
		}
		if closed := a.Close(); !errors.Is(closed, syscall.EIO) {
			t.Errorf("%s fails: Close says %v", kind, closed)
		}
		left := d.Crash(0, 0)
		a = mustOpenIn(t, sized(left))
		pageOf(t, a)
		closeIt(t, a)
	}
}

// TestAsManyFilesAreKeptAsAreDropped at once, since as many are filled until the next time,
// within bounds; fewer when fewer are, and the least when space is low.
func TestAsManyFilesAreKeptAsAreDropped(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpenIn(t, sized(d))
	slot, files := paxos.Slot(0), 0
	drops := func(n int) (spare int) {
		t.Helper()
		for range n {
			slot++
			if err := a.Append([]paxos.Record{voteFor(slot, 9)}); err != nil {
				t.Fatal(err)
			}
		}
		files += n
		a.trimmed.Store(uint64(slot)) // all segments but the last
		dropNow(a)
		names, err := d.FS().List("/a1/votes")
		if err != nil || a.Metrics().Segments != 1 {
			t.Fatalf("files %v, %d segments, error %v", names, a.Metrics().Segments, err)
		}
		return len(names) - 1
	}
	for i, c := range []struct{ drops, want int }{{8, 8}, {8, 8}, {8, 8}, {1, 7}, {1, 6}, {5, 5}, {40, mostSpares}, {1, mostSpares - 1}} {
		if got := drops(c.drops); got != c.want {
			t.Errorf("%d: %d files are kept after %d were dropped, want %d", i, got, c.drops, c.want)
		}
	}
	if created := files - int(a.Metrics().Recycled); created != 8+35 {
		t.Errorf("%d of %d files were new", created, files)
	}
	a.options.Reserve = 1 << 60
	a.space.asked.Store(0)
	if got := drops(4); got != leastSpares {
		t.Errorf("%d files are kept while space is low, want %d", got, leastSpares)
	}
	closeIt(t, a)
}
