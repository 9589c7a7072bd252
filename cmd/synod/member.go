package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
	"github.com/synod-paxos/synod/paxos"
)

// memberCommand shows and changes the configuration.
type memberCommand struct {
	List    memberList    `cmd:"" help:"Show the configuration, and what its change waits for."`
	Add     memberAdd     `cmd:"" help:"Take an acceptor in."`
	Remove  memberRemove  `cmd:"" help:"Leave an acceptor out."`
	Replace memberReplace `cmd:"" help:"Take an acceptor in, in another's place or with another disk."`
	Set     memberSet     `cmd:"" help:"Change the quorums or the learner copies alone."`
	Force   forceCommand  `cmd:"" name:"force-new-cluster" help:"After a disaster: make a new cluster of what a learner still has."`
}

// change is the flags of every command that changes the configuration.
type change struct {
	Quorums string        `env:"SYNOD_QUORUMS" placeholder:"Q" help:"majority, sizes:PHASE1,PHASE2 or grid:ROWS (default: as they are)."`
	Copies  int           `env:"SYNOD_COPIES" placeholder:"N" help:"Learners that must hold a slot durably before acceptors may forget it (default: as it is)."`
	Plan    bool          `env:"SYNOD_MEMBER_PLAN" help:"Show what would change, and change nothing."`
	Timeout time.Duration `env:"SYNOD_MEMBER_TIMEOUT" default:"60s" help:"How long to wait until the change is finished (${default}). It goes on after that."`

	Connection node.Connection `embed:""`
}

// check reports everything that is wrong with the flags.
func (c *change) check(ids ...string) []error {
	var errs []error
	for _, id := range ids {
		if !paxos.NodeID(id).Valid() {
			errs = append(errs, fmt.Errorf("id %q: want 1 to %d of a-z, 0-9 and -", id, paxos.MaxNodeID))
		}
	}
	if _, err := node.ParseQuorums(c.Quorums); c.Quorums != "" && err != nil {
		errs = append(errs, fmt.Errorf("--quorums: %w", err))
	}
	if c.Copies < 0 {
		errs = append(errs, fmt.Errorf("--copies %d: want 1 or more", c.Copies))
	}
	return errs
}

// run carries out what is to change, and says what happens.
func (c *change) run(ctx context.Context, s cli.Streams, what node.Change) error {
	if c.Quorums != "" {
		q, err := node.ParseQuorums(c.Quorums)
		if err != nil {
			return err
		}
		what.Quorums = &q.QuorumSystem
	}
	what.Copies = c.Copies
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("gave up waiting after %s; what was proposed goes on (see `synod member list`)", c.Timeout))
	defer cancel()
	m, done, err := members(ctx, &c.Connection, s)
	if err != nil {
		return err
	}
	defer done()
	now, err := m.Newest(ctx)
	if err != nil {
		return err
	}
	next, err := m.Plan(ctx, &now.Newest, what)
	if err != nil {
		return err
	}
	say(s.Out, "Now:  %s\nThen: %s\n", describeConfiguration(&now.Newest), describeConfiguration(&next))
	tellDisks(s.Out, "Out: ", &now.Newest, &next)
	tellDisks(s.Out, "In:  ", &next, &now.Newest)
	if c.Plan {
		if now.Waits != "" {
			say(s.Out, "Not before the last change is finished: %s\n", now.Waits)
		}
		return nil
	}
	r, err := m.Carry(ctx, next, func(waits string) { say(s.Err, "Waiting: %s\n", waits) })
	if err != nil {
		return err
	}
	say(s.Out, "Done: configuration %d governs from slot %d on.\n", r.Newest.Number, r.Newest.From)
	for _, a := range now.Newest.Acceptors {
		if r.Newest.Index(a.ID) < 0 {
			say(s.Out, "Acceptor %s is needed no more: stop it.\n", a.ID)
		}
	}
	return nil
}

// members connects, and finds the cluster.
func members(ctx context.Context, c *node.Connection, s cli.Streams) (m *node.Members, done func(), err error) {
	b, err := connect(ctx, c, s.Err)
	if err != nil {
		return nil, nil, err
	}
	if m, err = node.OpenMembers(ctx, b); err != nil {
		b.Close()
		return nil, nil, err
	}
	return m, func() { m.Close(); b.Close() }, nil
}

// describeConfiguration says who votes, and which losses that survives.
func describeConfiguration(c *paxos.Configuration) string {
	ids := make([]string, len(c.Acceptors))
	for i, a := range c.Acceptors {
		ids[i] = string(a.ID)
	}
	return fmt.Sprintf("configuration %d: acceptors %s\n      %s quorums, which survive the loss of any %d; %d learner copies",
		c.Number, strings.Join(ids, ", "), c.Quorums, c.Quorums.Survives(len(c.Acceptors)), c.Copies)
}

// tellDisks names the acceptors of c that are not in other, with their disks: one that
// comes back under its old id shows in nothing else.
func tellDisks(w io.Writer, mark string, c, other *paxos.Configuration) {
	for _, a := range c.Acceptors {
		if !other.Has(a.ID, a.Disk) {
			say(w, "%s %s, disk %s\n", mark, a.ID, a.Disk)
		}
	}
}

type memberAdd struct {
	ID     string `arg:"" help:"The acceptor. It must run, with an empty data directory."`
	Change change `embed:""`
}

// Check reports everything that is wrong with the flags.
func (c *memberAdd) Check() []error { return c.Change.check(c.ID) }

// Run takes the acceptor in.
func (c *memberAdd) Run(ctx context.Context, s cli.Streams) error {
	return c.Change.run(ctx, s, node.Change{Add: paxos.NodeID(c.ID)})
}

