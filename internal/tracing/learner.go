package tracing

import (
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/paxos"
)

// Learner traces a learner.
type Learner struct {
	node
	learning bySlot[learning]
	replies  pending[string, reply] // by the inbox that waits
}

// learning is a slot with a traced command that is yet to be applied.
type learning struct {
	context trace.SpanContext // of the leader's phase 2
	since   time.Time
}

// reply is a traced command that is applied and not answered.
type reply struct {
	context trace.SpanContext // the client's
	since   time.Time
}

// NewLearner traces the learner id.
func NewLearner(p trace.TracerProvider, cluster string, id paxos.NodeID) *Learner {
	return &Learner{node: newNode(p, cluster, id)}
}

// Heard notes a message that came.
func (l *Learner) Heard(e *paxos.Envelope) {
	if e.Trace == "" {
		return
	}
	m, ok := e.Msg.(paxos.Accept)
	context, sampled := parse(e.Trace)
	if !ok || !sampled {
		return
	}
	if _, again := l.learning.get(m.Slot); !again {
		l.learning.put(m.Slot, learning{context, time.Now()})
	}
}

// Apply traces apply, which applies the commands of a slot.
func (l *Learner) Apply(slot paxos.Slot, commands []paxos.Command, apply func() error) error {
	if l.learning.empty() {
		return apply()
	}
	batch, traced := l.learning.take(slot)
	if !traced {
		return apply()
	}
	l.start("learner learn", batch.context, batch.since, slotOf(slot)).End()
	began := time.Now()
	err := apply()
	for i := range commands {
		context, sampled := ofCommand(commands[i].Header)
		if !sampled {
			continue
		}
		span := l.start("learner apply", context, began, slotOf(slot))
		span.AddLink(trace.Link{SpanContext: batch.context})
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
		if commands[i].Reply != "" {
			l.replies.put(commands[i].Reply, reply{context, time.Now()})
		}
	}
	return err
}

// Answered notes that this learner replied to an inbox.
func (l *Learner) Answered(inbox string, slot paxos.Slot) {
	if l.replies.empty() {
		return
	}
	if r, traced := l.replies.take(inbox); traced {
		l.start("learner reply", r.context, r.since, slotOf(slot)).End()
	}
}
