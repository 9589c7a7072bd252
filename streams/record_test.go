package streams

import (
	"bytes"
	"testing"
)

// records are the records of a state: each reads bytes, and writes what it read.
var records = map[string]func(b []byte) (again []byte, ok bool){
	"message": func(b []byte) ([]byte, bool) { m, ok := parseMessage(b); return appendMessage(nil, &m), ok },
	"subject": func(b []byte) ([]byte, bool) { s, ok := parseSubjectRecord(b); return appendSubjectRecord(nil, &s), ok },
	"stream":  func(b []byte) ([]byte, bool) { s, ok := parseStreamState(b); return appendStreamState(nil, &s), ok },
	"id":      func(b []byte) ([]byte, bool) { s, ok := parseSeenID(b); return appendSeenID(nil, s), ok },
	"queued":  func(b []byte) ([]byte, bool) { q, ok := parseQueuedID(b); return appendQueuedID(nil, q), ok },
	"group":   func(b []byte) ([]byte, bool) { g, ok := parseIDGroup(nil, b); return appendIDGroup(nil, g), ok },
	"run": func(b []byte) ([]byte, bool) {
		run, ok := parseIDRun([]byte{tableIDRun}, b)
		var again newRun
		for run.ids.next() {
			again.add(run.ids.id)
		}
		return again.append(nil, run.time), ok && !run.ids.bad
	},
	"globals":  func(b []byte) ([]byte, bool) { g, ok := parseGlobals(b); return appendGlobals(nil, g), ok },
	"position": func(b []byte) ([]byte, bool) { d, ok := parsePosition(b); return appendPosition(nil, d), ok },
	"session":  func(b []byte) ([]byte, bool) { s, ok := parseSession(b); return appendSession(nil, &s), ok },
	"lease":    func(b []byte) ([]byte, bool) { l, ok := parseLease(b); return appendLease(nil, &l), ok },
	"config": func(b []byte) ([]byte, bool) {
		_, _, _ = parseConfig(b) // JSON, which has no one form
		return nil, false
	},
	"progress": func(b []byte) ([]byte, bool) { p, ok := parseProgress(b); return appendProgress(nil, &p), ok },
}

// FuzzRecords: no bytes on the disk make a record panic, and what a record reads it
// reads again from what it writes of that.
func FuzzRecords(f *testing.F) {
	sum := Sum{Hi: 1, Lo: 1<<64 - 1}
	for _, b := range [][]byte{
		nil, {0xff}, bytes.Repeat([]byte{0xff}, 40), bytes.Repeat([]byte{0}, 80),
		appendMessage(nil, &message{time: 5, expires: 7, subject: []byte("a.b"), header: []byte("NATS/1.0\r\n\r\n"), data: []byte("x")}),
		appendMessage(nil, &message{expires: never}),
		appendSubjectRecord(nil, &subjectRecord{count: 2, first: 3, last: 1 << 60, tail: tail{sum: sum, size: 9, expires: -1}}),
		appendStreamState(nil, &streamState{msgs: 1, first: 1, last: 1, lastTime: -1, lastID: []byte("id"), messageSum: sum}),
		appendSeenID(nil, seenID{1, 2}), appendQueuedID(nil, queuedID{seenID{1, 2}, []byte("id")}),
		appendIDGroup(nil, []groupedID{{3, seenID{1, 2}}, {99, seenID{7, 1}}, {aloneInGroup, seenID{0, 9}}}),
		(&newRun{}).append([]byte{}, -1), runOf("id-98", "id-99", "id-100", "other").append(nil, 5),
		appendGlobals(nil, globals{version: 2, limits: Limits{Streams: 1}}), appendPosition(nil, Digest{Slot: 1, LogTime: -1, Sum: sum}),
		appendSession(nil, &session{ttl: 1, expires: -1}), appendLease(nil, &lease{token: 1, owner: []byte("me")}),
		appendConfig(nil, 5, ledgerConfig()),
		appendProgress(nil, &progress{sum: sum, input: slotInput{slot: 1, next: 1, commands: []Message{{Subject: "propose", Skipped: true}}}}),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, record := range records {
			again, ok := record(b)
			if !ok {
				continue
			}
			once, ok := record(again)
			if !ok || !bytes.Equal(once, again) {
				t.Errorf("%s: %x is written as %x, and that as %x (%v)", name, b, again, once, ok)
			}
		}
	})
}
