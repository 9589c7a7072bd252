package roles

import "github.com/synod-paxos/synod/paxos"

// ProposerStatus is what a person or a metric wants to know of a proposer.
type ProposerStatus struct {
	Stage        string
	Ballot       paxos.Ballot // its own; zero before it ever prepared
	Leader       paxos.Ballot // of the leader that it follows, itself included
	ChosenBelow  paxos.Slot
	Next         paxos.Slot // first slot that it has not used, while leading
	InFlight     int        // slots proposed and not known to be chosen
	Queued       int        // commands that wait for a slot
	QueuedBytes  int
	Silent       []paxos.NodeID // acceptors not heard for an election timeout, while leading
	Open         []OpenSlot     // the first slots in flight, while leading
	LiveLearners []paxos.NodeID
	Waits        string // what the newest change waits for, while leading
	Times        ProposerTimes
}

// ProposerTimes is how long the parts of a proposer's work took since it started.
type ProposerTimes struct {
	Queue  paxos.Durations // commands: until they were proposed
	Phase1 paxos.Durations // elections won: from the first Prepare of the ballot on
	Phase2 paxos.Durations // slots: from the first Accept of this leader until it knew that its value was chosen
}

// OpenSlot is a slot that a leader proposed in and does not know to be chosen.
type OpenSlot struct {
	Slot    paxos.Slot
	Age     paxos.Duration // since it was proposed in this ballot
	Missing []paxos.NodeID // acceptors that have yet to vote, as far as the leader heard
}

// maxOpen is how many open slots a status names.
const maxOpen = 8

// Status is the proposer's state at now.
func (p *Proposer) Status(now paxos.Now) ProposerStatus {
	s := ProposerStatus{
		Stage: p.stage.String(), Ballot: p.ballot, Leader: p.leader, ChosenBelow: p.chosen.Below,
		Queued: len(p.queue.commands), QueuedBytes: p.queue.bytes, LiveLearners: p.learners.live(now), Times: p.times,
	}
	if p.stage == leading {
		s.Leader, s.Next, s.InFlight, s.Open = p.ballot, p.lead.next, len(p.lead.rounds), p.open(now)
		s.Waits = p.unfinished()
		c := p.deciding()
		for i, m := range c.Acceptors {
			if !p.heardLately(now, c).Has(i) {
				s.Silent = append(s.Silent, m.ID)
			}
		}
	}
	return s
}

// open is the first slots in flight.
func (p *Proposer) open(now paxos.Now) (open []OpenSlot) {
	slots := p.openSlots()
	for _, slot := range slots[:min(len(slots), maxOpen)] {
		r := p.lead.rounds[slot]
		o := OpenSlot{Slot: slot, Age: paxos.Duration(now.Mono - r.began)}
		for i, m := range p.known.For(slot).Acceptors {
			if !r.voters.Has(i) {
				o.Missing = append(o.Missing, m.ID)
			}
		}
		open = append(open, o)
	}
	return open
}
