package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/synod-paxos/synod/paxos"
)

const (
	lockName     = "LOCK"
	identityName = "IDENTITY"
	coverName    = "COVER"
	votesName    = "votes"
)

// ours are the names that may be in a directory whose making did not finish, and
// what file systems put in their roots.
var ours = []string{lockName, identityName + ".tmp", "lost+found"}

// Dir is an open data directory: this process holds its lock. It is not safe for
// concurrent use.
type Dir struct {
	fs   vfs.FS
	path string
	info Info
	lock io.Closer
}

// OpenLearnerDir opens the data directory of learner id, and makes it if dir is
// missing or empty. The boot number is raised, durably, before it returns.
//
// Its errors are *Error and match one of ErrLocked, ErrWrongRole, ErrWrongID,
// ErrNewerFormat, ErrOlderFormat, ErrForeign, ErrNotDir, ErrReadOnly, ErrNoSpace
// and ErrCorrupt where one of these is the reason.
func OpenLearnerDir(dir string, id paxos.NodeID, o Options) (*Dir, error) {
	d, err := openDir(dir, paxos.LearnerRole, id, o.withDefaults())
	if err != nil {
		return nil, err
	}
	if err := d.raiseBoot(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// openDir locks the directory and reads or makes its identity. It does not raise
// the boot number.
func openDir(dir string, role paxos.Role, id paxos.NodeID, o Options) (*Dir, error) {
	if !id.Valid() {
		return nil, &Error{Op: "open", Path: dir, Err: fmt.Errorf("id %q: want 1 to %d of a-z, 0-9 and -", id, paxos.MaxNodeID)}
	}
	if err := makeDir(o.FS, dir); err != nil {
		return nil, wrap("open", dir, err)
	}
	path, err := canonical(o.FS, dir)
	if err != nil {
		return nil, wrap("open", dir, err)
	}
	d := &Dir{fs: o.FS, path: path}
	if err := d.acquire(); err != nil {
		return nil, err
	}
	if err := d.identify(role, id); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// acquire takes the lock. The lock file may be made before the directory is
// known to be ours: it is empty, and the only trace of a mistaken path.
func (d *Dir) acquire() error {
	lock, err := d.fs.Lock(d.file(lockName))
	if err != nil {
		return &Error{Op: "open", Path: d.path, Kind: lockKind(err), Err: err}
	}
	d.lock = lock
	return nil
}

// lockKind tells a lock that another holds from a lock file that cannot be made:
// the second names the file.
func lockKind(err error) error {
	var path *fs.PathError
	if !errors.As(err, &path) && (errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES)) {
		return ErrLocked
	}
	if strings.Contains(err.Error(), "lock held by current process") {
		return ErrLocked
	}
	return kindOf(err)
}

// identify reads the identity and compares it, or makes one in an empty directory.
func (d *Dir) identify(role paxos.Role, id paxos.NodeID) error {
	info, err := readIdentity(d.fs, d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return d.found(role, id)
	}
	if err != nil {
		return err
	}
	if err := d.belongs(info, role, id); err != nil {
		return err
	}
	d.info = info
	return wrap("sync", d.path, syncDir(d.fs, d.path)) // its name may have been in the memory of the operating system only
}

// belongs compares whose the directory is with who opens it.
func (d *Dir) belongs(info Info, role paxos.Role, id paxos.NodeID) error {
	if info.Role != role {
		return d.mismatch(ErrWrongRole, "it is %s %s's, this is %s %s", info.Role, info.ID, role, id)
	}
	if info.ID != id {
		return d.mismatch(ErrWrongID, "it is %s's, this is %s", info.ID, id)
	}
	return nil
}

func (d *Dir) mismatch(kind error, format string, args ...any) error {
	return &Error{Op: "open", Path: d.path, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// found makes the identity of a new directory, boot number 0.
func (d *Dir) found(role paxos.Role, id paxos.NodeID) error {
	names, err := d.fs.List(d.path)
	if err != nil {
		return wrap("open", d.path, err)
	}
	for _, name := range names {
		if !slices.Contains(ours, name) {
			return d.mismatch(ErrForeign, "it holds %q and no %s", name, identityName)
		}
	}
	return d.save("open", Info{Format: formatOf(role), Role: role, ID: id, Disk: paxos.UUID(uuid.New())})
}

// save makes info the directory's identity, durably.
func (d *Dir) save(op string, info Info) error {
	if err := writeFile(d.fs, d.file(identityName), encodeIdentity(info)); err != nil {
		return wrap(op, d.file(identityName), err)
	}
	d.info = info
	return nil
}

func (d *Dir) raiseBoot() error {
	info := d.info
	info.Boot++
	return d.save("open", info)
}

// Bind makes the directory belong to cluster c for ever, durably. It does nothing
// if it already does, and returns an error that matches ErrWrongCluster, without
// a change, if it belongs to another cluster or to another generation of c.
func (d *Dir) Bind(c paxos.ClusterID) error {
	if c.UUID.IsZero() || c.Generation == 0 {
		return &Error{Op: "bind", Path: d.path, Err: errors.New("a cluster without UUID or generation")}
	}
	if d.info.Cluster == c {
		return nil
	}
	if d.info.Cluster != (paxos.ClusterID{}) {
		return &Error{Op: "bind", Path: d.path, Kind: ErrWrongCluster,
			Err: fmt.Errorf("it is of %s, this is %s", d.info.Cluster, c)}
	}
	info := d.info
	info.Cluster = c
	return d.save("bind", info)
}

// Info is the directory's identity, with the boot number of this opening and the
// cluster last bound.
func (d *Dir) Info() Info { return d.info }

// Path is the directory's name, without symbolic links.
func (d *Dir) Path() string { return d.path }

// Sub is the path of the directory's subdirectory name, which is made, durably,
// if it is missing. What is in it is the caller's.
func (d *Dir) Sub(name string) (string, error) {
	path := d.file(name)
	return path, wrap("open", path, makeDir(d.fs, path))
}

// Close gives the lock back. Everything else is durable already.
func (d *Dir) Close() error {
	if d.lock == nil {
		return nil
	}
	err := d.lock.Close()
	d.lock = nil
	return wrap("close", d.path, err)
}

func (d *Dir) file(name string) string { return d.fs.PathJoin(d.path, name) }

// Expect refuses a data directory that is another node's, without a lock and without
// writing anything. A directory that is missing or has no identity may be made into
// one. Its errors are those of OpenLearnerDir.
func Expect(dir string, role paxos.Role, id paxos.NodeID, o Options) error {
	info, err := Peek(dir, o)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return (&Dir{path: dir}).belongs(info, role, id)
}

// Peek reads the identity of a data directory without a lock and without writing
// anything: for status commands. A directory without identity gives an error that
// matches fs.ErrNotExist; the others are those of OpenLearnerDir.
func Peek(dir string, o Options) (Info, error) {
	return readIdentity(o.withDefaults().FS, dir)
}

func readIdentity(fsys vfs.FS, dir string) (Info, error) {
	path := fsys.PathJoin(dir, identityName)
	data, err := readFile(fsys, path)
	if err != nil {
		return Info{}, wrap("open", path, err)
	}
	info, err := decodeIdentity(data)
	var other errOtherFormat
	switch {
	case errors.As(err, &other) && other.format > other.reads:
		return Info{}, &Error{Op: "open", Path: dir, Kind: ErrNewerFormat, Err: err}
	case errors.As(err, &other):
		return Info{}, &Error{Op: "open", Path: dir, Kind: ErrOlderFormat, Err: err}
	case err != nil:
		return Info{}, &Error{Op: "open", Path: path, Kind: ErrCorrupt, Err: err}
	}
	return info, nil
}
