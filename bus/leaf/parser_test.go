package leaf

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// journal writes events down.
type journal struct{ lines []string }

func (j *journal) say(format string, args ...any) error {
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
	return nil
}
func (j *journal) info(text []byte) error            { return j.say("info %s", text) }
func (j *journal) ping() error                       { return j.say("ping") }
func (j *journal) pong() error                       { return j.say("pong") }
func (j *journal) refused(text string) error         { return j.say("refused %s", text) }
func (j *journal) interest(entry string, there bool) { _ = j.say("interest %s %v", entry, there) }

func TestParse(t *testing.T) {
	j := &journal{}
	in := "INFO {\"a\": 1}\r\nPING\r\nping\r\nPONG\r\n+OK\r\n-ERR 'Some Text'\r\nLS+ a.b\r\nLS+ a.b q 2\r\nLS- a.b q\r\n" +
		"LMSG a 5\r\nPING\n\r\nHMSG a r 2 4\r\nxxyy\r\nLS- a.b\r\n"
	if err := parse(newReader(strings.NewReader(in)), j); err != io.EOF {
		t.Fatal(err)
	}
	want := "info {\"a\": 1};ping;ping;pong;refused Some Text;interest a.b true;interest a.b q true;interest a.b q false;interest a.b false"
	if have := strings.Join(j.lines, ";"); have != want {
		t.Errorf("have %s\nwant %s", have, want)
	}
	for _, bad := range []string{"LS+\r\n", "LS+ a b c d\r\n", "MSG\r\n", "MSG a x\r\n", "MSG a 999999999\r\n", "HELLO\r\n", strings.Repeat("x", maxLine+1)} {
		if err := parse(newReader(strings.NewReader(bad)), &journal{}); err == nil || err == io.EOF {
			t.Errorf("%.20q is taken", bad)
		}
	}
}

// FuzzParse: whatever a server sends, nothing panics, no event has a line break in it,
// and no line costs more memory than its bound.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"INFO {}\r\n", "LS+ a.* q 1\r\nLS- a.*\r\n", "LMSG a.b + r q 3\r\nabc\r\nPING\r\n", "HMSG a 1 2\r\n", "-ERR 'x'\r\n", "MSG a 18446744073709551615\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		j := &journal{}
		if err := parse(newReader(bytes.NewReader(data)), j); err == nil {
			t.Error("a reader that ended has no end")
		}
		i := newInterest()
		for _, line := range j.lines {
			if strings.ContainsAny(line, "\n") {
				t.Errorf("an event has a line break: %q", line)
			}
			if entry, ok := strings.CutPrefix(line, "interest "); ok {
				entry = entry[:strings.LastIndexByte(entry, ' ')]
				i.set(entry, true)
				i.set(entry, true)
				i.set(entry, false)
			}
		}
		if n := i.len(); n != 0 {
			t.Errorf("%d subjects are left of entries that all went", n)
		}
	})
}

// TestInterest against the meaning of wildcards, with entries told twice.
func TestInterest(t *testing.T) {
	i := newInterest()
	for _, entry := range []string{"a.*", "a.*", "a.* q", "b.>", "not..valid", "c"} {
		i.set(entry, true)
	}
	for subject, want := range map[string]bool{"a.x": true, "a": false, "a.x.y": false, "b.x.y": true, "b": false, "c": true, "d": false} {
		if i.has(subject) != want {
			t.Errorf("interest in %s is %v", subject, !want)
		}
	}
	i.set("a.*", false)
	if !i.has("a.x") {
		t.Error("the queue group went with the others")
	}
	i.set("a.* q", false)
	i.set("a.* q", false)
	if i.has("a.x") || !i.has("b.x") {
		t.Error("the wrong interest went")
	}
}
