package streams

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A markedRead is what a view showed of a subject under some mark.
type markedRead struct {
	mark Mark
	last string
}

// lastText is the last message of a subject, for comparison.
func lastText(t *testing.T, v *View, stream, subject string) string {
	t.Helper()
	m, err := v.Last(stream, subject)
	switch {
	case errors.Is(err, ErrMessageNotFound):
		return "none"
	case err != nil:
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %d %q %q", m.Seq, m.Time.UnixNano(), m.Header, m.Data)
}

// compareMarks reads every subject, and compares it with what was read under the same
// mark before. Marks say nothing across a loss of slots, so it is forgotten then.
func (h *history) compareMarks(applying bool) {
	h.t.Helper()
	v := h.m.View()
	defer v.Close()
	for _, stream := range v.Names("") {
		for _, subject := range historySubjects {
			mark, ok := v.Mark(stream, subject)
			if !ok && applying {
				continue
			}
			if !ok {
				h.t.Fatalf("slot %d: %s of %s has no mark, and nothing is being applied", h.model.slot, subject, stream)
			}
			now := markedRead{mark, lastText(h.t, v, stream, subject)}
			before, known := h.reads[stream+" "+subject]
			if known && before.mark == mark && before.last != now.last {
				h.t.Fatalf("slot %d: %s of %s is %s, and was %s under the same mark", h.model.slot, subject, stream, now.last, before.last)
			}
			h.reads[stream+" "+subject] = now
			h.kept += b2i(known && before.mark == mark)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestMarkOfViewBeforeChange: a view that is older than a change has no mark, since
// the mark is that of the change already.
func TestMarkOfViewBeforeChange(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	apply := func(slot uint64, commands ...Message) {
		t.Helper()
		if _, err := m.Apply(slot, 0, commands); err != nil {
			t.Fatal(err)
		}
	}
	put := func(subject string) Message { return Message{Subject: "api." + subject, Data: []byte("v")} }
	apply(1, Message{Subject: "api.STREAM.CREATE.S", Data: []byte(`{"name":"S","subjects":["s.*"]}`)}, put("s.a"), put("s.b"))
	old := m.View()
	defer old.Close()
	before, ok := old.Mark("S", "s.a")
	if !ok {
		t.Fatal("no mark of a subject that nobody changes")
	}
	apply(2, put("s.a"))
	if _, ok := old.Mark("S", "s.a"); ok {
		t.Error("a view has a mark of what has changed since")
	}
	if _, ok := old.Mark("S", "s.b"); !ok {
		t.Error("no mark of the other subject")
	}
	now := m.View()
	defer now.Close()
	if after, ok := now.Mark("S", "s.a"); !ok || after == before {
		t.Errorf("mark %v, %v after a change, it was %v", after, ok, before)
	}
	if _, ok := now.Mark("T", "s.a"); ok {
		t.Error("a stream that is not there has a mark")
	}
}
