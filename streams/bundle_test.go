package streams

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/streams/command"
)

// bundler applies bundles to a machine, a slot each.
type bundler struct {
	t *testing.T
	m *Machine
}

func newBundler(t *testing.T) *bundler {
	b := &bundler{t, openMem(t, vfs.NewMem())}
	t.Cleanup(func() { closeMachine(t, b.m) })
	b.apply(0, Message{Subject: "api.STREAM.CREATE.S", Data: []byte(`{"name":"S","subjects":["s.>"],"duplicate_window":1000000000}`)})
	return b
}

func (b *bundler) apply(at time.Duration, m Message) []byte {
	b.t.Helper()
	replies, err := b.m.Apply(b.m.Applied()+1, int64(time.Hour+at), []Message{m})
	if err != nil {
		b.t.Fatal(err)
	}
	return replies[0].Data
}

func (b *bundler) send(at time.Duration, c command.Command) string {
	b.t.Helper()
	data := b.apply(at, Message{Subject: "command.S", Data: c.Encode()})
	o, err := command.DecodeOutcome(data)
	if err != nil {
		return string(data)
	}
	var lines []string
	for _, r := range o.Value.(command.Bundled).Replies {
		lines = append(lines, string(r))
	}
	return strings.Join(lines, " ")
}

func bundleOf(messages ...command.Message) command.Command {
	return command.Command{Op: command.Bundle{Messages: messages}}
}

func withID(id string, since time.Duration) command.Message {
	m := command.Message{Subject: "s.a", Header: []byte("NATS/1.0\r\nNats-Msg-Id: " + id + "\r\n\r\n"), Data: []byte(id)}
	if since != 0 {
		m.Since = int64(time.Hour + since)
	}
	return m
}

