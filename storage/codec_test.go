package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

var someDisk = paxos.UUID{1, 2, 3}

func encodeVote(t testing.TB, from seed, key []byte, v paxos.Vote) []byte {
	t.Helper()
	b, sum, err := appendVoteHeader(nil, from, key, v)
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, bodyRecordLen(v.Value.Body))
	putBody(body, sum, v.Value.Body)
	return append(b, body...)
}

var someVotes = []paxos.Vote{
	{},
	{Slot: 7, Ballot: paxos.Ballot{Round: 3, Proposer: "p1", Incarnation: 9}},
	{Slot: math.MaxUint64, Ballot: paxos.Ballot{Round: math.MaxUint64, Proposer: "p", Incarnation: math.MaxUint64},
		Value: paxos.Value{Kind: 255, Stamp: math.MinInt64, Answerer: "l1", Body: []byte("body")}},
}

func TestVoteRecord(t *testing.T) {
	for _, v := range someVotes {
		key := appendVoteKey(nil, v.Slot)
		b := encodeVote(t, seedOf(someDisk), key, v)
		got, err := decodeVote(b, seedOf(someDisk), key, false)
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%+v, error %v; want %+v", got, err, v)
		}
		ballot, err := decodeVote(b, seedOf(someDisk), key, true)
		if want := (paxos.Vote{Slot: v.Slot, Ballot: v.Ballot}); err != nil || !reflect.DeepEqual(ballot, want) {
			t.Errorf("%+v, error %v; want %+v", ballot, err, want)
		}
	}
}

// TestRecordsBelongToTheirPlace: a record of another directory or of another slot
// does not pass.
func TestRecordsBelongToTheirPlace(t *testing.T) {
	v := someVotes[1]
	key := appendVoteKey(nil, v.Slot)
	b := encodeVote(t, seedOf(someDisk), key, v)
	if _, err := decodeVote(b, seedOf(paxos.UUID{9}), key, true); err == nil {
		t.Error("a vote of another disk passed")
	}
	if _, err := decodeVote(b, seedOf(someDisk), appendVoteKey(nil, v.Slot+1), true); err == nil {
		t.Error("a vote of another slot passed")
	}
}

// TestOldVoteRecord is format 1 to the byte.
func TestOldVoteRecord(t *testing.T) {
	v := paxos.Vote{Slot: 2, Ballot: paxos.Ballot{Round: 300, Proposer: "p1", Incarnation: 0x0102030405060708},
		Value: paxos.Value{Kind: paxos.Batch, Stamp: -3, Answerer: "l1", Body: []byte("xy")}}
	key := appendVoteKey(nil, 2)
	got := encodeVote(t, seedOf(someDisk), key, v)
	want := []byte("\x01\x01\xac\x02\x08\x07\x06\x05\x04\x03\x02\x01\x02p1\x05\x02l1\x02")
	sum := crc32.Checksum(append(append(someDisk[:], key...), want...), castagnoli)
	want = binary.LittleEndian.AppendUint32(want, sum)
	want = append(want, "xy"...)
	want = binary.LittleEndian.AppendUint32(want, crc32.Update(sum, castagnoli, []byte("xy")))
	if !bytes.Equal(got, want) {
		t.Errorf("% x\nwant % x", got, want)
	}
}

func someGenesis() *paxos.Genesis {
	return &paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: paxos.UUID{5}, Generation: 2}, Window: 256, State: [16]byte{7},
		First: paxos.Configuration{
			Number: 1, From: 5, Copies: 2, Quorums: paxos.QuorumSystem{Kind: paxos.Grid, Rows: 2},
			Acceptors: []paxos.Member{{ID: "a1", Disk: paxos.UUID{1}}, {ID: "a2", Disk: paxos.UUID{2}}},
		},
	}
}

func someState() state {
	s := state{appends: 9, boot: 3, genesisAt: 5}
	s.Promised = paxos.Ballot{Round: 8, Proposer: "p2", Incarnation: 1}
	s.Marks = paxos.Marks{ChosenBelow: 7, TrimBelow: 5, MaxVoted: 12, MaxStamp: -1}
	s.Genesis, s.Sealed = &paxos.Genesis{}, true
	return s
}

