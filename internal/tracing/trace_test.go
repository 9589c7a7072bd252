package tracing_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/clustertest"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/tracing"
)

// start is a cluster that traces into memory, and a client of it.
func start(t *testing.T) (*tracetest.InMemoryExporter, *sdk.TracerProvider, *clustertest.Cluster, *client.Client) {
	t.Helper()
	memory := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(memory))
	server := bustest.Server(t)
	c := clustertest.New(t, server.URL())
	c.Configure = func(o *node.Config) { o.Tracers = provider }
	c.Start(clustertest.Size{Acceptors: 3, Proposers: 1, Learners: 2})
	c.AwaitLeader()
	cl, err := client.Connect(t.Context(), client.Options{Cluster: clustertest.Subjects.Cluster, NATS: bus.Options{URLs: []string{server.URL()}, Log: bustest.Quiet()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return memory, provider, c, cl
}

// names are the spans of one trace, as "name node <- parent's name".
func names(spans tracetest.SpanStubs, of trace.TraceID) []string {
	byID := map[trace.SpanID]string{}
	for _, s := range spans {
		byID[s.SpanContext.SpanID()] = s.Name
	}
	var out []string
	for _, s := range spans {
		if s.SpanContext.TraceID() == of {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s < %s", s.Name, value(s.Attributes, "synod.node"), byID[s.Parent.SpanID()])))
		}
	}
	slices.Sort(out)
	return out
}

func value(attributes []attribute.KeyValue, key attribute.Key) string {
	for _, a := range attributes {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

// TestATraceFollowsACommand through every role and back, under the client's span.
func TestATraceFollowsACommand(t *testing.T) {
	t.Parallel()
	memory, provider, c, cl := start(t)
	ctx, root := provider.Tracer("test").Start(t.Context(), "root")
	if _, err := cl.Propose(ctx, []byte("followed")); err != nil {
		t.Fatal(err)
	}
	root.End()
	want := []string{
		"acceptor sync a1 < acceptor vote", "acceptor sync a2 < acceptor vote", "acceptor sync a3 < acceptor vote",
		"acceptor vote a1 < proposer phase2", "acceptor vote a2 < proposer phase2", "acceptor vote a3 < proposer phase2",
		"learner apply l1 < synod command", "learner apply l2 < synod command",
		"learner learn l1 < proposer phase2", "learner learn l2 < proposer phase2",
		"proposer phase2 p1 < synod command", "proposer queue p1 < synod command",
		"root  <", "synod command  < root",
	}
	var have []string
	c.Await("all spans", func() bool {
		have = slices.DeleteFunc(names(memory.GetSpans(), root.SpanContext().TraceID()), func(s string) bool { return strings.HasPrefix(s, "learner reply") })
		return len(have) >= len(want)
	})
	if !slices.Equal(have, want) {
		t.Errorf("the trace is\n  %s\nwant\n  %s", strings.Join(have, "\n  "), strings.Join(want, "\n  "))
	}
	replies := 0
	for _, s := range memory.GetSpans() {
		if s.EndTime.Before(s.StartTime) || s.Status.Code != 0 {
			t.Errorf("%s lasts from %s to %s, with status %v", s.Name, s.StartTime, s.EndTime, s.Status)
		}
		if s.Name == "learner reply" {
			replies++
		}
		if strings.HasPrefix(s.Name, "learner") && value(s.Attributes, "synod.slot") == "" {
			t.Errorf("%s names no slot", s.Name)
		}
	}
	if replies == 0 {
		t.Error("nobody replied")
	}
}

// TestWhatIsNotTracedLeavesNoTrace: neither commands without a context nor those of
// traces that are not sampled.
func TestWhatIsNotTracedLeavesNoTrace(t *testing.T) {
	t.Parallel()
	memory, _, c, cl := start(t)
	if _, err := cl.Propose(t.Context(), []byte("unseen")); err != nil {
		t.Fatal(err)
	}
	b := c.Connect()
	unsampled := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	for _, context := range []string{unsampled, "nonsense", strings.Repeat("x", 1000), ""} {
		m := &nats.Msg{Subject: b.Subjects().Propose(), Data: []byte("x"), Header: nats.Header{bus.TraceHeader: {context}}}
		if _, err := b.Conn().RequestMsg(m, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if spans := memory.GetSpans(); len(spans) > 0 {
		t.Errorf("recorded %v", names(spans, spans[0].SpanContext.TraceID()))
	}
}

// TestABatchLinksItsTraces: commands of several traces in one batch each find their own
// part, and the batch's spans link to all.
func TestABatchLinksItsTraces(t *testing.T) {
	t.Parallel()
	memory, provider, c, _ := start(t)
	b := c.Connect()
	const traces = 20
	inbox, err := b.Conn().SubscribeSync(b.Conn().NewInbox() + ".*")
	if err != nil {
		t.Fatal(err)
	}
	var roots []trace.SpanContext
	for i := range traces {
		_, span := provider.Tracer("test").Start(t.Context(), "root")
		span.End()
		roots = append(roots, span.SpanContext())
		m := &nats.Msg{
			Subject: b.Subjects().Propose(), Data: []byte("x"), Reply: strings.TrimSuffix(inbox.Subject, "*") + fmt.Sprint(i),
			Header: nats.Header{bus.TraceHeader: {tracing.Format(span.SpanContext())}},
		}
		if err := b.Conn().PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	for range traces {
		if _, err := inbox.NextMsg(10 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	c.Await("each trace", func() bool {
		spans := memory.GetSpans()
		for _, root := range roots {
			have := strings.Join(names(spans, root.TraceID()), "\n")
			if strings.Count(have, "learner apply") != 2 || !strings.Contains(have, "proposer queue") {
				return false
			}
		}
		linked := map[trace.TraceID]bool{}
		for _, s := range spans {
			if s.Name == "proposer phase2" {
				linked[s.SpanContext.TraceID()] = true
				for _, l := range s.Links {
					linked[l.SpanContext.TraceID()] = true
				}
			}
		}
		return len(linked) == traces
	})
}

// TestARefusedCommandEndsItsTrace.
func TestARefusedCommandEndsItsTrace(t *testing.T) {
	t.Parallel()
	memory, provider, c, _ := start(t)
	b := c.Connect()
	c.Stop("l1")
	c.Stop("l2") // nobody would answer: the command waits, and is refused
	_, root := provider.Tracer("test").Start(context.Background(), "root")
	m := &nats.Msg{Subject: b.Subjects().Propose(), Data: []byte("x"), Header: nats.Header{bus.TraceHeader: {tracing.Format(root.SpanContext())}}}
	c.Await("a refusal", func() bool {
		_, err := b.Conn().RequestMsg(m, 5*time.Second)
		if err != nil {
			return false
		}
		for _, s := range memory.GetSpans() {
			if s.Name == "proposer queue" && strings.Contains(s.Status.Description, "no progress") {
				return true
			}
		}
		return false
	})
}
