package consumers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// Options say how a Service delivers.
type Options struct {
	// Leaf is the leaf-node connection; nil: there is none, and consumers are refused.
	Leaf *leaf.Options
	// Plain is a client connection for statuses when there is no leaf-node connection; it
	// stays its owner's. nil: nats.go's, whose statuses clients of other languages do not
	// understand.
	Plain *leaf.Link
	// Reach returns once the streams hold this slot, or ctx's error.
	Reach func(context.Context, paxos.Slot) error
	Most  int          // how many consumers there may be; 0: 65536
	Bytes int          // that consumers and requests that wait take at most, about; 0: 512 MiB
	Log   *slog.Logger // nil: slog.Default
}

// A Source is the state that consumers read.
type Source interface {
	// Read calls read with a view of the present state, and returns its error.
	Read(read func(*streams.View) error) error
}

// A Service is all consumers of one learner.
type Service struct {
	bus     *bus.Bus
	source  Source
	options Options
	link    *leaf.Link // nil: none
	process string     // of no other start of any process
	quiet   rate.Sometimes

	cancel context.CancelFunc
	ctx    context.Context
	work   sync.WaitGroup

	path      atomic.Pointer[error] // why nothing can be delivered; nil: it can
	delivered atomic.Uint64

	ending sync.Mutex // makes ended and work change together
	ended  bool

	mu       sync.Mutex
	stopped  bool
	groups   map[string]*group
	byInbox  map[string][]*consumer // push consumers, by deliver subject
	byNumber map[uint64]*consumer
	nexts    map[key]*bus.Listener // pull consumers' requests
	numbers  uint64
	count    int
	held     int           // bytes that are kept for clients, about
	turns    []*consumer   // that wait for a turn
	full     bool          // the connection takes no more
	seen     paxos.Slot    // of the last view
	occupied chan struct{} // closed while there are consumers
	wake     chan struct{} // of capacity 1
	looked   chan struct{} // of capacity 1: seen has risen
	flow     *bus.Listener
}

// ErrNoLeaf is why a learner without a leaf-node connection delivers nothing.
var ErrNoLeaf = errors.New("it has no leaf-node connection to its NATS server: start learners with --leaf, and the server with a leafnodes port")

// New starts a service without consumers. The caller must Stop it before it closes s.
func New(b *bus.Bus, s Source, o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Most == 0 {
		o.Most = 1 << 16
	}
	if o.Bytes == 0 {
		o.Bytes = 512 << 20
	}
	v := &Service{
		bus: b, source: s, options: o, process: rand.Text(), quiet: rate.Sometimes{First: 3, Interval: 10 * time.Second},
		groups: map[string]*group{}, byInbox: map[string][]*consumer{}, byNumber: map[uint64]*consumer{}, nexts: map[key]*bus.Listener{},
		occupied: make(chan struct{}), wake: make(chan struct{}, 1), looked: make(chan struct{}, 1),
	}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	v.block(ErrNoLeaf)
	if err := v.connect(); err != nil {
		v.cancel()
		return nil, err
	}
	if o.Leaf == nil {
		return v, nil
	}
	var err error
	if v.flow, err = b.ServeClients("", []string{b.Subjects().API("FLOW.*." + v.process + ".>")}, v.answered); err != nil {
		v.cancel()
		return nil, errors.Join(err, v.link.Close())
	}
	v.work.Go(v.pump)
	v.work.Go(v.follow)
	v.work.Go(v.checkPath)
	return v, nil
}

// connect opens the connection that there is to be, or takes the one that there is.
func (v *Service) connect() error {
	if v.options.Leaf == nil {
		v.link = v.options.Plain
		return nil
	}
	connection := *v.options.Leaf
	connection.Changed, connection.Log = v.changed, v.options.Log
	link, err := leaf.Open(connection)
	v.link = link
	return err
}

// block notes why nothing can be delivered; nil: it can.
func (v *Service) block(err error) {
	if err == nil {
		v.path.Store(nil)
		return
	}
	v.path.Store(&err)
}

// Path is why nothing can be delivered from here; nil when it can.
func (v *Service) Path() error {
	if p := v.path.Load(); p != nil {
		return *p
	}
	return nil
}

// Stop ends all consumers: clients that can go on elsewhere are told to.
func (v *Service) Stop() error {
	v.mu.Lock()
	v.stopped = true
	for _, c := range v.byNumber {
		c.farewell()
		c.wait.end(c, "Server Shutdown")
		v.remove(c)
	}
	flow := v.flow
	v.mu.Unlock()
	v.cancel()
	v.ending.Lock()
	v.ended = true
	v.ending.Unlock()
	v.work.Wait()
	var errs []error
	if flow != nil {
		errs = append(errs, flow.Stop())
	}
	if v.options.Leaf != nil {
		errs = append(errs, v.link.Close())
	}
	return errors.Join(errs...)
}

// Counts are for people: how many consumers there are, and how many messages they
// delivered.
func (v *Service) Counts() (consumers int, delivered uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.count, v.delivered.Load()
}

// listens reports whether a message to inbox would reach anybody.
func (v *Service) listens(inbox string) bool { return v.link.Listens(inbox) }

// flowSubject is where a client answers a question of flow control.
func (v *Service) flowSubject(c *consumer, round uint64) string {
	return v.bus.Subjects().API(fmt.Sprintf("FLOW.%s.%s.%d.%d", c.stream, v.process, c.number, round))
}

// answered is a client's answer.
func (v *Service) answered(m *nats.Msg) {
	number, ok := numberOf(m.Subject)
	if !ok {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if c := v.byNumber[number]; c != nil && c.window.answered(m.Subject) {
		v.enqueue(c)
	}
}

// changed hears of those who listen.
func (v *Service) changed(subject string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if subject != "" && streams.Literal(subject) && len(v.nexts) == 0 {
		for _, c := range v.byInbox[subject] {
			v.enqueue(c)
		}
		return
	}
	for _, c := range v.byNumber {
		if c.push() && (subject == "" || streams.Matches(subject, c.config.DeliverSubject)) || !c.push() && len(c.wait.requests) > 0 {
			v.enqueue(c)
		}
	}
}

// enqueue gives c a turn.
func (v *Service) enqueue(c *consumer) {
	if c.queued || c.gone {
		return
	}
	c.queued = true
	v.turns = append(v.turns, c)
	v.signal()
}

func (v *Service) signal() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}
