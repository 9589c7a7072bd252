package streams

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// How ids are stored. By the rules from version 4 on, ids that differ in two last digits
// only share a pair, a group: programs number their messages, and most of them share their
// groups with those before and after. What a slot adds is queued in one pair, a run. Before
// version 4 each id had a pair of its own, and one in the queue; those that a stream has
// from that time stay so until they end.

func (w *work) groupsIDs() bool { return w.m.globals.version >= versionOfIDGroups }

// aloneInGroup is the place of an id that does not end in two digits.
const aloneInGroup = 100

// splitID returns the name of an id's group, and its place there.
func splitID(id []byte) (group []byte, place byte) {
	n := len(id) - 2
	if n < 0 || !isDigit(id[n]) || !isDigit(id[n+1]) {
		return id, aloneInGroup
	}
	return id[:n], 10*(id[n]-'0') + id[n+1] - '0'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// A groupedID is one id of a group.
type groupedID struct {
	place byte
	seenID
}

func appendIDGroup(b []byte, ids []groupedID) []byte {
	last := int64(0)
	for _, id := range ids {
		b = binary.AppendUvarint(append(b, id.place), id.seq)
		b = binary.AppendVarint(b, id.time-last)
		last = id.time
	}
	return b
}

// parseIDGroup appends to ids what a pair of the group table has: at least one, in the
// order of their places.
func parseIDGroup(ids []groupedID, b []byte) (_ []groupedID, ok bool) {
	r := reader{b: b}
	last, least := int64(0), 0
	for first := true; first || len(r.b) > 0 && !r.bad; first = false {
		id := groupedID{place: r.byte()}
		id.seq = r.uvarint()
		id.time = last + r.varint()
		if int(id.place) < least || id.place > aloneInGroup {
			return ids, false
		}
		last, least = id.time, int(id.place)+1
		ids = append(ids, id)
	}
	return ids, r.done()
}

// An idGroup is a group in memory.
type idGroup struct {
	key     []byte
	ids     []groupedID // in the order of their places
	stored  bool        // there is a pair on disk
	sum     Sum         // of that pair
	changed bool        // listed in stream.idGroups: ids differs from that pair
}

func (g *idGroup) find(place byte) (i int, ok bool) {
	return slices.BinarySearchFunc(g.ids, place, func(id groupedID, place byte) int { return cmp.Compare(id.place, place) })
}

// cachedIDGroups is how many groups are kept in memory from slot to slot: up to 3 KB each.
const cachedIDGroups = 2048

// idGroup returns a group, and the place of an id in it.
func (w *work) idGroup(s *stream, id []byte) (g *idGroup, place byte) {
	name, place := splitID(id)
	w.key = append(appendPrefix(w.key[:0], tableIDGroup, s.id), name...)
	if g := w.idGroups[string(w.key)]; g != nil {
		return g, place
	}
	g = &idGroup{key: bytes.Clone(w.key)}
	if v, ok := w.lookup(w.key); ok {
		if g.ids, ok = parseIDGroup(nil, v); !ok {
			fail(damaged(w.key, "not a group of message ids"))
		}
		g.stored, g.sum = true, w.hash.pair(w.key, v)
	}
	if w.idGroups == nil {
		w.idGroups = make(map[string]*idGroup)
	}
	w.idGroups[string(g.key)] = g
	return g, place
}

// findID returns what the tables have of an id.
func (w *work) findID(s *stream, id []byte) (k knownID) {
	if s.state.ids == 0 {
		return k
	}
	if w.groupsIDs() {
		g, place := w.idGroup(s, id)
		if i, ok := g.find(place); ok {
			return knownID{seenID: g.ids[i].seenID, found: true}
		}
	}
	if s.singleIDs {
		k.single = true
		k.seenID, k.found = w.findSingle(s, id)
	}
	return k
}

func (w *work) addToGroup(s *stream, id []byte, seen seenID) {
	g, place := w.idGroup(s, id)
	i, ok := g.find(place)
	invariant(!ok, "an id is added to its group once")
	g.ids = slices.Insert(g.ids, i, groupedID{place, seen})
	s.changeGroup(g)
}

func (w *work) removeFromGroup(s *stream, id []byte) {
	g, place := w.idGroup(s, id)
	i, ok := g.find(place)
	invariant(ok, "an id that is removed is in its group")
	g.ids = slices.Delete(g.ids, i, i+1)
	s.changeGroup(g)
}

func (s *stream) changeGroup(g *idGroup) {
	if !g.changed {
		g.changed = true
		s.idGroups = append(s.idGroups, g)
	}
}

// flushIDs writes the groups that changed, and what is to be queued.
func (w *work) flushIDs(s *stream) {
	for _, g := range s.idGroups {
		w.writeGroup(s, g)
	}
	s.idGroups = s.idGroups[:0]
	w.flushRun(s)
}

func (w *work) writeGroup(s *stream, g *idGroup) {
	if g.stored {
		s.state.idSum.sub(g.sum)
	}
	g.changed, g.stored = false, len(g.ids) > 0
	if !g.stored {
		w.delete(g.key)
		return
	}
	w.record = appendIDGroup(w.record[:0], g.ids)
	g.sum = w.insert(&s.state.idSum, g.key, w.record)
}

// undoIDs drops what has not been flushed.
func (w *work) undoIDs(s *stream) {
	for _, g := range s.idGroups {
		delete(w.idGroups, string(g.key))
	}
	s.idGroups = s.idGroups[:0]
	s.newIDs = s.newIDs.reset()
}

// trimIDGroups keeps what is cached from growing. All of it must be flushed.
func (w *work) trimIDGroups() {
	if len(w.idGroups) > cachedIDGroups {
		clear(w.idGroups)
	}
}

// An idRun is a pair of the id queue: ids that were stored at one log time.
type idRun struct {
	key, value []byte
	time       int64
	ids        idList
}

// parseIDRun reads a pair of the tables id queue and id run.
func parseIDRun(key, value []byte) (run idRun, ok bool) {
	run.key, run.value = key, value
	if key[0] == tableIDQueue {
		q, ok := parseQueuedID(value)
		run.time, run.ids.single = q.time, q.id
		return run, ok
	}
	r := reader{b: value}
	run.time = r.int64()
	run.ids.rest = r.b
	return run, !r.bad && len(r.b) > 0
}

// clone is a run that does not depend on the iterator.
func (q idRun) clone() idRun {
	c, ok := parseIDRun(bytes.Clone(q.key), bytes.Clone(q.value))
	invariant(ok, "a run that was read once can be read again")
	return c
}

// An idList goes through the ids of a run. Of each it has only what differs from the one
// before: the number of bytes that are the same, and the others.
type idList struct {
	id     []byte // the one that next has come to
	rest   []byte
	single []byte // the only one, of a pair of the rules before version 4
	bad    bool   // the rest could not be read
}

// next comes to the next id, and reports whether there is one.
func (l *idList) next() bool {
	if len(l.single) > 0 {
		l.id, l.single = l.single, nil
		return true
	}
	if len(l.rest) == 0 {
		return false
	}
	r := reader{b: l.rest}
	same := r.uvarint()
	tail := r.bytes()
	if r.bad || same > uint64(len(l.id)) {
		l.rest, l.bad = nil, true
		return false
	}
	l.id, l.rest = append(l.id[:same], tail...), r.b
	return true
}

// valid reports whether all that is left can be read.
func (l idList) valid() bool {
	for l.next() {
	}
	return !l.bad
}

// A newRun is the run that a slot makes.
type newRun struct {
	count uint64
	list  []byte // as in idList
	last  []byte
}

func (n newRun) reset() newRun { return newRun{list: n.list[:0], last: n.last[:0]} }

func (n *newRun) add(id []byte) {
	same := 0
	for same < min(len(id), len(n.last)) && id[same] == n.last[same] {
		same++
	}
	n.list = appendBytes(binary.AppendUvarint(n.list, uint64(same)), id[same:])
	n.last = append(n.last[:0], id...)
	n.count++
}

func (n *newRun) append(b []byte, at int64) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(at)), n.list...)
}

