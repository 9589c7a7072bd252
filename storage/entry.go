package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/synod-paxos/synod/paxos"
)

// A segment is entries, one after the other: a kind, the length of what follows, and
// that. Each ends with a checksum of all of it, which begins with the checksum of
// what it belongs to (see seed). FORMAT.md has the layout.
//
// An Append is its votes, the genesis if it has to be told, and a state, by which it
// is whole.
const (
	voteEntry    = 'v'
	genesisEntry = 'g'
	stateEntry   = 's'

	entryHeader = 1 + 4 // kind, length
)

// recordVersion is the version of votes and states, genesisVersion that of a genesis.
const (
	recordVersion  = 2
	genesisVersion = 2
)

// errBroken is an entry that does not decode.
var errBroken = errors.New("the entry does not have its checksum or its form")

// seed is the checksum of a disk incarnation, its salt and the number of a segment. All
// checksums of that segment's entries begin with it, so that an entry of another directory
// or of a segment that was there before does not pass, nor one that is part of a value:
// the salt is told to nobody.
type seed uint32

func seedOf(disk, salt paxos.UUID, segment uint64) seed {
	sum := crc32.Update(crc32.Checksum(disk[:], castagnoli), castagnoli, salt[:])
	return seed(crc32.Update(sum, castagnoli, binary.LittleEndian.AppendUint64(nil, segment)))
}

// seal is the checksum of part.
func (s seed) seal(part []byte) uint32 { return crc32.Update(uint32(s), castagnoli, part) }

// cutEntry is the first entry of b, whole, as far as its length says how far it goes.
func cutEntry(b []byte) ([]byte, bool) {
	if len(b) < entryHeader {
		return nil, false
	}
	n := binary.LittleEndian.Uint32(b[1:])
	if uint64(n) > uint64(len(b)-entryHeader) {
		return nil, false
	}
	return b[:entryHeader+int(n)], true
}

// beginEntry adds the header of an entry whose length is not known yet.
func beginEntry(b []byte, kind byte) []byte { return append(b, kind, 0, 0, 0, 0) }

// endEntry completes the entry that begins at start: more bytes belong to it than are
// there yet.
func endEntry(b []byte, start, more int) {
	binary.LittleEndian.PutUint32(b[start+1:], uint32(len(b)-start-entryHeader+more))
}

// sealEntry completes the entry that begins at start by its length and checksum.
func sealEntry(b []byte, start int, from seed) []byte {
	endEntry(b, start, 4)
	return binary.LittleEndian.AppendUint32(b, from.seal(b[start:]))
}

// content opens an entry of this kind whose last 4 bytes are the checksum of all others.
func content(entry []byte, kind byte, from seed) decoder {
	end := len(entry) - 4
	if end < entryHeader || entry[0] != kind || binary.LittleEndian.Uint32(entry[end:]) != from.seal(entry[:end]) {
		return decoder{bad: true}
	}
	return decoder{rest: entry[entryHeader:end]}
}

// voteHeaderMax is at least the length of a vote's entry without its body.
const voteHeaderMax = entryHeader + 8 + 1 + 1 + 10 + 8 + 1 + 255 + 10 + 1 + 255 + 10 + 4 + 4

// appendVote adds the entry of v. What comes before the body has a checksum of its own, so
// that ballots can be read without values; the one behind the body goes on from that.
func appendVote(b []byte, from seed, v paxos.Vote) ([]byte, error) {
	if err := checkIDs(v.Ballot.Proposer, v.Value.Answerer); err != nil {
		return nil, err
	}
	start := len(b)
	b = binary.LittleEndian.AppendUint64(beginEntry(b, voteEntry), uint64(v.Slot))
	b = append(b, recordVersion, byte(v.Value.Kind))
	b = appendBallot(b, v.Ballot)
	b = binary.AppendVarint(b, int64(v.Value.Stamp))
	b = append(append(b, byte(len(v.Value.Answerer))), v.Value.Answerer...)
	b = binary.AppendUvarint(b, uint64(len(v.Value.Body)))
	endEntry(b, start, 4+len(v.Value.Body)+4)
	sum := from.seal(b[start:])
	b = append(binary.LittleEndian.AppendUint32(b, sum), v.Value.Body...)
	return binary.LittleEndian.AppendUint32(b, crc32.Update(sum, castagnoli, v.Value.Body)), nil
}

// decodeVote reads a vote's entry. The body shares memory with it.
func decodeVote(entry []byte, from seed) (paxos.Vote, error) {
	v, length, sum, d := decodeVoteHeader(entry, from)
	v.Value.Body = d.bytes(length)
	if length == 0 {
		v.Value.Body = nil
	}
	if d.uint32() != crc32.Update(sum, castagnoli, v.Value.Body) {
		d.bad = true
	}
	return v, d.done()
}

// decodeBallot reads the beginning of a vote's entry, voteHeaderMax bytes at least or all,
// and returns slot and ballot.
func decodeBallot(entry []byte, from seed) (paxos.Vote, error) {
	v, _, _, d := decodeVoteHeader(entry, from)
	if d.bad {
		return paxos.Vote{}, errBroken
	}
	return paxos.Vote{Slot: v.Slot, Ballot: v.Ballot}, nil
}

// decodeVoteHeader reads a vote without its body, and returns the body's length, the
// header's checksum and what comes after it.
func decodeVoteHeader(entry []byte, from seed) (paxos.Vote, uint64, uint32, decoder) {
	d := decoder{rest: entry}
	if d.byte() != voteEntry {
		d.bad = true
	}
	size := d.uint32()
	v := paxos.Vote{Slot: paxos.Slot(d.uint64())}
	d.version(recordVersion)
	v.Value.Kind = paxos.ValueKind(d.byte())
	v.Ballot = d.ballot()
	v.Value.Stamp = paxos.LogTime(d.varint())
	v.Value.Answerer = paxos.NodeID(d.short())
	length := d.uvarint()
	header := len(entry) - len(d.rest)
	sum := from.seal(entry[:header])
	if d.uint32() != sum || uint64(size) != uint64(header-entryHeader+4)+length+4 {
		d.bad = true
	}
	return v, length, sum, d
}

