package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/node"
)

// connect connects as c says, for a command that gives up when there is no server.
func connect(ctx context.Context, c *node.Connection, stderr io.Writer) (*bus.Bus, error) {
	o, err := c.Options()
	if err != nil {
		return nil, err
	}
	o.Name = "synod"
	// The command itself tells what fails; the connection's news would only repeat it.
	o.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	b, err := bus.Connect(ctx, o)
	if err != nil {
		return nil, notConnected(err)
	}
	return b, nil
}

// notConnected says what to do where there is no server.
func notConnected(err error) error {
	if !bus.Unreachable(err) {
		return err
	}
	return fmt.Errorf("%w\n  Start a NATS server with `nats-server`, or a whole cluster with `synod dev`, or name yours with --nats URL", err)
}
