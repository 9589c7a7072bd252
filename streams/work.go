package streams

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// work is one slot while it is applied: what it writes, above the slots before that
// are not committed, and the digest that goes with it. Its buffers live from slot to
// slot.
//
// What is not committed is in two groups of slots: one grows, and the one before it may be
// on its way to the database, where it is or is not yet. Whoever looks up a key asks the
// one, then the other, then the database; whoever needs the order of keys waits for the
// other first.
//
// A failed read or write ends the slot by a panic with *failure, which Apply turns
// into its error: nothing that the slot has done is then committed.
type work struct {
	m       *Machine
	pending *overlay         // what the slots of the group that grows have written
	leaving *overlay         // what those of the group before it have, if that has departed
	left    chan error       // gets the end of its commit; nil: none has departed
	groups  uint32           // number of the last group
	batch   *pebble.Batch    // has what iter needs of pending; nil while nobody looks
	iter    *pebble.Iterator // over batch; one user at a time
	base    *pebble.Iterator // over what is committed
	now     int64            // log time of the slot
	sum     Sum              // digest of the state so far
	hash    hasher

	subjects subjectTable
	idGroups map[string]*idGroup // by key, as they are with what is not flushed

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
	w.dirty = w.dirty[:0]
	select {
	case err := <-w.left:
		w.left = nil
		fail(err)
	default:
	}
	if !w.m.pending.Load() {
		w.newGroup()
	}
}

// newGroup begins a group that has written nothing.
func (w *work) newGroup() {
	if w.pending == nil {
		w.pending, w.leaving = &overlay{}, &overlay{}
	}
	w.groups = max(w.groups+1, 1)
	w.pending.reset(w.groups)
}

// departed reports whether a group is on its way to the database, for what the slot knows.
func (w *work) departed() bool { return w.left != nil }

// close releases what the slot reads with.
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
		w.pending.hide()
	}
	return errors.Join(errs...)
}

// write commits what is pending, not durably.
func (w *work) write() {
	w.arrive()
	fail(w.m.write(w.pending))
	w.newGroup()
	w.m.pending.Store(false)
}

// depart has what is pending committed while the next slots are applied above it. There is
// one group on its way at a time: it waits for the one before.
func (w *work) depart() {
	w.arrive()
	m, group, left := w.m, w.pending, make(chan error, 1)
	w.pending, w.leaving, w.left = w.leaving, group, left
	w.newGroup()
	go func() {
		var err error
		if m.departs != nil {
			err = m.departs()
		}
		if err == nil {
			err = m.write(group)
		}
		left <- err
	}()
}

// arrive waits until what has departed is committed. From then on the database tells it.
func (w *work) arrive() {
	if !w.departed() {
		return
	}
	err := <-w.left
	w.left = nil
	fail(err)
	if base := w.base; base != nil { // it may be of before
		w.base = nil
		fail(base.Close())
	}
}

// write commits a group of slots, not durably. It may wait for tables that are written in the
// background, by somebody who is held: hence an attempt, of which a slot of 1 command spends a
// tenth of its time, and one of 100 nothing to speak of.
func (m *Machine) write(group *overlay) error {
	return m.failure.do(func() error {
		batch := m.db.NewBatch(pebble.WithMaxRetainedSizeBytes(2 * groupBytes))
		if err := group.writeTo(batch); err != nil {
			return err
		}
		if err := m.db.Apply(batch, pebble.NoSync); err != nil {
			return err
		}
		return batch.Close()
	})
}

// uncommitted returns the value of key, until the next write, and whether there is one, as
// far as groups that are not known to be committed tell: known is false when only the
// database can.
func (w *work) uncommitted(key []byte) (value []byte, present, known bool) {
	if value, present, known = w.pending.get(key); known || !w.departed() {
		return value, present, known
	}
	return w.leaving.get(key)
}

// get returns the value of key, valid until the next get, and whether there is one.
func (w *work) get(key []byte) ([]byte, bool) {
	if v, present, known := w.uncommitted(key); known {
		w.value = append(w.value[:0], v...)
		return w.value, present
	}
	v, closer, err := w.m.db.Get(key)
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
// get it asks the Bloom filters of every level.
func (w *work) lookup(key []byte) ([]byte, bool) {
	if v, present, known := w.uncommitted(key); known {
		w.value = append(w.value[:0], v...)
		return w.value, present
	}
	it := w.committed()
	found := it.SeekPrefixGE(key)
	check(it)
	if !found || !bytes.Equal(it.Key(), key) {
		return nil, false
	}
	w.value = append(w.value[:0], it.Value()...)
	return w.value, true
}

// committed returns an iterator over what is committed, perhaps without the group that has
// departed.
func (w *work) committed() *pebble.Iterator {
	if w.base == nil {
		it, err := w.m.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
		fail(err)
		w.base = it
	}
	return w.base
}

// has reports whether there is a pair with key.
func (w *work) has(key []byte) bool {
	if _, present, known := w.uncommitted(key); known {
		return present
	}
	_, closer, err := w.m.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false
	}
	if err != nil {
		fail(fmt.Errorf("streams: read key %x: %w", key, err))
	}
	fail(closer.Close())
	return true
}

// between returns the iterator, set to the keys in [lower, upper), of one table. It is
// valid until the next call, and does not see writes made after it.
func (w *work) between(lower, upper []byte) *pebble.Iterator {
	w.arrive()
	if w.batch == nil {
		w.batch = w.m.db.NewIndexedBatch()
		fail(w.pending.removeRanges(w.batch))
	}
	fail(w.pending.show(w.batch, lower[0]))
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
	w.pending.set(key, value, false)
}

// delete removes a pair, if there is one.
func (w *work) delete(key []byte) {
	w.remember(key)
	w.pending.delete(key)
}

// insert writes a pair and adds it to sum, which has no pair of that key. It returns the
// hash of the pair.
func (w *work) insert(sum *Sum, key, value []byte) Sum {
	w.set(key, value)
	h := w.hash.pair(key, value)
	sum.add(h)
	return h
}

// create is insert for a key that the state does not have.
func (w *work) create(sum *Sum, key, value []byte) Sum {
	w.remember(key)
	w.pending.set(key, value, true)
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
	for _, table := range tables {
		w.key = appendPrefix(w.key[:0], table, id)
		w.pending.removeRange(keyPrefix(w.key))
		if w.batch != nil {
			w.upper = appendPrefix(w.upper[:0], table, id+1)
			fail(w.batch.DeleteRange(w.key, w.upper, nil))
		}
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
	w.replace(&w.sum, []byte{tableGlobals}, appendGlobals(nil, old), appendGlobals(nil, w.m.globals))
}
