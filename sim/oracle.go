package sim

import (
	"github.com/synod-paxos/synod/paxos"
)

// oracle sees every durable record, every message that leaves and everything that
// is learned and answered. It knows what is chosen before anybody in the cluster
// can, and fails the run at the first step that breaks a rule.
type oracle struct {
	w       *World
	window  paxos.Slot
	known   paxos.Configurations  // once a genesis is sealed: those that the chosen slots brought about
	told    map[paxos.UUID]uint64 // by disk: the newest configuration that it ever stored
	used    map[uint64]bool       // configurations in whose slots something was proposed
	cluster paxos.ClusterID

	slots   []slotView // by slot; the first is unused
	below   paxos.Slot // all slots below are chosen
	log     *machine   // what they hold
	disks   map[paxos.UUID]*diskView
	ballots map[paxos.Ballot]*ballotView
	records map[paxos.Ballot]promiseRecord
	views   map[paxos.NodeID]*proposerView

	commands map[string]bool     // ids asked for
	attempts map[string]*attempt // by inbox
	acked    map[string]int      // by id: the place in the log that clients were told
	visible  paxos.Slot          // clients have seen the effect of this slot
	reads    uint64              // begun

	mayElect bool // something has happened that justifies elections
}

// slotView is what was proposed and voted in one slot.
type slotView struct {
	proposals []*proposal // one for each ballot, ascending as they came
	chosen    *proposal   // the first that was chosen
	answered  bool        // by some learner
}

// proposal is the value of one ballot in one slot, and who voted for it, durably.
type proposal struct {
	ballot paxos.Ballot
	value  paxos.Value
	voters paxos.Set // by the configuration that governs the slot
	chosen bool
}

// diskView is what is known of an acceptor's disk.
type diskView struct {
	released paxos.Ballot // the highest promise that left it, in words or by a vote
	votes    map[paxos.Slot]paxos.Ballot
	copied   bool // an old copy is in its place: what it says is for the others to judge
}

// ballotView is what is known of a ballot.
type ballotView struct {
	owner    paxos.NodeID
	life     int
	led      bool
	verified paxos.Slot // claims of this ballot below are checked
}

// attempt is one sending of a command.
type attempt struct{ accepted, refused bool }

func newOracle(w *World) *oracle {
	return &oracle{
		w: w, told: map[paxos.UUID]uint64{}, used: map[uint64]bool{}, slots: make([]slotView, 1), below: 1, log: newMachine(),
		disks: map[paxos.UUID]*diskView{}, records: map[paxos.Ballot]promiseRecord{}, ballots: map[paxos.Ballot]*ballotView{}, views: map[paxos.NodeID]*proposerView{},
		commands: map[string]bool{}, attempts: map[string]*attempt{}, acked: map[string]int{},
	}
}

func (o *oracle) disk(id paxos.UUID) *diskView {
	if o.disks[id] == nil {
		o.disks[id] = &diskView{votes: map[paxos.Slot]paxos.Ballot{}}
	}
	return o.disks[id]
}

// maxSlot is far above every slot that a run reaches.
const maxSlot = 1 << 20

// slot is the view of a slot; nil, and a failure, when no run reaches it.
func (o *oracle) slot(s paxos.Slot) *slotView {
	if s == 0 || s > maxSlot {
		o.w.fail("extremes", "slot %d is used", s)
		return nil
	}
	for paxos.Slot(len(o.slots)) <= s {
		o.slots = append(o.slots, slotView{})
	}
	return &o.slots[s]
}

// proposal is the view of ballot b in slot s; nil when nothing was proposed there.
func (v *slotView) proposal(b paxos.Ballot) *proposal {
	for _, p := range v.proposals {
		if p.ballot == b {
			return p
		}
	}
	return nil
}

// founded notes that init is done: every acceptor must have sealed the genesis.
func (o *oracle) founded(g *paxos.Genesis) {
	for _, a := range o.w.acceptors[:o.w.plan.Acceptors] {
		if s := a.disk.State; !a.gone && (!s.Sealed || !s.Genesis.Equal(g)) {
			o.w.fail("founding", "init says that it is done, and acceptor %s has not sealed that genesis", a.id)
		}
	}
}

