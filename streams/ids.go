package streams

import "github.com/synod-paxos/synod/streams/command"

// An id ends when its duplicate window is over by log time, whatever expiry has come to:
// what expiry has not removed yet does not count. Such an id may be stored again, which
// replaces what the tables have of it, and adds it to the queue once more; expiry finds then
// that the older one in the queue is not that of the tables. By the rules before version 3 an
// id counts until expiry removes it.

// knownID is what the tables have of an id.
type knownID struct {
	seenID
	found  bool
	over   bool // it has ended
	single bool // it has a pair of its own, see idgroups.go
}

// duplicate reports whether the id stands for a message, or is refused.
func (k *knownID) duplicate() bool { return k.found && !k.over }

// known looks an id up.
func (w *work) known(s *stream, id []byte) knownID {
	if len(id) == 0 {
		return knownID{}
	}
	k := w.findID(s, id)
	k.over = k.found && w.exactIDs() && w.idIsOver(s, k.time)
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
	if k.found {
		w.removeID(s, id, k)
	}
	w.touch(s)
	seen := seenID{seq: seq, time: w.now}
	if w.groupsIDs() {
		w.addToGroup(s, id, seen)
		w.enqueueID(s, id)
	} else {
		w.addSingle(s, id, seen)
	}
	s.state.ids++
	s.state.nextID++
	w.due(s, saturate(w.now, int64(s.config.Duplicates)))
}

// removeID takes an id, of which k is known, out of the tables, but not out of the queue.
func (w *work) removeID(s *stream, id []byte, k *knownID) {
	w.touch(s)
	if k.single {
		w.removeSingle(s, id, k.seenID)
	} else {
		w.removeFromGroup(s, id)
	}
	s.state.ids--
}

// idsAreFull reports whether s remembers as many ids as it may, those included that have
// ended and are still in the queue.
func (w *work) idsAreFull(s *stream) bool {
	return s.state.nextID-s.idStart >= w.m.globals.limits.MessageIDs
}

// firstIDs returns the ids that end first, valid until the next use of the iterator. A slot's
// own ids are not there before they are flushed.
func (w *work) firstIDs(s *stream) (run idRun, ok bool) {
	if s.state.ids == 0 {
		return run, false
	}
	if s.singleIDs {
		if run, ok = w.firstOfQueue(s, tableIDQueue); ok {
			return run, true
		}
		s.singleIDs = false // for ever: no more are added
	}
	run, ok = w.firstOfQueue(s, tableIDRun)
	invariant(ok, "ids are in the id queue")
	return run, true
}

// firstOfQueue returns the first pair of one table of the id queue.
func (w *work) firstOfQueue(s *stream, table byte) (run idRun, ok bool) {
	w.key = appendSeqKey(w.key[:0], table, s.id, s.idStart) // what is below went
	w.upper = appendPrefix(w.upper[:0], table, s.id+1)
	it := w.between(w.key, w.upper)
	ok = it.First()
	check(it)
	if !ok {
		return run, false
	}
	if run, ok = parseIDRun(it.Key(), it.Value()); !ok {
		fail(damaged(it.Key(), "not a queue of message ids"))
	}
	return run, true
}

// expireIDs forgets the ids whose window is over.
func (w *work) expireIDs(s *stream) {
	for w.expiries > 0 {
		run, ok := w.firstIDs(s)
		if !ok || !w.idIsOver(s, run.time) {
			return
		}
		w.expireRun(s, run.clone())
	}
}

// expireRun forgets the ids of a run, as far as the budget goes, and queues the rest again.
func (w *work) expireRun(s *stream, run idRun) {
	w.touch(s)
	s.state.idFloor = max(s.state.idFloor, run.time)
	w.remove(&s.state.idSum, run.key, run.value)
	s.idStart = seqOfKey(run.key)
	for w.expiries > 0 && run.ids.next() {
		w.expiries--
		s.idStart++
		k := w.findID(s, run.ids.id)
		if !k.found {
			fail(damaged(run.key, "a message id that is queued, and not in the tables"))
		}
		if k.time == run.time { // else it has been stored again
			w.removeID(s, run.ids.id, &k)
		}
	}
	w.queueRest(s, run.time, &run.ids)
	if run.ids.bad {
		fail(damaged(run.key, "not a queue of message ids"))
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
