package sim

import (
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// founder is an operator's `synod init`. It may be stopped after any message and
// started again, with another plan in hand.
type founder struct {
	process
	role *roles.Founder
	out  paxos.Effects
	done *paxos.Genesis
}

func newFounder(w *World) *founder {
	f := &founder{}
	f.process = w.adopt("o1", paxos.OperatorRole, f)
	return f
}

func (f *founder) boot(paxos.Now) {
	var members []paxos.NodeID
	for _, a := range f.w.acceptors[:f.w.plan.Acceptors] {
		members = append(members, a.id)
	}
	f.role = roles.NewFounder(paxos.Sender{Role: paxos.OperatorRole, ID: f.id, Process: f.incarnation}, members, paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: f.w.uuid(), Generation: 1},
		Window:  f.w.plan.Window,
		First:   paxos.Configuration{Number: 1, From: 1, Quorums: f.w.plan.Quorums, Copies: f.w.plan.Copies},
	})
}

func (f *founder) founded() bool { return false }

func (f *founder) step(now paxos.Now, e *paxos.Envelope) { f.role.Step(now, *e, &f.out) }

func (f *founder) settle(now paxos.Now) {
	if f.done != nil {
		return
	}
	f.role.Tick(now, &f.out)
	sends := f.out.Send
	f.out = paxos.Effects{}
	for i := range sends {
		f.w.countSend(&sends[i])
		f.w.publish(&sends[i])
	}
	genesis, err := f.role.Done()
	switch {
	case err != nil:
		f.w.fail("founding", "init ends in an error with nobody else at work: %v", err)
	case genesis != nil && f.done == nil:
		f.done = genesis
		f.w.note(f.id, "has founded ", genesis.Cluster)
		f.w.oracle.founded(genesis)
	}
}

// wake is never once there is nothing left to do.
func (f *founder) wake() paxos.Instant {
	if f.done != nil {
		return 1 << 62
	}
	return f.role.Wake()
}

func (f *founder) lose() { f.role, f.out = nil, paxos.Effects{} }
