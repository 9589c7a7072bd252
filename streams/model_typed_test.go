package streams

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/synod-paxos/synod/streams/command"
)

// A modelOwner is a session or a lease.
type modelOwner struct {
	kind            byte
	name            string // of a lease; the bytes of the number of a session
	queued, expires int64

	id       uint64 // of a session; the token of a lease
	ttl      int64
	awaited  uint64
	outcomes map[uint64]string
	nonce    [16]byte
	owner    []byte
}

func (s *modelStream) find(kind byte, is func(o *modelOwner) bool) *modelOwner {
	for _, o := range s.owners {
		if o.kind == kind && is(o) {
			return o
		}
	}
	return nil
}

func (s *modelStream) lease(name string) *modelOwner {
	return s.find(dueLease, func(o *modelOwner) bool { return o.name == name })
}

func (s *modelStream) count(kind byte) (n uint64) {
	for _, o := range s.owners {
		if o.kind == kind {
			n++
		}
	}
	return n
}

func (s *modelStream) end(gone *modelOwner) {
	s.owners = slices.DeleteFunc(s.owners, func(o *modelOwner) bool { return o == gone })
}

func (m *model) expireOwners(s *modelStream, budget *uint64) {
	for *budget > 0 && len(s.owners) > 0 {
		first := slices.MinFunc(s.owners, func(a, b *modelOwner) int {
			return cmp.Or(cmp.Compare(a.queued, b.queued), cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
		})
		if first.queued > m.now {
			return
		}
		*budget--
		if first.expires <= m.now {
			s.end(first)
		}
		first.queued = first.expires
	}
}

// typed returns the bytes of an outcome as a string, or minus the error's code.
func (m *model) typed(name string, data []byte) any {
	s := m.find(name)
	if s == nil {
		return int64(-10059)
	}
	c, err := command.Decode(data)
	if err != nil {
		return int64(-command.CodeMalformed)
	}
	session := s.find(dueSession, func(o *modelOwner) bool { return o.id == c.Session.ID && o.expires > m.now })
	switch op := c.Op.(type) {
	case command.OpenSession:
		return m.open(s, op)
	case command.KeepAlive, command.CloseSession:
		if session == nil {
			return int64(-command.CodeSessionUnknown)
		}
		if _, isClose := op.(command.CloseSession); isClose {
			s.end(session)
			return m.outcome(command.Closed{})
		}
		session.expires = m.now + session.ttl
		return m.outcome(command.Renewed{Expires: session.expires})
	}
	if c.Session.ID == 0 {
		return m.perform(s, c.Op)
	}
	return m.inSession(s, session, &c)
}

func (m *model) outcome(v command.Value) string {
	return string(command.Outcome{LogTime: m.now, Value: v}.Encode())
}

func (m *model) open(s *modelStream, op command.OpenSession) any {
	known := s.find(dueSession, func(o *modelOwner) bool { return o.nonce == op.Nonce })
	if known != nil && known.expires > m.now {
		return m.outcome(command.SessionOpened{ID: known.id, Expires: known.expires})
	}
	s.end(known)
	if s.count(dueSession) >= m.limits.Sessions {
		return int64(-command.CodeTooManySessions)
	}
	m.sessionID++
	at := m.now + int64(op.TTL)
	s.owners = append(s.owners, &modelOwner{
		kind: dueSession, name: string(number(m.sessionID)), queued: at, expires: at,
		id: m.sessionID, ttl: int64(op.TTL), awaited: 1, outcomes: map[uint64]string{}, nonce: op.Nonce,
	})
	return m.outcome(command.SessionOpened{ID: m.sessionID, Expires: at})
}

func (m *model) inSession(s *modelStream, session *modelOwner, c *command.Command) any {
	_, isLookup := c.Op.(command.Lookup)
	switch {
	case session == nil:
		return int64(-command.CodeSessionUnknown)
	case c.Session.Number == 0 || c.Session.Awaited == 0 || c.Session.Awaited > c.Session.Number || isLookup:
		return int64(-command.CodeMalformed)
	case c.Session.Number < session.awaited:
		return int64(-command.CodeAcknowledged)
	}
	session.expires = m.now + session.ttl
	answer, ok := session.outcomes[c.Session.Number]
	if !ok {
		session.awaited = max(session.awaited, c.Session.Awaited)
		maps.DeleteFunc(session.outcomes, func(n uint64, _ string) bool { return n < session.awaited })
		result := m.perform(s, c.Op)
		if code, failed := result.(int64); failed {
			// What the reply says is not the model's business: the code is kept.
			session.outcomes[c.Session.Number] = string(rune(-code))
			return code
		}
		session.outcomes[c.Session.Number] = result.(string)
		return result
	}
	if answer[0] != 1 {
		return -int64([]rune(answer)[0])
	}
	return answer
}

func (m *model) perform(s *modelStream, op command.Op) any {
	switch op := op.(type) {
	case command.Publish:
		if newFilters(s.cfg.Subjects...).match([]byte(op.Subject)) == false || !validSubject([]byte(op.Subject)) {
			return int64(-command.CodeMalformed)
		}
		before := s.last
		seq := m.publish(s, op.Subject, Message{Header: op.Header, Data: op.Data})
		if seq < 0 {
			return seq
		}
		return m.outcome(command.Published{Seq: uint64(seq), Duplicate: uint64(seq) <= before})
	case command.Transaction:
		return m.transact(s, &op)
	case command.Acquire:
		return m.acquire(s, op)
	case command.Lookup:
		return m.lookup(s, op)
	case command.Renew:
		return m.hold(s, op.Name, op.Token, func(l *modelOwner) {
			l.expires = m.now + int64(op.TTL)
			l.queued = min(l.queued, l.expires)
		})
	case command.Release:
		return m.hold(s, op.Name, op.Token, s.end)
	case command.Inspect:
		if l := s.lease(op.Name); l != nil && l.expires > m.now {
			return m.outcome(leaseOf(l, true))
		}
	}
	return m.outcome(command.Lease{})
}

func leaseOf(l *modelOwner, done bool) command.Lease {
	return command.Lease{Done: done, Token: l.id, Expires: l.expires, Owner: l.owner}
}

func (m *model) hold(s *modelStream, name string, token uint64, do func(*modelOwner)) any {
	l := s.lease(name)
	switch {
	case l == nil || l.expires <= m.now:
		return m.outcome(command.Lease{})
	case l.id != token:
		return m.outcome(leaseOf(l, false))
	}
	do(l)
	if s.lease(name) == nil {
		return m.outcome(command.Lease{Done: true})
	}
	return m.outcome(leaseOf(l, true))
}

func (m *model) acquire(s *modelStream, op command.Acquire) any {
	l := s.lease(op.Name)
	if l != nil && l.expires > m.now {
		return m.outcome(leaseOf(l, bytes.Equal(l.owner, op.Owner)))
	}
	s.end(l)
	if s.count(dueLease) >= m.limits.Leases {
		return int64(-command.CodeTooManyLeases)
	}
	m.token++
	at := m.now + int64(op.TTL)
	l = &modelOwner{kind: dueLease, name: op.Name, queued: at, expires: at, id: m.token, owner: op.Owner}
	s.owners = append(s.owners, l)
	return m.outcome(leaseOf(l, true))
}

func (m *model) lookup(s *modelStream, op command.Lookup) any {
	if op.Since > m.now {
		return int64(-command.CodeMalformed)
	}
	switch id := m.known(s, op.ID); {
	case id == nil:
	case id.ended && id.time >= op.Since:
		return m.outcome(command.Looked{State: command.Unknown})
	case id.ended:
	case id.seq == 0:
		return m.outcome(command.Looked{State: command.NotDone})
	default:
		return m.outcome(command.Looked{State: command.Done, Seq: id.seq})
	}
	if op.Since <= s.idFloor || op.Since <= s.created {
		return m.outcome(command.Looked{State: command.Unknown})
	}
	if len(s.ids) >= int(m.limits.MessageIDs) {
		return int64(-10023)
	}
	s.ids = append(s.ids, modelID{id: op.ID, time: m.now})
	return m.outcome(command.Looked{State: command.NotDone})
}

func (m *model) transact(s *modelStream, op *command.Transaction) any {
	for _, a := range append(slices.Clone(op.Then), op.Else...) {
		if a.Kind == command.Purge && (!s.cfg.AllowRollup || s.cfg.DenyPurge) {
			return int64(-10111)
		}
	}
	done := command.TransactionDone{Held: true}
	for _, c := range op.If {
		done.Held = done.Held && m.holds(s, &c)
	}
	actions := op.Else
	if done.Held {
		actions = op.Then
	}
	saved := *s
	saved.msgs, saved.ids = slices.Clone(s.msgs), slices.Clone(s.ids)
	for _, a := range actions {
		c := Message{Header: a.Header, Data: a.Data}
		switch a.Kind {
		case command.Get:
			done.Results = append(done.Results, s.read(a.Subject))
			continue
		case command.Delete:
			c = Message{Header: deleteHeader}
		case command.Purge:
			c = Message{Header: purgeHeader}
		}
		seq := m.publish(s, a.Subject, c)
		if seq < 0 {
			*s = saved
			return seq
		}
		done.Results = append(done.Results, command.Result{Revision: uint64(seq)})
	}
	return m.outcome(done)
}

func (s *modelStream) read(subject string) command.Result {
	found := s.of(subject)
	if len(found) == 0 {
		return command.Result{}
	}
	last := found[len(found)-1]
	var h headers
	h.parse(last.header)
	return command.Result{Revision: last.seq, Found: !h.isMarker() && string(h.operation) != "DEL", Time: last.time, Header: last.header, Data: last.data}
}

func (m *model) holds(s *modelStream, c *command.Condition) bool {
	r := s.read(c.Subject)
	switch c.Kind {
	case command.RevisionIs:
		return r.Revision == c.Number
	case command.Exists:
		return r.Found
	case command.Absent:
		return !r.Found
	case command.ValueIs:
		return r.Found && bytes.Equal(r.Data, c.Value)
	}
	l := s.lease(c.Subject)
	return l != nil && l.expires > m.now && l.id == c.Number
}

// typed returns a random typed command for the stream name. What is refused before
// anything is looked at is for the stories and the fuzzer.
func (h *history) typed(name string, near int) []byte {
	r := h.r
	subject := map[string]string{"A": []string{"a.x", "a.y"}[r.IntN(2)], "B": "b.x", Ledger: "propose"}[name]
	ttl := []time.Duration{time.Second, time.Minute, 10 * time.Minute}[r.IntN(3)]
	lease := []string{"l", "m", "n"}[r.IntN(3)]
	token := h.model.token - min(h.model.token, r.Uint64N(2))
	c := command.Command{}
	switch r.IntN(12) {
	case 0:
		return command.Command{Op: command.OpenSession{Nonce: [16]byte{byte(r.IntN(5))}, TTL: ttl}}.Encode()
	case 1:
		return command.Command{Session: command.Session{ID: h.sessionID()}, Op: command.KeepAlive{}}.Encode()
	case 2:
		if r.IntN(3) == 0 {
			return command.Command{Session: command.Session{ID: h.sessionID()}, Op: command.CloseSession{}}.Encode()
		}
		return command.Command{Op: command.Lookup{ID: string(rune('0' + r.IntN(10))), Since: h.model.now - r.Int64N(100e9)}}.Encode()
	case 3:
		c.Op = command.Acquire{Name: lease, Owner: []byte{byte(r.IntN(3))}, TTL: ttl}
	case 4:
		c.Op = command.Renew{Name: lease, Token: token, TTL: ttl}
	case 5:
		c.Op = command.Release{Name: lease, Token: token}
	case 6:
		c.Op = command.Inspect{Name: lease}
	case 7:
		c.Op = command.Publish{Subject: subject, Header: h.header(near), Data: []byte("typed")}
	default:
		c.Op = h.transaction(name, subject, lease, token, near)
	}
	if r.IntN(2) == 0 {
		c.Session = command.Session{ID: h.sessionID(), Number: 1 + r.Uint64N(6)}
		c.Session.Awaited = c.Session.Number - r.Uint64N(min(c.Session.Number, 3))
	}
	return c.Encode()
}

func (h *history) sessionID() uint64 {
	return max(h.model.sessionID, 4) - h.r.Uint64N(4)
}

func (h *history) transaction(name, subject, lease string, token uint64, near int) command.Transaction {
	var t command.Transaction
	kinds := []command.ConditionKind{command.RevisionIs, command.Exists, command.Absent, command.ValueIs, command.LeaseIs}
	for range h.r.IntN(3) {
		c := command.Condition{Kind: kinds[h.r.IntN(5)], Subject: subject, Number: uint64(near), Value: []byte("v")}
		if c.Kind == command.LeaseIs {
			c.Subject, c.Number = lease, token
		}
		t.If = append(t.If, c)
	}
	t.Then, t.Else = h.actions(name, subject), h.actions(name, subject)
	return t
}

func (h *history) actions(name, subject string) []command.Action {
	var actions []command.Action
	kinds := []command.ActionKind{command.Put, command.Put, command.Delete, command.Get, command.Purge}
	n := len(kinds)
	if s := h.model.find(name); s == nil || !s.cfg.AllowRollup {
		n-- // without a purge, which would refuse nearly all
	}
	for range h.r.IntN(5) {
		a := command.Action{Kind: kinds[h.r.IntN(n)], Subject: subject}
		if a.Kind == command.Put {
			a.Data = []byte("v")
		}
		if h.r.IntN(3) == 0 && name == "A" {
			a.Subject = "a.z.z"
		}
		actions = append(actions, a)
	}
	return actions
}
