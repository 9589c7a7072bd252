package streams

// duplicateOf returns the message that id stands for within the duplicate window,
// and whether there is one.
func (w *work) duplicateOf(s *stream, id []byte) (seq uint64, ok bool) {
	if len(id) == 0 || s.state.ids == 0 {
		return 0, false
	}
	w.key = appendIDKey(w.key[:0], s.id, id)
	v, ok := w.lookup(w.key)
	if !ok {
		return 0, false
	}
	seen, ok := parseSeenID(v)
	if !ok {
		fail(damaged(w.key, "not a message id"))
	}
	return seen.seq, true
}

// answerDuplicate answers a publish whose id is known.
func (w *work) answerDuplicate(s *stream, seq uint64) Reply { return w.ack(s, seq, true) }

// rememberID stores id, which is new, for the duplicate window. Without id only
// the stream's last id changes.
func (w *work) rememberID(s *stream, id []byte, seq uint64) {
	s.state.lastID = append(s.state.lastID[:0], id...)
	if len(id) == 0 {
		return
	}
	w.touch(s)
	w.record = appendSeenID(w.record[:0], seenID{seq: seq, time: w.now})
	w.key = appendIDKey(w.key[:0], s.id, id)
	w.wrote(w.key)
	w.insert(&s.state.idSum, w.key, w.record)
	w.record = appendQueuedID(w.record[:0], queuedID{time: w.now, id: id})
	w.key = appendSeqKey(w.key[:0], tableIDQueue, s.id, seq)
	w.insert(&s.state.idSum, w.key, w.record)
	s.state.ids++
	w.due(s, saturate(w.now, int64(s.config.Duplicates)))
}

// firstID returns the id that ends first, and its key, valid until the next use
// of the iterator.
func (w *work) firstID(s *stream) (key []byte, q queuedID, ok bool) {
	if s.state.ids == 0 {
		return nil, q, false
	}
	w.key = appendPrefix(w.key[:0], tableIDQueue, s.id)
	w.upper = appendPrefix(w.upper[:0], tableIDQueue, s.id+1)
	it := w.between(w.key, w.upper)
	ok = it.First()
	check(it)
	invariant(ok, "ids are in the id queue")
	q, ok = parseQueuedID(it.Value())
	if !ok {
		fail(damaged(it.Key(), "not a queued message id"))
	}
	return it.Key(), q, true
}

// expireIDs forgets the ids whose window is over.
func (w *work) expireIDs(s *stream) {
	for w.expiries > 0 {
		key, q, ok := w.firstID(s)
		if !ok || saturate(q.time, int64(s.config.Duplicates)) > w.now {
			return
		}
		w.expiries--
		w.touch(s)
		seq := seqOfKey(key)
		w.record = appendQueuedID(w.record[:0], q)
		w.msg = append(w.msg[:0], q.id...)
		w.key = appendSeqKey(w.key[:0], tableIDQueue, s.id, seq)
		w.remove(&s.state.idSum, w.key, w.record)
		w.record = appendSeenID(w.record[:0], seenID{seq: seq, time: q.time})
		w.key = appendIDKey(w.key[:0], s.id, w.msg)
		w.wrote(w.key)
		w.remove(&s.state.idSum, w.key, w.record)
		s.state.ids--
	}
}
