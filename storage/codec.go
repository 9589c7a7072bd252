package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/synod-paxos/synod/paxos"
)

// Keys. Votes are ordered by slot. The state record lies behind the vote of the
// highest slot that was voted in or trimmed, and moves up with it; the genesis
// record is copied up when the trim point passes it. So what is written together
// lies together, and tables do not overlap: see FORMAT.md for why that matters.
//
//	vote     'v' slot
//	genesis  'v' slot 'g'
//	state    'v' slot 's'
const (
	votePrefix    = 'v'
	genesisSuffix = 'g'
	stateSuffix   = 's'
	voteKeyLen    = 1 + 8
	markKeyLen    = 1 + 8 + 1 // of a genesis or a state
)

// keySpan is all keys.
var keySpan = [2][]byte{{votePrefix}, {votePrefix + 1}}

func appendVoteKey(b []byte, s paxos.Slot) []byte {
	return binary.BigEndian.AppendUint64(append(b, votePrefix), uint64(s))
}

func appendGenesisKey(b []byte, s paxos.Slot) []byte {
	return append(appendVoteKey(b, s), genesisSuffix)
}

func appendStateKey(b []byte, s paxos.Slot) []byte { return append(appendVoteKey(b, s), stateSuffix) }

// slotOf is the slot of a key.
func slotOf(key []byte) (paxos.Slot, bool) {
	if len(key) < voteKeyLen || key[0] != votePrefix {
		return 0, false
	}
	return paxos.Slot(binary.BigEndian.Uint64(key[1:])), true
}

// recordVersion starts each value but a genesis, genesisVersion that.
const (
	recordVersion  = 1
	genesisVersion = 2
)

// errBroken is a value that does not decode.
var errBroken = errors.New("the record does not have its checksum or its form")

// seed is the checksum of a disk incarnation. All checksums of its records begin
// with it, so that a record of another directory does not pass.
type seed uint32

func seedOf(disk paxos.UUID) seed { return seed(crc32.Checksum(disk[:], castagnoli)) }

// seal is the checksum of part of the value at key.
func (s seed) seal(key, part []byte) uint32 {
	return crc32.Update(crc32.Update(uint32(s), castagnoli, key), castagnoli, part)
}

// appendVoteHeader adds the first part of v's record, which has its own checksum,
// so that ballots can be read without their values. It returns that checksum.
// Behind it comes the body, if there is one, and the body's checksum, begun with
// the header's.
func appendVoteHeader(b []byte, from seed, key []byte, v paxos.Vote) ([]byte, uint32, error) {
	if err := checkIDs(v.Ballot.Proposer, v.Value.Answerer); err != nil {
		return nil, 0, err
	}
	start := len(b)
	b = append(b, recordVersion, byte(v.Value.Kind))
	b = appendBallot(b, v.Ballot)
	b = binary.AppendVarint(b, int64(v.Value.Stamp))
	b = append(append(b, byte(len(v.Value.Answerer))), v.Value.Answerer...)
	b = binary.AppendUvarint(b, uint64(len(v.Value.Body)))
	sum := from.seal(key, b[start:])
	return binary.LittleEndian.AppendUint32(b, sum), sum, nil
}

// bodyRecordLen is how many bytes a body takes behind the header.
func bodyRecordLen(body []byte) int {
	if len(body) == 0 {
		return 0
	}
	return len(body) + 4
}

// putBody writes the second part of a vote's record to b, which has its size. sum
// is the header's checksum.
func putBody(b []byte, sum uint32, body []byte) {
	if n := copy(b, body); n > 0 {
		binary.LittleEndian.PutUint32(b[n:], crc32.Update(sum, castagnoli, body))
	}
}

