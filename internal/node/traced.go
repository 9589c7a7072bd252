package node

import (
	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/internal/tracing"
	"github.com/synod-paxos/synod/paxos"
)

// tracedMachine is a learner's state machine that records how long it takes.
type tracedMachine struct {
	actors.Machine
	trace *tracing.Learner
}

// Apply applies the commands of a slot.
func (m tracedMachine) Apply(slot paxos.Slot, stamp paxos.LogTime, commands []paxos.Command) (results []actors.Result, err error) {
	err = m.trace.Apply(slot, commands, func() error {
		results, err = m.Machine.Apply(slot, stamp, commands)
		return err
	})
	return results, err
}

// tracedAnswers are a learner's answers, some of which end a trace.
type tracedAnswers struct {
	actors.Answerer
	trace *tracing.Learner
}

// Answer replies to a client.
func (a tracedAnswers) Answer(inbox string, r actors.Result, slot paxos.Slot, ballot paxos.Ballot) {
	a.Answerer.Answer(inbox, r, slot, ballot)
	a.trace.Answered(inbox, slot)
}

// tracing makes c a configuration that traces.
func (l *Learner) tracing(tracers trace.TracerProvider, c *actors.LearnerConfig) {
	t := tracing.NewLearner(tracers, l.cluster, l.self.ID)
	c.Machine, c.Answer, l.heard = tracedMachine{c.Machine, t}, tracedAnswers{c.Answer, t}, t.Heard
}
