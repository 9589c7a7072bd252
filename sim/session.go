package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams/command"
)

// SessionPlan is what one client with sessions does.
type SessionPlan struct {
	ID       paxos.NodeID
	Start    time.Duration
	Commands int           // things that it publishes, each once
	Think    time.Duration // it waits up to this between requests
	Timeout  time.Duration // before it sends again
	Retry    time.Duration // before it asks again when it was refused
	TTL      time.Duration // of its sessions
	GiveUp   int           // percent of publications of which it does not hear the answer
	Pause    int           // percent of chances to be silent until the session has ended
}

// sessionClient publishes things, each once: in a session, or under a message id. What
// became of those of which it had no answer it finds out later: by the same command in
// the same session, or by a lookup of the id.
type sessionClient struct {
	w    *World
	plan SessionPlan

	session  uint64
	last     uint64 // number given in the session
	clock    int64  // the last log time that was heard
	made     int    // things begun
	doubts   []*thing
	settled  []*thing
	asked    *request // under way; nil: none
	requests int
}

// thing is what a client wants to be published once.
type thing struct {
	what    string
	session uint64 // 0: it has what for a message id
	number  uint64
	since   int64 // log time before it was sent first
	maybe   bool  // an attempt may have been taken, or may still be
}

// request is something asked of the cluster, through all its attempts.
type request struct {
	n, attempt int
	of         *thing
	data       []byte
	to         paxos.NodeID // of the last attempt
	done       func(reply []byte)
}

func newSessionClient(w *World, p SessionPlan) *sessionClient { return &sessionClient{w: w, plan: p} }

func (c *sessionClient) id() paxos.NodeID { return c.plan.ID }

func (c *sessionClient) inbox() string {
	return fmt.Sprint(c.plan.ID, "-", c.asked.n, "/", c.asked.attempt)
}

// done reports whether the client wants nothing more.
func (c *sessionClient) done() bool {
	return c.made >= c.plan.Commands && len(c.doubts) == 0 && c.asked == nil
}

func (c *sessionClient) unfinished() string {
	if c.asked != nil {
		return fmt.Sprintf("client %s waits for %s", c.plan.ID, c.inbox())
	}
	return fmt.Sprintf("client %s has %d doubts", c.plan.ID, len(c.doubts))
}

// next decides what to ask for.
func (c *sessionClient) next() {
	chance := c.w.rng.IntN(100)
	switch {
	case c.done():
	case c.session == 0:
		c.open()
	case !c.w.quiet && chance < c.plan.Pause:
		c.w.count("sessions: pauses beyond the TTL", 1)
		c.w.after(nil, c.plan.TTL+c.w.draw(c.plan.TTL), c.next)
	case len(c.doubts) > 0 && (chance < 40 || c.made >= c.plan.Commands):
		c.settle(c.doubts[c.w.rng.IntN(len(c.doubts))])
	case len(c.settled) > 0 && chance > 85:
		c.again(c.settled[c.w.rng.IntN(len(c.settled))])
	case chance > 80:
		c.keepAlive()
	default:
		c.publish()
	}
}

// soon goes on with something else.
func (c *sessionClient) soon() { c.w.after(nil, c.w.draw(c.plan.Think)+1, c.next) }

func (c *sessionClient) ask(r *request, t command.Command) {
	c.requests++
	r.n, r.data = c.requests, t.Encode()
	c.asked = r
	c.try()
}

func (c *sessionClient) open() {
	op := command.OpenSession{TTL: c.plan.TTL}
	for i := range op.Nonce {
		op.Nonce[i] = byte(c.w.rng.Uint32())
	}
	c.ask(&request{done: func(reply []byte) {
		if o, err := command.DecodeOutcome(reply); err == nil {
			opened, _ := o.Value.(command.SessionOpened)
			c.session, c.last = opened.ID, 0
			c.w.count("sessions: opened", 1)
		}
		c.soon()
	}}, command.Command{Op: op})
}

func (c *sessionClient) keepAlive() {
	c.ask(&request{done: func(reply []byte) {
		c.noticeEnd(reply, c.session)
		c.soon()
	}}, command.Command{Session: command.Session{ID: c.session}, Op: command.KeepAlive{}})
}

// publish begins something new.
func (c *sessionClient) publish() {
	c.made++
	t := &thing{what: fmt.Sprint(c.plan.ID, "-", c.made), since: c.clock}
	if c.w.rng.IntN(3) > 0 {
		c.last++
		t.session, t.number = c.session, c.last
	}
	c.doubts = append(c.doubts, t)
	c.send(t)
}

// send asks for t to be published, for the first time or once more.
func (c *sessionClient) send(t *thing) {
	c.ask(&request{of: t, done: func(reply []byte) { c.published(t, reply) }}, c.commandFor(t))
}

// commandFor is what publishes t.
func (c *sessionClient) commandFor(t *thing) command.Command {
	op := command.Publish{Subject: subjectPropose, Data: []byte(t.what)}
	if t.session == 0 {
		op.Header = []byte("NATS/1.0\r\n" + idHeader + t.what + "\r\n\r\n")
		return command.Command{Op: op}
	}
	awaited := t.number
	for _, d := range c.doubts {
		if d.session == t.session {
			awaited = min(awaited, d.number)
		}
	}
	return command.Command{Session: command.Session{ID: t.session, Number: t.number, Awaited: awaited}, Op: op}
}

