package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// A Change is a change of configuration as an operator asks for it.
type Change struct {
	Add, Remove paxos.NodeID        // empty: nobody; equal: the acceptor comes back with another disk
	Quorums     *paxos.QuorumSystem // nil: as they are
	Copies      int                 // 0: as they are
}

// Members is one conversation of an operator with the leader about configurations.
type Members struct {
	operator *operator
	cluster  paxos.ClusterID
	wait     time.Duration
}

// leaderWait is how long the leader may be silent before an operator is told so.
const leaderWait = 3 * time.Second

// ErrNoLeader says that nobody led who could have answered an operator.
var ErrNoLeader = errors.New("no leader answers: nobody leads, or no quorum of acceptors answers it (see `synod status`)")

// OpenMembers finds the cluster on b. Close ends the conversation.
func OpenMembers(ctx context.Context, b *bus.Bus) (*Members, error) {
	reports, err := Ask(ctx, b, 2*time.Second)
	if err != nil {
		return nil, err
	}
	c := Overview(b.Subjects().Cluster, reports)
	id, err := uuid.Parse(c.UUID)
	if err != nil {
		return nil, errors.New("no founded cluster answers: see `synod status`")
	}
	o, err := startOperator(b)
	if err != nil {
		return nil, err
	}
	return &Members{operator: o, cluster: paxos.ClusterID{UUID: paxos.UUID(id), Generation: c.Generation}, wait: leaderWait}, nil
}

// Close ends the conversation. What was asked for goes on.
func (m *Members) Close() { m.operator.stop() }

// ask sends a request until the leader answers it.
func (m *Members) ask(ctx context.Context, request paxos.Message) (paxos.ChangeReport, error) {
	limit := m.operator.clock.Now().Mono + paxos.Instant(m.wait)
	for m.operator.clock.Now().Mono < limit {
		m.operator.send([]paxos.Envelope{{Cluster: m.cluster, From: m.operator.self, Msg: request}})
		again := m.operator.clock.Now().Mono + paxos.Instant(askAgain)
		for {
			e, ok := m.operator.next(ctx, again)
			if ctx.Err() != nil {
				return paxos.ChangeReport{}, context.Cause(ctx)
			}
			if !ok {
				break
			}
			if r, report := e.Msg.(paxos.ChangeReport); report {
				return r, nil
			}
		}
	}
	return paxos.ChangeReport{}, ErrNoLeader
}

// Newest is the newest configuration and what its change waits for.
func (m *Members) Newest(ctx context.Context) (paxos.ChangeReport, error) {
	return m.ask(ctx, paxos.Change{})
}

// disk is the disk incarnation of an acceptor that is to come. It must run, and must
// not belong to another cluster.
func (m *Members) disk(ctx context.Context, id paxos.NodeID) (paxos.UUID, error) {
	limit := m.operator.clock.Now().Mono + paxos.Instant(m.wait)
	for m.operator.clock.Now().Mono < limit {
		m.operator.send([]paxos.Envelope{{From: m.operator.self, To: id, Msg: paxos.GenesisQuery{}}})
		again := m.operator.clock.Now().Mono + paxos.Instant(askAgain)
		for {
			e, ok := m.operator.next(ctx, again)
			if ctx.Err() != nil {
				return paxos.UUID{}, context.Cause(ctx)
			}
			if !ok {
				break
			}
			r, report := e.Msg.(paxos.GenesisReport)
			switch {
			case !report || e.From.ID != id:
			case r.Genesis != nil && r.Genesis.Cluster != m.cluster:
				return paxos.UUID{}, fmt.Errorf("acceptor %s belongs to cluster %s, not to %s: give it an empty data directory", id, r.Genesis.Cluster, m.cluster)
			default:
				return e.From.Disk, nil
			}
		}
	}
	return paxos.UUID{}, fmt.Errorf("acceptor %s does not answer: start it first, with an empty data directory", id)
}

// Plan is the configuration that follows newest by c.
func (m *Members) Plan(ctx context.Context, newest *paxos.Configuration, c Change) (paxos.Configuration, error) {
	next := paxos.Configuration{Number: newest.Number + 1, Quorums: newest.Quorums, Copies: newest.Copies}
	if c.Quorums != nil {
		next.Quorums = *c.Quorums
	}
	if c.Copies != 0 {
		next.Copies = c.Copies
	}
	if c.Remove != "" && newest.Index(c.Remove) < 0 {
		return next, fmt.Errorf("acceptor %s is not in configuration %d", c.Remove, newest.Number)
	}
	if c.Add != "" && c.Add != c.Remove && newest.Index(c.Add) >= 0 {
		return next, fmt.Errorf("acceptor %s is in configuration %d already; `synod member replace %s` takes it in with another disk", c.Add, newest.Number, c.Add)
	}
	var comes paxos.Member
	if c.Add != "" {
		disk, err := m.disk(ctx, c.Add)
		if err != nil {
			return next, err
		}
		if newest.Has(c.Add, disk) {
			return next, fmt.Errorf("acceptor %s runs with the disk that configuration %d names: there is nothing to replace", c.Add, newest.Number)
		}
		comes = paxos.Member{ID: c.Add, Disk: disk}
	}
	for _, a := range newest.Acceptors {
		switch {
		case a.ID != c.Remove:
			next.Acceptors = append(next.Acceptors, a)
		case c.Add != "": // the one that comes takes the place of the one that goes
			next.Acceptors = append(next.Acceptors, comes)
		}
	}
	if c.Add != "" && c.Remove == "" {
		next.Acceptors = append(next.Acceptors, comes)
	}
	if next.Same(newest) {
		return next, fmt.Errorf("that is configuration %d as it is", newest.Number)
	}
	return next, newest.CheckChange(next)
}

// Carry has the leader propose next, and returns once that has taken over for good:
// whoever left may be stopped. It goes on across leaders, until ctx ends. progress
// hears what it waits for, each time that this changes.
func (m *Members) Carry(ctx context.Context, next paxos.Configuration, progress func(string)) (paxos.ChangeReport, error) {
	last := ""
	tell := func(text string) {
		if text != last {
			last = text
			progress(text)
		}
	}
	for {
		r, err := m.ask(ctx, paxos.Change{Next: &next})
		switch {
		case errors.Is(err, ErrNoLeader):
			tell(err.Error())
			continue
		case err != nil:
			if last != "" {
				err = fmt.Errorf("%w; it waits: %s", err, last)
			}
			return r, err
		case r.Newest.Number == next.Number && !r.Newest.Same(&next), r.Newest.Number > next.Number:
			return r, fmt.Errorf("another change was faster: the newest configuration is number %d by now; look at it, and run the command again", r.Newest.Number)
		case r.Newest.Number == next.Number && r.Waits == "":
			return r, nil
		case r.Refused != "":
			return r, fmt.Errorf("the leader refuses: %s", r.Refused)
		}
		tell(r.Waits)
		if err := pause(ctx, askAgain); err != nil {
			return r, fmt.Errorf("%w; it waits: %s", err, last)
		}
	}
}

// pause waits, or returns why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Transfer has the leader hand over to the proposer to, or to any when that is empty.
func (m *Members) Transfer(ctx context.Context, to paxos.NodeID) error {
	r, err := m.ask(ctx, paxos.Transfer{To: to})
	if err == nil && r.Refused != "" {
		err = fmt.Errorf("the leader refuses: %s", r.Refused)
	}
	return err
}
