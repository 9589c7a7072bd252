package roles

import (
	"errors"
	"fmt"
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// founderRetry is how long a Founder waits for answers before it asks again.
const founderRetry = paxos.Duration(250e6)

// Founder carries out `synod init`: it asks every named acceptor for its disk
// and genesis, has all of them store one genesis, and only then lets them vote.
// It may stop after any message and be started again, and two may run at once:
// whatever an acceptor holds is completed, never replaced. The member with the
// lowest id stores first, so of two that run at once one finds the other's genesis
// there before it has left its own anywhere, and completes that one.
type Founder struct {
	self    paxos.Sender
	members []paxos.NodeID
	plan    paxos.Genesis
	fixed   bool // plan is what will be stored
	sealing bool
	reports map[paxos.NodeID]report
	wake    paxos.Instant
	err     error
}

type report struct {
	disk paxos.UUID
	paxos.GenesisReport
}

// NewFounder founds plan among members. The acceptors of plan.First are filled
// in from what the members report; its cluster UUID is used only when no member
// holds a genesis already.
func NewFounder(self paxos.Sender, members []paxos.NodeID, plan paxos.Genesis) *Founder {
	f := &Founder{self: self, members: members, plan: plan, reports: map[paxos.NodeID]report{}}
	sorted := slices.Sorted(slices.Values(members))
	if len(members) == 0 || len(slices.Compact(sorted)) < len(members) {
		f.err = fmt.Errorf("want one or more acceptors, each named once, not %q", members)
	}
	return f
}

// Wake is when Tick should be called next.
func (f *Founder) Wake() paxos.Instant { return f.wake }

// Done is the genesis once every member has sealed it, or why that cannot be.
// Both are nil while it goes on.
func (f *Founder) Done() (*paxos.Genesis, error) {
	if f.err != nil {
		return nil, f.err
	}
	if !f.all(func(r report) bool { return r.Sealed && f.holdsPlan(r) }) {
		return nil, nil
	}
	return &f.plan, nil
}

// Missing is the members that have not answered the current question; none once
// the founding has failed.
func (f *Founder) Missing() []paxos.NodeID {
	if f.err != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(f.members), func(id paxos.NodeID) bool {
		r, ok := f.reports[id]
		return ok && (!f.fixed || f.holdsPlan(r)) && (!f.sealing || r.Sealed)
	})
}

// Tick asks again those members whose answer is missing.
func (f *Founder) Tick(now paxos.Now, out *paxos.Effects) {
	if now.Mono < f.wake {
		return
	}
	f.wake = now.Mono + paxos.Instant(founderRetry)
	for _, id := range f.asked() {
		out.Send = append(out.Send, paxos.Envelope{From: f.self, To: id, Msg: f.question()})
	}
}

// foundingStep is how far a Founder is.
type foundingStep uint8

const (
	querying     foundingStep = iota // reads what every member holds
	firstStores                      // has the first member store the genesis
	othersStore                      // and then the others
	sealsMembers                     // lets them vote
)

func (f *Founder) step() foundingStep {
	switch {
	case f.sealing:
		return sealsMembers
	case f.fixed && f.holdsPlan(f.reports[f.first()]):
		return othersStore
	case f.fixed:
		return firstStores
	default:
		return querying
	}
}

// first is the member that stores first.
func (f *Founder) first() paxos.NodeID { return slices.Min(f.members) }

// asked is whom the question of this step goes to.
func (f *Founder) asked() []paxos.NodeID {
	if f.err == nil && f.step() == firstStores {
		return []paxos.NodeID{f.first()}
	}
	return f.Missing()
}

func (f *Founder) question() paxos.Message {
	switch f.step() {
	case querying:
		return paxos.GenesisQuery{}
	case sealsMembers:
		return paxos.Seal{Cluster: f.plan.Cluster}
	default:
		return paxos.StoreGenesis{Genesis: f.plan}
	}
}

