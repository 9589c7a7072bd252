package node

import (
	"encoding/binary"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// machine is the built-in state machine as a learner's actor drives it.
type machine struct {
	streams  *streams.Machine
	commands []streams.Message // reused from slot to slot
}

func (m *machine) Apply(slot paxos.Slot, stamp paxos.LogTime, commands []paxos.Command) ([]actors.Result, error) {
	m.commands = m.commands[:0]
	for i := range commands {
		c := &commands[i]
		m.commands = append(m.commands, streams.Message{Subject: c.Subject, Header: c.Header, Data: c.Data})
	}
	replies, err := m.streams.Apply(uint64(slot), int64(stamp), m.commands)
	clear(m.commands)
	if err != nil {
		return nil, err
	}
	results := make([]actors.Result, len(replies))
	for i, r := range replies {
		results[i] = actors.Result(r)
	}
	return results, nil
}

func (m *machine) Position() paxos.Position {
	return paxos.Position{
		Applied:    paxos.Slot(m.streams.Applied()),
		Durable:    paxos.Slot(m.streams.Durable()),
		NextExpiry: paxos.LogTime(m.streams.NextExpiry()),
	}
}

func (m *machine) Sync() error {
	_, err := m.streams.Sync()
	return err
}

func (m *machine) Digest() (sum [16]byte) {
	d := m.streams.Digest().Sum
	binary.BigEndian.PutUint64(sum[:8], d.Hi)
	binary.BigEndian.PutUint64(sum[8:], d.Lo)
	return sum
}
