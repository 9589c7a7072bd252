package roles

import (
	"cmp"
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// The bounds of what an honest peer may say. A number beyond them would let one
// confused message exhaust the ballots, or make every reader wait for a slot
// that nobody will ever reach.
const (
	maxRoundStep = 1 << 32             // of a ballot's round above the rounds known
	maxSlotStep  = paxos.Slot(1 << 32) // of a watermark above the slots known
	maxSlot      = paxos.Slot(1 << 62) // of any slot, so that sums do not overflow
	maxBootStep  = 1 << 32             // of a disk's boot number above the one known
)

// member is what every role has: who it is, its cluster, the configurations that it
// knows, and how it judges the messages that it hears.
//
// What it knows of configurations goes with what it knows to be chosen. A message
// states a number, and says of no slot that it is chosen unless its sender knew every
// change below, up to that number. A role that knows an older one takes no such
// message, but asks first. So whoever knows that all slots below W are chosen knows
// every change there, and with it who governs every slot below W plus the window.
type member struct {
	self    paxos.Sender
	genesis *paxos.Genesis // nil until the role knows its cluster
	known   paxos.Configurations
	voters  []*voter // the acceptors of the known configurations
	rivals  rivals

	behind  bool          // somebody knows a newer configuration: ask
	ahead   bool          // somebody knows only an older one: tell
	gossips paxos.Instant // when it may next ask or tell
}

// voter is what a role knows of one acceptor's disk. A disk that says less than
// before is an old copy of it.
type voter struct {
	paxos.Member
	boot     uint64
	process  uint64
	promised paxos.Ballot
	voted    paxos.Slot // the highest slot that it voted in, as it said, and credibly

	number uint64     // newest configuration that it has stored
	below  paxos.Slot // what it said last to be chosen below
	stored paxos.Slot // all slots below are chosen, as it said, and credibly
	trim   paxos.Slot // votes below are forgotten, as it said, and credibly

	config *paxos.Configuration // seat is its place in this one
	seat   int

	// What only proposers look at.
	round    uint64         // the highest that it is known to have promised
	heard    paxos.Instant  // when it last said anything
	answered paxos.Instant  // when it last answered a leader, once its disk had all that was before
	pulse    paxos.Duration // the leader's when it last answered, or said that it hears it
	silent   uint64         // the leader query to which it said that it hears none
	noSpace  bool

	read uint64 // learners: the round of reads that it answered
}

// in is the place of v in c, or -1.
func (v *voter) in(c *paxos.Configuration) int {
	if v.config != c {
		v.config, v.seat = c, c.Seat(v.ID, v.Disk)
	}
	return v.seat
}

// join makes g the member's cluster.
func (m *member) join(g *paxos.Genesis) {
	m.genesis, m.known, m.voters = g, nil, nil
	m.adopt([]paxos.Configuration{g.First})
}

// adopt takes over the configurations that are told and newer. It reports whether
// there are any.
func (m *member) adopt(told []paxos.Configuration) bool {
	if m.genesis == nil {
		return false
	}
	before := m.known.Number()
	m.setKnown(m.known.With(told))
	return m.known.Number() != before
}

// setKnown makes cs all that the member knows, and keeps what is known of their
// acceptors.
func (m *member) setKnown(cs paxos.Configurations) {
	m.known = cs
	var voters []*voter
	for _, c := range cs {
		for _, a := range c.Acceptors {
			if slices.ContainsFunc(voters, func(v *voter) bool { return v.Member == a }) {
				continue
			}
			v := m.voter(a)
			if v == nil {
				v = &voter{Member: a}
			}
			voters = append(voters, v)
		}
	}
	m.voters = voters
}

// voter is what is known of an acceptor; nil when no known configuration has it.
func (m *member) voter(a paxos.Member) *voter {
	for _, v := range m.voters {
		if v.Member == a {
			return v
		}
	}
	return nil
}

// those is the acceptors of c for which a condition holds.
func (m *member) those(c *paxos.Configuration, holds func(*voter) bool) paxos.Set {
	var s paxos.Set
	for _, v := range m.voters {
		if i := c.Seat(v.ID, v.Disk); i >= 0 && holds(v) {
			s = s.With(i)
		}
	}
	return s
}

// cluster is the member's cluster, zero before it knows one.
func (m *member) cluster() paxos.ClusterID {
	if m.genesis == nil {
		return paxos.ClusterID{}
	}
	return m.genesis.Cluster
}

// Genesis is the founding of the role's cluster; nil before it is known.
func (m *member) Genesis() *paxos.Genesis { return m.genesis }

// Known is the configurations that the role knows, the newest last; none before it
// knows its cluster.
func (m *member) Known() paxos.Configurations { return m.known }

// send adds a message from this member to out. An empty to is everyone whom the
// message's subject reaches.
func (m *member) send(out *paxos.Effects, to paxos.NodeID, msg paxos.Message) {
	out.Send = append(out.Send, paxos.Envelope{
		Cluster: m.cluster(), Config: m.known.Number(), From: m.self, To: to, Msg: msg,
	})
}

func drop(out *paxos.Effects, e paxos.Envelope, reason paxos.DropReason) {
	out.Drop = append(out.Drop, paxos.Drop{Reason: reason, From: e.From, Msg: e.Msg})
}

// foreign says why a message of another cluster or generation, of one that knows no
// cluster yet, or of a newer configuration, is not taken, or one of ours while we have a rival; 0 when it is.
// What is taken is judged slot by slot.
func (m *member) foreign(e paxos.Envelope) paxos.DropReason {
	switch {
	case m.genesis == nil, e.Cluster == (paxos.ClusterID{}):
		return paxos.Unfounded
	case e.Cluster != m.genesis.Cluster:
		return paxos.Foreign
	case m.fenced():
		return paxos.Fenced
	case e.Config > m.known.Number():
		m.behind = true
		return paxos.OtherConfig
	}
	m.ahead = m.ahead || e.Config < m.known.Number()
	return 0
}

// gossipEvery bounds how often a role asks for configurations, or tells them.
const gossipEvery = paxos.Duration(20e6)

// gossip reports whether the role should say Hello: to be told the configurations
// that others know, or to tell those that others lack.
func (m *member) gossip(now paxos.Now) bool {
	if (!m.behind && !m.ahead) || now.Mono < m.gossips {
		return false
	}
	m.behind, m.ahead, m.gossips = false, false, now.Mono+paxos.Instant(gossipEvery)
	return true
}

// told is the configurations after the genesis, as this member's Hello tells them.
func (m *member) told() []paxos.Configuration {
	if m.genesis == nil {
		return nil
	}
	return m.known.Told(m.genesis)
}

// fromAcceptor is the acceptor that sent e, or why its word does not count. Some known
// configuration must name it with its disk, and it must not say less than it said
// before: then it is an old copy, or a twin. Of a disk that was opened again nothing is
// taken before it said how far it voted: that may be all that an old copy has forgotten.
func (m *member) fromAcceptor(e paxos.Envelope) (*voter, paxos.DropReason) {
	if reason := m.foreign(e); reason != 0 {
		return nil, reason
	}
	v := m.voter(paxos.Member{ID: e.From.ID, Disk: e.From.Disk})
	if v == nil || e.From.Role != paxos.AcceptorRole {
		return nil, paxos.NotMember
	}
	highest, all := voted(e.Msg)
	switch {
	case e.From.Boot < v.boot:
		return nil, paxos.OldDisk
	case e.From.Boot == v.boot && e.From.Process != v.process:
		return nil, paxos.Twin
	case e.From.Boot > v.boot && e.From.Promised.Less(v.promised):
		return nil, paxos.OldDisk
	case e.From.Boot > v.boot && all && highest < v.voted:
		return nil, paxos.OldDisk
	case e.From.Boot > v.boot+maxBootStep:
		return nil, paxos.Extreme
	case e.From.Boot > v.boot && !all && v.voted > 0:
		return nil, paxos.Stale
	}
	if !m.tooFar(highest, v.voted) {
		v.voted = max(v.voted, highest)
	}
	if v.promised.Less(e.From.Promised) && e.From.Promised.Round <= v.promised.Round+maxRoundStep {
		v.promised = e.From.Promised
	}
	v.boot, v.process = e.From.Boot, e.From.Process
	v.number = max(v.number, e.Config)
	return v, 0
}

// voted is the highest slot that the acceptor which sent m says it voted in, if it says
// so at all; all is whether it speaks of all that it ever voted in.
func voted(m paxos.Message) (highest paxos.Slot, all bool) {
	switch m := m.(type) {
	case paxos.Hello:
		return m.Marks.MaxVoted, true
	case paxos.Promise:
		return m.Marks.MaxVoted, true
	case paxos.Votes:
		return m.Marks.MaxVoted, true
	case paxos.ReadReport:
		return m.MaxVoted, true
	case paxos.Accepted:
		if n := len(m.Slots); n > 0 {
			return m.Slots[n-1], false
		}
	}
	return 0, false
}

// mayVote reports whether v, as it spoke in e, may have voted in a slot that c
// governs, and its place there: c must name it, and it must have known c.
func mayVote(v *voter, e *paxos.Envelope, c *paxos.Configuration) (seat int, ok bool) {
	if c == nil || e.Config < c.Number {
		return 0, false
	}
	seat = v.in(c)
	return seat, seat >= 0
}

// noteMarks remembers how far the log is as v sees it. known is a slot that the log
// has reached for certain.
func (m *member) noteMarks(v *voter, marks paxos.Marks, known paxos.Slot) {
	v.below = max(marks.ChosenBelow, marks.TrimBelow)
	if !m.tooFar(v.below, known) {
		v.stored, v.trim = max(v.stored, v.below), max(v.trim, marks.TrimBelow)
	}
}

// tooFar reports whether no honest log reaches slot: it is far above the slots that
// this member knows of, and above what most acceptors say. A member that has just
// started knows of none, and the log may be long.
func (m *member) tooFar(slot, known paxos.Slot) bool {
	if slot <= known+maxSlotStep {
		return false
	}
	below := make([]paxos.Slot, len(m.voters))
	for i, v := range m.voters {
		below[i] = v.below
	}
	slices.Sort(below)
	median := below[(len(below)-1)/2]
	return slot > maxSlot || slot > median+maxSlotStep
}

// ownBallot reports whether the sender of e may use ballot b: it is its own.
func ownBallot(e paxos.Envelope, b paxos.Ballot) bool {
	return e.From.Role == paxos.ProposerRole && e.From.ID == b.Proposer && e.From.Process == b.Incarnation && b.Round > 0
}

func cmpID(a, b paxos.NodeID) int { return cmp.Compare(a, b) }

func cmpSlot(a, b paxos.Slot) int { return cmp.Compare(a, b) }