// TestABundle has a reply for each message: stored, duplicate, or refused.
func TestABundle(t *testing.T) {
	b := newBundler(t)
	conflict := command.Message{Subject: "s.b", Header: []byte("NATS/1.0\r\nNats-Expected-Last-Sequence: 9\r\n\r\n")}
	got := b.send(0, bundleOf(withID("x", 0), conflict, withID("x", 0), command.Message{Subject: "s.b"}))
	want := `{"stream":"S","seq":1} {"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"S","seq":0} ` +
		`{"stream":"S","seq":1,"duplicate":true} {"stream":"S","seq":2}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestABundleIsRefusedAsAWhole when a part of it is not for the stream, when it
// is in a session, or cannot be read.
func TestABundleIsRefusedAsAWhole(t *testing.T) {
	b := newBundler(t)
	in := bundleOf(command.Message{Subject: "s.a"})
	in.Session = command.Session{ID: 1, Number: 1, Awaited: 1}
	nested := bundleOf(command.Message{Subject: "command.S", Data: bundleOf(command.Message{Subject: "s.a"}).Encode()})
	before := b.m.Digest().Sum
	for what, c := range map[string]command.Command{
		"another stream's subject": bundleOf(command.Message{Subject: "s.a"}, command.Message{Subject: "propose"}),
		"a wildcard":               bundleOf(command.Message{Subject: "s.>"}),
		"a bundle in a bundle":     nested,
		"a session":                in,
		"the future":               bundleOf(withID("x", time.Hour)),
		"no message":               bundleOf(),
	} {
		if got := b.send(0, c); !strings.Contains(got, fmt.Sprint(command.CodeMalformed)) {
			t.Errorf("%s: %s", what, got)
		}
	}
	if after := b.m.Digest().Sum; after != before {
		t.Errorf("the digest went from %v to %v: something was applied", before, after)
	}
}

// TestTheRetryAfterTheWindow of a message that says since when it may have been
// sent is never a second application: it is refused once its id may have been
// forgotten, and only then.
func TestTheRetryAfterTheWindow(t *testing.T) {
	b := newBundler(t)
	const stored, duplicate, late = `{"stream":"S","seq":1}`, `{"stream":"S","seq":1,"duplicate":true}`, "40007"
	for _, step := range []struct {
		at, since time.Duration
		id, want  string
	}{
		{0, -time.Second, "x", stored},
		{500 * time.Millisecond, -time.Second, "x", duplicate},
		{3 * time.Second, -time.Second, "x", late},
		{3 * time.Second, -time.Second, "never sent", late},
		{3 * time.Second, time.Second, "y", `"seq":2`},
		{3 * time.Second, -time.Second, "y", `"seq":2,"duplicate":true`},
		{6 * time.Second, 3 * time.Second, "sent when y was stored", late},
		{6 * time.Second, 3*time.Second + 1, "sent after that", `"seq":3`},
	} {
		if got := b.send(step.at, bundleOf(withID(step.id, step.since))); !strings.Contains(got, step.want) {
			t.Errorf("%s at %v: %s, want %s", step.id, step.at, got, step.want)
		}
	}
}

// TestAnIDEndsWithItsWindow by log time, however few ids a slot expires; and only so by the
// rules that say so.
func TestAnIDEndsWithItsWindow(t *testing.T) {
	for version, exact := range map[uint64]bool{2: false, 3: true, 4: true} {
		m, err := Open("state", Options{FS: vfs.NewMem(), Limits: Limits{Expiries: 1, MessageIDs: 6}})
		if err != nil {
			t.Fatal(err)
		}
		window := func(of string) Message {
			return Message{Subject: "api.STREAM.UPDATE.S", Data: []byte(`{"name":"S","subjects":["s.>"],"duplicate_window":` + of + `}`)}
		}
		id := func(id string) Message {
			return Message{Subject: "api.s.a", Header: []byte("NATS/1.0\r\nNats-Msg-Id: " + id + "\r\n\r\n")}
		}
		late := func(id string) Message {
			m := withID(id, 0)
			m.Since = int64(2 * time.Second)
			return Message{Subject: "command.S", Data: bundleOf(m).Encode()}
		}
		look := func(id string, since int64) Message {
			return Message{Subject: "command.S", Data: command.Command{Op: command.Lookup{ID: id, Since: since}}.Encode()}
		}
		create := window("2000000000")
		create.Subject = "api.STREAM.CREATE.S"
		for _, step := range []struct {
			at       time.Duration
			commands []Message
			want     string // sequences; negative: a duplicate; 0: the outcome is not told
			before   string // the same by the rules before
		}{
			{1, []Message{upgradeTo(version), create}, "", ""},
			{2, []Message{id("a"), id("b"), id("c")}, "1 2 3", "1 2 3"},
			{3, []Message{id("c")}, "-3", "-3"},
			{4, []Message{late("b"), late("c"), look("c", 2e9)}, "late late unknown", "-2 -3 3"}, // a is expired
			{4, []Message{id("c"), id("c"), late("c")}, "4 -4 -4", "-3 -3 -3"},                   // b is
			{5, []Message{id("c"), id("a"), id("b")}, "-4 5 6", "4 5 6"},                         // the first c is
			{7, []Message{window("60000000000"), id("a"), id("b")}, "7 8", "-5 -6"},
			{8, []Message{id("a"), id("b"), id("d")}, "-7 -8 9", "-5 -6 7"},
		} {
			replies, err := m.Apply(m.Applied()+1, int64(step.at*time.Second), step.commands)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range replies {
				if text := outcomeOf(t, r.Data); text != "" {
					got = append(got, text)
				}
			}
			want := step.want
			if !exact {
				want = step.before
			}
			if text := strings.Join(got, " "); text != want {
				t.Errorf("version %d, second %d: %s, want %s", version, step.at, text, want)
			}
			if d := scrubbedDigest(t, m); d != m.Digest() {
				t.Errorf("version %d, second %d: digest %v, the pairs have %v", version, step.at, m.Digest(), d)
			}
		}
		if next, now := m.NextExpiry(), m.LogTime(); exact != (next <= now) {
			t.Errorf("version %d: an id that has ended is in the queue: %t; the next expiry is at %d, it is %d", version, exact, next, now)
		}
		closeMachine(t, m)
	}
}

// TestAnIDThatEndedUnnoticed, since expiry has not come to it, may have been stored: its
// retry is refused. Another one, first sent at the same time, was not.
func TestAnIDThatEndedUnnoticed(t *testing.T) {
	m, err := Open("state", Options{FS: vfs.NewMem(), Limits: Limits{Expiries: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer closeMachine(t, m)
	at := func(second time.Duration, commands ...Message) (got []string) {
		replies, err := m.Apply(m.Applied()+1, int64(second*time.Second), commands)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range replies {
			got = append(got, outcomeOf(t, r.Data))
		}
		return got
	}
	send := func(id string, since time.Duration) Message {
		m := withID(id, 0)
		m.Since = int64(since * time.Second)
		return Message{Subject: "command.S", Data: bundleOf(m).Encode()}
	}
	look := func(id string) Message {
		return Message{Subject: "command.S", Data: command.Command{Op: command.Lookup{ID: id, Since: int64(3 * time.Second)}}.Encode()}
	}
	at(1, upgradeTo(3), Message{Subject: "api.STREAM.CREATE.S", Data: []byte(`{"name":"S","subjects":["s.>"],"duplicate_window":2000000000}`)})
	at(2, send("a", 0), send("b", 0))
	at(3, send("c", 0), send("d", 0))
	got := at(6, send("c", 3), look("c"), send("d", 4), look("e"), send("f", 3), look("g"))
	if want := []string{"late", "unknown", "5", "not done", "6", "not done"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// outcomeOf is what became of a message: its sequence, negative for a duplicate.
func outcomeOf(t *testing.T, reply []byte) string {
	t.Helper()
	if reply[0] != '{' {
		o, err := command.DecodeOutcome(reply)
		if err != nil {
			t.Fatal(err)
		}
		switch v := o.Value.(type) {
		case command.Bundled:
			return outcomeOf(t, v.Replies[0])
		case command.Looked:
			if v.State == command.Done {
				return fmt.Sprint(v.Seq)
			}
			return map[command.LookupState]string{command.NotDone: "not done", command.Unknown: "unknown"}[v.State]
		}
	}
	switch text := string(reply); {
	case strings.Contains(text, "40007"):
		return "late"
	case strings.Contains(text, "error"):
		return text
	}
	var ack struct {
		Seq       int
		Duplicate bool
	}
	if err := json.Unmarshal(reply, &ack); err != nil {
		t.Fatal(err)
	}
	switch {
	case ack.Seq == 0:
		return ""
	case ack.Duplicate:
		return fmt.Sprint(-ack.Seq)
	}
	return fmt.Sprint(ack.Seq)
}
