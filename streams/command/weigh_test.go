package command

import (
	"strings"
	"testing"
)

func TestWeigh(t *testing.T) {
	long, short := []byte(strings.Repeat("h", 300)), []byte("h")
	for name, test := range map[string]struct {
		op   Op
		want Weight
	}{
		"publish": {Publish{Subject: "s", Header: long, Data: short}, Weight{Header: 300}},
		"bundle":  {Bundle{Messages: []Message{{Header: short, Since: -5}, {Subject: "s", Header: long, Data: long}, {Data: short}}}, Weight{Header: 300}},
		"transaction": {Transaction{
			If:   []Condition{{Kind: ValueIs, Subject: "s", Number: 1 << 40, Value: long}, {Kind: Exists}, {Kind: Absent}, {Kind: RevisionIs}, {Kind: LeaseIs}},
			Then: []Action{{Kind: Put, Subject: "s", Header: short, Data: long}},
			Else: []Action{{Kind: Get}, {Kind: Put, Header: long}, {Kind: Delete}, {Kind: Purge}},
		}, Weight{Reads: 4, Header: 300}},
		"others": {Acquire{Name: "n", Owner: long}, Weight{}},
	} {
		data := Command{Session: Session{ID: 1 << 50, Number: 7, Awaited: 3}, Op: test.op}.Encode()
		if have := Weigh(data); have != test.want {
			t.Errorf("%s: %+v, want %+v", name, have, test.want)
		}
		for n := range data { // no cut makes it heavier, or panics
			if have := Weigh(data[:n]); have.Reads > test.want.Reads || have.Header > test.want.Header {
				t.Errorf("%s, cut at %d: %+v", name, n, have)
			}
		}
	}
}
