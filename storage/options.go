package storage

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options are the choices of a data directory. The zero Options are right for a
// process on a real disk.
type Options struct {
	// FS is the file system; nil is the operating system's.
	FS vfs.FS

	// Log gets what an operator should know: slow disks, failures, and how far a long
	// log is read. nil discards it.
	Log *slog.Logger

	// CoverAfter is how long after an Append that no other follows the record is made
	// durable that covers it against a damaged end of the log (see FORMAT.md); while
	// others follow, it is ten times that at most. 0 is 10 ms. A negative value covers
	// every Append before it returns, for one more sync each.
	CoverAfter time.Duration

	// Reserve is how many bytes of free space are kept for trimming: below it
	// SpaceLow is true. 0 is 512 MiB, a negative value keeps none.
	Reserve int64

	// HungAfter is how long one call that changes the directory of an open store may take
	// before the store fails with ErrHung. 0 is 30 s, a negative value waits for ever.
	HungAfter time.Duration

	// Segment is after how many bytes an acceptor's log goes on in another file. Trimmed
	// votes are dropped by whole files. 0 is 32 MiB.
	Segment int
}

// slowAfter is when a call on the file system is counted and logged as slow.
const slowAfter = time.Second

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.CoverAfter == 0 {
		o.CoverAfter = 10 * time.Millisecond
	}
	if o.Reserve == 0 {
		o.Reserve = 512 << 20
	}
	if o.HungAfter == 0 {
		o.HungAfter = 30 * time.Second
	}
	if o.Segment == 0 {
		o.Segment = 32 << 20
	}
	return o
}
