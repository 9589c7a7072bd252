// Command acceptor runs one acceptor of a Synod cluster. See acceptor --help.
package main

import (
	"context"
	"os"

	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
)

var program = cli.Program{
	Name:  "acceptor",
	About: "An acceptor promises, votes, and remembers both on its disk.",
	Examples: `Examples:
  acceptor --id a1 --data /var/lib/synod/a1 --nats nats://10.0.0.1:4222
  SYNOD_ID=x1 SYNOD_NATS=tls://nats.example acceptor --creds acceptor.creds

Exit codes: 0 stopped as asked, 1 failed, 2 called wrongly.`,
}

type command struct {
	Role cli.Role `embed:""`
	Data cli.Data `embed:""`
}

// Run runs the acceptor until it is told to stop.
func (c *command) Run(ctx context.Context, s cli.Streams) error {
	return c.Role.Serve(ctx, s, c.Data.Data, func(ctx context.Context, o node.Config) (node.Role, error) {
		return node.StartAcceptor(ctx, o)
	})
}

func main() { os.Exit(cli.Main(program, &command{})) }
