package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/streams"
)

// inDir is a learner with a data directory and nothing else.
func inDir(t *testing.T) *Learner {
	t.Helper()
	dir, err := storage.OpenLearnerDir(t.TempDir(), "l1", storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	l := &Learner{dir: dir}
	l.log = slog.New(slog.DiscardHandler)
	return l
}

func ownMachine(string) (Machine, error) { return nil, nil }

// TestOwnMachineInDoubt has no copy to go back to: it starts again only when others
// are known to be right, and then without its state.
func TestOwnMachineInDoubt(t *testing.T) {
	l := inDir(t)
	own := Config{OpenMachine: ownMachine}
	if err := l.resolveDoubt(t.Context(), own); err != nil {
		t.Fatalf("a fresh directory is in doubt: %v", err)
	}
	l.doubt(actors.Doubt{Slot: 256, Reason: "the state of learner l1 after slot 256 differs from that of l2"})
	err := l.resolveDoubt(t.Context(), own)
	if err == nil || !strings.Contains(err.Error(), "after slot 256") || !strings.Contains(err.Error(), doubtFile) {
		t.Errorf("a directory in doubt: %v, want the file and the reason named", err)
	}
	state, err := l.dir.Sub(stateDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(state, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.doubt(actors.Doubt{Slot: 512, Outvoted: true, Reason: "two others agree"})
	if err := l.resolveDoubt(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(l.dir.Path(), suspectDir, "x")); err != nil {
		t.Errorf("the bad state is not set aside: %v", err)
	}
	if _, err := os.Stat(filepath.Join(state, "x")); err == nil {
		t.Error("the bad state is used again")
	}
	if _, err := os.Stat(filepath.Join(l.dir.Path(), doubtFile)); err == nil {
		t.Error("the doubt is not dealt with")
	}
}

// grow applies slots up to and including to, and returns the digest after it.
func grow(t *testing.T, m *machine, to uint64) streams.Digest {
	t.Helper()
	for slot := m.streams.Applied() + 1; slot <= to; slot++ {
		if _, err := m.streams.Apply(slot, int64(slot), []streams.Message{{Subject: "propose", Data: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	return m.streams.Digest()
}

// TestACopyForAChange is taken at once when what a change waits for is applied, in place
// of one that lacks it.
func TestACopyForAChange(t *testing.T) {
	m, err := openMachine(t.TempDir(), streams.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	k, err := openKeeper(t.TempDir(), m, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ apply, wanted, agreed, kept uint64 }{
		{10, 0, 10, 0},  // no change waits
		{10, 11, 10, 0}, // it waits for more
		{11, 11, 10, 0}, // the copy has more than fellows agreed with
		{11, 11, 11, 11},
		{12, 11, 12, 11}, // it waits no more
		{20, 15, 12, 11},
		{21, 21, 20, 20}, // the last copy, and now another
		{21, 21, 21, 21},
		{22, 22, 21, 21},
		{23, 23, 21, 21}, // the copy of 22 is of no use any more
		{23, 23, 22, 21},
		{23, 23, 23, 23},
	} {
		grow(t, m, step.apply)
		k.agreed.Store(step.agreed)
		if err := k.step(step.apply, step.wanted); err != nil {
			t.Fatal(err)
		}
		if have := k.slot(); have != paxos.Slot(step.kept) {
			t.Errorf("after %+v the copy has slot %d", step, have)
		}
	}
}

// TestDoubtGoesBack to the last state that fellows agreed with, once for one doubt.
func TestDoubtGoesBack(t *testing.T) {
	l := inDir(t)
	state, err := l.dir.Sub(stateDir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := openMachine(state, streams.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := l.dir.Sub(checkpointDir)
	if err != nil {
		t.Fatal(err)
	}
	k, err := openKeeper(kept, m, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := grow(t, m, 10)
	steps := func(agreed uint64) {
		t.Helper()
		k.agreed.Store(agreed)
		for range 2 {
			if err := k.step(0, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	steps(9)
	if k.slot() != 0 {
		t.Fatalf("a copy after slot 10 was kept when fellows agreed after slot 9")
	}
	steps(10)
	if k.slot() != 10 {
		t.Fatalf("the copy has slot %d, want 10", k.slot())
	}
	grow(t, m, 20) // its candidate is not agreed to
	steps(10)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openKeeper(kept, m, 1)
	if err != nil || again.slot() != 10 {
		t.Fatalf("after a restart the copy has slot %d, %v; want 10", again.slot(), err)
	}
	l.doubt(actors.Doubt{Slot: 20, Reason: "differs"})
	if err := l.resolveDoubt(t.Context(), Config{}); err != nil {
		t.Fatal(err)
	}
	if m, err = openMachine(state, streams.Options{}); err != nil {
		t.Fatal(err)
	}
	if got := m.streams.Digest(); got != want {
		t.Errorf("went back to %+v, want %+v", got, want)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	// The same doubt again: going back did not help.
	l.doubt(actors.Doubt{Slot: 20, Reason: "differs again"})
	if err := l.resolveDoubt(t.Context(), Config{}); err == nil || !strings.Contains(err.Error(), "differs again") {
		t.Errorf("the same doubt again: %v, want a refusal", err)
	}
}

// TestACopyWithTheDoubtIsNotUsed: fellows agreed with it, and it has the slot after which
// they differ all the same.
func TestACopyWithTheDoubtIsNotUsed(t *testing.T) {
	l := inDir(t)
	state, err := l.dir.Sub(stateDir)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := l.dir.Sub(checkpointDir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := openMachine(state, streams.Options{})
	if err != nil {
		t.Fatal(err)
	}
	grow(t, m, 10)
	copied := filepath.Join(kept, "agreed-9-10")
	if _, _, err := m.Checkpoint(copied); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	l.doubt(actors.Doubt{Slot: 10, Outvoted: true, Reason: "differs"})
	if err := l.resolveDoubt(t.Context(), Config{}); err != nil {
		t.Fatal(err)
	}
	if m, err = openMachine(state, streams.Options{}); err != nil {
		t.Fatal(err)
	}
	if at := m.streams.Applied(); at != 0 {
		t.Errorf("starts with the state after slot %d, want none", at)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(copied); err == nil {
		t.Error("the copy is kept")
	}
}

// TestDamagedCopyIsNotUsed proves this learner's disk to be the bad one: it starts
// without a state, and takes a fellow's.
func TestDamagedCopyIsNotUsed(t *testing.T) {
	l := inDir(t)
	kept, err := l.dir.Sub(checkpointDir)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(kept, "agreed-10-10")
	if err := os.Mkdir(copied, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(copied, "CURRENT"), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.doubt(actors.Doubt{Slot: 20, Reason: "differs"})
	if err := l.resolveDoubt(t.Context(), Config{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(copied); err == nil {
		t.Error("the damaged copy is kept")
	}
}
