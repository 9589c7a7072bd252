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
		if !h[i].before(&h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
	*q = h
}

func (q *queue) pop() event {
	h := *q
	top := h[0]
	last := len(h) - 1
	h[0] = h[last]
	h[last] = event{}
	h = h[:last]
	for i := 0; ; {
		least, left, right := i, 2*i+1, 2*i+2
		if left < last && h[left].before(&h[least]) {
			least = left
		}
		if right < last && h[right].before(&h[least]) {
			least = right
		}
		if least == i {
			break
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
	*q = h
	return top
}
