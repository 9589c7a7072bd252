package streams

import (
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func openMem(t testing.TB, fs vfs.FS) *Machine {
	t.Helper()
	m, err := Open("state", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func closeMachine(t testing.TB, m *Machine) {
	t.Helper()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

// scrubbedDigest returns the digest of m after it was compared with every pair.
func scrubbedDigest(t testing.TB, m *Machine) Digest {
	t.Helper()
	v := m.View()
	defer v.Close()
	d, err := v.Scrub(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestStateSurvivesReopening(t *testing.T) {
	fs := vfs.NewMem()
	m := openMem(t, fs)
	replies, err := m.Apply(1, 5, []Message{{Subject: "propose", Data: []byte("a")}, {Subject: "propose", Data: []byte("b")}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(replies[1].Data), `{"stream":"LEDGER","seq":2}`; got != want {
		t.Errorf("reply %s, want %s", got, want)
	}
	before := scrubbedDigest(t, m)
	closeMachine(t, m)
	m = openMem(t, fs)
	defer closeMachine(t, m)
	if after := scrubbedDigest(t, m); after != before {
		t.Errorf("digest %+v after reopening, want %+v", after, before)
	}
	if _, err := m.Apply(3, 6, nil); err == nil {
		t.Error("slot 3 was applied after slot 1, want an error")
	}
	v := m.View()
	defer v.Close()
	if got, err := v.Last(Ledger, "propose"); err != nil || string(got.Data) != "b" {
		t.Errorf("last message %v, %v, want b", got, err)
	}
}
