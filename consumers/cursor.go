package consumers

import (
	"errors"

	"github.com/synod-paxos/synod/streams"
)

// cursor is how far a consumer has read. A message passes it once, in the order of
// sequences. It holds no messages but one.
type cursor struct {
	stream  string
	filters []string
	all     bool // the filters choose every message

	next uint64    // the first sequence that is not read
	last *lastPart // while only the last message of each subject is wanted
	held *streams.StoredMessage

	left    uint64 // about how many are not read; exact while the stream does not change
	counted uint64 // how many were read since left was counted
}

// lastPart is the beginning of a consumer that starts with the last message of each
// subject: those with a sequence up to upTo, the stream's last when it was made.
// Sequences are listed a part at a time, by walking the subjects.
type lastPart struct {
	upTo uint64
	list []uint64
	at   int    // in list
	from uint64 // where the list after this one begins
	end  bool   // there is none after this one
}

// first is the first sequence that may be delivered next.
func (c *cursor) first() uint64 {
	if c.last != nil {
		return c.last.from
	}
	return c.next
}

// How much one turn reads.
var turnLimit = streams.PageLimit{Messages: 128, Bytes: 256 << 10, Scan: 4096}

// part is what a turn has read.
type part struct {
	cursor   *cursor
	messages []*streams.StoredMessage
	deliver  int  // so many of them are to be delivered; the rest is one, or none
	first    bool // the first was held
	done     bool // the view has no more
}

// read reads the next messages. Unless that is all there is, it holds one of them: who
// gets a message is told how many come after it, and must not be told of any when there
// are none.
func (c *cursor) read(view *streams.View, g *group) (part, error) {
	p := part{cursor: c, first: c.held != nil}
	if p.first {
		p.messages = append(p.messages, c.held)
	}
	more, done, err := c.fetch(view, g)
	if err != nil {
		return p, err
	}
	c.held = nil
	p.messages, p.done = append(p.messages, more...), done
	p.deliver = len(p.messages)
	if !done && p.deliver > 0 {
		p.deliver--
		c.held = p.messages[p.deliver]
	}
	return p, c.recount(view, g, uint64(len(more)), done)
}

// left is how many messages come after the i-th of the part.
func (p *part) left(i int) uint64 { return uint64(len(p.messages)-i-1) + p.cursor.left }

// putBack undoes the reading of the i-th message and of those after it.
func (p *part) putBack(i int) {
	c, back := p.cursor, p.messages[i:]
	c.held = nil
	if i == 0 && p.first {
		c.held, back = back[0], back[1:]
	}
	if len(back) == 0 {
		return
	}
	c.left += uint64(len(back))
	if l := c.last; l != nil {
		for l.at > 0 && l.list[l.at-1] >= back[0].Seq {
			l.at--
		}
		return
	}
	c.next = back[0].Seq
}

// recount keeps left near the truth: it counts anew when that costs less than what was
// read since.
func (c *cursor) recount(view *streams.View, g *group, read uint64, done bool) error {
	c.counted += read
	if done {
		c.left, c.counted = 0, 0
		return nil
	}
	c.left -= min(c.left, read)
	if c.counted*8 < g.bounds.Subjects+c.left {
		return nil
	}
	n, err := c.count(view)
	c.left, c.counted = n, 0
	return err
}

// fetch reads messages; done: the view has no more.
func (c *cursor) fetch(view *streams.View, g *group) (_ []*streams.StoredMessage, done bool, err error) {
	if c.last != nil {
		messages, err := c.fetchLast(view, g)
		if err != nil || len(messages) > 0 {
			return messages, false, err
		}
		if c.last != nil {
			return nil, false, nil
		}
	}
	if page, ok, err := g.tailPage(view, c); ok || err != nil {
		return page.Messages, page.Done, err
	}
	page, err := view.Page(streams.Query{Stream: c.stream, From: c.next, Filters: c.filters}, turnLimit)
	if err == nil {
		c.next = page.Next
	}
	return page.Messages, page.Done, err
}

// fetchLast reads the next messages of lastPart, and ends it after the last one.
func (c *cursor) fetchLast(view *streams.View, g *group) ([]*streams.StoredMessage, error) {
	l := c.last
	if l.at == len(l.list) {
		if l.end {
			c.next, c.last = l.upTo+1, nil
			return nil, nil
		}
		if err := c.list(view, g); err != nil {
			return nil, err
		}
	}
	var messages []*streams.StoredMessage
	bytes := 0
	for l.at < len(l.list) && len(messages) < turnLimit.Messages && bytes < turnLimit.Bytes {
		seq := l.list[l.at]
		l.at++
		m, err := view.Get(c.stream, seq)
		switch {
		case errors.Is(err, streams.ErrMessageNotFound): // another one took its place, above upTo
		case err != nil:
			return nil, err
		default:
			messages = append(messages, m)
			bytes += len(m.Header) + len(m.Data)
		}
	}
	c.next = l.upTo + 1 // what was read lies below
	return messages, nil
}

// list fills lastPart's list. It holds a sixteenth of the subjects, within bounds, so
// that a load of all of them walks over them about sixteen times.
func (c *cursor) list(view *streams.View, g *group) error {
	l := c.last
	n := min(max(int(g.bounds.Subjects/16), 1<<10), 1<<16)
	seqs, err := view.LastSeqs(c.stream, c.filters, l.from, n)
	if err != nil {
		return err
	}
	l.end = len(seqs) < n
	for len(seqs) > 0 && seqs[len(seqs)-1] > l.upTo { // changed since: it comes later
		seqs, l.end = seqs[:len(seqs)-1], true
	}
	l.list, l.at = seqs, 0
	if len(seqs) > 0 {
		l.from = seqs[len(seqs)-1] + 1
	}
	return nil
}

// pending counts what is not delivered, exactly.
func (c *cursor) pending(view *streams.View) (uint64, error) {
	n, err := c.count(view)
	if c.held != nil {
		n++
	}
	return n, err
}

// count counts what is not read.
func (c *cursor) count(view *streams.View) (uint64, error) {
	l := c.last
	if l == nil {
		return countFrom(view, c.query(c.next, false), c.all)
	}
	from := l.from
	if l.at < len(l.list) {
		from = l.list[l.at]
	}
	// Subjects that changed since the start count once here, and come among the rest.
	first, err := countFrom(view, c.query(from, true), c.all)
	if err != nil {
		return 0, err
	}
	changed, err := countFrom(view, c.query(l.upTo+1, true), c.all)
	if err != nil {
		return 0, err
	}
	rest, err := countFrom(view, c.query(l.upTo+1, false), c.all)
	return first - min(first, changed) + rest, err
}

func (c *cursor) query(from uint64, last bool) streams.Query {
	return streams.Query{Stream: c.stream, From: from, Filters: c.filters, LastPerSubject: last}
}

// countFrom is view.Pending, without walking over all subjects where arithmetic does.
func countFrom(view *streams.View, q streams.Query, all bool) (uint64, error) {
	b, err := view.Bounds(q.Stream)
	if err != nil {
		return 0, err
	}
	from := max(q.From, b.First)
	switch {
	case from > b.Last:
		return 0, nil
	case all && !q.LastPerSubject && b.Msgs == b.Last-b.First+1:
		return b.Last - from + 1, nil
	case all && !q.LastPerSubject && from == b.First:
		return b.Msgs, nil
	case all && q.LastPerSubject && from == b.First:
		return b.Subjects, nil
	}
	return view.Pending(q)
}
