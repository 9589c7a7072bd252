package storage

import (
	"sync/atomic"
	"time"
)

// spaceEvery is how old the answer of SpaceLow may be.
const spaceEvery = 500 * time.Millisecond

// space is what was last seen of the disk's free space.
type space struct {
	free  atomic.Uint64 // bytes
	asked atomic.Int64  // when, in nanoseconds since epoch; 0 never
}

// epoch is the origin of this process's monotonic readings.
var epoch = time.Now()

// SpaceLow reports whether the disk is down to its reserve: new values should be
// refused, so that trimming still has room. It asks the operating system at most
// twice a second. A disk that does not tell its space is not low.
func (a *Acceptor) SpaceLow() bool {
	if a.options.Reserve < 0 {
		return false
	}
	now := int64(time.Since(epoch)) + 1
	if last := a.space.asked.Load(); last == 0 || now-last >= int64(spaceEvery) {
		a.space.asked.Store(now)
		a.lookAtSpace()
	}
	return a.space.free.Load() < uint64(a.options.Reserve)
}

func (a *Acceptor) lookAtSpace() {
	usage, err := a.disk.GetDiskUsage(a.dir.path)
	if err != nil {
		a.options.Log.Warn("free space of the disk is unknown", "path", a.dir.path, "err", err)
		usage.AvailBytes = ^uint64(0)
	}
	a.space.free.Store(usage.AvailBytes)
}
