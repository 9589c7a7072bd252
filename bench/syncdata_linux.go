package main

import (
	"os"
	"syscall"
)

// syncData makes the file's data durable, and only as much metadata as that needs.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
