package streams

import (
	"bytes"
	"encoding/binary"

	"github.com/synod-paxos/synod/streams/command"
)

const nonceBytes = 16

var (
	errSessionUnknown  = &APIError{404, command.CodeSessionUnknown, "session is unknown or has ended"}
	errAcknowledged    = &APIError{400, command.CodeAcknowledged, "command is below what the session awaits"}
	errTooManyAwaited  = &APIError{429, command.CodeTooManyAwaited, "too many outcomes of the session are awaited"}
	errTooManySessions = &APIError{503, command.CodeTooManySessions, "the stream has as many sessions as it may"}
)

// A session is the value of the session table.
type session struct {
	ttl      int64
	expires  int64  // log time; ended from then on
	queued   int64  // time of its pair in the due table, at most expires
	awaited  uint64 // lowest number with an outcome that may be asked for
	outcomes uint64
	nonce    [nonceBytes]byte
}

func appendSession(b []byte, s *session) []byte {
	for _, v := range [...]int64{s.ttl, s.expires, s.queued} {
		b = binary.AppendVarint(b, v)
	}
	b = binary.AppendUvarint(binary.AppendUvarint(b, s.awaited), s.outcomes)
	return append(b, s.nonce[:]...)
}

func parseSession(b []byte) (s session, ok bool) {
	r := reader{b: b}
	s.ttl, s.expires, s.queued = r.varint(), r.varint(), r.varint()
	s.awaited, s.outcomes = r.uvarint(), r.uvarint()
	copy(s.nonce[:], r.take(nonceBytes))
	return s, r.done()
}

func (w *work) sessionKey(s *stream, id uint64) []byte {
	return appendSeqKey(nil, tableSession, s.id, id)
}

// session reads a session that is on disk, ended or not.
func (w *work) session(s *stream, id uint64) (x session, ok bool) {
	key := w.sessionKey(s, id)
	v, ok := w.get(key)
	if !ok {
		return x, false
	}
	if x, ok = parseSession(v); !ok {
		fail(damaged(key, "not a session"))
	}
	return x, true
}

// writeSession replaces a session, which was old before.
func (w *work) writeSession(s *stream, id uint64, old, x session) {
	w.touch(s)
	w.replace(&s.state.ownerSum, w.sessionKey(s, id), appendSession(nil, &old), appendSession(nil, &x))
}

func (w *work) openSession(s *stream, in command.Session, op command.OpenSession) (command.Value, *APIError) {
	if in != (command.Session{}) {
		return nil, malformed("a session can not be opened in a session")
	}
	if e := checkTTL(op.TTL); e != nil {
		return nil, e
	}
	if id, ok := w.sessionOf(s, op.Nonce); ok {
		x, ok := w.session(s, id)
		invariant(ok, "a nonce stands for a session")
		if x.expires > w.now {
			return command.SessionOpened{ID: id, Expires: x.expires}, nil
		}
		w.endSession(s, id, x)
	}
	if s.state.sessions >= w.m.globals.limits.Sessions {
		return nil, errTooManySessions
	}
	id := w.nextSession()
	x := session{ttl: int64(op.TTL), expires: saturate(w.now, int64(op.TTL)), awaited: 1, nonce: op.Nonce}
	x.queued = x.expires
	w.touch(s)
	sum := &s.state.ownerSum
	w.insert(sum, w.sessionKey(s, id), appendSession(nil, &x))
	w.insert(sum, nonceKey(s, op.Nonce), number(id))
	w.enqueue(s, x.queued, dueSession, number(id))
	s.state.sessions++
	return command.SessionOpened{ID: id, Expires: x.expires}, nil
}

