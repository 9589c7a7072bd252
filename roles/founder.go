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
// whatever an acceptor holds is completed, never replaced.
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
	for _, id := range f.Missing() {
		out.Send = append(out.Send, paxos.Envelope{From: f.self, To: id, Msg: f.question()})
	}
}

func (f *Founder) question() paxos.Message {
	switch {
	case f.sealing:
		return paxos.Seal{Cluster: f.plan.Cluster}
	case f.fixed:
		return paxos.StoreGenesis{Genesis: f.plan}
	default:
		return paxos.GenesisQuery{}
	}
}

// Step takes an acceptor's answer.
func (f *Founder) Step(now paxos.Now, e paxos.Envelope, out *paxos.Effects) {
	m, ok := e.Msg.(paxos.GenesisReport)
	if !ok || e.To != f.self.ID || !slices.Contains(f.members, e.From.ID) || f.err != nil {
		return
	}
	if m.Refused != "" {
		f.err = fmt.Errorf("acceptor %s refused: %s", e.From.ID, m.Refused)
		return
	}
	f.reports[e.From.ID] = report{disk: e.From.Disk, GenesisReport: m}
	if f.advance() {
		f.wake = now.Mono
		f.Tick(now, out)
	}
}

// advance moves on to the next question once every member answered this one.
func (f *Founder) advance() bool {
	before := f.question()
	if !f.fixed && len(f.reports) == len(f.members) {
		f.err = f.fix()
		f.fixed = f.err == nil
	}
	if f.fixed && f.all(f.holdsPlan) {
		f.sealing = true
	}
	return f.err == nil && fmt.Sprintf("%T", before) != fmt.Sprintf("%T", f.question())
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
