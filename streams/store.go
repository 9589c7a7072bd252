package streams

import (
	"bytes"
)

// messageSize is what JetStream counts a message as, which depends on where it
// thinks to store it.
func (s *stream) messageSize(subject, header, data int) uint64 {
	n := uint64(subject + header + data)
	if s.config.Storage == storageMemory {
		return n + 16
	}
	if header > 0 {
		n += 4
	}
	return n + 30
}

func (s *stream) sizeOf(m *message) uint64 {
	return s.messageSize(len(m.subject), len(m.header), len(m.data))
}

// appendTo stores m as the next message of s and returns its sequence. Limits are
// the caller's business.
func (w *work) appendTo(s *stream, m *message) uint64 {
	w.touch(s)
	seq := s.state.last + 1
	if s.appended[1].group != w.pending.group {
		s.appended = [2]appended{s.appended[1], {w.pending.group, seq}}
	}
	t := tail{size: s.sizeOf(m), expires: m.expires}
	w.key = appendSeqKey(w.key[:0], tableMessage, s.id, seq)
	w.record = appendMessage(w.record[:0], m)
	t.sum = w.create(&s.state.messageSum, w.key, w.record)
	w.indexAppended(s, m.subject, seq, t)
	if m.expires > 0 {
		w.key = appendExpiryKey(w.key[:0], s.id, m.expires, seq)
		s.expiries.added(w.key)
		w.create(&s.state.messageSum, w.key, nil)
		w.due(s, m.expires)
	}
	if s.config.MaxAge > 0 {
		w.due(s, saturate(m.time, int64(s.config.MaxAge)))
	}
	st := &s.state
	if st.msgs == 0 {
		st.first, s.firstMayGo = seq, false
	}
	st.msgs++
	st.bytes += t.size
	st.last, st.lastTime = seq, m.time
	return seq
}

// indexAppended makes seq the last message of its subject.
func (w *work) indexAppended(s *stream, subject []byte, seq uint64, t tail) {
	r := w.changeSubject(s, subject)
	if r.count == 0 {
		s.state.subjects++
		r.first = seq
	}
	if r.count >= 2 && !s.plain {
		w.key = appendIndexKey(w.key[:0], s.id, subject, r.last)
		w.create(&s.state.messageSum, w.key, nil)
	}
	s.subject.previous, s.subject.previousSeq = r.tail, r.last
	r.count++
	r.last, r.tail = seq, t
}

// load reads the message seq of s into w.msg, which the result points into.
func (w *work) load(s *stream, seq uint64) (m message, ok bool) {
	w.key = appendSeqKey(w.key[:0], tableMessage, s.id, seq)
	v, ok := w.get(w.key)
	if !ok {
		return m, false
	}
	w.msg = append(w.msg[:0], v...)
	m, ok = parseMessage(w.msg)
	if !ok {
		fail(damaged(w.key, "not a message"))
	}
	return m, true
}

// removeSeq removes the message seq of s and reports whether there was one.
func (w *work) removeSeq(s *stream, seq uint64) bool {
	m, ok := w.load(s, seq)
	if ok {
		w.removeLoaded(s, seq, &m)
	}
	return ok
}

// removeLoaded removes the message seq of s, which load has just returned as m.
func (w *work) removeLoaded(s *stream, seq uint64, m *message) {
	w.key = appendSeqKey(w.key[:0], tableMessage, s.id, seq)
	w.removeKnown(s, seq, m.subject, tail{sum: w.hash.pair(w.key, w.msg), size: s.sizeOf(m), expires: m.expires})
}

// removeFirst removes the oldest message of a subject that has one. It reads the
// message only when the subject's record does not tell enough.
func (w *work) removeFirst(s *stream, subject []byte) {
	r := w.subjectRecord(s, subject)
	switch c := &s.subject; r.first {
	case c.previousSeq:
		w.removeKnown(s, r.first, subject, c.previous)
	case r.last:
		w.removeKnown(s, r.first, subject, r.tail)
	default:
		ok := w.removeSeq(s, r.first)
		invariant(ok, "a subject's first message is in the message table")
	}
}

// removeKnown removes the message seq of s, of which t tells all that counts.
func (w *work) removeKnown(s *stream, seq uint64, subject []byte, t tail) {
	w.touch(s)
	st := &s.state
	w.key = appendSeqKey(w.key[:0], tableMessage, s.id, seq)
	w.delete(w.key)
	st.messageSum.sub(t.sum)
	if t.expires > 0 {
		w.key = appendExpiryKey(w.key[:0], s.id, t.expires, seq)
		w.remove(&st.messageSum, w.key, nil)
	}
	w.indexRemoved(s, subject, seq)
	invariant(st.msgs > 0 && st.bytes >= t.size, "stream counters cover its messages")
	st.msgs--
	st.bytes -= t.size
	switch {
	case st.msgs == 0:
		st.first, s.firstMayGo = st.last+1, false
	case seq == st.first:
		st.first, s.firstMayGo = seq+1, true
	}
}

// firstSeq returns the first message of s, which is not empty. Removals leave only
// a lower bound, because most slots remove many messages.
func (w *work) firstSeq(s *stream) uint64 {
	if s.firstMayGo {
		s.state.first, s.firstMayGo = w.nextSeq(s, s.state.first), false
	}
	return s.state.first
}

