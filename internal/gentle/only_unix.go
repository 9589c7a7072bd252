//go:build unix

package gentle

import (
	"io/fs"
	"syscall"
)

// only says whether the file has no other name.
func only(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 1
}
