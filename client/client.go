package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// Client is a connection to one cluster. It reconnects by itself, for ever. Its
// methods may be called from any goroutine; what many of them propose or read at
// once goes together.
type Client struct {
	options Options
	bus     *bus.Bus
	caller  *caller
	ids     string        // what every id made here starts with
	lastID  atomic.Uint64 // made here
	seen    atomic.Uint64 // highest position in any answer
	clock   atomic.Int64  // highest log time in any answer; 0: none yet
	born    time.Time

	generation atomic.Uint64 // highest in any answer
	heard      atomic.Int64  // when clock was heard last, in nanoseconds since born
	stop       chan struct{}
	close      sync.Once
	done       sync.WaitGroup

	asking turn      // the log time
	asked  time.Time // the log time, last

	sessionsTurn turn
	sessions     map[string]*Session // that transactions use, by stream

	mu     sync.Mutex
	lanes  map[laneKey]*lane
	closed bool

	readsApart atomic.Int64 // reads share no messages until then, in nanoseconds since born
}

// Connect connects to the cluster that o names. It fails when no NATS server can be
// reached, unless o.NATS.Wait is set; whether the cluster runs shows in the calls.
// The caller must Close the client.
func Connect(ctx context.Context, o Options) (*Client, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	b, err := bus.Connect(ctx, o.NATS)
	if err != nil {
		return nil, err
	}
	c := &Client{options: o, bus: b, ids: strings.ToLower(rand.Text()[:16]), stop: make(chan struct{}), lanes: map[laneKey]*lane{}, born: time.Now()}
	c.sessions, c.sessionsTurn, c.asking = map[string]*Session{}, newTurn(), newTurn()
	c.generation.Store(o.Generation)
	if c.caller, err = newCaller(b, c.current); err != nil {
		b.Close()
		return nil, err
	}
	broken := b.Conn().StatusChanged(nats.RECONNECTING, nats.DISCONNECTED)
	c.done.Go(func() { c.watchConnection(broken) })
	return c, nil
}

// watchConnection has those who wait for an answer that was lost with the
// connection try again at once.
func (c *Client) watchConnection(broken chan nats.Status) {
	defer c.bus.Conn().RemoveStatusListener(broken)
	for {
		select {
		case <-broken:
			c.caller.lost(errDisconnected)
		case <-c.stop:
			return
		}
	}
}

// Close ends the connection. Calls under way return, mostly with an unknown outcome.
// A second Close does nothing.
func (c *Client) Close() {
	c.close.Do(func() {
		close(c.stop)
		c.closeLanes()
		c.caller.close()
		c.bus.Close()
	})
	c.done.Wait()
	_ = c.sessionsTurn.take(context.Background()) // never fails
	defer c.sessionsTurn.leave()
	for _, s := range c.sessions {
		s.stop()
		s.done.Wait()
	}
}

func (c *Client) closeLanes() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, l := range c.lanes {
		l.close()
	}
}

// Position is a place in the log: what was decided there and below is applied. 0 is
// before everything.
type Position uint64

// Position is the highest position that the cluster has answered this client with.
// Reading [AtLeast] there shows all that this client has done or seen.
func (c *Client) Position() Position { return Position(c.seen.Load()) }

// positionOf is where m was decided or read, and remembers the highest.
func (c *Client) positionOf(m *nats.Msg) Position {
	n, err := strconv.ParseUint(bus.Said(m.Header, bus.SlotHeader), 10, 64)
	if err != nil {
		return 0
	}
	for {
		seen := c.seen.Load()
		if n <= seen || c.seen.CompareAndSwap(seen, n) {
			return Position(n)
		}
	}
}

// Generation is the highest generation of the cluster that any answer named; 0: none did.
// Answers of a lower one are refused from then on.
func (c *Client) Generation() uint64 { return c.generation.Load() }

// current refuses an answer of a cluster that is superseded, as far as this client knows.
// The positions of a cluster that was superseded mean nothing in its successor.
func (c *Client) current(m *nats.Msg) error {
	n, err := strconv.ParseUint(bus.Said(m.Header, bus.GenerationHeader), 10, 64)
	if err != nil {
		return nil // no answer of the state machine
	}
	for {
		known := c.generation.Load()
		switch {
		case n < known:
			return fmt.Errorf("%w: it has generation %d, and there is generation %d", ErrSuperseded, n, known)
		case n == known:
			return nil
		case c.generation.CompareAndSwap(known, n):
			c.seen.Store(0)
			return nil
		}
	}
}

// A turn is a mutex that is waited for no longer than a context lasts.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) leave() { <-t }

// newID is an id that no command has had, here or anywhere.
func (c *Client) newID() string {
	return c.ids + "-" + strconv.FormatUint(c.lastID.Add(1), 10)
}
