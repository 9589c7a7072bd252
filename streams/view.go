package streams

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A View is the whole state after one slot, while Apply continues. Any number of
// goroutines may read it. It holds back the removal of old data from disk, so it
// must be closed soon.
type View struct {
	snapshot *sharedSnapshot
	catalog  *catalog
	marks    *marks
	dir      string
	lost     error // why the state can not be read

	once     sync.Once // reads the two below
	position Digest
	err      error
}

// A StoredMessage is a message of a stream. It belongs to the caller.
type StoredMessage struct {
	Stream  string
	Subject string
	Seq     uint64
	Time    time.Time // log time of the slot that stored it
	Header  []byte    // NATS wire form; nil for none
	Data    []byte
}

// View returns the state after the last slot.
func (m *Machine) View() *View {
	lost := m.settle()
	m.mu.RLock()
	defer m.mu.RUnlock()
	s := m.frozen
	if s == nil {
		s = &sharedSnapshot{Snapshot: m.db.NewSnapshot()}
	}
	s.users.Add(1)
	return &View{snapshot: s, catalog: m.catalog, marks: m.marks, dir: m.dir, lost: lost}
}

// Close releases the view, which must not be used again.
func (v *View) Close() error { return v.snapshot.release() }

// A sharedSnapshot is closed by the last of its users.
type sharedSnapshot struct {
	*pebble.Snapshot
	users atomic.Int64
}

func (s *sharedSnapshot) release() error {
	if s.users.Add(-1) > 0 {
		return nil
	}
	return s.Close()
}

// Digest returns the slot that the view is of, its log time and its digest.
func (v *View) Digest() (Digest, error) {
	v.once.Do(func() { v.position, v.err = v.readPosition() })
	return v.position, v.err
}

func (v *View) readPosition() (Digest, error) {
	key := []byte{tablePosition}
	b, closer, err := v.get(key)
	if err != nil {
		return Digest{}, err
	}
	defer closer()
	d, ok := parsePosition(b)
	if !ok {
		return Digest{}, damaged(key, "not a position")
	}
	return d, nil
}

var errNoPair = errors.New("streams: no such pair")

// get returns the value of key until release is called. A key that is not there is
// errNoPair.
func (v *View) get(key []byte) (value []byte, release func(), err error) {
	if v.lost != nil {
		return nil, nil, v.lost
	}
	value, closer, err := v.snapshot.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil, errNoPair
	}
	if err != nil {
		return nil, nil, fmt.Errorf("streams: read key %x in %s: %w", key, v.dir, err)
	}
	// Closing a read that succeeded can not fail in a way that matters to it.
	return value, func() { _ = closer.Close() }, nil
}

// scan calls do for the pairs in [lower, upper), upwards, until it returns false.
// The slices are valid during the call.
func (v *View) scan(lower, upper []byte, do func(key, value []byte) (bool, error)) error {
	if v.lost != nil {
		return v.lost
	}
	it, err := v.snapshot.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("streams: read from key %x in %s: %w", lower, v.dir, err)
	}
	err = scanIterator(it, do)
	if closeErr := it.Close(); closeErr != nil {
		err = fmt.Errorf("streams: read from key %x in %s: %w", lower, v.dir, closeErr)
	}
	return err
}

func scanIterator(it *pebble.Iterator, do func(key, value []byte) (bool, error)) error {
	for ok := it.First(); ok; ok = it.Next() {
		more, err := do(it.Key(), it.Value())
		if err != nil || !more {
			return err
		}
	}
	return it.Error()
}

func (v *View) entry(stream string) (*entry, error) {
	e := v.catalog.byName[stream]
	if e == nil {
		return nil, ErrStreamNotFound
	}
	return e, nil
}

// Config returns the configuration of a stream, which must not be changed.
func (v *View) Config(stream string) (*Config, error) {
	e, err := v.entry(stream)
	if err != nil {
		return nil, err
	}
	return e.config, nil
}

// Names returns the streams with a subject that filter, a subject that may have
// wildcards, overlaps; all when filter is empty. They are sorted.
func (v *View) Names(filter string) []string {
	names := make([]string, 0, len(v.catalog.sorted))
	for _, e := range v.catalog.sorted {
		if filter == "" || e.overlaps([]byte(filter)) {
			names = append(names, e.config.Name)
		}
	}
	return names
}

func (e *entry) overlaps(filter []byte) bool {
	for _, subject := range e.config.Subjects {
		if collide([]byte(subject), filter) {
			return true
		}
	}
	return false
}

// Info describes a stream.
func (v *View) Info(stream string) (*StreamInfo, error) {
	e, err := v.entry(stream)
	if err != nil {
		return nil, err
	}
	state, err := v.state(e)
	if err != nil {
		return nil, err
	}
	position, err := v.Digest()
	if err != nil {
		return nil, err
	}
	var first int64
	if state.msgs > 0 {
		m, err := v.message(e, state.first)
		if err != nil {
			return nil, err
		}
		first = m.Time.UnixNano()
	}
	return &StreamInfo{Config: *e.config, Created: toTime(e.created), State: state.publicState(first), Time: toTime(position.LogTime)}, nil
}

func (v *View) state(e *entry) (s streamState, err error) {
	key := appendPrefix(nil, tableState, e.id)
	b, release, err := v.get(key)
	if err != nil {
		return s, err
	}
	defer release()
	s, ok := parseStreamState(b)
	if !ok {
		return s, damaged(key, "not the counters of a stream")
	}
	return s, nil
}

// message reads one message, ErrMessageNotFound when there is none.
func (v *View) message(e *entry, seq uint64) (*StoredMessage, error) {
	key := appendSeqKey(nil, tableMessage, e.id, seq)
	b, release, err := v.get(key)
	if errors.Is(err, errNoPair) {
		return nil, ErrMessageNotFound
	}
	if err != nil {
		return nil, err
	}
	defer release()
	return e.stored(key, b)
}

// stored copies a message out of the database.
func (e *entry) stored(key, value []byte) (*StoredMessage, error) {
	m, ok := parseMessage(value)
	if !ok {
		return nil, damaged(key, "not a message")
	}
	return &StoredMessage{
		Stream:  e.config.Name,
		Subject: string(m.subject),
		Seq:     seqOfKey(key),
		Time:    toTime(m.time),
		Header:  bytes.Clone(m.header),
		Data:    bytes.Clone(m.data),
	}, nil
}

// subject reads the record of a subject, zero when it has no messages.
func (v *View) subject(e *entry, subject []byte) (r subjectRecord, err error) {
	key := appendSubjectKey(nil, e.id, subject)
	b, release, err := v.get(key)
	if errors.Is(err, errNoPair) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	defer release()
	r, ok := parseSubjectRecord(b)
	if !ok {
		return r, damaged(key, "not a subject record")
	}
	return r, nil
}
