package command

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"
)

var commands = []Command{
	{Op: OpenSession{Nonce: [16]byte{1, 15: 2}, TTL: time.Minute}},
	{Session: Session{ID: 7}, Op: KeepAlive{}},
	{Session: Session{ID: 1 << 40}, Op: CloseSession{}},
	{Session: Session{ID: 7, Number: 3, Awaited: 2}, Op: Transaction{}},
	{Op: Transaction{
		If: []Condition{
			{Kind: RevisionIs, Subject: "a", Number: 5},
			{Kind: ValueIs, Subject: "b", Value: []byte("v")},
			{Kind: LeaseIs, Subject: "lock", Number: 1 << 63},
		},
		Then: []Action{{Kind: Put, Subject: "a", Header: []byte("h"), Data: []byte("d")}, {Kind: Get, Subject: "b"}},
		Else: []Action{{Kind: Delete, Subject: "a"}, {Kind: Purge, Subject: "b"}},
	}},
	{Session: Session{ID: 7, Number: 4, Awaited: 4}, Op: Publish{Subject: "propose", Data: []byte("x")}},
	{Op: Acquire{Name: "l", Owner: []byte("me"), TTL: time.Second}},
	{Op: Renew{Name: "l", Token: 9, TTL: time.Second}},
	{Op: Release{Name: "l", Token: 9}},
	{Op: Inspect{Name: "l"}},
	{Op: Lookup{ID: "id", Since: -5}},
	{Op: Bundle{Messages: []Message{{Subject: "propose"}, {Subject: "propose", Header: []byte("h"), Data: []byte("d"), Since: 1 << 62}}}},
}

var outcomes = []Outcome{
	{LogTime: 1, Value: SessionOpened{ID: 7, Expires: 99}},
	{LogTime: -1, Value: Renewed{Expires: 99}},
	{Value: Closed{}},
	{Value: TransactionDone{Held: true, Results: []Result{{Revision: 5}, {Revision: 6, Found: true, Time: 3, Header: []byte("h"), Data: []byte("d")}, {Revision: 9, Found: true, Omitted: true}}}},
	{Value: Published{Seq: 5, Duplicate: true}},
	{Value: Lease{Done: true, Token: 8, Expires: 7, Owner: []byte("me")}},
	{Value: Looked{State: Done, Seq: 5}},
	{LogTime: 3, Value: Bundled{Replies: [][]byte{[]byte("{}"), []byte("x")}}},
}

func TestCommandsSurviveEncoding(t *testing.T) {
	for _, c := range commands {
		got, err := Decode(c.Encode())
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v came back as %+v, %v", c, got, err)
		}
	}
}

func TestOutcomesSurviveEncoding(t *testing.T) {
	for _, o := range outcomes {
		got, err := DecodeOutcome(o.Encode())
		if err != nil || !reflect.DeepEqual(got, o) {
			t.Errorf("%+v came back as %+v, %v", o, got, err)
		}
	}
}

// TestShortenedIsMalformed cuts every command and outcome at every byte, and adds
// one.
func TestShortenedIsMalformed(t *testing.T) {
	for _, c := range commands {
		b := c.Encode()
		for n := range b {
			if _, err := Decode(b[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%+v cut at %d of %d bytes: error %v", c, n, len(b), err)
			}
		}
		if _, err := Decode(append(b, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%+v with a byte more: error %v", c, err)
		}
	}
	for _, o := range outcomes {
		b := o.Encode()
		for n := range b {
			if _, err := DecodeOutcome(b[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%+v cut at %d of %d bytes: error %v", o, n, len(b), err)
			}
		}
	}
}

// TestEncodingStaysTheSame holds the bytes of version 1.
func TestEncodingStaysTheSame(t *testing.T) {
	c := Command{Session: Session{ID: 300, Number: 2, Awaited: 1}, Op: Transaction{
		If:   []Condition{{Kind: RevisionIs, Subject: "k", Number: 5}},
		Then: []Action{{Kind: Put, Subject: "k", Data: []byte("v")}},
	}}
	want := []byte{1, 4, 0xac, 2, 2, 1, 1, 1, 1, 'k', 5, 0, 1, 1, 1, 'k', 0, 1, 'v', 0}
	if got := c.Encode(); !bytes.Equal(got, want) {
		t.Errorf("encoded as %v, want %v", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range commands {
		f.Add(c.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Decode(c.Encode())
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v came back as %+v, %v", c, again, err)
		}
	})
}

func FuzzDecodeOutcome(f *testing.F) {
	for _, o := range outcomes {
		f.Add(o.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := DecodeOutcome(data)
		if err != nil {
			return
		}
		again, err := DecodeOutcome(o.Encode())
		if err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%+v came back as %+v, %v", o, again, err)
		}
	})
}
