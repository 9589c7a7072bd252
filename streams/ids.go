package streams

import "github.com/synod-paxos/synod/streams/command"

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

// rememberID notes that the message seq has the id, which may be empty.
func (w *work) rememberID(s *stream, id []byte, seq uint64) {
	s.state.lastID = append(s.state.lastID[:0], id...)
	if len(id) > 0 {
		w.addID(s, id, seq)
	}
}

// addID stores an id that is new for the duplicate window.
func (w *work) addID(s *stream, id []byte, seq uint64) {
	w.touch(s)
	seen := seenID{seq: seq, time: w.now}
	w.record = appendSeenID(w.record[:0], seen)
	w.key = appendIDKey(w.key[:0], s.id, id)
	w.wrote(w.key)
	w.insert(&s.state.idSum, w.key, w.record)
	w.record = appendQueuedID(w.record[:0], queuedID{seenID: seen, id: id})
	w.key = appendSeqKey(w.key[:0], tableIDQueue, s.id, s.state.nextID)
	w.insert(&s.state.idSum, w.key, w.record)
	s.state.ids++
	s.state.nextID++
	w.due(s, saturate(w.now, int64(s.config.Duplicates)))
}

// firstID returns the id that ends first, and its key, valid until the next use
// of the iterator.
func (w *work) firstID(s *stream) (key []byte, q queuedID, ok bool) {
	if s.state.ids == 0 {
		return nil, q, false
	}
	w.key = appendSeqKey(w.key[:0], tableIDQueue, s.id, s.state.nextID-s.state.ids) // what is below went
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
		s.state.idFloor = q.time
		n := seqOfKey(key)
		w.record = appendQueuedID(w.record[:0], q)
		w.msg = append(w.msg[:0], q.id...)
		w.key = appendSeqKey(w.key[:0], tableIDQueue, s.id, n)
		w.remove(&s.state.idSum, w.key, w.record)
		w.record = appendSeenID(w.record[:0], q.seenID)
		w.key = appendIDKey(w.key[:0], s.id, w.msg)
		w.wrote(w.key)
		w.remove(&s.state.idSum, w.key, w.record)
		s.state.ids--
	}
}

// lookupID tells what became of the message with an id that was first sent not
// before the log time since. Where it was not stored it never will be: the id is
// refused from now on.
func (w *work) lookupID(s *stream, op command.Lookup) (command.Value, *APIError) {
	if op.ID == "" || op.Since > w.now {
		return nil, malformed("a lookup needs an id, and a time that has been")
	}
	id := []byte(op.ID)
	if seq, ok := w.duplicateOf(s, id); ok {
		if seq == 0 {
			return command.Looked{State: command.NotDone}, nil
		}
		return command.Looked{State: command.Done, Seq: seq}, nil
	}
	// What was stored at or after since is in the table, unless ids of that time
	// have ended already, or the stream may be younger.
	if op.Since <= s.state.idFloor || op.Since <= s.created {
		return command.Looked{State: command.Unknown}, nil
	}
	if s.state.ids >= w.m.globals.limits.MessageIDs {
		return nil, idTableFull(s.config.Name, w.m.globals.limits.MessageIDs)
	}
	w.addID(s, id, 0)
	return command.Looked{State: command.NotDone}, nil
}