func TestStateRecord(t *testing.T) {
	for _, s := range []state{{}, someState()} {
		key := appendStateKey(nil, s.position())
		b, err := appendState(nil, seedOf(someDisk), key, s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeState(b, seedOf(someDisk), key)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%+v, error %v; want %+v", got, err, s)
		}
		for _, other := range [][]byte{appendStateKey(nil, s.position()+1), appendVoteKey(nil, s.position()), appendGenesisKey(nil, s.position()), {}} {
			if _, err := decodeState(b, seedOf(someDisk), other); err == nil {
				t.Errorf("a state at key %x passed", other)
			}
		}
	}
}

func TestGenesisRecord(t *testing.T) {
	for _, g := range []*paxos.Genesis{{}, someGenesis()} {
		key := appendGenesisKey(nil, 4)
		known := paxos.Configurations{&g.First, {Number: g.First.Number + 1, From: 9, Copies: 3}}
		b, err := appendGenesis(nil, seedOf(someDisk), key, g, known)
		if err != nil {
			t.Fatal(err)
		}
		got, gotKnown, err := decodeGenesis(b, seedOf(someDisk), key)
		if err != nil || !reflect.DeepEqual(got, g) || !reflect.DeepEqual(gotKnown, known) {
			t.Errorf("%+v and %+v, error %v; want %+v and %+v", got, gotKnown, err, g, known)
		}
	}
}

// TestADamagedRecordIsRefused: with any bit of it flipped, and where a flag is set that
// nobody knows, whatever its checksum.
func TestADamagedRecordIsRefused(t *testing.T) {
	from, g, s := seedOf(someDisk), someGenesis(), someState()
	voteKey, stateKey, genesisKey := appendVoteKey(nil, 7), appendStateKey(nil, s.position()), appendGenesisKey(nil, 1)
	v := someVotes[2]
	v.Slot = 7
	state, err := appendState(nil, from, stateKey, s)
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := appendGenesis(nil, from, genesisKey, g, paxos.Configurations{&g.First})
	if err != nil {
		t.Fatal(err)
	}
	decodeTheState := func(b []byte) error { _, err := decodeState(b, from, stateKey); return err }
	for name, r := range map[string]struct {
		record []byte
		decode func([]byte) error
	}{
		"vote":    {encodeVote(t, from, voteKey, v), func(b []byte) error { _, err := decodeVote(b, from, voteKey, false); return err }},
		"state":   {state, decodeTheState},
		"genesis": {genesis, func(b []byte) error { _, _, err := decodeGenesis(b, from, genesisKey); return err }},
	} {
		if err := r.decode(r.record); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range 8 * len(r.record) {
			b := bytes.Clone(r.record)
			b[i/8] ^= 1 << (i % 8)
			if r.decode(b) == nil {
				t.Errorf("%s: read with bit %d of byte %d flipped", name, i%8, i/8)
			}
		}
	}
	flags := bytes.Clone(state[:len(state)-4])
	flags[len(flags)-2] |= 0x80 // before the place of the genesis, which takes a byte
	if decodeTheState(sealed(from, stateKey, flags)) == nil {
		t.Error("a state with an unknown flag is read")
	}
}

// TestIDsFitAByte: of an id, its length takes one.
func TestIDsFitAByte(t *testing.T) {
	for n, fits := range map[int]bool{255: true, 256: false} {
		if err := checkIDs(paxos.NodeID(strings.Repeat("a", n))); (err == nil) != fits {
			t.Errorf("an id of %d bytes: %v", n, err)
		}
	}
}

// TestWhatEndsTooSoonIsBad: no bytes, and the beginning of a number, are no number.
func TestWhatEndsTooSoonIsBad(t *testing.T) {
	for _, rest := range [][]byte{nil, {0x80}, {0xff, 0x80, 0x80}} {
		signed, unsigned := decoder{rest: rest}, decoder{rest: rest}
		if n := signed.varint(); n != 0 || !signed.bad {
			t.Errorf("% x is read as %d", rest, n)
		}
		if n := unsigned.uvarint(); n != 0 || !unsigned.bad {
			t.Errorf("% x is read as %d, unsigned", rest, n)
		}
	}
}

