// Command learner runs one learner of a Synod cluster. See learner --help.
package main

import (
	"context"
	"os"

	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
)

var program = cli.Program{
	Name:  "learner",
	About: "A learner finds out what the acceptors chose, applies it in order to its copy of the state, and answers clients.",
	Examples: `Examples:
  learner --id l1 --data /var/lib/synod/l1 --nats nats://10.0.0.1:4222
  learner --id l2 --data /var/lib/synod/l2 --leaf nats-leaf://10.0.0.1:7422
  SYNOD_ID=x1 SYNOD_NATS=tls://nats.example learner --creds learner.creds

Exit codes: 0 stopped as asked, 1 failed, 2 called wrongly.`,
}

type command struct {
	Role cli.Role  `embed:""`
	Data cli.Data  `embed:""`
	Leaf node.Leaf `embed:""`
}

// Run runs the learner until it is told to stop.
func (c *command) Run(ctx context.Context, s cli.Streams) error {
	return c.Role.Serve(ctx, s, c.Data.Data, func(ctx context.Context, o node.Config) (_ node.Role, err error) {
		if o.Leaf, err = c.Leaf.Options(&o.Bus); err != nil {
			return nil, err
		}
		return node.StartLearner(ctx, o)
	})
}

func main() { os.Exit(cli.Main(program, &command{})) }
