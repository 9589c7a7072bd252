package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams/command"
)

// sessionOracle is what the built-in state machine must answer, by a dumb model of it
// that follows the chosen log, and what clients were told of what they asked for.
type sessionOracle struct {
	w        *World
	time     paxos.LogTime
	log      []string          // what was published, in order
	placed   map[string]uint64 // by what was published: where, from 1
	ids      map[string]modelID
	floor    paxos.LogTime   // of the ids that were forgotten
	sessions []*modelSession // by number, from 1
	want     map[paxos.Slot][]string
	digests  map[paxos.Slot][16]byte
	never    map[string]bool // clients were told that this is not done
}

// modelID is a message id within its window.
type modelID struct {
	seq  uint64 // of what was published; 0: the id is refused
	time paxos.LogTime
}

// idWindow is the duplicate window of the log.
const idWindow = paxos.LogTime(time.Hour)

// modelSession is a session of the model. Nothing of it is ever forgotten.
type modelSession struct {
	nonce    [16]byte
	ttl      paxos.LogTime
	expires  paxos.LogTime
	awaited  uint64
	outcomes map[uint64]string
}

func newSessionOracle(w *World) *sessionOracle {
	return &sessionOracle{
		w: w, placed: map[string]uint64{}, ids: map[string]modelID{},
		want: map[paxos.Slot][]string{}, digests: map[paxos.Slot][16]byte{}, never: map[string]bool{},
	}
}

// apply takes in the next slot of the chosen log.
func (o *sessionOracle) apply(slot paxos.Slot, v paxos.Value) {
	o.time = max(o.time, v.Stamp)
	for id, known := range o.ids {
		if known.time+idWindow <= o.time {
			o.floor = max(o.floor, known.time)
			delete(o.ids, id)
			delete(o.placed, id) // what has an id is published under the id that is its name
			delete(o.never, id)
			o.w.count("sessions: ids beyond their window", 1)
		}
	}
	for _, c := range commandsOf(v) {
		o.want[slot] = append(o.want[slot], o.command(c))
	}
}

func (o *sessionOracle) command(c paxos.Command) string {
	if c.Subject == subjectPropose {
		return o.publish(string(c.Data), messageID(c.Header))
	}
	t, err := command.Decode(c.Data)
	if err != nil {
		return refusal(command.CodeMalformed)
	}
	s := o.session(t.Session.ID)
	switch op := t.Op.(type) {
	case command.OpenSession:
		return o.open(op)
	case command.Lookup:
		return o.lookup(op)
	case command.Publish:
		if t.Session.ID == 0 {
			return o.publish(string(op.Data), messageID(op.Header))
		}
		if s == nil {
			return refusal(command.CodeSessionUnknown)
		}
		return o.inSession(s, t.Session, op)
	}
	if s == nil {
		return refusal(command.CodeSessionUnknown)
	}
	if _, closes := t.Op.(command.CloseSession); closes {
		s.expires = 0
		return "closed"
	}
	s.expires = o.time + s.ttl
	return "renewed"
}

// session is the session of this number; nil when it has ended.
func (o *sessionOracle) session(n uint64) *modelSession {
	if n == 0 || n > uint64(len(o.sessions)) || o.sessions[n-1].expires <= o.time {
		return nil
	}
	return o.sessions[n-1]
}

func (o *sessionOracle) open(op command.OpenSession) string {
	for i, s := range o.sessions {
		if s.nonce == op.Nonce && s.expires > o.time {
			return verdict(command.Outcome{Value: command.SessionOpened{ID: uint64(i + 1)}}.Encode())
		}
	}
	ttl := paxos.LogTime(op.TTL)
	o.sessions = append(o.sessions, &modelSession{nonce: op.Nonce, ttl: ttl, expires: o.time + ttl, awaited: 1, outcomes: map[uint64]string{}})
	return verdict(command.Outcome{Value: command.SessionOpened{ID: uint64(len(o.sessions))}}.Encode())
}

