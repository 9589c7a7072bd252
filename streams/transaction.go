package streams

import (
	"bytes"
	"fmt"

	"github.com/synod-paxos/synod/streams/command"
)

// maxOutcomeBytes bounds what the reads of a transaction put into its outcome, so
// that it fits a NATS message. Results beyond it are omitted.
const maxOutcomeBytes = 512 << 10

// transact does all of a transaction, or nothing.
func (w *work) transact(s *stream, t *command.Transaction) (command.Value, *APIError) {
	for i := range t.If {
		if c := &t.If[i]; c.Kind != command.LeaseIs {
			if e := s.checkSubject(c.Subject); e != nil {
				return nil, e
			}
		}
	}
	for _, actions := range [][]command.Action{t.Then, t.Else} {
		for i := range actions {
			if e := w.checkAction(s, &actions[i]); e != nil {
				return nil, &APIError{e.Code, e.ErrCode, fmt.Sprintf("action %d: %s", i+1, e.Description)}
			}
		}
	}
	done := command.TransactionDone{Held: w.allHold(s, t.If)}
	actions := t.Else
	if done.Held {
		actions = t.Then
	}
	e := w.act(s, actions, &done)
	return done, e
}

// checkAction refuses what the action can never do.
func (w *work) checkAction(s *stream, a *command.Action) *APIError {
	if e := s.checkSubject(a.Subject); e != nil || a.Kind == command.Get {
		return e
	}
	p, e := w.publicationOf(s, a)
	if e != nil {
		return e
	}
	if h := &p.h; len(h.msgID) > 0 || len(h.expectedStream) > 0 || len(h.expectedLastMsgID) > 0 ||
		len(h.expectedLastSeq) > 0 || len(h.expectedSubjectSeq) > 0 || len(h.expectedSubjectSubject) > 0 {
		return malformed("ids and expectations belong to the whole transaction")
	}
	if p.rollup == rollupAll {
		return malformed("a transaction can not roll up the whole stream")
	}
	return nil
}

// The headers of the markers that nats.go's Delete and Purge publish.
var (
	deleteHeader = []byte("NATS/1.0\r\nKV-Operation: DEL\r\n\r\n")
	purgeHeader  = []byte("NATS/1.0\r\nKV-Operation: PURGE\r\nNats-Rollup: sub\r\n\r\n")
)

// publicationOf returns what an action stores, after every check but for the
// stream's limits.
func (w *work) publicationOf(s *stream, a *command.Action) (*publication, *APIError) {
	p := &publication{message: message{time: w.now, subject: []byte(a.Subject), header: a.Header, data: a.Data}}
	switch a.Kind {
	case command.Delete:
		p.header, p.data = deleteHeader, nil
	case command.Purge:
		p.header, p.data = purgeHeader, nil
	}
	if e := w.checkSize(s, p); e != nil {
		return nil, e
	}
	p.h.parse(p.header)
	if e := checkStream(s, &p.h); e != nil {
		return nil, e
	}
	if e := checkSchedule(p); e != nil {
		return nil, e
	}
	if e := checkRollup(s, p); e != nil {
		return nil, e
	}
	seconds, ok := parseTTL(p.h.ttl)
	if !ok {
		return nil, errTTLInvalid
	}
	s.setExpiry(p, seconds)
	return p, nil
}

// allHold reports whether every condition holds.
func (w *work) allHold(s *stream, conditions []command.Condition) bool {
	for i := range conditions {
		if !w.holds(s, &conditions[i]) {
			return false
		}
	}
	return true
}

func (w *work) holds(s *stream, c *command.Condition) bool {
	if c.Kind == command.LeaseIs {
		l, ok := w.held(s, c.Subject)
		return ok && l.token == c.Number
	}
	last := w.subjectRecord(s, []byte(c.Subject)).last
	if c.Kind == command.RevisionIs {
		return last == c.Number
	}
	m, found := w.valueAt(s, last)
	switch c.Kind {
	case command.Exists:
		return found
	case command.Absent:
		return !found
	}
	return found && bytes.Equal(m.data, c.Value)
}

// valueAt reads the message seq, and reports whether it is there and a value rather
// than a delete marker. The message is valid until the next load.
func (w *work) valueAt(s *stream, seq uint64) (m message, found bool) {
	if seq == 0 {
		return m, false
	}
	m, ok := w.load(s, seq)
	invariant(ok, "a subject's last message is in the message table")
	var h headers
	h.parse(m.header)
	return m, !h.isMarker() && string(h.operation) != "DEL"
}

// act does the actions of one list, or nothing.
func (w *work) act(s *stream, actions []command.Action, done *command.TransactionDone) *APIError {
	do := func() *APIError {
		room := maxOutcomeBytes
		for i := range actions {
			result, e := w.actOne(s, &actions[i], &room)
			if e != nil {
				return &APIError{e.Code, e.ErrCode, fmt.Sprintf("action %d: %s", i+1, e.Description)}
			}
			done.Results = append(done.Results, result)
		}
		return nil
	}
	if s.alwaysHasRoom() {
		e := do()
		invariant(e == nil, "a transaction on a stream that has room is done")
		return nil
	}
	return w.attempt(s, do)
}

// alwaysHasRoom reports whether checkLimits never refuses a message without id.
func (s *stream) alwaysHasRoom() bool {
	c := s.config
	return c.Discard != discardNew || c.MaxMsgs <= 0 && c.MaxBytes <= 0 && !c.DiscardNewPer
}

func (w *work) actOne(s *stream, a *command.Action, room *int) (command.Result, *APIError) {
	if a.Kind == command.Get {
		return w.read(s, a.Subject, room), nil
	}
	p, e := w.publicationOf(s, a)
	invariant(e == nil, "an action that was checked can be done")
	if e := w.checkLimits(s, p); e != nil {
		return command.Result{}, e
	}
	return command.Result{Revision: w.store(s, p)}, nil
}

// read returns the last message of a subject, and takes its size from room.
func (w *work) read(s *stream, subject string, room *int) command.Result {
	r := command.Result{Revision: w.subjectRecord(s, []byte(subject)).last}
	m, found := w.valueAt(s, r.Revision)
	if r.Revision == 0 {
		return r
	}
	r.Found, r.Time = found, m.time
	if size := len(m.header) + len(m.data); size > *room {
		r.Omitted = true
	} else {
		*room -= size
		r.Header, r.Data = bytes.Clone(m.header), bytes.Clone(m.data)
	}
	return r
}
