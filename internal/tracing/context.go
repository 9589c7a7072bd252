package tracing

import (
	"bytes"
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/bus"
)

// parse reads a W3C traceparent; ok is false unless it is of a sampled trace.
func parse(traceparent string) (trace.SpanContext, bool) {
	if traceparent == "" {
		return trace.SpanContext{}, false
	}
	carrier := propagation.MapCarrier{bus.TraceHeader: traceparent}
	c := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
	return c, c.IsSampled()
}

// Format is c as a W3C traceparent; empty when c names no span.
func Format(c trace.SpanContext) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), c), carrier)
	return carrier[bus.TraceHeader]
}

// ofCommand is the trace context in a command's header, which is in NATS's wire form.
func ofCommand(header []byte) (trace.SpanContext, bool) {
	_, rest, found := bytes.Cut(header, traceLine)
	if !found {
		return trace.SpanContext{}, false
	}
	value, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return parse(strings.TrimSpace(string(value)))
}

var traceLine = []byte("\r\n" + bus.TraceHeader + ":")

// under is a context whose spans are children of c.
func under(c trace.SpanContext) context.Context {
	return trace.ContextWithRemoteSpanContext(context.Background(), c)
}
