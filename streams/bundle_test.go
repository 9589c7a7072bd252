package streams

import (
	"fmt"
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
