package streams

import "github.com/synod-paxos/synod/streams/command"

var errTooLate = &APIError{409, command.CodeTooLate, "message id may have been seen and forgotten: its time in the duplicate window may be over"}

// bundle publishes the messages of a bundle, or refuses all of it.
func (w *work) bundle(s *stream, op command.Bundle) (command.Value, *APIError) {
	for i := range op.Messages {
		m := &op.Messages[i]
		if e := s.checkSubject(m.Subject); e != nil {
			return nil, e
		}
		if m.Since > w.now {
			return nil, malformed("a message has a time that has not been")
		}
	}
	done := command.Bundled{Replies: make([][]byte, len(op.Messages))}
	for i := range op.Messages {
		done.Replies[i] = w.bundled(s, &op.Messages[i]).Data
	}
	return done, nil
}

// bundled publishes one message of a bundle.
func (w *work) bundled(s *stream, m *command.Message) Reply {
	if m.Since != 0 && w.mayBeForgotten(s, m) {
		return w.refusePublish(s, errTooLate)
	}
	return w.publish(s, m.Subject, &Message{Header: m.Header, Data: m.Data})
}

// mayBeForgotten reports whether m, which was first sent at or after m.Since, may have been
// stored under an id that has ended.
func (w *work) mayBeForgotten(s *stream, m *command.Message) bool {
	if !w.idIsOver(s, m.Since) && m.Since > s.state.idFloor {
		return false
	}
	var k knownID
	if validHeader(m.Header) {
		var h headers
		h.parse(m.Header)
		k = w.known(s, h.msgID)
	}
	return !k.duplicate() && s.forgotten(&k, m.Since)
}
