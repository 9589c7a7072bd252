package paxos

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzDecodeConfiguration: no bytes make it panic, and what it takes is what
// AppendConfiguration writes.
func FuzzDecodeConfiguration(f *testing.F) {
	c := Configuration{Number: 3, From: 1 << 40, Quorums: QuorumSystem{Kind: Grid, Rows: 2}, Copies: 2}
	for _, id := range []NodeID{"a1", "a2", "a3", "a4"} {
		c.Acceptors = append(c.Acceptors, Member{ID: id, Disk: UUID{id[1]}})
	}
	f.Add(AppendConfiguration(nil, &c))
	f.Add(AppendConfiguration(nil, &Configuration{}))
	f.Add([]byte{configurationFormat, 0x80, 0})                                                       // a number that is not in its shortest form
	f.Add([]byte{configurationFormat, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}) // 2^64-1 acceptors
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeConfiguration(b)
		if err != nil {
			if !errors.Is(err, ErrConfiguration) {
				t.Errorf("%v is no ErrConfiguration", err)
			}
			return
		}
		if again := AppendConfiguration(nil, &c); !bytes.Equal(again, b) {
			t.Errorf("%x is written as %x", b, again)
		}
		if len(c.Acceptors) > MaxAcceptors {
			t.Errorf("%d acceptors", len(c.Acceptors))
		}
		_ = c.Check() // judges whatever was decoded, and does not panic
	})
}

// FuzzParseOrder: an order that is read is one that OrderCommand writes.
func FuzzParseOrder(f *testing.F) {
	for _, o := range []Order{Upgrade{Version: 2}, Skip{Slot: 1 << 50, Command: 7}} {
		c := OrderCommand(o, "")
		f.Add(c.Subject, c.Data)
	}
	f.Add(SkipSubject, []byte{0x81, 0, 1})
	f.Add("propose", []byte("x"))
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		o, err := ParseOrder(Command{Subject: subject, Data: data})
		if err != nil || o == nil {
			return
		}
		if c := OrderCommand(o, ""); c.Subject != subject || !bytes.Equal(c.Data, data) {
			t.Errorf("%s %x is %+v, which is written %s %x", subject, data, o, c.Subject, c.Data)
		}
	})
}