// Step takes an acceptor's answer.
func (f *Founder) Step(now paxos.Now, e paxos.Envelope, out *paxos.Effects) {
	m, ok := e.Msg.(paxos.GenesisReport)
	if !ok || e.To != f.self.ID || !slices.Contains(f.members, e.From.ID) || f.err != nil {
		return
	}
	before := f.step()
	f.reports[e.From.ID] = report{disk: e.From.Disk, GenesisReport: m}
	switch {
	case m.Refused == "" || before == querying || f.holdsPlan(f.reports[e.From.ID]):
		// A member that holds the plan refuses nothing of it, and a question for what it
		// holds is never refused: the refusal is of an earlier question.
	case before == firstStores && m.Genesis != nil:
		f.fixed = false // another init was faster; nothing of the plan is stored anywhere
	default:
		f.err = fmt.Errorf("acceptor %s refused: %s", e.From.ID, m.Refused)
		return
	}
	f.advance()
	if f.err == nil && f.step() != before {
		f.wake = now.Mono
		f.Tick(now, out)
	}
}

// advance moves on when every member answered the current question.
func (f *Founder) advance() {
	if !f.fixed && len(f.reports) == len(f.members) {
		f.err = f.fix()
		f.fixed = f.err == nil
	}
	if f.fixed && f.all(f.holdsPlan) {
		f.sealing = true
	}
}

// fix settles what to found: what a member holds already, or the plan with the
// disks that the members reported.
func (f *Founder) fix() error {
	held := f.held()
	if held == nil {
		f.plan.First.Acceptors = nil
		for _, id := range f.members {
			f.plan.First.Acceptors = append(f.plan.First.Acceptors, paxos.Member{ID: id, Disk: f.reports[id].disk})
		}
		return f.plan.Check()
	}
	var errs []error
	for _, id := range f.members {
		r := f.reports[id]
		if r.Genesis != nil && !r.Genesis.Equal(held) {
			errs = append(errs, fmt.Errorf("acceptor %s holds the genesis of cluster %s, another holds %s: drop the one that is not sealed with init --abandon",
				id, r.Genesis.Cluster, held.Cluster))
		}
		if i := held.First.Index(id); i < 0 || held.First.Acceptors[i].Disk != r.disk {
			errs = append(errs, fmt.Errorf("cluster %s is founded already, without acceptor %s on disk %s", held.Cluster, id, r.disk))
		}
	}
	if held.First.From != f.plan.First.From || held.State != f.plan.State {
		errs = append(errs, fmt.Errorf("cluster %s is founded already, with a log from slot %d on and not from slot %d, or from another state",
			held.Cluster, held.First.From, f.plan.First.From))
	}
	if len(held.First.Acceptors) != len(f.members) || held.First.Quorums != f.plan.First.Quorums ||
		held.First.Copies != f.plan.First.Copies || held.Window != f.plan.Window {
		errs = append(errs, fmt.Errorf("cluster %s is founded already, with %d acceptors, %s quorums, %d learner copies and a window of %d: a different genesis is refused",
			held.Cluster, len(held.First.Acceptors), held.First.Quorums, held.First.Copies, held.Window))
	}
	if len(errs) == 0 {
		f.plan = *held
	}
	return errors.Join(errs...)
}

// held is a genesis that some member holds, a sealed one before others.
func (f *Founder) held() *paxos.Genesis {
	var held *paxos.Genesis
	for _, id := range f.members {
		r := f.reports[id]
		if r.Sealed {
			return r.Genesis
		}
		if held == nil {
			held = r.Genesis
		}
	}
	return held
}

func (f *Founder) holdsPlan(r report) bool { return r.Genesis != nil && r.Genesis.Equal(&f.plan) }

func (f *Founder) all(holds func(report) bool) bool {
	if !f.fixed {
		return false
	}
	for _, id := range f.members {
		if r, ok := f.reports[id]; !ok || !holds(r) {
			return false
		}
	}
	return true
}
