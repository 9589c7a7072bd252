package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/tracing"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// Proposer is a running proposer with its connection.
type Proposer struct {
	common
	front *front
	actor *actors.Proposer
}

// StartProposer starts a proposer. ctx bounds the wait for a NATS server.
func StartProposer(ctx context.Context, c Config) (*Proposer, error) {
	p := &Proposer{common: newCommon(paxos.ProposerRole, &c)}
	if err := p.start(ctx, c); err != nil {
		return nil, p.abandon(err)
	}
	p.log.Info("proposer runs", "process", fmt.Sprintf("%x", p.self.Process))
	return p, nil
}

func (p *Proposer) start(ctx context.Context, c Config) error {
	if err := p.connect(ctx, c.Bus); err != nil {
		return err
	}
	if err := p.introduce(); err != nil {
		return err
	}
	if err := p.spawn(c); err != nil {
		return err
	}
	if err := p.listen(p.actor, p.Report); err != nil {
		return err
	}
	unheard := p.leaderUnheard()
	p.wander(func() bool {
		s := p.actor.Status()
		return unheard() || s.Stage == "leading" && len(s.LiveLearners) == 0
	})
	return nil
}

func (p *Proposer) spawn(c Config) (err error) {
	p.front = newFront(p.bus, p.log)
	p.front.withBare = c.BareSubjects
	a := actors.ProposerConfig{
		Self: p.self, Options: proposerOptions(p.bus.MaxPayload(), c.Priority), Send: p.bus, Front: p.front,
		Clock: actors.NewClock(), Log: p.log,
	}
	if c.Tracers != nil {
		t := tracing.NewProposer(c.Tracers, p.cluster, p.self.ID, p.bus)
		a.Send, a.Progress, p.front.trace = t, t.Progress, t
	}
	// The front is opened by messages that arrive later, so it always finds propose.
	p.front.propose = func(c paxos.Command) { p.actor.CollectCommand(c) }
	p.front.rest = func() { p.actor.RestCommands() }
	p.actor, err = actors.SpawnProposer(actors.NewSystem(p.log), a)
	if err == nil {
		p.stack.push("actor", p.actor.Stop)
	}
	return err
}

// proposerOptions suit a NATS server of this max_payload: whatever fits one of its
// messages with all overhead is a batch that every role can pass on.
func proposerOptions(maxPayload, priority int) roles.ProposerOptions {
	o := roles.DefaultProposerOptions()
	o.Priority = priority
	o.BatchBytes = bus.MaxCommandBytes(maxPayload)
	o.QueueBytes = max(o.QueueBytes, 8*o.BatchBytes)
	o.Seed = newProcess()
	return o
}

// Failed yields why the proposer stopped by itself.
func (p *Proposer) Failed() <-chan error { return p.actor.Failed() }

// Stop hands leadership over, as long as ctx lets it, and ends the proposer. Every
// request that it took is proposed or refused before that; what was proposed and is
// not decided by then is decided by the next leader.
func (p *Proposer) Stop(ctx context.Context) error {
	if err := p.actor.Drain(ctx); err != nil {
		p.log.Warn("leadership is not handed over: the others notice by themselves", "err", err)
	}
	// A proposer that no longer leads refuses what still comes; one that has stopped
	// would leave it without an answer.
	return errors.Join(p.front.Close(), p.stack.stop())
}

// Report is the proposer's present state.
func (p *Proposer) Report() Report {
	r := p.report(p.actor)
	s := p.actor.Status()
	r.Inbox = s.Inbox
	r.setGenesis(s.Genesis, s.Known)
	if n := len(s.Known); s.Waits != "" && n > 1 {
		r.Previous = describe(s.Genesis, s.Known[n-2])
	}
	r.Proposer = &ProposerReport{
		Stage: s.Stage, Serving: p.front.open.Load(), Ballot: ballotText(s.Ballot), Leader: ballotText(s.Leader),
		ChosenBelow: s.ChosenBelow, Next: s.Next, InFlight: s.InFlight, Queued: s.Queued, QueuedBytes: s.QueuedBytes,
		Silent: s.Silent, LiveLearners: s.LiveLearners, Waits: s.Waits, OpenSlots: openSlots(s.Open),
		Queue: newDurations(s.Times.Queue), Phase1: newDurations(s.Times.Phase1), Phase2: newDurations(s.Times.Phase2),
		Requests: p.front.requests.Load(), Malformed: p.front.malformed.Load(),
		Commands: s.Proposed.Commands, Batches: s.Proposed.Batches, Refused: s.Proposed.Refused, Elected: s.Proposed.Elected,
	}
	if s.Genesis != nil {
		r.setRival(s.Rival)
	}
	r.setReady(p.notReady(s))
	return r
}

func openSlots(open []roles.OpenSlot) []OpenSlot {
	var out []OpenSlot
	for _, o := range open {
		out = append(out, OpenSlot{Slot: o.Slot, Age: milliseconds(time.Duration(o.Age)), Missing: o.Missing})
	}
	return out
}

// notReady is why the proposer neither leads nor follows; nil when it does.
func (p *Proposer) notReady(s actors.ProposerStatus) error {
	switch {
	case !p.bus.Connected():
		return errNotConnected
	case s.Genesis != nil && s.Rival != (paxos.ClusterID{}):
		return notAlone(s.Genesis, s.Rival)
	case s.Genesis == nil:
		return errNoCluster
	case s.Stage == "leading" && !p.front.open.Load():
		return errors.New("it leads, and does not reach its clients yet")
	case s.Stage == "leading" && len(s.LiveLearners) == 0:
		return errors.New("it leads, and hears no learner that would answer")
	case s.Stage == "leading", s.Stage == "standby" && !s.Leader.IsZero():
		return nil
	default:
		return fmt.Errorf("it is %s, and hears no leader", s.Stage)
	}
}
