package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

// TestEverySubcommandHelps: each has a sentence, examples, and a variable for every
// flag that begins with SYNOD_. No flag takes SYNOD_ID, which names a role process:
// in its container, synod propose must not propose under one id for ever.
func TestEverySubcommandHelps(t *testing.T) {
	k, err := kong.New(&commands{}, kong.Vars{"version": "v"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range k.Model.Leaves(true) {
		if c.Help == "" || !strings.Contains(c.Detail, "Examples:") {
			t.Errorf("synod %s has no help or no examples", c.Name)
		}
		for _, f := range c.Flags {
			if len(f.Envs) != 1 || !strings.HasPrefix(f.Envs[0], "SYNOD_") || f.Envs[0] == "SYNOD_ID" {
				t.Errorf("synod %s --%s has the variables %v", c.Name, f.Name, f.Envs)
			}
			if f.Help == "" {
				t.Errorf("synod %s --%s has no help", c.Name, f.Name)
			}
		}
	}
}

func TestTableIsReadableAtEightyColumns(t *testing.T) {
	c := &node.Cluster{
		Cluster: "main", UUID: paxos.UUID{1}.String(), Generation: 1,
		Configuration: &node.Configuration{Number: 2, From: 123456789, Window: 256, Copies: 2, Acceptors: make([]node.Member, 3)},
		Leader:        &node.Leader{ID: "p1", Ballot: "18446744073709551615.p1.ffffffffffffffff"}, Chosen: 123456789,
		Acceptors: []node.AcceptorStatus{
			{RoleStatus: node.RoleStatus{ID: "a1", Up: true, Version: "10.20.30+0123456789ab", PerCommand: 12.5}, Member: true,
				AcceptorReport: &node.AcceptorReport{Sealed: true, MaxVoted: 123456789, TrimBelow: 123456789}, CommandsPerSync: 100, SyncP99: 1638.4},
			{RoleStatus: node.RoleStatus{ID: "a2", Up: true}, AcceptorReport: &node.AcceptorReport{}},
			{RoleStatus: node.RoleStatus{ID: "a3"}, Member: true},
			{RoleStatus: node.RoleStatus{ID: "a4", Up: true}, Disk: "d4", AcceptorReport: &node.AcceptorReport{Sealed: true}},
		},
		Waits:     "only 2 of the 3 acceptors of configuration 2 have stored that it has taken over",
		Previous:  &node.Configuration{Number: 1, Acceptors: []node.Member{{ID: "a4", Disk: "d4"}}},
		Proposers: []node.ProposerStatus{{RoleStatus: node.RoleStatus{ID: "p1", Up: true, Version: "10.20.30"}, ProposerReport: &node.ProposerReport{Stage: "preparing", Commands: 123456789}}},
		Learners: []node.LearnerStatus{{RoleStatus: node.RoleStatus{ID: "l1", Up: true, Version: "10.20.30"},
			LearnerReport: &node.LearnerReport{Applied: 123456789, Durable: 123456789, Answered: 123456789}}},
		Problems: []string{"Acceptor a3 does not answer: start it, or look at its log, which says why it stopped, if it did, and what to do then."},
	}
	text := table(c)
	for _, line := range strings.Split(text, "\n") {
		if len(line) > width {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	for _, want := range []string{"not founded", "down", "leaves", "joins", "not finished; before it number 1", "joins, down", "The change waits: only 2 of the 3",
		"preparing", "Leader p1", "- Acceptor a3 does not answer"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	rows := strings.Split(text[strings.Index(text, "ACCEPTOR"):], "\n")
	if at := strings.Index(rows[0], "VOTED"); rows[3][at-1:at+1] != " -" || rows[4][at-1:at+1] != " 0" {
		t.Errorf("an acceptor that is down breaks up the columns:\n%s", text)
	}
	c.Chosen = 123456700
	if text := table(c); !strings.Contains(text, "Configuration 1 governs up to slot 123456788, then number 2\n") {
		t.Errorf("before the first slot of the configuration:\n%s", text)
	}
	if empty := table(&node.Cluster{Cluster: "main"}); !strings.Contains(empty, "no role answers") || strings.Contains(empty, "ACCEPTOR") {
		t.Errorf("of no cluster it says:\n%s", empty)
	}
}
