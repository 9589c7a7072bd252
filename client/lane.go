package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// A lane carries what concurrent callers publish to one stream, or read of it. While as many
// messages are on their way as may be, what comes waits, and goes together in the
// next: so the more callers there are, the larger the messages, and nothing waits
// for company.
type lane struct {
	client *Client
	freight
	hold time.Duration // for which a message without an answer keeps others waiting; 0: until it has one

	mu      sync.Mutex
	ready   sync.Cond // there may be something to send
	waiting []*item
	flying  int
	least   int // bytes that a message of many items was too large with; 0: none was
	closed  bool
}

// laneKey is which lane something goes through.
type laneKey struct {
	stream string
	reads  bool
	level  readLevel // of reads
}

// A freight is what the messages of a lane have in them.
type freight interface {
	// fit is how many items from the front go into one message, at least one. The
	// server takes messages of up to payload bytes, and no item after the first adds to
	// more than most bytes.
	fit(waiting []*item, payload, most int) int
	// pack is the message with f's items. It sets f.bytes if the answer will have parts.
	pack(f *flight) *nats.Msg
	// unpack gives each of f's items its part of the answer.
	unpack(f *flight, r result)
}

// An item is one attempt of one command or read, in a lane.
type item struct {
	*message
	again    bool // an earlier attempt may have been taken
	patience time.Duration
	done     chan result // has room for one
	gone     bool        // nobody waits for done any more
}

// lane is where o goes together with others; nil: nowhere.
func (c *Client) lane(o *message) *lane {
	key := laneKey{stream: o.stream}
	switch {
	case c.options.Singly:
		return nil
	case o.read != nil:
		if o.apart.Load() || !c.sharesReads() {
			return nil
		}
		key = laneKey{stream: o.read.stream, reads: true, level: o.read.level}
	case o.stream == "":
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lanes[key]
	if l == nil {
		l = &lane{client: c, closed: c.closed, freight: publishes{key.stream}}
		if key.reads {
			l.freight, l.hold = reads{key.stream, key.level}, readsHold
		}
		l.ready.L = &l.mu
		c.lanes[key] = l
		if !c.closed {
			c.done.Go(l.run)
		}
	}
	return l
}

func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, it := range l.waiting {
		it.done <- result{verdict: hopeless, err: ErrClosed}
	}
	l.waiting = nil
	l.ready.Signal()
}

// attempt has o sent once, and waits for its answer. Waiting for the turn to be
// sent is no attempt yet, and lasts until ctx ends.
func (l *lane) attempt(ctx context.Context, o *message, again bool, patience time.Duration) result {
	it := &item{message: o, again: again, patience: patience, done: make(chan result, 1)}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return result{verdict: hopeless, err: ErrClosed}
	}
	l.waiting = append(l.waiting, it)
	l.ready.Signal()
	l.mu.Unlock()
	select {
	case r := <-it.done:
		return r
	case <-ctx.Done():
		return l.withdraw(it, context.Cause(ctx))
	}
}

// withdraw ends an attempt early.
func (l *lane) withdraw(it *item, why error) result {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case r := <-it.done:
		return r
	default:
	}
	it.gone = true
	if i := slices.Index(l.waiting, it); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		return result{verdict: refused, err: fmt.Errorf("not sent yet: %w", why)}
	}
	return result{verdict: unsettled, err: fmt.Errorf("%w: %w", errNoAnswer, why)}
}

func (l *lane) run() {
	for l.awaitWork() {
		runtime.Gosched() // callers that run already, such as those of an answer, come along
		if items := l.take(); len(items) > 0 {
			l.launch(items)
		}
	}
}

// awaitWork returns true once something waits and may go, false once the lane is closed.
func (l *lane) awaitWork() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && (len(l.waiting) == 0 || l.flying >= l.client.options.InFlight) {
		l.ready.Wait()
	}
	return !l.closed
}

