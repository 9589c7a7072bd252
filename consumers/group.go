package consumers

import (
	"errors"
	"slices"
	"time"

	"github.com/synod-paxos/synod/streams"
)

// group is the consumers of one stream.
type group struct {
	stream  string
	created time.Time // of the stream: another one of the same name has another time
	members map[string]*consumer
	bounds  streams.Bounds // in the view of the present round

	// The end of the stream, as it is in the present view: read once for all members.
	tail     []*streams.StoredMessage
	tailFrom uint64 // every message at or after this is in tail
	tailOf   uint64 // the slot of the view; 0: none
	slot     uint64 // of the present view
}

// tailLimit is how much of the end of a stream is read for all members at once.
var tailLimit = streams.PageLimit{Messages: 1 << 10, Bytes: 1 << 20, Scan: 1 << 10}

// look takes up a new view, and reports whether the stream has messages that it did
// not have before.
func (g *group) look(view *streams.View, slot uint64) (grown bool, err error) {
	b, err := view.Bounds(g.stream)
	if err != nil {
		return false, err
	}
	if !b.Created.Equal(g.created) {
		return false, streams.ErrStreamNotFound
	}
	grown = b.Last > g.bounds.Last
	g.bounds, g.slot = b, slot
	if g.tailOf != slot {
		g.tail, g.tailOf = nil, 0
	}
	return grown, nil
}

// tailPage is a page from the end of the stream for a cursor that is there, and false
// for one that is not.
func (g *group) tailPage(view *streams.View, c *cursor) (streams.Page, bool, error) {
	if c.next > g.bounds.Last {
		return streams.Page{Next: c.next, Done: true}, true, nil
	}
	if g.bounds.Last-c.next >= uint64(tailLimit.Scan) {
		return streams.Page{}, false, nil
	}
	if g.tailOf == 0 || c.next < g.tailFrom {
		page, err := view.Page(streams.Query{Stream: g.stream, From: c.next}, tailLimit)
		if err != nil || !page.Done {
			return streams.Page{}, false, err
		}
		g.tail, g.tailFrom, g.tailOf = page.Messages, c.next, g.slot
	}
	return g.match(c), true, nil
}

// match chooses from the tail.
func (g *group) match(c *cursor) streams.Page {
	p := streams.Page{Done: true}
	at, _ := slices.BinarySearchFunc(g.tail, c.next, func(m *streams.StoredMessage, seq uint64) int {
		switch {
		case m.Seq < seq:
			return -1
		case m.Seq > seq:
			return 1
		}
		return 0
	})
	for _, m := range g.tail[at:] {
		if len(p.Messages) >= turnLimit.Messages {
			p.Done = false
			c.next = m.Seq
			return p
		}
		if c.all || slices.ContainsFunc(c.filters, func(f string) bool { return streams.Matches(f, m.Subject) }) {
			p.Messages = append(p.Messages, m)
		}
	}
	c.next = g.bounds.Last + 1
	return p
}

// gone reports whether err says that the stream, or this one of its name, is no more.
func gone(err error) bool { return errors.Is(err, streams.ErrStreamNotFound) }
