package storage_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

var onDisk storage.Options // of the operating system

func TestDirectoryKeepsItsIdentity(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet", "there")
	var first storage.Info
	for boot := uint64(1); boot <= 3; boot++ {
		d, err := storage.OpenLearnerDir(dir, "l1", onDisk)
		if err != nil {
			t.Fatal(err)
		}
		if boot == 1 {
			first = d.Info()
		}
		want := storage.Info{Format: 1, Role: paxos.LearnerRole, ID: "l1", Disk: first.Disk, Boot: boot}
		if d.Info() != want || want.Disk.IsZero() {
			t.Errorf("boot %d: %+v, want %+v", boot, d.Info(), want)
		}
		peeked, err := storage.Peek(dir, onDisk)
		if err != nil || peeked != d.Info() {
			t.Errorf("boot %d: Peek %+v, error %v", boot, peeked, err)
		}
		mustClose(t, d)
	}
}

// TestIncarnationsDiffer: a new directory under an old path is another disk.
func TestIncarnationsDiffer(t *testing.T) {
	seen := map[paxos.UUID]bool{}
	for range 10 {
		a := mustOpen(t, "/a1", small(storagetest.NewDisk()))
		if seen[a.Disk()] {
			t.Fatalf("incarnation %s twice", a.Disk())
		}
		seen[a.Disk()] = true
		mustClose(t, a)
	}
}

func TestVotesAreReadByTheirOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a1")
	a := mustOpen(t, dir, onDisk)
	defer mustClose(t, a)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && filepath.Base(path) != "LOCK" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDirectoryOfAnother: each mistake has its own error, which says what to do
// and changes nothing.
func TestDirectoryOfAnother(t *testing.T) {
	newer := "synod data directory\nformat 3\nwhatever\ncrc32c "
	newerLearner := "synod data directory\nformat 2\nrole learner\nwhatever\ncrc32c "
	for _, c := range []struct {
		what    string
		prepare func(d *storagetest.Disk) error
		role    paxos.Role
		id      paxos.NodeID
		kind    error
		says    []string
	}{
		{"another id", acceptorDir, paxos.AcceptorRole, "a2", storage.ErrWrongID, []string{"a1", "a2", "/a1", "empty directory"}},
		{"another role", acceptorDir, paxos.LearnerRole, "a1", storage.ErrWrongRole, []string{"acceptor", "learner", "/a1"}},
		{"foreign files", put("/a1/thesis.doc", "x"), paxos.AcceptorRole, "a1", storage.ErrForeign, []string{"thesis.doc", "empty"}},
		{"foreign directory", put("/a1/jetstream/x", "x"), paxos.LearnerRole, "a1", storage.ErrForeign, []string{"jetstream"}},
		{"a file", put("/a1", "x"), paxos.AcceptorRole, "a1", storage.ErrNotDir, []string{"/a1"}},
		{"newer format", put("/a1/IDENTITY", newer+sum(newer)), paxos.AcceptorRole, "a1", storage.ErrNewerFormat, []string{"format 3", "reads 2 of acceptors and 1 of learners"}},
		{"newer format of learners", put("/a1/IDENTITY", newerLearner+sum(newerLearner)), paxos.LearnerRole, "a1", storage.ErrNewerFormat, []string{"format 2"}},
		{"older format", put("/a1/IDENTITY", older+sum(older)), paxos.AcceptorRole, "a1", storage.ErrOlderFormat, []string{"format 0"}},
		{"damage", put("/a1/IDENTITY", newer+"00000000\n"), paxos.AcceptorRole, "a1", storage.ErrCorrupt, []string{"/a1/IDENTITY", "replace"}},
		{"an empty identity", put("/a1/IDENTITY", ""), paxos.AcceptorRole, "a1", storage.ErrCorrupt, []string{"/a1/IDENTITY"}},
		{"lost votes", without("/a1/votes"), paxos.AcceptorRole, "a1", storage.ErrCorrupt, []string{"/a1/votes", "missing"}},
		{"lost cover", without("/a1/COVER"), paxos.AcceptorRole, "a1", storage.ErrCorrupt, []string{"/a1/COVER", "missing"}},
		{"no id", func(*storagetest.Disk) error { return nil }, paxos.AcceptorRole, "", nil, []string{"a-z"}},
	} {
		d := storagetest.NewDisk()
		if err := c.prepare(d); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		before := snapshot(d)
		err := open(d, c.role, c.id)
		if err == nil || c.kind != nil && !errors.Is(err, c.kind) {
			t.Errorf("%s: error %v, want %v", c.what, err, c.kind)
			continue
		}
		for _, word := range c.says {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", c.what, err, word)
			}
		}
		if after := snapshot(d); after != before {
			t.Errorf("%s: the directory was changed:\n%s\nbefore:\n%s", c.what, after, before)
		}
	}
}

