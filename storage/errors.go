package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// The kinds of error that a caller may tell apart with errors.Is.
var (
	ErrLocked       = errors.New("in use by another process")
	ErrWrongRole    = errors.New("belongs to another role")
	ErrWrongID      = errors.New("belongs to another node")
	ErrWrongCluster = errors.New("belongs to another cluster")
	ErrNewerFormat  = errors.New("was written by a newer version")
	ErrOlderFormat  = errors.New("was written by a version too old to be read")
	ErrForeign      = errors.New("is not empty and not a synod data directory")
	ErrNotDir       = errors.New("is not a directory")
	ErrReadOnly     = errors.New("cannot be written")
	ErrNoSpace      = errors.New("no space left on the disk")
	ErrCorrupt      = errors.New("corrupt: these are not the bytes that were written")
	ErrHung         = errors.New("the disk does not answer")
	ErrClosed       = errors.New("closed")
	ErrRecord       = errors.New("a record that cannot be stored")
)

// fixes is what a person can do about each kind of error.
var fixes = map[error]string{
	ErrLocked:       "stop that process, or give this one a directory of its own",
	ErrWrongRole:    "give each role process a directory of its own",
	ErrWrongID:      "start the process with the id that the directory was made for, or give it an empty directory",
	ErrWrongCluster: "give the process an empty directory, or the address of its own cluster",
	ErrNewerFormat:  "run the version that wrote it, or a later one",
	ErrOlderFormat:  "run the version that wrote it, or replace this node and start with an empty directory",
	ErrForeign:      "name an empty directory, or one that this role made",
	ErrNotDir:       "name a directory",
	ErrReadOnly:     "check the owner and mode of the directory, and that its file system is not mounted read-only",
	ErrNoSpace:      "free space on the disk and start the process again; nothing that was answered is lost",
	ErrCorrupt:      "do not use this directory again: replace the node and start with an empty directory",
	ErrHung:         "check the disk, then start the process again; nothing that was answered is lost",
}

// Error says which operation failed on which file or directory, and what a
// person can do about it. It matches its Kind and its cause with errors.Is.
type Error struct {
	Op   string // "open", "append", "read", "bind", "close" or the call on the file that failed
	Path string
	Kind error // one of the Err variables; nil when none of them says it
	Err  error // the cause; nil when Kind says it all
}

// Error is one line: operation, path, kind, cause and remedy.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "storage: %s %s", e.Op, e.Path)
	if e.Kind != nil {
		fmt.Fprintf(&b, ": %v", e.Kind)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if fix := fixes[e.Kind]; fix != "" {
		fmt.Fprintf(&b, "; %s", fix)
	}
	return b.String()
}

// Unwrap returns the kind and the cause, as far as there are any.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// wrap makes err an *Error of the kind that its cause shows. An error that
// already is one keeps what it says; a nil error stays nil.
func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if known := (*Error)(nil); errors.As(err, &known) {
		return known
	}
	return &Error{Op: op, Path: path, Kind: kindOf(err), Err: err}
}

// kindOf tells what an error of the operating system means.
func kindOf(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrNoSpace
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return ErrReadOnly
	case errors.Is(err, syscall.ENOTDIR):
		return ErrNotDir
	default:
		return nil
	}
}

// corrupt is an error about the file at path.
func corrupt(path, format string, args ...any) error {
	return &Error{Op: "read", Path: path, Kind: ErrCorrupt, Err: fmt.Errorf(format, args...)}
}
