package node

import (
	"fmt"
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// findProblems says what keeps the cluster from working, or from being as safe as
// it should be, and what to do. The gravest comes first.
func (c *Cluster) findProblems(reports []Report) {
	if len(reports) == 0 {
		c.say("No role of cluster %q answers: start acceptors, proposers and learners, or see whether --nats and --cluster are right.", c.Cluster)
		return
	}
	c.problemsOfIdentity(reports)
	if c.Configuration == nil {
		c.problemsUnfounded()
		return
	}
	c.problemsOfQuorum()
	c.problemsOfLeader()
	c.problemsOfAcceptors()
	c.problemsOfLearners()
	c.problemsOfAnyone(reports)
}

func (c *Cluster) say(format string, args ...any) {
	c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
}

// problemsOfIdentity finds roles of another cluster, and two roles of one id.
func (c *Cluster) problemsOfIdentity(reports []Report) {
	seen := map[string]bool{}
	for i := range reports {
		r := &reports[i]
		name := r.Role + " " + string(r.ID)
		if seen[name] {
			c.say("Two processes run %s: give each an id of its own, and stop one of them.", name)
		}
		seen[name] = true
		if r.UUID != "" && r.UUID != c.UUID {
			c.say("%s %s is of another cluster with the same name (%s): stop it, or give its cluster another name.", title(r.Role), r.ID, r.UUID)
		}
	}
}

// problemsUnfounded says what is missing before a cluster exists.
func (c *Cluster) problemsUnfounded() {
	var ids []paxos.NodeID
	for _, a := range c.Acceptors {
		ids = append(ids, a.ID)
	}
	if len(ids) == 0 {
		c.say("No acceptor answers: start the acceptors, then found the cluster with `synod init`.")
		return
	}
	c.say("The cluster is not founded: run `synod init --acceptors %s` with the ids of all its acceptors.", joinComma(ids))
}

func joinComma(ids []paxos.NodeID) string {
	text := ""
	for i, id := range ids {
		if i > 0 {
			text += ","
		}
		text += string(id)
	}
	return text
}

// problemsOfQuorum says whether enough acceptors can vote.
func (c *Cluster) problemsOfQuorum() {
	config := c.Configuration.paxos()
	voters := c.voters(&config)
	var missing []paxos.NodeID
	for i, m := range config.Acceptors {
		if !voters.Has(i) {
			missing = append(missing, m.ID)
		}
	}
	switch {
	case !config.Phase2(voters):
		c.say("Nothing can be decided: only %d of %d acceptors vote, which is no quorum to choose (%s). Missing: %s.",
			voters.Len(), len(config.Acceptors), config.Quorums, join(missing))
	case !config.Phase1(voters):
		c.say("A new leader cannot be elected: only %d of %d acceptors vote, which is no quorum to promise (%s). Missing: %s.",
			voters.Len(), len(config.Acceptors), config.Quorums, join(missing))
	}
}

// problemsOfLeader says why nobody leads.
func (c *Cluster) problemsOfLeader() {
	if c.Leader != nil {
		c.problemsOfService()
		return
	}
	if len(c.Proposers) == 0 {
		c.say("Nobody leads: no proposer answers. Start one or more.")
		return
	}
	config := c.Configuration.paxos()
	if !config.Phase1(c.voters(&config)) {
		return // said already
	}
	for _, p := range c.Proposers {
		if p.Stage != "retired" {
			c.say("Nobody leads: an election is under way; proposer %s is %s. If this lasts, see the proposers' logs.", p.ID, p.Stage)
			return
		}
	}
	c.say("Nobody leads: every proposer is shutting down. Start one.")
}

// problemsOfService looks at the leader.
func (c *Cluster) problemsOfService() {
	for _, p := range c.Proposers {
		if p.ID != c.Leader.ID || p.Stage != "leading" {
			continue
		}
		if !p.Serving {
			c.say("Leader %s does not reach its clients yet.", p.ID)
		}
		if len(p.LiveLearners) == 0 {
			c.say("Leader %s hears no learner: nobody would answer, so nothing is proposed. Start a learner.", p.ID)
		}
		if len(p.Silent) > 0 {
			c.say("Leader %s gets no answer from acceptor %s.", p.ID, join(p.Silent))
		}
	}
}

// slowSync is when a disk is called slow, in milliseconds: a leader repeats what
// is not answered for longer.
const slowSync = 150.0

// problemsOfAcceptors looks at each acceptor.
func (c *Cluster) problemsOfAcceptors() {
	for _, a := range c.Acceptors {
		switch {
		case !a.Up:
			c.say("Acceptor %s does not answer: start it.", a.ID)
		case !a.Member && c.hasID(a.ID):
			c.say("Acceptor %s has another disk (%s) than the cluster was founded with: a wiped or swapped disk never votes as its former self. Bring the old disk back, or replace the acceptor by a new one.",
				a.ID, a.Disk)
		case !a.Member:
			c.say("Acceptor %s is not in the configuration and does not vote.", a.ID)
		case !a.Sealed:
			c.say("Acceptor %s is not sealed and does not vote: the founding did not finish. Run the same `synod init` again.", a.ID)
		case a.SpaceLow:
			c.say("Acceptor %s is short of disk space: free some.", a.ID)
		case a.SyncP99 > slowSync:
			c.say("Acceptor %s has a slow disk: of its syncs, 1 in 100 takes more than %.0f ms.", a.ID, slowSync)
		}
	}
}

func (c *Cluster) hasID(id paxos.NodeID) bool {
	return slices.ContainsFunc(c.Configuration.Acceptors, func(m Member) bool { return m.ID == id })
}

// problemsOfLearners looks at each learner, and at how many there are.
func (c *Cluster) problemsOfLearners() {
	ready := 0
	for _, l := range c.Learners {
		switch {
		case !l.Ready:
			c.say("Learner %s is not ready: %s.", l.ID, l.NotReady)
		case l.Lag > c.Configuration.Window:
			c.say("Learner %s is %s behind.", l.ID, plural(int(l.Lag), "slot"))
		default:
			ready++
		}
	}
	switch {
	case len(c.Learners) == 0:
		c.say("No learner answers: nothing is applied and nobody is answered. Start one or more.")
	case ready < c.Configuration.Copies:
		c.say("%s of the %d that must hold a slot before acceptors may forget it: acceptors keep everything until there are more.",
			title(plural(ready, "learner")), c.Configuration.Copies)
	}
}

// problemsOfAnyone finds what may trouble every role.
func (c *Cluster) problemsOfAnyone(reports []Report) {
	for i := range reports {
		r := &reports[i]
		if r.Role == "proposer" && r.UUID == "" {
			c.say("Proposer %s is not ready: %s.", r.ID, r.NotReady)
		}
		if r.Bus.SlowConsumers > 0 {
			c.say("%s %s did not keep up and lost messages %s: it is overloaded, or its machine is.",
				title(r.Role), r.ID, plural(int(r.Bus.SlowConsumers), "time"))
		}
	}
}

// title starts a sentence.
func title(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
