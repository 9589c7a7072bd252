//go:build unix

package cli

import "syscall"

// Private makes what this process creates from now on readable by its owner only,
// also the files of the libraries that it uses.
func Private() { syscall.Umask(0o077) }
