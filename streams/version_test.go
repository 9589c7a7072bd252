package streams

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func upgradeTo(version uint64) Message {
	return Message{Subject: subjectUpgrade, Data: binary.AppendUvarint(nil, version)}
}

func applyAll(t *testing.T, m *Machine, commands ...Message) []Reply {
	t.Helper()
	replies, err := m.Apply(m.Applied()+1, 1, commands)
	if err != nil {
		t.Fatal(err)
	}
	return replies
}

// TestBuildsApplyTheSameRules until an upgrade in the log: a build that has newer ones
// has the state of one that has not, to the byte. After it the older one stops.
func TestBuildsApplyTheSameRules(t *testing.T) {
	old, err := Open("old", Options{FS: vfs.NewMem(), Supports: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	new, err := Open("new", Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer new.Close()
	poison := Message{Subject: "propose", Data: []byte("poison")}
	skipped := poison
	skipped.Skipped = true
	for _, m := range []*Machine{old, new} {
		if in, _ := m.Version(); in != 1 {
			t.Fatalf("a new state has version %d", in)
		}
		replies := applyAll(t, m, skipped, poison, upgradeTo(1))
		for i, want := range []string{"20008", `"seq":1}`, `{"version":1}`} {
			if !strings.Contains(string(replies[i].Data), want) {
				t.Errorf("command %d is answered with %s, want %s", i+1, replies[i].Data, want)
			}
		}
	}
	if old.Digest() != new.Digest() {
		t.Error("builds have different states by the same rules")
	}
	slot := old.Applied() + 1
	var version *VersionError
	if _, err := old.Apply(slot, 1, []Message{upgradeTo(2)}); !errors.As(err, &version) || version.Version != 2 || version.Supports != 1 {
		t.Errorf("a build goes on by rules that it has not: %v", err)
	}
	if replies := applyAll(t, new, upgradeTo(2), upgradeTo(1)); string(replies[0].Data) != `{"version":2}` || string(replies[1].Data) != `{"version":2}` {
		t.Errorf("an upgrade is answered with %s, an older one then with %s", replies[0].Data, replies[1].Data)
	}
	if replies := applyAll(t, new, Message{Subject: subjectUpgrade}); !strings.Contains(string(replies[0].Data), "10003") {
		t.Errorf("an upgrade to nothing is answered with %s", replies[0].Data)
	}
}

// TestSkippedCommandsStaySkipped when they come again, also after a snapshot and a
// restart, and nothing else does.
func TestSkippedCommandsStaySkipped(t *testing.T) {
	fs := vfs.NewMem()
	m, err := Open("a", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	poison := Message{Subject: "propose", Header: []byte("NATS/1.0\r\nNats-Msg-Id: 7\r\n\r\n"), Data: []byte("poison")}
	skipped := poison
	skipped.Skipped = true
	applyAll(t, m, upgradeTo(2))
	applyAll(t, m, skipped, skipped)
	var snapshot bytes.Buffer
	s, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteTo(&snapshot); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), m.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := Open("a", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	restored, err := Restore("b", &snapshot, Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	other := poison
	other.Data = []byte("poisom")
	for _, m := range []*Machine{again, restored} {
		replies := applyAll(t, m, poison, other)
		if !strings.Contains(string(replies[0].Data), "20008") || !strings.Contains(string(replies[1].Data), `"seq":1}`) {
			t.Errorf("the skipped command is answered with %s, another with %s", replies[0].Data, replies[1].Data)
		}
		view := m.View()
		if _, err := view.Scrub(t.Context()); err != nil {
			t.Error(err)
		}
		view.Close()
	}
	if again.Digest() != restored.Digest() {
		t.Error("states differ after a snapshot")
	}
	if _, err := Restore("c", bytes.NewReader(snapshot.Bytes()), Options{FS: fs, Supports: 1}); err == nil {
		t.Error("an older build takes a snapshot with newer rules")
	}
}

// TestPanicNamesTheCommand that it came from.
func TestPanicNamesTheCommand(t *testing.T) {
	m, err := Open("a", Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeMachine(t, m) })
	m.ledger = nil // which no command can do
	defer func() {
		text, _ := recover().(string)
		if !strings.HasPrefix(text, `command 2 ("propose") of slot 1: `) {
			t.Errorf("the panic says %.80q", text)
		}
	}()
	_, _ = m.Apply(1, 1, []Message{{Subject: "nonsense"}, {Subject: "propose"}})
}
