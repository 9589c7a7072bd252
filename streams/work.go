package streams

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
)

// work is one slot while it is applied: an uncommitted batch that reads its own
// writes, and the digest that goes with it. Its buffers live from slot to slot.
//
// A failed read or write ends the slot by a panic with *failure, which Apply turns
// into its error: nothing that the slot has done is then committed.
type work struct {
	m     *Machine
	batch *pebble.Batch
	iter  *pebble.Iterator // over batch; one user at a time
	base  *pebble.Iterator // over what was committed before the slot
	now   int64            // log time of the slot
	sum   Sum              // digest of the state so far
	hash  hasher

	subjects subjectTable
	groups   map[string]*idGroup // of ids, by key, as they are with what is not flushed

	written map[uint64]struct{} // hashes of the keys that lookup may not take from base
	ranges  bool                // the slot deleted a range of keys

	journal *journal  // of what can be undone; nil when nothing needs to
	slot    slotInput // what is applied, for a slot that is written in parts
	job     *job      // the removal that may be written in parts; nil when none may

	dirty      []*stream // whose counters the slot changed, in the order of first change
	catalog    bool      // a configuration changed
	expiries   uint64    // what is left of Limits.Expiries
	replyBytes []byte    // replies of the slot point into it

	key, upper, value []byte // scratch; value holds the result of get
	record            []byte // scratch for encoding
	msg               []byte // the message that removeMessage reads
}

// failure carries an error up to Apply.
type failure struct {
	err error
}

func fail(err error) {
	if err != nil {
		panic(&failure{err})
	}
}

// invariant panics with the name of what was thought impossible.
func invariant(holds bool, name string) {
	if !holds {
		panic("streams: invariant broken: " + name)
	}
}

func (w *work) begin(now int64) {
	w.now = now
	w.sum = w.m.Digest().Sum
	w.catalog = false
	w.expiries = w.m.globals.limits.Expiries
	w.replyBytes = nil
	w.job, w.journal, w.slot = nil, nil, slotInput{}
	w.newBatch()
}

// newBatch begins to collect writes to what is committed.
func (w *work) newBatch() {
	w.batch = w.m.db.NewIndexedBatch()
	w.dirty = w.dirty[:0]
	w.ranges = false
	if w.written == nil {
		w.written = make(map[uint64]struct{})
	}
	clear(w.written)
}

// close drops the batch, committed or not.
func (w *work) close() error {
	if w.m != nil && w.m.failure.IsStuck() {
		w.iter, w.base, w.batch = nil, nil, nil // somebody may still use them
		return nil
	}
	var errs []error
	for _, it := range []**pebble.Iterator{&w.iter, &w.base} {
		if *it != nil {
			errs = append(errs, (*it).Close())
			*it = nil
		}
	}
	if w.batch != nil {
		errs = append(errs, w.batch.Close())
		w.batch = nil
	}
	return errors.Join(errs...)
}

// write commits the batch, not durably. It may wait for tables that are written in the
// background, by somebody who is held: hence an attempt, of which a slot of 1 command spends a
// tenth of its time, and one of 100 nothing to speak of.
func (w *work) write() {
	db, batch := w.m.db, w.batch
	fail(w.m.failure.do(func() error { return db.Apply(batch, pebble.NoSync) }))
}

// get returns the value of key, valid until the next get, and whether there is one.
func (w *work) get(key []byte) ([]byte, bool) {
	v, closer, err := w.batch.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false
	}
	if err != nil {
		fail(fmt.Errorf("streams: read key %x: %w", key, err))
	}
	w.value = append(w.value[:0], v...)
	fail(closer.Close())
	return w.value, true
}

// lookup is get for a key that is often not there, or was written long ago. Unlike
// get it asks the Bloom filters of every level, so it needs written to say what the
// slot itself has changed.
func (w *work) lookup(key []byte) ([]byte, bool) {
	if _, changed := w.written[xxhash.Sum64(key)]; changed || w.ranges {
		return w.get(key)
	}
	if w.base == nil {
		it, err := w.m.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
		fail(err)
		w.base = it
	}
	found := w.base.SeekPrefixGE(key)
	check(w.base)
	if !found || !bytes.Equal(w.base.Key(), key) {
		return nil, false
	}
	w.value = append(w.value[:0], w.base.Value()...)
	return w.value, true
}

