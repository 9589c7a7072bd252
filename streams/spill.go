package streams

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// A command that removes many messages would make a batch as large as what it
// removes. Such a slot is written in parts instead. With every part goes a progress
// record: the slot's commands, which of them is next, and the removal that is going
// on. Until the last part, which moves the position, readers see the state before
// the slot; and if the process ends before it, Open goes on where the last part
// ended. A removal can be begun again at any point because it says what is left in
// the end, not how much to remove.

// spillBytes is the size of a batch after which a removal is written.
const spillBytes = 8 << 20

// slotInput is what the slot is made of.
type slotInput struct {
	slot     uint64
	now      int64
	commands []Message
	next     int // the command after the one that is applied
}

// present names the command that is applied.
func (s *slotInput) present() string {
	if s.next == 0 || s.next > len(s.commands) {
		return "expiry"
	}
	return fmt.Sprintf("command %d (%.200q)", s.next, s.commands[s.next-1].Subject)
}

// The kinds of jobs. They are part of the format.
const (
	jobPurge = 1
	jobTrim  = 2 // enforce the stream's limits
)

// A job is a removal that is all that remains to do of a command.
type job struct {
	kind   byte
	stream uint64
	purge  purgeRequest
}

// A progress is the record of a slot that is half applied.
type progress struct {
	sum   Sum // digest of the state as it is
	input slotInput
	job   job
}

func appendProgress(b []byte, p *progress) []byte {
	b = p.sum.append(b)
	for _, v := range [...]uint64{p.input.slot, uint64(p.input.now), uint64(p.input.next), uint64(p.job.kind), p.job.stream, p.job.purge.Sequence, p.job.purge.Keep} {
		b = binary.AppendUvarint(b, v)
	}
	b = appendBytes(b, []byte(p.job.purge.Filter))
	b = binary.AppendUvarint(b, uint64(len(p.input.commands)))
	for _, c := range p.input.commands {
		b = appendBool(appendBytes(appendBytes(appendBytes(b, []byte(c.Subject)), c.Header), c.Data), c.Skipped)
	}
	return b
}

func parseProgress(b []byte) (p progress, ok bool) {
	r := reader{b: b}
	p.sum = r.sum()
	p.input = slotInput{slot: r.uvarint(), now: int64(r.uvarint()), next: int(r.uvarint())}
	p.job = job{kind: byte(r.uvarint()), stream: r.uvarint()}
	p.job.purge = purgeRequest{Sequence: r.uvarint(), Keep: r.uvarint(), Filter: string(r.bytes())}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		p.input.commands = append(p.input.commands, Message{Subject: string(r.bytes()), Header: r.bytes(), Data: r.bytes(), Skipped: r.byte() != 0})
	}
	return p, r.done() && p.input.next <= len(p.input.commands)
}

// mayTakeParts reports whether a slot of these commands may be written in parts.
func mayTakeParts(commands []Message) bool {
	return slices.ContainsFunc(commands, func(c Message) bool { return strings.HasPrefix(c.Subject, prefixManage) })
}

// inParts runs do, which is the last thing that a command does and may be written
// in parts.
func (w *work) inParts(j job, do func()) {
	w.job = &j
	do()
	w.job = nil
}

// spill writes what the slot has done so far, if that is a lot and may be done.
func (w *work) spill() {
	if w.job == nil || w.journal != nil || w.pending.size() < w.m.spillAt {
		return
	}
	invariant(!w.m.pending.Load(), "slots before one that is written in parts are committed")
	w.flush()
	p := progress{sum: w.sum, input: w.slot, job: *w.job}
	w.pending.set([]byte{tableProgress}, appendProgress(nil, &p), false)
	w.m.freeze()
	size := w.pending.size()
	w.write()
	fail(w.close())
	w.dirty = w.dirty[:0]
	if w.m.spilled != nil {
		w.m.spilled(size)
	}
}

// freeze lets readers see what is committed now until the slot is whole.
func (m *Machine) freeze() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.frozen == nil {
		m.frozen = &sharedSnapshot{Snapshot: m.db.NewSnapshot()}
		m.frozen.users.Add(1)
	}
}

// loadProgress reads the record of a slot that is half applied, if there is one.
func (w *work) loadProgress() (p progress, ok bool) {
	key := []byte{tableProgress}
	v, ok := w.get(key)
	if !ok {
		return p, false
	}
	if p, ok = parseProgress(append([]byte(nil), v...)); !ok {
		fail(damaged(key, "not the progress of a slot"))
	}
	return p, true
}

// resume applies the rest of a slot that is half applied.
func (w *work) resume(p progress) {
	fail(w.close())
	w.m.freeze()
	w.begin(p.input.now)
	w.sum, w.slot = p.sum, p.input
	if s := w.m.byID(p.job.stream); s != nil {
		w.inParts(p.job, func() {
			if p.job.kind == jobTrim {
				w.trim(s, s.config.MaxMsgsPer > 0)
			} else {
				w.purge(s, p.job.purge)
			}
		})
		w.due(s, max(w.now, 1))
	}
	for i := p.input.next; i < len(p.input.commands); i++ {
		w.slot.next = i + 1
		w.command(&p.input.commands[i])
	}
	w.commit(Digest{Slot: p.input.slot, LogTime: p.input.now})
}

func (m *Machine) byID(id uint64) *stream {
	for _, s := range m.order {
		if s.id == id {
			return s
		}
	}
	return nil
}

// thaw releases what freeze took, for a machine that is closed.
func (m *Machine) thaw() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.frozen == nil {
		return nil
	}
	frozen := m.frozen
	m.frozen = nil
	if err := frozen.release(); err != nil {
		return fmt.Errorf("streams: close %s: %w", m.dir, err)
	}
	return nil
}
