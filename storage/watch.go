package storage

import (
	"fmt"
	"io"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// watchDisk returns the file system with its changes timed, and what ends the watch.
func (a *Acceptor) watchDisk() (vfs.FS, io.Closer) {
	if a.options.HungAfter < 0 {
		return a.options.FS, nil
	}
	return vfs.WithDiskHealthChecks(a.options.FS, min(slowAfter, a.options.HungAfter), nil, a.slowCall)
}

// slowCall counts a call that takes long, and takes one for hung after a while.
func (a *Acceptor) slowCall(i vfs.DiskSlowInfo) {
	a.counters.slow.Add(1)
	if i.Duration >= a.options.HungAfter {
		a.hung(i.OpType.String(), i.Path)
		return
	}
	a.options.Log.Warn("slow disk", "op", i.OpType.String(), "path", i.Path, "for", i.Duration)
}

// watchCall is for a file whose calls watchDisk does not time: one that is written
// in place.
func (a *Acceptor) watchCall(path string) (stop func() bool) {
	return time.AfterFunc(a.options.HungAfter, func() { a.hung("sync", path) }).Stop
}

func (a *Acceptor) hung(op, path string) {
	a.halt.Fail(&Error{Op: op, Path: path, Kind: ErrHung, Err: fmt.Errorf("no answer for %s", a.options.HungAfter)})
}
