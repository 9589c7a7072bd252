package jsapi_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/streams"
)

// TestReadAgain: a key that is read again shows what has become of it, whatever changed
// it, and what is answered from memory says which state it shows.
func TestReadAgain(t *testing.T) {
	w := newWorld(t)
	w.learner(t, "l1", false)
	nc := w.client(t)
	read := func(after string) {
		t.Helper()
		for _, subject := range []string{"s.a", "s.*"} { // nats.go asks for the last of a filter so, too
			for range 2 {
				m, err := nc.Request(prefix+".DIRECT.GET.S."+subject, nil, answerTimeout)
				if errors.Is(err, nats.ErrNoResponders) { // how nats.go reads a 503
					m, err = &nats.Msg{Header: nats.Header{"Status": {"503"}}}, nil
				}
				if err != nil {
					t.Fatal(err)
				}
				if have, want := shown(m), w.holds(t, subject); have != want {
					t.Errorf("after %s, the last of %s is %s, want %s", after, subject, have, want)
				}
			}
		}
	}
	create := `{"name":"S","subjects":["s.*"],"max_msgs_per_subject":2,"allow_msg_ttl":true}`
	for _, c := range []struct{ subject, data string }{
		{"api.STREAM.CREATE.S", create},
		{"api.s.a", "one"},
		{"api.s.b", "other"},
		{"api.s.a", "two"},
		{"propose", "elsewhere"},
		{"api.STREAM.MSG.DELETE.S", `{"seq":3}`},
		{"api.STREAM.PURGE.S", `{"filter":"s.a"}`},
		{"api.s.a", "three"},
		{"api.STREAM.PURGE.S", `{"keep":1}`},
		{"api.STREAM.PURGE.S", ""},
		{"api.s.a", "four"},
		{"api.STREAM.DELETE.S", ""},
		{"api.STREAM.CREATE.S", create},
		{"api.s.a", "five"},
	} {
		w.do(c.subject, nats.Header{}, []byte(c.data))
		read(c.subject + " " + c.data)
	}
}

// shown is what an answer shows of a message, and of which slot it is.
func shown(m *nats.Msg) string {
	if status := m.Header.Get("Status"); status != "" {
		return status
	}
	return fmt.Sprintf("%s %s %q at slot %s", m.Header.Get("Nats-Stream"), m.Header.Get("Nats-Sequence"), m.Data, m.Header.Get("Synod-Slot"))
}

// holds is what an answer should show of the last message of subject.
func (w *world) holds(t *testing.T, subject string) string {
	t.Helper()
	text := ""
	err := w.Read(func(v *streams.View) error {
		at, err := v.Digest()
		if err != nil {
			return err
		}
		m, err := v.Last("S", subject)
		switch {
		case errors.Is(err, streams.ErrMessageNotFound):
			text = "404"
		case errors.Is(err, streams.ErrStreamNotFound):
			text = "503"
		case err == nil:
			text = fmt.Sprintf("S %d %q at slot %d", m.Seq, m.Data, at.Slot)
		default:
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
