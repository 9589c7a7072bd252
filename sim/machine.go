package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// machine is the state machine of the simulated cluster: a log of commands, in
// which each command id counts once. Its disk is the log up to durable.
type machine struct {
	applied paxos.Slot
	time    paxos.LogTime // log time: the highest stamp so far
	entries []entry
	byID    map[string]int // place in entries
	sum     [16]byte       // of everything applied

	durable paxos.Slot
	saved   []digest // what sum and time were after each slot above the snapshot it began with

	state *state // the built-in state machine, that goes along; nil: none does
	image []byte // of a snapshot: the state's
}

// entry is one command that counted.
type entry struct {
	id   string
	slot paxos.Slot
}

type digest struct {
	slot paxos.Slot
	sum  [16]byte
	time paxos.LogTime
}

// result is what the machine says to a command.
type result struct {
	seq       int // place in the log, from 1
	duplicate bool
}

func (r result) String() string {
	if r.duplicate {
		return fmt.Sprintf("number %d, done before", r.seq)
	}
	return fmt.Sprintf("number %d", r.seq)
}

func newMachine() *machine { return &machine{byID: map[string]int{}} }

// apply takes in the next slot. The replies are those of the built-in state machine, if
// there is one.
func (m *machine) apply(d paxos.Decision) (results []result, replies [][]byte) {
	if d.Slot != m.applied+1 {
		panic(fmt.Sprintf("sim: slot %d applied after %d", d.Slot, m.applied))
	}
	m.applied = d.Slot
	m.time = max(m.time, d.Value.Stamp)
	for _, c := range commandsOf(d.Value) {
		id := string(c.Data)
		at, duplicate := m.byID[id]
		if !duplicate {
			at = len(m.entries)
			m.entries = append(m.entries, entry{id, d.Slot})
			m.byID[id] = at
		}
		results = append(results, result{seq: at + 1, duplicate: duplicate})
	}
	m.sum = m.mix(d.Value)
	m.saved = append(m.saved, digest{m.applied, m.sum, m.time})
	if m.state != nil {
		for _, r := range m.state.apply(d) {
			replies = append(replies, r.Data)
		}
	}
	return results, replies
}

// digest sums up the state.
func (m *machine) digest() [16]byte {
	if m.state == nil {
		return m.sum
	}
	d := m.state.machine.Digest()
	h := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(m.sum[:], d.Sum.Hi), d.Sum.Lo)
	sum := sha256.Sum256(h)
	return [16]byte(sum[:16])
}

// close ends the use of a machine's disk.
func (m *machine) close() {
	if m.state != nil {
		m.state.close()
	}
}

func (m *machine) mix(v paxos.Value) [16]byte {
	h := append(m.sum[:], v.Body...)
	h = binary.BigEndian.AppendUint64(h, uint64(m.time))
	sum := sha256.Sum256(h)
	return [16]byte(sum[:16])
}

// commandsOf is the commands in v. What a leader proposes can always be decoded.
func commandsOf(v paxos.Value) []paxos.Command {
	if v.Kind != paxos.Batch {
		return nil
	}
	commands, err := paxos.DecodeBatch(v.Body)
	if err != nil {
		panic(fmt.Sprintf("sim: %v", err))
	}
	return commands
}

// sync makes durable what was applied.
func (m *machine) sync() {
	m.durable = m.applied
	m.saved = m.saved[max(0, len(m.saved)-1):]
	if m.state != nil {
		m.state.sync()
	}
}

// lose takes the machine back to what its disk holds.
func (m *machine) lose() {
	m.applied = m.durable
	n := slices.IndexFunc(m.entries, func(e entry) bool { return e.slot > m.durable })
	if n >= 0 {
		for _, e := range m.entries[n:] {
			delete(m.byID, e.id)
		}
		m.entries = m.entries[:n]
	}
	m.sum, m.time = [16]byte{}, 0
	for _, d := range m.saved {
		if d.slot == m.durable {
			m.sum, m.time = d.sum, d.time
		}
	}
	m.saved = slices.DeleteFunc(m.saved, func(d digest) bool { return d.slot != m.durable })
	if m.state != nil {
		m.state.lose()
		if at := m.state.machine.Applied(); at != uint64(m.durable) {
			panic(fmt.Sprintf("sim: slot %d was durable, and slot %d is on the disk", m.durable, at))
		}
	}
}

// snapshot is a copy of the machine as it is, for a fellow to restore.
func (m *machine) snapshot() *machine {
	c := newMachine()
	c.applied, c.durable, c.time, c.sum = m.applied, m.applied, m.time, m.sum
	c.entries = slices.Clone(m.entries)
	for i, e := range c.entries {
		c.byID[e.id] = i
	}
	c.saved = []digest{{m.applied, m.sum, m.time}}
	if c.image = m.image; m.state != nil {
		c.image = m.state.image()
	}
	return c
}

// install replaces the machine by a fellow's snapshot, durably.
func (m *machine) install(snapshot *machine) {
	s := m.state
	*m = *snapshot.snapshot()
	if s != nil {
		s.install(m.image)
		m.state, m.image = s, nil
	}
}

func (m *machine) position() paxos.Position {
	p := paxos.Position{Applied: m.applied, Durable: m.durable}
	if m.state != nil {
		p.NextExpiry = paxos.LogTime(m.state.machine.NextExpiry())
	}
	return p
}