// indexRemoved takes seq out of its subject.
func (w *work) indexRemoved(s *stream, subject []byte, seq uint64) {
	r := w.changeSubject(s, subject)
	last := r.last
	invariant(r.count > 0 && r.first <= seq && seq <= r.last, "subject record covers its messages")
	r.count--
	switch {
	case r.count == 0:
		s.state.subjects--
		*r = subjectRecord{}
	case r.count == 1 && seq == r.first:
		r.first = r.last
	case r.count == 1 && seq == r.last:
		r.last = r.first
	case seq == r.first:
		r.first = w.takeNeighbour(s, subject, seq, false)
	case seq == r.last:
		r.last = w.takeNeighbour(s, subject, seq, true)
	case !s.plain:
		w.key = appendIndexKey(w.key[:0], s.id, subject, seq)
		w.remove(&s.state.messageSum, w.key, nil)
	}
	if r.count > 0 && r.last != last {
		r.tail = w.tailOf(s, r.last)
	}
}

// tailOf reads what is needed to remove the message seq.
func (w *work) tailOf(s *stream, seq uint64) tail {
	w.key = appendSeqKey(w.key[:0], tableMessage, s.id, seq)
	v, ok := w.get(w.key)
	invariant(ok, "a subject's last message is in the message table")
	m, ok := parseMessage(v)
	if !ok {
		fail(damaged(w.key, "not a message"))
	}
	return tail{sum: w.hash.pair(w.key, v), size: s.sizeOf(&m), expires: m.expires}
}

// takeNeighbour returns the message of the subject next to its end seq, and takes
// it out of the index because it is the end now.
func (w *work) takeNeighbour(s *stream, subject []byte, seq uint64, below bool) uint64 {
	if s.plain {
		if below {
			return w.previousSeq(s, seq)
		}
		return w.nextSeq(s, seq+1)
	}
	w.key = appendIndexKey(w.key[:0], s.id, subject, 0)
	w.upper = appendIndexKey(w.upper[:0], s.id, subject, 1<<64-1)
	it := w.between(w.key, w.upper)
	ok := false
	if below {
		ok = it.Last()
	} else {
		ok = it.First()
	}
	check(it)
	invariant(ok, "index holds a subject's middle messages")
	w.key = append(w.key[:0], it.Key()...)
	w.remove(&s.state.messageSum, w.key, nil)
	return seqOfKey(w.key)
}

// nextSeq returns the first message of s at or after seq; there must be one.
func (w *work) nextSeq(s *stream, seq uint64) uint64 {
	w.key = appendSeqKey(w.key[:0], tableMessage, s.id, seq)
	if w.has(w.key) {
		return seq
	}
	next, ok := w.seekSeq(s, seq)
	invariant(ok, "a stream's messages are in the message table")
	return next
}

// seekSeq returns the first message of s at or after seq, and whether there is one.
func (w *work) seekSeq(s *stream, seq uint64) (uint64, bool) {
	w.key = appendSeqKey(w.key[:0], tableMessage, s.id, seq)
	if w.pending.removesRanges() || w.departed() && w.leaving.removesRanges() { // which would be much to step over
		w.upper = appendPrefix(w.upper[:0], tableMessage, s.id+1)
		it := w.between(w.key, w.upper)
		if !it.First() {
			check(it)
			return 0, false
		}
		return seqOfKey(it.Key()), true
	}
	it := w.committed()
	for ok := it.SeekGE(w.key); ok && bytes.HasPrefix(it.Key(), w.key[:prefixBytes]); ok = it.Next() {
		if _, present, known := w.uncommitted(it.Key()); present || !known {
			return seqOfKey(it.Key()), true
		}
	}
	check(it)
	return w.seekAppended(s, seq)
}

// seekAppended is seekSeq among the messages that are not committed, which were all
// appended after those that are.
func (w *work) seekAppended(s *stream, seq uint64) (uint64, bool) {
	first, ok := w.firstAppended(s)
	if !ok {
		return 0, false
	}
	for seq = max(seq, first); seq <= s.state.last; seq++ {
		w.key = appendSeqKey(w.key[:0], tableMessage, s.id, seq)
		if _, present, _ := w.uncommitted(w.key); present {
			return seq, true
		}
	}
	return 0, false
}

// firstAppended is the first message of s that was appended and is not known to be committed,
// whether it is still there or not.
func (w *work) firstAppended(s *stream) (uint64, bool) {
	for _, a := range s.appended {
		if a.group == w.pending.group || w.departed() && a.group == w.leaving.group {
			return a.first, true
		}
	}
	return 0, false
}

// previousSeq returns the last message of s below seq; there must be one.
func (w *work) previousSeq(s *stream, seq uint64) uint64 {
	w.key = appendPrefix(w.key[:0], tableMessage, s.id)
	w.upper = appendSeqKey(w.upper[:0], tableMessage, s.id, seq)
	it := w.between(w.key, w.upper)
	ok := it.Last()
	check(it)
	invariant(ok, "a stream's messages are in the message table")
	return seqOfKey(it.Key())
}

// lastSeqOf returns the last message of the subject in s, 0 when it has none. A
// subject with wildcards stands for all that it matches.
func (w *work) lastSeqOf(s *stream, subject []byte) uint64 {
	if !hasWildcard(subject) {
		return w.subjectRecord(s, subject).last
	}
	w.flushSubject(s)
	literal := literalPrefix(subject)
	w.key = appendSubjectKey(w.key[:0], s.id, literal)
	w.upper = appendPrefixEnd(w.upper[:0], w.key)
	var last uint64
	it := w.between(w.key, w.upper)
	for ok := it.First(); ok; ok = it.Next() {
		if !matches(subject, it.Key()[prefixBytes:]) {
			continue
		}
		r, ok := parseSubjectRecord(it.Value())
		if !ok {
			fail(damaged(bytes.Clone(it.Key()), "not a subject record"))
		}
		last = max(last, r.last)
	}
	check(it)
	return last
}

// saturate returns a+b, or the largest time when that overflows. b is not negative.
func saturate(a, b int64) int64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<63 - 1
}
