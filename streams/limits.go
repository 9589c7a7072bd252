package streams

// checkLimits refuses a publish that a stream with discard "new" has no room for.
func (w *work) checkLimits(s *stream, p *publication) *APIError {
	c := s.config
	if len(p.h.msgID) > 0 && w.idsAreFull(s) {
		return idTableFull(c.Name, w.m.globals.limits.MessageIDs)
	}
	if c.Discard != discardNew {
		return nil
	}
	size := s.sizeOf(&p.message)
	replaces := false
	if c.MaxMsgsPer > 0 {
		r := w.subjectRecord(s, p.subject)
		replaces = r.count >= uint64(c.MaxMsgsPer)
	}
	switch {
	case replaces && c.DiscardNewPer && p.rollup == 0:
		return storeFailed("maximum messages per subject exceeded")
	case c.MaxMsgs > 0 && s.state.msgs >= uint64(c.MaxMsgs) && !replaces:
		return storeFailed("maximum messages exceeded")
	case c.MaxBytes > 0 && s.state.bytes+size > uint64(c.MaxBytes):
		if !replaces || w.sizeOfFirst(s, p.subject) < size {
			return storeFailed("maximum bytes exceeded")
		}
	}
	return nil
}

// sizeOfFirst returns the size of the oldest message of a subject that has one.
func (w *work) sizeOfFirst(s *stream, subject []byte) uint64 {
	m, ok := w.load(s, w.subjectRecord(s, subject).first)
	invariant(ok, "a subject's first message is in the message table")
	return s.sizeOf(&m)
}

// enforceLimits removes what is too much after a message of subject was stored.
func (w *work) enforceLimits(s *stream, subject []byte) {
	if s.config.MaxMsgsPer > 0 {
		w.trimSubject(s, subject)
	}
	w.trimStream(s)
}

// trimSubject removes the oldest messages of a subject above the limit.
func (w *work) trimSubject(s *stream, subject []byte) {
	for {
		r := w.subjectRecord(s, subject)
		if r.count <= uint64(s.config.MaxMsgsPer) {
			return
		}
		w.spill()
		w.removeFirst(s, subject)
	}
}

// trimStream removes the oldest messages of a stream with discard "old" above its
// limits.
func (w *work) trimStream(s *stream) {
	c := s.config
	if c.Discard != discardOld {
		return
	}
	for c.MaxMsgs > 0 && s.state.msgs > uint64(c.MaxMsgs) || c.MaxBytes > 0 && s.state.bytes > uint64(c.MaxBytes) {
		w.spill()
		ok := w.removeSeq(s, w.firstSeq(s))
		invariant(ok, "a stream's first message is in the message table")
	}
}
