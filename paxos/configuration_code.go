package paxos

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The encoding of a configuration, as the body of a Reconfigure value and on disks:
// one format byte; number, first slot and number of acceptors; of each acceptor the
// length of its id in one byte, the id, and the 16 bytes of its disk; the kind of the
// quorum system in one byte; its two sizes, its rows and the copies. Numbers are
// uvarints. Equal configurations have equal encodings.
const configurationFormat = 1

// ErrConfiguration is matched by every error that means that bytes are not what
// AppendConfiguration wrote.
var ErrConfiguration = errors.New("paxos: malformed configuration")

// AppendConfiguration adds the encoding of c to b. The ids in c are valid ones.
func AppendConfiguration(b []byte, c *Configuration) []byte {
	b = append(b, configurationFormat)
	b = binary.AppendUvarint(b, c.Number)
	b = binary.AppendUvarint(b, uint64(c.From))
	b = binary.AppendUvarint(b, uint64(len(c.Acceptors)))
	for _, m := range c.Acceptors {
		b = append(append(b, byte(len(m.ID))), m.ID...)
		b = append(b, m.Disk[:]...)
	}
	b = append(b, byte(c.Quorums.Kind))
	for _, n := range []int{c.Quorums.Size1, c.Quorums.Size2, c.Quorums.Rows, c.Copies} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

// DecodeConfiguration reads all of b. It judges the form only; see Check. Its errors
// match ErrConfiguration.
func DecodeConfiguration(b []byte) (Configuration, error) {
	var c Configuration
	d := &configurationDecoder{rest: b}
	format := d.byte()
	c.Number, c.From = d.number(), Slot(d.number())
	for n := d.number(); n > 0 && !d.bad; n-- {
		m := Member{ID: NodeID(d.bytes(int(d.byte())))}
		copy(m.Disk[:], d.bytes(len(m.Disk)))
		c.Acceptors = append(c.Acceptors, m)
		d.bad = d.bad || len(c.Acceptors) > MaxAcceptors
	}
	c.Quorums.Kind = QuorumKind(d.byte())
	for _, n := range []*int{&c.Quorums.Size1, &c.Quorums.Size2, &c.Quorums.Rows, &c.Copies} {
		*n = int(min(d.number(), 1<<31-1))
	}
	if d.bad || format != configurationFormat || !slices.Equal(AppendConfiguration(nil, &c), b) {
		return Configuration{}, fmt.Errorf("%w of %d bytes", ErrConfiguration, len(b))
	}
	return c, nil
}

// configurationDecoder reads from rest until that breaks off.
type configurationDecoder struct {
	rest []byte
	bad  bool
}

func (d *configurationDecoder) bytes(n int) []byte {
	if n > len(d.rest) {
		d.bad, n = true, len(d.rest)
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *configurationDecoder) byte() byte {
	if b := d.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *configurationDecoder) number() uint64 {
	n, used := binary.Uvarint(d.rest)
	if used <= 0 {
		d.bad, used = true, len(d.rest)
	}
	d.rest = d.rest[used:]
	return n
}