// state is what a state's entry holds: all of an AcceptorState but the genesis and the
// configurations, which rarely change and have an entry of their own.
type state struct {
	paxos.AcceptorState
	appends uint64 // counts the Appends of the directory's life
	boot    uint64 // boot number of the last one
}

const (
	foundedFlag = 1 << iota
	sealedFlag
)

// stateMax is at least the length of a state's entry.
const stateMax = entryHeader + 8 + 1 + 2*10 + 10 + 8 + 1 + 255 + 4*10 + 1 + 4

// appendState adds the entry of s. The number of the segment is at its beginning, so that
// states can be looked for.
func appendState(b []byte, from seed, segment uint64, s state) ([]byte, error) {
	if err := checkIDs(s.Promised.Proposer); err != nil {
		return nil, err
	}
	start := len(b)
	b = binary.LittleEndian.AppendUint64(beginEntry(b, stateEntry), segment)
	b = binary.AppendUvarint(append(b, recordVersion), s.appends)
	b = binary.AppendUvarint(b, s.boot)
	b = appendBallot(b, s.Promised)
	b = binary.AppendUvarint(b, uint64(s.Marks.ChosenBelow))
	b = binary.AppendUvarint(b, uint64(s.Marks.TrimBelow))
	b = binary.AppendUvarint(b, uint64(s.Marks.MaxVoted))
	b = binary.AppendVarint(b, int64(s.Marks.MaxStamp))
	var flags byte
	if s.Genesis != nil {
		flags |= foundedFlag
	}
	if s.Sealed {
		flags |= sealedFlag
	}
	return sealEntry(append(b, flags), start, from), nil
}

// decodeState reads a state's entry. Its Genesis is non-nil, and empty, if there is an
// entry of it before.
func decodeState(entry []byte, from seed, segment uint64) (state, error) {
	d := content(entry, stateEntry, from)
	if d.uint64() != segment {
		d.bad = true
	}
	d.version(recordVersion)
	s := state{appends: d.uvarint(), boot: d.uvarint()}
	s.Promised = d.ballot()
	s.Marks.ChosenBelow = paxos.Slot(d.uvarint())
	s.Marks.TrimBelow = paxos.Slot(d.uvarint())
	s.Marks.MaxVoted = paxos.Slot(d.uvarint())
	s.Marks.MaxStamp = paxos.LogTime(d.varint())
	flags := d.byte()
	if flags&^(foundedFlag|sealedFlag) != 0 {
		d.bad = true
	}
	if flags&foundedFlag != 0 {
		s.Genesis = &paxos.Genesis{}
	}
	s.Sealed = flags&sealedFlag != 0
	return s, d.done()
}

// founding is what a genesis entry holds.
type founding struct {
	genesis *paxos.Genesis
	known   paxos.Configurations
}

// appendGenesis adds the entry of f.
func appendGenesis(b []byte, from seed, f founding) ([]byte, error) {
	start, g := len(b), f.genesis
	b = append(append(beginEntry(b, genesisEntry), genesisVersion), g.Cluster.UUID[:]...)
	b = binary.AppendUvarint(b, g.Cluster.Generation)
	b = binary.AppendUvarint(b, uint64(g.Window))
	b = appendConfiguration(b, &g.First)
	b = binary.AppendUvarint(b, uint64(len(f.known)))
	for _, c := range f.known {
		for _, m := range c.Acceptors {
			if err := checkIDs(m.ID); err != nil {
				return nil, err
			}
		}
		b = appendConfiguration(b, c)
	}
	if g.First.From != 1 {
		b = append(b, g.State[:]...)
	}
	b = sealEntry(b, start, from)
	if _, err := decodeGenesis(b[start:], from); err != nil { // nobody could open the directory again
		return nil, fmt.Errorf("%w: a genesis or configuration out of bounds", ErrRecord)
	}
	return b, nil
}

func appendConfiguration(b []byte, c *paxos.Configuration) []byte {
	body := paxos.AppendConfiguration(nil, c)
	return append(binary.AppendUvarint(b, uint64(len(body))), body...)
}

func decodeGenesis(entry []byte, from seed) (founding, error) {
	d := content(entry, genesisEntry, from)
	d.version(genesisVersion)
	g := &paxos.Genesis{}
	g.Cluster = paxos.ClusterID{UUID: d.uuid(), Generation: d.uvarint()}
	g.Window = paxos.Slot(d.uvarint())
	g.First = d.configuration()
	var known paxos.Configurations
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		c := d.configuration()
		known = append(known, &c)
	}
	if g.First.From != 1 {
		g.State = d.uuid()
	}
	return founding{g, known}, d.done()
}

// checkIDs refuses ids whose length does not fit a byte; no valid one is that long.
func checkIDs(ids ...paxos.NodeID) error {
	for _, id := range ids {
		if len(id) > 255 {
			return fmt.Errorf("%w: a node id of %d bytes", ErrRecord, len(id))
		}
	}
	return nil
}

func appendBallot(b []byte, ballot paxos.Ballot) []byte {
	b = binary.AppendUvarint(b, ballot.Round)
	b = binary.LittleEndian.AppendUint64(b, ballot.Incarnation)
	return append(append(b, byte(len(ballot.Proposer))), ballot.Proposer...)
}