// longestRun bounds what expiry reads at once.
const longestRun = 1024

// enqueueID queues an id, as number nextID.
func (w *work) enqueueID(s *stream, id []byte) {
	if s.newIDs.count == longestRun {
		w.flushRun(s)
	}
	s.newIDs.add(id)
}

// flushRun writes the run that the slot makes, whose last number is nextID-1.
func (w *work) flushRun(s *stream) {
	w.writeRun(s, w.now, s.state.nextID-s.newIDs.count, &s.newIDs)
	s.newIDs = s.newIDs.reset()
}

// queueRest writes what is left of a run that was queued, from the number idStart on.
func (w *work) queueRest(s *stream, at int64, ids *idList) {
	var run newRun
	for ids.next() {
		run.add(ids.id)
	}
	w.writeRun(s, at, s.idStart, &run)
}

func (w *work) writeRun(s *stream, at int64, first uint64, run *newRun) {
	if run.count == 0 {
		return
	}
	w.key = appendSeqKey(w.key[:0], tableIDRun, s.id, first)
	w.record = run.append(w.record[:0], at)
	w.insert(&s.state.idSum, w.key, w.record)
}

// The tables of the rules before version 4.

func (w *work) findSingle(s *stream, id []byte) (seen seenID, ok bool) {
	w.key = appendIDKey(w.key[:0], s.id, id)
	v, ok := w.lookup(w.key)
	if !ok {
		return seen, false
	}
	if seen, ok = parseSeenID(v); !ok {
		fail(damaged(w.key, "not a message id"))
	}
	return seen, true
}

func (w *work) addSingle(s *stream, id []byte, seen seenID) {
	s.singleIDs = true
	w.key = appendIDKey(w.key[:0], s.id, id)
	w.record = appendSeenID(w.record[:0], seen)
	w.insert(&s.state.idSum, w.key, w.record)
	w.key = appendSeqKey(w.key[:0], tableIDQueue, s.id, s.state.nextID)
	w.record = appendQueuedID(w.record[:0], queuedID{seenID: seen, id: id})
	w.insert(&s.state.idSum, w.key, w.record)
}

func (w *work) removeSingle(s *stream, id []byte, seen seenID) {
	w.key = appendIDKey(w.key[:0], s.id, id)
	w.record = appendSeenID(w.record[:0], seen)
	w.remove(&s.state.idSum, w.key, w.record)
}
