package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	memTables    = 4        // one that is written to and three that wait for the disk
	tableBytes   = 64 << 20 // of one table: more than a MemTable, so a flush makes one
	baseBytes    = 1 << 30  // of the first level below L0
	cacheBytes   = 16 << 20 // recent votes are read from the MemTable
	compactAt    = 8        // tables that overlap in L0: votes that were voted for again
	stopWritesAt = 1000     // likewise
	logAhead     = 1 << 20  // zeros ahead of a log's end
)

// engineOptions tunes Pebble for votes: written once, in order, seldom read, and
// dropped from the lower end. Tables hardly overlap, so they stay in L0, where one
// table after the other is dropped without ever being rewritten. Values are not
// compressed, since they are dropped soon.
func (a *Acceptor) engineOptions(fsys vfs.FS) *pebble.Options {
	o := &pebble.Options{
		FS:                          fsys,
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		Logger:                      quietLogger{a},
		EventListener:               a.events(),
		Cache:                       pebble.NewCache(cacheBytes),
		MemTableSize:                uint64(a.options.MemTable),
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       compactAt,
		L0StopWritesThreshold:       stopWritesAt,
		DisableTableStats:           true, // they tell how much a compaction would drop
		LBaseMaxBytes:               baseBytes,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
	}
	o.Experimental.DisableIngestAsFlushable = func() bool { return true } // what reclaim asks for is done when it returns
	for i := range o.TargetFileSizes {
		o.TargetFileSizes[i] = tableBytes
	}
	for i := range o.Levels {
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	return o
}

// events tells what happens inside Pebble. An error in the background halts the
// store: Pebble would try again, and nobody would know.
func (a *Acceptor) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			if !errors.Is(err, pebble.ErrCancelledCompaction) { // its tables were dropped: see reclaim
				a.halt.Fail(wrap("write", a.votesPath(), err))
			}
		},
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			err := &Error{Op: "read", Path: i.Path, Kind: ErrCorrupt, Err: i.Details}
			_ = a.halt.FailRead(err)
		},
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
			a.counters.stalls.Add(1)
			a.options.Log.Warn("votes wait for the disk", "reason", i.Reason)
		},
		FlushEnd:      func(pebble.FlushInfo) { a.counters.flushes.Add(1) },
		CompactionEnd: func(pebble.CompactionInfo) { a.counters.compactions.Add(1) },
		WALCreated: func(i pebble.WALCreateInfo) { // each MemTable has its log
			a.reclaim.next()
			if i.RecycledFileNum != 0 {
				a.counters.recycled.Add(1)
			}
		},
	}
}

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

// openPebble opens the Pebble store at dir. It takes a panic for damage too: Pebble may
// panic on a directory that it cannot make sense of.
func openPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer o.Cache.Unref()
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Op: "open", Path: dir, Kind: ErrCorrupt, Err: fmt.Errorf("pebble: %v", p)}
		}
	}()
	return pebble.Open(dir, o)
}

// closeEngine closes the Pebble store, which may hang or panic once it has failed.
func closeEngine(db *pebble.DB) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pebble: %v", p)
		}
	}()
	return db.Close()
}

// quietLogger is Pebble's logger: its news is debug output, and what it thinks
// should end the process halts the store.
type quietLogger struct{ a *Acceptor }

func (l quietLogger) Infof(format string, args ...any) {
	if l.a.options.Log.Enabled(context.Background(), slog.LevelDebug) {
		l.a.options.Log.Debug("pebble: " + fmt.Sprintf(format, args...))
	}
}

func (l quietLogger) Errorf(format string, args ...any) { l.Infof(format, args...) }

// Fatalf does not return, as Pebble expects.
func (l quietLogger) Fatalf(format string, args ...any) {
	l.a.halt.Hold(wrap("write", l.a.votesPath(), fmt.Errorf(format, args...)))
}
