package leaf

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/synod-paxos/synod/bus"
)

// A Link is one connection that stays: when it is lost, it connects again, to any of
// its servers. Its methods may be called from any goroutine.
type Link struct {
	name    string
	beside  *bus.Bus // nil: a leaf node
	urls    []*url.URL
	options *nats.Options
	log     *slog.Logger
	quiet   rate.Sometimes
	changed func(string)

	interest *interest
	cancel   context.CancelFunc
	done     chan struct{} // closed when nothing runs any more

	mu      sync.Mutex
	conn    *conn         // nil: not connected
	problem error         // why not; nil while the first attempt runs
	up      chan struct{} // closed while connected
	down    chan struct{} // closed while not connected
	served  string        // address of the server, without secrets
}

// Errors of Push.
var (
	// ErrDisconnected: there is no server right now.
	ErrDisconnected = errors.New("leaf: not connected")
	// ErrFull: the server does not read as fast as messages come. See Drained.
	ErrFull = errors.New("leaf: too much waits to be sent")
	// ErrTooLarge: the server takes no message of this size.
	ErrTooLarge = errors.New("leaf: message above the server's max_payload")
)

// Open begins to connect, and returns at once. The caller must Close the Link. An
// error says what is wrong with the options.
func Open(o Options) (*Link, error) {
	urls, options, err := o.parse()
	if err != nil {
		return nil, fmt.Errorf("leaf: %w", err)
	}
	l := &Link{
		name: cmp.Or(o.Name, "synod") + "-" + crand.Text(), beside: o.Beside, urls: urls, options: options,
		log: cmp.Or(o.Log, slog.Default()), quiet: rate.Sometimes{First: 1, Interval: 10 * time.Second}, changed: o.Changed,
		interest: newInterest(), done: make(chan struct{}), up: make(chan struct{}), down: make(chan struct{}),
	}
	close(l.down)
	if l.changed == nil {
		l.changed = func(string) {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	go l.run(ctx)
	return l, nil
}

// Close ends the connection, after what was pushed if that goes within a second.
func (l *Link) Close() error {
	if c := l.present(); c != nil {
		c.drain(time.Second)
	}
	l.cancel()
	<-l.done
	return nil
}

// Listens reports whether a message to subject, without wildcards, would reach
// anybody, as far as the server told. A client connection is not told, so a Link
// beside another connection says no. While a connection begins, Push may not take what somebody listens to.
func (l *Link) Listens(subject string) bool { return l.interest.has(subject) }

// Connected returns the server's address, or why there is none.
func (l *Link) Connected() (server string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return "", cmp.Or(l.problem, ErrDisconnected)
	}
	return l.served, nil
}

// Up is closed while there is a connection.
func (l *Link) Up() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up
}

// Lost is closed while there is no connection.
func (l *Link) Lost() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

// Push sends a message to the subscribers of inbox. It never waits for the network,
// and keeps what is not sent only until the connection is lost. header is in NATS's
// wire form, and may have a status in its first line; empty: none.
//
// To appear as a stored message, reply is "$JS.ACK.<8 tokens>@<its subject>".
func (l *Link) Push(inbox, reply string, header, data []byte) error {
	c := l.present()
	if c == nil {
		return ErrDisconnected
	}
	err := c.collect(inbox, reply, header, data)
	if err == nil {
		c.rest()
	}
	return err
}

// Collect is Push for one of several messages, which are sent together. Rest must
// follow.
func (l *Link) Collect(inbox, reply string, header, data []byte) error {
	c := l.present()
	if c == nil {
		return ErrDisconnected
	}
	return c.collect(inbox, reply, header, data)
}

// Rest sends what was collected.
func (l *Link) Rest() {
	if c := l.present(); c != nil {
		c.rest()
	}
}

// Together reports whether the link goes with another connection, and both are at one
// server right now: what is pushed then reaches whoever that connection hears.
func (l *Link) Together() bool {
	c := l.present()
	return c != nil && l.beside != nil && c.server == l.beside.Conn().ConnectedServerId()
}

// present is the connection; nil: there is none.
func (l *Link) present() *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

// Drained returns a channel that is closed once Push has room again, or has no
// connection any more.
func (l *Link) Drained() <-chan struct{} {
	c := l.present()
	if c == nil {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return c.drained()
}

// run connects, over and over, until ctx ends.
func (l *Link) run(ctx context.Context) {
	defer close(l.done)
	for failed := 0; ctx.Err() == nil; {
		for _, u := range l.addresses() {
			c, err := l.connect(ctx, u)
			if err == nil {
				failed = 0
				err = l.serve(ctx, c, u)
			}
			if ctx.Err() != nil {
				return
			}
			l.lost(u, err)
		}
		failed++
		select {
		case <-ctx.Done():
		case <-time.After(reconnectDelay(failed)):
		}
	}
}

// addresses are those to try now.
func (l *Link) addresses() []*url.URL {
	if l.beside == nil {
		return l.urls
	}
	at, err := url.Parse(l.beside.Conn().ConnectedUrl())
	if err != nil || at.Host == "" {
		return nil // it has no server either
	}
	u := *l.urls[0]
	u.Host = at.Host
	return []*url.URL{&u}
}

func reconnectDelay(failed int) time.Duration {
	d := min(reconnectMost, reconnectFirst<<min(failed, 10))
	return d/2 + rand.N(d/2) // processes that lost one server do not return in step
}

// lost notes why there is no connection to u.
func (l *Link) lost(u *url.URL, err error) {
	l.mu.Lock()
	l.problem = fmt.Errorf("%s: %w", u.Redacted(), err)
	problem := l.problem
	l.mu.Unlock()
	l.quiet.Do(func() { l.log.Warn("no "+l.kind()+", trying again", "err", problem) })
}

func (l *Link) kind() string {
	if l.beside != nil {
		return "connection for answers"
	}
	return "leaf-node connection"
}

// serve lets c be used until it ends, and returns why.
func (l *Link) serve(ctx context.Context, c *conn, u *url.URL) error {
	l.mu.Lock()
	l.conn, l.served, l.problem = c, u.Redacted(), nil
	close(l.up)
	l.down = make(chan struct{})
	l.mu.Unlock()
	l.log.Info(l.kind()+" is up", "server", u.Redacted())
	l.changed("")
	err := c.run(ctx)
	l.mu.Lock()
	l.conn = nil
	l.up = make(chan struct{})
	close(l.down)
	l.mu.Unlock()
	l.interest.clear()
	l.changed("")
	return err
}
