package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
)

// width is how wide a terminal may be expected to be.
const width = 80

// table is c for people.
func table(c *node.Cluster) string {
	var b strings.Builder
	writeHead(&b, c)
	writeAcceptors(&b, c)
	writeProposers(&b, c)
	writeLearners(&b, c)
	writeProblems(&b, c)
	return b.String()
}

func writeHead(b *strings.Builder, c *node.Cluster) {
	fmt.Fprintf(b, "Cluster %s", c.Cluster)
	if len(c.Acceptors)+len(c.Proposers)+len(c.Learners) == 0 {
		b.WriteString(", of which no role answers\n")
		return
	}
	if c.UUID == "" {
		b.WriteString(", not founded\n")
		return
	}
	fmt.Fprintf(b, " %s, generation %d\n", c.UUID, c.Generation)
	quorums, _ := c.Configuration.Quorums.MarshalText() // has no error
	fmt.Fprintf(b, "%d acceptors, quorums %s, %d learner copies, window %d\n",
		len(c.Configuration.Acceptors), quorums, c.Configuration.Copies, c.Configuration.Window)
	switch p := c.Previous; {
	case p == nil:
		fmt.Fprintf(b, "Configuration %d governs from slot %d on\n", c.Configuration.Number, c.Configuration.From)
	case c.Chosen+1 < c.Configuration.From:
		fmt.Fprintf(b, "Configuration %d governs up to slot %d, then number %d\n", p.Number, c.Configuration.From-1, c.Configuration.Number)
	default:
		fmt.Fprintf(b, "Configuration %d governs from slot %d on, not finished; before it number %d\n",
			c.Configuration.Number, c.Configuration.From, p.Number)
	}
	if c.Waits != "" {
		say(b, "The change waits: %s\n", c.Waits)
	}
	if c.Leader == nil {
		fmt.Fprintf(b, "No leader\n")
	} else {
		fmt.Fprintf(b, "Leader %s, ballot %s\n", c.Leader.ID, c.Leader.Ballot)
	}
	fmt.Fprintf(b, "Chosen up to slot %d\n", c.Chosen)
	if inForce, supported := versions(c.Learners); supported > inForce {
		fmt.Fprintf(b, "State machine version %d; every learner supports version %d: `synod upgrade`\n", inForce, supported)
	}
}

// columns writes rows of tab-separated cells in columns.
func columns(b *strings.Builder, rows []string) {
	if len(rows) == 1 {
		return // nothing but names
	}
	b.WriteByte('\n')
	w := tabwriter.NewWriter(b, 0, 1, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, row)
	}
	_ = w.Flush() // a strings.Builder takes everything
}

func writeAcceptors(b *strings.Builder, c *node.Cluster) {
	rows := []string{"ACCEPTOR\tSTATE\tVOTED\tTRIMMED\tCMD/SYNC\tP99 MS\tMSG/CMD\tVERSION"}
	for i := range c.Acceptors {
		a := &c.Acceptors[i]
		if !a.Up {
			state := "down"
			if c.Joins(a) {
				state = "joins, down"
			}
			rows = append(rows, fmt.Sprintf("%s\t%s%s", a.ID, state, strings.Repeat("\t-", 6))) // as wide as the others, which it would break up
			continue
		}
		state := "up"
		switch {
		case !a.Sealed:
			state = "not founded"
		case c.Leaves(a):
			state = "leaves"
		case c.Joins(a):
			state = "joins"
		case !a.Member:
			state = "no member"
		case a.Rival != "":
			state = "not ready"
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%d\t%.1f\t%.1f\t%.2f\t%s",
			a.ID, state, a.MaxVoted, a.TrimBelow, a.CommandsPerSync, a.SyncP99, a.PerCommand, short(a.Version)))
	}
	columns(b, rows)
}

func writeProposers(b *strings.Builder, c *node.Cluster) {
	rows := []string{"PROPOSER\tSTATE\tCOMMANDS\tQUEUED\tIN FLIGHT\tMSG/CMD\tINBOX\tVERSION"}
	for _, p := range c.Proposers {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%.2f\t%d\t%s",
			p.ID, p.Stage, p.Commands, p.Queued, p.InFlight, p.PerCommand, p.Inbox, short(p.Version)))
	}
	columns(b, rows)
}

func writeLearners(b *strings.Builder, c *node.Cluster) {
	rows := []string{"LEARNER\tSTATE\tAPPLIED\tDURABLE\tLAG\tANSWERED\tMSG/CMD\tVERSION"}
	for _, l := range c.Learners {
		state := "up"
		if !l.Ready {
			state = "not ready"
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%d\t%.2f\t%s",
			l.ID, state, l.Applied, l.Durable, l.Lag, l.Answered, l.PerCommand, short(l.Version)))
	}
	columns(b, rows)
}

// short leaves out a version's build.
func short(version string) string {
	v, _, _ := strings.Cut(version, "+")
	return v
}

func writeProblems(b *strings.Builder, c *node.Cluster) {
	if len(c.Problems) == 0 {
		b.WriteString("\nNo problems.\n")
		return
	}
	b.WriteString("\nProblems:\n")
	for _, p := range c.Problems {
		say(b, "- %s\n", p)
	}
}

// say writes for people.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprint(w, cli.Wrap(fmt.Sprintf(format, args...), width))
}
