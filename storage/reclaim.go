package storage

import (
	"sync"

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
	for _, s := range obsolete {
		if err := a.discard(s.path); err != nil {
			return err
		}
	}
	return nil
}

// spares are files of former segments. They are safe for concurrent use.
type spares struct {
	mu    sync.Mutex
	paths []string
}

// put keeps the file at path, and reports whether it did.
func (s *spares) put(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.paths) >= spareFiles {
		return false
	}
	s.paths = append(s.paths, path)
	return true
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
