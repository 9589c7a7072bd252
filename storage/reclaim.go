package storage

import (
	"context"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/synod-paxos/synod/paxos"
)

// reclaim drops trimmed votes from the disk. The trim point is in the state
// record, and what lies below it is never read again; so this is done apart, when
// there is enough to drop, and a crash or a delay costs nothing but space. Tables
// that hold nothing else are dropped whole: no tombstone is written, nothing is
// rewritten.
type reclaim struct {
	busy sync.Mutex // held while votes are dropped; and, from Close on, for good
}

// reclaimShare is which part of a MemTable must be below the trim point, in tables,
// before it is dropped.
const reclaimShare = 4

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
			a.halt.fail(a.whyUnread(wrap("trim", a.votesPath(), err)))
			return
		}
	}
}

// dropBelow drops the tables that end below the slot, if there are enough of them,
// or any at all when space is low. Younger votes are still in a MemTable: to drop
// those, Pebble would have to write it out first, while Append waits.
func (a *Acceptor) dropBelow(below paxos.Slot) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pebble: %v", p)
		}
	}()
	if err := a.halt.cause(); err != nil {
		return err
	}
	levels, err := a.db.SSTables()
	if err != nil {
		return err
	}
	size, end := tablesBelow(levels, below)
	if size < uint64(a.options.MemTable)/reclaimShare && !(size > 0 && a.SpaceLow()) {
		return nil
	}
	a.counters.reclaims.Add(1)
	span := pebble.KeyRange{Start: appendVoteKey(nil, 0), End: appendVoteKey(nil, end)}
	return a.db.Excise(context.Background(), span)
}

// tablesBelow is the size in bytes of the tables whose keys are all of slots below
// the given one, and the slot behind the last of them.
func tablesBelow(levels [][]pebble.SSTableInfo, below paxos.Slot) (size uint64, end paxos.Slot) {
	for _, tables := range levels {
		for _, t := range tables {
			last, ok := slotOf(t.Largest.UserKey)
			if ok && last < below {
				size += t.Size
				end = max(end, last+1)
			}
		}
	}
	return size, end
}