// take removes from the front what goes into one message: at least one item, unless all
// have been withdrawn.
func (l *lane) take() []*item {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil
	}
	most := math.MaxInt
	if l.least > 0 {
		most = l.least / 2
	}
	n := l.fit(l.waiting, l.client.bus.MaxPayload(), most)
	items := slices.Clone(l.waiting[:n])
	rest := copy(l.waiting, l.waiting[n:])
	clear(l.waiting[rest:])
	l.waiting = l.waiting[:rest]
	l.flying++
	return items
}

// envelopeBytes is more than subject, inbox and headers of a message of many items.
const envelopeBytes = 1024

// A flight is one message on its way, with the items that it carries.
type flight struct {
	lane  *lane
	items []*item
	bytes int // of a message whose answer has parts; 0: it has none
	once  sync.Once

	timer  *time.Timer // ends its patience
	pass   *time.Timer // ends its hold; nil: it has none
	passed bool        // it does not count in lane.flying any more
}

func (l *lane) launch(items []*item) {
	f := &flight{lane: l, items: items}
	m := l.pack(f)
	var patience time.Duration
	for _, it := range items {
		patience = max(patience, it.patience)
	}
	var forget func()
	sent := make(chan struct{})
	f.timer = time.AfterFunc(patience, func() {
		<-sent
		if forget != nil {
			forget()
			f.land(result{verdict: unsettled, err: errNoAnswer})
		}
	})
	if l.hold > 0 && l.hold < patience {
		f.pass = time.AfterFunc(l.hold, f.letPass)
	}
	defer close(sent)
	var err error
	if forget, err = l.client.caller.send(m, f.answered); err != nil {
		f.landRefused(unsent(err))
	}
}

// letPass has others wait for f no longer.
func (f *flight) letPass() {
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	f.passBy()
}

// passBy is letPass for who has the lane's lock.
func (f *flight) passBy() {
	if !f.passed {
		f.passed = true
		f.lane.flying--
	}
	f.lane.ready.Signal()
}

// trace is a header with the trace context of the first item that has one; nil: none. The
// others of a bundle find theirs in their own headers.
func (f *flight) trace() nats.Header {
	for _, it := range f.items {
		if context := it.header.Get(bus.TraceHeader); context != "" {
			return nats.Header{bus.TraceHeader: {context}}
		}
	}
	return nil
}

// answered is called by NATS.
func (f *flight) answered(m *nats.Msg, err error) {
	r := f.lane.client.judge(m, err)
	switch {
	case f.bytes == 0:
		f.land(r)
	case r.verdict != answered:
		f.landRefused(r)
	default:
		f.lane.unpack(f, r)
	}
}

// landRefused is for a message that the state machine has not seen.
func (f *flight) landRefused(r result) {
	var e *bus.Error
	if len(f.items) > 1 && (errors.Is(r.err, nats.ErrMaxPayload) || errors.As(r.err, &e) && e.Code == bus.CodeTooLarge) {
		f.lane.mu.Lock()
		f.lane.least = f.bytes
		f.lane.mu.Unlock()
		r.verdict = refused
	}
	f.land(r)
}

func (f *flight) apart() {
	for _, it := range f.items {
		it.apart.Store(true)
	}
}

// land gives all items the same result.
func (f *flight) land(r result) { f.end(len(f.items), func(int) result { return r }) }

// end gives the first n items their results. The others are sent again, before all that
// waits.
func (f *flight) end(n int, resultOf func(int) result) {
	f.once.Do(func() {
		f.timer.Stop()
		if f.pass != nil {
			f.pass.Stop()
		}
		l := f.lane
		l.mu.Lock()
		defer l.mu.Unlock()
		for i, it := range f.items[:n] {
			it.done <- resultOf(i)
		}
		l.putBack(f.items[n:])
		f.passBy()
	})
}

func (l *lane) putBack(items []*item) {
	items = slices.DeleteFunc(items, func(it *item) bool { return it.gone })
	if !l.closed {
		l.waiting = append(items, l.waiting...)
		return
	}
	for _, it := range items {
		it.done <- result{verdict: hopeless, err: ErrClosed}
	}
}
