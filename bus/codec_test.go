package bus

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/synod-paxos/synod/bus/paxospb"
	"github.com/synod-paxos/synod/paxos"
)

// messageTypes are the types that implement paxos.Message, read from its source.
func messageTypes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../paxos/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if m, ok := d.(*ast.FuncDecl); ok && m.Recv != nil && m.Name.Name == "message" {
				names = append(names, m.Recv.List[0].Type.(*ast.Ident).Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func TestEveryMessageTypeIsTested(t *testing.T) {
	if want, have := messageTypes(t), slices.Sorted(maps.Keys(makers)); !slices.Equal(want, have) {
		t.Errorf("package paxos has the messages %q, the tests make %q", want, have)
	}
	for name, make := range makers {
		if m := make(newMaker(1)); fmt.Sprintf("%T", m) != "paxos."+name {
			t.Errorf("the maker of %s makes a %T", name, m)
		}
	}
}

func TestEveryMessageSurvivesTheWire(t *testing.T) {
	s := Subjects{Cluster: "main"}
	for name, make := range makers {
		for seed := range uint64(200) {
			m := newMaker(seed)
			want := m.envelope(make(m))
			data, err := Encode(want)
			if err != nil {
				t.Fatalf("seed %d: encode %s: %v", seed, name, err)
			}
			have, err := Decode(data)
			if err != nil {
				t.Fatalf("seed %d: decode %s: %v", seed, name, err)
			}
			if !reflect.DeepEqual(have, want) {
				t.Fatalf("seed %d: %s: have %+v, want %+v", seed, name, have, want)
			}
			if _, err := s.Subject(want); err != nil {
				t.Fatalf("seed %d: %s: %v", seed, name, err)
			}
		}
	}
}

// TestDecodedMessagesShareNothing: NATS may use its buffers again.
func TestDecodedMessagesShareNothing(t *testing.T) {
	want := benchAccept()
	data, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	have, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] = 0xff
	}
	if !reflect.DeepEqual(have, want) {
		t.Error("the message changed with the bytes it was read from")
	}
}

