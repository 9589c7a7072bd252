package storage_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// TestPagesWhileFilesAreDropped reads pages while votes are appended, again with higher
// ballots too, and the segments of nearly every Append are dropped and their files used again.
// A page has every vote that was answered and is not trimmed, no older one, and its bytes.
func TestPagesWhileFilesAreDropped(t *testing.T) {
	for _, segment := range []int{1, 700, 4096} {
		o := small(storagetest.NewDisk())
		o.Segment, o.CoverAfter = segment, 0
		r := &readers{t: t, a: mustOpen(t, "/a1", o), rounds: make([]atomic.Uint64, 2000), turns: make(chan struct{})}
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() { r.read(rand.New(rand.NewPCG(uint64(segment), uint64(i)))) })
		}
		r.write(rand.New(rand.NewPCG(uint64(segment), 9)))
		wg.Wait()
		m := r.a.Metrics()
		t.Logf("segments of %d bytes: %d pages, %d reclaims, %d files used again", segment, m.Fills, m.Reclaims, m.Recycled)
		if m.Fills < 100 || m.Reclaims == 0 {
			t.Error("that is too few")
		}
		mustClose(t, r.a)
	}
}

// readers read pages of an acceptor while one writes.
type readers struct {
	t      *testing.T
	a      *storage.Acceptor
	rounds []atomic.Uint64 // of the ballots last answered, by slot
	head   atomic.Uint64   // highest slot that is answered
	told   atomic.Uint64   // trim point that an Append may have made durable
	turns  chan struct{}   // a page may be read; closed at the end
}

func (r *readers) write(rng *rand.Rand) {
	defer close(r.turns)
	round := uint64(1)
	for head := uint64(1); head < uint64(len(r.rounds)) && !r.t.Failed(); {
		var group []paxos.Record
		voted := map[uint64]uint64{} // rounds, by slot
		for range 1 + rng.IntN(4) {
			slot := head
			if head++; rng.IntN(6) == 0 {
				round++
				head--
				slot = max(1, head-min(head, rng.Uint64N(20)))
			}
			if slot < uint64(len(r.rounds)) {
				voted[slot] = round
				group = append(group, paxos.Voted{Vote: voteOf(slot, round)})
			}
		}
		if below := head - min(head, 10+rng.Uint64N(30)); rng.IntN(2) == 0 && below > r.told.Load() {
			r.told.Store(below)
			group = append(group, paxos.Trimmed{Below: paxos.Slot(below)})
		}
		if err := r.a.Append(group); err != nil {
			r.t.Error(err)
		}
		for slot, round := range voted {
			r.rounds[slot].Store(round)
			r.head.Store(max(r.head.Load(), slot))
		}
		if rng.IntN(3) == 0 { // not always, or files would be read all the time
			r.turns <- struct{}{}
		}
		runtime.Gosched() // who drops gets a core, as while a real disk syncs
	}
}

// voteOf is a vote whose body tells what it is of.
func voteOf(slot, round uint64) paxos.Vote {
	body := make([]byte, 16+slot%300)
	binary.LittleEndian.PutUint64(body, slot)
	binary.LittleEndian.PutUint64(body[len(body)-8:], round)
	return paxos.Vote{Slot: paxos.Slot(slot), Ballot: paxos.Ballot{Round: round, Proposer: "p1"}, Value: paxos.Value{Kind: paxos.Batch, Body: body}}
}

func (r *readers) read(rng *rand.Rand) {
	for range r.turns {
		head, from := r.head.Load(), r.told.Load()
		least := map[uint64]uint64{}
		for slot := from; slot <= head; slot++ {
			if round := r.rounds[slot].Load(); round > 0 {
				least[slot] = round
			}
		}
		p := paxos.Page{From: paxos.Slot(from), To: paxos.Slot(head) + 1, BallotsOnly: rng.IntN(2) == 0}
		err := r.a.Fill(&p, everything)
		if err == nil {
			err = r.judge(p, least)
		}
		if err != nil {
			r.t.Error(err)
		}
	}
}

// judge says what is wrong with a page, when these rounds had been answered before.
func (r *readers) judge(p paxos.Page, least map[uint64]uint64) error {
	last := paxos.Slot(0)
	for _, v := range p.Votes {
		if v.Slot <= last || v.Ballot.Round < least[uint64(v.Slot)] {
			return fmt.Errorf("slot %d after %d, round %d, want at least %d", v.Slot, last, v.Ballot.Round, least[uint64(v.Slot)])
		}
		if want := voteOf(uint64(v.Slot), v.Ballot.Round); !p.BallotsOnly && !want.Value.Equal(v.Value) {
			return fmt.Errorf("slot %d, round %d: other bytes", v.Slot, v.Ballot.Round)
		}
		last = v.Slot
		delete(least, uint64(v.Slot))
	}
	below := r.told.Load() // by now
	for slot := range least {
		if slot >= below {
			return fmt.Errorf("the vote in slot %d is missing, the trim point is %d", slot, below)
		}
	}
	return nil
}
