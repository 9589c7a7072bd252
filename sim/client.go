package sim

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// client wants its commands done, one after the other: each is sent to a serving
// proposer, and sent again with the same id until it is answered. Between them it
// reads.
type client struct {
	w       *World
	plan    ClientPlan
	op      int // commands begun
	attempt int // of this command
	waiting bool
	given   int // commands given up after one attempt, their outcome unknown
	reading uint64
	need    paxos.Slot // what the read must show
}

func newClient(w *World, p ClientPlan) *client { return &client{w: w, plan: p} }

func (c *client) id() paxos.NodeID { return c.plan.ID }

// command is the client's present one; the attempt is part of its inbox.
func (c *client) command() string { return fmt.Sprint(c.plan.ID, "-", c.op) }
func (c *client) inbox() string   { return fmt.Sprint(c.command(), "/", c.attempt) }

// parseInbox is the client, command and attempt of an inbox.
func parseInbox(inbox string) (id paxos.NodeID, op, attempt int, ok bool) {
	name, rest, ok1 := strings.Cut(inbox, "-")
	number, try, ok2 := strings.Cut(rest, "/")
	op, err1 := strconv.Atoi(number)
	attempt, err2 := strconv.Atoi(try)
	return paxos.NodeID(name), op, attempt, ok1 && ok2 && err1 == nil && err2 == nil
}

// asker is a client of either kind.
type asker interface {
	id() paxos.NodeID
	next()
	done() bool
	unfinished() string
	answered(outcome)
	refused(paxos.Refusal)
}

// askers is all clients, in a fixed order.
func (w *World) askers() iter.Seq[asker] {
	return func(yield func(asker) bool) {
		for _, c := range w.clients {
			if !yield(c) {
				return
			}
		}
		for _, c := range w.sessionClients {
			if !yield(c) {
				return
			}
		}
	}
}

// askerAt is the client that waits at an inbox; nil when there is none.
func (w *World) askerAt(inbox string) asker {
	id, _, _, ok := parseInbox(inbox)
	if !ok {
		return nil
	}
	for _, c := range w.clients {
		if c.plan.ID == id {
			return c
		}
	}
	for _, c := range w.sessionClients {
		if c.plan.ID == id {
			return c
		}
	}
	return nil
}

// done reports whether the client wants nothing more.
func (c *client) done() bool { return c.op > c.plan.Commands && c.reading == 0 }

func (c *client) unfinished() string {
	return fmt.Sprintf("client %s waits for %s", c.plan.ID, c.inbox())
}

// next begins the next command, or, now and then, a read.
func (c *client) next() {
	if c.op > c.plan.Commands {
		return
	}
	if c.plan.Reads > 0 && c.reading == 0 && c.w.rng.IntN(100) < c.plan.Reads {
		c.beginRead()
		return
	}
	c.op++
	if c.op > c.plan.Commands {
		return
	}
	c.attempt, c.waiting = 0, true
	c.w.oracle.asked(c.command())
	c.try()
}

// try sends the present command to a proposer that serves, as NATS would.
func (c *client) try() {
	c.attempt++
	inbox := c.inbox()
	p := c.w.serving(c.plan.ID)
	if p == nil { // no responders
		c.w.count("no responders", 1)
		c.retryAfter(c.plan.Retry, inbox)
		return
	}
	command := paxos.Command{Subject: subjectPropose, Reply: inbox, Data: []byte(c.command())}
	if c.w.sessions != nil {
		command.Header = []byte("NATS/1.0\r\n" + idHeader + c.command() + "\r\n\r\n")
	} else if c.plan.Padding > 0 {
		command.Header = make([]byte, c.w.rng.IntN(c.plan.Padding))
	}
	c.w.oracle.attempted(inbox)
	if wait, ok := c.w.reaches(c.plan.ID, p.id); ok {
		c.w.after(nil, wait, func() { p.propose(command) })
	}
	c.retryAfter(c.plan.Timeout*time.Duration(min(c.attempt, 8)), inbox)
}

// serving is a proposer that clients reach, chosen as a queue group does.
func (w *World) serving(client paxos.NodeID) *proposer {
	var open []*proposer
	for _, p := range w.proposers {
		if p.up && p.open && w.net.cut[link{client, p.id}] == 0 {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[w.rng.IntN(len(open))]
}

// retryAfter tries again when attempt inbox is still the last one, and unanswered.
func (c *client) retryAfter(wait time.Duration, inbox string) {
	c.w.after(nil, wait/2+c.w.draw(wait), func() {
		if !c.waiting || c.inbox() != inbox {
			return
		}
		if !c.w.quiet && c.w.rng.IntN(1000) < c.plan.GiveUp {
			c.given++
			c.finish()
			return
		}
		c.w.count("retries", 1)
		c.try()
	})
}

func (c *client) finish() {
	c.waiting = false
	c.w.after(nil, c.w.draw(c.plan.Think)+1, c.next)
}

// answered takes a learner's answer; an answer to any attempt will do.
func (c *client) answered(o outcome) {
	c.w.oracle.acknowledged(o)
	_, op, _, _ := parseInbox(o.inbox)
	if c.waiting && op == c.op {
		c.w.count("commands answered", 1)
		c.finish()
	}
}

// refused takes "not done": the same id may be tried again.
func (c *client) refused(r paxos.Refusal) {
	if !c.waiting || r.Command.Reply != c.inbox() {
		return
	}
	c.retryAfter(c.plan.Retry, c.inbox())
}

// beginRead reads from any learner; it must see all that was answered before.
func (c *client) beginRead() {
	c.w.oracle.reads++
	c.reading = c.w.oracle.reads
	c.need = c.w.oracle.visible
	n := c.reading
	l := c.w.learners[c.w.rng.IntN(len(c.w.learners))]
	if wait, ok := c.w.reaches(c.plan.ID, l.id); ok {
		c.w.after(nil, wait, func() { l.read(n, func() { c.readDone(l, n) }) })
	}
	c.w.after(nil, c.plan.Timeout, func() {
		if c.reading == n { // given up; another learner may do better
			c.w.count("reads given up", 1)
			c.reading = 0
			c.next()
		}
	})
}

func (c *client) readDone(l *learner, n uint64) {
	if c.reading != n {
		return
	}
	c.w.count("reads served", 1)
	if l.machine.applied < c.need {
		c.w.fail("fresh reads", "learner %s serves a read with slot %d applied; slot %d was answered before the read began",
			l.id, l.machine.applied, c.need)
	}
	c.w.oracle.visible = max(c.w.oracle.visible, l.machine.applied)
	c.reading = 0
	c.w.after(nil, c.w.draw(c.plan.Think)+1, c.next)
}
