// Command proposer runs one proposer of a Synod cluster. See proposer --help.
package main

import (
	"context"
	"os"

	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
)

var program = cli.Program{
	Name:  "proposer",
	About: "A proposer takes commands from clients and, while it leads, has the acceptors vote for them. It has no disk.",
	Examples: `Examples:
  proposer --id p1 --nats nats://10.0.0.1:4222,nats://10.0.0.2:4222
  SYNOD_ID=x1 SYNOD_NATS=tls://nats.example proposer --creds proposer.creds

Exit codes: 0 stopped as asked, 1 failed, 2 called wrongly.`,
}

type command struct {
	Bare     bool     `name:"bare-subjects" env:"SYNOD_BARE_SUBJECTS" help:"Take messages that clients publish to the streams' own subjects too, such as $$KV.config.>. Not where JetStream in the same account has a stream of them. The same for all proposers."`
	Role     cli.Role `embed:""`
	Priority int      `env:"SYNOD_PRIORITY" default:"0" placeholder:"N" help:"A proposer with a lower number that leads hands over to this one (${default})."`
}

// Run runs the proposer until it is told to stop.
func (c *command) Run(ctx context.Context, s cli.Streams) error {
	return c.Role.Serve(ctx, s, "", func(ctx context.Context, o node.Config) (node.Role, error) {
		o.BareSubjects = c.Bare
		o.Priority = c.Priority
		return node.StartProposer(ctx, o)
	})
}

func main() { os.Exit(cli.Main(program, &command{})) }
