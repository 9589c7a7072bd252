package tracing

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/paxos"
)

// node is what the tracers of all roles have in common.
type node struct {
	tracer trace.Tracer
	about  trace.SpanStartEventOption
}

func newNode(p trace.TracerProvider, cluster string, id paxos.NodeID) node {
	return node{
		tracer: p.Tracer(Scope),
		about:  trace.WithAttributes(attribute.String("synod.cluster", cluster), attribute.String("synod.node", string(id))),
	}
}

// start begins a span at a time that may be past, as a child of another node's.
func (n *node) start(name string, parent trace.SpanContext, at time.Time, more ...attribute.KeyValue) trace.Span {
	_, span := n.tracer.Start(under(parent), name, n.about, trace.WithTimestamp(at),
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(more...))
	return span
}

func slotOf(s paxos.Slot) attribute.KeyValue {
	return attribute.Int64("synod.slot", int64(s)) // below 2^62, or nobody decides it
}

func ballotOf(b paxos.Ballot) attribute.KeyValue {
	return attribute.String("synod.ballot", b.String())
}
