package streams

import (
	"bytes"
	"encoding/binary"

	"github.com/synod-paxos/synod/streams/command"
)

// maxLeaseNameBytes bounds the names of leases and of their owners.
const maxLeaseNameBytes = 1024

var errTooManyLeases = &APIError{503, command.CodeTooManyLeases, "the stream has as many leases as it may"}

// A lease is the value of the lease table.
type lease struct {
	token   uint64
	expires int64 // log time; nobody holds it from then on
	queued  int64 // time of its pair in the due table, at most expires
	owner   []byte
}

func appendLease(b []byte, l *lease) []byte {
	b = binary.AppendUvarint(b, l.token)
	b = binary.AppendVarint(binary.AppendVarint(b, l.expires), l.queued)
	return appendBytes(b, l.owner)
}

func parseLease(b []byte) (l lease, ok bool) {
	r := reader{b: b}
	l.token, l.expires, l.queued = r.uvarint(), r.varint(), r.varint()
	l.owner = bytes.Clone(r.bytes())
	return l, r.done()
}

func leaseKey(s *stream, name string) []byte {
	return append(appendPrefix(nil, tableLease, s.id), name...)
}

// lease reads a lease that is on disk, held or not.
func (w *work) lease(s *stream, name string) (l lease, ok bool) {
	key := leaseKey(s, name)
	v, ok := w.get(key)
	if !ok {
		return l, false
	}
	if l, ok = parseLease(v); !ok {
		fail(damaged(key, "not a lease"))
	}
	return l, true
}

// held reads a lease and reports whether somebody holds it.
func (w *work) held(s *stream, name string) (lease, bool) {
	l, ok := w.lease(s, name)
	return l, ok && l.expires > w.now
}

// state returns the outcome that tells of a lease that is held.
func (l *lease) state(done bool) command.Lease {
	return command.Lease{Done: done, Token: l.token, Expires: l.expires, Owner: l.owner}
}

func checkLeaseName(name string) *APIError {
	if name == "" || len(name) > maxLeaseNameBytes {
		return malformed("the name of a lease has 1 to 1024 bytes")
	}
	return nil
}

func (w *work) acquire(s *stream, op command.Acquire) (command.Value, *APIError) {
	if e := checkLeaseName(op.Name); e != nil {
		return nil, e
	}
	if len(op.Owner) == 0 || len(op.Owner) > maxLeaseNameBytes {
		return nil, malformed("the owner of a lease has 1 to 1024 bytes")
	}
	if e := checkTTL(op.TTL); e != nil {
		return nil, e
	}
	l, ok := w.lease(s, op.Name)
	if ok && l.expires > w.now {
		return l.state(bytes.Equal(l.owner, op.Owner)), nil
	}
	if ok {
		w.endLease(s, op.Name, l)
	}
	if s.state.leases >= w.m.globals.limits.Leases {
		return nil, errTooManyLeases
	}
	l = lease{token: w.nextToken(), expires: saturate(w.now, int64(op.TTL)), owner: op.Owner}
	l.queued = l.expires
	w.touch(s)
	w.insert(&s.state.ownerSum, leaseKey(s, op.Name), appendLease(nil, &l))
	w.enqueue(s, l.queued, dueLease, []byte(op.Name))
	s.state.leases++
	return l.state(true), nil
}

// nextToken returns a fencing token above all before it.
func (w *work) nextToken() uint64 {
	old := w.m.globals
	w.m.globals.lastToken = w.m.nextNumber(old.lastToken)
	w.writeGlobals(old)
	return w.m.globals.lastToken
}

// endLease removes a lease.
func (w *work) endLease(s *stream, name string, l lease) {
	w.touch(s)
	w.remove(&s.state.ownerSum, leaseKey(s, name), appendLease(nil, &l))
	w.remove(&s.state.ownerSum, appendDueKey(nil, s.id, l.queued, dueLease, []byte(name)), nil)
	s.state.leases--
}

