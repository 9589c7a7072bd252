package streams

import "github.com/synod-paxos/synod/streams/command"

// An id ends when its duplicate window is over by log time, whatever expiry has come to:
// what expiry has not removed yet does not count. Such an id may be stored again, which
// replaces its pair in the id table, and adds one to the queue; expiry finds then that the
// older one in the queue is not that of the table. By the rules before version 3 an id counts
// until expiry removes it.

// knownID is what the tables have of an id.
type knownID struct {
	seenID
	found bool
	over  bool // it has ended
}

// duplicate reports whether the id stands for a message, or is refused.
func (k *knownID) duplicate() bool { return k.found && !k.over }

// known looks an id up.
func (w *work) known(s *stream, id []byte) (k knownID) {
	if len(id) == 0 || s.state.ids == 0 {
		return k
	}
	w.key = appendIDKey(w.key[:0], s.id, id)
	v, ok := w.lookup(w.key)
	if !ok {
		return k
	}
	if k.seenID, k.found = parseSeenID(v); !k.found {
		fail(damaged(w.key, "not a message id"))
	}
	k.over = w.exactIDs() && w.idIsOver(s, k.time)
	return k
}

func (w *work) exactIDs() bool { return w.m.globals.version >= versionOfExactIDs }

// idEnd returns the log time at which an id that was stored at a log time ends, or has
// ended: one that had when the window was made longer has for good.
func (w *work) idEnd(s *stream, at int64) int64 {
	if w.exactIDs() && s.state.idFloor > 0 && at <= s.state.idFloor {
		return max(at, 1)
	}
	return saturate(at, int64(s.config.Duplicates))
}

// idIsOver reports whether an id that was stored at a log time has ended.
func (w *work) idIsOver(s *stream, at int64) bool { return w.idEnd(s, at) <= w.now }

// forgotten reports whether an id, of which k is known, may have been stored at or after the
// log time since, and have ended.
func (s *stream) forgotten(k *knownID, since int64) bool {
	return since <= s.state.idFloor || k.over && k.time >= since
}

// rememberID notes that the message seq has the id, which may be empty, and of which k is
// known.
func (w *work) rememberID(s *stream, id []byte, k *knownID, seq uint64) {
	s.state.lastID = append(s.state.lastID[:0], id...)
	if len(id) > 0 {
		w.addID(s, id, k, seq)
	}
}

// addID stores an id that is new for the duplicate window.
func (w *work) addID(s *stream, id []byte, k *knownID, seq uint64) {
	w.touch(s)
	w.key = appendIDKey(w.key[:0], s.id, id)
	w.wrote(w.key)
	if k.found {
		w.record = appendSeenID(w.record[:0], k.seenID)
		w.remove(&s.state.idSum, w.key, w.record)
		s.state.ids--
	}
	seen := seenID{seq: seq, time: w.now}
	w.record = appendSeenID(w.record[:0], seen)
	w.insert(&s.state.idSum, w.key, w.record)
	w.record = appendQueuedID(w.record[:0], queuedID{seenID: seen, id: id})
	w.key = appendSeqKey(w.key[:0], tableIDQueue, s.id, s.state.nextID)
	w.insert(&s.state.idSum, w.key, w.record)
	s.state.ids++
	s.state.nextID++
	w.due(s, saturate(w.now, int64(s.config.Duplicates)))
}

// idsAreFull reports whether s remembers as many ids as it may, those included that have
// ended and are still in the queue.
func (w *work) idsAreFull(s *stream) bool {
	return s.state.nextID-s.idStart >= w.m.globals.limits.MessageIDs
}

// firstID returns the id that ends first, and its key, valid until the next use
// of the iterator.
func (w *work) firstID(s *stream) (key []byte, q queuedID, ok bool) {
	if s.state.ids == 0 {
		return nil, q, false
	}
	w.key = appendSeqKey(w.key[:0], tableIDQueue, s.id, s.idStart) // what is below went
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
		if !ok || !w.idIsOver(s, q.time) {
			return
		}
		w.expiries--
		w.touch(s)
		s.state.idFloor = max(s.state.idFloor, q.time)
		n := seqOfKey(key)
		w.record = appendQueuedID(w.record[:0], q)
		w.msg = append(w.msg[:0], q.id...)
		w.key = appendSeqKey(w.key[:0], tableIDQueue, s.id, n)
		w.remove(&s.state.idSum, w.key, w.record)
		s.idStart = n + 1
		w.key = appendIDKey(w.key[:0], s.id, w.msg)
		if w.storedAgain(s, n, q.seenID) {
			continue
		}
		w.record = appendSeenID(w.record[:0], q.seenID)
		w.wrote(w.key)
		w.remove(&s.state.idSum, w.key, w.record)
		s.state.ids--
	}
}

// storedAgain reports whether the id of w.key, which was pair n of the queue, has been
// stored again. Where the tables are equally long none has, and nothing is read.
func (w *work) storedAgain(s *stream, n uint64, seen seenID) bool {
	if s.state.nextID-n == s.state.ids {
		return false
	}
	v, _ := w.lookup(w.key)
	now, ok := parseSeenID(v)
	if !ok {
		fail(damaged(w.key, "not a message id"))
	}
	return now != seen
}

// lookupID tells what became of the message with an id that was first sent not
// before the log time since. Where it was not stored it never will be: the id is
// refused from now on.
func (w *work) lookupID(s *stream, op command.Lookup) (command.Value, *APIError) {
	if op.ID == "" || op.Since > w.now {
		return nil, malformed("a lookup needs an id, and a time that has been")
	}
	id := []byte(op.ID)
	k := w.known(s, id)
	if k.duplicate() {
		if k.seq == 0 {
			return command.Looked{State: command.NotDone}, nil
		}
		return command.Looked{State: command.Done, Seq: k.seq}, nil
	}
	// What was stored at or after since is in the table, unless ids of that time
	// have ended already, or the stream may be younger.
	if s.forgotten(&k, op.Since) || op.Since <= s.created {
		return command.Looked{State: command.Unknown}, nil
	}
	if w.idsAreFull(s) {
		return nil, idTableFull(s.config.Name, w.m.globals.limits.MessageIDs)
	}
	w.addID(s, id, &k, 0)
	return command.Looked{State: command.NotDone}, nil
}
