package streams

import "bytes"

// A stream is what the goroutine of Apply keeps in memory of one stream: nothing
// that grows with the number of messages or subjects.
type stream struct {
	id      uint64
	config  *Config // never changed, only replaced
	created int64   // log time
	state   streamState

	// plain: all messages have one subject, so the message table serves as the
	// index of the subject. Only LEDGER is, because its subjects cannot change.
	plain bool

	stateSum   Sum // of the stored counters
	configSum  Sum // of the stored configuration
	subject    subjectCache
	epoch      uint64      // rises when all cached records of subjects become void
	firstMayGo bool        // state.first is a lower bound, because that message was removed
	nextDue    int64       // log time of the next expiry, 0 none; may be early
	owners     queue       // the due table
	expiries   queue       // the expiry table
	idStart    uint64      // number of the first id in the queue; state.nextID when there is none
	idGroups   []*idGroup  // that are not flushed
	newIDs     newRun      // of the slot, not flushed
	singleIDs  bool        // there may be pairs of the rules before version 4
	ackPrefix  []byte      // of a PubAck, up to the sequence
	appended   [2]appended // in the last two groups of slots that a message was appended in
	dirty      bool        // listed in work.dirty
	dropped    bool        // deleted by this slot
}

// An appended is the first message that was appended in a group of slots.
type appended struct {
	group uint32 // overlay.group
	first uint64
}

// A queue is the last key of a table in the order of time that was looked at and taken out.
// There is nothing at or below it: who looks for the first pair begins there, and does not
// step over all that was taken out before, which would take ever longer.
type queue []byte

// taken notes that the first pair, with key, goes.
func (q *queue) taken(key []byte) { *q = append((*q)[:0], key...) }

// added notes a pair with key. It is due later than all that was, but at the end of time.
func (q *queue) added(key []byte) {
	if bytes.Compare(key, *q) <= 0 {
		*q = (*q)[:0]
	}
}

// begin is the key from which on the table of stream id is looked at.
func (q queue) begin(b []byte, table byte, id uint64) []byte {
	if len(q) > 0 {
		return append(b, q...)
	}
	return appendPrefix(b, table, id)
}

// subjectCache holds the record of the subject that was used last. Most slots
// write many messages of one subject, and then write its record once.
type subjectCache struct {
	valid   bool
	name    []byte
	record  subjectRecord
	stored  bool // there is a pair on disk
	sum     Sum  // of that pair
	changed bool // record differs from that pair

	previous    tail   // of the message that was last before record.last
	previousSeq uint64 // that message, 0 when it is not known
}

func newStream(id uint64, config *Config, created int64) *stream {
	s := &stream{id: id, created: created, plain: config.Name == Ledger}
	s.setConfig(config)
	return s
}

func (s *stream) setConfig(c *Config) {
	s.config = c
	s.ackPrefix = append(appendJSONString([]byte(`{"stream":`), c.Name), `,"seq":`...)
}

// due lowers the time of the stream's next expiry to at, if that is earlier. Every
// write that gives expireStream something to do calls it, so nextDue is never later
// than what nextDueOf computes after a restart, or machines would part.
func (w *work) due(s *stream, at int64) {
	if s.nextDue == 0 || at < s.nextDue {
		s.nextDue = at
	}
	if w.m.nextDue == 0 || at < w.m.nextDue {
		w.m.nextDue = at
	}
}

// subjectRecord returns the record of a subject, for reading. It is valid until
// the next call for the stream.
func (w *work) subjectRecord(s *stream, subject []byte) *subjectRecord {
	c := &s.subject
	if c.valid && bytes.Equal(c.name, subject) {
		return &c.record
	}
	w.flushSubject(s)
	c.valid, c.changed, c.previousSeq = true, false, 0
	c.name = append(c.name[:0], subject...)
	c.record, c.stored = subjectRecord{}, false
	w.key = appendSubjectKey(w.key[:0], s.id, subject)
	if w.subjects.load(s, w.key, c) {
		return &c.record
	}
	v, ok := w.lookup(w.key)
	if !ok {
		return &c.record
	}
	if c.record, ok = parseSubjectRecord(v); !ok {
		fail(damaged(w.key, "not a subject record"))
	}
	c.stored, c.sum = true, w.hash.pair(w.key, v)
	return &c.record
}

// changeSubject is subjectRecord for a caller that changes the record.
func (w *work) changeSubject(s *stream, subject []byte) *subjectRecord {
	r := w.subjectRecord(s, subject)
	s.subject.changed = true
	return r
}

// flushSubject writes the cached record if it changed.
func (w *work) flushSubject(s *stream) {
	c := &s.subject
	if !c.valid || !c.changed {
		return
	}
	w.key = appendSubjectKey(w.key[:0], s.id, c.name)
	w.mark()
	if c.stored {
		s.state.messageSum.sub(c.sum)
	}
	c.changed, c.stored = false, c.record.count > 0
	if c.stored {
		w.record = appendSubjectRecord(w.record[:0], &c.record)
		w.set(w.key, w.record)
		c.sum = w.hash.pair(w.key, w.record)
		s.state.messageSum.add(c.sum)
	} else {
		w.delete(w.key)
	}
	w.subjects.store(s, w.key, c)
}

// forgetSubjects drops all cached records without writing them.
func (s *stream) forgetSubjects() {
	s.subject.valid, s.subject.changed = false, false
	s.epoch++
}
