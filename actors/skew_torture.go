//go:build torture

package actors

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// SkewFile is the variable that names a file of 8 bytes: how many nanoseconds, in
// the machine's byte order, this process's wall clock is ahead. Whoever writes the
// file changes the clock at once. A Go program asks the kernel for the time in its own
// way, so no preloaded library could do that, and the machine's clock is everybody's.
const SkewFile = "SYNOD_TORTURE_SKEW"

var ahead = mapSkew()

func mapSkew() *int64 {
	path := os.Getenv(SkewFile)
	if path == "" {
		return new(int64)
	}
	f, err := os.Open(path)
	if err != nil {
		panic(fmt.Sprintf("actors: %s: %v", SkewFile, err))
	}
	defer f.Close()
	page, err := syscall.Mmap(int(f.Fd()), 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(fmt.Sprintf("actors: map %s: %v", path, err))
	}
	return (*int64)(unsafe.Pointer(&page[0]))
}

func skew() int64 { return atomic.LoadInt64(ahead) }
