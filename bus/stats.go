package bus

import (
	"maps"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// Traffic counts messages and the bytes of their payloads.
type Traffic struct{ Messages, Bytes uint64 }

// Counters are what a Bus has counted since it connected. None ever falls.
type Counters struct {
	Sent     map[string]Traffic // published, by Kind
	Received map[string]Traffic // delivered, by Kind
	Dropped  map[string]uint64  // messages not published or not delivered, by Drop

	SlowConsumers uint64 // times that a subscription began to drop messages
	Disconnects   uint64
	Reconnects    uint64
	AsyncErrors   uint64 // errors that NATS reported on its own, such as missing permissions
}

// Drop says why the bus did not pass a message on.
type Drop uint8

const (
	DropDisconnected Drop = iota // out: no server, and nothing is kept for later
	DropTooLarge                 // out: above the server's max_payload
	DropUnsendable               // out: no wire form, no subject, or the connection is closed
	DropMalformed                // in: not a message
	DropVersion                  // in: of an unknown wire version
	DropSender                   // in: of another sender than its subject's
	DropSlow                     // in: this process did not keep up
	drops            = int(DropSlow) + 1
)

var dropNames = [drops]string{"disconnected", "too_large", "unsendable", "malformed", "version", "sender", "slow_consumer"}

func (d Drop) String() string {
	if int(d) < drops {
		return dropNames[d]
	}
	return "none"
}

type flow struct{ messages, bytes atomic.Uint64 }

func (f *flow) add(bytes int) {
	f.messages.Add(1)
	f.bytes.Add(uint64(bytes))
}

// stats is the live form of Counters. Its zero value has counted nothing.
type stats struct {
	sent, received [kinds]flow
	dropped        [drops]atomic.Uint64

	slow, disconnects, reconnects, errors atomic.Uint64
}

// Stats is what b has counted so far.
func (b *Bus) Stats() Counters {
	c := Counters{
		Sent: traffic(&b.stats.sent), Received: traffic(&b.stats.received), Dropped: map[string]uint64{},
		SlowConsumers: b.stats.slow.Load(),
		Disconnects:   b.stats.disconnects.Load(),
		Reconnects:    b.stats.reconnects.Load(),
		AsyncErrors:   b.stats.errors.Load(),
	}
	for d := range drops {
		c.Dropped[dropNames[d]] = b.stats.dropped[d].Load()
	}
	c.Dropped[DropSlow.String()] += b.slowDrops()
	return c
}

func traffic(flows *[kinds]flow) map[string]Traffic {
	out := map[string]Traffic{}
	for k := range flows {
		out[Kind(k).String()] = Traffic{Messages: flows[k].messages.Load(), Bytes: flows[k].bytes.Load()}
	}
	return out
}

// slowDrops is how many messages the living subscriptions dropped.
func (b *Bus) slowDrops() uint64 {
	b.mu.Lock()
	subs := maps.Clone(b.subs)
	b.mu.Unlock()
	var n uint64
	for s := range subs {
		n += droppedBy(s)
	}
	return n
}

func droppedBy(s *nats.Subscription) uint64 {
	n, err := s.Dropped()
	if err != nil || n < 0 {
		return 0
	}
	return uint64(n)
}
