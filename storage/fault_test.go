package storage_test

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// TestEveryCallFailsOnce has each call on the disk fail with EIO, one in each life.
// The acceptor stops at once; what it answered is on the disk, and nothing half.
func TestEveryCallFailsOnce(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	for seed := range uint64(*lives) {
		prepared := storagetest.NewDisk() // so that opening reads something
		var before paxos.Ledger
		mustLive(t, prepared, newHistory(seed, 1500), &before)
		stopped, n := 0, 1
		var late lateWrites
		for ; ; n++ {
			l := &lifeWithFault{t: t, disk: prepared.Crash(0, 0), acked: before.Clone(), next: before.Clone(), late: &late}
			hit := l.disk.FailAt(n, syscall.EIO)
			l.hit = hit
			err := l.live(newHistory(seed+1000, 1500))
			if hit().N == 0 {
				break
			}
			what := fmt.Sprintf("seed %d, %s fails", seed, hit())
			if err != nil {
				stopped++
				mustMatch(t, what, err, syscall.EIO)
			} else if hit().Kind == storagetest.Write || hit().Kind == storagetest.Sync {
				t.Errorf("%s: nobody noticed", what)
			}
			l.checkDisk(what)
		}
		late.check(t)
		t.Logf("seed %d: %d calls failed, %d of them stopped the acceptor", seed, n-1, stopped)
		if stopped < n/2 {
			t.Errorf("seed %d: too few failures were noticed to test anything", seed)
		}
	}
}

func mustLive(t *testing.T, d *storagetest.Disk, h *history, l *paxos.Ledger) {
	t.Helper()
	a := mustOpen(t, "/a1", small(d))
	for range 15 {
		group := h.group(6)
		if err := a.Append(group); err != nil {
			t.Fatal(err)
		}
		l.Append(group...)
	}
	mustClose(t, a)
}

// lifeWithFault is one opening of an acceptor whose disk fails at some point.
type lifeWithFault struct {
	t           *testing.T
	disk        *storagetest.Disk
	hit         func() storagetest.Op
	acked, next *paxos.Ledger
	late        *lateWrites
}

// lateWrites are what reached the disk after failures were told. Whoever had begun a call
// then ends it, so a few are no fault; where something goes on writing they are many.
type lateWrites []string

func (w lateWrites) check(t *testing.T) {
	t.Helper()
	const few = 2
	if len(w) > few {
		t.Errorf("%d times something was written after a failure:\n%s", len(w), strings.Join(w, "\n"))
	}
}

// live returns the failure that ended it, or nil.
func (l *lifeWithFault) live(h *history) error {
	a, err := storage.OpenAcceptor("/a1", "a1", small(l.disk))
	if err != nil {
		return err
	}
	for range 20 {
		group := h.group(6)
		l.next = l.acked.Clone()
		l.next.Append(group...)
		if err := a.Append(group); err != nil {
			return l.end(a, err)
		}
		l.acked = l.next
		if _, err := held(a); err != nil {
			return l.end(a, err)
		}
	}
	if err := a.Close(); err != nil {
		return err
	}
	select {
	case err := <-a.Failed(): // in the background, at the very end
		return err
	default:
		return nil
	}
}

// end checks what holds after a failure: all calls return it, Failed tells it, and
// nothing reaches the disk any more.
func (l *lifeWithFault) end(a *storage.Acceptor, first error) error {
	select {
	case err := <-a.Failed():
		mustMatch(l.t, "Failed", err, first)
	default:
		l.t.Errorf("%v: Failed does not tell", first)
	}
	var mu sync.Mutex // a call may still be under way
	var written []storagetest.Op
	l.disk.Before(func(o storagetest.Op) error {
		if o.Kind == storagetest.Write && !strings.HasSuffix(o.Path, ".tmp") {
			mu.Lock()
			defer mu.Unlock()
			written = append(written, o)
		}
		return nil
	})
	mustMatch(l.t, "a second Append", a.Append([]paxos.Record{paxos.Promised{}}), first)
	mustMatch(l.t, "Fill", a.Fill(&paxos.Page{}, 1), first)
	mustMatch(l.t, "Close", a.Close(), first)
	mu.Lock()
	defer mu.Unlock()
	if len(written) > 0 && l.hit().Changes() {
		*l.late = append(*l.late, fmt.Sprintf("after %v: %v", first, written))
	}
	return first
}

// checkDisk opens what a power loss leaves after the life, without faults.
func (l *lifeWithFault) checkDisk(what string) {
	l.t.Helper()
	got, err := look(l.disk.Crash(0, 0))
	if err != nil {
		l.t.Errorf("%s: afterwards: %v", what, err)
		return
	}
	if !got.equal(expected(l.acked)) && !got.equal(expected(l.next)) {
		l.t.Errorf("%s: afterwards\n got %s\nwant %s\n  or %s", what, got, expected(l.acked), expected(l.next))
	}
}

// TestFullDisk fills the disk at every so many bytes of a life. The error says that
// the disk is full; with room again, all that was answered is there.
func TestFullDisk(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	refused := 0
	var late lateWrites
	for room := int64(0); ; room += 1777 {
		l := &lifeWithFault{t: t, disk: storagetest.NewDisk(), acked: &paxos.Ledger{}, next: &paxos.Ledger{}, late: &late}
		l.disk.Fill(room)
		l.hit = func() storagetest.Op { return storagetest.Op{Kind: storagetest.Write} }
		err := l.live(newHistory(7, 1500))
		if err == nil {
			break
		}
		refused++
		what := fmt.Sprintf("room for %d bytes", room)
		mustMatch(t, what, err, storage.ErrNoSpace)
		mustMatch(t, what, err, syscall.ENOSPC)
		if !strings.Contains(err.Error(), "free space") {
			t.Errorf("%s: %q does not say what to do", what, err)
		}
		l.disk.Fill(-1)
		l.checkDisk(what)
	}
	late.check(t)
	if refused < 50 {
		t.Errorf("the disk was full only %d times", refused)
	}
}

// TestDiskThatHangs: a sync that never returns ends the store after HungAfter,
// whoever waits for it.
func TestDiskThatHangs(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	for name, wait := range map[string]func(a *storage.Acceptor) error{
		"Append": func(a *storage.Acceptor) error {
			return a.Append([]paxos.Record{paxos.Promised{Ballot: paxos.Ballot{Round: 1}}})
		},
		"Close": (*storage.Acceptor).Close,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := storagetest.NewDisk()
			o := small(d)
			o.HungAfter = 500 * time.Millisecond
			a := mustOpen(t, "/a1", o)
			release := d.HangSyncs()
			defer release()
			defer time.AfterFunc(30*time.Second, release).Stop() // by then somebody must have noticed
			err := wait(a)
			if mustMatch(t, name, err, storage.ErrHung); t.Failed() {
				return
			}
			mustMatch(t, "Failed", <-a.Failed(), storage.ErrHung)
			if name != "Close" {
				mustMatch(t, "Close", a.Close(), storage.ErrHung)
			}
		})
	}
}
