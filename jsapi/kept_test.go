package jsapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/synod-paxos/synod/streams"
)

// TestKeptIsBounded: what was not used for long goes, what is used stays, and what is
// too large is not kept at all.
func TestKeptIsBounded(t *testing.T) {
	var k kept
	value := make([]byte, keptBytesOne/2)
	held := func() (n int) {
		for _, answers := range []map[keptName]*keptAnswer{k.young, k.old} {
			for name, a := range answers {
				n += len(name.stream) + len(name.subject) + len(a.header) + len(a.data)
			}
		}
		return n
	}
	k.put(keptName{subject: "used"}, &keptAnswer{data: value})
	k.put(keptName{subject: "unused"}, &keptAnswer{data: value})
	for i := range 4 * keptBytes / len(value) {
		k.put(keptName{subject: fmt.Sprint("key ", i)}, &keptAnswer{data: value})
		if k.get(keptName{subject: "used"}) == nil {
			t.Fatalf("after %d others, what is used all the time is gone", i+1)
		}
		if n := held(); n > 2*keptBytes {
			t.Fatalf("after %d others, %d bytes are kept, want at most %d", i+1, n, 2*keptBytes)
		}
	}
	if k.get(keptName{subject: "unused"}) != nil {
		t.Error("what was never used again is still there")
	}
	k.put(keptName{subject: "large"}, &keptAnswer{data: make([]byte, keptBytesOne)})
	if k.get(keptName{subject: "large"}) != nil {
		t.Error("what is too large was kept")
	}
}

// TestMessageHeader: an answer has the message's own fields, and those that say which
// message it is only once, whatever was stored in them.
func TestMessageHeader(t *testing.T) {
	for stored, want := range map[string]string{
		"":                              "NATS/1.0\r\n",
		"NATS/1.0\r\nA: b\r\n\r\n":      "NATS/1.0\r\nA: b\r\n",
		"NATS/1.0 503 X\r\nA:b\r\n\r\n": "NATS/1.0 503 X\r\nA:b\r\n",
		"NATS/1.0\r\nNats-Sequence: 99\r\nA: b\r\nSynod-Slot: 1\r\nNats-Stream:x\r\nSynod-Generation: 7\r\n\r\n": "NATS/1.0\r\nA: b\r\n",
	} {
		m := &streams.StoredMessage{Stream: "S", Subject: "s.a", Seq: 5, Header: []byte(stored)}
		want += "Nats-Stream: S\r\nNats-Subject: s.a\r\nNats-Sequence: 5\r\nNats-Time-Stamp: " + m.Time.UTC().Format("2006-01-02T15:04:05.999999999Z07:00") + "\r\n"
		if got := string(appendMessageHeader(nil, m)); got != want {
			t.Errorf("of %q came\n%s\nwant\n%s", stored, strings.ReplaceAll(got, "\r", "\\r"), strings.ReplaceAll(want, "\r", "\\r"))
		}
	}
}
