package storage_test

import (
	"errors"
	"path"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// lateCover is an acceptor with one Append, whose cover is written after a while.
func lateCover(t *testing.T, after time.Duration) (*storagetest.Disk, *storage.Acceptor) {
	d := storagetest.NewDisk()
	o := small(d)
	o.CoverAfter = after
	a := mustOpen(t, "/a1", o)
	if after < time.Second { // opening is an Append of its own, whose cover is not to pass for this one's
		awaitCover(t, a, coversOfOpening(t))
	}
	if err := a.Append([]paxos.Record{paxos.Promised{Ballot: paxos.Ballot{Round: 7}}}); err != nil {
		t.Fatal(err)
	}
	return d, a
}

// damageLogEnd changes the last byte that the newest log holds.
func damageLogEnd(t *testing.T, d *storagetest.Disk) {
	t.Helper()
	newest := ""
	for _, file := range d.Files() {
		if path.Ext(file) == ".log" {
			newest = file
		}
	}
	log := d.Bytes(newest)
	end := len(strings.TrimRight(string(log), "\x00"))
	if end == 0 {
		t.Fatalf("no log in %v", d.Files())
	}
	log[end-1] ^= 1
}

// TestDamagedEndOfTheLogIsFound once the cover is written, without another Append.
func TestDamagedEndOfTheLogIsFound(t *testing.T) {
	d, a := lateCover(t, time.Nanosecond)
	awaitCover(t, a, coversOfOpening(t)+1)
	left := d.Crash(0, 0)
	mustClose(t, a)
	intact, err := look(left.Crash(0, 0))
	if err != nil || intact.state.Promised.Round != 7 {
		t.Errorf("%s, error %v", intact, err)
	}
	damageLogEnd(t, left)
	_, err = look(left)
	mustMatch(t, "a damaged end of the log", err, storage.ErrCorrupt)
}

// awaitCover returns once the cover was written more often than before.
func awaitCover(t *testing.T, a *storage.Acceptor, before uint64) {
	t.Helper()
	for a.Metrics().Covers <= before {
		select {
		case err := <-a.Failed():
			t.Fatal(err)
		default:
			runtime.Gosched()
		}
	}
}

// coversOfOpening is how often the cover is written before the opening of a fresh store ends.
func coversOfOpening(t *testing.T) uint64 {
	o := small(storagetest.NewDisk())
	o.CoverAfter = time.Hour
	a := mustOpen(t, "/a1", o)
	defer mustClose(t, a)
	return a.Metrics().Covers
}

// TestWhatTheCoverDoesNotReach is the gap that FORMAT.md tells of: before the
// cover is written, a damaged end of the log passes for an unfinished write. With
// CoverAfter below zero there is no gap.
func TestWhatTheCoverDoesNotReach(t *testing.T) {
	d, a := lateCover(t, time.Hour)
	left := d.Crash(0, 0)
	mustClose(t, a)
	damageLogEnd(t, left)
	if got, err := look(left); err != nil || got.state.Promised.Round != 0 {
		t.Errorf("%s, error %v: FORMAT.md says that this damage is not found", got, err)
	}
	d, a = lateCover(t, -1)
	left = d.Crash(0, 0)
	mustClose(t, a)
	damageLogEnd(t, left)
	_, err := look(left)
	mustMatch(t, "with no gap", err, storage.ErrCorrupt)
}

// TestCoverThatCannotBeWritten ends the acceptor, though no Append waits for it.
func TestCoverThatCannotBeWritten(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	d := storagetest.NewDisk()
	o := small(d)
	o.CoverAfter = time.Nanosecond
	a := mustOpen(t, "/a1", o)
	d.Before(func(op storagetest.Op) error {
		if path.Base(op.Path) == "COVER" {
			return errDisk
		}
		return nil
	})
	if err := a.Append([]paxos.Record{paxos.Promised{Ballot: paxos.Ballot{Round: 7}}}); err != nil {
		mustMatch(t, "Append", err, errDisk) // the cover may be faster
	}
	mustMatch(t, "Failed", <-a.Failed(), errDisk)
	mustMatch(t, "Append afterwards", a.Append([]paxos.Record{paxos.Promised{}}), errDisk)
	mustMatch(t, "Close", a.Close(), errDisk)
}

// TestTornCoverPage: the page that a crash tore is not missed.
func TestTornCoverPage(t *testing.T) {
	disk, want := smallAcceptor(t, true)
	for _, half := range []int{0, 4096} {
		torn := disk.Crash(0, 0)
		clear(torn.Bytes("/a1/COVER")[half+100 : half+4096])
		got, err := look(torn)
		if err != nil || !got.equal(want) {
			t.Errorf("half %d torn: %s, error %v", half, got, err)
		}
	}
	none := disk.Crash(0, 0)
	clear(none.Bytes("/a1/COVER"))
	_, err := look(none)
	mustMatch(t, "no page", err, storage.ErrCorrupt)
}

var errDisk = errors.New("the disk says no")
