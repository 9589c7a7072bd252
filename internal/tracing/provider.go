package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

// Scope names the instrumentation of all of Synod's spans.
const Scope = "github.com/synod-paxos/synod"

// A Provider makes tracers, and hands what they record to an exporter. The nil
// Provider is off.
type Provider struct {
	trace.TracerProvider
	shutdown func(context.Context) error
}

// FromEnvironment is the Provider that the standard variables of OpenTelemetry ask
// for: nil, unless OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
// names a collector that takes OTLP over HTTP, or OTEL_TRACES_EXPORTER is "otlp".
// OTEL_SDK_DISABLED=true turns it off. service and id say what traces, unless
// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES do.
func FromEnvironment(ctx context.Context, service, id, version string, log *slog.Logger) (*Provider, error) {
	on, err := wanted()
	if err != nil || !on {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OpenTelemetry: %w", err)
	}
	quiet := rate.Sometimes{First: 1, Interval: 30 * time.Second}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		quiet.Do(func() { log.Warn("traces are not exported", "err", err) })
	}))
	attributes := []attribute.KeyValue{attribute.String("service.name", service), attribute.String("service.version", version)}
	if id != "" {
		attributes = append(attributes, attribute.String("service.instance.id", id))
	}
	about, err := resource.New(ctx, resource.WithAttributes(attributes...), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("OpenTelemetry: %w", err)
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Provider{p, p.Shutdown}, nil
}

// wanted reads the variables that turn tracing on and off.
func wanted() (bool, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "otlp":
		return true, nil
	case "none":
		return false, nil
	case "":
		return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "", nil
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER %q: want otlp or none", exporter)
	}
}

// shutdownTime bounds how long the last spans may take to be exported.
const shutdownTime = 2 * time.Second

// Close exports what is left. It may be called on a nil Provider.
func (p *Provider) Close() error {
	if p == nil || p.shutdown == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	return p.shutdown(ctx)
}

// Tracers is p as roles take it: nil when it is off.
func (p *Provider) Tracers() trace.TracerProvider {
	if p == nil {
		return nil
	}
	return p.TracerProvider
}
