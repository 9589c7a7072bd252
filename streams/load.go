package streams

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// appendConfig is the record of the config table.
func appendConfig(b []byte, created int64, c *Config) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(created)), mustJSON(c)...)
}

func parseConfig(b []byte) (created int64, c *Config, ok bool) {
	r := reader{b: b}
	created = r.int64()
	c = new(Config)
	return created, c, !r.bad && json.Unmarshal(r.b, c) == nil
}

// genesis writes the state before the first slot, durably.
func (m *Machine) genesis(limits Limits) error {
	m.byName = make(map[string]*stream)
	return m.guard(func(w *work) {
		fail(m.db.Set([]byte{tableVersion}, []byte{formatVersion}, pebble.NoSync))
		w.begin(0)
		w.sum = Sum{}
		m.globals = globals{version: firstVersion, nextStream: 1, limits: limits}
		w.insert(&w.sum, []byte{tableGlobals}, appendGlobals(nil, m.globals))
		w.addStream(ledgerConfig())
		w.commit(Digest{})
		fail(m.db.Flush())
	})
}

// guard runs do and returns its failure as an error.
func (m *Machine) guard(do func(w *work)) (err error) {
	m.work.m = m
	defer func() {
		if p := recover(); p != nil {
			f, ok := p.(*failure)
			if !ok {
				panic(p)
			}
			err = f.err
		}
		err = errors.Join(err, m.work.close())
	}()
	do(&m.work)
	return nil
}

// load reads what the machine keeps in memory, and checks that it agrees with the
// stored digest.
func (m *Machine) load() error {
	if err := m.checkVersion(); err != nil {
		return err
	}
	m.byName = make(map[string]*stream)
	m.order, m.routes, m.ledger, m.nextDue = nil, routes{}, nil, 0
	return m.guard(func(w *work) {
		w.begin(0)
		position := w.loadPosition()
		progress, half := w.loadProgress()
		want := position.Sum
		if half {
			want = progress.sum
		}
		sum := w.loadGlobals()
		w.loadSkips(&sum)
		w.loadStreams(&sum)
		if sum != want {
			fail(fmt.Errorf("streams: damaged state in %s: digest after slot %d is %s, its records have %s", m.dir, position.Slot, want, sum))
		}
		for _, s := range m.order {
			s.singleIDs = s.state.ids > 0
			if run, ok := w.firstIDs(s); ok {
				s.idStart = seqOfKey(run.key)
			} else {
				s.idStart = s.state.nextID
			}
			s.nextDue = w.nextDueOf(s)
			if s.nextDue != 0 {
				w.due(s, s.nextDue)
			}
		}
		m.catalog = newCatalog(m.order)
		m.position.Store(&position)
		m.marks.floor = position.Slot
		m.expiry.Store(m.nextDue)
		m.version.Store(m.globals.version)
		m.durable.Store(position.Slot)
		if half {
			w.resume(progress)
		}
	})
}

func (m *Machine) checkVersion() error {
	v, closer, err := m.db.Get([]byte{tableVersion})
	if errors.Is(err, pebble.ErrNotFound) {
		return fmt.Errorf("streams: open %s: it has no format version", m.dir)
	}
	if err != nil {
		return fmt.Errorf("streams: read format version in %s: %w", m.dir, err)
	}
	defer closer.Close()
	if len(v) != 1 || v[0] != formatVersion {
		return fmt.Errorf("streams: open %s: format version %x, this build reads %d only", m.dir, v, formatVersion)
	}
	return nil
}

func (w *work) loadPosition() Digest {
	key := []byte{tablePosition}
	v, _ := w.get(key)
	d, ok := parsePosition(v)
	if !ok {
		fail(damaged(key, "not a position"))
	}
	return d
}

func (w *work) loadGlobals() Sum {
	key := []byte{tableGlobals}
	v, _ := w.get(key)
	g, ok := parseGlobals(v)
	if !ok {
		fail(damaged(key, "not the globals"))
	}
	if g.version < firstVersion {
		fail(damaged(key, "no version of the rules"))
	}
	if g.version > w.m.supports {
		fail(&VersionError{g.version, w.m.supports})
	}
	w.m.globals = g
	return w.hash.pair(key, v)
}

// loadStreams reads every stream and adds their records to sum.
func (w *work) loadStreams(sum *Sum) {
	m := w.m
	it := w.between([]byte{tableConfig}, []byte{tableConfig + 1})
	for ok := it.First(); ok; ok = it.Next() {
		created, c, ok := parseConfig(it.Value())
		if !ok || len(it.Key()) != prefixBytes {
			fail(damaged(it.Key(), "not a configuration"))
		}
		s := newStream(binary.BigEndian.Uint64(it.Key()[1:]), c, created)
		s.configSum = w.hash.pair(it.Key(), it.Value())
		sum.add(s.configSum)
		w.loadState(s)
		sum.add(s.stateSum)
		m.order = append(m.order, s)
		m.byName[c.Name] = s
		m.routes.add(s)
	}
	check(it)
	m.ledger = m.byName[Ledger]
	if m.ledger == nil {
		fail(fmt.Errorf("streams: damaged state in %s: no stream %s", m.dir, Ledger))
	}
}

func (w *work) loadState(s *stream) {
	w.key = appendPrefix(w.key[:0], tableState, s.id)
	v, _ := w.get(w.key)
	var ok bool
	if s.state, ok = parseStreamState(v); !ok {
		fail(damaged(w.key, "not the counters of a stream"))
	}
	s.stateSum = w.hash.pair(w.key, v)
}

// A catalog is the set of streams at one slot. It is never changed.
type catalog struct {
	byName map[string]*entry
	sorted []*entry // by name
}

// An entry is what a reader needs to know of a stream besides its pairs.
type entry struct {
	id      uint64
	config  *Config
	created int64
	plain   bool
}

func newCatalog(order []*stream) *catalog {
	c := &catalog{byName: make(map[string]*entry, len(order))}
	for _, s := range order {
		e := &entry{id: s.id, config: s.config, created: s.created, plain: s.plain}
		c.byName[s.config.Name] = e
		c.sorted = append(c.sorted, e)
	}
	slices.SortFunc(c.sorted, func(a, b *entry) int {
		if a.config.Name < b.config.Name {
			return -1
		}
		return 1
	})
	return c
}

// A notifier wakes whoever waits for the next slot. Its zero value is ready.
type notifier struct {
	mu   sync.Mutex
	next chan struct{} // closed by wake; nil when nobody waits
	done bool
}

var closedChannel = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// wait returns a channel that the next wake closes.
func (n *notifier) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.done {
		return closedChannel
	}
	if n.next == nil {
		n.next = make(chan struct{})
	}
	return n.next
}

func (n *notifier) wake() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next != nil {
		close(n.next)
		n.next = nil
	}
}

// close wakes for ever.
func (n *notifier) close() {
	n.wake()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done = true
}

// Advanced returns a channel that is closed once Applied is above slot, and once
// the machine is closed. Whoever follows a stream reads it to its end, remembers
// Applied from before that, and waits here.
func (m *Machine) Advanced(slot uint64) <-chan struct{} {
	c := m.advanced.wait()
	if m.Applied() > slot {
		return closedChannel
	}
	return c
}
