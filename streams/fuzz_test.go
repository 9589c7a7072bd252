package streams

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/streams/command"
)

// FuzzApply applies an arbitrary message, twice and between others, to a state
// with something in every table: every reply is JSON, nothing panics, and what is
// stored agrees with its digests and survives a restart.
func FuzzApply(f *testing.F) {
	f.Add("propose", []byte("NATS/1.0\r\nNats-Msg-Id: x\r\n\r\n"), []byte("data"), int64(1))
	for _, slot := range tale() {
		for _, c := range slot {
			f.Add(c.Subject, c.Header, c.Data, int64(5e9))
		}
	}
	f.Add("api.STREAM.UPDATE.S", []byte(nil), []byte(`{"name":"S","subjects":["s.>","t"],"max_msgs":1,"max_age":100000000,"allow_msg_ttl":true,"sealed":true}`), int64(-1))
	f.Add("api.STREAM.PURGE.S", []byte(nil), []byte(`{"seq":4611686018427387904}`), int64(1)<<62)
	f.Add("api.s.a", []byte("NATS/1.0\r\nNats-TTL: 9223372036854775807\r\nNats-Rollup: all\r\n\r\n"), []byte(nil), int64(1)<<62)
	f.Fuzz(func(t *testing.T, subject string, header, data []byte, stamp int64) {
		fs := vfs.NewMem()
		m := openMem(t, fs)
		applyTale(t, m, 0)
		c := Message{Subject: subject, Header: header, Data: data}
		after := []Message{c, {Subject: "api.s.a", Data: []byte("after")}, c}
		for _, commands := range [][]Message{{c}, after, nil} {
			replies, err := m.Apply(m.Applied()+1, stamp, commands)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range replies {
				if _, err := command.DecodeOutcome(r.Data); err != nil && !json.Valid(r.Data) {
					t.Errorf("reply %q is neither JSON nor an outcome", r.Data)
				}
			}
		}
		before := scrubbedDigest(t, m)
		closeMachine(t, m)
		m = openMem(t, fs)
		defer closeMachine(t, m)
		if d := scrubbedDigest(t, m); d != before {
			t.Errorf("digest %+v after a restart, want %+v", d, before)
		}
	})
}

// countingSink takes pairs and forgets them.
type countingSink int

func (s *countingSink) set(_, _ []byte) error { *s++; return nil }
func (s *countingSink) endBlock() error       { return nil }

// FuzzRestore reads arbitrary pairs in a well-formed frame: they are refused, or
// are those of the digest.
func FuzzRestore(f *testing.F) {
	m := openMem(f, vfs.NewMem())
	applyTale(f, m, 0)
	good := snapshotBytes(f, m)
	position := appendPosition(nil, m.Digest())
	closeMachine(f, m)
	r := snapshotReader{r: bytes.NewReader(good)}
	if _, err := r.header(); err != nil {
		f.Fatal(err)
	}
	_, pairs, err := r.block()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pairs, uint64(1))
	for end := range min(len(pairs), 200) { // lengths that go beyond the end, too
		f.Add(pairs[:end], uint64(3))
	}
	f.Add([]byte{1, tableConfig, 0}, uint64(1))
	f.Add([]byte{9, tableIndex, 0, 0, 0, 0, 0, 0, 0, 1, 0}, uint64(1))
	f.Fuzz(func(t *testing.T, pairs []byte, count uint64) {
		b := appendBlock([]byte(snapshotMagic), append(binary.AppendUvarint([]byte{kindHeader}, formatVersion), position...))
		b = appendBlock(b, append([]byte{kindPairs}, pairs...))
		b = appendBlock(b, binary.AppendUvarint([]byte{kindEnd}, count))
		var sink countingSink
		if err := newLoader(bytes.NewReader(b), &sink).load(); err == nil && count+2 != uint64(sink) {
			t.Errorf("took %d pairs of %d", sink, count)
		}
	})
}

// FuzzSubjects compares the subject functions with each other.
func FuzzSubjects(f *testing.F) {
	f.Add("a.*.c", "a.>")
	f.Add(">", "*")
	f.Add("a", "a.b")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := []byte(a), []byte(b)
		if !validFilter(x) || !validFilter(y) {
			return
		}
		if collide(x, y) != collide(y, x) {
			t.Errorf("%q and %q collide in one order only", a, b)
		}
		if subset(x, y) && !collide(x, y) {
			t.Errorf("%q is a subset of %q and does not collide with it", a, b)
		}
		if validSubject(x) {
			if matches(y, x) != collide(x, y) {
				t.Errorf("a literal %q matches %q unlike it collides", a, b)
			}
			if matches(y, x) && !bytes.HasPrefix(x, literalPrefix(y)) {
				t.Errorf("%q matches %q and does not begin with %q", a, b, literalPrefix(y))
			}
			s := &stream{config: &Config{Subjects: []string{b}}}
			var r routes
			r.add(s)
			if (r.find(x) == s) != matches(y, x) {
				t.Errorf("%q is routed by %q unlike it matches", a, b)
			}
			r.remove(s)
			if r.find(x) != nil || !r.root.empty() {
				t.Errorf("%q is still routed after %q was removed", a, b)
			}
		}
	})
}
