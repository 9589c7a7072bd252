package streams

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A story drives one machine from a script in testdata. See the commands below
// and the scripts for the form.
type story struct {
	t *testing.T
	m *Machine
	o Options
}

// TestStories runs every script in testdata. Every story ends with a scrub and a
// restart, which must not change the digest.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		s := &story{t: t, o: Options{FS: vfs.NewMem()}}
		s.open()
		datadriven.RunTest(t, path, s.run)
		before := scrubbedDigest(t, s.m)
		s.reopen()
		if after := scrubbedDigest(t, s.m); after != before {
			t.Errorf("digest %+v after a restart, want %+v", after, before)
		}
		closeMachine(t, s.m)
	})
}

func (s *story) open() {
	s.t.Helper()
	m, err := Open("state", s.o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.m = m
}

func (s *story) reopen() {
	s.t.Helper()
	closeMachine(s.t, s.m)
	s.open()
}

func (s *story) run(t *testing.T, d *datadriven.TestData) string {
	s.t = t
	switch d.Cmd {
	case "limits": // limits ids=N expiries=N streams=N sessions=N leases=N: starts again with an empty state
		d.MaybeScanArgs(t, "ids", &s.o.Limits.MessageIDs)
		d.MaybeScanArgs(t, "expiries", &s.o.Limits.Expiries)
		d.MaybeScanArgs(t, "streams", &s.o.Limits.Streams)
		d.MaybeScanArgs(t, "sessions", &s.o.Limits.Sessions)
		d.MaybeScanArgs(t, "leases", &s.o.Limits.Leases)
		closeMachine(t, s.m)
		s.o.FS = vfs.NewMem()
		s.open()
		return ""
	case "apply": // apply [at=DURATION]: one command to a line, "subject {Header: value; ...} data"
		return s.apply(d)
	case "typed": // typed STREAM [at=DURATION] [session=(ID,NUMBER,AWAITED)]: one operation, see parseOp
		return s.typed(d)
	case "reopen":
		s.reopen()
		return ""
	case "next-expiry":
		return time.Duration(s.m.NextExpiry()).String()
	}
	v := s.m.View()
	defer v.Close()
	return s.read(v, d)
}

func (s *story) read(v *View, d *datadriven.TestData) string {
	switch d.Cmd {
	case "state": // state STREAM
		return s.state(v, d.CmdArgs[0].Key)
	case "messages": // messages STREAM [from=N] [filter=(a,b)] [last]
		return s.messages(v, d)
	case "get": // get STREAM SEQ
		seq, err := strconv.ParseUint(d.CmdArgs[1].Key, 10, 64)
		if err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		return show(v.Get(d.CmdArgs[0].Key, seq))
	case "last": // last STREAM SUBJECT
		return show(v.Last(d.CmdArgs[0].Key, d.CmdArgs[1].Key))
	case "names": // names [FILTER]
		filter := ""
		if len(d.CmdArgs) > 0 {
			filter = d.CmdArgs[0].Key
		}
		return strings.Join(v.Names(filter), " ")
	}
	d.Fatalf(s.t, "unknown command %s", d.Cmd)
	return ""
}

func (s *story) apply(d *datadriven.TestData) string {
	var commands []Message
	for line := range strings.Lines(d.Input) {
		commands = append(commands, parseCommand(strings.TrimSpace(line)))
	}
	var b strings.Builder
	for _, r := range s.slot(d, commands) {
		fmt.Fprintf(&b, "%s\n", r.Data)
	}
	return b.String()
}

// slot applies commands and scrubs.
func (s *story) slot(d *datadriven.TestData, commands []Message) []Reply {
	var at string
	stamp := s.m.LogTime()
	if d.MaybeScanArgs(s.t, "at", &at) {
		stamp = int64(duration(at))
	}
	replies, err := s.m.Apply(s.m.Applied()+1, stamp, commands)
	if err != nil {
		d.Fatalf(s.t, "%v", err)
	}
	v := s.m.View()
	defer v.Close()
	if _, err := v.Scrub(context.Background()); err != nil {
		s.t.Error(err)
	}
	return replies
}

// parseCommand reads "subject {Header: value; ...} data", where the header may
// be missing.
func parseCommand(line string) Message {
	subject, rest, _ := strings.Cut(line, " ")
	c := Message{Subject: subject}
	if header, data, ok := strings.Cut(strings.TrimPrefix(rest, "{"), "}"); ok && strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, `{"`) {
		c.Header = []byte("NATS/1.0\r\n")
		for _, field := range strings.Split(header, ";") {
			c.Header = fmt.Appendf(c.Header, "%s\r\n", strings.TrimSpace(field))
		}
		c.Header = append(c.Header, "\r\n"...)
		rest = strings.TrimSpace(data)
	}
	c.Data = []byte(rest)
	return c
}

func (s *story) state(v *View, name string) string {
	i, err := v.Info(name)
	if err != nil {
		return err.Error()
	}
	st := i.State
	text := fmt.Sprintf("%d messages, %d bytes, sequences %d to %d, %d subjects, %d deleted", st.Msgs, st.Bytes, st.FirstSeq, st.LastSeq, st.NumSubjects, st.NumDeleted)
	if st.Msgs > 0 {
		text += fmt.Sprintf(", times %s to %s", time.Duration(st.FirstTime.UnixNano()), time.Duration(st.LastTime.UnixNano()))
	}
	return text
}

func (s *story) messages(v *View, d *datadriven.TestData) string {
	q := Query{Stream: d.CmdArgs[0].Key, LastPerSubject: d.HasArg("last")}
	d.MaybeScanArgs(s.t, "from", &q.From)
	for _, a := range d.CmdArgs {
		if a.Key == "filter" {
			q.Filters = a.Vals
		}
	}
	pending, err := v.Pending(q)
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("%d pending\n", pending)
	for m, err := range v.Messages(q) {
		text += show(m, err) + "\n"
	}
	return text
}

func show(m *StoredMessage, err error) string {
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("%d %s at %s", m.Seq, m.Subject, time.Duration(m.Time.UnixNano()))
	if len(m.Header) > 0 {
		fields := strings.Split(strings.TrimSpace(string(m.Header)), "\r\n")
		text += " {" + strings.Join(fields[1:], "; ") + "}"
	}
	return text + " " + string(m.Data)
}
