package tracing

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/paxos"
)

// Sender hands messages to the network, as actors.Sender does.
type Sender interface {
	Publish(e paxos.Envelope) error
}

// Proposer traces a proposer. It is the proposer's Sender.
type Proposer struct {
	node
	send    Sender
	waiting pending[string, waiting] // commands, by the inbox that waits for the answer
	open    bySlot[trace.Span]       // batches with a traced command
}

type waiting struct {
	context trace.SpanContext // the client's
	since   time.Time
}

// NewProposer traces the proposer id, whose messages send sends.
func NewProposer(p trace.TracerProvider, cluster string, id paxos.NodeID, send Sender) *Proposer {
	return &Proposer{node: newNode(p, cluster, id), send: send}
}

// Taken notes a command that came with this traceparent.
func (p *Proposer) Taken(traceparent string, c *paxos.Command) {
	if context, sampled := parse(traceparent); sampled && c.Reply != "" {
		p.waiting.put(c.Reply, waiting{context, time.Now()})
	}
}

// Refused ends the trace of a command that was certainly not done.
func (p *Proposer) Refused(r *paxos.Refusal) {
	if p.waiting.empty() {
		return
	}
	if w, traced := p.waiting.take(r.Command.Reply); traced {
		span := p.start("proposer queue", w.context, w.since)
		span.SetStatus(codes.Error, "refused: "+r.Reason.String())
		span.End()
	}
}

// Publish sends e, with a trace context if it is an Accept that serves a traced command.
func (p *Proposer) Publish(e paxos.Envelope) error {
	if m, ok := e.Msg.(paxos.Accept); ok && !(p.waiting.empty() && p.open.empty()) {
		e.Trace = p.proposed(&m)
	}
	return p.send.Publish(e)
}

// proposed is the trace context for an Accept; empty for none.
func (p *Proposer) proposed(m *paxos.Accept) string {
	if span, again := p.open.get(m.Slot); again {
		span.AddEvent("sent again")
		return Format(span.SpanContext())
	}
	if p.waiting.empty() || m.Value.Kind != paxos.Batch {
		return ""
	}
	commands, err := paxos.DecodeBatch(m.Value.Body)
	if err != nil {
		return "" // what a leader found is not its own
	}
	var queued []waiting
	for i := range commands {
		if w, traced := p.waiting.take(commands[i].Reply); traced && commands[i].Reply != "" {
			p.start("proposer queue", w.context, w.since).End()
			queued = append(queued, w)
		}
	}
	if len(queued) == 0 {
		return ""
	}
	var links []trace.Link
	for _, w := range queued[1:] {
		links = append(links, trace.Link{SpanContext: w.context})
	}
	span := p.start("proposer phase2", queued[0].context, time.Now(), slotOf(m.Slot), ballotOf(m.Ballot),
		attribute.Int("synod.commands", len(commands)), attribute.Int("synod.bytes", len(m.Value.Body)))
	for _, l := range links {
		span.AddLink(l)
	}
	for _, lost := range p.open.put(m.Slot, span) {
		lost.End()
	}
	return Format(span.SpanContext())
}

// Progress ends the traces of slots that are chosen, and of those that a leadership
// leaves behind when it ends: then leading is zero.
func (p *Proposer) Progress(leading paxos.Ballot, chosenBelow paxos.Slot) {
	if p.open.empty() {
		return
	}
	for _, span := range p.open.takeIf(func(s paxos.Slot, _ trace.Span) bool { return s < chosenBelow }) {
		span.End()
	}
	if leading.IsZero() {
		for _, span := range p.open.takeIf(func(paxos.Slot, trace.Span) bool { return true }) {
			span.SetStatus(codes.Error, "no longer leading: the next leader decides")
			span.End()
		}
	}
}
