package storage

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logAhead is how many bytes of zeros are kept ahead of the end of a segment that grows.
const logAhead = 1 << 20

// logWriter writes a segment, from its first byte to its last. One goroutine at a time uses
// it.
type logWriter struct {
	segment *segment
	file    vfs.File
	ahead   int64 // bytes of zeros kept ahead
	length  int64 // bytes written
	filled  int64 // bytes that the file has on the disk, zeros and old bytes included
}

// append writes an Append and makes it durable.
func (w *logWriter) append(b []byte) error {
	n, err := w.file.Write(b)
	if err == nil && n < len(b) {
		err = fmt.Errorf("wrote %d of %d bytes", n, len(b))
	}
	w.length += int64(n)
	if err != nil {
		return err
	}
	if err := w.fill(int64(len(b))); err != nil {
		return err
	}
	return w.file.SyncData()
}

// zeros are never written to.
var zeros [logAhead]byte

// fill writes zeros ahead of the end, so that the next syncs need not make a longer file
// durable: on most file systems that takes twice as long. Appends that are large gain
// nothing, and cost the disk twice their bytes; and a segment with one Append may be what a
// process left that is started again and again.
func (w *logWriter) fill(last int64) error {
	if w.length == last || last > w.ahead/32 || w.length+w.ahead/8 < w.filled {
		w.filled = max(w.filled, w.length)
		return nil
	}
	from := max(w.filled, w.length)
	if _, err := w.file.WriteAt(zeros[:w.ahead], from); err != nil {
		return err
	}
	w.filled = from + w.ahead
	return nil
}

// segmentName is the name of the segment of this number.
func segmentName(number uint64) string { return fmt.Sprintf("%012d.log", number) }

// segmentNumber is the number of the segment with this name.
func segmentNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".log")
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, ok && err == nil && segmentName(n) == name
}

func (a *Acceptor) newSegment(number uint64) *segment {
	return &segment{
		number: number, path: a.disk.PathJoin(a.votesPath(), segmentName(number)),
		seed: seedOf(a.dir.info.Disk, a.cover.salt, number), before: a.stage.state.appends,
	}
}

// nextSegment is the segment that the next Append begins; nil while there is room in the one
// before.
func (a *Acceptor) nextSegment() *segment {
	if a.log.file != nil && a.log.length < int64(a.options.Segment) {
		return nil
	}
	return a.newSegment(a.newest + 1)
}

// roll begins the segment that the stage opens. The one before is covered to its end first:
// that it ends there is said nowhere else.
func (a *Acceptor) roll() error {
	if err := a.coverNow(); err != nil {
		return err
	}
	s := a.stage.segment
	if err := a.endSegment(); err != nil {
		return err
	}
	err := a.change("create", s.path, func() error {
		f, filled, err := a.openNext(s.path)
		if err != nil {
			return err
		}
		a.log = logWriter{segment: s, file: f, ahead: min(logAhead, int64(a.options.Segment)/8), filled: filled}
		return syncDir(a.disk, a.votesPath())
	})
	if err != nil {
		return err
	}
	a.newest = s.number
	return nil
}

// endSegment closes the segment that is written.
func (a *Acceptor) endSegment() error {
	if a.log.file == nil {
		return nil
	}
	f := a.log.file
	a.log.file = nil
	return a.change("close", a.log.segment.path, f.Close)
}

// openNext makes the file of a new segment, of one that is not needed any more if there is
// one: what is written over old bytes is cheaper to sync. It returns the bytes that it has.
func (a *Acceptor) openNext(path string) (vfs.File, int64, error) {
	old, ok := a.spares.take()
	if !ok {
		f, err := createFile(a.disk, path)
		return f, 0, err
	}
	f, err := a.disk.ReuseForWrite(old, path, diskWrites)
	if err != nil {
		return nil, 0, err
	}
	a.counters.recycled.Add(1)
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), restrict(f)
}
