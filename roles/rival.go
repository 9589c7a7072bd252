package roles

import "github.com/synod-paxos/synod/paxos"

// rivalKept is how long a cluster of the same name and generation counts after it
// was heard last. Its acceptors and learners say Hello several times in that time.
const rivalKept = paxos.Duration(3 * AcceptorHello)

// rivals is what a member heard of other clusters of its name. A cluster is restored
// from a copy, or forced from what survived, under its old name and with a higher
// generation: whoever hears of a higher one than its own must not answer or vote any
// more, for the clients belong to the other. Of two with one generation nobody knows
// which is meant, so neither answers while both are there.
type rivals struct {
	bound  paxos.ClusterID // the cluster that the member's disk belongs to; zero while it does to none
	now    paxos.Instant   // of the present step
	higher paxos.ClusterID
	equal  paxos.ClusterID
	heard  paxos.Instant // when equal was heard last
}

// noteTime tells the member the time of a step. What it judges, it judges as of then.
func (m *member) noteTime(now paxos.Now) { m.rivals.now = now.Mono }

// meet notes which cluster e is of. An older one is no rival.
func (m *member) meet(now paxos.Now, e paxos.Envelope) {
	m.noteTime(now)
	own := m.own()
	if own.UUID.IsZero() || e.Cluster.UUID.IsZero() || e.Cluster == own || e.From.Role == paxos.OperatorRole {
		return
	}
	switch {
	case e.Cluster.Generation > own.Generation:
		m.Supersede(e.Cluster)
	case e.Cluster.Generation == own.Generation && e.Cluster.UUID != own.UUID:
		m.rivals.equal, m.rivals.heard = e.Cluster, now.Mono
	}
}

// own is the cluster that the member belongs to, as far as it knows; zero for none.
func (m *member) own() paxos.ClusterID {
	if m.genesis != nil {
		return m.genesis.Cluster
	}
	return m.rivals.bound
}

// Supersede tells the member that c, of a higher generation, has the name of its
// cluster. It holds for good; a disk may remember it.
func (m *member) Supersede(c paxos.ClusterID) {
	if c.Generation > m.rivals.higher.Generation {
		m.rivals.higher = c
	}
}

// Superseded is the cluster that has taken the name of this one, for good; zero for none.
func (m *member) Superseded() paxos.ClusterID {
	if m.rivals.higher.Generation <= m.own().Generation {
		return paxos.ClusterID{}
	}
	return m.rivals.higher
}

// Rival is the cluster that keeps this member from answering and voting: one of a higher
// generation, or one of its own that was heard lately. It is zero for none.
func (m *member) Rival() paxos.ClusterID {
	if c := m.Superseded(); c != (paxos.ClusterID{}) {
		return c
	}
	if m.rivals.equal != (paxos.ClusterID{}) && m.rivals.now-m.rivals.heard < paxos.Instant(rivalKept) {
		return m.rivals.equal
	}
	return paxos.ClusterID{}
}

// fenced reports whether there is a rival.
func (m *member) fenced() bool { return m.Rival() != (paxos.ClusterID{}) }