// wrote notes that the slot changed a key that lookup reads.
func (w *work) wrote(key []byte) { w.written[xxhash.Sum64(key)] = struct{}{} }

// has reports whether there is a pair with key.
func (w *work) has(key []byte) bool {
	_, closer, err := w.batch.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false
	}
	if err != nil {
		fail(fmt.Errorf("streams: read key %x: %w", key, err))
	}
	fail(closer.Close())
	return true
}

// between returns the iterator, set to the keys in [lower, upper). It is valid
// until the next call, and does not see writes made after it.
func (w *work) between(lower, upper []byte) *pebble.Iterator {
	o := &pebble.IterOptions{LowerBound: lower, UpperBound: upper}
	if w.iter != nil {
		w.iter.SetOptions(o)
		return w.iter
	}
	it, err := w.batch.NewIter(o)
	fail(err)
	w.iter = it
	return it
}

// check ends the slot if it stopped because of an error.
func check(it *pebble.Iterator) {
	if err := it.Error(); err != nil {
		fail(fmt.Errorf("streams: read: %w", err))
	}
}

// set writes a pair.
func (w *work) set(key, value []byte) {
	w.remember(key)
	fail(w.batch.Set(key, value, nil))
}

// delete removes a pair, if there is one.
func (w *work) delete(key []byte) {
	w.remember(key)
	fail(w.batch.Delete(key, nil))
}

// insert writes a pair whose key is not there, and adds it to sum. It returns the
// hash of the pair.
func (w *work) insert(sum *Sum, key, value []byte) Sum {
	w.set(key, value)
	h := w.hash.pair(key, value)
	sum.add(h)
	return h
}

// remove deletes a pair whose value is known, and takes it out of sum.
func (w *work) remove(sum *Sum, key, value []byte) {
	w.delete(key)
	sum.sub(w.hash.pair(key, value))
}

// replace writes another value for a key whose value is known.
func (w *work) replace(sum *Sum, key, old, value []byte) {
	sum.sub(w.hash.pair(key, old))
	w.insert(sum, key, value)
}

// removeRange deletes every pair of the given tables of stream id.
func (w *work) removeRange(tables []byte, id uint64) {
	invariant(w.journal == nil, "a range is not removed where it may be undone")
	w.ranges = true
	for _, table := range tables {
		w.key = appendPrefix(w.key[:0], table, id)
		w.upper = appendPrefix(w.upper[:0], table, id+1)
		fail(w.batch.DeleteRange(w.key, w.upper, nil))
	}
}

// touch notes that the counters of s change in this slot.
func (w *work) touch(s *stream) {
	if !s.dirty {
		s.dirty = true
		w.dirty = append(w.dirty, s)
	}
}

// flush writes the counters of every stream that the slot changed.
func (w *work) flush() {
	for _, s := range w.dirty {
		s.dirty = false
		if s.dropped {
			continue
		}
		w.flushSubject(s)
		w.flushIDs(s)
		w.firstSeq(s)
		w.writeState(s)
	}
}

// writeState replaces the counters of s.
func (w *work) writeState(s *stream) {
	w.key = appendPrefix(w.key[:0], tableState, s.id)
	w.record = appendStreamState(w.record[:0], &s.state)
	w.sum.sub(s.stateSum)
	w.set(w.key, w.record)
	s.stateSum = w.hash.pair(w.key, w.record)
	w.sum.add(s.stateSum)
}

// writeGlobals replaces the globals, which were old before.
func (w *work) writeGlobals(old globals) {
	key := []byte{tableGlobals}
	w.sum.sub(w.hash.pair(key, appendGlobals(nil, old)))
	w.insert(&w.sum, key, appendGlobals(nil, w.m.globals))
}
