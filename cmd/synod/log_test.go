package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// TestEntries of the log, as a person and a program read them. What a client wrote
// neither moves a terminal's cursor nor looks like another entry.
func TestEntries(t *testing.T) {
	for data, want := range map[string]string{
		"hello":              "hello",
		"":                   "",
		"ключ \t 鍵":          "ключ \t 鍵",
		"two\nlines\n":       `"two\nlines\n"`,
		"\x1b[2Jgone":        `"\x1b[2Jgone"`,
		"right\u202eto left": `"right\u202eto left"`,
		"no \xff text":       `"no \xff text"`,
	} {
		m := nats.NewMsg("inbox")
		m.Data = []byte(data)
		for name, value := range map[string]string{
			"Nats-Stream": "LEDGER", "Nats-Subject": "propose", "Nats-Sequence": "17", "Nats-Time-Stamp": "now", nats.MsgIdHdr: "id-17",
			bus.SlotHeader: "99", bus.GenerationHeader: "1", "Own": "kept",
		} {
			m.Header.Set(name, value)
		}
		e, err := parseEntry(m)
		if err != nil {
			t.Fatal(err)
		}
		if e.Seq != 17 || e.ID != "id-17" || len(e.Header) != 1 || e.Header["Own"] != "kept" {
			t.Errorf("%q is read as %+v", data, e)
		}
		var b strings.Builder
		if err := printText(&b, e); err != nil || b.String() != "17\tnow\t"+want+"\n" {
			t.Errorf("%q is printed as %q, %v", data, b.String(), err)
		}
	}
}

// TestEntryThatPretends: headers that a client wrote neither end the log nor place its
// message elsewhere in it.
func TestEntryThatPretends(t *testing.T) {
	m := nats.NewMsg("inbox")
	m.Data = []byte("hello")
	m.Header = nats.Header{
		"Status": {"503"}, "Nats-Sequence": {"900", "17"}, "Nats-Time-Stamp": {"never", "now"},
		"Nats-Last-Sequence": {"899", "16"}, "Nats-Num-Pending": {"0", "3"},
	}
	r := &logReader{next: 17}
	var have *entry
	more, end, err := r.take(m, func(e *entry) error { have = e; return nil })
	if err != nil || !more || end || r.next != 18 || have == nil || have.Seq != 17 || have.Time != "now" || have.Header["Status"] != "503" {
		t.Errorf("taken as %+v, next %d, more %v, end %v, %v", have, r.next, more, end, err)
	}
}
