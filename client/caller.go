package client

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// caller sends requests and hands each its answer. It has one inbox for all of
// them, and a table of who waits for what.
type caller struct {
	bus   *bus.Bus
	inbox string // with the final dot
	sub   *nats.Subscription
	judge func(*nats.Msg) error // why an answer does not count; nil when it does

	mu      sync.Mutex
	last    uint64
	waiters map[uint64]func(*nats.Msg, error)
	closed  bool
}

// Why a request has no answer.
var (
	errNoResponders = errors.New("nobody serves it now: there is no leader, or no learner, or none of a cluster with this name, or NATS does not reach it")
	errDisconnected = errors.New("the connection to NATS broke while it was on its way")
	errNoAnswer     = errors.New("no answer came in time")
)

func newCaller(b *bus.Bus, judge func(*nats.Msg) error) (*caller, error) {
	c := &caller{bus: b, inbox: b.Conn().NewInbox() + ".", judge: judge, waiters: map[uint64]func(*nats.Msg, error){}}
	sub, err := b.Conn().Subscribe(c.inbox+"*", c.receive)
	if err != nil {
		return nil, fmt.Errorf("client: subscribe to an inbox: %w", err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil { // there is one answer for each waiter
		return nil, fmt.Errorf("client: subscribe to an inbox: %w", err)
	}
	c.sub = sub
	return c, nil
}

// send publishes m, whose Reply it sets. done is called once, with the answer or
// with errNoResponders or errDisconnected, from any goroutine, and must not block;
// forget prevents that. An error of send means that m certainly left for nobody.
func (c *caller) send(m *nats.Msg, done func(*nats.Msg, error)) (forget func(), err error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	c.last++
	n := c.last
	c.waiters[n] = done
	c.mu.Unlock()
	m.Reply = c.inbox + strconv.FormatUint(n, 36)
	forget = func() { c.take(n) }
	if err := c.bus.Conn().PublishMsg(m); err != nil {
		forget()
		return nil, fmt.Errorf("not sent: %w", err)
	}
	return forget, nil
}

func (c *caller) take(n uint64) func(*nats.Msg, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.waiters[n]
	delete(c.waiters, n)
	return done
}

func (c *caller) receive(m *nats.Msg) {
	n, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, c.inbox), 36, 64)
	if err != nil {
		return
	}
	done := c.take(n)
	if done == nil {
		return // a late or second answer
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" && m.Header[bus.SlotHeader] == nil {
		done(nil, errNoResponders)
		return
	}
	if err := c.judge(m); err != nil {
		done(nil, err)
		return
	}
	done(m, nil)
}

// lost tells all who wait that their answers may be lost.
func (c *caller) lost(why error) {
	c.mu.Lock()
	waiting := c.waiters
	c.waiters = map[uint64]func(*nats.Msg, error){}
	c.mu.Unlock()
	for _, done := range waiting {
		done(nil, why)
	}
}

// close answers all who wait, and refuses new requests.
func (c *caller) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.lost(ErrClosed)
}

func (c *caller) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}
