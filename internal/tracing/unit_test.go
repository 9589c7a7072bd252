package tracing

import (
	"errors"
	"log/slog"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/synod-paxos/synod/paxos"
)

type sink struct{ last paxos.Envelope }

func (s *sink) Publish(e paxos.Envelope) error { s.last = e; return nil }

const sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func memory() (*tracetest.InMemoryExporter, *sdk.TracerProvider) {
	m := tracetest.NewInMemoryExporter()
	return m, sdk.NewTracerProvider(sdk.WithSyncer(m))
}

// TestItCostsNothingUntraced: what serves no traced command allocates nothing.
func TestItCostsNothingUntraced(t *testing.T) {
	_, provider := memory()
	out := &sink{}
	p, a, l := NewProposer(provider, "main", "p1", out), NewAcceptor(provider, "main", "a1", out), NewLearner(provider, "main", "l1")
	accept := paxos.Envelope{Msg: paxos.Accept{Slot: 1, Value: paxos.Value{Kind: paxos.Batch, Body: paxos.EncodeBatch(paxos.Command{Subject: "propose"})}}}
	accepted := paxos.Envelope{Msg: paxos.Accepted{Slots: []paxos.Slot{1}}}
	var records []paxos.Record
	persist := func([]paxos.Record) error { return nil }
	apply := func() error { return nil }
	var refusal paxos.Refusal
	n := testing.AllocsPerRun(1000, func() {
		_ = p.Publish(accept)
		p.Refused(&refusal)
		p.Progress(paxos.Ballot{}, 5)
		a.Heard(&accept)
		_ = a.Append(records, persist)
		_ = a.Publish(accepted)
		l.Heard(&accept)
		_ = l.Apply(1, nil, apply)
		l.Answered("inbox", 1)
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// TestAnAcceptSentAgainKeepsItsTrace, and the end of the leadership ends it.
func TestAnAcceptSentAgainKeepsItsTrace(t *testing.T) {
	m, provider := memory()
	out := &sink{}
	p := NewProposer(provider, "main", "p1", out)
	c := paxos.Command{Subject: "propose", Reply: "inbox.1"}
	p.Taken(sampled, &c)
	e := paxos.Envelope{Msg: paxos.Accept{Slot: 7, Value: paxos.Value{Kind: paxos.Batch, Body: paxos.EncodeBatch(c)}}}
	for range 2 {
		if err := p.Publish(e); err != nil {
			t.Fatal(err)
		}
		if _, ok := parse(out.last.Trace); !ok {
			t.Fatalf("the Accept carries %q", out.last.Trace)
		}
	}
	other := paxos.Envelope{Msg: paxos.Accept{Slot: 8, Value: paxos.Value{Kind: paxos.Batch, Body: paxos.EncodeBatch()}}}
	if _ = p.Publish(other); out.last.Trace != "" {
		t.Errorf("the Accept of others carries %q", out.last.Trace)
	}
	p.Progress(paxos.Ballot{Round: 1}, 7)
	if n := len(m.GetSpans()); n != 1 {
		t.Errorf("%d spans while the slot is open, want the queue's", n)
	}
	p.Progress(paxos.Ballot{}, 7)
	spans := m.GetSpans()
	if len(spans) != 2 || spans[1].Status.Description == "" || len(spans[1].Events) != 1 {
		t.Errorf("at the end of the leadership: %+v", spans)
	}
}

// TestAcceptorThatRefusesOrFails ends its spans with the reason.
func TestAcceptorThatRefusesOrFails(t *testing.T) {
	m, provider := memory()
	a := NewAcceptor(provider, "main", "a1", &sink{})
	b := paxos.Ballot{Round: 3, Proposer: "p1"}
	accept := paxos.Envelope{Trace: sampled, Msg: paxos.Accept{Ballot: b, Slot: 7}}
	a.Heard(&accept)
	a.Heard(&accept) // a copy
	if err := a.Publish(paxos.Envelope{Msg: paxos.Nack{Ballot: b, Promised: paxos.Ballot{Round: 4, Proposer: "p2"}}}); err != nil {
		t.Fatal(err)
	}
	a.Heard(&accept)
	broken := errors.New("no space left")
	err := a.Append([]paxos.Record{paxos.Voted{Vote: paxos.Vote{Slot: 7, Ballot: b}}}, func([]paxos.Record) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("append says %v, want %v", err, broken)
	}
	var have []string
	for _, s := range m.GetSpans() {
		have = append(have, s.Name+": "+s.Status.Description)
	}
	if len(have) != 2 || have[0] != "acceptor vote: refused: promised 4.p2.0" || have[1] != "acceptor sync: no space left" {
		t.Errorf("spans %q", have)
	}
}

// TestPendingIsBounded: what never ends does not pile up.
func TestPendingIsBounded(t *testing.T) {
	var p pending[int, int]
	lost := 0
	for i := range 3 * most {
		lost += len(p.put(i, i))
	}
	if n := p.n.Load(); n > most || lost+int(n) != 3*most {
		t.Errorf("%d are kept and %d lost, of %d", n, lost, 3*most)
	}
}

// TestFromEnvironment: off, unless the standard variables say otherwise.
func TestFromEnvironment(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	for _, test := range []struct {
		env    map[string]string
		on, ok bool
	}{
		{nil, false, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/x"}, true, true},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, true},
		{map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false, true},
		{map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, false, true},
		{map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, false},
	} {
		for _, v := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"} {
			t.Setenv(v, test.env[v])
		}
		p, err := FromEnvironment(t.Context(), "synod-acceptor", "a1", "1.2.3", log)
		if (p != nil) != test.on || (err == nil) != test.ok || (p.Tracers() != nil) != test.on {
			t.Errorf("%v: on %v, error %v", test.env, p != nil, err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("%v: closed with %v", test.env, err)
		}
	}
}

// TestCommandsAreFoundByTheirHeader in NATS's wire form.
func TestCommandsAreFoundByTheirHeader(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "NATS/1.0\r\n\r\n": false,
		"NATS/1.0\r\ntraceparent: " + sampled + "\r\n\r\n":                true,
		"NATS/1.0\r\nA: b\r\ntraceparent:" + sampled + "\r\nB: c\r\n\r\n": true,
		"NATS/1.0\r\nX-traceparent: " + sampled + "\r\n\r\n":              false,
		"NATS/1.0\r\ntraceparent: 00-1-2-01\r\n\r\n":                      false,
	} {
		if _, ok := ofCommand([]byte(header)); ok != want {
			t.Errorf("%q: %v, want %v", header, ok, want)
		}
	}
}
