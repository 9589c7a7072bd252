package roles

import (
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// queue is the commands that wait for a slot. It is bounded by its user.
type queue struct {
	commands []queued
	bytes    int
	orders   int // so many at the front are orders, which do not wait behind clients
}

// add puts c at the end, or an order behind the orders that wait.
func (q *queue) add(now paxos.Now, c paxos.Command, order bool) {
	at := len(q.commands)
	if order {
		at = q.orders
		q.orders++
	}
	q.commands = slices.Insert(q.commands, at, queued{c, now.Mono})
	q.bytes += c.Size()
}

type queued struct {
	paxos.Command
	since paxos.Instant
}

func (q *queue) refuse(n int, reason paxos.RefusalReason, out *paxos.Effects) {
	for _, c := range q.take(n) {
		out.Refuse = append(out.Refuse, paxos.Refusal{Command: c.Command, Reason: reason})
	}
}

func (q *queue) refuseAll(reason paxos.RefusalReason, out *paxos.Effects) {
	q.refuse(len(q.commands), reason, out)
}

// take removes the first n commands.
func (q *queue) take(n int) []queued {
	taken := q.commands[:n]
	q.commands = q.commands[n:]
	q.orders = max(0, q.orders-n)
	for _, c := range taken {
		q.bytes -= c.Size()
	}
	if len(q.commands) == 0 {
		q.commands = nil // so that the memory of a burst goes
	}
	return taken
}

// keptQueue is for how many commands an empty queue keeps memory.
const keptQueue = 1024

// reuse gives back what take returned, and is needed no more.
func (q *queue) reuse(taken []queued) {
	clear(taken)
	if q.commands == nil && cap(taken) <= keptQueue {
		q.commands = taken[:0]
	}
}

// Propose takes a command, or refuses it at once. Flush proposes what was taken.
func (p *Proposer) Propose(now paxos.Now, c paxos.Command, out *paxos.Effects) {
	refuse := func(reason paxos.RefusalReason, limit int) {
		out.Refuse = append(out.Refuse, paxos.Refusal{Command: c, Reason: reason, Limit: limit})
	}
	size, order := c.Size(), paxos.IsOrder(c)
	switch {
	case p.stage != leading:
		refuse(paxos.NotLeader, 0)
	case emptyBatch+size > p.opts.BatchBytes:
		refuse(paxos.TooLarge, p.opts.BatchBytes)
	case len(p.queue.commands) >= p.opts.QueueCommands, p.queue.bytes+size > p.opts.QueueBytes, !p.hasSpace():
		refuse(paxos.Overloaded, 0)
	default:
		if order {
			if why := p.refuseOrder(now, c); why != "" {
				out.Refuse = append(out.Refuse, paxos.Refusal{Command: c, Reason: paxos.NotAllowed, Why: why})
				return
			}
		}
		p.queue.add(now, c, order)
	}
}

// hasSpace reports whether a phase-2 quorum has disk space for more values.
func (p *Proposer) hasSpace() bool {
	c := p.known.For(p.lead.next)
	return c.Phase2(p.those(c, func(v *voter) bool { return !v.noSpace }))
}

// Flush proposes what waits: first what phase 1 found, then batches of commands
// while the pipeline has room. Its caller calls it when no more input waits, so
// batches form of what arrived meanwhile, and nothing ever waits for company.
func (p *Proposer) Flush(now paxos.Now, out *paxos.Effects) {
	if p.stage != leading {
		return
	}
	p.tellChange(now, out)
	p.recover(now, out)
	p.proposeChange(now, out)
	p.beginNewest(now)
	for p.lead.next > p.lead.top && len(p.queue.commands) > 0 && p.lead.batches < p.opts.Pipeline && p.mayUse() {
		answerer := p.learners.pick(now, p.lead.next, p.chosen.Below-min(p.chosen.Below, p.genesis.Window))
		limit := p.opts.BatchCommands
		if answerer == "" {
			limit = p.queue.orders // learners that stopped look for them
		}
		if limit == 0 {
			return // nobody would reply; QueueTimeout ends the wait
		}
		body := p.cut(now, limit)
		v := paxos.Value{Kind: paxos.Batch, Stamp: p.lead.clock.read(now), Answerer: answerer, Body: body}
		p.propose(now, p.lead.next, v, true, out)
		p.lead.next++
	}
	p.fillToChange(now, out)
	p.proposeExpiry(now, out)
}

// cut takes the commands of the next batch off the queue, at most limit.
func (p *Proposer) cut(now paxos.Now, limit int) []byte {
	n, size := 0, emptyBatch
	for _, c := range p.queue.commands {
		if n == limit || (n > 0 && size+c.Size() > p.opts.BatchBytes) {
			break
		}
		n, size = n+1, size+c.Size()
	}
	body := make([]byte, 0, size)
	taken := p.queue.take(n)
	for i := range taken {
		p.times.Queue.Add(paxos.Duration(now.Mono - taken[i].since))
		body = paxos.AppendCommand(body, taken[i].Command)
	}
	p.queue.reuse(taken)
	return body
}

// proposeExpiry moves log time on an idle log when a learner's state has
// something that ends by time: a lease ends although nobody proposes anything.
func (p *Proposer) proposeExpiry(now paxos.Now, out *paxos.Effects) {
	due := p.learners.nextExpiry(now, p.lead.next)
	if due == 0 || len(p.lead.rounds) > 0 || p.lead.next <= p.lead.top || !p.mayUse() {
		return
	}
	stamp := p.lead.clock.read(now)
	if stamp < due {
		return
	}
	p.propose(now, p.lead.next, paxos.Value{Kind: paxos.Batch, Stamp: stamp}, true, out)
	p.lead.next++
}

// expire refuses commands that waited too long: without a quorum or a learner
// nothing else would answer them.
func (p *Proposer) expire(now paxos.Now, out *paxos.Effects) {
	n := 0
	for n < len(p.queue.commands) && now.Mono-p.queue.commands[n].since >= paxos.Instant(p.opts.QueueTimeout) {
		n++
	}
	p.queue.refuse(n, paxos.NoProgress, out)
}
