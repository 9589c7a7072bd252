// Command synod is the operator's and the newcomer's command. See synod --help.
package main

import (
	"os"

	"github.com/alecthomas/kong"

	"github.com/synod-paxos/synod/internal/node/cli"
)

var program = cli.Program{
	Name:  "synod",
	About: "Synod is Multi-Paxos on NATS: a replicated, linearizable, durable log and key-value store.",
	Examples: `Examples:
  synod dev                         a whole cluster in this process, to try
  synod propose "hello"             append to the log
  synod log --follow                read it
  synod status                      who leads, who is missing, and what to do
  synod bench                       how fast it answers
  synod trace                       watch the roles talk
  synod init --acceptors a1,a2,a3   found a cluster of acceptor processes
  synod member replace a1           take an acceptor in that lost its disk

Exit codes: 0 clean, 1 failed, 2 called wrongly.`,
	Width: width,
}

// commands is every subcommand, each in a file of its own.
type commands struct {
	Dev         devCommand         `cmd:"" help:"Run a whole cluster in this process, with a NATS server."`
	Init        initCommand        `cmd:"" help:"Found a cluster: have its acceptors store who they are."`
	Member      memberCommand      `cmd:"" help:"Show and change who votes."`
	Leader      leaderCommand      `cmd:"" help:"Move leadership."`
	Propose     proposeCommand     `cmd:"" help:"Append to the log and print where."`
	Log         logCommand         `cmd:"" help:"Print the log."`
	Status      statusCommand      `cmd:"" help:"Show how the cluster does, and what is wrong."`
	Upgrade     upgradeCommand     `cmd:"" help:"Let the state machine apply newer rules, once all learners can."`
	Skip        skipCommand        `cmd:"" help:"Make an error of a command on which every learner fails."`
	Permissions permissionsCommand `cmd:"" help:"Print what nats-server needs to hold every role and client to its part."`
	Bench       benchCommand       `cmd:"" help:"Load the cluster, and tell how fast it answers."`
	Backup      backupCommand      `cmd:"" help:"Copy the cluster's state into a file."`
	Restore     restoreCommand     `cmd:"" help:"Found a cluster on the state in a backup."`
	Trace       traceCommand       `cmd:"" help:"Show the messages of the protocol as they pass."`

	Completion completionCommand `cmd:"" help:"Print a script that lets a shell complete these commands."`

	Version kong.VersionFlag `help:"Show the version and exit."`
}

func main() { os.Exit(cli.Main(program, &commands{})) }
