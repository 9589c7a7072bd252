package roles

import "github.com/synod-paxos/synod/paxos"

// This file is how a learner finds its cluster, and follows its configurations.

// hello makes the learner known, and asks for the cluster while it knows none.
func (l *Learner) hello(now paxos.Now, out *paxos.Effects) {
	l.nextHello = now.Mono + paxos.Instant(AcceptorHello)
	if l.genesis == nil {
		l.nextHello = now.Mono + paxos.Instant(AcceptorHello/4)
	}
	l.send(out, "", paxos.Hello{Known: l.told()})
}

// configure takes over newer configurations. Whom a round of reads asks changes with
// them, so one that runs begins again.
func (l *Learner) configure(told ...paxos.Configuration) {
	if l.adopt(told) && l.reads.asking {
		l.reads.again = true
	}
}

// stepHello learns the cluster, and how far the log is, from the acceptors, and
// meets twins: two processes with one disk would count as one copy of the log.
func (l *Learner) stepHello(now paxos.Now, e paxos.Envelope, m paxos.Hello, out *paxos.Effects) {
	switch e.From.Role {
	case paxos.AcceptorRole:
		if l.genesis == nil && m.Genesis != nil && m.Genesis.Check() == nil && m.Genesis.Cluster == e.Cluster && l.mayJoin(e.Cluster) {
			l.Join(m.Genesis)
		}
		if l.genesis == nil {
			return // the acceptor waits for its founding, too
		}
		if e.Cluster == l.genesis.Cluster {
			l.configure(m.Known...)
		}
		v, reason := l.fromAcceptor(e)
		if reason != 0 {
			drop(out, e, reason)
			return
		}
		l.hearMarks(v, m.Marks)
		l.noticeGap(now)
	case paxos.LearnerRole:
		l.meetLearner(e, out)
	}
}

// meetLearner stops this learner when another process speaks under its id in its
// cluster, and did not open its disk earlier.
func (l *Learner) meetLearner(e paxos.Envelope, out *paxos.Effects) {
	switch {
	case e.From.ID != l.self.ID || e.From.Process == l.self.Process || e.From.Boot < l.self.Boot:
	case l.genesis != nil && e.Cluster != (paxos.ClusterID{}) && e.Cluster != l.genesis.Cluster:
		drop(out, e, paxos.Foreign)
	default:
		drop(out, e, paxos.Twin)
		out.Stop = "another process runs learner " + string(l.self.ID) + "; every learner needs an id of its own"
	}
}

// hearMarks notes how far the log is, and how much of it is forgotten.
func (l *Learner) hearMarks(v *voter, m paxos.Marks) {
	l.noteMarks(v, m, max(l.below, l.next))
	if known := max(l.below, l.next); l.tooFar(m.ChosenBelow, known) || l.tooFar(m.TrimBelow, known) {
		return
	}
	l.below, l.trim = max(l.below, m.ChosenBelow), max(l.trim, m.TrimBelow)
}

// Join gives the learner its cluster, which its disk remembers. What the cluster was
// restored from is in no acceptor: a state that lacks it takes a snapshot.
func (l *Learner) Join(g *paxos.Genesis) {
	l.join(g)
	if g.First.From > 1 {
		l.below, l.trim = max(l.below, g.First.From), max(l.trim, g.First.From)
	}
}

// Bind tells the learner which cluster its disk belongs to, before anything else. It
// joins no other.
func (l *Learner) Bind(c paxos.ClusterID) { l.rivals.bound = c }

func (l *Learner) mayJoin(c paxos.ClusterID) bool {
	return l.rivals.bound == (paxos.ClusterID{}) || l.rivals.bound == c
}
