package bus

import (
	stdbytes "bytes"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/synod-paxos/synod/paxos"
)

// plainMessages are written and read by hand.
var plainMessages = []string{"Accept", "Accepted", "ReadQuery", "ReadReport"}

// TestPlainIsProtobuf: what is written by hand is what protobuf writes, and what is read
// by hand is what protobuf reads.
func TestPlainIsProtobuf(t *testing.T) {
	for _, name := range plainMessages {
		head := &plainHead{}
		for seed := range uint64(2000) {
			m := newMaker(seed)
			e := m.envelope(makers[name](m))
			want, err := proto.Marshal(encodeEnvelope(&e))
			if err != nil {
				t.Fatal(err)
			}
			have, ok := appendPlain([]byte("before"), &e)
			if !ok || string(have) != "before"+string(want) {
				t.Fatalf("seed %d: %+v is written as\n%x, want\n%x", seed, e, have[6:], want)
			}
			for _, time := range []string{"first", "second"} { // the second begins as the first did
				read, ok := readPlain(want, head)
				if !ok || !reflect.DeepEqual(read, e) {
					t.Fatalf("seed %d: %+v is read the %s time as %+v, %t", seed, e, time, read, ok)
				}
			}
		}
	}
	for name, make := range makers {
		m := newMaker(1)
		e := m.envelope(make(m))
		if _, ok := appendPlain(nil, &e); ok != slices.Contains(plainMessages, name) {
			t.Errorf("%s is written by hand: %t", name, ok)
		}
	}
}

// FuzzPlain: what is read by hand protobuf reads too, and finds the same in it, whatever
// was read before.
func FuzzPlain(f *testing.F) {
	before, err := Encode(benchAccept())
	if err != nil {
		f.Fatal(err)
	}
	for seed := range uint64(20) {
		for _, name := range append([]string{"Nack"}, plainMessages...) {
			m := newMaker(seed)
			data, err := Encode(m.envelope(makers[name](m)))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add(before)
	f.Fuzz(func(t *testing.T, data []byte) {
		head := &plainHead{}
		_, ok := readPlain(data, head)
		again, okAgain := readPlain(data, head)
		if _, there := readPlain(before, head); !there {
			t.Fatalf("after %x a sound message is not read", data)
		}
		have, okThen := readPlain(data, head)
		if okAgain != ok || okThen != ok {
			t.Fatalf("%x is read: %t, then %t, and after another message %t", data, ok, okAgain, okThen)
		}
		if !ok {
			return
		}
		want, err := decodeProtobuf(data)
		if err != nil || !reflect.DeepEqual(have, want) || !reflect.DeepEqual(again, want) {
			t.Fatalf("have %+v and %+v of %x; protobuf has %+v, %v", have, again, data, want, err)
		}
	})
}

// TestPlainLeavesTheRestToProtobuf: bytes of which protobuf makes something else than
// their plain reading, or nothing.
func TestPlainLeavesTheRestToProtobuf(t *testing.T) {
	data, err := Encode(benchAccept())
	if err != nil {
		t.Fatal(err)
	}
	votes, err := Encode(benchAccepted())
	if err != nil {
		t.Fatal(err)
	}
	for name, spoilt := range map[string][]byte{
		"nothing":             {},
		"cut":                 data[:len(data)-1],
		"an unknown field":    protowire.AppendVarint(protowire.AppendTag(stdbytes.Clone(data), 100, protowire.VarintType), 1),
		"a field again":       protowire.AppendVarint(protowire.AppendTag(stdbytes.Clone(data), envelopeConfig, protowire.VarintType), 7),
		"two bodies":          append(stdbytes.Clone(data), votes...),
		"another version":     append([]byte{0x08, 2}, data[2:]...),
		"a body after itself": protowire.AppendBytes(protowire.AppendTag(stdbytes.Clone(data), envelopeAccept, protowire.BytesType), nil),
	} {
		head := &plainHead{}
		if _, ok := readPlain(data, head); !ok {
			t.Fatal("the message itself is not read")
		}
		for _, h := range []*plainHead{{}, head} {
			if e, ok := readPlain(spoilt, h); ok {
				t.Errorf("%s: read as %+v", name, e)
			}
		}
	}
}

// TestOwnedBytesAreNotCopied: a value is as large as a message may be, and is on its way
// to every acceptor and learner.
func TestOwnedBytesAreNotCopied(t *testing.T) {
	data, err := Encode(benchAccept())
	if err != nil {
		t.Fatal(err)
	}
	e, err := decodeOwned(data, &plainHead{})
	if err != nil {
		t.Fatal(err)
	}
	body := e.Msg.(paxos.Accept).Value.Body
	at := stdbytes.Index(data, body)
	if at < 0 || &body[0] != &data[at] {
		t.Error("the value is a copy")
	}
}
