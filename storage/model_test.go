package storage_test

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// TestAcceptorIsALedger compares long random lives, with restarts, with the model.
func TestAcceptorIsALedger(t *testing.T) {
	for seed := range uint64(20) {
		d := storagetest.NewDisk()
		h := newHistory(seed, 3000)
		var model paxos.Ledger
		var full uint64 // segments
		for boot := uint64(1); boot <= 8; boot++ {
			a := mustOpen(t, "/a1", small(d))
			if got, want := a.State(), model.State; !(contents{state: got}).equal(contents{state: want}) {
				t.Fatalf("seed %d, boot %d: state %v, want %v", seed, boot, contents{state: got}, contents{state: want})
			}
			if a.Boot() != boot {
				t.Fatalf("seed %d: boot number %d, want %d", seed, a.Boot(), boot)
			}
			live(t, seed, a, h, &model)
			full += a.Metrics().Segments - 1 + a.Metrics().Reclaims
			mustClose(t, a)
		}
		if full < 12 {
			t.Errorf("seed %d: only %d segments beside the last", seed, full)
		}
	}
}

// live appends and reads for a while.
func live(t *testing.T, seed uint64, a *storage.Acceptor, h *history, model *paxos.Ledger) {
	for range 40 {
		group := h.group(6)
		if err := a.Append(group); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		model.Append(group...)
		from := paxos.Slot(h.Uint64N(uint64(h.head) + 2))
		page := paxos.Page{From: from, BallotsOnly: h.IntN(2) == 0}
		if h.IntN(3) > 0 {
			page.To = from + paxos.Slot(h.IntN(50)) - min(from, 2)
		}
		room := h.IntN(8000)
		got, want := page, page
		if err := a.Fill(&got, room); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		model.Fill(&want, room)
		if got.Next != want.Next || !(contents{votes: got.Votes}).equal(contents{votes: want.Votes}) {
			t.Fatalf("seed %d: page from %d to %d, room %d:\n got next %d %v\nwant next %d %v", seed, page.From, page.To, room,
				got.Next, contents{votes: got.Votes}, want.Next, contents{votes: want.Votes})
		}
	}
}

// TestNothingRunsAfterClose: no goroutine, nor timer, of a store that did not fail
// or that failed in reading.
func TestNothingRunsAfterClose(t *testing.T) {
	others := goleak.IgnoreCurrent()
	d := storagetest.NewDisk()
	o := small(d)
	o.CoverAfter, o.HungAfter = time.Hour, time.Hour
	for range 3 {
		a := mustOpen(t, "/a1", o)
		if err := a.Append([]paxos.Record{paxos.Promised{}}); err != nil {
			t.Fatal(err)
		}
		mustClose(t, a)
	}
	a := mustOpen(t, "/a1", small(storagetest.NewDisk()))
	mustMatch(t, "Append", a.Append([]paxos.Record{nil}), storage.ErrRecord)
	mustMatch(t, "Close", a.Close(), storage.ErrRecord)
	goleak.VerifyNone(t, others)
}

// TestAppendHoldsOnToNothing: the caller may use its buffers again.
func TestAppendHoldsOnToNothing(t *testing.T) {
	a := mustOpen(t, "/a1", small(storagetest.NewDisk()))
	defer mustClose(t, a)
	for _, size := range []int{10, 20 << 10} { // smaller and larger than a segment
		body := slices.Repeat([]byte("x"), size)
		group := []paxos.Record{paxos.Voted{Vote: paxos.Vote{Slot: 5, Ballot: paxos.Ballot{Round: 1}, Value: paxos.Value{Kind: paxos.Batch, Body: body}}}}
		if err := a.Append(group); err != nil {
			t.Fatal(err)
		}
		clear(body)
		p := paxos.Page{From: 5}
		if err := a.Fill(&p, everything); err != nil {
			t.Fatal(err)
		}
		if len(p.Votes) != 1 || p.Votes[0].Value.Body[size-1] != 'x' {
			t.Errorf("%d bytes: the vote changed with the caller's buffer", size)
		}
	}
}

// TestAppendRefusesWhatItCannotStore: such a record is a bug of the caller, and
// the store stops as it does on any failure.
func TestAppendRefusesWhatItCannotStore(t *testing.T) {
	long := paxos.NodeID(slices.Repeat([]byte("x"), 256))
	for name, r := range map[string]paxos.Record{
		"vote":    paxos.Voted{Vote: paxos.Vote{Slot: 1, Value: paxos.Value{Answerer: long}}},
		"ballot":  paxos.Promised{Ballot: paxos.Ballot{Round: 1, Proposer: long}},
		"genesis": paxos.Founded{Genesis: paxos.Genesis{First: paxos.Configuration{Acceptors: []paxos.Member{{ID: long}}}}},
		"pointer": &paxos.Promised{},
		"nil":     nil,
	} {
		a := mustOpen(t, "/a1", small(storagetest.NewDisk()))
		first := a.Append([]paxos.Record{r})
		mustMatch(t, name, first, storage.ErrRecord)
		mustMatch(t, name, a.Append([]paxos.Record{paxos.Promised{}}), first)
		mustMatch(t, name, a.Close(), first)
	}
}
