package streams

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// A Message is one command: a NATS message in the order of the log.
type Message struct {
	Subject string // relative to "synod.<cluster>."
	Header  []byte // NATS wire form, "NATS/1.0\r\nKey: value\r\n\r\n"; nil for none
	Data    []byte
	Skipped bool // an operator had it skipped: it is answered with an error, and not applied
}

// A Reply answers one command.
type Reply struct {
	Header []byte // NATS wire form; nil for none
	Data   []byte // JetStream's JSON, success or {"error":{...}}
}

// A Machine holds the replicated state of one learner on its disk.
//
// Apply belongs to one goroutine. All other methods may be called from any
// goroutine, also while Apply runs. After an error of Apply the machine refuses
// to apply anything more: close it, and open it again to start from what is on
// disk.
type Machine struct {
	dir   string // of the database in use
	db    *pebble.DB
	cache *pebble.Cache
	lock  *pebble.Lock

	// applying is held while a slot is applied, and while slots are committed. It guards
	// what follows.
	applying sync.Mutex
	globals  globals
	byName   map[string]*stream // only looked up, never walked
	order    []*stream          // by id
	routes   routes
	ledger   *stream
	skips    int   // commands that are remembered as skipped
	nextDue  int64 // log time of the next expiry, 0 none; may be early
	broken   error
	work     work
	groupAt  int             // bytes of applied slots that are committed although nobody looks
	spillAt  int             // bytes of a batch after which a long removal is written in parts
	spilled  func(bytes int) // for tests: called after each part; may be nil
	departs  func() error    // for tests: called before a group that departs is committed, and instead if it fails; may be nil

	mu       sync.RWMutex // makes catalog, frozen and db change together
	catalog  *catalog
	frozen   *sharedSnapshot // what readers see while a slot is written in parts
	pending  atomic.Bool     // slots are applied that are not committed
	position atomic.Pointer[Digest]
	expiry   atomic.Int64
	durable  atomic.Uint64
	version  atomic.Uint64
	supports uint64
	advanced notifier
	failure  *failureReport
	marks    *marks

	generation atomic.Uint64 // of the cluster
}

// SetGeneration says how often the cluster was restored: a number above that of any
// cluster that the state was in before. What is handed out from then on is above all
// that any of those handed out, also after the copy from which this one was restored:
// tokens of leases and numbers of sessions. All machines of a cluster have the same, from
// before the first Apply on. The first generation is 1.
func (m *Machine) SetGeneration(n uint64) { m.generation.Store(n) }

// generationBits is how many numbers a generation has: 2^40.
const generationBits = 40

// nextNumber is the number after last in the machine's generation.
func (m *Machine) nextNumber(last uint64) uint64 {
	return max(last, (max(m.generation.Load(), 1)-1)<<generationBits) + 1
}

// errClosed is what a machine that was closed says.
var errClosed = errors.New("streams: machine is closed")

// Open opens the state in dir, or makes an empty one in which LEDGER exists. What
// an interrupted Restore has left there is removed.
//
// It fails when another process holds dir, when dir was written in another
// format, and when what it reads there is damaged.
func Open(dir string, o Options) (*Machine, error) {
	o = o.withDefaults()
	home, err := openHome(dir, o)
	if err != nil {
		return nil, err
	}
	m, err := openState(home, o)
	if err != nil {
		return nil, errors.Join(err, home.lock.Close())
	}
	return m, nil
}

// openState opens the database that home names, and makes it when there is none.
func openState(home *home, o Options) (*Machine, error) {
	name := home.current
	if name == "" {
		name = home.nextName()
		if err := home.clear(name); err != nil {
			return nil, err
		}
	}
	f := newFailure(home, name, o)
	return attempt(f, func() (*Machine, error) {
		m, err := openMachine(f, o)
		if err != nil {
			return nil, err
		}
		if home.current == "" {
			err = m.genesis(o.Limits)
			if err == nil {
				err = home.use(name)
			}
		}
		if err == nil {
			err = m.load()
		}
		if err != nil {
			return nil, errors.Join(err, m.closeDatabase())
		}
		m.lock = home.lock
		return m, nil
	})
}

// openMachine opens one database, without reading it.
func openMachine(f *failureReport, o Options) (*Machine, error) {
	cache := o.newCache()
	db, err := f.open(o.pebble(cache, f))
	if err != nil {
		cache.Unref()
		return nil, err
	}
	m := &Machine{dir: f.dir, db: db, cache: cache, spillAt: spillBytes, groupAt: min(groupBytes, int(o.MemTableBytes/8)), failure: f, supports: o.Supports, marks: &marks{}}
	m.position.Store(&Digest{})
	m.generation.Store(o.Generation)
	return m, nil
}

// Close makes everything applied durable and releases the directory. It must not
// run while another method does, nor before every View and Snapshot is closed. After
// a change of the disk failed, it returns that failure and releases nothing: the
// process should end.
func (m *Machine) Close() error {
	_, err := m.Sync()
	err = errors.Join(err, m.closeDatabase())
	if m.failure.IsStuck() {
		return err // the directory stays locked
	}
	return errors.Join(err, m.lock.Close())
}

// closeDatabase releases the database, not the directory.
func (m *Machine) closeDatabase() error {
	m.broken = errClosed
	m.advanced.close()
	err := m.failure.do(func() error {
		defer m.cache.Unref()
		return errors.Join(m.guard((*work).arrive), m.work.close(), m.thaw(), m.db.Close())
	})
	if err != nil {
		return fmt.Errorf("streams: close %s: %w", m.dir, err)
	}
	return nil
}

// Applied returns the last slot in the state, 0 before the first.
func (m *Machine) Applied() uint64 { return m.position.Load().Slot }

// LogTime returns the log time after the last slot, in nanoseconds since the Unix
// epoch.
func (m *Machine) LogTime() int64 { return m.position.Load().LogTime }

// NextExpiry returns the log time at which something in the state is next due to
// end, 0 when nothing is. It may be earlier than the true one, never later. A
// time not after LogTime means that the last slot left work for the next one.
func (m *Machine) NextExpiry() int64 { return m.expiry.Load() }

// Digest returns the digest of the state and the slot at which it was taken.
func (m *Machine) Digest() Digest { return *m.position.Load() }

// Durable returns the last slot that is known to survive a loss of power.
func (m *Machine) Durable() uint64 { return m.durable.Load() }

// Sync makes durable what Apply has returned from, and returns the last such
// slot. It writes tables, so it is not for every slot. After an error what is durable is
// unknown and the machine must be closed.
func (m *Machine) Sync() (uint64, error) {
	slot := m.Applied()
	if slot <= m.durable.Load() {
		return m.durable.Load(), nil
	}
	err := m.settle()
	if err == nil {
		err = m.failure.do(m.db.Flush)
	}
	if err != nil {
		return m.durable.Load(), fmt.Errorf("streams: sync %s: %w", m.dir, err)
	}
	for {
		known := m.durable.Load()
		if known >= slot || m.durable.CompareAndSwap(known, slot) {
			return max(known, slot), nil
		}
	}
}
