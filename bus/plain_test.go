package bus

import (
	stdbytes "bytes"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/synod-paxos/synod/paxos"
)

// TestPlainIsProtobuf: what is written by hand is what protobuf writes, and what is read
// by hand is what protobuf reads.
func TestPlainIsProtobuf(t *testing.T) {
	for _, name := range []string{"Accept", "Accepted"} {
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
			read, ok := readPlain(want)
			if !ok || !reflect.DeepEqual(read, e) {
				t.Fatalf("seed %d: %+v is read as %+v, %t", seed, e, read, ok)
			}
		}
	}
	for name, make := range makers {
		m := newMaker(1)
		e := m.envelope(make(m))
		if _, ok := appendPlain(nil, &e); ok != (name == "Accept" || name == "Accepted") {
			t.Errorf("%s is written by hand: %t", name, ok)
		}
	}
}

// FuzzPlain: what is read by hand protobuf reads too, and finds the same in it.
func FuzzPlain(f *testing.F) {
	for seed := range uint64(20) {
		for _, name := range []string{"Accept", "Accepted", "Nack"} {
			m := newMaker(seed)
			data, err := Encode(m.envelope(makers[name](m)))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		have, ok := readPlain(data)
		if !ok {
			return
		}
		want, err := decodeProtobuf(data)
		if err != nil || !reflect.DeepEqual(have, want) {
			t.Fatalf("have %+v of %x; protobuf has %+v, %v", have, data, want, err)
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
		if e, ok := readPlain(spoilt); ok {
			t.Errorf("%s: read as %+v", name, e)
		}
	}
	if _, ok := readPlain(data); !ok {
		t.Error("the message itself is not read")
	}
}

// TestOwnedBytesAreNotCopied: a value is as large as a message may be, and is on its way
// to every acceptor and learner.
func TestOwnedBytesAreNotCopied(t *testing.T) {
	data, err := Encode(benchAccept())
	if err != nil {
		t.Fatal(err)
	}
	e, err := decodeOwned(data)
	if err != nil {
		t.Fatal(err)
	}
	body := e.Msg.(paxos.Accept).Value.Body
	at := stdbytes.Index(data, body)
	if at < 0 || &body[0] != &data[at] {
		t.Error("the value is a copy")
	}
}
