package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

func testMachine(t *testing.T, fs vfs.FS) *machine {
	t.Helper()
	m, err := openMachine("state", streams.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// applySlots applies one proposal in each of n more slots.
func applySlots(t *testing.T, m *machine, n int) {
	t.Helper()
	for range n {
		slot := m.Position().Applied + 1
		results, err := m.Apply(slot, paxos.LogTime(slot), []paxos.Command{{Subject: "propose", Data: fmt.Appendf(nil, "slot %d", slot)}})
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`"seq":%d}`, slot); len(results) != 1 || !strings.HasSuffix(string(results[0].Data), want) {
			t.Fatalf("slot %d is answered %s", slot, results)
		}
	}
}

func last(t *testing.T, m *machine) string {
	t.Helper()
	var text string
	err := m.Read(func(v *streams.View) error {
		stored, err := v.Last(streams.Ledger, "propose")
		if err == nil {
			text = string(stored.Data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestSnapshotReplacesTheState, also under readers, and durably.
func TestSnapshotReplacesTheState(t *testing.T) {
	ahead, fs := testMachine(t, vfs.NewMem()), vfs.NewMem()
	applySlots(t, ahead, 20)
	var snapshot bytes.Buffer
	if slot, err := ahead.Snapshot(&snapshot); err != nil || slot != 20 {
		t.Fatalf("snapshot of slot %d, %v, want 20", slot, err)
	}
	behind := testMachine(t, fs)
	applySlots(t, behind, 3)
	waiting := make(chan error, 1)
	go func() { waiting <- behind.reach(context.Background(), 20) }()
	if err := behind.Install(reported{&snapshot, behind}); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("a reader that waited for slot 20: %v", err)
	}
	if behind.Digest() != ahead.Digest() || behind.Position().Applied != 20 || behind.Position().Durable != 20 {
		t.Errorf("the state is at %+v, want that of slot 20, durable", behind.Position())
	}
	applySlots(t, behind, 1)
	if have := last(t, behind); have != "slot 21" {
		t.Errorf("the last message is %q, want that of slot 21", have)
	}
}

// reported is a snapshot during whose installing somebody asks how the learner does.
type reported struct {
	io.Reader
	m *machine
}

func (r reported) Read(p []byte) (int, error) {
	_, _ = r.m.present(), r.m.durable() // they do not wait
	return r.Reader.Read(p)
}

// TestDamagedSnapshotChangesNothing, and says that it is the snapshot.
func TestDamagedSnapshotChangesNothing(t *testing.T) {
	ahead := testMachine(t, vfs.NewMem())
	applySlots(t, ahead, 20)
	var snapshot bytes.Buffer
	if _, err := ahead.Snapshot(&snapshot); err != nil {
		t.Fatal(err)
	}
	behind := testMachine(t, vfs.NewMem())
	applySlots(t, behind, 3)
	before := behind.Digest()
	for _, damage := range []func([]byte) []byte{
		func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		func(b []byte) []byte { return b[:len(b)-1] },
		func([]byte) []byte { return nil },
	} {
		err := behind.Install(bytes.NewReader(damage(bytes.Clone(snapshot.Bytes()))))
		if !errors.Is(err, actors.ErrBadSnapshot) {
			t.Errorf("installed with %v, want %v", err, actors.ErrBadSnapshot)
		}
		if behind.Digest() != before || last(t, behind) != "slot 3" {
			t.Error("the state has changed")
		}
	}
	applySlots(t, behind, 1)
}
