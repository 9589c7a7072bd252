package streams

import (
	"encoding/binary"
)

// A reader takes fields off the front of a record. After a short or malformed
// field it yields zeros and ok reports false.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if v := r.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (r *reader) int64() int64 { return int64(r.uint64()) }

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte { return r.take(r.uvarint()) }

func (r *reader) sum() Sum { return Sum{Hi: r.uint64(), Lo: r.uint64()} }

// done reports whether the record was well formed and has no bytes left.
func (r *reader) done() bool { return !r.bad && len(r.b) == 0 }

func appendBytes(b, v []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// A message as it is stored. The slices point into the record.
type message struct {
	time    int64 // log time of the slot that stored it
	expires int64 // log time; 0 by the stream's max_age alone, never: not even then
	subject []byte
	header  []byte
	data    []byte
}

// never is the expiry of a message that outlives the stream's max_age.
const never = -1

const (
	flagHeader  = 1 << 0
	flagExpires = 1 << 1
	flagNever   = 1 << 2
)

func appendMessage(b []byte, m *message) []byte {
	var flags byte
	if len(m.header) > 0 {
		flags |= flagHeader
	}
	switch {
	case m.expires > 0:
		flags |= flagExpires
	case m.expires == never:
		flags |= flagNever
	}
	b = append(b, flags)
	b = binary.BigEndian.AppendUint64(b, uint64(m.time))
	if m.expires > 0 {
		b = binary.BigEndian.AppendUint64(b, uint64(m.expires))
	}
	b = appendBytes(b, m.subject)
	if len(m.header) > 0 {
		b = appendBytes(b, m.header)
	}
	return append(b, m.data...)
}

func parseMessage(b []byte) (m message, ok bool) {
	r := reader{b: b}
	flags := r.byte()
	m.time = r.int64()
	switch {
	case flags&flagExpires != 0:
		m.expires = r.int64()
	case flags&flagNever != 0:
		m.expires = never
	}
	m.subject = r.bytes()
	if flags&flagHeader != 0 {
		m.header = r.bytes()
	}
	m.data = r.b
	return m, !r.bad
}

// A subjectRecord counts the messages of one subject. One with count 0 is not
// stored.
type subjectRecord struct {
	count, first, last uint64
	tail               tail // of the message last
}

// A tail is what is needed to remove a message without reading it.
type tail struct {
	sum     Sum    // of its pair
	size    uint64 // as the stream counts it
	expires int64  // as in message
}

func appendSubjectRecord(b []byte, s *subjectRecord) []byte {
	b = binary.AppendUvarint(b, s.count)
	b = binary.AppendUvarint(b, s.first)
	b = binary.AppendUvarint(b, s.last)
	b = binary.AppendUvarint(b, s.tail.size)
	b = binary.AppendVarint(b, s.tail.expires)
	return s.tail.sum.append(b)
}

func parseSubjectRecord(b []byte) (s subjectRecord, ok bool) {
	r := reader{b: b}
	s = subjectRecord{count: r.uvarint(), first: r.uvarint(), last: r.uvarint()}
	s.tail = tail{size: r.uvarint(), expires: r.varint(), sum: r.sum()}
	return s, r.done() && s.count > 0 && s.first <= s.last
}

// streamState is what changes in a stream with every message.
type streamState struct {
	msgs, bytes uint64
	first, last uint64 // first is last+1 when the stream is empty, both 0 when it never held one
	lastTime    int64  // log time of the message last; 0 when there never was one
	subjects    uint64
	ageFloor    uint64 // every message below it is exempt from max_age
	ids         uint64 // ids in the tables, each once
	nextID      uint64 // number of the next id in the queue
	idFloor     int64  // log time up to which ids have ended, as far as is noted; all later ones are in the table
	sessions    uint64
	leases      uint64
	lastID      []byte // Nats-Msg-Id of the message last
	messageSum  Sum
	idSum       Sum
	ownerSum    Sum // of sessions and leases
}

func appendStreamState(b []byte, s *streamState) []byte {
	for _, v := range [...]uint64{s.msgs, s.bytes, s.first, s.last, uint64(s.lastTime), s.subjects, s.ageFloor, s.ids, s.nextID, uint64(s.idFloor), s.sessions, s.leases} {
		b = binary.AppendUvarint(b, v)
	}
	b = appendBytes(b, s.lastID)
	return s.ownerSum.append(s.idSum.append(s.messageSum.append(b)))
}

func parseStreamState(b []byte) (s streamState, ok bool) {
	r := reader{b: b}
	s.msgs, s.bytes = r.uvarint(), r.uvarint()
	s.first, s.last = r.uvarint(), r.uvarint()
	s.lastTime = int64(r.uvarint())
	s.subjects, s.ageFloor = r.uvarint(), r.uvarint()
	s.ids, s.nextID, s.idFloor = r.uvarint(), r.uvarint(), int64(r.uvarint())
	s.sessions, s.leases = r.uvarint(), r.uvarint()
	s.lastID = append([]byte(nil), r.bytes()...)
	s.messageSum, s.idSum, s.ownerSum = r.sum(), r.sum(), r.sum()
	return s, r.done()
}

// A seenID is the value of the id table: the message that an id stands for.
type seenID struct {
	seq  uint64 // 0: the id is refused
	time int64  // log time at which the id was stored
}

func appendSeenID(b []byte, s seenID) []byte {
	b = binary.BigEndian.AppendUint64(b, s.seq)
	return binary.BigEndian.AppendUint64(b, uint64(s.time))
}

func parseSeenID(b []byte) (s seenID, ok bool) {
	r := reader{b: b}
	s = seenID{seq: r.uint64(), time: r.int64()}
	return s, r.done()
}

// A queuedID is the value of the id queue.
type queuedID struct {
	seenID
	id []byte
}

func appendQueuedID(b []byte, q queuedID) []byte {
	return append(appendSeenID(b, q.seenID), q.id...)
}

func parseQueuedID(b []byte) (q queuedID, ok bool) {
	r := reader{b: b}
	q.seenID = seenID{seq: r.uint64(), time: r.int64()}
	q.id = r.b
	return q, !r.bad
}

// globals is what belongs to no stream.
type globals struct {
	version     uint64 // of the state machine's rules
	nextStream  uint64
	lastSession uint64
	lastToken   uint64 // of a lease; never goes back
	limits      Limits
}

func appendGlobals(b []byte, g globals) []byte {
	l := g.limits
	for _, v := range [...]uint64{g.version, g.nextStream, g.lastSession, g.lastToken, l.Streams, l.MessageIDs, l.Expiries, l.Sessions, l.Leases} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func parseGlobals(b []byte) (g globals, ok bool) {
	r := reader{b: b}
	g.version, g.nextStream, g.lastSession, g.lastToken = r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
	g.limits = Limits{Streams: r.uvarint(), MessageIDs: r.uvarint(), Expiries: r.uvarint(), Sessions: r.uvarint(), Leases: r.uvarint()}
	return g, r.done()
}

func appendPosition(b []byte, d Digest) []byte {
	b = binary.BigEndian.AppendUint64(b, d.Slot)
	b = binary.BigEndian.AppendUint64(b, uint64(d.LogTime))
	return d.Sum.append(b)
}

func parsePosition(b []byte) (d Digest, ok bool) {
	r := reader{b: b}
	d = Digest{Slot: r.uint64(), LogTime: r.int64(), Sum: r.sum()}
	return d, r.done()
}
