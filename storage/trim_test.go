package storage_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// load appends n groups of ten votes of 500 bytes and keeps the last keep slots.
// After each group it calls each.
func load(t *testing.T, a *storage.Acceptor, from paxos.Slot, n int, keep paxos.Slot, each func(head paxos.Slot)) paxos.Slot {
	t.Helper()
	body := bytes.Repeat([]byte("v"), 500)
	head := from
	for range n {
		var group []paxos.Record
		for range 10 {
			group = append(group, paxos.Voted{Vote: paxos.Vote{
				Slot: head, Ballot: paxos.Ballot{Round: 1, Proposer: "p1"}, Value: paxos.Value{Kind: paxos.Batch, Body: body},
			}})
			head++
		}
		if head > keep {
			late := paxos.Vote{Slot: 1, Ballot: paxos.Ballot{Round: 1, Proposer: "p1"}} // is not kept
			group = append(group, paxos.Trimmed{Below: head - keep}, paxos.Voted{Vote: late})
		}
		if err := a.Append(group); err != nil {
			t.Fatal(err)
		}
		each(head)
	}
	return head
}

// TestDiskUseIsBounded: under endless load an acceptor takes room for what it
// keeps and for a few files, and what it keeps it can read.
func TestDiskUseIsBounded(t *testing.T) {
	d := storagetest.NewDisk()
	o := small(d)
	o.Segment = 64 << 10
	a := mustOpen(t, "/a1", o)
	if err := a.Append([]paxos.Record{someGenesis()}); err != nil {
		t.Fatal(err)
	}
	const keep, limit = 200, 200*600 + 24*64<<10
	worst := int64(0)
	head := load(t, a, 1, 3000, keep, func(head paxos.Slot) {
		for a.Metrics().Segments > 8 { // they are dropped in the background
			runtime.Gosched()
		}
		if head%500 < 10 {
			worst = max(worst, d.Used())
		}
	})
	m := a.Metrics()
	if worst > limit || m.Reclaims < 20 || m.Recycled < 20 {
		t.Errorf("at most %d bytes on disk, want %d; %d reclaims, %d files used again", worst, limit, m.Reclaims, m.Recycled)
	}
	mustClose(t, a)
	a = mustOpen(t, "/a1", o)
	defer mustClose(t, a)
	got, err := held(a)
	if err != nil || len(got.votes) != keep || got.votes[0].Slot != head-keep {
		t.Errorf("%d votes, error %v; want %d from slot %d on", len(got.votes), err, keep, head-keep)
	}
	s := a.State()
	if s.Marks.TrimBelow != head-keep || s.Marks.MaxVoted != head-1 || s.Genesis == nil || !s.Sealed {
		t.Errorf("state %+v: something did not survive trimming", s)
	}
}

// TestTrimmingAll leaves no vote, and all that trimming must not forget.
func TestTrimmingAll(t *testing.T) {
	d := storagetest.NewDisk()
	a := mustOpen(t, "/a1", small(d))
	records := []paxos.Record{
		someGenesis(),
		paxos.Voted{Vote: paxos.Vote{Slot: 9, Ballot: paxos.Ballot{Round: 4}, Value: paxos.Value{Stamp: 77}}, ChosenBelow: 8},
		paxos.Trimmed{Below: 1000},
	}
	if err := a.Append(records); err != nil {
		t.Fatal(err)
	}
	mustClose(t, a)
	var model paxos.Ledger
	model.Append(records...)
	got, err := look(d)
	if err != nil || !got.equal(expected(&model)) {
		t.Errorf("error %v\n got %s\nwant %s", err, got, expected(&model))
	}
}

// TestSpaceLow: the reserve is told, trimming goes on below it, and what is trimmed
// is dropped at once.
func TestSpaceLow(t *testing.T) {
	d := storagetest.NewDisk()
	o := small(d)
	o.Segment, o.Reserve = 64<<10, 1<<20
	a := mustOpen(t, "/a1", o)
	defer func() { mustClose(t, a) }()
	if a.SpaceLow() {
		t.Error("an empty disk is low on space")
	}
	d.Fill(1 << 19)
	if a = reopened(t, a, o); !a.SpaceLow() {
		t.Error("half the reserve is left, and SpaceLow is false")
	}
	if free := a.Metrics().FreeBytes; free == 0 || free > 1<<19 {
		t.Errorf("%d bytes free", free)
	}
	o.Reserve = -1
	if a = reopened(t, a, o); a.SpaceLow() {
		t.Error("low on space without a reserve")
	}
}

func reopened(t *testing.T, a *storage.Acceptor, o storage.Options) *storage.Acceptor {
	t.Helper()
	mustClose(t, a)
	return mustOpen(t, "/a1", o)
}

func someGenesis() paxos.Record {
	return paxos.Founded{Sealed: true, Genesis: paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: paxos.UUID{1}, Generation: 1}, Window: paxos.DefaultWindow,
		First: paxos.Configuration{Number: 1, From: 1, Copies: 1, Acceptors: []paxos.Member{{ID: "a1", Disk: paxos.UUID{2}}}},
	}}
}
