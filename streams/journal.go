package streams

import "bytes"

// A journal remembers what the pairs were that a slot writes, so that a part of
// the slot can be undone.
type journal struct {
	pairs []journalPair // in the order of the writes
}

type journalPair struct {
	key, value []byte // before the write
	present    bool
}

// remember notes what key holds, if that may be undone.
func (w *work) remember(key []byte) {
	if w.journal == nil {
		return
	}
	p := journalPair{key: bytes.Clone(key)}
	saved := w.value
	w.value = nil
	p.value, p.present = w.get(key)
	w.value = saved
	w.journal.pairs = append(w.journal.pairs, p)
}

// attempt runs do, which changes only s, and undoes everything if it returns an
// error.
func (w *work) attempt(s *stream, do func() *APIError) *APIError {
	w.flushSubject(s)
	w.flushIDs(s)
	state, mayGo := s.state, s.firstMayGo
	state.lastID = bytes.Clone(state.lastID)
	w.journal = &journal{}
	e := do()
	pairs := w.journal.pairs
	if e != nil {
		w.flushSubject(s)
		pairs = w.journal.pairs
	}
	w.journal = nil
	if e == nil {
		return nil
	}
	for i := len(pairs) - 1; i >= 0; i-- {
		w.restore(pairs[i])
	}
	s.state, s.firstMayGo = state, mayGo
	s.forgetSubjects()
	w.undoIDs(s)
	return e
}

func (w *work) restore(p journalPair) {
	if p.present {
		w.set(p.key, p.value)
	} else {
		w.delete(p.key)
	}
}
