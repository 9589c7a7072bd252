package roles

import (
	"slices"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// The edges of a change of configuration; see edges_test.go.

// edgeChange is configuration 2 of a1 a2 a4, from a slot on, as a value.
func edgeChange(from paxos.Slot) paxos.Value {
	return paxos.Value{Kind: paxos.Reconfigure, Body: paxos.AppendConfiguration(nil, edgeConfig(2, from, "a1", "a2", "a4"))}
}

// sentTo reports whether a message of m's type is among what was sent to somebody.
func sentTo[M paxos.Message](out *paxos.Effects, to paxos.NodeID) bool {
	return slices.ContainsFunc(out.Send, func(e paxos.Envelope) bool {
		_, is := e.Msg.(M)
		return is && e.To == to
	})
}

// TestAChangeThatWasPassedOver: what this leader proposed in a slot is not what was chosen
// there, when it only hears that the slot is chosen.
func TestAChangeThatWasPassedOver(t *testing.T) {
	var out paxos.Effects
	p := edgeLeader(5)
	p.propose(edgeNow, 5, edgeChange(5+p.genesis.Window), false, &out)
	p.lead.next = 6
	p.skip(7)
	if n := p.known.Number(); n != 1 || p.chosen.Below != 7 {
		t.Errorf("all below %d are chosen, and configuration %d is the newest, want 7 and 1", p.chosen.Below, n)
	}
}

// TestNoChangeWhereSomethingWasFound: an operator's change waits for the slots in which
// phase 1 found votes.
func TestNoChangeWhereSomethingWasFound(t *testing.T) {
	for top, want := range map[paxos.Slot]bool{4: true, 5: false} {
		var out paxos.Effects
		p := edgeLeader(5)
		p.lead.top, p.lead.change.asked = top, edgeConfig(2, 0, "a1", "a2", "a4")
		p.proposeChange(edgeNow, &out)
		if proposed := len(out.Send) > 0; proposed != want {
			t.Errorf("with a vote in slot %d, a change is proposed in slot 5: %v", top, proposed)
		}
	}
}

// TestWhoIsToldOfAChangeActsOnIt: a leader tells everybody, and one that prepares asks the
// newcomers.
func TestWhoIsToldOfAChangeActsOnIt(t *testing.T) {
	for _, stage := range []stage{leading, preparing} {
		var out paxos.Effects
		p := edgeLeader(5)
		p.stage, p.phase1 = stage, newPromises(5, 0)
		p.Step(edgeNow, edgeEnvelope(p, "a1", paxos.Hello{Known: []paxos.Configuration{*edgeConfig(2, 9, "a1", "a2", "a4")}}), &out)
		if stage == leading {
			p.Flush(edgeNow, &out)
			if !sentTo[paxos.Hello](&out, "") {
				t.Errorf("a leader that is told says only %+v", out.Send)
			}
		}
		if !sentTo[paxos.Prepare](&out, "a4") {
			t.Errorf("while %s, it does not ask a4: %+v", stage, out.Send)
		}
	}
}

// TestPromisesOfNewcomersRaiseTheStamp: they may have voted for later ones.
func TestPromisesOfNewcomersRaiseTheStamp(t *testing.T) {
	p := edgeLeader(5)
	p.phase1.stamp = wall0 + 3600e9
	p.promisedMore(edgeNow, &paxos.Effects{})
	if stamp := p.lead.clock.read(edgeNow); stamp < p.phase1.stamp {
		t.Errorf("stamps go on at %d, below %d", stamp, p.phase1.stamp)
	}
}

// TestLeadingIsByWhoDecides: the acceptors that govern the lowest undecided slot keep a
// leader in office, whoever comes later.
func TestLeadingIsByWhoDecides(t *testing.T) {
	for _, silent := range [][]paxos.NodeID{{"a4"}, {"a1", "a2", "a3"}} {
		p := edgeLeader(5, edgeConfig(2, 9, "a4"))
		at := paxos.Now{Mono: edgeNow.Mono + 2*paxos.Instant(p.opts.QueueTimeout), Wall: wall0}
		for _, v := range p.voters {
			if !slices.Contains(silent, v.ID) {
				v.answered = at.Mono
			}
		}
		p.tickLeading(at, &paxos.Effects{})
		if leads := p.stage == leading; leads != (len(silent) == 1) {
			t.Errorf("without an answer of %v it leads: %v", silent, leads)
		}
	}
}

// TestPhaseOneAgainIsOfOneConfiguration: a quorum of the one before says nothing of the
// slots that the next governs.
func TestPhaseOneAgainIsOfOneConfiguration(t *testing.T) {
	p := edgeLeader(12, edgeConfig(2, 9, "a1", "a2", "a4"))
	p.chosen.From = 12
	p.refill(paxos.Fill{From: 5, To: 12}, &paxos.Effects{})
	if ps := p.lead.refill; ps == nil || ps.from != 5 || ps.to != 9 {
		t.Errorf("asks again for %+v, want slots 5 to 8", ps)
	}
}

// TestVotesUnderAnotherConfiguration are not seats of this one: they are counted anew.
func TestVotesUnderAnotherConfiguration(t *testing.T) {
	old, now := edgeConfig(1, 1, "a1", "a2", "a3"), edgeConfig(2, 5, "a2", "a3", "a4")
	var ta tally
	ta.count(old, 0)
	if ta.count(now, 1); ta.chosen() {
		t.Error("a vote of a1 under the old configuration and one of a3 choose under the new one")
	}
	if ta.count(now, 2); !ta.chosen() {
		t.Error("votes of a3 and a4 choose nothing")
	}
}

// TestALearnerKnowsAChangeAsSoonAsItLearnsIt.
func TestALearnerKnowsAChangeAsSoonAsItLearnsIt(t *testing.T) {
	l := edgeLearner(4)
	l.learn(paxos.Decision{Slot: 5, Value: edgeChange(5 + l.genesis.Window)}, &paxos.Effects{})
	if n := l.known.Number(); n != 2 {
		t.Errorf("it knows configuration %d", n)
	}
}

// TestAnotherDiskDoesNotVoteForTheFormer: an acceptor that came back with another disk votes
// where a configuration names that disk, and nowhere below.
func TestAnotherDiskDoesNotVoteForTheFormer(t *testing.T) {
	g := testGenesis(3)
	next := edgeConfig(2, 9, "a1", "a2", "a3")
	next.Acceptors[0].Disk = testDisk("another")
	self := testSender("a1")
	self.Disk = testDisk("another")
	a := RestoreAcceptor(self, paxos.AcceptorState{Genesis: &g, Sealed: true, Known: paxos.Configurations{&g.First, next}}, edgeNow)
	b := paxos.Ballot{Round: 1, Proposer: "p1", Incarnation: testSender("p1").Process}
	for slot, want := range map[paxos.Slot]bool{8: false, 9: true} {
		var out paxos.Effects
		a.Step(edgeNow, paxos.Envelope{Cluster: g.Cluster, Config: 2, From: testSender("p1"), Msg: paxos.Accept{
			Ballot: b, Slot: slot, Value: testValue("x"), Chosen: paxos.Chosen{From: 1, Below: 8},
		}}, &out)
		if voted := len(out.Persist) > 0; voted != want {
			t.Errorf("in slot %d it votes: %v", slot, voted)
		}
	}
}

// TestConfigurationsOfAnotherCluster are taken by nobody.
func TestConfigurationsOfAnotherCluster(t *testing.T) {
	g := testGenesis(3)
	foreign := paxos.Envelope{Cluster: g.Cluster, Config: 2, From: testSender("a2"), Msg: paxos.Hello{
		Genesis: &g, Known: []paxos.Configuration{*edgeConfig(2, 9, "a1", "a2", "a4")},
	}}
	foreign.Cluster.UUID[0]++
	var out paxos.Effects
	p, l := edgeLeader(5), edgeLearner(4)
	a := RestoreAcceptor(testSender("a1"), paxos.AcceptorState{Genesis: &g, Sealed: true, Known: paxos.Configurations{&g.First}}, edgeNow)
	p.Step(edgeNow, foreign, &out)
	l.Step(edgeNow, foreign, &out)
	foreign.From = testSender("p2")
	a.Step(edgeNow, foreign, &out)
	for role, known := range map[string]paxos.Configurations{"the proposer": p.Known(), "the learner": l.Known(), "the acceptor": a.Known()} {
		if known.Number() != 1 {
			t.Errorf("%s knows configuration %d", role, known.Number())
		}
	}
}

// TestOnlyAcceptorsSpeakForAcceptors, whatever id and disk a message names.
func TestOnlyAcceptorsSpeakForAcceptors(t *testing.T) {
	p := edgeLeader(5)
	e := edgeEnvelope(p, "a1", paxos.Accepted{})
	for role, want := range map[paxos.Role]paxos.DropReason{paxos.AcceptorRole: 0, paxos.LearnerRole: paxos.NotMember} {
		e.From.Role = role
		if _, reason := p.fromAcceptor(e); reason != want {
			t.Errorf("%s: dropped for %v, want %v", role, reason, want)
		}
	}
}

// TestAChangeNeedsBothQuorums of those that answer.
func TestAChangeNeedsBothQuorums(t *testing.T) {
	for name, q := range map[string]paxos.QuorumSystem{
		"no phase-1 quorum": {Kind: paxos.Sizes, Size1: 4, Size2: 1},
		"no phase-2 quorum": {Kind: paxos.Sizes, Size1: 1, Size2: 4},
	} {
		next := *edgeConfig(2, 0, "a1", "a2", "a3", "a4")
		next.Quorums = q
		p := edgeLeader(5)
		p.voters[0].answered = 0
		if why := p.refuseChange(edgeNow, next); why == "" {
			t.Errorf("without a1 there is %s, and the change is proposed", name)
		}
	}
}

// TestALeaderThatLeavesTakesNoChange: the next one is asked.
func TestALeaderThatLeavesTakesNoChange(t *testing.T) {
	p := edgeLeader(5)
	p.propose(edgeNow, 5, paxos.Value{}, false, &paxos.Effects{})
	p.lead.next, p.drain = 6, true
	var out paxos.Effects
	e := edgeEnvelope(p, "operator", paxos.Change{Next: edgeConfig(2, 0, "a1", "a2", "a4")})
	e.From.Role = paxos.OperatorRole
	p.Step(edgeNow, e, &out)
	if len(p.pending()) != 0 || !sentTo[paxos.ChangeReport](&out, "operator") {
		t.Errorf("on its way out it takes %v and says %+v", p.pending(), out.Send)
	}
}

// TestWhatNoLogReachesIsNotStored, whatever an acceptor says.
func TestWhatNoLogReachesIsNotStored(t *testing.T) {
	p := edgeLeader(12, edgeConfig(2, 9, "a1", "a2", "a4"))
	p.noteMarks(p.voters[0], paxos.Marks{ChosenBelow: 1 << 60, TrimBelow: 1 << 60}, 12)
	if v := p.voters[0]; v.stored != 0 || v.trim != 0 {
		t.Errorf("a log of 11 slots, and a1 has stored all below %d", v.stored)
	}
}

// TestTheHighestGenerationStays, in whatever order generations are heard of, and whomever
// the messages are for.
func TestTheHighestGenerationStays(t *testing.T) {
	g := testGenesis(3)
	a := RestoreAcceptor(testSender("a1"), paxos.AcceptorState{Genesis: &g, Sealed: true, Known: paxos.Configurations{&g.First}}, edgeNow)
	for _, generation := range []uint64{7, 5} {
		e := paxos.Envelope{Cluster: g.Cluster, Config: 1, From: testSender("p1"), To: "a2", Msg: paxos.Prepare{}}
		e.Cluster.Generation = generation
		a.Step(edgeNow, e, &paxos.Effects{})
	}
	if c := a.Superseded(); c.Generation != 7 {
		t.Errorf("superseded by generation %d, want 7", c.Generation)
	}
}

// TestABoundDiskKnowsItsRivals before it hears of its own cluster.
func TestABoundDiskKnowsItsRivals(t *testing.T) {
	g := testGenesis(3)
	l := NewLearner(testSender("l1"), DefaultLearnerOptions(), paxos.Position{}, edgeNow)
	l.Bind(g.Cluster)
	higher := paxos.Envelope{Cluster: g.Cluster, Config: 1, From: testSender("a1"), Msg: paxos.Hello{}}
	higher.Cluster.Generation++
	if l.Step(edgeNow, higher, &paxos.Effects{}); l.Superseded() != higher.Cluster {
		t.Errorf("superseded by %v, want %v", l.Superseded(), higher.Cluster)
	}
}

// TestAFencedProposerStopsPreparing: it must not come to lead when its rival is gone.
func TestAFencedProposerStopsPreparing(t *testing.T) {
	p := edgeLeader(5)
	p.prepare(edgeNow, &paxos.Effects{})
	rival := edgeEnvelope(p, "a1", paxos.Hello{})
	rival.Cluster.UUID[0]++
	if p.Step(edgeNow, rival, &paxos.Effects{}); p.stage != standby {
		t.Errorf("beside a rival it is %v", p.stage)
	}
}
