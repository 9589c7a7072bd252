// Package bustest starts embedded NATS servers for tests, and stops them with the
// test. Nothing in it sleeps: every call returns when what it promises holds.
package bustest

import (
	"io"
	"log/slog"
	"testing"

	"github.com/synod-paxos/synod/bus"
)

// Quiet is a logger that says nothing.
func Quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// Server starts one NATS server on a random port of 127.0.0.1.
func Server(t testing.TB) *bus.Server { return ServerWith(t, bus.ServerOptions{Log: Quiet()}) }

// ServerWith starts one NATS server as o says.
func ServerWith(t testing.TB, o bus.ServerOptions) *bus.Server {
	t.Helper()
	s, err := bus.StartServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Cluster is the cluster that Connect connects for.
const Cluster = "test"

// Connect connects to the servers at urls, for the cluster named Cluster.
func Connect(t testing.TB, urls ...string) *bus.Bus {
	t.Helper()
	return ConnectWith(t, bus.Options{URLs: urls})
}

// ConnectWith connects as o says, quietly and for the cluster named Cluster unless
// o says otherwise.
func ConnectWith(t testing.TB, o bus.Options) *bus.Bus {
	t.Helper()
	if o.Subjects.Cluster == "" {
		o.Subjects.Cluster = Cluster
	}
	if o.Log == nil {
		o.Log = Quiet()
	}
	b, err := bus.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}
