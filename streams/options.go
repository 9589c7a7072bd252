package streams

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/internal/guard"
)

// Options say how one learner keeps the state. The zero value is ready for use.
// Only Limits reach the replicated state.
type Options struct {
	FS     vfs.FS       // default: the operating system's
	Logger *slog.Logger // default: discards everything

	// Failed is called, at most once for each machine, when something is wrong with its
	// disk: it is full, refuses a read or a write, or has other bytes than were
	// written. From then on Apply returns that error, and the process should end.
	// It must return at once. nil: nobody is told.
	Failed func(error)

	// CacheBytes is the size of the cache of disk blocks. Default 64 MiB.
	CacheBytes int64

	// MemTableBytes is how much is collected in memory before it goes to a table
	// file; up to memTables such buffers live at once. Default 32 MiB.
	MemTableBytes uint64

	// Tables is how many table files, as Sync and full buffers leave them, are read side
	// by side before they are merged. Default 4.
	Tables int

	// Supports is the highest version of the rules that the machine offers to apply.
	// Default, and at most, MaxVersion; lower, it is what an older build would be.
	Supports uint64

	// Generation is what Machine.SetGeneration says. 0: 1.
	Generation uint64
	// Limits are written into a state when it is made. A state that exists, or
	// that a snapshot brings, keeps its own.
	Limits Limits
}

// Limits bound the state. They must be the same on all learners of a cluster.
type Limits struct {
	Streams    uint64 // number of streams; each takes a few KiB of memory. Default 10000
	MessageIDs uint64 // number of ids in one stream's duplicate window; numbered ones take about 20 bytes of disk each, others 80. Default 2^26

	// Expiries is the number of messages, ids, sessions and leases that one slot
	// removes because they are due; the rest is left for the next slot. Default 4096.
	Expiries uint64

	Sessions uint64 // of clients, in one stream. Default 100000
	Leases   uint64 // in one stream. Default 100000
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 32 << 20
	}
	if o.Tables == 0 {
		o.Tables = 4
	}
	if o.Supports == 0 || o.Supports > MaxVersion {
		o.Supports = MaxVersion
	}
	o.Limits = o.Limits.withDefaults()
	return o
}

func (l Limits) withDefaults() Limits {
	if l.Streams == 0 {
		l.Streams = 10_000
	}
	if l.MessageIDs == 0 {
		l.MessageIDs = 1 << 26
	}
	if l.Expiries == 0 {
		l.Expiries = 4096
	}
	if l.Sessions == 0 {
		l.Sessions = 100_000
	}
	if l.Leases == 0 {
		l.Leases = 100_000
	}
	return l
}

// memTables bounds the buffers in memory. Writers wait beyond it.
const memTables = 4

// newCache returns a cache of CacheBytes. The database takes its buffers out of
// the cache, so they are added.
func (o Options) newCache() *pebble.Cache {
	return pebble.NewCache(o.CacheBytes + memTables*int64(o.MemTableBytes))
}

// pebble returns the options of the database. It has no log of its own: what a crash
// loses is applied again from the log of the cluster, which keeps all that no Sync made
// durable. Writes are never stopped for compactions that lag: the log bounds how fast a
// learner applies, and a reader of many files is slower but right.
func (o Options) pebble(cache *pebble.Cache, f *failureReport) *pebble.Options {
	p := &pebble.Options{
		FS:                          &guard.FS{FS: databaseFS{o.FS}, Halt: f.Halt, Wrap: f.wrap},
		Cache:                       cache,
		Logger:                      pebbleLogger{o.Logger, f},
		EventListener:               f.events(),
		MemTableSize:                o.MemTableBytes,
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       o.Tables,
		L0StopWritesThreshold:       1000,
		FlushSplitBytes:             1 << 20, // or a compaction would span all tables of a stream
		LBaseMaxBytes:               256 << 20,
		FormatMajorVersion:          pebble.FormatNewest,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		DisableWAL:                  true,
	}
	p.TargetFileSizes[0] = 4 << 20
	p.Experimental.ValueSeparationPolicy = separateValues
	for i := range p.Levels {
		l := &p.Levels[i]
		l.BlockSize = 8 << 10
		l.FilterPolicy = bloom.FilterPolicy(10)
		l.Compression = func() *sstable.CompressionProfile { return block.NoCompression }
	}
	return p
}

// separateValues keeps large values in files of their own, which compactions do not
// write again: of 4 KiB messages a learner writes a quarter less to its disk, with a
// quarter less CPU time. Smaller ones are cheaper to read where their keys are.
func separateValues() pebble.ValueSeparationPolicy {
	return pebble.ValueSeparationPolicy{
		Enabled: true, MinimumSize: 1 << 10, MaxBlobReferenceDepth: 10,
		RewriteMinimumAge: 5 * time.Minute, TargetGarbageRatio: 0.3,
	}
}

// pebbleLogger hands the database's messages to slog. They say what the database
// does, so they are for debugging; its errors are errors.
type pebbleLogger struct {
	log     *slog.Logger
	failure *failureReport
}

func (l pebbleLogger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug(fmt.Sprintf(format, args...))
	}
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error(fmt.Sprintf(format, args...))
}

// Fatalf is called when the database cannot go on. It does not return, as the
// database expects.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.failure.Hold(l.failure.of(fmt.Errorf(format, args...)))
}
