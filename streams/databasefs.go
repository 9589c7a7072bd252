package streams

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/internal/gentle"
)

// databaseFS is the file system below the guard. Removing a large file holds nobody up
// (see gentle), and the name of a new manifest is durable before its first sync returns:
// the database next moves the marker to it, and syncs the names of both at once. A power
// loss could keep the marker and not the manifest, and the state could not be opened.
type databaseFS struct{ vfs.FS }

func (f databaseFS) Unwrap() vfs.FS { return f.FS }

func (f databaseFS) Remove(name string) error { return gentle.Remove(f.FS, name) }

func (f databaseFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	if err == nil && strings.HasPrefix(f.PathBase(name), "MANIFEST-") {
		return &manifest{File: file, fs: f.FS, dir: f.PathDir(name)}, nil
	}
	return file, err
}

type manifest struct {
	vfs.File
	fs    vfs.FS
	dir   string
	named bool // its name is durable
}

func (m *manifest) Sync() error {
	if err := m.File.Sync(); err != nil || m.named {
		return err
	}
	m.named = true
	return syncDir(m.fs, m.dir)
}
