package client

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

// Cut ends c's connection to s; c reconnects by itself.
func (c *Client) Cut(t testing.TB, s *bus.Server) { bustest.Cut(t, s, c.bus) }

// Conn is c's connection.
func (c *Client) Conn() *nats.Conn { return c.bus.Conn() }