// writeLease replaces a lease, which was old before.
func (w *work) writeLease(s *stream, name string, old, l lease) {
	w.touch(s)
	w.replace(&s.state.ownerSum, leaseKey(s, name), appendLease(nil, &old), appendLease(nil, &l))
}

func (w *work) renew(s *stream, op command.Renew) (command.Value, *APIError) {
	if e := checkTTL(op.TTL); e != nil {
		return nil, e
	}
	l, ok := w.held(s, op.Name)
	switch {
	case !ok:
		return command.Lease{}, nil
	case l.token != op.Token:
		return l.state(false), nil
	}
	old := l
	l.expires = saturate(w.now, int64(op.TTL))
	if l.expires < l.queued {
		w.requeue(s, &l.queued, l.expires, dueLease, []byte(op.Name))
	}
	w.writeLease(s, op.Name, old, l)
	return l.state(true), nil
}

func (w *work) release(s *stream, op command.Release) (command.Value, *APIError) {
	l, ok := w.held(s, op.Name)
	switch {
	case !ok:
		return command.Lease{}, nil
	case l.token != op.Token:
		return l.state(false), nil
	}
	w.endLease(s, op.Name, l)
	return command.Lease{Done: true}, nil
}

func (w *work) inspect(s *stream, op command.Inspect) (command.Value, *APIError) {
	l, ok := w.held(s, op.Name)
	if !ok {
		return command.Lease{}, nil
	}
	return l.state(true), nil
}

// enqueue adds a pair to the due table.
func (w *work) enqueue(s *stream, at int64, kind byte, name []byte) {
	key := appendDueKey(nil, s.id, at, kind, name)
	s.owners.added(key)
	w.insert(&s.state.ownerSum, key, nil)
	w.due(s, at)
}

// requeue moves a pair of the due table from one time to another.
func (w *work) requeue(s *stream, queued *int64, at int64, kind byte, name []byte) {
	w.touch(s)
	w.remove(&s.state.ownerSum, appendDueKey(nil, s.id, *queued, kind, name), nil)
	w.enqueue(s, at, kind, name)
	*queued = at
}

// firstOwner returns the session or lease to look at first. name is valid until
// the next use of the iterator.
func (w *work) firstOwner(s *stream) (at int64, kind byte, name []byte, ok bool) {
	if s.state.sessions == 0 && s.state.leases == 0 {
		return 0, 0, nil, false
	}
	w.key = s.owners.begin(w.key[:0], tableDue, s.id)
	w.upper = appendPrefix(w.upper[:0], tableDue, s.id+1)
	it := w.between(w.key, w.upper)
	ok = it.First()
	check(it)
	invariant(ok, "sessions and leases are in the due table")
	if at, kind, name, ok = splitDueKey(it.Key()); !ok {
		fail(damaged(it.Key(), "not a session or lease that is due"))
	}
	return at, kind, name, true
}

// expireOwners ends the sessions and leases whose time is over. One that was
// renewed is looked at again when it would end.
func (w *work) expireOwners(s *stream) {
	for w.expiries > 0 {
		at, kind, name, ok := w.firstOwner(s)
		if !ok || at > w.now {
			return
		}
		w.expiries--
		s.owners.taken(appendDueKey(nil, s.id, at, kind, name))
		if kind == dueSession {
			w.expireSession(s, binary.BigEndian.Uint64(name))
		} else {
			w.expireLease(s, string(name))
		}
	}
}

func (w *work) expireSession(s *stream, id uint64) {
	x, ok := w.session(s, id)
	invariant(ok, "a session that is due is on disk")
	if x.expires <= w.now {
		w.endSession(s, id, x)
		return
	}
	old := x
	w.requeue(s, &x.queued, x.expires, dueSession, number(id))
	w.writeSession(s, id, old, x)
}

func (w *work) expireLease(s *stream, name string) {
	l, ok := w.lease(s, name)
	invariant(ok, "a lease that is due is on disk")
	if l.expires <= w.now {
		w.endLease(s, name, l)
		return
	}
	old := l
	w.requeue(s, &l.queued, l.expires, dueLease, []byte(name))
	w.writeLease(s, name, old, l)
}
