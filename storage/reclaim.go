package storage

import (
	"context"
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
	done paxos.Slot // votes below are dropped; guarded by busy
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
	for below := paxos.Slot(a.trimmed.Load()); below > r.done; below = paxos.Slot(a.trimmed.Load()) {
		span := pebble.KeyRange{Start: appendVoteKey(nil, r.done), End: appendVoteKey(nil, below)}
		if !a.worthDropping(span) {
			return
		}
		if err := a.db.Excise(context.Background(), span); err != nil {
			a.halt.fail(wrap("trim", a.votesPath(), err))
			return
		}
		r.done = below
		a.counters.reclaims.Add(1)
	}
}

// worthDropping reports whether the span has enough tables, or any at all when
// space is low.
func (a *Acceptor) worthDropping(span pebble.KeyRange) bool {
	if a.halt.cause() != nil {
		return false
	}
	size, err := a.db.EstimateDiskUsage(span.Start, span.End)
	if err != nil {
		a.halt.fail(a.whyUnread(wrap("read", a.votesPath(), err)))
		return false
	}
	return size >= uint64(a.options.MemTable)/reclaimShare || size > 0 && a.SpaceLow()
}
