package streams

import (
	"container/heap"
	"errors"
	"iter"
	"math"
	"slices"
	"time"
)

// Get returns the message seq of a stream. It fails with ErrStreamNotFound or
// ErrMessageNotFound.
func (v *View) Get(stream string, seq uint64) (*StoredMessage, error) {
	e, err := v.entry(stream)
	if err != nil {
		return nil, err
	}
	return v.message(e, seq)
}

// Last returns the last message of a subject, which may have wildcards. It fails
// with ErrStreamNotFound or ErrMessageNotFound.
func (v *View) Last(stream, subject string) (*StoredMessage, error) {
	e, err := v.entry(stream)
	if err != nil {
		return nil, err
	}
	var last uint64
	err = v.eachSubject(e, newFilters(subject), func(_ []byte, r subjectRecord) (bool, error) {
		last = max(last, r.last)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return v.message(e, last)
}

// Next returns the first message at or after seq whose subject matches filter, ""
// for any. It fails with ErrStreamNotFound or ErrMessageNotFound.
func (v *View) Next(stream, filter string, seq uint64) (*StoredMessage, error) {
	q := Query{Stream: stream, From: seq}
	if filter != "" {
		q.Filters = []string{filter}
	}
	for m, err := range v.Messages(q) {
		return m, err
	}
	return nil, ErrMessageNotFound
}

// SeqAt returns the first message stored at or after t. It is one past the last
// when there is none.
func (v *View) SeqAt(stream string, t time.Time) (uint64, error) {
	e, err := v.entry(stream)
	if err != nil {
		return 0, err
	}
	state, err := v.state(e)
	if err != nil || state.msgs == 0 {
		return state.last + 1, err
	}
	// Messages are in the order of log time, so the answer can be bisected.
	low, high := state.first, state.last+1
	for low < high {
		middle := low + (high-low)/2
		m, err := v.nextMessage(e, middle)
		switch {
		case errors.Is(err, ErrMessageNotFound):
			high = middle
		case err != nil:
			return 0, err
		case m.Time.Before(t):
			low = m.Seq + 1
		default:
			high = middle
		}
	}
	return low, nil
}

// nextMessage returns the first message at or after seq.
func (v *View) nextMessage(e *entry, seq uint64) (*StoredMessage, error) {
	var found *StoredMessage
	err := v.scan(appendSeqKey(nil, tableMessage, e.id, seq), appendPrefix(nil, tableMessage, e.id+1),
		func(key, value []byte) (more bool, err error) {
			found, err = e.stored(key, value)
			return false, err
		})
	if err == nil && found == nil {
		err = ErrMessageNotFound
	}
	return found, err
}

// A Query chooses messages of a stream, as a JetStream consumer does.
type Query struct {
	Stream  string
	From    uint64   // first sequence; 0 is the first message
	Filters []string // subjects that may have wildcards, of which one must match; none is all

	// LastPerSubject chooses only the last message of each subject.
	LastPerSubject bool
}

// filters are the filters of a query; none match everything.
type filters [][]byte

func newFilters(subjects ...string) filters {
	f := make(filters, len(subjects))
	for i, s := range subjects {
		f[i] = []byte(s)
	}
	return f
}

func (f filters) match(subject []byte) bool {
	for _, filter := range f {
		if matches(filter, subject) {
			return true
		}
	}
	return len(f) == 0
}

// prefix returns what all matching subjects begin with.
func (f filters) prefix() []byte {
	var common []byte
	for i, filter := range f {
		p := literalPrefix(filter)
		if i == 0 {
			common = p
		}
		n := 0
		for n < len(p) && n < len(common) && p[n] == common[n] {
			n++
		}
		common = common[:n]
	}
	return common
}

// literal returns the one subject that matches.
func (f filters) literal() ([]byte, bool) {
	if len(f) != 1 || hasWildcard(f[0]) {
		return nil, false
	}
	return f[0], true
}

// eachSubject calls do for the subjects that match, in the order of their bytes,
// until it returns false. name is valid during the call.
func (v *View) eachSubject(e *entry, f filters, do func(name []byte, r subjectRecord) (bool, error)) error {
	if name, ok := f.literal(); ok {
		r, err := v.subject(e, name)
		if err == nil && r.count > 0 {
			_, err = do(name, r)
		}
		return err
	}
	from := appendSubjectKey(nil, e.id, f.prefix())
	return v.scan(from, appendPrefixEnd(nil, from), func(key, value []byte) (bool, error) {
		name := key[prefixBytes:]
		if !f.match(name) {
			return true, nil
		}
		r, ok := parseSubjectRecord(value)
		if !ok {
			return false, damaged(key, "not a subject record")
		}
		return do(name, r)
	})
}

// A Subject is what a stream holds of one subject.
type Subject struct {
	Name        string
	Msgs        uint64
	First, Last uint64 // sequences
}

// Subjects yields the subjects of a stream that match filter, "" for all, sorted
// by their bytes. After an error it ends.
func (v *View) Subjects(stream, filter string) iter.Seq2[Subject, error] {
	return func(yield func(Subject, error) bool) {
		more := true
		err := v.subjects(stream, filter, func(s Subject) bool { more = yield(s, nil); return more })
		if err != nil && more {
			yield(Subject{}, err)
		}
	}
}

func (v *View) subjects(stream, filter string, do func(Subject) bool) error {
	e, err := v.entry(stream)
	if err != nil {
		return err
	}
	var f filters
	if filter != "" {
		f = newFilters(filter)
	}
	return v.eachSubject(e, f, func(name []byte, r subjectRecord) (bool, error) {
		return do(Subject{Name: string(name), Msgs: r.count, First: r.first, Last: r.last}), nil
	})
}

// Messages yields the messages that q chooses, in the order of their sequences.
// After an error it ends. Its memory does not grow with the stream.
func (v *View) Messages(q Query) iter.Seq2[*StoredMessage, error] {
	return func(yield func(*StoredMessage, error) bool) {
		more := true
		err := v.each(q, func(m *StoredMessage) bool { more = yield(m, nil); return more })
		if err != nil && more {
			yield(nil, err)
		}
	}
}

func (v *View) each(q Query, do func(*StoredMessage) bool) error {
	e, err := v.entry(q.Stream)
	if err != nil {
		return err
	}
	f := newFilters(q.Filters...)
	if q.LastPerSubject {
		return v.eachLast(e, f, q.From, do)
	}
	if subject, ok := f.literal(); ok && !e.plain {
		return v.eachOf(e, subject, q.From, do)
	}
	return v.scan(appendSeqKey(nil, tableMessage, e.id, q.From), appendPrefix(nil, tableMessage, e.id+1),
		func(key, value []byte) (bool, error) {
			if m, ok := parseMessage(value); ok && !f.match(m.subject) {
				return true, nil
			}
			m, err := e.stored(key, value)
			return err == nil && do(m), err
		})
}

// eachOf calls do for the messages of one subject.
func (v *View) eachOf(e *entry, subject []byte, from uint64, do func(*StoredMessage) bool) error {
	more := true
	return v.eachSeqOf(e, subject, from, func(seq uint64) (bool, error) {
		m, err := v.message(e, seq)
		if err == nil {
			more = do(m)
		}
		return more, err
	})
}

// eachSeqOf calls do for the sequences of one subject at or after from, upwards.
func (v *View) eachSeqOf(e *entry, subject []byte, from uint64, do func(seq uint64) (bool, error)) error {
	r, err := v.subject(e, subject)
	if err != nil || r.count == 0 {
		return err
	}
	more := true
	call := func(seq uint64) error {
		if more && seq >= from {
			more, err = do(seq)
		}
		return err
	}
	if err := call(r.first); err != nil || r.count == 1 {
		return err
	}
	err = v.scan(appendIndexKey(nil, e.id, subject, from), appendIndexKey(nil, e.id, subject, math.MaxUint64),
		func(key, _ []byte) (bool, error) {
			err := call(seqOfKey(key))
			return more, err
		})
	if err != nil {
		return err
	}
	return call(r.last)
}

// lastAtOnce is how many sequences eachLast holds in memory: 2 MiB.
const lastAtOnce = 1 << 18

// eachLast calls do for the last message of every subject, in the order of their
// sequences. It walks the subjects once for every lastAtOnce of them.
func (v *View) eachLast(e *entry, f filters, from uint64, do func(*StoredMessage) bool) error {
	for {
		seqs, err := v.lowestLast(e, f, from, lastAtOnce)
		if err != nil {
			return err
		}
		for _, seq := range seqs {
			m, err := v.message(e, seq)
			if err != nil || !do(m) {
				return err
			}
			from = seq + 1
		}
		if len(seqs) < lastAtOnce {
			return nil
		}
	}
}

// lowestLast returns the n lowest last sequences at or after from, sorted.
func (v *View) lowestLast(e *entry, f filters, from uint64, n int) ([]uint64, error) {
	var h maxHeap
	err := v.eachSubject(e, f, func(_ []byte, r subjectRecord) (bool, error) {
		switch {
		case r.last < from:
		case len(h) < n:
			heap.Push(&h, r.last)
		case r.last < h[0]:
			h[0] = r.last
			heap.Fix(&h, 0)
		}
		return true, nil
	})
	slices.Sort(h)
	return h, err
}

// maxHeap is a heap with the largest sequence on top.
type maxHeap []uint64

func (h maxHeap) Len() int           { return len(h) }
func (h maxHeap) Less(i, j int) bool { return h[i] > h[j] }
func (h maxHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *maxHeap) Push(x any)        { *h = append(*h, x.(uint64)) }
func (h *maxHeap) Pop() any          { x := (*h)[len(*h)-1]; *h = (*h)[:len(*h)-1]; return x }

// Pending returns how many messages q chooses, exactly.
func (v *View) Pending(q Query) (uint64, error) {
	e, err := v.entry(q.Stream)
	if err != nil {
		return 0, err
	}
	var n uint64
	err = v.eachSubject(e, newFilters(q.Filters...), func(name []byte, r subjectRecord) (bool, error) {
		switch {
		case r.last < q.From:
		case q.LastPerSubject:
			n++
		case r.first >= q.From:
			n += r.count
		default:
			more, err := v.countFrom(e, name, q.From)
			n += more
			return true, err
		}
		return true, nil
	})
	return n, err
}

// countFrom counts the messages of one subject at or after from.
func (v *View) countFrom(e *entry, subject []byte, from uint64) (n uint64, err error) {
	count := func(uint64) (bool, error) { n++; return true, nil }
	if !e.plain {
		err = v.eachSeqOf(e, subject, from, count)
		return n, err
	}
	err = v.scan(appendSeqKey(nil, tableMessage, e.id, from), appendPrefix(nil, tableMessage, e.id+1),
		func(key, _ []byte) (bool, error) { return count(seqOfKey(key)) })
	return n, err
}
