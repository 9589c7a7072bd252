package streams

import (
	"encoding/binary"
	"fmt"
)

// formatVersion is the layout of the database that this build reads and writes.
// A directory with another version is refused, never guessed at.
const formatVersion = 1

const (
	tableVersion  = 0x01
	tablePosition = 0x02
	tableProgress = 0x03
	tableGlobals  = 0x04
	tableSkip     = 0x05
	tableConfig   = 0x10
	tableState    = 0x11
	tableMessage  = 0x20
	tableIndex    = 0x21
	tableSubject  = 0x22
	tableExpiry   = 0x23
	tableID       = 0x28
	tableIDQueue  = 0x29
	tableIDGroup  = 0x2a
	tableIDRun    = 0x2b
	tableSession  = 0x30
	tableNonce    = 0x31
	tableOutcome  = 0x32
	tableLease    = 0x33
	tableDue      = 0x34
)

// messageTables, idTables and ownerTables are the tables that a stream's three
// digests cover.
var (
	messageTables = []byte{tableMessage, tableIndex, tableSubject, tableExpiry}
	idTables      = []byte{tableID, tableIDQueue, tableIDGroup, tableIDRun}
	ownerTables   = []byte{tableSession, tableNonce, tableOutcome, tableLease, tableDue}
)

const (
	prefixBytes = 1 + 8           // table and stream number
	seqKeyBytes = prefixBytes + 8 // ... and sequence
)

func appendPrefix(b []byte, table byte, id uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, table), id)
}

func appendSeqKey(b []byte, table byte, id, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(appendPrefix(b, table, id), seq)
}

func appendSubjectKey(b []byte, id uint64, subject []byte) []byte {
	return append(appendPrefix(b, tableSubject, id), subject...)
}

func appendIndexKey(b []byte, id uint64, subject []byte, seq uint64) []byte {
	b = append(appendPrefix(b, tableIndex, id), subject...)
	return binary.BigEndian.AppendUint64(append(b, 0), seq)
}

func appendExpiryKey(b []byte, id uint64, at int64, seq uint64) []byte {
	b = appendPrefix(b, tableExpiry, id)
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	return binary.BigEndian.AppendUint64(b, seq)
}

func appendIDKey(b []byte, id uint64, msgID []byte) []byte {
	return append(appendPrefix(b, tableID, id), msgID...)
}

func appendOutcomeKey(b []byte, id, session, number uint64) []byte {
	return binary.BigEndian.AppendUint64(appendSeqKey(b, tableOutcome, id, session), number)
}

// The kinds of what the due table holds: after the kind comes the session's number
// or the lease's name.
const (
	dueSession = 's'
	dueLease   = 'l'
)

func appendDueKey(b []byte, id uint64, at int64, kind byte, name []byte) []byte {
	b = binary.BigEndian.AppendUint64(appendPrefix(b, tableDue, id), uint64(at))
	return append(append(b, kind), name...)
}

// splitDueKey takes a key of the due table apart.
func splitDueKey(key []byte) (at int64, kind byte, name []byte, ok bool) {
	if len(key) <= prefixBytes+9 {
		return 0, 0, nil, false
	}
	kind, name = key[prefixBytes+8], key[prefixBytes+9:]
	return expiryOfKey(key), kind, name, kind == dueLease || kind == dueSession && len(name) == 8
}

// seqOfKey returns the sequence that ends a key of the tables message, index,
// expiry, id queue and id run.
func seqOfKey(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

// expiryOfKey returns the time in a key of the tables expiry and due.
func expiryOfKey(key []byte) int64 {
	return int64(binary.BigEndian.Uint64(key[prefixBytes : prefixBytes+8]))
}

// A damageError says which stored pair is not what this package wrote.
type damageError struct {
	key  []byte
	what string
}

func (e *damageError) Error() string {
	return fmt.Sprintf("streams: damaged state: key %x: %s", e.key, e.what)
}

func damaged(key []byte, what string) error {
	return &damageError{key: append([]byte(nil), key...), what: what}
}
