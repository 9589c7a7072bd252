package storage

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/synod-paxos/synod/paxos"
)

// reclaim drops trimmed votes from the disk. The trim point is in the state
// record, and what lies below it is never read again; so this is done apart, when
// there is enough to drop, and a crash or a delay costs nothing but space.
//
// Whole tables are dropped: no tombstone is written, nothing is rewritten. Pebble
// could also cut a table that reaches above the trim point, but it reads the table
// for that, and takes one that it cannot read for empty. So it is not asked to; and
// should a compaction or a flush just then have made such a table, whoever cannot read
// it is held before Pebble hears of it.
type reclaim struct {
	busy sync.Mutex // held while votes are dropped; and, from Close on, for good

	mu   sync.Mutex
	lows []paxos.Slot // lowest slot in each of the last MemTables, the current one last
}

const (
	// reclaimShare is which part of a MemTable must be below the trim point, in
	// tables, before it is dropped.
	reclaimShare = 4
	// keptLows is more than the MemTables that Pebble ever holds at once.
	keptLows = 64
)

// next says that a new MemTable is begun.
func (r *reclaim) next() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lows = append(r.lows, math.MaxUint64)
	r.lows = r.lows[max(0, len(r.lows)-keptLows):]
}

// wrote says that the current MemTable gets a record of this slot.
func (r *reclaim) wrote(low paxos.Slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.lows); n > 0 {
		r.lows[n-1] = min(r.lows[n-1], low)
	}
}

// recent is a copy of lows.
func (r *reclaim) recent() []paxos.Slot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lows)
}

// trim says that the trim point is durable.
func (a *Acceptor) trim(below paxos.Slot) {
	if a.trimmed.Swap(uint64(below)) != uint64(below) {
		go a.dropTrimmed()
	}
}

// dropTrimmed drops what lies below the trim point, unless that is being done.
func (a *Acceptor) dropTrimmed() {
	r := &a.reclaim
	if !r.busy.TryLock() {
		return
	}
	defer r.busy.Unlock()
	for below := paxos.Slot(0); below != paxos.Slot(a.trimmed.Load()); {
		below = paxos.Slot(a.trimmed.Load())
		if err := a.dropBelow(below); err != nil {
			a.halt.Fail(a.whyUnread(wrap("trim", a.votesPath(), err)))
			return
		}
	}
}

// dropBelow drops the tables that end below the slot, if there are enough of them,
// or any at all when space is low.
func (a *Acceptor) dropBelow(below paxos.Slot) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pebble: %v", p)
		}
	}()
	if err := a.halt.Cause(); err != nil {
		return err
	}
	low := a.lowestInMemory() // before the tables: a MemTable may become one
	tables, err := a.tableSpans()
	if err != nil {
		return err
	}
	end := cleanCut(tables, min(below, low))
	size := sizeBelow(tables, end)
	if size == 0 || size < uint64(a.options.MemTable)/reclaimShare && !a.SpaceLow() {
		return nil
	}
	a.counters.reclaims.Add(1)
	return a.dropSlots(end)
}

// dropSlots drops the votes below the slot, and returns when that is done.
func (a *Acceptor) dropSlots(below paxos.Slot) error {
	span := pebble.KeyRange{Start: appendVoteKey(nil, 0), End: appendVoteKey(nil, below)}
	return a.halt.Strictly(func() error { return a.db.Excise(context.Background(), span) })
}

// lowestInMemory is a slot below which no MemTable has a record.
func (a *Acceptor) lowestInMemory() paxos.Slot {
	lows := a.reclaim.recent() // before the count: a MemTable begun between is above them
	count := int(a.db.Metrics().MemTable.Count)
	low := paxos.Slot(math.MaxUint64)
	for _, l := range lows[max(0, len(lows)-count):] {
		low = min(low, l)
	}
	return low
}

// tableSpan is the slots of the records in one table: both ends are in it.
type tableSpan struct {
	from, to paxos.Slot
	size     uint64 // bytes
}

func (a *Acceptor) tableSpans() ([]tableSpan, error) {
	levels, err := a.db.SSTables()
	if err != nil {
		return nil, err
	}
	var spans []tableSpan
	for _, tables := range levels {
		for _, t := range tables {
			from, ok := slotOf(t.Smallest.UserKey)
			to, ok2 := slotOf(t.Largest.UserKey)
			if !ok || !ok2 {
				return nil, corrupt(a.votesPath(), "table %s is of keys %x to %x", t.FileNum, t.Smallest.UserKey, t.Largest.UserKey)
			}
			spans = append(spans, tableSpan{from, to, t.Size})
		}
	}
	return spans, nil
}

// cleanCut is the highest slot, not above end, that no table has records on both
// sides of.
func cleanCut(tables []tableSpan, end paxos.Slot) paxos.Slot {
	for {
		cut := end
		for _, t := range tables {
			if t.from < cut && cut <= t.to {
				cut = t.from
			}
		}
		if cut == end {
			return cut
		}
		end = cut
	}
}

// sizeBelow is how many bytes the tables below a clean cut take.
func sizeBelow(tables []tableSpan, cut paxos.Slot) (size uint64) {
	for _, t := range tables {
		if t.to < cut {
			size += t.size
		}
	}
	return size
}
