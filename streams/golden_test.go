package streams

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// goldenSlot is the slot after which the states in testdata/states were kept.
const goldenSlot = 6

// TestOldStatesAreStillRead opens a database and restores a snapshot that earlier
// builds wrote in the middle of a history by the rules of a version, and goes on with it:
// the end must be that of a machine of this build that applied all of it. A directory never changes; each
// new format, and each new version of the rules, adds one.
func TestOldStatesAreStillRead(t *testing.T) {
	kept, err := filepath.Glob("testdata/states/*")
	if err != nil || len(kept) == 0 {
		t.Fatalf("no states are kept, %v", err)
	}
	for _, dir := range kept {
		version, err := strconv.ParseUint(strings.TrimPrefix(filepath.Base(dir), "v"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		whole := openMem(t, vfs.NewMem())
		beginTale(t, whole, version)
		endTale(t, whole, 1)
		want := whole.Digest()
		closeMachine(t, whole)
		state := filepath.Join(t.TempDir(), "state")
		if err := os.CopyFS(state, os.DirFS(filepath.Join(dir, "database"))); err != nil {
			t.Fatal(err)
		}
		opened, err := Open(state, Options{})
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		snapshot, err := os.ReadFile(filepath.Join(dir, "snapshot"))
		if err != nil {
			t.Fatal(err)
		}
		restored, err := Restore("state", bytes.NewReader(snapshot), Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, m := range []*Machine{opened, restored} {
			if m.Applied() != goldenSlot || scrubbedDigest(t, m) != m.Digest() {
				t.Errorf("%s: slot %d, want %d", dir, m.Applied(), goldenSlot)
			}
			endTale(t, m, goldenSlot)
			if m.Digest() != want {
				t.Errorf("%s: digest %+v, want %+v", dir, m.Digest(), want)
			}
			closeMachine(t, m)
		}
	}
}

// beginTale applies the first slot of the tale, with an upgrade to a version before it.
func beginTale(t *testing.T, m *Machine, version uint64) {
	t.Helper()
	commands := tale()[0]
	if version > firstVersion {
		commands = append([]Message{upgradeTo(version)}, commands...)
	}
	if version >= versionOfIDGroups {
		commands = append(commands, proposalsWithIDs(8, 12)...)
	}
	if _, err := m.Apply(1, 4e8, commands); err != nil {
		t.Fatal(err)
	}
}

// endTale applies the rest of the tale, and then what tells which ids are known.
func endTale(t *testing.T, m *Machine, from int) {
	t.Helper()
	applyTale(t, m, from)
	replies := applyAll(t, m, proposalsWithIDs(11, 14)...)
	for i, r := range replies {
		known := i < 2 && m.version.Load() >= versionOfIDGroups
		if got := strings.Contains(string(r.Data), "duplicate"); got != known {
			t.Errorf("rules version %d: id-%d is answered with %s", m.version.Load(), 11+i, r.Data)
		}
	}
}