func TestAppendEncodeAppends(t *testing.T) {
	plain, err := Encode(benchAccepted())
	if err != nil {
		t.Fatal(err)
	}
	have, err := AppendEncode([]byte("before"), benchAccepted())
	if err != nil || string(have) != "before"+string(plain) {
		t.Errorf("have %q, %v", have, err)
	}
	bad := benchAccepted()
	bad.From.ID = ""
	if have, err := AppendEncode([]byte("before"), bad); string(have) != "before" || !errors.Is(err, ErrWire) {
		t.Errorf("have %q, %v, want the buffer as it was and an error", have, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	sample := func(name string) *pb.Envelope {
		m := newMaker(7)
		e := m.envelope(makers[name](m))
		return encodeEnvelope(&e)
	}
	long := strings.Repeat("a", paxos.MaxNodeID+1)
	for _, c := range []struct {
		name, message string
		spoil         func(*pb.Envelope)
		want          string
	}{
		{"a newer version", "Fill", func(e *pb.Envelope) { e.Version = 2 }, "unknown wire version 2, this build reads 1"},
		{"no version", "Fill", func(e *pb.Envelope) { e.Version = 0 }, "unknown wire version 0"},
		{"no body", "Fill", func(e *pb.Envelope) { e.Body = nil }, "no body"},
		{"no sender", "Fill", func(e *pb.Envelope) { e.From = nil }, "unknown role"},
		{"a role of tomorrow", "Fill", func(e *pb.Envelope) { e.From.Role = 5 }, "unknown role 5"},
		{"a role beyond a byte", "Fill", func(e *pb.Envelope) { e.From.Role = 257 }, "unknown role 257"},
		{"a sender without id", "Fill", func(e *pb.Envelope) { e.From.Id = "" }, `sender id ""`},
		{"a sender id with a dot", "Fill", func(e *pb.Envelope) { e.From.Id = "a.b" }, `sender id "a.b"`},
		{"a long sender id", "Fill", func(e *pb.Envelope) { e.From.Id = long }, "sender id"},
		{"a receiver id with a star", "Fill", func(e *pb.Envelope) { e.To = "*" }, `receiver id "*"`},
		{"a short cluster UUID", "Fill", func(e *pb.Envelope) { e.Cluster = []byte("short") }, "cluster UUID of 5 bytes"},
		{"a long disk UUID", "Fill", func(e *pb.Envelope) { e.From.Disk = make([]byte, 17) }, "disk UUID of 17 bytes"},
		{"a promise to nobody", "Fill", func(e *pb.Envelope) { e.From.Promised = &pb.Ballot{Round: 1} }, "sender's promise"},
		{"a Prepare without ballot", "Prepare", func(e *pb.Envelope) { e.GetPrepare().Ballot = nil }, "ballot of proposer"},
		{"a Nack without promise", "Nack", func(e *pb.Envelope) { e.GetNack().Promised = nil }, "promised ballot of proposer"},
		{"an Accept without value", "Accept", func(e *pb.Envelope) { e.GetAccept().Value = nil }, "no value"},
		{"an Accept without slot", "Accept", func(e *pb.Envelope) { e.GetAccept().Slot = 0 }, "slot 0"},
		{"a value of tomorrow", "Accept", func(e *pb.Envelope) { e.GetAccept().Value.Kind = 3 }, "unknown kind 3"},
		{"a value of kind 256", "Accept", func(e *pb.Envelope) { e.GetAccept().Value.Kind = 256 }, "unknown kind 256"},
		{"an answerer that is none", "Accept", func(e *pb.Envelope) { e.GetAccept().Value.Answerer = "L1" }, `answerer "L1"`},
		{"slots out of order", "Accepted", func(e *pb.Envelope) { e.GetAccepted().Slots = []uint64{1, 3, 2} }, "slot 2 after slot 3"},
		{"a slot twice", "Accepted", func(e *pb.Envelope) { e.GetAccepted().Slots = []uint64{3, 3} }, "slot 3 after slot 3"},
		{"slot 0", "Accepted", func(e *pb.Envelope) { e.GetAccepted().Slots = []uint64{0, 1} }, "slot 0 after slot 0"},
		{"votes out of order", "Votes", setVotes(false, 2, 1), "vote in slot 1 after slot 2"},
		{"a vote outside of its page", "Promise", setVotes(false, 1, 9), "vote in slot 9"},
		{"a vote without value", "Promise", func(e *pb.Envelope) {
			setVotes(false, 1)(e)
			e.GetPromise().Page.Votes[0].Value = nil
		}, "vote without"},
		{"a vote without ballot", "Votes", func(e *pb.Envelope) {
			setVotes(true, 1)(e)
			e.GetVotes().Page.Votes[0] = &pb.Vote{Slot: 1}
		}, "vote without ballot"},
		{"a value on a page of ballots", "Promise", setVotes(true, 1), "with a value on a page of ballots"},
		{"a StoreGenesis of nothing", "StoreGenesis", func(e *pb.Envelope) { e.GetStoreGenesis().Genesis = nil }, "no genesis"},
		{"a genesis of nobody", "StoreGenesis", func(e *pb.Envelope) { e.GetStoreGenesis().Genesis.First = nil }, "without a configuration"},
		{"quorums of tomorrow", "StoreGenesis", func(e *pb.Envelope) { e.GetStoreGenesis().Genesis.First.Quorums.Kind = 3 }, "unknown quorum kind 3"},
		{"copies without bound", "StoreGenesis", func(e *pb.Envelope) { e.GetStoreGenesis().Genesis.First.Copies = 1 << 31 }, "count of 2147483648"},
		{"a member that is none", "StoreGenesis", func(e *pb.Envelope) {
			e.GetStoreGenesis().Genesis.First.Acceptors = []*pb.Member{{Id: "a b"}}
		}, `acceptor id "a b"`},
		{"a short digest", "Digest", func(e *pb.Envelope) { e.GetDigest().Sum = []byte{1} }, "digest of 1 bytes"},
		{"a short cluster to seal", "Seal", func(e *pb.Envelope) { e.GetSeal().Cluster = []byte{1} }, "cluster UUID of 1 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := sample(c.message)
			c.spoil(in)
			data, err := proto.Marshal(in)
			if err != nil {
				t.Fatal(err)
			}
			have, err := Decode(data)
			if !errors.Is(err, ErrWire) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("have %+v, %v, want an error that says %q", have, err, c.want)
			}
			if version := errors.Is(err, ErrWireVersion); version != strings.Contains(c.want, "version") {
				t.Errorf("%v matches ErrWireVersion: %t", err, version)
			}
		})
	}
}

