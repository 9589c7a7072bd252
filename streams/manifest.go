package streams

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// manifestFS makes the name of a new manifest durable before its first sync returns.
// The database next moves the marker to it, and syncs the names of both at once: a power
// loss could keep the marker and not the manifest, and the state could not be opened.
type manifestFS struct{ vfs.FS }

func (f manifestFS) Unwrap() vfs.FS { return f.FS }

func (f manifestFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	if err != nil || !strings.HasPrefix(f.PathBase(name), "MANIFEST-") {
		return file, err
	}
	return &manifest{File: file, fs: f.FS, dir: f.PathDir(name)}, nil
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
