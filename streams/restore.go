package streams

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/cockroachdb/pebble/v2"
)

// Restore replaces the state in dir, if there is one, by the snapshot in r, and
// opens it. No machine may have dir open.
//
// The new state is put in place by one atomic step, after every pair was compared
// with the snapshot's digest and all is durable. An error or a crash before it
// leaves the old state, or none; what was written so far is removed by the next
// Open or Restore.
func Restore(dir string, r io.Reader, o Options) (*Machine, error) {
	o = o.withDefaults()
	home, err := openHome(dir, o)
	if err != nil {
		return nil, err
	}
	m, err := restore(home, r, o)
	if err != nil {
		return nil, errors.Join(err, home.lock.Close())
	}
	return m, nil
}

func restore(home *home, r io.Reader, o Options) (*Machine, error) {
	return home.replace(o, func(name string, f *failureReport) error {
		return restoreInto(f, r, o)
	}, (*Machine).load)
}

// replace fills a new database, opens and checks it, and puts it in the place of the
// one in use.
func (h *home) replace(o Options, fill func(name string, f *failureReport) error, check func(*Machine) error) (*Machine, error) {
	name := h.nextName()
	f := newFailure(h, name, o)
	m, err := attempt(f, func() (*Machine, error) {
		if err := errors.Join(h.clear(name), fill(name, f)); err != nil {
			return nil, err
		}
		return openMachine(f, o)
	})
	if err != nil {
		return nil, errors.Join(err, h.clear(name))
	}
	return attempt(f, func() (*Machine, error) {
		err := check(m)
		if err == nil {
			err = h.use(name)
		}
		if err == nil {
			err = h.removeUnused()
		}
		if err != nil {
			return nil, errors.Join(err, m.closeDatabase())
		}
		m.lock = h.lock
		return m, nil
	})
}

// restoreInto fills the new database of f, durably.
func restoreInto(f *failureReport, r io.Reader, o Options) (err error) {
	cache := o.newCache()
	defer cache.Unref()
	db, err := f.open(o.pebble(cache, f))
	if err != nil {
		return err
	}
	sink := &databaseSink{db: db}
	defer func() {
		if closeErr := sink.close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("streams: close %s: %w", f.dir, closeErr))
		}
	}()
	if err := newLoader(r, sink).load(); err != nil {
		return err
	}
	if err := db.Flush(); err != nil {
		return fmt.Errorf("streams: flush %s: %w", f.dir, err)
	}
	return nil
}

// Verify reads a whole snapshot, and returns which state it holds. It keeps nothing.
func Verify(r io.Reader) (Digest, error) {
	l := newLoader(r, discard{})
	err := l.load()
	return l.position, err
}

type discard struct{}

func (discard) set(_, _ []byte) error { return nil }

func (discard) endBlock() error { return nil }

// A pairSink takes the pairs of a state.
type pairSink interface {
	set(key, value []byte) error
	endBlock() error // the pairs so far may be written
}

// A databaseSink writes pairs to a new database, one batch to a block.
type databaseSink struct {
	db    *pebble.DB
	batch *pebble.Batch
}

func (s *databaseSink) set(key, value []byte) error {
	if s.batch == nil {
		s.batch = s.db.NewBatch()
	}
	if err := s.batch.Set(key, value, nil); err != nil {
		return fmt.Errorf("streams: restore: %w", err)
	}
	return nil
}

func (s *databaseSink) endBlock() error {
	if s.batch == nil {
		return nil
	}
	err := errors.Join(s.batch.Commit(pebble.NoSync), s.batch.Close())
	s.batch = nil
	if err != nil {
		return fmt.Errorf("streams: restore: %w", err)
	}
	return nil
}

func (s *databaseSink) close() error {
	var err error
	if s.batch != nil {
		err = s.batch.Close()
	}
	return errors.Join(err, s.db.Close())
}

// A loader copies a snapshot into a sink and checks it on the way.
type loader struct {
	r     snapshotReader
	sink  pairSink
	scrub scrub
	last  []byte // key of the last pair
	count uint64

	position Digest // as the snapshot says
}

func newLoader(r io.Reader, sink pairSink) *loader {
	return &loader{r: snapshotReader{r: r}, sink: sink, scrub: scrub{streams: make(map[uint64]*scrubbed)}}
}

func (l *loader) load() error {
	position, err := l.r.header()
	if err != nil {
		return err
	}
	l.position = position
	for {
		kind, payload, err := l.r.block()
		if err != nil {
			return err
		}
		runtime.Gosched() // see internal/gentle
		switch kind {
		case kindPairs:
			err = l.pairs(payload)
		case kindEnd:
			return l.finish(payload, position)
		default:
			err = l.r.errorf("block of kind %q", kind)
		}
		if err != nil {
			return err
		}
	}
}

// pairs writes the pairs of one block.
func (l *loader) pairs(payload []byte) error {
	f := reader{b: payload}
	for len(f.b) > 0 {
		key, value := f.bytes(), f.bytes()
		if f.bad || bytes.Compare(key, l.last) <= 0 || key[0] < firstSnapshotOf {
			return l.r.errorf("pairs out of order")
		}
		l.last = append(l.last[:0], key...)
		l.count++
		if err := l.scrub.add(key, value); err != nil {
			return l.r.errorf("%v", err)
		}
		if err := l.sink.set(key, value); err != nil {
			return err
		}
	}
	return l.sink.endBlock()
}

// finish checks the whole and writes what makes it a state.
func (l *loader) finish(payload []byte, position Digest) error {
	f := reader{b: payload}
	if count := f.uvarint(); !f.done() || count != l.count {
		return l.r.errorf("it should have %d pairs and has %d", count, l.count)
	}
	if err := l.scrub.compare(position); err != nil {
		return l.r.errorf("%v", err)
	}
	if err := l.sink.set([]byte{tableVersion}, []byte{formatVersion}); err != nil {
		return err
	}
	if err := l.sink.set([]byte{tablePosition}, appendPosition(nil, position)); err != nil {
		return err
	}
	return l.sink.endBlock()
}
