package roles

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// TestLearnerLearnsWhatIsChosen lets proposers work against each other on a few
// slots, and tells a learner of it over a network that loses, repeats and reorders.
// It must learn the chosen values and no other, in the order of the slots, and once
// the network is sound again all of them.
func TestLearnerLearnsWhatIsChosen(t *testing.T) {
	late := 0
	for seed := range uint64(600) {
		late += newParliament(t, seed).run()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if late < 300 || late > 600*parliamentSlots-300 {
		t.Errorf("%d of %d values were learned only when the network was sound: too few or too many to test anything", late, 600*parliamentSlots)
	}
}

const parliamentSlots = 6

// parliament is a dumb model of Paxos: the paper's rules, slot by slot, without
// messages between the proposers and the acceptors that could be lost.
type parliament struct {
	t       *testing.T
	rand    *rand.Rand
	genesis paxos.Genesis
	disks   []*paxos.Ledger
	told    []paxos.Envelope              // what the learner may hear of it
	chosen  map[paxos.Slot]paxos.Decision // once a quorum has voted in one ballot
	learner *Learner
	applied paxos.Slot
	now     paxos.Now
}

func newParliament(t *testing.T, seed uint64) *parliament {
	r := rand.New(rand.NewPCG(seed, 2))
	system := quorumSystems[r.IntN(len(quorumSystems))]
	p := &parliament{t: t, rand: r, genesis: testGenesis(system.acceptors), chosen: map[paxos.Slot]paxos.Decision{}, now: paxos.Now{Mono: start0}}
	p.genesis.First.Quorums = system.quorums
	for range system.acceptors {
		p.disks = append(p.disks, &paxos.Ledger{})
	}
	o := DefaultLearnerOptions()
	o.OpenSlots, o.OpenBytes = paxos.Slot(2+r.IntN(8)), 100+r.IntN(2000)
	p.learner = NewLearner(testSender("l1"), o, paxos.Position{}, p.now)
	p.learner.Join(&p.genesis)
	return p
}

// run returns how many values were learned only at the end.
func (p *parliament) run() (late int) {
	for round := range uint64(1 + p.rand.IntN(12)) {
		b := paxos.Ballot{Round: round + 1, Proposer: "p1", Incarnation: testProcess("p1")}
		p.lead(b, 1+paxos.Slot(p.rand.IntN(parliamentSlots)), p.rand.IntN(4))
		for range p.rand.IntN(1 + len(p.told)) {
			p.tell(p.told[p.rand.IntN(len(p.told))])
		}
	}
	before := p.applied
	p.settle()
	if p.applied != parliamentSlots {
		p.t.Errorf("%d of %d slots are learned when the network is sound; %+v", p.applied, parliamentSlots, p.learner.Status())
	}
	return parliamentSlots - int(before)
}

// lead is a leadership in slots from first on: the two phases in each, in which any
// acceptor may take part or not. absent acceptors of 4 vote in none.
func (p *parliament) lead(b paxos.Ballot, first paxos.Slot, absent int) {
	config := &p.genesis.First
	below := first
	for slot := first; slot <= parliamentSlots; slot++ {
		var promised, voted paxos.Set
		var highest paxos.Vote
		for i, d := range p.disks {
			if p.rand.IntN(4) < absent && absent < 4 {
				continue
			}
			promised = promised.With(i)
			page := paxos.Page{From: slot, To: slot + 1}
			d.Fill(&page, 1<<20)
			for _, v := range page.Votes {
				highest = higher(highest, v)
			}
		}
		if !config.Phase1(promised) {
			return
		}
		for i, d := range p.disks {
			if promised.Has(i) {
				d.Append(paxos.Promised{Ballot: b})
			}
		}
		v := paxos.Vote{Slot: slot, Ballot: b, Value: safeValue(highest, testValue(fmt.Sprint(slot, " ", b)))}
		p.say(testSender("p1"), paxos.Accept{Ballot: b, Slot: slot, Value: v.Value, Chosen: paxos.Chosen{From: first, Below: below}})
		for i, d := range p.disks {
			if !b.Less(d.State.Promised) && p.rand.IntN(4) >= absent {
				d.Append(paxos.Voted{Vote: v})
				voted = voted.With(i)
				p.say(testSender(config.Acceptors[i].ID), paxos.Accepted{Ballot: b, Slots: []paxos.Slot{slot}})
			}
		}
		if config.Phase2(voted) {
			p.choose(v)
			if below == slot {
				below = slot + 1
			}
		}
		p.say(testSender("p1"), paxos.Heartbeat{Ballot: b, Chosen: paxos.Chosen{From: first, Below: below}, Next: below})
	}
}

// choose checks that the model itself chooses one value in a slot.
func (p *parliament) choose(v paxos.Vote) {
	if d, ok := p.chosen[v.Slot]; ok && !d.Value.Equal(v.Value) {
		p.t.Fatalf("the model chose %s and %s", printValue(d.Value), printValue(v.Value))
	}
	p.chosen[v.Slot] = paxos.Decision(v)
}

func (p *parliament) say(from paxos.Sender, m paxos.Message) {
	p.told = append(p.told, paxos.Envelope{Cluster: p.genesis.Cluster, Config: 1, From: from, Msg: m})
}

// tell steps the learner, and returns what it asks for.
func (p *parliament) tell(e paxos.Envelope) []paxos.Envelope {
	var out paxos.Effects
	p.learner.Step(p.now, e, &out)
	p.learn(&out)
	return out.Send
}

// learn compares what was learned with what is chosen, and applies some of it.
func (p *parliament) learn(out *paxos.Effects) {
	for _, d := range out.Learn {
		want, chosen := p.chosen[d.Slot]
		if !chosen || !want.Value.Equal(d.Value) {
			p.t.Errorf("learned %s in slot %d, chosen is %s (%v)", printValue(d.Value), d.Slot, printValue(want.Value), chosen)
		}
		if d.Slot != p.applied+1 {
			p.t.Errorf("learned slot %d after %d", d.Slot, p.applied)
		}
		p.applied = d.Slot
	}
	if at := p.learner.position.Applied; at < p.applied && p.rand.IntN(3) == 0 {
		var more paxos.Effects
		p.learner.Applied(p.now, paxos.Position{Applied: p.applied}, &more)
		p.learn(&more)
	}
}

// settle has a last leader propose everything to all acceptors, and none of its
// messages heard but a Heartbeat of the next one. The learner must fetch the rest.
func (p *parliament) settle() {
	p.lead(paxos.Ballot{Round: 99, Proposer: "p1", Incarnation: testProcess("p1")}, 1, 0)
	last := paxos.Ballot{Round: 100, Proposer: "p1", Incarnation: testProcess("p1")}
	all := paxos.Chosen{From: parliamentSlots + 1, Below: parliamentSlots + 1}
	p.told = nil
	p.say(testSender("p1"), paxos.Heartbeat{Ballot: last, Chosen: all, Next: all.Below})
	p.tell(p.told[0])
	for range 200 {
		p.now.Mono = p.learner.Wake()
		var out paxos.Effects
		p.learner.Tick(p.now, &out)
		p.learn(&out)
		p.answer(out.Send)
	}
}

// answer sends the pages that the learner asks for.
func (p *parliament) answer(asked []paxos.Envelope) {
	for len(asked) > 0 {
		m, ok := asked[0].Msg.(paxos.Fetch)
		asked = asked[1:]
		if !ok {
			continue
		}
		for i, d := range p.disks {
			id := p.genesis.First.Acceptors[i].ID
			page := paxos.Page{From: m.From, To: m.To, BallotsOnly: m.Values != id}
			d.Fill(&page, 1+p.rand.IntN(600))
			e := heard(testSender(id), paxos.Votes{Page: page})
			e.Cluster = p.genesis.Cluster
			asked = append(asked, p.tell(e)...)
		}
	}
}
