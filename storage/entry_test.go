package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
)

var someDisk, someSalt = paxos.UUID{1, 2, 3}, paxos.UUID{4, 5, 6}

// someSeed is of the seventh segment of a disk.
var someSeed = seedOf(someDisk, someSalt, 7)

func encodeVote(t testing.TB, v paxos.Vote) []byte {
	t.Helper()
	b, err := appendVote(nil, someSeed, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var someVotes = []paxos.Vote{
	{},
	{Slot: 7, Ballot: paxos.Ballot{Round: 3, Proposer: "p1", Incarnation: 9}},
	{Slot: math.MaxUint64, Ballot: paxos.Ballot{Round: math.MaxUint64, Proposer: "p", Incarnation: math.MaxUint64},
		Value: paxos.Value{Kind: 255, Stamp: math.MinInt64, Answerer: "l1", Body: []byte("body")}},
}

func TestVoteEntry(t *testing.T) {
	for _, v := range someVotes {
		b := encodeVote(t, v)
		got, err := decodeVote(b, someSeed)
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%+v, error %v; want %+v", got, err, v)
		}
		for _, part := range [][]byte{b, b[:len(b)-len(v.Value.Body)-4]} {
			ballot, err := decodeBallot(part, someSeed)
			if want := (paxos.Vote{Slot: v.Slot, Ballot: v.Ballot}); err != nil || !reflect.DeepEqual(ballot, want) {
				t.Errorf("%+v, error %v; want %+v", ballot, err, want)
			}
		}
	}
}

// TestWhereAnEntryEnds: where its length says, if so much is there.
func TestWhereAnEntryEnds(t *testing.T) {
	for b, want := range map[string]int{"": 0, "s\x00\x00\x00": 0, "s\x00\x00\x00\x00": 5, "s\x02\x00\x00\x00a": 0, "s\x02\x00\x00\x00ab": 7, "s\x02\x00\x00\x00abc": 7} {
		if entry, ok := cutEntry([]byte(b)); len(entry) != want || ok != (want > 0) {
			t.Errorf("%q is an entry of %d bytes, %t, want %d", b, len(entry), ok, want)
		}
	}
}

// TestTheLargestVoteHeader: what is read of a vote to know its ballot is enough.
func TestTheLargestVoteHeader(t *testing.T) {
	long := paxos.NodeID(strings.Repeat("a", 255))
	v := paxos.Vote{Slot: math.MaxUint64, Ballot: paxos.Ballot{Round: math.MaxUint64, Proposer: long, Incarnation: math.MaxUint64},
		Value: paxos.Value{Kind: 255, Stamp: math.MinInt64, Answerer: long, Body: make([]byte, 1<<20)}}
	b := encodeVote(t, v)
	if header := len(b) - len(v.Value.Body) - 4; header > voteHeaderMax {
		t.Errorf("a header of %d bytes, want at most %d", header, voteHeaderMax)
	}
	if got, err := decodeBallot(b[:voteHeaderMax], someSeed); err != nil || got.Ballot != v.Ballot {
		t.Errorf("%+v, error %v", got, err)
	}
}

// TestEntriesBelongToTheirPlace: one of another directory, salt or segment does not pass.
func TestEntriesBelongToTheirPlace(t *testing.T) {
	b := encodeVote(t, someVotes[1])
	for what, from := range map[string]seed{
		"disk": seedOf(paxos.UUID{9}, someSalt, 7), "salt": seedOf(someDisk, paxos.UUID{9}, 7), "segment": seedOf(someDisk, someSalt, 8),
	} {
		if _, err := decodeBallot(b, from); err == nil {
			t.Errorf("a vote of another %s passed", what)
		}
	}
}

// TestOldVoteEntry is format 2 to the byte.
func TestOldVoteEntry(t *testing.T) {
	v := paxos.Vote{Slot: 2, Ballot: paxos.Ballot{Round: 300, Proposer: "p1", Incarnation: 0x0102030405060708},
		Value: paxos.Value{Kind: paxos.Batch, Stamp: -3, Answerer: "l1", Body: []byte("xy")}}
	want := []byte("v\x26\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x02\x01\xac\x02\x08\x07\x06\x05\x04\x03\x02\x01\x02p1\x05\x02l1\x02")
	from := slices.Concat(someDisk[:], someSalt[:], []byte{7, 0, 0, 0, 0, 0, 0, 0})
	sum := crc32.Checksum(append(from, want...), castagnoli)
	want = append(binary.LittleEndian.AppendUint32(want, sum), "xy"...)
	want = binary.LittleEndian.AppendUint32(want, crc32.Update(sum, castagnoli, []byte("xy")))
	if got := encodeVote(t, v); !bytes.Equal(got, want) {
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
	s := state{appends: 9, boot: 3}
	s.Promised = paxos.Ballot{Round: 8, Proposer: "p2", Incarnation: 1}
	s.Marks = paxos.Marks{ChosenBelow: 7, TrimBelow: 5, MaxVoted: 12, MaxStamp: -1}
	s.Genesis, s.Sealed = &paxos.Genesis{}, true
	return s
}

func TestStateEntry(t *testing.T) {
	for _, s := range []state{{}, someState()} {
		b, err := appendState(nil, someSeed, 7, s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeState(b, someSeed, 7)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%+v, error %v; want %+v", got, err, s)
		}
		if _, err := decodeState(b, someSeed, 8); err == nil {
			t.Error("a state of another segment passed")
		}
	}
}

func TestGenesisEntry(t *testing.T) {
	for _, g := range []*paxos.Genesis{{}, someGenesis()} {
		f := founding{g, paxos.Configurations{&g.First, {Number: g.First.Number + 1, From: 9, Copies: 3}}}
		b, err := appendGenesis(nil, someSeed, f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeGenesis(b, someSeed)
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("%+v, error %v; want %+v", got, err, f)
		}
	}
}

// decoders read an entry of each kind.
var decoders = map[string]func(b []byte) error{
	"vote":    func(b []byte) error { _, err := decodeVote(b, someSeed); return err },
	"state":   func(b []byte) error { _, err := decodeState(b, someSeed, 7); return err },
	"genesis": func(b []byte) error { _, err := decodeGenesis(b, someSeed); return err },
}

// TestADamagedEntryIsRefused: with any bit of it flipped, cut short, of another kind, and where
// a flag is set that nobody knows, whatever its checksum.
func TestADamagedEntryIsRefused(t *testing.T) {
	state, err := appendState(nil, someSeed, 7, someState())
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := appendGenesis(nil, someSeed, founding{someGenesis(), paxos.Configurations{&someGenesis().First}})
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string][]byte{"vote": encodeVote(t, someVotes[2]), "state": state, "genesis": genesis}
	for name, entry := range entries {
		if err := decoders[name](entry); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range 8 * len(entry) {
			b := bytes.Clone(entry)
			b[i/8] ^= 1 << (i % 8)
			if decoders[name](b) == nil {
				t.Errorf("%s: read with bit %d of byte %d flipped", name, i%8, i/8)
			}
		}
		for i := range entry {
			if decoders[name](entry[:i]) == nil {
				t.Errorf("%s: read with %d of %d bytes", name, i, len(entry))
			}
		}
		for other, decode := range decoders {
			if other != name && decode(entry) == nil {
				t.Errorf("a %s is read as a %s", name, other)
			}
		}
	}
	flags := bytes.Clone(state)
	flags[len(flags)-5] |= 0x80
	if decoders["state"](sealed(flags)) == nil {
		t.Error("a state with an unknown flag is read")
	}
}

// sealed is an entry with the checksum that a decoder wants, so that fuzzing gets past it.
func sealed(entry []byte) []byte {
	b := bytes.Clone(entry)
	if end := len(b) - 4; end >= 0 {
		binary.LittleEndian.PutUint32(b[end:], someSeed.seal(b[:end]))
	}
	return b
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

func FuzzVote(f *testing.F) {
	for _, v := range someVotes {
		b := encodeVote(f, v)
		for end := range min(len(b), 100) { // lengths that go beyond the end, too
			f.Add(b[:end])
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, sealed(b)} {
			v, err := decodeVote(b, someSeed)
			if err != nil {
				continue
			}
			again, err := decodeVote(encodeVote(t, v), someSeed)
			if err != nil || again.Ballot != v.Ballot || !again.Value.Equal(v.Value) {
				t.Errorf("%+v became %+v, error %v", v, again, err)
			}
			if got, err := decodeBallot(b, someSeed); err != nil || got.Ballot != v.Ballot || got.Slot != v.Slot {
				t.Errorf("%+v is read as %+v, error %v", v, got, err)
			}
		}
	})
}

func FuzzState(f *testing.F) {
	for _, s := range []state{{}, someState()} {
		b, err := appendState(nil, someSeed, 7, s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, sealed(b)} {
			s, err := decodeState(b, someSeed, 7)
			if err != nil {
				continue
			}
			encoded, err := appendState(nil, someSeed, 7, s)
			if err != nil {
				t.Fatal(err)
			}
			again, err := decodeState(encoded, someSeed, 7)
			if err != nil || !reflect.DeepEqual(again, s) {
				t.Errorf("%+v became %+v, error %v", s, again, err)
			}
		}
	})
}

