package roles

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// TestProposerAdoptsLikeADumbModel runs phase 1 against acceptors with random votes,
// over a network that loses, repeats and reorders, in small pages. Whatever quorum it
// ends with, in each slot it must propose the value of a vote that is not below any
// vote of that quorum there, and a no-op only where that quorum has none.
func TestProposerAdoptsLikeADumbModel(t *testing.T) {
	adopted := 0
	for seed := range uint64(400) {
		adopted += newElection(t, seed).run()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if adopted < 400 {
		t.Errorf("%d votes adopted in all: too few to test anything", adopted)
	}
}

// election is one proposer, the acceptors that it asks, and what is on its way.
type election struct {
	t         *testing.T
	rand      *rand.Rand
	genesis   paxos.Genesis
	acceptors []*acceptorActor
	proposer  *Proposer
	now       paxos.Now
	flying    []paxos.Envelope
}

var quorumSystems = []struct {
	acceptors int
	quorums   paxos.QuorumSystem
}{
	{3, paxos.QuorumSystem{}},
	{5, paxos.QuorumSystem{}},
	{5, paxos.QuorumSystem{Kind: paxos.Sizes, Size1: 2, Size2: 4}},
	{4, paxos.QuorumSystem{Kind: paxos.Grid, Rows: 2}},
}

func newElection(t *testing.T, seed uint64) *election {
	r := rand.New(rand.NewPCG(seed, 1))
	system := quorumSystems[r.IntN(len(quorumSystems))]
	e := &election{t: t, rand: r, genesis: testGenesis(system.acceptors), now: paxos.Now{Mono: start0}}
	e.genesis.First.Quorums, e.genesis.Window = system.quorums, 256
	below := paxos.Slot(1 + r.IntN(3))
	for _, m := range e.genesis.First.Acceptors {
		a := &acceptorActor{self: testSender(m.ID), pageBytes: 1 + r.IntN(900)}
		a.disk.Append(paxos.Founded{Genesis: e.genesis, Sealed: true})
		e.votes(a, below)
		a.Acceptor = RestoreAcceptor(a.self, a.disk.State, e.now)
		e.acceptors = append(e.acceptors, a)
	}
	o := DefaultProposerOptions()
	o.Seed = seed
	e.proposer = NewProposer(testSender("p9"), o, e.now)
	return e
}

// votes fills an acceptor's disk. A vote's value tells its slot and its ballot, and
// some acceptors were told that all slots below are chosen.
func (e *election) votes(a *acceptorActor, below paxos.Slot) {
	told := paxos.Slot(1)
	if e.rand.IntN(2) == 0 {
		told = below
	}
	for slot := paxos.Slot(1); slot <= 8; slot++ {
		if e.rand.IntN(3) == 0 {
			continue
		}
		b := paxos.Ballot{Round: uint64(1 + e.rand.IntN(3)), Proposer: []paxos.NodeID{"p1", "p2"}[e.rand.IntN(2)], Incarnation: 5}
		v := paxos.Vote{Slot: slot, Ballot: b, Value: testValue(fmt.Sprint(slot, " ", b))}
		a.disk.Append(paxos.Voted{Vote: v, ChosenBelow: min(told, slot)})
	}
}

// run returns how many votes the proposer adopted.
func (e *election) run() int {
	for _, a := range e.acceptors {
		e.deliver(paxos.Envelope{
			Cluster: e.genesis.Cluster, Config: 1, From: a.self, Msg: paxos.Hello{Genesis: &e.genesis, Marks: a.disk.State.Marks},
		})
	}
	for range 100000 {
		before := e.promisers()
		i, out := e.next()
		e.fly(out)
		if e.proposer.stage == leading {
			return e.judge(before.With(i), out)
		}
	}
	e.t.Error("nobody leads")
	return 0
}

// promisers is the acceptors whose promise is complete.
func (e *election) promisers() paxos.Set {
	return e.proposer.those(&e.genesis.First, e.proposer.phase1.complete)
}

// next lets something happen, and returns what the proposer asks for then. i is the
// acceptor whose message it got.
func (e *election) next() (i int, out *paxos.Effects) {
	out = &paxos.Effects{}
	if len(e.flying) == 0 || e.rand.IntN(20) == 0 {
		e.now.Mono += paxos.Instant(e.rand.IntN(100e6))
		e.proposer.Tick(e.now, out)
		return 0, out
	}
	n := e.rand.IntN(len(e.flying))
	m := e.flying[n]
	if e.rand.IntN(4) > 0 { // else it will come again
		e.flying[n] = e.flying[len(e.flying)-1]
		e.flying = e.flying[:len(e.flying)-1]
	}
	if m.From.Role == paxos.AcceptorRole {
		e.proposer.Step(e.now, m, out)
		return e.genesis.First.Index(m.From.ID), out
	}
	e.deliver(m)
	return 0, out
}

// deliver steps whom m is for, other than in next.
func (e *election) deliver(m paxos.Envelope) {
	if m.From.Role == paxos.AcceptorRole {
		var out paxos.Effects
		e.proposer.Step(e.now, m, &out)
		e.fly(&out)
		return
	}
	for _, a := range e.acceptors {
		var out paxos.Effects
		a.Step(e.now, m, &out)
		a.after(nil, &out)
		e.fly(&out)
	}
}

func (e *election) fly(out *paxos.Effects) {
	for _, m := range out.Send {
		if e.rand.IntN(5) > 0 {
			e.flying = append(e.flying, m)
		}
	}
}

// judge compares what the new leader proposes with the votes of its quorum.
func (e *election) judge(quorum paxos.Set, out *paxos.Effects) (adopted int) {
	if !e.genesis.First.Phase1(quorum) {
		e.t.Errorf("leads with the promises of %b", quorum)
	}
	// Any page may have told how far all is chosen, the votes are the quorum's.
	var least, most, top paxos.Slot = 1, 1, 0
	for i, a := range e.acceptors {
		marks := a.disk.State.Marks
		if most = max(most, marks.ChosenBelow); quorum.Has(i) {
			least, top = max(least, marks.ChosenBelow), max(top, marks.MaxVoted)
		}
	}
	proposed := map[paxos.Slot]paxos.Value{}
	for _, m := range out.Send {
		if a, ok := m.Msg.(paxos.Accept); ok {
			proposed[a.Slot] = a.Value
		}
	}
	for slot := range max(top, 8) + 1 {
		value, ok := proposed[slot]
		switch {
		case ok && slot < least:
			e.t.Errorf("slot %d is proposed again, below %d all are chosen", slot, least)
		case ok && e.judgeSlot(slot, quorum, value):
			adopted++
		case !ok && most <= slot && slot <= top:
			e.t.Errorf("nothing is proposed in slot %d of [%d,%d]", slot, most, top)
		}
	}
	return adopted
}

// judgeSlot reports whether a vote was adopted.
func (e *election) judgeSlot(slot paxos.Slot, quorum paxos.Set, value paxos.Value) bool {
	var highest, of paxos.Ballot
	for i, a := range e.acceptors {
		p := paxos.Page{From: slot, To: slot + 1}
		a.disk.Fill(&p, 1<<20)
		for _, v := range p.Votes {
			if quorum.Has(i) && highest.Less(v.Ballot) {
				highest = v.Ballot
			}
			if v.Value.Equal(value) {
				of = v.Ballot
			}
		}
	}
	if of.Less(highest) {
		e.t.Errorf("slot %d: %s is proposed, of ballot %v; the quorum has a vote of %v", slot, printValue(value), of, highest)
	}
	if of.IsZero() && value.Kind != paxos.Noop {
		e.t.Errorf("slot %d: %s is proposed, that nobody voted for", slot, printValue(value))
	}
	return !of.IsZero()
}