// durable judges a record that reached an acceptor's disk.
func (o *oracle) durable(a *acceptor, r paxos.Record) {
	switch r := r.(type) {
	case paxos.Founded:
		if r.Sealed {
			o.sealed(a, &r.Genesis)
		}
	case paxos.Voted:
		o.voted(a, r.Vote)
	}
	o.told[a.disk.id] = max(o.told[a.disk.id], a.disk.State.Known.Number())
}

// sealed checks that no acceptor may vote before all have stored one genesis.
func (o *oracle) sealed(a *acceptor, g *paxos.Genesis) {
	if o.known != nil && o.cluster != g.Cluster {
		o.w.fail("founding", "acceptor %s seals cluster %s, another has sealed %s", a.id, g.Cluster, o.cluster)
		return
	}
	if o.known != nil {
		return
	}
	for _, b := range o.w.acceptors[:o.w.plan.Acceptors] {
		if s := b.disk.State; s.Genesis == nil || !s.Genesis.Equal(g) {
			o.w.fail("founding", "acceptor %s seals, and %s has not stored that genesis", a.id, b.id)
		}
	}
	o.known, o.cluster, o.window = paxos.Configurations{&g.First}, g.Cluster, g.Window
}

// voted counts a durable vote.
func (o *oracle) voted(a *acceptor, v paxos.Vote) {
	view := o.disk(a.disk.id)
	view.votes[v.Slot] = v.Ballot
	if !a.disk.State.Sealed || o.known == nil {
		o.w.fail("genesis", "acceptor %s votes in slot %d without a sealed genesis", a.id, v.Slot)
		return
	}
	if v.Ballot.Less(view.released) {
		o.w.fail("promises", "acceptor %s votes in slot %d in ballot %s after its promise to %s was sent",
			a.id, v.Slot, describeBallot(v.Ballot), describeBallot(view.released))
		return
	}
	s := o.slot(v.Slot)
	if s == nil {
		return
	}
	c := o.governs(v.Slot)
	if c == nil {
		o.w.fail("configurations", "acceptor %s votes in slot %d, and it is not decided who governs it: all below %d are chosen", a.id, v.Slot, o.below)
		return
	}
	seat := c.Seat(a.id, a.disk.id)
	if seat < 0 {
		o.w.fail("configurations", "acceptor %s votes in slot %d, which configuration %d governs without its disk", a.id, v.Slot, c.Number)
		return
	}
	p := s.proposal(v.Ballot)
	if p == nil || !p.value.Equal(v.Value) {
		o.w.fail("one value per ballot", "acceptor %s votes in slot %d in ballot %s for %s, which was not proposed there",
			a.id, v.Slot, describeBallot(v.Ballot), describeValue(v.Value))
		return
	}
	p.voters = p.voters.With(seat)
	if !p.chosen && c.Phase2(p.voters) {
		p.chosen = true
		o.choose(v.Slot, s, p)
	}
}

// choose notes that p is chosen in slot.
func (o *oracle) choose(slot paxos.Slot, s *slotView, p *proposal) {
	if s.chosen != nil {
		if !s.chosen.value.Equal(p.value) {
			o.w.fail("agreement", "slot %d: %s was chosen in ballot %s, and now %s in ballot %s", slot,
				describeValue(s.chosen.value), describeBallot(s.chosen.ballot), describeValue(p.value), describeBallot(p.ballot))
		}
		return
	}
	s.chosen = p
	o.w.count("slots chosen", 1)
	o.expectAnswer(slot, s)
	if p.value.Kind == paxos.Noop {
		o.w.count("no-ops chosen", 1)
	}
	for _, c := range commandsOf(p.value) {
		if o.attempts[c.Reply] == nil || !o.commands[string(c.Data)] {
			o.w.fail("validity", "slot %d holds %s, which no client sent", slot, c.Reply)
		}
	}
	for int(o.below) < len(o.slots) && o.slots[o.below].chosen != nil {
		v := o.slots[o.below].chosen.value
		o.log.apply(paxos.Decision{Slot: o.below, Value: v})
		if o.w.sessions != nil {
			o.w.sessions.apply(o.below, v)
		}
		o.change(o.below, v)
		o.below++
	}
}

