package streams

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// TestRestoreCheckpoint goes back to a state, while the checkpoint stays as it is.
func TestRestoreCheckpoint(t *testing.T) {
	dir, kept := t.TempDir(), t.TempDir()+"/kept"
	m, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	put := func(text string) { applyAll(t, m, Message{Subject: "propose", Data: []byte(text)}) }
	for i := range 50 {
		put(fmt.Sprint(i))
	}
	from, to, err := m.Checkpoint(kept)
	if err != nil || from != 50 || to != 50 {
		t.Fatalf("a checkpoint of slot 50 is from %d to %d, %v", from, to, err)
	}
	want := m.Digest()
	for range 2 {
		put("later")
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if m, err = RestoreCheckpoint(t.Context(), dir, kept, Options{}); err != nil {
			t.Fatal(err)
		}
		if m.Digest() != want {
			t.Fatalf("went back to %+v, want %+v", m.Digest(), want)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if m, err = Open(dir, Options{}); err != nil || m.Digest() != want {
		t.Fatalf("opened again: %v", err)
	}
	put("last")
	after := m.Digest()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}

	// A pair that the digest does not have: the checkpoint is not to be believed, and the
	// state stays as it is.
	db, err := pebble.Open(kept, &pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Delete(appendSeqKey(nil, tableMessage, 1, 7), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := RestoreCheckpoint(t.Context(), dir, kept, Options{}); err == nil || !strings.Contains(err.Error(), "damaged state") {
		t.Errorf("a damaged checkpoint: %v", err)
	}
	if m, err = Open(dir, Options{}); err != nil || m.Digest() != after {
		t.Errorf("after a damaged checkpoint: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}
