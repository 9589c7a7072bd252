package actors

import (
	"log/slog"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// Result is what the state machine says to one command.
type Result struct {
	Header []byte // NATS wire form; nil for none
	Data   []byte
}

// Machine is a learner's state machine. Apply belongs to one goroutine; the other
// methods may be called while it runs.
type Machine interface {
	// Apply applies the commands of a slot, in order, and returns a result for each.
	// Slots come without a gap. It need not be durable when Apply returns.
	Apply(slot paxos.Slot, stamp paxos.LogTime, commands []paxos.Command) ([]Result, error)
	// Position is how far the machine is.
	Position() paxos.Position
	// Sync makes durable what was applied before it was called.
	Sync() error
}

// Answerer sends replies to clients.
type Answerer interface {
	// Answer replies to the inbox of a command that was applied in a slot, which the
	// learner learned in a ballot. An answer may be lost.
	Answer(inbox string, r Result, slot paxos.Slot, ballot paxos.Ballot)
}

// LearnerConfig is what a learner actor needs.
type LearnerConfig struct {
	Self    paxos.Sender
	Options roles.LearnerOptions
	Machine Machine
	Send    Sender
	Answer  Answerer
	// Joined is called once, when the learner knows its cluster, before it applies
	// anything. An error stops the learner.
	Joined func(*paxos.Genesis) error
	Clock  *Clock
	Log    *slog.Logger
}

// Learner is a running learner.
type Learner struct {
	Handle
	actor *learner
}

// LearnerStatus is the state of a running learner.
type LearnerStatus struct {
	roles.LearnerStatus
	Genesis  *paxos.Genesis
	Commands uint64 // applied since the start
	Batches  uint64 // applied since the start
	Answered uint64 // commands replied to since the start
	Inbox    int
}

// SpawnLearner starts a learner from what its state machine holds.
func SpawnLearner(sys *System, c LearnerConfig) (*Learner, error) {
	l := &Learner{}
	l.actor = &learner{config: c, handle: &l.Handle}
	l.actor.applier = newApplier(c.Machine, c.Log, l.wake, l.fail)
	if err := spawn(sys, c.Self.ID, "learner-"+string(c.Self.ID), c.Clock, &l.Handle, l.actor); err != nil {
		return nil, err
	}
	l.actor.applier.start()
	return l, nil
}

// Status asks the learner for its state; zero when it no longer answers.
func (l *Learner) Status() (s LearnerStatus) {
	l.ask(func() {
		s.LearnerStatus, s.Genesis, s.Answered = l.actor.role.Status(), l.actor.role.Genesis(), l.actor.answered
	})
	s.Commands, s.Batches = l.actor.applier.counts()
	s.Inbox = l.inbox.len()
	return s
}

// Stop ends the learner once its state machine has applied what was learned. The
// machine may be closed afterwards.
func (l *Learner) Stop() error {
	err := l.stop()
	l.actor.applier.close()
	return err
}

// learner is the actor.
type learner struct {
	config   LearnerConfig
	handle   *Handle
	applier  *applier
	role     *roles.Learner
	position paxos.Position // that the role knows
	out      paxos.Effects
	joined   bool
	answered uint64
}

func (l *learner) begin() {
	l.position = l.config.Machine.Position()
	l.role = roles.NewLearner(l.config.Self, l.config.Options, l.position, l.config.Clock.Now())
}

func (l *learner) step(now paxos.Now, e paxos.Envelope) { l.role.Step(now, e, &l.out) }

func (l *learner) settle(now paxos.Now) {
	if p := l.applier.position(); p != l.position {
		l.position = p
		l.role.Applied(now, p, &l.out)
	}
	l.role.Tick(now, &l.out)
	if !l.joined && l.role.Genesis() != nil {
		if err := l.config.Joined(l.role.Genesis()); err != nil {
			panic(err)
		}
		l.joined = true
	}
	l.flush()
}

// flush carries out the effects. Answers go before the Position that tells the
// others that they went.
func (l *learner) flush() {
	if l.out.Stop != "" {
		panic(l.out.Stop)
	}
	l.handle.drops.note(l.out.Drop)
	l.applier.put(l.out.Learn)
	for _, slot := range l.out.Answer {
		l.answer(slot)
	}
	for _, slot := range l.out.Forget {
		l.applier.results(slot)
	}
	for _, e := range l.out.Send {
		_ = l.config.Send.Publish(e) // lost messages are normal; the bus counts them
	}
	l.out.Reset()
}

func (l *learner) answer(slot paxos.Slot) {
	outcome := l.applier.results(slot)
	for i, inbox := range outcome.inboxes {
		if inbox != "" {
			l.config.Answer.Answer(inbox, outcome.results[i], slot, outcome.ballot)
			l.answered++
		}
	}
}

func (l *learner) wakeAt() paxos.Instant { return l.role.Wake() }

func (l *learner) end() {}
