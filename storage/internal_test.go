package storage

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
)

func memOptions() Options {
	return Options{FS: vfs.NewMem(), Segment: 16 << 10, HungAfter: -1}
}

// TestVotesOlderThanTheCover: the cover also says which Append is durable, so that
// votes which are sound but older do not pass.
func TestVotesOlderThanTheCover(t *testing.T) {
	o := memOptions()
	a, err := OpenAcceptor("/a1", "a1", o)
	if err != nil {
		t.Fatal(err)
	}
	a.cover.acked(100)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAcceptor("/a1", "a1", o); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "number 100") {
		t.Errorf("error %v", err)
	}
}

func TestKindsOfErrors(t *testing.T) {
	for err, kind := range map[error]error{
		syscall.ENOSPC: ErrNoSpace, syscall.EDQUOT: ErrNoSpace, syscall.EROFS: ErrReadOnly, syscall.EACCES: ErrReadOnly,
		fs.ErrPermission: ErrReadOnly, syscall.ENOTDIR: ErrNotDir, syscall.EIO: nil,
	} {
		if got := kindOf(&fs.PathError{Op: "open", Path: "x", Err: err}); got != kind {
			t.Errorf("%v is %v, want %v", err, got, kind)
		}
	}
	if wrap("open", "x", nil) != nil {
		t.Error("no error became one")
	}
	for kind := range fixes {
		err := error(&Error{Op: "open", Path: "/a1", Kind: kind, Err: fs.ErrInvalid})
		if !errors.Is(err, kind) || !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), fixes[kind]) {
			t.Errorf("%v does not say all", err)
		}
	}
}

func TestDamagedIdentities(t *testing.T) {
	good := string(encodeIdentity(Info{Format: 2, Role: paxos.AcceptorRole, ID: "a1", Disk: someDisk, Boot: 3}))
	body, _, _ := strings.Cut(good, "crc32c")
	for _, c := range []struct{ old, new, names string }{
		{"synod data", "some data", "first line"}, {"format 2", "format x", `"format"`}, {"role acceptor", "role king", `"role"`},
		{"id a1", "name a1", `"id"`}, {"disk 0", "disk x", `"uuid"`}, {"boot 3", "boot -3", `"boot"`}, {"boot 3", "boot 03", "canonical"},
		{"cluster none", "cluster x generation 1", `"uuid"`}, {"cluster none\n", "", `"cluster"`}, {"cluster none", "cluster none\nmore", "canonical"},
		{"cluster none", "cluster " + someDisk.String(), `"cluster"`},
	} {
		data := summed([]byte(strings.Replace(body, c.old, c.new, 1)))
		if i, err := decodeIdentity(data); err == nil || !strings.Contains(err.Error(), c.names) || errors.As(err, new(errOtherFormat)) {
			t.Errorf("%q was read as %+v, %v; want damage that names %s", data, i, err, c.names)
		}
	}
	if _, err := decodeIdentity([]byte(body)); err == nil {
		t.Error("read without a checksum")
	}
}
