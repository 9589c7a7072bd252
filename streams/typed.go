package streams

import (
	"time"

	"github.com/synod-paxos/synod/streams/command"
)

func malformed(text string) *APIError {
	return &APIError{400, command.CodeMalformed, text}
}

// typed applies a typed command for the stream name.
func (w *work) typed(name string, data []byte) Reply {
	s := w.m.byName[name]
	if s == nil {
		return w.refusePublish(nil, ErrStreamNotFound)
	}
	c, err := command.Decode(data)
	if err != nil {
		return w.refusePublish(nil, malformed(err.Error()))
	}
	return Reply{Data: w.answer(s, &c)}
}

// answer applies a typed command and returns the bytes of the reply.
func (w *work) answer(s *stream, c *command.Command) []byte {
	var value command.Value
	var e *APIError
	switch op := c.Op.(type) {
	case command.OpenSession:
		value, e = w.openSession(s, c.Session, op)
	case command.KeepAlive:
		value, e = w.keepAlive(s, c.Session)
	case command.CloseSession:
		value, e = w.closeSession(s, c.Session)
	case command.Bundle:
		if c.Session != (command.Session{}) {
			e = malformed("a bundle is in no session")
			break
		}
		value, e = w.bundle(s, op)
	default:
		if c.Session.ID != 0 {
			return w.inSession(s, c)
		}
		if c.Session != (command.Session{}) {
			e = malformed("a number without a session")
			break
		}
		value, e = w.perform(s, c.Op)
	}
	return w.outcome(value, e)
}

// outcome returns the bytes of a reply.
func (w *work) outcome(value command.Value, e *APIError) []byte {
	if e != nil {
		return append(append([]byte(`{"error":`), mustJSON(e)...), '}')
	}
	return command.Outcome{LogTime: w.now, Value: value}.Encode()
}

// perform does what may be part of a session.
func (w *work) perform(s *stream, op command.Op) (command.Value, *APIError) {
	switch op := op.(type) {
	case command.Transaction:
		return w.transact(s, &op)
	case command.Publish:
		return w.publishTyped(s, op)
	case command.Acquire:
		return w.acquire(s, op)
	case command.Renew:
		return w.renew(s, op)
	case command.Release:
		return w.release(s, op)
	case command.Inspect:
		return w.inspect(s, op)
	case command.Lookup:
		return w.lookupID(s, op)
	}
	panic("streams: invariant broken: every operation that is decoded is performed")
}

func (w *work) publishTyped(s *stream, op command.Publish) (command.Value, *APIError) {
	if e := s.checkSubject(op.Subject); e != nil {
		return nil, e
	}
	seq, duplicate, e := w.tryPublish(s, op.Subject, op.Header, op.Data)
	if e != nil {
		return nil, e
	}
	return command.Published{Seq: seq, Duplicate: duplicate}, nil
}

// checkSubject refuses a subject that is not one of the stream's.
func (s *stream) checkSubject(subject string) *APIError {
	if validSubject([]byte(subject)) {
		for _, own := range s.config.Subjects {
			if matches([]byte(own), []byte(subject)) {
				return nil
			}
		}
	}
	return malformed("subject " + string(appendJSONString(nil, subject)) + " is not one of the stream's")
}

func checkTTL(ttl time.Duration) *APIError {
	if ttl < command.MinTTL || ttl > command.MaxTTL {
		return malformed("a time to live is from 1s to 24h")
	}
	return nil
}
