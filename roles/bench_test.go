package roles

import (
	"fmt"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// assembly is a whole cluster of roles without disks or a network: what is recorded
// is forgotten, and what is sent is heard by all at once, in order.
type assembly struct {
	acceptors [3]*Acceptor
	proposer  *Proposer
	learner   *Learner
	now       paxos.Now
	out       paxos.Effects
	queue     []paxos.Envelope
	learned   int
}

func newAssembly(b *testing.B) *assembly {
	a := &assembly{now: paxos.Now{Mono: start0, Wall: wall0}}
	for i := range a.acceptors {
		var disk paxos.Ledger
		disk.Append(paxos.Founded{Genesis: testGenesis(3), Sealed: true})
		a.acceptors[i] = RestoreAcceptor(testSender(paxos.NodeID(fmt.Sprintf("a%d", i+1))), disk.State, a.now)
	}
	a.proposer = NewProposer(testSender("p1"), DefaultProposerOptions(), a.now)
	a.learner = NewLearner(testSender("l1"), DefaultLearnerOptions(), paxos.Position{}, a.now)
	for range 10_000 {
		a.pass(1e6)
		if !a.proposer.Leading().IsZero() && a.learner.genesis != nil {
			return a
		}
	}
	b.Fatal("nobody leads")
	return nil
}

// pass lets time go by, and all be heard that is said.
func (a *assembly) pass(d paxos.Instant) {
	a.now.Mono += d
	a.now.Wall += paxos.LogTime(d)
	for _, r := range a.acceptors {
		r.Tick(a.now, &a.out)
	}
	a.proposer.Tick(a.now, &a.out)
	a.learner.Tick(a.now, &a.out)
	a.talk()
}

// talk delivers until all are silent.
func (a *assembly) talk() {
	for {
		a.queue = append(a.queue[:0], a.out.Send...)
		if n := len(a.out.Learn); n > 0 {
			a.learned += n
			at := paxos.Position{Applied: a.out.Learn[n-1].Slot, Durable: a.out.Learn[n-1].Slot}
			a.out.Reset()
			a.learner.Applied(a.now, at, &a.out)
		} else {
			a.out.Reset()
		}
		if len(a.queue) == 0 && len(a.out.Send) == 0 {
			return
		}
		for _, e := range a.queue {
			for _, r := range a.acceptors {
				r.Step(a.now, e, &a.out)
			}
			a.proposer.Step(a.now, e, &a.out)
			a.learner.Step(a.now, e, &a.out)
		}
	}
}

// BenchmarkDecide is one batch through all roles: what the protocol itself costs,
// for a leader, three acceptors and a learner together. B/op of larger batches are
// mostly their one copy into the value.
func BenchmarkDecide(b *testing.B) {
	for _, commands := range []int{1, 100} {
		b.Run(fmt.Sprintf("commands=%d", commands), func(b *testing.B) {
			a := newAssembly(b)
			c := paxos.Command{Subject: "propose", Reply: "_INBOX.x", Data: make([]byte, 128)}
			before := a.learned
			b.ReportAllocs()
			for b.Loop() {
				for range commands {
					a.proposer.Propose(a.now, c, &a.out)
				}
				a.proposer.Flush(a.now, &a.out)
				a.talk()
				a.pass(1e5)
			}
			if a.learned-before < b.N {
				b.Fatalf("%d slots learned of %d", a.learned-before, b.N)
			}
		})
	}
}
