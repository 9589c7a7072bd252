package tracing

import (
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/paxos"
)

// Acceptor traces an acceptor. It is the acceptor's Sender.
type Acceptor struct {
	node
	send  Sender
	votes bySlot[vote]
}

// vote is one Accept of a traced command that is to be answered.
type vote struct {
	ballot paxos.Ballot
	span   trace.Span
}

// NewAcceptor traces the acceptor id, whose messages send sends.
func NewAcceptor(p trace.TracerProvider, cluster string, id paxos.NodeID, send Sender) *Acceptor {
	return &Acceptor{node: newNode(p, cluster, id), send: send}
}

// Heard notes a message that came.
func (a *Acceptor) Heard(e *paxos.Envelope) {
	if e.Trace == "" {
		return
	}
	m, ok := e.Msg.(paxos.Accept)
	context, sampled := parse(e.Trace)
	if !ok || !sampled {
		return
	}
	if old, again := a.votes.get(m.Slot); again && old.ballot == m.Ballot {
		return
	}
	span := a.start("acceptor vote", context, time.Now(), slotOf(m.Slot), ballotOf(m.Ballot))
	for _, lost := range a.votes.put(m.Slot, vote{m.Ballot, span}) {
		lost.span.End()
	}
}

// Append traces a sync of the disk, which persist makes.
func (a *Acceptor) Append(records []paxos.Record, persist func([]paxos.Record) error) error {
	if a.votes.empty() {
		return persist(records)
	}
	traced := map[paxos.Slot]trace.SpanContext{}
	for _, r := range records {
		if v, ok := r.(paxos.Voted); ok {
			if w, ok := a.votes.get(v.Vote.Slot); ok && w.ballot == v.Vote.Ballot {
				traced[v.Vote.Slot] = w.span.SpanContext()
			}
		}
	}
	began := time.Now()
	err := persist(records)
	for slot, parent := range traced {
		span := a.start("acceptor sync", parent, began, slotOf(slot))
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
	return err
}

// Publish sends e, and ends the traces of the votes that it tells.
func (a *Acceptor) Publish(e paxos.Envelope) error {
	err := a.send.Publish(e)
	if a.votes.empty() {
		return err
	}
	switch m := e.Msg.(type) {
	case paxos.Accepted:
		for _, slot := range m.Slots {
			if v, traced := a.votes.get(slot); traced && v.ballot == m.Ballot {
				a.votes.take(slot)
				v.span.End()
			}
		}
	case paxos.Nack:
		for _, v := range a.votes.takeIf(func(_ paxos.Slot, v vote) bool { return v.ballot == m.Ballot }) {
			v.span.SetStatus(codes.Error, "refused: promised "+m.Promised.String())
			v.span.End()
		}
	}
	return err
}
