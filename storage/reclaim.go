package storage

import (
	"slices"
	"sync"

	"github.com/synod-paxos/synod/internal/gentle"
	"github.com/synod-paxos/synod/paxos"
)

// trim says that the trim point is durable.
func (a *Acceptor) trim(below paxos.Slot) {
	if a.trimmed.Swap(uint64(below)) != uint64(below) {
		go a.dropTrimmed()
	}
}

// dropTrimmed drops the segments that are all below the trim point, unless that is being
// done. The trim point is in the state, and what lies below it is never read again; so this
// is done apart, and a crash or a delay costs nothing but space. Whole segments are dropped,
// from the lower end, and nothing is rewritten.
func (a *Acceptor) dropTrimmed() {
	if !a.dropping.TryLock() {
		return
	}
	defer a.dropping.Unlock()
	a.dropAll()
}

// dropAll drops what is all below the trim point by now.
func (a *Acceptor) dropAll() {
	for a.halt.Cause() == nil {
		obsolete, first := a.index.cut(paxos.Slot(a.trimmed.Load()))
		if len(obsolete) == 0 {
			return
		}
		a.counters.reclaims.Add(1)
		if a.drop(obsolete, first) != nil {
			return // the store is halted by an error
		}
	}
}

// drop gives the files of obsolete segments back, once the cover says where the log begins
// now: a segment that is missing without that was lost.
func (a *Acceptor) drop(obsolete []*segment, first *segment) error {
	a.cover.begins(first.number, first.before)
	if err := a.coverNow(); err != nil {
		return err
	}
	a.spares.expect(len(obsolete), a.SpaceLow())
	paths := make([]string, len(obsolete))
	for i, s := range obsolete {
		paths[i] = s.path
	}
	return a.discard(paths...)
}

// discard keeps the files of segments that are over, and removes those that are too many.
func (a *Acceptor) discard(paths ...string) error {
	for _, path := range a.spares.put(paths...) {
		if err := a.change("remove", path, func() error { return gentle.Remove(a.disk, path) }); err != nil {
			return err
		}
	}
	return nil
}

// An acceptor that works hard fills many files between two trims, so as many are kept for the
// next ones, within these bounds: what is written over old bytes needs no memory of the
// operating system's and no journal of the file system's, and is cheaper to sync.
const (
	leastSpares = 2
	mostSpares  = 16
)

// spares are files of former segments. They are safe for concurrent use.
type spares struct {
	mu    sync.Mutex
	paths []string
	keep  int // how many are kept; leastSpares if it is less
}

// expect says that so many files are dropped at once, and probably will be again; after
// fewer, one less is kept, and while space is low as few as may be.
func (s *spares) expect(dropped int, low bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep = min(max(dropped, s.keep-1), mostSpares)
	if low {
		s.keep = 0
	}
}

// put adds the files, and returns those that are too many, which are not kept.
func (s *spares) put(paths ...string) (surplus []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, paths...)
	n := min(max(s.keep, leastSpares), len(s.paths))
	surplus, s.paths = slices.Clone(s.paths[n:]), s.paths[:n]
	return surplus
}

// take gives up one, if there is one.
func (s *spares) take() (path string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.paths) == 0 {
		return "", false
	}
	path = s.paths[0]
	s.paths = s.paths[1:]
	return path, true
}
