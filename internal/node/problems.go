package node

import (
	"fmt"
	"slices"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// findProblems says what keeps the cluster from working, or from being as safe as
// it should be, and what to do. The gravest comes first.
func (c *Cluster) findProblems(reports []Report) {
	if len(reports) == 0 {
		c.say("No role of cluster %q answers: start acceptors, proposers and learners, or see whether --nats and --cluster are right, and whether these credentials may ask (`synod permissions`).", c.Cluster)
		return
	}
	c.problemsOfIdentity(reports)
	if c.Configuration == nil {
		c.problemsUnfounded()
		return
	}
	c.problemsOfQuorum()
	c.problemsOfLeader()
	c.problemsOfSlots()
	c.problemsOfAcceptors()
	c.problemsOfLearners()
	c.problemsOfClocks(reports)
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
		switch {
		case r.UUID == "" || r.UUID == c.UUID:
		case r.Generation < c.Generation:
			c.say("%s %s is of generation %d (%s), which this cluster has superseded: stop it for good, or start it with an empty data directory.",
				title(r.Role), r.ID, r.Generation, r.UUID)
		default:
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
	if c.problemOfRival(&config, voters) {
		return
	}
	var missing []paxos.NodeID
	for i, m := range config.Acceptors {
		if !voters.Has(i) {
			missing = append(missing, m.ID)
		}
	}
	switch {
	case !config.Phase2(voters):
		c.say("Nothing can be decided: only %d of %d acceptors vote, which is no quorum to choose (%s). Missing: %s. Start them. If their disks are lost for good: `synod member force-new-cluster` says what can be saved.",
			voters.Len(), len(config.Acceptors), config.Quorums, join(missing))
	case !config.Phase1(voters):
		c.say("A new leader cannot be elected: only %d of %d acceptors vote, which is no quorum to promise (%s). Missing: %s. Start them.",
			voters.Len(), len(config.Acceptors), config.Quorums, join(missing))
	}
}

// problemOfRival says that acceptors that would be a quorum are kept from voting by another
// cluster of the name.
func (c *Cluster) problemOfRival(config *paxos.Configuration, voters paxos.Set) bool {
	var kept []paxos.NodeID
	rival := ""
	for _, a := range c.Acceptors {
		if i := config.Index(a.ID); i >= 0 && a.Up && a.Member && a.Rival != "" {
			kept, rival, voters = append(kept, a.ID), a.Rival, voters.With(i)
		}
	}
	if rival == "" || !config.Phase2(voters) {
		return false
	}
	c.say("Nothing is decided: cluster %s has the name of this one, and keeps its acceptors (%s) from voting.", rival, join(kept))
	return true
}

// problemsOfLeader says why nobody leads.
func (c *Cluster) problemsOfLeader() {
	if c.Leader != nil {
		c.problemsOfService()
		return
	}
	if len(c.Proposers) == 0 {
		c.say("Nobody leads: no proposer answers. Start two or more.")
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
	if len(c.Proposers) == 1 {
		c.say("Only one proposer answers: nobody takes over when it is gone. Start another one.")
	}
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

// openTooLong is how long a slot may be undecided before somebody should know, in
// milliseconds: an election timeout and more.
const openTooLong = 1000.0

// problemsOfSlots says who has not voted in the slots that are undecided for long.
func (c *Cluster) problemsOfSlots() {
	if c.Leader == nil {
		c.problemsOfVotes()
		return
	}
	for _, p := range c.Proposers {
		if p.ID != c.Leader.ID || len(p.OpenSlots) == 0 || p.OpenSlots[0].Age < openTooLong {
			continue
		}
		o := p.OpenSlots[0]
		c.say("Slot %d is undecided for %.1f s, and so are all above it (%s in flight, %s waiting): %s did not vote.",
			o.Slot, o.Age/1e3, plural(p.InFlight, "slot"), plural(p.Queued, "command"), join(o.Missing))
	}
}

// problemsOfVotes says what is in the air while nobody leads.
func (c *Cluster) problemsOfVotes() {
	var highest paxos.Slot
	var votes []string
	for _, a := range c.Acceptors {
		if a.Up && a.Member {
			highest = max(highest, a.MaxVoted)
			votes = append(votes, fmt.Sprintf("%s up to %d", a.ID, a.MaxVoted))
		}
	}
	if highest > c.Chosen {
		c.say("Slots %d to %d have votes and are not known to be chosen (voted: %s): the next leader decides them before anything new.",
			c.Chosen+1, highest, join(votes))
	}
}

// canDecide reports whether the acceptors that vote suffice for both phases, and
// somebody leads.
func (c *Cluster) canDecide() bool {
	config := c.Configuration.paxos()
	voters := c.voters(&config)
	return c.Leader != nil && config.Phase1(voters) && config.Phase2(voters)
}

// problemsOfClocks names the machines whose clocks differ from the others'.
func (c *Cluster) problemsOfClocks(reports []Report) {
	seen := map[string]bool{}
	for i, offset := range clockOffsets(reports) {
		r := &reports[i]
		if offset.Abs()-r.doubt() < clockTolerance || seen[r.Host] {
			continue
		}
		seen[r.Host] = r.Host != ""
		how := "ahead of"
		if offset < 0 {
			how = "behind"
		}
		c.say("The clock of %s %s is %s %s the others' (host %s): synchronize it. Log time follows the lower median of the acceptors' clocks, so it is right as long as most of them are.",
			r.Role, r.ID, offset.Abs().Round(10*time.Millisecond), how, r.Host)
	}
}

// strange are the messages that no healthy cluster has, and what they mean. Those of
// another cluster of the name are past once its roles are: see problemsOfIdentity.
var strange = []struct{ reason, meaning string }{
	{paxos.Twin.String(), "two processes use one data directory, or a copy of it: stop one of them, and remove the copy"},
	{paxos.OldDisk.String(), "an old copy of an acceptor's disk runs: stop it, and replace that acceptor by a new one"},
	{paxos.Inconsistent.String(), "two roles contradict each other: see its log, and the disks and memory of the machines"},
}

// problemsOfMessages explains what a role did not take.
func (c *Cluster) problemsOfMessages(r *Report) {
	for _, s := range strange {
		if n := r.Ignored[s.reason]; n > 0 {
			last, meaning := "", s.meaning
			if l, ok := r.IgnoredLast[s.reason]; ok {
				if s.reason == paxos.Twin.String() && l.From == r.Role+" "+string(r.ID) && l.Disk != r.Disk {
					meaning = "another process ran under its id, with another data directory or none: every role needs an id of its own"
				}
				last = fmt.Sprintf(", the last %.0f s ago of %s (disk %s, boot %d)", l.Ago, l.From, l.Disk, l.Boot)
			}
			c.say("%s %s ignored %s (%s) since its start%s: %s.", title(r.Role), r.ID, plural(int(n), "message"), s.reason, last, meaning)
		}
	}
	if r.Bus.AsyncErrors > 0 {
		c.say("NATS refused something to %s %s, %s since its start: its log says what; `synod permissions` prints what each role needs.",
			r.Role, r.ID, plural(int(r.Bus.AsyncErrors), "time"))
	}
}

// slowSync is when a disk is called slow, in milliseconds: a leader repeats what
// is not answered for longer. Before so many syncs nothing is said of 1 in 100.
const (
	slowSync  = 150.0
	manySyncs = 100
)

// problemsOfAcceptors looks at each acceptor.
func (c *Cluster) problemsOfAcceptors() {
	for i := range c.Acceptors {
		a := &c.Acceptors[i]
		switch {
		case !a.Up && c.Joins(a):
			c.say("Acceptor %s joins the configuration, and does not answer: start it.", a.ID)
		case !a.Up:
			c.say("Acceptor %s does not answer: start it. If it ended by itself, its last line says why.", a.ID)
		case a.foreign: // said already
		case a.Rival != "":
			c.say("Acceptor %s is not ready: %s.", a.ID, a.NotReady)
		case c.Leaves(a):
			c.say("Acceptor %s leaves the configuration, and is needed until that is finished: stop it when `synod member list` says nothing of an unfinished change.", a.ID)
		case !a.Member && c.hasID(a.ID):
			c.say("Acceptor %s has another disk (%s) than the configuration names: a wiped or swapped disk never votes as its former self. Bring the old disk back, or take it in as new: `synod member replace %s`.",
				a.ID, a.Disk, a.ID)
		case !a.Member:
			c.say("Acceptor %s is not in the configuration and does not vote. Take it in with `synod member add %s`, or stop it.", a.ID, a.ID)
		case !a.Sealed:
			c.say("Acceptor %s is not sealed and does not vote: the founding did not finish. Run the same `synod init` again.", a.ID)
		case a.SyncPending > milliseconds(hungSync):
			c.say("Acceptor %s has a disk that hangs: the present sync has taken %.1f s so far. See the machine's disk; without a quorum of others nothing is decided.",
				a.ID, a.SyncPending/1e3)
		case a.SpaceLow:
			c.say("Acceptor %s is short of disk space (%d MiB are left): free some. It votes until nothing is left, and then stops; without a quorum of others that have space clients are refused before.",
				a.ID, a.FreeBytes>>20)
		case a.SyncP99 > slowSync && a.Sync.count() >= manySyncs:
			c.say("Acceptor %s has a slow disk: of its syncs, 1 in 100 takes more than %.0f ms (p50 %.1f ms, p99 up to %.0f ms). Give it a faster disk, or one of its own.",
				a.ID, slowSync, a.SyncP50, a.SyncP99)
		}
	}
}

func (c *Cluster) hasID(id paxos.NodeID) bool {
	return slices.ContainsFunc(c.Configuration.Acceptors, func(m Member) bool { return m.ID == id })
}

// problemsOfLearners looks at each learner, and at how many there are.
func (c *Cluster) problemsOfLearners() {
	ready, own := 0, 0
	for _, l := range c.Learners {
		if !l.foreign {
			own++
		}
		switch {
		case l.foreign: // said already
		case l.NotReady == errCannotRead.Error():
			ready++ // what it holds, it holds
			if c.canDecide() {
				c.say("Learner %s is not ready: %s. See whether its NATS server reaches those of the acceptors.", l.ID, l.NotReady)
			}
		case !l.Ready:
			c.say("Learner %s is not ready: %s.", l.ID, l.NotReady)
		case l.Lag > c.Configuration.Window:
			c.say("Learner %s is %s behind.", l.ID, plural(int(l.Lag), "slot"))
		default:
			ready++
		}
	}
	switch {
	case own == 0:
		c.say("No learner answers: nothing is applied and nobody is answered. Start one or more.")
	case ready < c.Configuration.Copies:
		start := ""
		if own < c.Configuration.Copies {
			start = " Start what is missing; a learner whose disk is lost starts with an empty data directory."
		}
		c.say("%s of the %d that must hold a slot before acceptors may forget it: acceptors keep everything until there are more.%s",
			title(plural(ready, "learner")), c.Configuration.Copies, start)
	}
}

// problemsOfAnyone finds what may trouble every role.
func (c *Cluster) problemsOfAnyone(reports []Report) {
	for i := range reports {
		r := &reports[i]
		if r.Role == "proposer" && r.UUID == "" {
			c.say("Proposer %s is not ready: %s.", r.ID, r.NotReady)
		}
		c.problemsOfMessages(r)
		if r.Learner != nil && r.Learner.Watch != nil && r.Learner.Watch.Leaf && r.Learner.Watch.Problem != "" {
			c.say("Learner %s cannot serve key-value watchers: %s.", r.ID, r.Learner.Watch.Problem)
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