// released judges a message that leaves an acceptor.
func (o *oracle) released(a *acceptor, e *paxos.Envelope) {
	o.w.countSend(e)
	if a.disk.State.Promised.Less(e.From.Promised) {
		o.w.fail("durable before sent", "acceptor %s states its promise to %s, and only %s is durable",
			a.id, describeBallot(e.From.Promised), describeBallot(a.disk.State.Promised))
		return
	}
	view := o.disk(a.disk.id)
	if view.released.Less(e.From.Promised) {
		view.released = e.From.Promised
	}
	switch m := e.Msg.(type) {
	case paxos.Promise:
		o.promised(a, m.Ballot)
		if a.disk.State.Promised.Less(m.Ballot) {
			o.w.fail("durable before sent", "acceptor %s promises %s, and only %s is durable",
				a.id, describeBallot(m.Ballot), describeBallot(a.disk.State.Promised))
		}
		o.checkPage(a, m)
	case paxos.Accepted:
		o.checkAccepted(a, m)
		if view.released.Less(m.Ballot) {
			view.released = m.Ballot
		}
	}
}

// checkPage checks that a promise hides no vote: all that the disk ever voted for in
// the page's range, above the trim point that it states, is on it, in a ballot not
// below.
func (o *oracle) checkPage(a *acceptor, m paxos.Promise) {
	end := paxos.Slot(len(o.slots))
	if m.Page.To != 0 {
		end = min(end, m.Page.To)
	}
	if m.Page.Next != 0 {
		end = min(end, m.Page.Next)
	}
	if o.disk(a.disk.id).copied {
		return
	}
	votes, at := o.disk(a.disk.id).votes, 0
	for s := max(m.Page.From, m.Marks.TrimBelow); s < end; s++ {
		b, voted := votes[s]
		for at < len(m.Page.Votes) && m.Page.Votes[at].Slot < s {
			at++
		}
		if voted && (at == len(m.Page.Votes) || m.Page.Votes[at].Slot != s || m.Page.Votes[at].Ballot.Less(b)) {
			o.w.fail("whole promises", "acceptor %s promises %s for slots %s, and leaves out its vote in slot %d",
				a.id, describeBallot(m.Ballot), describeRange(m.Page.From, m.Page.To), s)
			return
		}
	}
}

func (o *oracle) checkAccepted(a *acceptor, m paxos.Accepted) {
	for _, slot := range m.Slots {
		s := o.slot(slot)
		if s == nil {
			return
		}
		p := s.proposal(m.Ballot)
		if p == nil || !o.counted(slot, p, a) {
			o.w.fail("durable before sent", "acceptor %s says that it voted in slot %d in ballot %s, which is not on its disk",
				a.id, slot, describeBallot(m.Ballot))
			return
		}
	}
}

// learned checks that what a learner takes as chosen is.
func (o *oracle) learned(l *learner, d paxos.Decision) {
	s := o.slot(d.Slot)
	switch {
	case s == nil:
	case s.chosen == nil:
		o.w.fail("only the chosen is learned", "learner %s learns %s in slot %d, where nothing is chosen", l.id, describeValue(d.Value), d.Slot)
	case !s.chosen.value.Equal(d.Value):
		o.w.fail("agreement", "learner %s learns %s in slot %d, where %s is chosen", l.id, describeValue(d.Value), d.Slot, describeValue(s.chosen.value))
	}
}

// maxInstalls is how many snapshots one life of a learner takes, at most, before
// that is a sign that it cannot go on from any.
const maxInstalls = 20

// installed checks a snapshot against the log.
func (o *oracle) installed(l *learner) {
	o.checkLog(l)
	if l.machine.state != nil {
		o.w.sessions.equal(l)
	}
	if l.installs++; l.installs > maxInstalls {
		o.w.fail("liveness", "learner %s lives on snapshots: it has taken %d", l.id, l.installs)
	}
}

// checkLog checks that a learner's state is the log up to where it is.
func (o *oracle) checkLog(l *learner) {
	if l.machine.applied >= o.below || len(l.machine.entries) > len(o.log.entries) {
		o.w.fail("agreement", "learner %s has applied slot %d, and only those below %d are chosen", l.id, l.machine.applied, o.below)
		return
	}
	for i, e := range l.machine.entries {
		if e != o.log.entries[i] {
			o.w.fail("order", "learner %s has %s in slot %d as number %d, where the log has %s in slot %d",
				l.id, e.id, e.slot, i+1, o.log.entries[i].id, o.log.entries[i].slot)
			return
		}
	}
}
