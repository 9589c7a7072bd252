package actors

import (
	"context"
	"errors"
	"log/slog"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// Front is where clients reach the leader: it is open while the proposer leads.
type Front interface {
	Door
	// Refuse tells a client that its command was certainly not done.
	Refuse(r paxos.Refusal)
}

// ProposerConfig is what a proposer actor needs.
type ProposerConfig struct {
	Self    paxos.Sender
	Options roles.ProposerOptions
	Send    Sender
	Front   Front
	Clock   *Clock
	Log     *slog.Logger
	// Progress, if not nil, is told the ballot in which the proposer leads, zero when it
	// does not, and the watermark below which it knows all slots to be chosen.
	Progress func(leading paxos.Ballot, chosenBelow paxos.Slot)
}

// Proposer is a running proposer.
type Proposer struct {
	Handle
	actor    *proposer
	commands inbox[paxos.Command]
}

// ProposerStatus is the state of a running proposer.
type ProposerStatus struct {
	roles.ProposerStatus
	Genesis  *paxos.Genesis
	Known    paxos.Configurations // that it knows, the newest last
	Proposed ProposerStats
	Inbox    int
	Rival    paxos.ClusterID // keeps it from leading; zero for none
}

// ProposerStats count what a proposer did since it started. None ever falls.
type ProposerStats struct {
	Commands uint64            // taken from clients
	Batches  uint64            // Accepts sent, repeats included
	Refused  map[string]uint64 // commands refused, by reason
	Elected  uint64            // times that it became the leader
}

// SpawnProposer starts a proposer that knows nothing yet.
func SpawnProposer(sys *System, c ProposerConfig) (*Proposer, error) {
	p := &Proposer{}
	p.actor = &proposer{config: c, handle: p, gate: newGate(c.Front, c.Log), retired: make(chan struct{})}
	p.actor.stats.Refused = map[string]uint64{}
	p.commands = inbox[paxos.Command]{maxItems: c.Options.QueueCommands, maxBytes: c.Options.QueueBytes, wake: p.wake, clock: c.Clock}
	if err := spawn(sys, c.Self.ID, "proposer-"+string(c.Self.ID), c.Clock, &p.Handle, p.actor); err != nil {
		return nil, err
	}
	go p.actor.gate.run()
	return p, nil
}

// Propose takes a client's command off the bus. A command that finds the queue full
// is refused at once.
func (p *Proposer) Propose(c paxos.Command) {
	p.CollectCommand(c)
	p.commands.rest()
}

// CollectCommand is Propose for one of several commands that may go into one
// batch. RestCommands must follow.
func (p *Proposer) CollectCommand(c paxos.Command) {
	if !p.commands.collect(c, c.Size()) {
		p.actor.config.Front.Refuse(paxos.Refusal{Command: c, Reason: paxos.Overloaded})
	}
}

// RestCommands lets the proposer go to work on the commands that were collected.
func (p *Proposer) RestCommands() { p.commands.rest() }

// Status asks the proposer for its state; zero when it no longer answers.
func (p *Proposer) Status() (s ProposerStatus) {
	p.ask(func() { s = p.actor.status() })
	s.Inbox = p.inbox.len()
	return s
}

// Drain hands leadership over: it returns nil once every command that was taken
// is decided and another proposer was asked to lead, ctx's error when that takes
// too long.
func (p *Proposer) Drain(ctx context.Context) error {
	p.call(func() { p.actor.drain() })
	select {
	case <-p.actor.retired:
		return nil
	case <-p.gone:
		return errors.New("actors: the proposer has failed")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop ends the proposer. What it took and did not decide has an unknown outcome;
// see Drain.
func (p *Proposer) Stop() error {
	err := p.stop()
	p.actor.gate.close()
	return err
}

// proposer is the actor.
type proposer struct {
	config  ProposerConfig
	handle  *Proposer
	gate    *gate
	role    *roles.Proposer
	out     paxos.Effects
	taken   []sized[paxos.Command]
	stats   ProposerStats
	led     paxos.Ballot
	retired chan struct{} // closed once the role has drained
	closed  bool
	rivals  rivalry
}

func (p *proposer) begin() {
	p.role = roles.NewProposer(p.config.Self, p.config.Options, p.config.Clock.Now())
	p.rivals.log = p.config.Log
}

func (p *proposer) step(now paxos.Now, e paxos.Envelope) { p.role.Step(now, e, &p.out) }

// settle proposes what came from clients meanwhile: the batch forms here. All of it counts
// as having waited as long as the first, which saves a look at the clock for each command.
func (p *proposer) settle(now paxos.Now) {
	var since paxos.Now
	p.taken, since = p.handle.commands.take(p.taken)
	for _, c := range p.taken {
		p.role.Propose(since, c.item, &p.out)
	}
	p.stats.Commands += uint64(len(p.taken))
	p.role.Flush(now, &p.out)
	p.role.Tick(now, &p.out)
	p.flush()
}

func (p *proposer) flush() {
	p.gate.set(p.role.Serving()) // first of all; what still comes is refused as not done
	p.rivals.see(p.role, p.role.Superseded())
	if ballot := p.role.Leading(); ballot != p.led {
		p.led = ballot
		if !ballot.IsZero() {
			p.stats.Elected++
			p.config.Log.Info("leading", "ballot", ballot.String())
		} else {
			p.config.Log.Info("no longer leading")
		}
	}
	for _, e := range p.out.Send {
		if _, ok := e.Msg.(paxos.Accept); ok {
			p.stats.Batches++
		}
		_ = p.config.Send.Publish(e) // lost messages are normal; the bus counts them
	}
	if p.config.Progress != nil {
		p.config.Progress(p.role.Leading(), p.role.ChosenBelow())
	}
	for _, r := range p.out.Refuse {
		p.stats.Refused[r.Reason.String()]++
		p.config.Front.Refuse(r)
	}
	p.handle.drops.note(p.out.Drop)
	p.out.Reset()
	if p.role.Retired() && !p.closed {
		p.closed = true
		close(p.retired)
	}
}

func (p *proposer) drain() {
	p.role.Drain(p.config.Clock.Now(), &p.out)
	p.flush()
}

func (p *proposer) status() ProposerStatus {
	s := ProposerStatus{ProposerStatus: p.role.Status(p.config.Clock.Now()), Genesis: p.role.Genesis(), Known: p.role.Known(), Proposed: p.stats, Rival: p.role.Rival()}
	s.Proposed.Refused = make(map[string]uint64, len(p.stats.Refused))
	for reason, n := range p.stats.Refused {
		s.Proposed.Refused[reason] = n
	}
	return s
}

func (p *proposer) wakeAt() paxos.Instant { return p.role.Wake() }

func (p *proposer) end() { p.gate.set(false) }
