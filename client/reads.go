package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// reads is the freight of a lane of reads: all of one stream, and as fresh as each other. A
// learner answers them from one state, with one round of the acceptors.
type reads struct {
	stream string
	level  readLevel
}

// readsHold is how long a request that is not answered keeps further ones waiting. NATS
// gives each to any learner, also to one that hangs.
const readsHold = 20 * time.Millisecond

// A reading is what a message that reads may share a request for.
type reading struct {
	command.Read
	stream string
	level  readLevel
}

func (reads) fit(waiting []*item, payload, most int) (n int) {
	size := min(payload-command.ReadsBytes-envelopeBytes, most)
	for n < len(waiting) && n < command.MaxReads {
		size -= command.ReadBytes(len(waiting[n].read.Subject))
		if n > 0 && size < 0 {
			break
		}
		n++
	}
	return n
}

func (r reads) pack(f *flight) *nats.Msg {
	asked := command.Reads{Items: make([]command.Read, len(f.items))}
	for i, it := range f.items {
		asked.Items[i] = it.read.Read
	}
	m := &nats.Msg{Subject: f.lane.client.bus.Subjects().API("DIRECT.GET." + r.stream), Header: f.trace(), Data: asked.Encode()}
	if r.level != "" {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		m.Header.Set(bus.ReadHeader, string(r.level))
	}
	f.bytes = len(m.Data)
	return m
}

func (reads) unpack(f *flight, r result) {
	switch bus.StatusOf(r.header) {
	case "":
	case "408": // a learner of an older build knows no such request
		f.lane.client.shareNoReads()
		f.apart()
		f.land(result{verdict: refused, err: errors.New("a learner does not answer many reads at once")})
		return
	default:
		f.land(r)
		return
	}
	results, err := command.DecodeReadResults(r.data)
	if err != nil || len(results) > len(f.items) {
		f.land(result{verdict: unsettled, err: fmt.Errorf("an answer that is none: %d results for %d reads, %w", len(results), len(f.items), err)})
		return
	}
	f.end(len(results), func(i int) result {
		return result{verdict: answered, found: &results[i], position: r.position}
	})
}

// apartFor is how long reads go singly once a learner did not know another way: until it has
// been upgraded, maybe.
const apartFor = 10 * time.Second

func (c *Client) shareNoReads() { c.readsApart.Store(int64(time.Since(c.born) + apartFor)) }

func (c *Client) sharesReads() bool { return int64(time.Since(c.born)) >= c.readsApart.Load() }
