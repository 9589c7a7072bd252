package sim

import (
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// event is one thing that happens at a point of virtual time. Events of one time
// happen in the order in which they were scheduled.
type event struct {
	at   time.Duration
	seq  uint64
	p    *process        // whose event it is; nil: the world's
	life int             // of p; what an earlier life scheduled is void
	env  *paxos.Envelope // a message that arrives at p, whatever its life
	do   func()          // anything else
}

func (e *event) before(o *event) bool {
	if e.at != o.at {
		return e.at < o.at
	}
	return e.seq < o.seq
}

// queue is a binary heap of events, the next one first.
type queue []event

func (q *queue) push(e event) {
	h := append(*q, e)
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(&h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
	*q = h
}

func (q *queue) pop() event {
	h := *q
	n := len(h) - 1
	top, e := h[0], h[n]
	h[n] = event{}
	h = h[:n]
	i := 0
	for n > 0 { // where e belongs, and what comes before it one up
		least := 2*i + 1
		if least+1 < n && h[least+1].before(&h[least]) {
			least++
		}
		if least >= n || !h[least].before(&e) {
			h[i] = e
			break
		}
		h[i] = h[least]
		i = least
	}
	*q = h
	return top
}
