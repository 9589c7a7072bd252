package streams

import (
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
)

// marked is how many places marks has. Subjects that share one count as changed when
// any of them is.
const marked = 1 << 16

// marks tells readers, who keep what they read, which subjects have changed since. It
// is written by Apply before a change can be seen.
type marks struct {
	floor uint64 // the slot that the machine was opened at
	slots [marked]atomic.Uint64
}

// set notes that a slot changes what the key of a subject, or the prefix of all keys
// of a stream's subjects, leads to.
func (m *marks) set(key []byte, slot uint64) { m.slots[xxhash.Sum64(key)%marked].Store(slot) }

func (m *marks) get(key []byte) uint64 { return m.slots[xxhash.Sum64(key)%marked].Load() }

// mark notes that the present slot changes the subject whose key is in w.key, or all
// of a stream whose subjects' keys it is the prefix of.
func (w *work) mark() { w.m.marks.set(w.key, w.m.Applied()+1) }

// A Mark stands for what a stream holds of one subject. Two views of one learner with
// the same mark of a subject show the same messages of it.
type Mark struct{ stream, slot uint64 }

// Mark returns the mark of a subject without wildcards. ok is false when there is no
// such stream, and while a slot that may change the subject is being applied.
func (v *View) Mark(stream, subject string) (m Mark, ok bool) {
	e := v.catalog.byName[stream]
	at, err := v.Digest()
	if e == nil || err != nil {
		return m, false
	}
	var room [128]byte
	key := appendPrefix(room[:0], tableSubject, e.id)
	slot := max(v.marks.floor, v.marks.get(key))
	slot = max(slot, v.marks.get(append(key, subject...)))
	return Mark{e.id, slot}, slot <= at.Slot
}
