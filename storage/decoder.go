package storage

import (
	"encoding/binary"

	"github.com/synod-paxos/synod/paxos"
)

// decoder takes a record apart from its beginning. After the first piece that is
// not there it is bad, and every piece is zero.
type decoder struct {
	rest []byte
	bad  bool
}

// done is errBroken unless exactly the whole record was taken.
func (d *decoder) done() error {
	if d.bad || len(d.rest) > 0 {
		return errBroken
	}
	return nil
}

// bytes takes n bytes, which share memory with the record.
func (d *decoder) bytes(n uint64) []byte {
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) configuration() paxos.Configuration {
	c, err := paxos.DecodeConfiguration(d.bytes(d.uvarint()))
	d.bad = d.bad || err != nil
	return c
}

func (d *decoder) version(want byte) {
	if d.byte() != want {
		d.bad = true
	}
}

func (d *decoder) byte() byte {
	if b := d.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	n, used := binary.Uvarint(d.rest)
	if d.bytes(uint64(max(used, 0))); used <= 0 {
		d.bad = true
	}
	return n
}

func (d *decoder) varint() int64 {
	n, used := binary.Varint(d.rest)
	if d.bytes(uint64(max(used, 0))); used <= 0 {
		d.bad = true
	}
	return n
}

// short takes a length of one byte and that many bytes.
func (d *decoder) short() string { return string(d.bytes(uint64(d.byte()))) }

func (d *decoder) uuid() (u paxos.UUID) {
	copy(u[:], d.bytes(16))
	return u
}

func (d *decoder) ballot() paxos.Ballot {
	b := paxos.Ballot{Round: d.uvarint(), Incarnation: d.uint64()}
	b.Proposer = paxos.NodeID(d.short())
	return b
}
