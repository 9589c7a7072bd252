package client

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/bus"
)

// traced carries out o, within a span if ctx has one that is sampled. The command
// then carries the span's context, by which the roles that trace find it.
func (c *Client) traced(ctx context.Context, o *message, carry func(context.Context) (result, bool, error)) (result, bool, error) {
	parent := trace.SpanFromContext(ctx)
	if !parent.SpanContext().IsSampled() {
		return carry(ctx)
	}
	tracer := parent.TracerProvider().Tracer("github.com/synod-paxos/synod/client")
	ctx, span := tracer.Start(ctx, "synod "+o.kind(), trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(attribute.String("synod.operation", o.op), attribute.String("synod.subject", o.subject)))
	defer span.End()
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	o.header.Set(bus.TraceHeader, carrier[bus.TraceHeader])
	r, settled, err := carry(ctx)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	} else if r.position > 0 {
		span.SetAttributes(attribute.Int64("synod.slot", int64(r.position)))
	}
	return r, settled, err
}

// kind is which of a few words says what o does.
func (o *message) kind() string {
	if o.window == forever {
		return "request"
	}
	return "command"
}
