package streams

import (
	"bytes"
	"math"
)

// purgeRequest is JetStream's request to remove messages of a stream.
type purgeRequest struct {
	Filter   string `json:"filter"` // subject, may have wildcards; "" is all
	Sequence uint64 `json:"seq"`    // only messages below it; 0 is all
	Keep     uint64 `json:"keep"`   // the newest messages to leave
}

// purge removes what r says and returns the number of messages that were.
func (w *work) purge(s *stream, r purgeRequest) uint64 {
	before := s.state.msgs
	filter := []byte(r.Filter)
	switch all := len(filter) == 0 || r.Filter == ">"; {
	case r.Sequence == 1:
	case all && r.Sequence > s.state.last:
		w.purgeAll(s)
		s.state.first, s.state.last = r.Sequence, r.Sequence-1
	case all && r.Sequence > 0:
		w.purgeBelow(s, r.Sequence)
	case all && r.Keep > 0:
		w.purgeKeep(s, r.Keep)
	case all:
		w.purgeAll(s)
	case !hasWildcard(filter):
		w.purgeSubject(s, filter, r)
	case r.Keep > 0:
		w.purgeFilterKeep(s, filter, r.Keep)
	default:
		w.eachSubject(s, filter, func(name []byte) { w.purgeSubject(s, name, r) })
	}
	w.touch(s)
	return before - s.state.msgs
}

// purgeAll removes every message of s without reading it.
func (w *work) purgeAll(s *stream) {
	w.touch(s)
	s.forgetSubjects()
	w.key = appendPrefix(w.key[:0], tableSubject, s.id)
	w.mark()
	st := &s.state
	w.removeRange(messageTables, s.id)
	st.msgs, st.bytes, st.subjects = 0, 0, 0
	st.first, s.firstMayGo = st.last+1, false
	st.messageSum = Sum{}
}

func (w *work) purgeBelow(s *stream, seq uint64) {
	for s.state.msgs > 0 && w.firstSeq(s) < seq {
		w.spill()
		ok := w.removeSeq(s, s.state.first)
		invariant(ok, "a stream's first message is in the message table")
	}
}

// rewriteAtMost is how many messages purgeKeep writes again rather than removing
// the others one by one.
const rewriteAtMost = 64

// purgeKeep leaves the keep newest messages. Of many messages it drops all and
// writes those few again.
func (w *work) purgeKeep(s *stream, keep uint64) {
	if keep >= s.state.msgs {
		return
	}
	if keep > rewriteAtMost || s.state.msgs < 2*keep {
		for s.state.msgs > keep {
			w.spill()
			ok := w.removeSeq(s, w.firstSeq(s))
			invariant(ok, "a stream's first message is in the message table")
		}
		return
	}
	w.rewrite(s, w.newest(s, keep))
}

// A keptMessage is one that rewrite writes again.
type keptMessage struct {
	seq    uint64
	record []byte
}

// newest returns the n newest messages, newest first.
func (w *work) newest(s *stream, n uint64) []keptMessage {
	w.key = appendPrefix(w.key[:0], tableMessage, s.id)
	w.upper = appendPrefix(w.upper[:0], tableMessage, s.id+1)
	kept := make([]keptMessage, 0, n)
	it := w.between(w.key, w.upper)
	for ok := it.Last(); ok && uint64(len(kept)) < n; ok = it.Prev() {
		kept = append(kept, keptMessage{seqOfKey(it.Key()), bytes.Clone(it.Value())})
	}
	check(it)
	return kept
}

// rewrite replaces the messages of s by kept, which are newest first.
func (w *work) rewrite(s *stream, kept []keptMessage) {
	st := &s.state
	last, lastTime := st.last, st.lastTime
	w.purgeAll(s)
	first := st.first
	for i := len(kept) - 1; i >= 0; i-- {
		m, ok := parseMessage(kept[i].record)
		if !ok {
			fail(damaged(appendSeqKey(nil, tableMessage, s.id, kept[i].seq), "not a message"))
		}
		st.last = kept[i].seq - 1
		first = min(first, w.appendTo(s, &m))
	}
	st.first, st.last, st.lastTime = first, last, lastTime
	s.firstMayGo = false
}

// purgeSubject removes the messages of one subject, oldest first.
func (w *work) purgeSubject(s *stream, subject []byte, r purgeRequest) {
	below := r.Sequence
	if below == 0 {
		below = math.MaxUint64
	}
	for {
		record := w.subjectRecord(s, subject)
		if record.count <= r.Keep || record.first >= below {
			return
		}
		w.spill()
		w.removeFirst(s, subject)
	}
}

// purgeFilterKeep leaves the keep newest messages of all subjects that match.
func (w *work) purgeFilterKeep(s *stream, filter []byte, keep uint64) {
	var count uint64
	w.eachSubject(s, filter, func(name []byte) { count += w.subjectRecord(s, name).count })
	for from := uint64(0); count > keep; {
		w.spill()
		seqs, next := w.matching(s, filter, from, min(count-keep, subjectsAtOnce))
		invariant(len(seqs) > 0, "subject records count a stream's messages")
		for _, seq := range seqs {
			w.removeSeq(s, seq)
			count--
		}
		from = next
	}
}

// matching returns up to n messages at or after from whose subject matches, oldest
// first, and where to go on.
func (w *work) matching(s *stream, filter []byte, from, n uint64) (seqs []uint64, next uint64) {
	w.key = appendSeqKey(w.key[:0], tableMessage, s.id, from)
	w.upper = appendPrefix(w.upper[:0], tableMessage, s.id+1)
	it := w.between(w.key, w.upper)
	for ok := it.First(); ok && uint64(len(seqs)) < n; ok = it.Next() {
		m, ok := parseMessage(it.Value())
		if !ok {
			fail(damaged(it.Key(), "not a message"))
		}
		next = seqOfKey(it.Key()) + 1
		if matches(filter, m.subject) {
			seqs = append(seqs, next-1)
		}
	}
	check(it)
	return seqs, next
}
