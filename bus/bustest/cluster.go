package bustest

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// NATSCluster is three NATS servers that route to each other.
type NATSCluster struct {
	t       testing.TB
	servers [3]*bus.Server // nil: killed
	clients [3]string      // host:port
	routes  [3]string      // host:port
	leaves  [3]string      // host:port
}

// NewCluster starts three servers, and returns once each routes to each.
func NewCluster(t testing.TB) *NATSCluster {
	t.Helper()
	c := &NATSCluster{t: t}
	for i := range c.servers {
		c.start(i)
	}
	c.awaitRoutes()
	return c
}

// URLs is where clients connect: all three, whether killed or not.
func (c *NATSCluster) URLs() []string {
	urls := make([]string, len(c.clients))
	for i := range urls {
		urls[i] = "nats://" + c.clients[i]
	}
	return urls
}

// LeafURLs is where leaf nodes connect: to all three, whether killed or not.
func (c *NATSCluster) LeafURLs() []string {
	urls := make([]string, len(c.leaves))
	for i := range urls {
		urls[i] = "nats-leaf://" + c.leaves[i]
	}
	return urls
}

// Server is server i, nil while it is killed.
func (c *NATSCluster) Server(i int) *bus.Server { return c.servers[i] }

// ServerOf is the index of the server that b is connected to, or -1.
func (c *NATSCluster) ServerOf(b *bus.Bus) int {
	for i, s := range c.servers {
		if s != nil && s.NATS().ID() == b.Conn().ConnectedServerId() {
			return i
		}
	}
	return -1
}

// Kill stops server i. Its clients reconnect to the others.
func (c *NATSCluster) Kill(i int) {
	c.t.Helper()
	c.servers[i].Stop()
	c.servers[i] = nil
}

// Restart starts the killed server i again, on its old address, and returns once it
// routes to the others and they to it.
func (c *NATSCluster) Restart(i int) {
	c.t.Helper()
	c.start(i)
	c.awaitRoutes()
}

func (c *NATSCluster) start(i int) {
	c.t.Helper()
	file := filepath.Join(c.t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(c.config(i)), 0o600); err != nil {
		c.t.Fatal(err)
	}
	s := ServerWith(c.t, bus.ServerOptions{ConfigFile: file, Name: fmt.Sprintf("n%d", i), Listen: c.clients[i]})
	c.servers[i] = s
	c.clients[i] = s.NATS().Addr().String()
	c.routes[i] = s.NATS().ClusterAddr().String()
	c.leaves[i] = strings.TrimPrefix(s.LeafURL(), "nats-leaf://")
}

// config is server i's, with routes to all others that ever started.
func (c *NATSCluster) config(i int) string {
	listen, leaf := cmp.Or(c.routes[i], "127.0.0.1:-1"), cmp.Or(c.leaves[i], "127.0.0.1:-1")
	var peers []string
	for j, route := range c.routes {
		if j != i && route != "" {
			peers = append(peers, "nats://"+route)
		}
	}
	return fmt.Sprintf("leafnodes { listen: %q }\ncluster { name: bustest, listen: %q, routes: [%s] }", leaf, listen, strings.Join(peers, ", "))
}

// routesTimeout bounds how long routes may take to form.
const routesTimeout = 20 * time.Second

// awaitRoutes returns once a request at any living server reaches a responder at
// any other.
func (c *NATSCluster) awaitRoutes() {
	c.t.Helper()
	deadline := time.Now().Add(routesTimeout)
	for i, from := range c.servers {
		for j, to := range c.servers {
			if i == j || from == nil || to == nil {
				continue
			}
			if err := awaitRoute(from.URL(), to.URL(), deadline); err != nil {
				c.t.Fatalf("no route from server %d to server %d: %v", i, j, err)
			}
		}
	}
}

func awaitRoute(from, to string, deadline time.Time) error {
	responder, err := nats.Connect(to, nats.NoReconnect())
	if err != nil {
		return err
	}
	defer responder.Close()
	asker, err := nats.Connect(from, nats.NoReconnect())
	if err != nil {
		return err
	}
	defer asker.Close()
	subject := nats.NewInbox()
	if _, err := responder.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond(nil) }); err != nil {
		return err
	}
	if err := responder.Flush(); err != nil {
		return err
	}
	for { // "no responders" comes at once, after a round trip to the server
		_, err := asker.Request(subject, nil, time.Until(deadline))
		if !errors.Is(err, nats.ErrNoResponders) || time.Now().After(deadline) {
			return err
		}
	}
}