type memberRemove struct {
	ID     string `arg:"" help:"The acceptor. It may be dead; stop it once this command says so."`
	Change change `embed:""`
}

// Check reports everything that is wrong with the flags.
func (c *memberRemove) Check() []error { return c.Change.check(c.ID) }

// Run leaves the acceptor out.
func (c *memberRemove) Run(ctx context.Context, s cli.Streams) error {
	return c.Change.run(ctx, s, node.Change{Remove: paxos.NodeID(c.ID)})
}

type memberReplace struct {
	ID     string `arg:"" help:"The acceptor that goes. It may be dead."`
	With   string `env:"SYNOD_MEMBER_WITH" placeholder:"ID" help:"The acceptor that comes (default: the same id, with another disk). It must run, with an empty data directory."`
	Change change `embed:""`
}

// Check reports everything that is wrong with the flags.
func (c *memberReplace) Check() []error {
	if c.With == "" {
		return c.Change.check(c.ID)
	}
	return c.Change.check(c.ID, c.With)
}

// Run puts one acceptor in another's place.
func (c *memberReplace) Run(ctx context.Context, s cli.Streams) error {
	what := node.Change{Remove: paxos.NodeID(c.ID), Add: paxos.NodeID(c.ID)}
	if c.With != "" {
		what.Add = paxos.NodeID(c.With)
	}
	return c.Change.run(ctx, s, what)
}

type memberSet struct {
	Change change `embed:""`
}

// Check reports everything that is wrong with the flags.
func (c *memberSet) Check() []error {
	errs := c.Change.check()
	if c.Change.Quorums == "" && c.Change.Copies == 0 {
		errs = append(errs, errors.New("want --quorums, --copies or both"))
	}
	return errs
}

// Run changes how votes and copies are counted.
func (c *memberSet) Run(ctx context.Context, s cli.Streams) error {
	return c.Change.run(ctx, s, node.Change{})
}

type memberList struct {
	JSON bool `name:"json" env:"SYNOD_JSON" help:"As JSON: number, from, acceptors, quorums, copies, waits."`

	Connection node.Connection `embed:""`
}

// Run shows the newest configuration, as the leader knows it.
func (c *memberList) Run(ctx context.Context, s cli.Streams) error {
	m, done, err := members(ctx, &c.Connection, s)
	if err != nil {
		return err
	}
	defer done()
	r, err := m.Newest(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeMembers(s.Out, &r)
	}
	say(s.Out, "%s\n      governs from slot %d on; all slots below %d are chosen\n", describeConfiguration(&r.Newest), r.Newest.From, r.Chosen)
	for _, a := range r.Newest.Acceptors {
		say(s.Out, "      %-12s disk %s\n", a.ID, a.Disk)
	}
	if r.Waits != "" {
		say(s.Out, "The change is not finished: %s\n", r.Waits)
	}
	return nil
}

func writeMembers(w io.Writer, r *paxos.ChangeReport) error {
	type member struct {
		ID   paxos.NodeID `json:"id"`
		Disk string       `json:"disk"`
	}
	out := struct {
		Number    uint64       `json:"number"`
		From      paxos.Slot   `json:"from"`
		Acceptors []member     `json:"acceptors"`
		Quorums   node.Quorums `json:"quorums"`
		Copies    int          `json:"copies"`
		Waits     string       `json:"waits"` // empty: the last change is finished
	}{r.Newest.Number, r.Newest.From, []member{}, node.Quorums{QuorumSystem: r.Newest.Quorums}, r.Newest.Copies, r.Waits}
	for _, a := range r.Newest.Acceptors {
		out.Acceptors = append(out.Acceptors, member{a.ID, a.Disk.String()})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// leaderCommand moves leadership.
type leaderCommand struct {
	Transfer leaderTransfer `cmd:"" help:"Have the leader hand over to another proposer."`
}

type leaderTransfer struct {
	To string `env:"SYNOD_LEADER_TO" placeholder:"ID" help:"The proposer that shall lead (default: any other)."`

	Connection node.Connection `embed:""`
}

// Check reports everything that is wrong with the flags.
func (c *leaderTransfer) Check() []error {
	if c.To != "" && !paxos.NodeID(c.To).Valid() {
		return []error{fmt.Errorf("--to %q: want 1 to %d of a-z, 0-9 and -", c.To, paxos.MaxNodeID)}
	}
	return nil
}

// Run asks the leader to hand over. What it has taken is decided first.
func (c *leaderTransfer) Run(ctx context.Context, s cli.Streams) error {
	m, done, err := members(ctx, &c.Connection, s)
	if err != nil {
		return err
	}
	defer done()
	if err := m.Transfer(ctx, paxos.NodeID(c.To)); err != nil {
		return err
	}
	say(s.Out, "The leader hands over. `synod status` shows who leads.\n")
	return nil
}

// Help shows what to do with it.
func (c *memberAdd) Help() string {
	return `Examples:
  synod member add a4 --plan
  synod member add a4`
}

// Help shows what to do with it.
func (c *memberRemove) Help() string {
	return `Examples:
  synod member remove a5`
}

// Help shows what to do with it.
func (c *memberReplace) Help() string {
	return `Examples:
  synod member replace a1
  synod member replace a1 --with b1`
}

// Help shows what to do with it.
func (c *memberSet) Help() string {
	return `Examples:
  synod member set --quorums sizes:4,2
  synod member set --copies 1`
}

// Help shows what to do with it.
func (c *memberList) Help() string {
	return `Examples:
  synod member list
  synod member list --json`
}

// Help shows what to do with it.
func (c *leaderTransfer) Help() string {
	return `Examples:
  synod leader transfer --to p2`
}
