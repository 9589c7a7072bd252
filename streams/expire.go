package streams

import (
	"fmt"
	"time"
)

// expire removes what is due at the slot's log time: ids, sessions and leases, then messages over the
// stream's max_age, then messages over their own TTL, stream by stream. What the
// budget does not cover stays due.
func (w *work) expire() {
	m := w.m
	if m.nextDue == 0 || m.nextDue > w.now {
		return
	}
	for _, s := range m.order {
		if s.nextDue != 0 && s.nextDue <= w.now {
			w.expireStream(s)
		}
	}
	m.nextDue = 0
	for _, s := range m.order {
		if s.nextDue != 0 {
			w.due(s, s.nextDue)
		}
	}
}

func (w *work) expireStream(s *stream) {
	w.expireIDs(s)
	w.expireOwners(s)
	w.expireAged(s)
	w.expireTTL(s)
	s.nextDue = w.nextDueOf(s)
}

// expireAged removes messages older than max_age. ageFloor passes over those that
// are exempt, so that they are looked at once.
func (w *work) expireAged(s *stream) {
	for w.expiries > 0 {
		seq, m, ok := w.firstAged(s)
		if !ok || saturate(m.time, int64(s.config.MaxAge)) > w.now {
			return
		}
		w.expiries--
		if m.expires == never {
			w.touch(s)
			s.state.ageFloor = seq + 1
			continue
		}
		w.expireMessage(s, seq, &m)
	}
}

// firstAged returns the first message that max_age has not exempted. Messages are
// stored in the order of log time, so it is the oldest.
func (w *work) firstAged(s *stream) (seq uint64, m message, ok bool) {
	st := &s.state
	if s.config.MaxAge == 0 || st.msgs == 0 {
		return 0, m, false
	}
	from := max(w.firstSeq(s), st.ageFloor)
	if from > st.last {
		return 0, m, false
	}
	if m, ok = w.load(s, from); ok {
		return from, m, true
	}
	if seq, ok = w.seekSeq(s, from); !ok {
		return 0, m, false
	}
	m, ok = w.load(s, seq)
	invariant(ok, "a key that was found has a value")
	return seq, m, true
}

// expireTTL removes messages whose own time is over.
func (w *work) expireTTL(s *stream) {
	for w.expiries > 0 {
		at, seq, ok := w.firstExpiry(s)
		if !ok || at > w.now {
			return
		}
		w.expiries--
		s.expiries.taken(appendExpiryKey(nil, s.id, at, seq))
		m, ok := w.load(s, seq)
		invariant(ok, "a message that expires is in the message table")
		w.expireMessage(s, seq, &m)
	}
}

// firstExpiry returns the message with a TTL that ends first.
func (w *work) firstExpiry(s *stream) (at int64, seq uint64, ok bool) {
	if !s.config.AllowMsgTTL || s.state.msgs == 0 {
		return 0, 0, false
	}
	w.key = s.expiries.begin(w.key[:0], tableExpiry, s.id)
	w.upper = appendPrefix(w.upper[:0], tableExpiry, s.id+1)
	it := w.between(w.key, w.upper)
	if !it.First() {
		check(it)
		return 0, 0, false
	}
	return expiryOfKey(it.Key()), seqOfKey(it.Key()), true
}

// expireMessage removes a message that load has just returned. Where the stream
// leaves markers, one takes the place of the last message of a subject.
func (w *work) expireMessage(s *stream, seq uint64, m *message) {
	seconds := int64(s.config.SubjectDeleteMarkerTTL / time.Second)
	marker := false
	if seconds > 0 && w.subjectRecord(s, m.subject).count == 1 {
		var h headers
		h.parse(m.header)
		marker = !h.isMarker()
	}
	subject := append([]byte(nil), m.subject...)
	w.removeLoaded(s, seq, m)
	if !marker {
		return
	}
	header := fmt.Sprintf("NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: %s\r\nNats-Rollup: sub\r\n\r\n",
		time.Duration(seconds)*time.Second)
	w.appendTo(s, &message{time: w.now, expires: expiryAfter(w.now, seconds), subject: subject, header: []byte(header)})
	s.state.lastID = s.state.lastID[:0]
}

// nextDueOf computes when something of s is next due, 0 when nothing is.
func (w *work) nextDueOf(s *stream) int64 {
	var next int64
	earlier := func(at int64) {
		if next == 0 || at < next {
			next = at
		}
	}
	if run, ok := w.firstIDs(s); ok {
		earlier(w.idEnd(s, run.time))
	}
	if at, _, _, ok := w.firstOwner(s); ok {
		earlier(at)
	}
	if _, m, ok := w.firstAged(s); ok {
		earlier(saturate(m.time, int64(s.config.MaxAge)))
	}
	if at, _, ok := w.firstExpiry(s); ok {
		earlier(at)
	}
	return next
}