func FuzzGenesis(f *testing.F) {
	for _, g := range []*paxos.Genesis{{}, someGenesis()} {
		b, err := appendGenesis(nil, someSeed, founding{g, paxos.Configurations{&g.First}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, sealed(b)} {
			g, err := decodeGenesis(b, someSeed)
			if err != nil {
				continue
			}
			encoded, err := appendGenesis(nil, someSeed, g)
			if err != nil {
				t.Fatal(err)
			}
			again, err := decodeGenesis(encoded, someSeed)
			if err != nil || !reflect.DeepEqual(again, g) {
				t.Errorf("%+v became %+v, error %v", g, again, err)
			}
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add(encodeIdentity(Info{Format: 2, Role: paxos.AcceptorRole, ID: "a1", Disk: someDisk, Boot: 3}))
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

var somePage = page{turn: 3, boot: 2, appends: 9, first: 4, base: 5}

// TestCoverPages: a page is read, and none of another length, version or disk.
func TestCoverPages(t *testing.T) {
	b := encodePage(someDisk, someSalt, somePage)
	if salt, got, ok := decodePage(someDisk, b); !ok || got != somePage || salt != someSalt {
		t.Errorf("a page is read as %+v, %s, %t", got, salt, ok)
	}
	if _, _, ok := decodePage(paxos.UUID{9}, b); ok {
		t.Error("another disk's page passes")
	}
	if _, _, ok := decodePage(someDisk, b[:coverPage-1]); ok {
		t.Error("a short page passes")
	}
	b[0]++
	binary.LittleEndian.PutUint32(b[coverPage-4:], crc32.Checksum(b[:coverPage-4], castagnoli))
	if _, _, ok := decodePage(someDisk, b); ok {
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

// TestTheCoverIsNotWrittenAfterAFailure of any change, and its own failure is one.
func TestTheCoverIsNotWrittenAfterAFailure(t *testing.T) {
	f := &lostFile{}
	a := &Acceptor{halt: newHalt(slog.New(slog.DiscardHandler), make(chan error, 1)), cover: &cover{file: f, disk: someDisk, watch: unwatched, page: page{turn: 1}}}
	first := a.coverNow()
	if first == nil || !errors.Is(a.halt.Cause(), first) || !a.halt.IsStuck() || f.writes != 1 {
		t.Errorf("a lost page: error %v, cause %v, %d writes", first, a.halt.Cause(), f.writes)
	}
	a.cover.failed = nil
	if again := a.coverNow(); !errors.Is(again, first) || f.writes != 1 {
		t.Errorf("written after a failure: %v, %d writes", again, f.writes)
	}
}

// TestGenesisWithADamagedConfiguration: what cannot be read is not taken for a
// configuration, whatever its checksum.
func TestGenesisWithADamagedConfiguration(t *testing.T) {
	g := someGenesis()
	b, err := appendGenesis(nil, someSeed, founding{g, paxos.Configurations{&g.First}})
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, paxos.AppendConfiguration(nil, &g.First))
	if at < 0 {
		t.Fatal("the configuration is not in the entry")
	}
	b[at] = 99 // its format
	if got, err := decodeGenesis(sealed(b), someSeed); err == nil {
		t.Errorf("read as %+v", got)
	}
}

func FuzzCoverPage(f *testing.F) {
	f.Add(encodePage(someDisk, someSalt, somePage))
	f.Fuzz(func(t *testing.T, b []byte) {
		full := append(bytes.Clone(b), make([]byte, coverPage)...)[:coverPage]
		binary.LittleEndian.PutUint32(full[coverPage-4:], crc32.Checksum(full[:coverPage-4], castagnoli))
		for _, b := range [][]byte{b, full} {
			salt, p, ok := decodePage(someDisk, b)
			if !ok {
				continue
			}
			if saltAgain, again, ok := decodePage(someDisk, encodePage(someDisk, salt, p)); !ok || again != p || saltAgain != salt {
				t.Errorf("%+v became %+v", p, again)
			}
		}
	})
}