const older = "synod data directory\nformat 0\ncrc32c "

func put(path, data string) func(*storagetest.Disk) error {
	return func(d *storagetest.Disk) error { return d.Put(path, []byte(data)) }
}

func acceptorDir(d *storagetest.Disk) error {
	a, err := storage.OpenAcceptor("/a1", "a1", small(d))
	if err != nil {
		return err
	}
	return a.Close()
}

func without(path string) func(*storagetest.Disk) error {
	return func(d *storagetest.Disk) error {
		return errors.Join(acceptorDir(d), d.FS().RemoveAll(path))
	}
}

func open(d *storagetest.Disk, role paxos.Role, id paxos.NodeID) error {
	if role == paxos.LearnerRole {
		dir, err := storage.OpenLearnerDir("/a1", id, small(d))
		if err == nil {
			err = dir.Close()
		}
		return err
	}
	a, err := storage.OpenAcceptor("/a1", id, small(d))
	if err == nil {
		err = a.Close()
	}
	return err
}

func snapshot(d *storagetest.Disk) string {
	var s strings.Builder
	for _, path := range d.Files() {
		fmt.Fprintf(&s, "%s %x\n", path, d.Bytes(path))
	}
	return s.String()
}

// TestUnfinishedDirectory: what a crash left of a directory's making is no mistake,
// and neither is what file systems put in their roots.
func TestUnfinishedDirectory(t *testing.T) {
	d := storagetest.NewDisk()
	for _, path := range []string{"/a1/IDENTITY.tmp", "/a1/LOCK", "/a1/lost+found/x"} {
		if err := d.Put(path, []byte("half")); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, mustOpen(t, "/a1", small(d)))
}

func TestBindingToACluster(t *testing.T) {
	d := storagetest.NewDisk()
	mine := paxos.ClusterID{UUID: paxos.UUID{1}, Generation: 2}
	for range 2 {
		dir, err := storage.OpenLearnerDir("/l1", "l1", small(d))
		if err != nil {
			t.Fatal(err)
		}
		for _, half := range []paxos.ClusterID{{}, {UUID: mine.UUID}, {Generation: 2}} {
			if before := dir.Info(); dir.Bind(half) == nil || dir.Info() != before {
				t.Errorf("bound to %s", half)
			}
		}
		for range 2 {
			if err := dir.Bind(mine); err != nil {
				t.Fatal(err)
			}
		}
		for _, other := range []paxos.ClusterID{{UUID: paxos.UUID{2}, Generation: 2}, {UUID: paxos.UUID{1}, Generation: 3}} {
			err := dir.Bind(other)
			mustMatch(t, "another cluster", err, storage.ErrWrongCluster)
			if !strings.Contains(err.Error(), other.String()) || !strings.Contains(err.Error(), mine.String()) {
				t.Errorf("%q does not name both clusters", err)
			}
		}
		if dir.Info().Cluster != mine {
			t.Errorf("bound to %s, want %s", dir.Info().Cluster, mine)
		}
		mustClose(t, dir)
	}
}

func TestSubdirectory(t *testing.T) {
	d := storagetest.NewDisk()
	dir, err := storage.OpenLearnerDir("/l1", "l1", small(d))
	if err != nil {
		t.Fatal(err)
	}
	path, err := dir.Sub("state")
	if err != nil || path != dir.Path()+"/state" {
		t.Errorf("%q, error %v", path, err)
	}
	left := d.Crash(0, 0)
	if _, err := left.FS().Stat(path); err != nil {
		t.Errorf("after a power loss: %v", err)
	}
	mustClose(t, dir)
	mustClose(t, dir) // twice does no harm
}

