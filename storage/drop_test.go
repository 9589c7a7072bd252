package storage

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// cutting is a table of votes that is cut in the middle: what cleanCut avoids, and a
// compaction may bring about all the same.
type cutting struct {
	t     *testing.T
	disk  *storagetest.Disk
	table string
}

const (
	cutVotes = 60
	cutBelow = paxos.Slot(cutVotes / 2)
)

func cuttingOptions(d *storagetest.Disk) Options {
	return Options{FS: d.FS(), MemTable: 64 << 10, CoverAfter: -1, HungAfter: -1}
}

func newCutting(t *testing.T) *cutting {
	d := storagetest.NewDisk()
	a, err := OpenAcceptor("/a1", "a1", cuttingOptions(d))
	if err != nil {
		t.Fatal(err)
	}
	var records []paxos.Record
	for s := range paxos.Slot(cutVotes) {
		v := paxos.Value{Body: fmt.Appendf(make([]byte, 300), "of slot %d", s)}
		records = append(records, paxos.Voted{Vote: paxos.Vote{Slot: s + 1, Ballot: paxos.Ballot{Round: 1, Proposer: "p1"}, Value: v}})
	}
	if err := errors.Join(a.Append(records), a.db.Flush(), a.Close()); err != nil {
		t.Fatal(err)
	}
	files := slices.DeleteFunc(d.Files(), func(f string) bool { return path.Ext(f) != ".sst" })
	if len(files) != 1 {
		t.Fatalf("the tables are %v", files)
	}
	return &cutting{t, d, files[0]}
}

// cut drops the lower half of d, and reports whether that was done: otherwise the store
// has failed, and who dropped it is held.
func (c *cutting) cut(what string, d *storagetest.Disk, before func()) bool {
	c.t.Helper()
	a, err := OpenAcceptor("/a1", "a1", cuttingOptions(d))
	if err != nil {
		if !errors.Is(err, ErrCorrupt) {
			c.t.Errorf("%s: %v", what, err)
		}
		return false
	}
	before()
	done := make(chan error, 1)
	go func() { done <- a.dropSlots(cutBelow) }()
	select {
	case err := <-done:
		if err != nil {
			c.t.Errorf("%s: Pebble heard of it: %v", what, err)
		}
		if err := a.Close(); err != nil {
			c.t.Errorf("%s: Close: %v", what, err)
		}
		return true
	case err := <-a.Failed():
		if closed := a.Close(); !errors.Is(closed, err) {
			c.t.Errorf("%s: Close says %v after %v", what, closed, err)
		}
		return false
	}
}

// left is the votes above the cut that d answers with after a power loss.
func (c *cutting) left(d *storagetest.Disk) (int, error) {
	a, err := OpenAcceptor("/a1", "a1", cuttingOptions(d.Crash(0, 0)))
	if err != nil {
		return 0, err
	}
	p := paxos.Page{From: cutBelow}
	err = errors.Join(a.Fill(&p, 1<<20), a.Close())
	return len(p.Votes), err
}

// TestNoVoteAboveTheCutIsLost: whatever of a table cannot be read while it is cut.
func TestNoVoteAboveTheCutIsLost(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	c := newCutting(t)
	check := func(what string, d *storagetest.Disk, damaged bool) {
		t.Helper()
		n, err := c.left(d)
		if err == nil && n != cutVotes-int(cutBelow)+1 || err != nil && !damaged {
			t.Errorf("%s: %d votes are left, error %v", what, n, err)
		}
	}
	for _, lost := range []error{syscall.EIO, io.EOF} {
		for n := int64(1); ; n++ {
			what := fmt.Sprintf("read %d of the table: %v", n, lost)
			d := c.disk.Crash(0, 0)
			var reads atomic.Int64
			cut := c.cut(what, d, func() {
				d.Before(func(o storagetest.Op) error {
					if o.Kind == storagetest.Read && o.Path == c.table && reads.Add(1) == n {
						return lost
					}
					return nil
				})
			})
			d.Before(nil)
			check(what, d, false)
			if reads.Load() < n {
				if !cut || n < 3 {
					t.Errorf("%s: cut %t", what, cut)
				}
				break
			}
			if cut {
				t.Errorf("%s: nobody noticed", what)
			}
		}
	}
	caught := 0
	for i := 0; i < len(c.disk.Bytes(c.table)); i += 61 {
		d := c.disk.Crash(0, 0)
		d.Bytes(c.table)[i] ^= 1
		what := fmt.Sprintf("byte %d of the table is damaged", i)
		if !c.cut(what, d, func() {}) {
			caught++
		}
		check(what, d, true)
	}
	if caught < 30 {
		t.Errorf("only %d times damage was noticed", caught)
	}
}

// TestWhoReadsMeanwhileIsTold: a page that is filled while votes are dropped, and cannot
// be read, is held; who asked for it is not.
func TestWhoReadsMeanwhileIsTold(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	c := newCutting(t)
	d := c.disk.Crash(0, 0)
	a, err := OpenAcceptor("/a1", "a1", cuttingOptions(d))
	if err != nil {
		t.Fatal(err)
	}
	d.Before(func(o storagetest.Op) error {
		if o.Kind == storagetest.Read && o.Path == c.table {
			return syscall.EIO
		}
		return nil
	})
	p := paxos.Page{From: 1}
	err = a.halt.Strictly(func() error { return a.Fill(&p, 1<<20) })
	if !errors.Is(err, syscall.EIO) || len(p.Votes) > 0 {
		t.Errorf("%d votes, error %v", len(p.Votes), err)
	}
	if closed := a.Close(); !errors.Is(closed, err) {
		t.Errorf("Close says %v after %v", closed, err)
	}
}
