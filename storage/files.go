package storage

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The modes of what this package makes. Votes hold users' data.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// diskWrites is how this package's writes show in the statistics of package vfs.
const diskWrites = vfs.DiskWriteCategory("synod")

// makeDir makes path and its missing parents, and makes their names durable.
func makeDir(fsys vfs.FS, path string) error {
	info, err := fsys.Stat(path)
	if err == nil {
		if !info.IsDir() {
			return &Error{Op: "open", Path: path, Kind: ErrNotDir}
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := fsys.PathDir(path)
	if parent != path {
		if err := makeDir(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.MkdirAll(path, dirMode); err != nil {
		return err
	}
	return syncDir(fsys, parent)
}

// syncDir makes the names in the directory at path durable.
func syncDir(fsys vfs.FS, path string) error {
	d, err := fsys.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeFile replaces the file at path by data. After a crash the file holds the
// old bytes or the new ones; once writeFile returned nil, the new ones.
func writeFile(fsys vfs.FS, path string, data []byte) error {
	temp := path + ".tmp"
	f, err := createFile(fsys, temp)
	if err != nil {
		return err
	}
	_, err = f.Write(append([]byte(nil), data...)) // Write may change the slice
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(fsys, fsys.PathDir(path))
}

// createFile creates a file that only its owner can read.
func createFile(fsys vfs.FS, path string) (vfs.File, error) {
	f, err := fsys.Create(path, diskWrites)
	if err != nil {
		return nil, err
	}
	return f, restrict(f)
}

// restrict takes everyone else's rights from a file that is on a real disk.
func restrict(f vfs.File) error {
	if f.Fd() == vfs.InvalidFd {
		return nil
	}
	return syscall.Fchmod(int(f.Fd()), fileMode)
}

// readFile returns all bytes of the file at path.
func readFile(fsys vfs.FS, path string) ([]byte, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

// canonical is the one name of an existing directory, so that one process cannot
// lock it twice under two names. Only the real file system has symbolic links.
func canonical(fsys vfs.FS, path string) (string, error) {
	if vfs.Root(fsys) != vfs.Default {
		return path, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}
