package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// A lane carries what concurrent callers publish to one stream. While as many
// messages are on their way as may be, what comes waits, and goes together in the
// next: so the more callers there are, the larger the messages, and nothing waits
// for company.
type lane struct {
	client *Client
	stream string

	mu      sync.Mutex
	ready   sync.Cond // there may be something to send
	waiting []*item
	flying  int
	least   int // bytes that a bundle was too large with; 0: none was
	closed  bool
}

// An item is one attempt of one command, in a lane.
type item struct {
	*message
	again    bool // an earlier attempt may have been taken
	patience time.Duration
	done     chan result // has room for one
}

func (c *Client) lane(stream string) *lane {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lanes[stream]
	if l == nil {
		l = &lane{client: c, stream: stream, closed: c.closed}
		l.ready.L = &l.mu
		c.lanes[stream] = l
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
	if i := slices.Index(l.waiting, it); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		return result{verdict: refused, err: fmt.Errorf("not sent yet: %w", why)}
	}
	return result{verdict: unsettled, err: fmt.Errorf("%w: %w", errNoAnswer, why)}
}

func (l *lane) run() {
	for {
		l.mu.Lock()
		for !l.closed && (len(l.waiting) == 0 || l.flying >= l.client.options.InFlight) {
			l.ready.Wait()
		}
		if l.closed {
			l.mu.Unlock()
			return
		}
		items := l.take()
		l.flying++
		l.mu.Unlock()
		l.launch(items)
	}
}

// take removes from the front what goes into one message: at least one item.
func (l *lane) take() []*item {
	size, reply := l.room()
	n := 0
	for n < len(l.waiting) && n < command.MaxMessages {
		it := l.waiting[n]
		size -= it.size()
		reply -= it.replySize()
		if n > 0 && (size < 0 || reply < 0 || it.mustGoAlone() || l.waiting[0].mustGoAlone()) {
			break
		}
		n++
	}
	items := slices.Clone(l.waiting[:n])
	rest := copy(l.waiting, l.waiting[n:])
	clear(l.waiting[rest:])
	l.waiting = l.waiting[:rest]
	return items
}

// room is how many bytes the messages of a bundle may take, and their replies.
func (l *lane) room() (size, reply int) {
	payload := l.client.bus.MaxPayload()
	size = bus.MaxCommandBytes(payload) - command.BundleBytes - envelopeBytes
	if l.least > 0 {
		size = min(size, l.least/2)
	}
	return size, payload - envelopeBytes
}

// envelopeBytes is more than subject, inbox and headers of a message with a bundle.
const envelopeBytes = 1024

// A flight is one message on its way, with the items that it carries.
type flight struct {
	lane  *lane
	items []*item
	bytes int // of a bundle; 0: it is none
	timer *time.Timer
	once  sync.Once
}

func (l *lane) launch(items []*item) {
	f := &flight{lane: l, items: items}
	m := f.message()
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
	defer close(sent)
	var err error
	if forget, err = l.client.caller.send(m, f.answered); err != nil {
		f.landRefused(unsent(err))
	}
}

// message is what is sent: a message alone as any NATS client sends it, unless it
// must say since when it may have been sent.
func (f *flight) message() *nats.Msg {
	root := f.lane.client.bus.Subjects().Root()
	if it := f.items[0]; len(f.items) == 1 && !(it.again && it.repeatable()) {
		return &nats.Msg{Subject: root + it.subject, Header: it.header, Data: it.data}
	}
	b := command.Bundle{Messages: make([]command.Message, len(f.items))}
	for i, it := range f.items {
		b.Messages[i] = command.Message{Subject: it.inStream(), Header: it.encoded(), Data: it.data, Since: it.since}
	}
	data := command.Command{Op: b}.Encode()
	f.bytes = len(data)
	return &nats.Msg{Subject: root + "command." + f.lane.stream, Header: f.trace(), Data: data}
}

// trace is the header of a bundle: the trace context of the first message in it that
// has one. The others find theirs in their own headers.
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
	if f.bytes > 0 {
		f.landBundle(r)
		return
	}
	f.land(r)
}

// landBundle gives each item its own part of an answer.
func (f *flight) landBundle(r result) {
	if r.verdict != answered {
		f.landRefused(r)
		return
	}
	o, err := command.DecodeOutcome(r.data)
	done, ok := o.Value.(command.Bundled)
	switch {
	case err == nil && ok && len(done.Replies) == len(f.items):
	case codeOf(r.data) == command.CodeMalformed:
		// One message spoils it for all; each shows alone whether it is the one.
		f.apart()
		f.land(result{verdict: refused, err: errors.New("a bundle was refused")})
		return
	case codeOf(r.data) != 0:
		f.land(r) // such as: there is no such stream
		return
	default:
		f.land(result{verdict: unsettled, err: fmt.Errorf("an answer that is none: %w", err)})
		return
	}
	f.lane.client.setClock(o.LogTime)
	f.end(func(i int) result {
		return result{verdict: answered, data: done.Replies[i], position: r.position}
	})
}

// landRefused is for a bundle that the state machine has not seen.
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
func (f *flight) land(r result) { f.end(func(int) result { return r }) }

func (f *flight) end(resultOf func(int) result) {
	f.once.Do(func() {
		f.timer.Stop()
		l := f.lane
		l.mu.Lock()
		defer l.mu.Unlock()
		for i, it := range f.items {
			it.done <- resultOf(i)
		}
		l.flying--
		l.ready.Signal()
	})
}
