// Package bustest starts embedded NATS servers for tests, and stops them with the
// test: one ([Server]), three in a cluster ([NewCluster]), any from a configuration
// ([Configured]). It breaks things too: a server, a client's connection ([Cut]), the
// link between them ([Proxy]), single messages ([Faulty]).
//
// Nothing in it sleeps: every call returns when what it promises holds.
package bustest

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/synod-paxos/synod/bus"
)

// Quiet is a logger that says nothing.
func Quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// Server starts one NATS server on a random port of 127.0.0.1.
func Server(t testing.TB) *bus.Server {
	t.Helper()
	return ServerWith(t, bus.ServerOptions{})
}

// ServerWith starts one NATS server as o says, without a log unless o has one.
func ServerWith(t testing.TB, o bus.ServerOptions) *bus.Server {
	t.Helper()
	if o.Log == nil {
		o.Log = Quiet()
	}
	s, err := bus.StartServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Configured starts one NATS server from the text of a nats-server configuration,
// on a random port of 127.0.0.1 unless the text says otherwise.
func Configured(t testing.TB, config string) *bus.Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return ServerWith(t, bus.ServerOptions{ConfigFile: file})
}

// Restart stops s and starts a server of the same address again, as o says
// otherwise. Connections to s reconnect by themselves.
func Restart(t testing.TB, s *bus.Server, o bus.ServerOptions) *bus.Server {
	t.Helper()
	o.Listen = s.NATS().Addr().String()
	s.Stop()
	return ServerWith(t, o)
}

// Cluster is the name of the Synod cluster that Connect connects for.
const Cluster = "test"

// Connect connects to the servers at urls, for the Synod cluster named Cluster.
func Connect(t testing.TB, urls ...string) *bus.Bus {
	t.Helper()
	return ConnectWith(t, bus.Options{URLs: urls})
}

// ConnectWith connects as o says, without a log and for the Synod cluster named
// Cluster unless o says otherwise.
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

// Cut ends b's connection to s, as a broken network does. b reconnects by itself.
func Cut(t testing.TB, s *bus.Server, b *bus.Bus) {
	t.Helper()
	id, err := b.Conn().GetClientID()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.NATS().DisconnectClientByID(id); err != nil {
		t.Fatal(err)
	}
}
