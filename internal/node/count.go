package node

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
)

// countingStore counts the commands that an acceptor makes durable: with its
// syncs they show how well batches and group commit work together. Acceptors
// themselves do not look into values.
type countingStore struct {
	*storage.Acceptor
	commands atomic.Uint64
	// trace, if not nil, does what it is given to do, and records how long it took.
	trace func([]paxos.Record, func([]paxos.Record) error) error
}

// Append counts before it hands on: the records are the store's afterwards.
func (s *countingStore) Append(records []paxos.Record) error {
	n := 0
	for _, r := range records {
		if v, ok := r.(paxos.Voted); ok && v.Vote.Value.Kind == paxos.Batch {
			n += countCommands(v.Vote.Value.Body)
		}
	}
	var err error
	if s.trace != nil {
		err = s.trace(records, s.Acceptor.Append)
	} else {
		err = s.Acceptor.Append(records)
	}
	if err == nil {
		s.commands.Add(uint64(n))
	}
	return err
}

// countCommands is how many commands paxos.DecodeBatch would find in body, without
// the memory that it takes. Of a body that breaks off it counts the whole ones.
func countCommands(body []byte) int {
	if len(body) == 0 {
		return 0
	}
	n := 0
	for rest := body[1:]; len(rest) > 0; n++ {
		for range 4 { // subject, reply, header, data
			length, used := binary.Uvarint(rest)
			if used <= 0 || length > uint64(len(rest)-used) {
				return n
			}
			rest = rest[used+int(length):]
		}
	}
	return n
}
