package streams

import (
	"time"
)

// What those need who follow a stream: its bounds, and its messages a page at a time.

// Bounds are where a stream begins and ends.
type Bounds struct {
	Created     time.Time
	First, Last uint64 // sequences; First is Last+1 when there are no messages
	Msgs        uint64
	Subjects    uint64 // that have messages
	History     int64  // messages that a subject keeps at most; -1: all
}

// Bounds returns those of a stream, or ErrStreamNotFound. It reads one record.
func (v *View) Bounds(stream string) (Bounds, error) {
	e, err := v.entry(stream)
	if err != nil {
		return Bounds{}, err
	}
	s, err := v.state(e)
	if err != nil {
		return Bounds{}, err
	}
	b := Bounds{
		Created: toTime(e.created), First: s.first, Last: s.last, Msgs: s.msgs,
		Subjects: s.subjects, History: e.config.MaxMsgsPer,
	}
	if s.msgs == 0 {
		b.First = s.last + 1
	}
	return b, nil
}

// PageLimit bounds a page: none of these may be zero. Bytes counts subject, header and
// data, and is passed by one message at most. Scan counts messages that were looked at,
// whether they match or not.
type PageLimit struct{ Messages, Bytes, Scan int }

// A Page is a part of what a query chooses.
type Page struct {
	Messages []*StoredMessage
	Next     uint64 // the query's From for the next page
	Done     bool   // the view has nothing beyond this page; without it, it may have
}

// Page returns the first messages that q chooses, up to a limit. q must not be one for
// the last of each subject: see LastSeqs.
func (v *View) Page(q Query, most PageLimit) (Page, error) {
	p := Page{Next: q.From}
	e, err := v.entry(q.Stream)
	if err != nil {
		return p, err
	}
	f := newFilters(q.Filters...)
	bytes, scanned := 0, 0
	full := func() bool { return len(p.Messages) >= most.Messages || bytes >= most.Bytes || scanned >= most.Scan }
	add := func(m *StoredMessage) bool {
		p.Messages = append(p.Messages, m)
		bytes += len(m.Subject) + len(m.Header) + len(m.Data)
		return !full()
	}
	if subject, ok := f.literal(); ok && !e.plain {
		err = v.eachOf(e, subject, q.From, func(m *StoredMessage) bool {
			p.Next = m.Seq + 1
			scanned++
			return add(m)
		})
		p.Done = !full()
		return p, err
	}
	err = v.scan(appendSeqKey(nil, tableMessage, e.id, q.From), appendPrefix(nil, tableMessage, e.id+1),
		func(key, value []byte) (bool, error) {
			p.Next = seqOfKey(key) + 1
			scanned++
			if m, ok := parseMessage(value); ok && !f.match(m.subject) {
				return !full(), nil
			}
			m, err := e.stored(key, value)
			return err == nil && add(m), err
		})
	p.Done = !full()
	return p, err
}

// LastSeqs returns the lowest n sequences at or above from of messages that are the
// last of their subject and match one of the filters; none match all. They are sorted.
func (v *View) LastSeqs(stream string, filters []string, from uint64, n int) ([]uint64, error) {
	e, err := v.entry(stream)
	if err != nil {
		return nil, err
	}
	return v.lowestLast(e, newFilters(filters...), from, n)
}

// ValidFilter reports whether subject is a subject, with or without wildcards.
func ValidFilter(subject string) bool { return validFilter([]byte(subject)) }

// Literal reports whether subject is one that can be published to.
func Literal(subject string) bool { return validSubject([]byte(subject)) }

// Matches reports whether filter stands for all that subject, which may have wildcards,
// stands for.
func Matches(filter, subject string) bool { return subset([]byte(subject), []byte(filter)) }

// Collide reports whether some literal subject matches both filters.
func Collide(a, b string) bool { return collide([]byte(a), []byte(b)) }