// TestTwinInThisProcess covers other names of the same directory too.
func TestTwinInThisProcess(t *testing.T) {
	root := t.TempDir()
	dir, link := filepath.Join(root, "a1"), filepath.Join(root, "link")
	a := mustOpen(t, dir, onDisk)
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, link, filepath.Join(dir, "..", "a1")} {
		_, err := storage.OpenAcceptor(name, "a1", onDisk)
		mustMatch(t, name, err, storage.ErrLocked)
	}
	mustClose(t, a)
	mustClose(t, mustOpen(t, link, onDisk))
}

// TestTwinInAnotherProcess runs itself as the twin.
func TestTwinInAnotherProcess(t *testing.T) {
	const env = "STORAGE_TEST_TWIN"
	if dir := os.Getenv(env); dir != "" {
		_, err := storage.OpenAcceptor(dir, "a1", onDisk)
		fmt.Println("twin:", errors.Is(err, storage.ErrLocked), err)
		return
	}
	dir := filepath.Join(t.TempDir(), "a1")
	a := mustOpen(t, dir, onDisk)
	defer mustClose(t, a)
	cmd := exec.Command(os.Args[0], "-test.run=^TestTwinInAnotherProcess$")
	cmd.Env = append(os.Environ(), env+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, word := range []string{"twin: true", dir, "stop that process"} {
		if !strings.Contains(string(out), word) {
			t.Errorf("the twin said %q, want %q in it", out, word)
		}
	}
}

// TestReadOnlyDirectory: on a disk mounted read-only every change fails so.
func TestReadOnlyDirectory(t *testing.T) {
	d := storagetest.NewDisk()
	if err := acceptorDir(d); err != nil {
		t.Fatal(err)
	}
	for name, cause := range map[string]error{
		"mounted read-only": &fs.PathError{Op: "open", Path: "/a1/LOCK", Err: syscall.EROFS},
		"another user's":    &fs.PathError{Op: "open", Path: "/a1/LOCK", Err: syscall.EACCES},
	} {
		left := d.Crash(0, 0)
		left.Before(func(o storagetest.Op) error {
			if o.Changes() || o.Kind == storagetest.Lock {
				return cause
			}
			return nil
		})
		_, err := storage.OpenAcceptor("/a1", "a1", small(left))
		mustMatch(t, name, err, storage.ErrReadOnly)
		if info, err := storage.Peek("/a1", small(left)); err != nil || info.ID != "a1" {
			t.Errorf("%s: Peek %+v, error %v", name, info, err)
		}
	}
	_, err := storage.Peek("/none", small(d))
	mustMatch(t, "Peek at nothing", err, fs.ErrNotExist)
}

func TestClosedAcceptorRefuses(t *testing.T) {
	a := mustOpen(t, "/a1", small(storagetest.NewDisk()))
	if err := a.Append(nil); err != nil {
		t.Errorf("nothing appended: %v", err)
	}
	mustClose(t, a)
	mustMatch(t, "Append", a.Append([]paxos.Record{paxos.Promised{}}), storage.ErrClosed)
	mustMatch(t, "Fill", a.Fill(&paxos.Page{}, 1), storage.ErrClosed)
	mustMatch(t, "Close", a.Close(), storage.ErrClosed)
	if m := a.Metrics(); m.Appends != 0 {
		t.Errorf("%d appends", m.Appends)
	}
}

// TestExpect refuses another node's directory, and leaves no trace in any.
func TestExpect(t *testing.T) {
	dir := t.TempDir()
	if err := storage.Expect(dir+"/missing", paxos.LearnerRole, "l1", storage.Options{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir + "/missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looking made it: %v", err)
	}
	d, err := storage.OpenLearnerDir(dir, "l1", storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	before, err := storage.Peek(dir, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for want, expect := range map[error]struct {
		role paxos.Role
		id   paxos.NodeID
	}{nil: {paxos.LearnerRole, "l1"}, storage.ErrWrongRole: {paxos.AcceptorRole, "l1"}, storage.ErrWrongID: {paxos.LearnerRole, "l2"}} {
		if err := storage.Expect(dir, expect.role, expect.id, storage.Options{}); !errors.Is(err, want) {
			t.Errorf("%s %s: %v, want %v", expect.role, expect.id, err, want)
		}
	}
	if after, err := storage.Peek(dir, storage.Options{}); err != nil || after != before {
		t.Errorf("%+v, %v, want it as it was: %+v", after, err, before)
	}
}