// nextSession returns a number that no session had.
func (w *work) nextSession() uint64 {
	old := w.m.globals
	w.m.globals.lastSession = w.m.nextNumber(old.lastSession)
	w.writeGlobals(old)
	return w.m.globals.lastSession
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func nonceKey(s *stream, nonce [nonceBytes]byte) []byte {
	return append(appendPrefix(nil, tableNonce, s.id), nonce[:]...)
}

// sessionOf returns the session that was opened with a nonce and is on disk.
func (w *work) sessionOf(s *stream, nonce [nonceBytes]byte) (id uint64, ok bool) {
	key := nonceKey(s, nonce)
	v, ok := w.get(key)
	if !ok {
		return 0, false
	}
	if len(v) != 8 {
		fail(damaged(key, "not the number of a session"))
	}
	return binary.BigEndian.Uint64(v), true
}

// live returns a session that has not ended.
func (w *work) live(s *stream, id uint64) (session, *APIError) {
	x, ok := w.session(s, id)
	if !ok || x.expires <= w.now {
		return x, errSessionUnknown
	}
	return x, nil
}

func (w *work) keepAlive(s *stream, in command.Session) (command.Value, *APIError) {
	if in.Number != 0 || in.Awaited != 0 {
		return nil, malformed("a keep-alive has no number")
	}
	x, e := w.live(s, in.ID)
	if e != nil {
		return nil, e
	}
	old := x
	x.expires = saturate(w.now, x.ttl)
	w.writeSession(s, in.ID, old, x)
	return command.Renewed{Expires: x.expires}, nil
}

func (w *work) closeSession(s *stream, in command.Session) (command.Value, *APIError) {
	if in.Number != 0 || in.Awaited != 0 {
		return nil, malformed("closing a session has no number")
	}
	x, e := w.live(s, in.ID)
	if e != nil {
		return nil, e
	}
	w.endSession(s, in.ID, x)
	return command.Closed{}, nil
}

// endSession removes a session and its outcomes.
func (w *work) endSession(s *stream, id uint64, x session) {
	w.touch(s)
	w.forgetOutcomes(s, id, &x, ^uint64(0))
	sum := &s.state.ownerSum
	w.remove(sum, nonceKey(s, x.nonce), number(id))
	w.remove(sum, appendDueKey(nil, s.id, x.queued, dueSession, number(id)), nil)
	key := w.sessionKey(s, id)
	v, ok := w.get(key)
	invariant(ok, "a session that ends is on disk")
	w.remove(sum, key, bytes.Clone(v))
	s.state.sessions--
}

// forgetOutcomes removes the outcomes below a number.
func (w *work) forgetOutcomes(s *stream, id uint64, x *session, below uint64) {
	if x.outcomes > 0 && below > x.awaited {
		it := w.between(appendOutcomeKey(nil, s.id, id, x.awaited), appendOutcomeKey(nil, s.id, id, below))
		for ok := it.First(); ok; ok = it.Next() {
			w.remove(&s.state.ownerSum, it.Key(), it.Value())
			x.outcomes--
		}
		check(it)
	}
	x.awaited = max(x.awaited, below)
}

// inSession applies a command exactly once: a number that was applied is answered
// with the outcome it had.
func (w *work) inSession(s *stream, c *command.Command) []byte {
	in := c.Session
	x, e := w.live(s, in.ID)
	_, isLookup := c.Op.(command.Lookup)
	switch {
	case e != nil:
	case in.Number == 0 || in.Awaited == 0 || in.Awaited > in.Number || isLookup:
		e = malformed("a command of a session has a number, and awaits that or a lower one")
	case in.Number < x.awaited:
		e = errAcknowledged
	}
	if e != nil {
		return w.outcome(nil, e)
	}
	old := x
	x.expires = saturate(w.now, x.ttl)
	key := appendOutcomeKey(nil, s.id, in.ID, in.Number)
	if v, ok := w.get(key); ok {
		answer := bytes.Clone(v)
		w.writeSession(s, in.ID, old, x)
		return answer
	}
	w.forgetOutcomes(s, in.ID, &x, in.Awaited)
	if x.outcomes >= command.MaxAwaited {
		w.writeSession(s, in.ID, old, x)
		return w.outcome(nil, errTooManyAwaited)
	}
	answer := w.outcome(w.perform(s, c.Op))
	w.insert(&s.state.ownerSum, key, answer)
	x.outcomes++
	w.writeSession(s, in.ID, old, x)
	return answer
}
