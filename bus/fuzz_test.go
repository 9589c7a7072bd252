package bus

import (
	"reflect"
	"runtime"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/synod-paxos/synod/bus/paxospb"
)

// FuzzDecode: whatever decodes can be sent on, and means the same again.
func FuzzDecode(f *testing.F) {
	for name, make := range makers {
		m := newMaker(uint64(len(name)))
		data, err := Encode(m.envelope(make(m)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	s := Subjects{Cluster: "main"}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(e)
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", e, err)
		}
		have, err := Decode(again)
		if err != nil || !reflect.DeepEqual(have, e) {
			t.Fatalf("have %+v, %v, want %+v", have, err, e)
		}
		if subject, err := s.Subject(e); err == nil && ownBallot(e.Msg).IsZero() {
			if err := s.CheckSender(subject, e); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzHeader: the headers of any message reach the log and come back.
func FuzzHeader(f *testing.F) {
	for _, h := range []string{
		"", "NATS/1.0\r\n\r\n", "NATS/1.0\r\nA: b\r\nA:  c \r\nB:\r\n\r\n",
		"NATS/1.0 503\r\n\r\n", "NATS/1.0\nA: b\n\n", "NATS/1.0\r\nA : b\rc\r\n\r\n",
	} {
		f.Add([]byte(h))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := DecodeHeader(data)
		if err != nil {
			return
		}
		first := EncodeHeader(h)
		h, err = DecodeHeader(first)
		if err != nil {
			t.Fatalf("%q came of headers and is none: %v", first, err)
		}
		if second := EncodeHeader(h); string(second) != string(first) {
			t.Fatalf("%q became %q", first, second)
		}
	})
}

// TestHostileMessagesCostBoundedMemory sends as many of the smallest possible
// parts as fit.
func TestHostileMessagesCostBoundedMemory(t *testing.T) {
	const parts = 32 << 10
	members := &pb.Configuration{}
	page := &pb.Page{BallotsOnly: true}
	empty := &pb.Page{}
	slots := make([]uint64, parts)
	for i := range parts {
		members.Acceptors = append(members.Acceptors, &pb.Member{})
		page.Votes = append(page.Votes, &pb.Vote{Ballot: &pb.Ballot{}})
		empty.Votes = append(empty.Votes, &pb.Vote{})
		slots[i] = uint64(i % 128)
	}
	from := &pb.Sender{Role: pb.Role_ROLE_ACCEPTOR, Id: "a1"}
	for name, e := range map[string]*pb.Envelope{
		"members": {Version: WireVersion, From: from, Body: &pb.Envelope_Hello{Hello: &pb.Hello{Genesis: &pb.Genesis{First: members}}}},
		"votes":   {Version: WireVersion, From: from, Body: &pb.Envelope_Votes{Votes: &pb.Votes{Page: page}}},
		"nothing": {Version: WireVersion, From: from, Body: &pb.Envelope_Votes{Votes: &pb.Votes{Page: empty}}},
		"slots":   {Version: WireVersion, From: from, Body: &pb.Envelope_Accepted{Accepted: &pb.Accepted{Slots: slots}}},
	} {
		data, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Decode(data); err == nil {
			t.Errorf("%s: no error", name)
		}
		runtime.ReadMemStats(&after)
		if times := (after.TotalAlloc - before.TotalAlloc) / uint64(len(data)); times > 128 {
			t.Errorf("%s: %d bytes allocated for each byte received, want at most 128", name, times)
		} else {
			t.Logf("%s: %d bytes for each byte received", name, times)
		}
	}
}