// setVotes puts votes in these slots on a page [1, 9).
func setVotes(ballotsOnly bool, slots ...uint64) func(*pb.Envelope) {
	page := &pb.Page{From: 1, To: 9, BallotsOnly: ballotsOnly}
	for _, s := range slots {
		page.Votes = append(page.Votes, &pb.Vote{Slot: s, Ballot: &pb.Ballot{Proposer: "p1"}, Value: &pb.Value{}})
	}
	return func(e *pb.Envelope) {
		switch b := e.Body.(type) {
		case *pb.Envelope_Promise:
			b.Promise.Page = page
		case *pb.Envelope_Votes:
			b.Votes.Page = page
		}
	}
}

func TestDecodeRefusesBytesThatAreNoMessage(t *testing.T) {
	deep := []byte{}
	for range 1000 { // an unknown group in a group in a group
		deep = append(deep, 0xa3, 0x06)
	}
	for _, data := range [][]byte{nil, {0}, []byte("hello"), {0x52, 0xff, 0xff, 0xff, 0xff, 0x0f}, deep} {
		if have, err := Decode(data); !errors.Is(err, ErrWire) {
			t.Errorf("have %+v, %v of %.20q, want an error", have, err, data)
		}
	}
}

// TestFieldsOfTomorrowAreSkipped: a newer build may add what an older may ignore.
func TestFieldsOfTomorrowAreSkipped(t *testing.T) {
	want := benchAccepted()
	data, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, 0xa2, 0x06, 3, 'n', 'e', 'w') // field 100
	have, err := Decode(data)
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("have %+v, %v, want %+v", have, err, want)
	}
}

func TestEncodeRefusesWhatNobodyMaySend(t *testing.T) {
	good := paxos.Envelope{From: paxos.Sender{Role: paxos.LearnerRole, ID: "l1"}, Msg: paxos.Fill{}}
	for name, spoil := range map[string]func(*paxos.Envelope){
		"no message": func(e *paxos.Envelope) { e.Msg = nil },
		"no role":    func(e *paxos.Envelope) { e.From.Role = 0 },
		"a bad id":   func(e *paxos.Envelope) { e.From.ID = "L1" },
		"a pointer":  func(e *paxos.Envelope) { e.Msg = &paxos.Fill{} },
		"a negative count": func(e *paxos.Envelope) {
			e.Msg = paxos.Hello{Genesis: &paxos.Genesis{First: paxos.Configuration{Copies: -1}}}
		},
	} {
		e := good
		spoil(&e)
		if data, err := Encode(e); !errors.Is(err, ErrWire) {
			t.Errorf("%s: have %x, %v, want an error", name, data, err)
		}
	}
	if _, err := Encode(good); err != nil {
		t.Error(err)
	}
}

// TestAnErrorTextThatIsNoTextStillTravels: an operator waits for it.
func TestAnErrorTextThatIsNoTextStillTravels(t *testing.T) {
	e := paxos.Envelope{From: paxos.Sender{Role: paxos.AcceptorRole, ID: "a1"}, Msg: paxos.GenesisReport{Refused: "file \xff"}}
	data, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	have, err := Decode(data)
	if want := (paxos.GenesisReport{Refused: "file ?"}); err != nil || have.Msg != want {
		t.Errorf("have %+v, %v", have.Msg, err)
	}
}
