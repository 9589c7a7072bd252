package sim

import (
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// rivalry lets a learner of another cluster of the same name and generation be heard
// by everybody. While it is, nobody may vote, lead clients on, or answer them; when it
// falls silent, the cluster goes on.
func (w *World) rivalry() (undo func()) {
	last := w.plan.Quiet - 2*time.Second // the cluster stands still for longer than it is heard
	if w.oracle.known == nil || w.now > last {
		return nil
	}
	over := false
	var speak func()
	speak = func() {
		if over || w.now > last {
			return
		}
		for _, p := range w.processes() {
			if p.up && p.role != paxos.OperatorRole {
				e := &paxos.Envelope{Cluster: w.rival(), Config: 1, From: paxos.Sender{Role: paxos.LearnerRole, ID: "r1", Boot: 1, Process: 1}, Msg: paxos.Hello{}}
				w.push(event{at: w.now + w.draw(time.Millisecond), p: p, env: e})
			}
		}
		w.after(nil, time.Duration(roles.AcceptorHello), speak)
	}
	speak()
	return func() { over = true }
}

func (w *World) rival() paxos.ClusterID {
	c := w.oracle.cluster
	c.UUID[0] ^= 0x80
	return c
}

// hearsRival notes when a process that knows its cluster heard the other one.
func (p *process) hearsRival(now paxos.Now, e *paxos.Envelope) {
	if p.host.founded() && e.From.Role == paxos.LearnerRole && e.Cluster == p.w.rival() {
		p.rivalAt = now.Mono
	}
}

// besideRival fails the run when p does what it must not beside another cluster of
// its name and generation that it heard lately. What its role asked for just before may
// leave in the moment in which it hears.
func (p *process) besideRival(now paxos.Now, does string) {
	if p.rivalAt != 0 && now.Mono > p.rivalAt && now.Mono-p.rivalAt < paxos.Instant(2*roles.AcceptorHello) {
		p.w.fail("one cluster to a name", "%s %s, and has heard another cluster of its name and generation", p.id, does)
	}
}
