package sim

import "github.com/synod-paxos/synod/paxos"

// asked notes a command that a client wants done.
func (o *oracle) asked(id string) {
	o.w.count("commands asked for", 1)
	o.commands[id] = true
}

// attempted notes that a command leaves its client.
func (o *oracle) attempted(inbox string) { o.attempts[inbox] = &attempt{} }

// refused checks that "not done" is true: no Accept ever carried this attempt.
func (o *oracle) refused(p *proposer, r paxos.Refusal) {
	a := o.attempts[r.Command.Reply]
	if a == nil {
		o.w.fail("validity", "proposer %s refuses %q, which no client sent", p.id, r.Command.Reply)
		return
	}
	a.refused = true
	if a.accepted {
		o.w.fail("not done", "proposer %s refuses %s (%s), which it sent in an Accept", p.id, r.Command.Reply, r.Reason)
	}
}

// accepted notes the attempts that an Accept carries.
func (o *oracle) accepted(p *proposer, v paxos.Value) {
	for _, c := range commandsOf(v) {
		a := o.attempts[c.Reply]
		if a == nil {
			o.w.fail("validity", "proposer %s proposes %q, which no client sent", p.id, c.Reply)
			return
		}
		a.accepted = true
		if a.refused {
			o.w.fail("not done", "proposer %s proposes %s, which was refused as not done", p.id, c.Reply)
		}
	}
}

// answers checks an answer as it leaves a learner: the command is in the log, and
// counted once, where the answer says.
func (o *oracle) answers(l *learner, slot paxos.Slot, r outcome) {
	at, ok := o.log.byID[r.id]
	o.slot(slot).answered = true
	switch {
	case slot >= o.below || !ok:
		o.w.fail("durability", "learner %s answers %s of slot %d, which is not in the chosen log", l.id, r.id, slot)
	case at+1 != r.seq:
		o.w.fail("exactly once", "learner %s answers %s with number %d, the log has it as number %d", l.id, r.id, r.seq, at+1)
	}
}

// expectAnswer fails the run when a chosen slot's commands are not answered in the
// time that the plan allows.
func (o *oracle) expectAnswer(slot paxos.Slot, s *slotView) {
	if o.w.plan.AnswerWithin == 0 || len(commandsOf(s.chosen.value)) == 0 {
		return
	}
	o.w.after(nil, o.w.plan.AnswerWithin, func() {
		if !o.slots[slot].answered {
			o.w.fail("answers", "nobody has answered the commands of slot %d, chosen %v ago and named for %s",
				slot, o.w.plan.AnswerWithin, o.slots[slot].chosen.value.Answerer)
		}
	})
}

// acknowledged notes that a client knows its command to be done.
func (o *oracle) acknowledged(r outcome) {
	if seq, ok := o.acked[r.id]; ok && seq != r.seq {
		o.w.fail("exactly once", "%s was answered with number %d, and now with %d", r.id, seq, r.seq)
	}
	o.acked[r.id] = r.seq
	o.visible = max(o.visible, o.log.entries[r.seq-1].slot)
}

// finalChecks is what must hold when everything is over.
func (o *oracle) finalChecks() {
	if o.w.sessions != nil {
		o.w.sessions.finalChecks()
	}
	for _, l := range o.w.learners {
		o.checkLog(l)
		if l.machine.applied != o.below-1 {
			o.w.fail("liveness", "learner %s has applied slot %d of %d", l.id, l.machine.applied, o.below-1)
		}
		for id, seq := range o.acked {
			if at, ok := l.machine.byID[id]; !ok || at+1 != seq {
				o.w.fail("durability", "%s was answered with number %d, and learner %s does not have it there", id, seq, l.id)
				return
			}
		}
	}
}
