// Package gentle keeps work on files in the background from holding up what clients
// wait for.
//
// Removing: a file system frees a file in one step of its journal, and, where it is
// mounted with discard, tells the disk so: on a common cloud disk 1.4 ms for each MiB,
// during which no fsync that needs the journal returns, of any process. A table of 32 MiB
// stops every acceptor on the disk for 45 ms. Freed a MiB at a time, the syncs of others
// come between.
//
// Copying: a learner that copies a whole state for a fellow, or takes over such a copy,
// computes for seconds, and gives way after each block.
//
// Writing: the stores of a cluster fill at the same pace, so they write tables of tens of
// MiB at the same moment, each in a goroutine that never waits. Where those are as many as
// the cores, Go lets everybody else have a core for a moment in every 10 ms; and a command
// passes through a dozen goroutines. A goroutine that gives way at each block does not
// hold up what is ready to run.
package gentle

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Piece is how many bytes are freed at once.
const Piece = 1 << 20

// Remove removes the file as fsys.Remove does. It must be one that nobody reads again,
// also after a crash, which may leave a part of it. What is not on the operating system's
// file system, or has another name too (a hard link), is removed at once.
func Remove(fsys vfs.FS, name string) error {
	if vfs.Root(fsys) == vfs.Default {
		shrink(name)
	}
	return fsys.Remove(name)
}

// RemoveAll removes what os.RemoveAll does, on the same terms.
func RemoveAll(path string) error {
	shrinkAll(path)
	return os.RemoveAll(path)
}

// RemoveAllOf removes what fsys.RemoveAll does, on the same terms.
func RemoveAllOf(fsys vfs.FS, path string) error {
	if vfs.Root(fsys) == vfs.Default {
		shrinkAll(path)
	}
	return fsys.RemoveAll(path)
}

// shrinkAll shrinks all files below path. What cannot be walked is left to the removal
// that follows, and its error.
func shrinkAll(path string) {
	_ = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			shrink(name)
		}
		return nil
	})
}

// shrink cuts a large file that has no other name down to a piece. An error is of no
// consequence: the removal that follows has it too, or can do without.
func shrink(name string) {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || !only(info) {
		return
	}
	for size := info.Size() - Piece; size > 0; size -= Piece {
		if os.Truncate(name, size) != nil {
			return
		}
	}
}

// Table is f, the file of a table or of its values: whoever writes it gives way to
// every other goroutine at each write.
func Table(f vfs.File) vfs.File { return table{f} }

type table struct{ vfs.File }

func (t table) Write(p []byte) (int, error) {
	runtime.Gosched()
	return t.File.Write(p)
}

// IsTable says whether a database's file of this name is one of its tables, or holds
// values for them.
func IsTable(name string) bool {
	switch filepath.Ext(name) {
	case ".sst", ".blob":
		return true
	}
	return false
}
