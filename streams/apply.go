package streams

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// Apply applies the commands of one slot, in order, and returns one reply for
// each. First everything that is due at the slot's log time expires, which is the
// larger of stamp (nanoseconds since the Unix epoch) and the log time before. A
// slot without commands only moves slot and log time.
//
// All of it, the applied slot included, becomes visible at once and survives a
// crash together or not at all; it is durable only after Sync. What it writes may stay
// in memory, with the slots before it, until somebody looks or it is much. The replies stay
// valid; commands are not kept.
//
// An error, which also comes when slot is not Applied()+1, means that nothing
// was applied.
func (m *Machine) Apply(slot uint64, stamp int64, commands []Message) (replies []Reply, err error) {
	m.applying.Lock()
	defer m.applying.Unlock()
	if m.broken != nil {
		return nil, m.broken
	}
	if err := m.failure.Cause(); err != nil {
		return nil, err
	}
	before := m.Digest()
	if slot != before.Slot+1 {
		return nil, fmt.Errorf("streams: apply slot %d after slot %d: want slot %d", slot, before.Slot, before.Slot+1)
	}
	now := max(before.LogTime, stamp)
	defer m.endSlot(slot, &replies, &err)
	w := &m.work
	if m.pending.Load() && mayTakeParts(commands) {
		w.write()
	}
	w.begin(now)
	w.expire()
	w.slot = slotInput{slot: slot, now: now, commands: commands}
	replies = make([]Reply, len(commands))
	for i := range commands {
		w.slot.next = i + 1
		replies[i] = w.command(&commands[i])
	}
	w.commit(Digest{Slot: slot, LogTime: now})
	return replies, nil
}

// endSlot drops the batch, and turns a failure into an error. After any panic the
// machine's memory is ahead of its disk, so it must not be used again.
func (m *Machine) endSlot(slot uint64, replies *[]Reply, err *error) {
	p, at := recover(), ""
	if p != nil {
		at = m.work.slot.present()
		m.broken = fmt.Errorf("streams: slot %d was not applied, open the state again", slot)
	}
	closeErr := m.work.close()
	m.work.slot = slotInput{}
	if p == nil {
		if closeErr != nil {
			m.broken = fmt.Errorf("streams: apply slot %d: %w", slot, closeErr)
			*replies, *err = nil, m.broken
		}
		return
	}
	f, ok := p.(*failure)
	if !ok {
		panic(fmt.Sprintf("%s of slot %d: %v\n%s", at, slot, p, debug.Stack()))
	}
	m.broken = fmt.Errorf("streams: apply slot %d: %w", slot, errors.Join(f.err, closeErr))
	*replies, *err = nil, m.broken
}

// groupBytes is how much of slots that nobody has looked at yet is kept in memory before
// it is committed, while as much again gathers.
const groupBytes = 4 << 20

// commit lets readers see the slot: what it wrote is committed, at the latest when
// somebody looks at the state.
func (w *work) commit(d Digest) {
	m := w.m
	w.flush()
	w.trimIDGroups()
	d.Sum = w.sum
	w.record = appendPosition(w.record[:0], d)
	w.pending.set([]byte{tablePosition}, w.record, false)
	switch {
	case w.catalog || m.frozen != nil:
		w.writeCatalog()
	case w.batch == nil:
		m.pending.Store(true) // before the position says that the slot is applied
		if w.pending.size() >= m.groupAt {
			w.depart()
		}
	default:
		w.write()
	}
	m.position.Store(&d)
	m.expiry.Store(m.nextDue)
	m.version.Store(m.globals.version)
	m.advanced.wake()
}

// writeCatalog commits a slot that changes what readers know besides the database: for
// each of them both change at once.
func (w *work) writeCatalog() {
	m := w.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.frozen != nil {
		w.pending.delete([]byte{tableProgress})
	}
	w.write()
	m.catalog = newCatalog(m.order)
	if m.frozen != nil {
		frozen := m.frozen
		m.frozen = nil
		fail(frozen.release())
	}
}

// settle commits the slots that are applied and not committed. It waits for a slot that is
// being applied above them.
func (m *Machine) settle() error {
	if !m.pending.Load() {
		return nil
	}
	m.applying.Lock()
	defer m.applying.Unlock()
	if !m.pending.Load() || m.broken != nil {
		return m.broken
	}
	if err := m.guard(func(w *work) { w.write() }); err != nil {
		m.broken = fmt.Errorf("streams: commit slot %d: %w", m.Applied(), err)
	}
	return m.broken
}