// sealed is part with the checksum that a decoder wants, so that fuzzing gets past it.
func sealed(from seed, key, part []byte) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Clone(part), from.seal(key, part))
}

func FuzzVote(f *testing.F) {
	from := seedOf(someDisk)
	for _, v := range someVotes {
		b := encodeVote(f, from, appendVoteKey(nil, v.Slot), v)
		for end := range min(len(b), 100) { // lengths that go beyond the end, too
			f.Add(uint64(v.Slot), b[:end])
		}
		f.Add(uint64(v.Slot), b)
	}
	f.Fuzz(func(t *testing.T, slot uint64, b []byte) {
		key := appendVoteKey(nil, paxos.Slot(slot))
		for _, b := range [][]byte{b, sealed(from, key, b)} {
			for _, ballotOnly := range []bool{false, true} {
				v, err := decodeVote(b, from, key, ballotOnly)
				if err != nil {
					continue
				}
				again, err := decodeVote(encodeVote(t, from, key, v), from, key, false)
				if err != nil || again.Ballot != v.Ballot || !again.Value.Equal(v.Value) {
					t.Errorf("%+v became %+v, error %v", v, again, err)
				}
			}
		}
	})
}

func FuzzState(f *testing.F) {
	from := seedOf(someDisk)
	for _, s := range []state{{}, someState()} {
		key := appendStateKey(nil, s.position())
		b, err := appendState(nil, from, key, s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(key, b)
	}
	f.Fuzz(func(t *testing.T, key, b []byte) {
		for _, b := range [][]byte{b, sealed(from, key, b)} {
			s, err := decodeState(b, from, key)
			if err != nil {
				continue
			}
			encoded, err := appendState(nil, from, key, s)
			if err != nil {
				t.Fatal(err)
			}
			again, err := decodeState(encoded, from, key)
			if err != nil || !reflect.DeepEqual(again, s) {
				t.Errorf("%+v became %+v, error %v", s, again, err)
			}
		}
	})
}

func FuzzGenesis(f *testing.F) {
	from, key := seedOf(someDisk), appendGenesisKey(nil, 1)
	for _, g := range []*paxos.Genesis{{}, someGenesis()} {
		b, err := appendGenesis(nil, from, key, g, paxos.Configurations{&g.First})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, sealed(from, key, b)} {
			g, known, err := decodeGenesis(b, from, key)
			if err != nil {
				continue
			}
			encoded, err := appendGenesis(nil, from, key, g, known)
			if err != nil {
				t.Fatal(err)
			}
			again, knownAgain, err := decodeGenesis(encoded, from, key)
			if err != nil || !reflect.DeepEqual(again, g) || !reflect.DeepEqual(knownAgain, known) {
				t.Errorf("%+v became %+v, error %v", g, again, err)
			}
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add(encodeIdentity(Info{Format: 1, Role: paxos.AcceptorRole, ID: "a1", Disk: someDisk, Boot: 3}))
	f.Add(encodeIdentity(Info{Format: 1, Role: paxos.LearnerRole, ID: "l1", Cluster: paxos.ClusterID{UUID: someDisk, Generation: 2}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, summed(b)} {
			i, err := decodeIdentity(b)
			if err == nil && !bytes.Equal(encodeIdentity(i), b) {
				t.Errorf("%q was read as %+v", b, i)
			}
		}
	})
}

// summed is the text of an IDENTITY file with its checksum.
func summed(text []byte) []byte {
	return fmt.Appendf(bytes.Clone(text), "crc32c %08x\n", crc32.Checksum(text, castagnoli))
}

// TestCoverPages: a full page is read, and none of another length, version or disk.
func TestCoverPages(t *testing.T) {
	full := page{turn: 3, files: map[coveredName]extent{}}
	for n := range uint64(coverMax) {
		full.files[coveredName{logFile, n}] = extent{length: 1}
	}
	b := encodePage(someDisk, full)
	if got, ok := decodePage(someDisk, b); !ok || !reflect.DeepEqual(got, full) {
		t.Errorf("a full page is read as %+v, %t", got, ok)
	}
	if _, ok := decodePage(paxos.UUID{9}, b); ok {
		t.Error("another disk's page passes")
	}
	if _, ok := decodePage(someDisk, b[:coverPage-1]); ok {
		t.Error("a short page passes")
	}
	b[0]++
	binary.LittleEndian.PutUint32(b[coverPage-4:], crc32.Checksum(b[:coverPage-4], castagnoli))
	if _, ok := decodePage(someDisk, b); ok {
		t.Error("a page of another version passes")
	}
}

// lostFile is a file that loses every write, and counts them.
type lostFile struct {
	vfs.File
	writes int
}

func (f *lostFile) WriteAt([]byte, int64) (int, error) { return 0, f.lose() }
func (f *lostFile) Write([]byte) (int, error)          { return 0, f.lose() }
func (f *lostFile) Sync() error                        { return f.lose() }

func (f *lostFile) lose() error {
	f.writes++
	return errors.New("no space left")
}

// unwatched is the watch of a cover whose disk never hangs.
func unwatched(string) func() bool { return func() bool { return true } }

// TestAFailedCoverIsLeftAlone: the other page is the good one, which another write could
// spoil as well.
func TestAFailedCoverIsLeftAlone(t *testing.T) {
	f := &lostFile{}
	c := &cover{file: f, disk: someDisk, watch: unwatched, page: page{turn: 1}}
	first := c.write()
	if second := c.write(); first == nil || !errors.Is(second, first) || f.writes != 1 {
		t.Errorf("%d writes, the errors are %v and %v", f.writes, first, second)
	}
}

// TestTheCoverIsNotWrittenAfterAFailure of a change of Pebble's, and its own failure is one.
func TestTheCoverIsNotWrittenAfterAFailure(t *testing.T) {
	f := &lostFile{}
	a := &Acceptor{halt: parkedHalt(), cover: &cover{file: f, disk: someDisk, watch: unwatched, page: page{turn: 1}}}
	if err := a.coverNow(); err == nil || !errors.Is(a.halt.Cause(), err) || !a.halt.IsStuck() || f.writes != 1 {
		t.Errorf("a lost page: error %v, cause %v, %d writes", err, a.halt.Cause(), f.writes)
	}
	a.cover.failed = nil
	if !storagetest.Held(func() { _ = a.coverNow() }) || f.writes != 1 {
		t.Errorf("written after a failure, %d writes", f.writes)
	}
}

// TestGenesisWithADamagedConfiguration: what cannot be read is not taken for a
// configuration, whatever its checksum.
func TestGenesisWithADamagedConfiguration(t *testing.T) {
	from, key := seedOf(someDisk), appendGenesisKey(nil, 1)
	g := someGenesis()
	b, err := appendGenesis(nil, from, key, g, paxos.Configurations{&g.First})
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, paxos.AppendConfiguration(nil, &g.First))
	if at < 0 {
		t.Fatal("the configuration is not in the record")
	}
	b[at] = 99 // its format
	if got, _, err := decodeGenesis(sealed(from, key, b[:len(b)-4]), from, key); err == nil {
		t.Errorf("read as %+v", got)
	}
}

func FuzzCoverPage(f *testing.F) {
	p := page{turn: 3, appends: 9, files: map[coveredName]extent{{logFile, 4}: {length: 7, crc: 8}, {manifestFile, 1}: {length: 1}}}
	b := encodePage(someDisk, p)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		full := append(bytes.Clone(b), make([]byte, coverPage)...)[:coverPage]
		binary.LittleEndian.PutUint32(full[coverPage-4:], crc32.Checksum(full[:coverPage-4], castagnoli))
		for _, b := range [][]byte{b, full} {
			p, ok := decodePage(someDisk, b)
			if !ok {
				continue
			}
			if again, ok := decodePage(someDisk, encodePage(someDisk, p)); !ok || !reflect.DeepEqual(again, p) {
				t.Errorf("%+v became %+v", p, again)
			}
		}
	})
}