// published takes the answer to a copy of t.
func (c *sessionClient) published(t *thing, reply []byte) {
	said := verdict(reply)
	switch o, err := command.DecodeOutcome(reply); {
	case err == nil:
		p, _ := o.Value.(command.Published)
		c.w.sessions.tellDone(t.what, p.Seq)
		c.settled = append(c.settled, t)
	case said == refusal(command.CodeSessionUnknown):
		c.noticeEnd(reply, t.session)
		if !t.maybe {
			c.w.sessions.tellNever(t.what)
		}
	default:
		c.w.fail("sessions", "client %s is answered %q for %s", c.plan.ID, said, t.what)
	}
	c.forget(t)
	c.soon()
}

// forget ends a doubt.
func (c *sessionClient) forget(t *thing) {
	c.doubts = slices.DeleteFunc(c.doubts, func(d *thing) bool { return d == t })
}

// noticeEnd notes that a session has ended, if the reply says so.
func (c *sessionClient) noticeEnd(reply []byte, session uint64) {
	if verdict(reply) == refusal(command.CodeSessionUnknown) {
		c.w.count("sessions: commands of an ended session", 1)
		if c.session == session {
			c.session = 0
		}
	}
}

// settle finds out what became of t.
func (c *sessionClient) settle(t *thing) {
	if t.session != 0 {
		c.w.count("sessions: commands repeated in doubt", 1)
		c.send(t)
		return
	}
	c.w.count("sessions: lookups", 1)
	c.ask(&request{done: func(reply []byte) {
		o, _ := command.DecodeOutcome(reply)
		switch l, _ := o.Value.(command.Looked); l.State {
		case command.Done:
			c.w.sessions.tellDone(t.what, l.Seq)
		case command.NotDone:
			c.w.sessions.tellNever(t.what)
		case command.Unknown: // the oracle knows whether that is true
			c.w.count("sessions: unknown for ever", 1)
		default:
			c.w.fail("sessions", "client %s looks %s up, and is answered %q", c.plan.ID, t.what, verdict(reply))
		}
		c.settled = append(c.settled, t)
		c.forget(t)
		c.soon()
	}}, command.Command{Op: command.Lookup{ID: t.what, Since: t.since}})
}

// again sends a late copy of what is settled. What it is answered is the oracle's affair.
func (c *sessionClient) again(t *thing) {
	c.w.count("sessions: late copies", 1)
	c.ask(&request{done: func([]byte) { c.soon() }}, c.commandFor(t))
}

// try sends what is asked to a proposer that serves, as NATS would.
func (c *sessionClient) try() {
	r := c.asked
	r.attempt++
	inbox := c.inbox()
	p := c.w.serving(c.plan.ID)
	if p == nil { // no responders
		c.after(c.plan.Retry, inbox, false)
		return
	}
	if r.to != "" && r.to != p.id {
		c.w.count("sessions: retries under another leader", 1)
	}
	r.to = p.id
	cmd := paxos.Command{Subject: "command.LEDGER", Reply: inbox, Data: r.data}
	c.w.oracle.asked(string(r.data))
	c.w.oracle.attempted(inbox)
	if r.of != nil && !c.w.quiet && c.w.rng.IntN(300) < c.plan.GiveUp {
		c.holdUp(r, cmd)
		return
	}
	if wait, ok := c.w.reaches(c.plan.ID, p.id); ok {
		c.w.after(nil, wait, func() { p.propose(cmd) })
	}
	c.after(c.plan.Timeout*time.Duration(min(r.attempt, 8)), inbox, true)
}

// holdUp has an attempt arrive long after its client has given it up, as the buffer of a
// connection that is broken may do.
func (c *sessionClient) holdUp(r *request, cmd paxos.Command) {
	c.w.count("sessions: copies held up", 1)
	c.w.after(nil, c.w.draw(time.Second), func() {
		if p := c.w.serving(c.plan.ID); p != nil {
			p.propose(cmd)
		}
	})
	r.of.maybe = true
	c.asked = nil
	c.soon()
}

// after tries again when the attempt is still the last one, and unanswered. sent says
// that it may have been taken by then.
func (c *sessionClient) after(wait time.Duration, inbox string, sent bool) {
	c.w.after(nil, wait/2+c.w.draw(wait), func() {
		r := c.asked
		if r == nil || c.inbox() != inbox {
			return
		}
		if r.of != nil && sent {
			r.of.maybe = true // that attempt may have been taken, or may still be
		}
		c.try()
	})
}

// answered takes a learner's answer to any attempt of what is asked.
func (c *sessionClient) answered(o outcome) {
	c.w.oracle.acknowledged(o)
	_, n, _, _ := parseInbox(o.inbox)
	if c.asked == nil || c.asked.n != n {
		return
	}
	if t, err := command.DecodeOutcome(o.reply); err == nil {
		c.clock = max(c.clock, t.LogTime)
	}
	r := c.asked
	c.asked = nil
	if r.of != nil && !c.w.quiet && c.w.rng.IntN(100) < c.plan.GiveUp {
		c.w.count("sessions: answers not heard", 1)
		r.of.maybe = true
		c.soon()
		return
	}
	r.done(o.reply)
}

// refused takes "not done": the same may be tried again.
func (c *sessionClient) refused(r paxos.Refusal) {
	if c.asked != nil && r.Command.Reply == c.inbox() {
		c.after(c.plan.Retry, r.Command.Reply, false)
	}
}

const (
	subjectPropose = "propose"
	idHeader       = "Nats-Msg-Id: "
)

// messageID is the message id in a header; empty for none.
func messageID(header []byte) string {
	_, rest, _ := strings.Cut(string(header), idHeader)
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}