// decodeVote reads a vote's record. The body shares memory with b. With
// ballotOnly it neither reads nor returns the value.
func decodeVote(b []byte, from seed, key []byte, ballotOnly bool) (paxos.Vote, error) {
	d := decoder{rest: b}
	d.version(recordVersion)
	v := paxos.Vote{Slot: paxos.Slot(binary.BigEndian.Uint64(key[1:]))}
	v.Value.Kind = paxos.ValueKind(d.byte())
	v.Ballot = d.ballot()
	v.Value.Stamp = paxos.LogTime(d.varint())
	v.Value.Answerer = paxos.NodeID(d.short())
	length := d.uvarint()
	sum := from.seal(key, b[:len(b)-len(d.rest)])
	if d.uint32() != sum || d.bad {
		return paxos.Vote{}, errBroken
	}
	if ballotOnly {
		return paxos.Vote{Slot: v.Slot, Ballot: v.Ballot}, nil
	}
	if length > 0 {
		v.Value.Body = d.bytes(length)
		if d.uint32() != crc32.Update(sum, castagnoli, v.Value.Body) {
			d.bad = true
		}
	}
	return v, d.done()
}

// state is what the state record holds: all of an AcceptorState but the genesis
// itself, which rarely changes and has its own record.
type state struct {
	paxos.AcceptorState
	appends   uint64     // counts the Appends of the directory's life
	boot      uint64     // boot number of the last one
	genesisAt paxos.Slot // where the genesis record is, if there is one
}

// position is the slot behind whose vote the state record lies. It never falls.
func (s *state) position() paxos.Slot { return max(s.Marks.MaxVoted, s.Marks.TrimBelow) }

const (
	foundedFlag = 1 << iota
	sealedFlag
)

func appendState(b []byte, from seed, key []byte, s state) ([]byte, error) {
	if err := checkIDs(s.Promised.Proposer); err != nil {
		return nil, err
	}
	start := len(b)
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
	b = binary.AppendUvarint(append(b, flags), uint64(s.genesisAt))
	return binary.LittleEndian.AppendUint32(b, from.seal(key, b[start:])), nil
}

// decodeState reads a state record. Its Genesis is non-nil, and empty, if there
// is a genesis record beside it.
func decodeState(b []byte, from seed, key []byte) (state, error) {
	at, _ := slotOf(key)
	if len(key) != markKeyLen || key[voteKeyLen] != stateSuffix {
		return state{}, errBroken
	}
	d := decoder{rest: b}
	d.version(recordVersion)
	s := state{appends: d.uvarint(), boot: d.uvarint()}
	s.Promised = d.ballot()
	s.Marks.ChosenBelow = paxos.Slot(d.uvarint())
	s.Marks.TrimBelow = paxos.Slot(d.uvarint())
	s.Marks.MaxVoted = paxos.Slot(d.uvarint())
	s.Marks.MaxStamp = paxos.LogTime(d.varint())
	flags := d.byte()
	s.genesisAt = paxos.Slot(d.uvarint())
	sum := from.seal(key, b[:len(b)-len(d.rest)])
	if d.uint32() != sum || flags&^(foundedFlag|sealedFlag) != 0 {
		d.bad = true
	}
	if s.position() != at {
		d.bad = true
	}
	if flags&foundedFlag != 0 {
		s.Genesis = &paxos.Genesis{}
	}
	s.Sealed = flags&sealedFlag != 0
	return s, d.done()
}

// appendGenesis adds the record of g and of the configurations known beside it.
func appendGenesis(b []byte, from seed, key []byte, g *paxos.Genesis, known paxos.Configurations) ([]byte, error) {
	start := len(b)
	b = append(append(b, genesisVersion), g.Cluster.UUID[:]...)
	b = binary.AppendUvarint(b, g.Cluster.Generation)
	b = binary.AppendUvarint(b, uint64(g.Window))
	b = appendConfiguration(b, &g.First)
	b = binary.AppendUvarint(b, uint64(len(known)))
	for _, c := range known {
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
	return binary.LittleEndian.AppendUint32(b, from.seal(key, b[start:])), nil
}

func appendConfiguration(b []byte, c *paxos.Configuration) []byte {
	body := paxos.AppendConfiguration(nil, c)
	return append(binary.AppendUvarint(b, uint64(len(body))), body...)
}

func decodeGenesis(b []byte, from seed, key []byte) (*paxos.Genesis, paxos.Configurations, error) {
	d := decoder{rest: b}
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
	sum := from.seal(key, b[:len(b)-len(d.rest)])
	if d.uint32() != sum {
		d.bad = true
	}
	return g, known, d.done()
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
