package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/tracing"
)

// startTrace begins a trace of this command if the environment asks for traces: then
// parent is what a command carries to be followed, and end exports the span.
func startTrace(ctx context.Context, stderr io.Writer) (parent string, end func(), err error) {
	log := slog.New(slog.NewTextHandler(stderr, nil))
	p, err := tracing.FromEnvironment(ctx, "synod", "", node.Version(), log)
	if err != nil || p == nil {
		return "", func() {}, err
	}
	_, span := p.Tracer(tracing.Scope).Start(ctx, "synod propose", trace.WithSpanKind(trace.SpanKindProducer))
	return tracing.Format(span.SpanContext()), func() {
		span.End()
		if err := p.Close(); err != nil {
			fmt.Fprintf(stderr, "synod: the trace is not exported: %v\n", err)
		}
	}, nil
}
