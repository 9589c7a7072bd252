package roles

import (
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

// member is what every role has: who it is, its cluster, and how it judges the
// messages that it hears.
type member struct {
	self    paxos.Sender
	genesis *paxos.Genesis // nil until the role knows its cluster
	config  *paxos.Configuration
	disks   map[paxos.UUID]witness
	below   []paxos.Slot // by acceptor: what it said last to be chosen below
	rivals  rivals
}

// witness is the most that was heard of one acceptor disk. A disk that says less
// is an old copy of it.
type witness struct {
	boot     uint64
	process  uint64
	promised paxos.Ballot
}

// join makes g the member's cluster.
func (m *member) join(g *paxos.Genesis) {
	m.genesis, m.config = g, &g.First
	m.disks = map[paxos.UUID]witness{}
	m.below = make([]paxos.Slot, len(m.config.Acceptors))
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

// send adds a message from this member to out. An empty to is everyone whom the
// message's subject reaches.
func (m *member) send(out *paxos.Effects, to paxos.NodeID, msg paxos.Message) {
	e := paxos.Envelope{Cluster: m.cluster(), From: m.self, To: to, Msg: msg}
	if m.config != nil {
		e.Config = m.config.Number
	}
	out.Send = append(out.Send, e)
}

func drop(out *paxos.Effects, e paxos.Envelope, reason paxos.DropReason) {
	out.Drop = append(out.Drop, paxos.Drop{Reason: reason, From: e.From, Msg: e.Msg})
}

// foreign says why a message of another cluster, generation or configuration is
// not taken, or one of ours while we have a rival; 0 when it is of ours.
func (m *member) foreign(e paxos.Envelope) paxos.DropReason {
	switch {
	case m.genesis == nil:
		return paxos.Unfounded
	case e.Cluster != m.genesis.Cluster:
		return paxos.Foreign
	case m.fenced():
		return paxos.Fenced
	case e.Config != m.config.Number:
		return paxos.OtherConfig
	default:
		return 0
	}
}

// fromAcceptor is the index of the acceptor that sent e, or why its word does
// not count. The disk must be the one that the configuration names, and must not
// say less than it said before: then it is an old copy, or a twin.
func (m *member) fromAcceptor(e paxos.Envelope) (int, paxos.DropReason) {
	if reason := m.foreign(e); reason != 0 {
		return 0, reason
	}
	i := m.config.Index(e.From.ID)
	if i < 0 || e.From.Role != paxos.AcceptorRole || m.config.Acceptors[i].Disk != e.From.Disk {
		return 0, paxos.NotMember
	}
	w := m.disks[e.From.Disk]
	switch {
	case e.From.Boot < w.boot:
		return 0, paxos.OldDisk
	case e.From.Boot == w.boot && e.From.Process != w.process:
		return 0, paxos.Twin
	case e.From.Boot > w.boot && e.From.Promised.Less(w.promised):
		return 0, paxos.OldDisk
	case e.From.Boot > w.boot+maxBootStep:
		return 0, paxos.Extreme
	}
	if w.promised.Less(e.From.Promised) && e.From.Promised.Round <= w.promised.Round+maxRoundStep {
		w.promised = e.From.Promised
	}
	w.boot, w.process = e.From.Boot, e.From.Process
	m.disks[e.From.Disk] = w
	return i, 0
}

// noteMarks remembers how far the log is as acceptor i sees it.
func (m *member) noteMarks(i int, marks paxos.Marks) {
	m.below[i] = max(marks.ChosenBelow, marks.TrimBelow)
}

// tooFar reports whether no honest log reaches slot: it is far above the slots that
// this member knows of, and above what most acceptors say. A member that has just
// started knows of none, and the log may be long.
func (m *member) tooFar(slot, known paxos.Slot) bool {
	if slot <= known+maxSlotStep {
		return false
	}
	sorted := slices.Sorted(slices.Values(m.below))
	median := sorted[(len(sorted)-1)/2]
	return slot > maxSlot || slot > median+maxSlotStep
}

// ownBallot reports whether the sender of e may use ballot b: it is its own.
func ownBallot(e paxos.Envelope, b paxos.Ballot) bool {
	return e.From.Role == paxos.ProposerRole && e.From.ID == b.Proposer && e.From.Process == b.Incarnation && b.Round > 0
}