func (o *sessionOracle) inSession(s *modelSession, in command.Session, op command.Publish) string {
	if in.Number < s.awaited {
		return refusal(command.CodeAcknowledged)
	}
	s.expires = o.time + s.ttl
	if s.outcomes[in.Number] == "" {
		s.awaited = max(s.awaited, in.Awaited)
		s.outcomes[in.Number] = o.publish(string(op.Data), "")
	}
	return s.outcomes[in.Number]
}

// publish appends to the log what has no id, or one that is new.
func (o *sessionOracle) publish(what, id string) string {
	if known, ok := o.ids[id]; ok {
		if known.seq == 0 {
			return refusal(command.CodeIDRefused)
		}
		return published(known.seq, true)
	}
	o.log = append(o.log, what)
	seq := uint64(len(o.log))
	if o.placed[what] != 0 {
		o.w.fail("exactly once", "%s is published as %d, and again as %d", what, o.placed[what], seq)
	}
	if o.never[what] {
		o.w.fail("not done", "%s is published as %d, and its client was told that it never will be", what, seq)
	}
	o.placed[what] = seq
	if id != "" {
		o.ids[id] = modelID{seq, o.time}
	}
	return published(seq, false)
}

func (o *sessionOracle) lookup(op command.Lookup) string {
	known, ok := o.ids[op.ID]
	switch {
	case !ok && paxos.LogTime(op.Since) <= o.floor:
		return looked(command.Unknown, 0)
	case !ok:
		o.ids[op.ID] = modelID{0, o.time}
	case known.seq != 0:
		return looked(command.Done, known.seq)
	}
	return looked(command.NotDone, 0)
}

// judge checks what a learner's state machine answers to the commands of a slot, and
// that the states of all learners are equal.
func (o *sessionOracle) judge(l *learner, slot paxos.Slot, commands []paxos.Command, replies [][]byte) {
	for i, r := range replies {
		if have, want := verdict(r), o.want[slot][i]; have != want {
			o.w.fail("sessions", "learner %s answers %s in slot %d: %s; it should be: %s", l.id, commands[i].Reply, slot, have, want)
		}
	}
	o.equal(l)
}

// equal compares the state of l with that of others after the same slot.
func (o *sessionOracle) equal(l *learner) {
	d := l.machine.state.machine.Digest()
	have := l.machine.digest()
	if want, ok := o.digests[l.machine.applied]; ok && want != have {
		o.w.fail("equal states", "learner %s has another state after slot %d than a fellow had", l.id, d.Slot)
	}
	o.digests[l.machine.applied] = have
}

// tellDone checks what a client is told to be done.
func (o *sessionOracle) tellDone(what string, seq uint64) {
	o.w.count("sessions: told done", 1)
	if seq == 0 || seq > uint64(len(o.log)) || o.log[seq-1] != what {
		o.w.fail("exactly once", "a client is told that %s was published as %d; it is %d, where 0 is never", what, seq, o.placed[what])
	}
}

// tellNever checks what a client is told to be not done, for ever.
func (o *sessionOracle) tellNever(what string) {
	o.w.count("sessions: told not done", 1)
	if seq := o.placed[what]; seq != 0 {
		o.w.fail("not done", "a client is told that %s never will be done; it was published as %d", what, seq)
	}
	o.never[what] = true
}

// finalChecks compares the logs that learners have with the model's.
func (o *sessionOracle) finalChecks() {
	for _, l := range o.w.learners {
		if have := l.machine.state.ledger(); !slices.Equal(have, o.log) {
			o.w.fail("order", "learner %s has %d messages in its log, the model %d, or in another order", l.id, len(have), len(o.log))
		}
	}
	for _, what := range slices.Sorted(maps.Keys(o.never)) {
		if o.placed[what] != 0 {
			o.w.fail("not done", "%s is published, and its client was told that it never will be", what)
		}
	}
}
