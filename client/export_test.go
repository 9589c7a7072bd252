package client

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

// Cut ends c's connection to s; c reconnects by itself.
func (c *Client) Cut(t testing.TB, s *bus.Server) { bustest.Cut(t, s, c.bus) }

// Conn is c's connection.
func (c *Client) Conn() *nats.Conn { return c.bus.Conn() }

// NumberOf is the number by which the cluster knows s.
func NumberOf(s *Session) uint64 { return s.id }

// Clock is a log time that is past.
func Clock(ctx context.Context, c *Client) int64 { return c.clockNow(ctx) }

// CodeOf is the code of the error in an answer; 0: there is none.
func CodeOf(answer string) bus.Code { return codeOf([]byte(answer)) }

// SessionOf is the number of the session that c keeps for a stream.
func SessionOf(c *Client, stream string) uint64 { return c.sessions[stream].id }
