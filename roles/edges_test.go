package roles

import (
	"strings"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// These tests stand at the very edge of a rule, where an operator that is one off would
// let something through, or hold something up for good.

var edgeNow = paxos.Now{Mono: start0, Wall: wall0}

// edgeConfig is configuration n from a slot on, of these acceptors.
func edgeConfig(n uint64, from paxos.Slot, ids ...paxos.NodeID) *paxos.Configuration {
	c := &paxos.Configuration{Number: n, From: from, Copies: 2}
	for _, id := range ids {
		c.Acceptors = append(c.Acceptors, paxos.Member{ID: id, Disk: testDisk(id)})
	}
	return c
}

// edgeLeader leads in ballot 1.p1 with these configurations after the genesis of a1 a2 a3,
// where all slots below are chosen, and every acceptor has promised and knows all.
func edgeLeader(below paxos.Slot, later ...*paxos.Configuration) *Proposer {
	p := NewProposer(testSender("p1"), DefaultProposerOptions(), edgeNow)
	g := testGenesis(3)
	p.join(&g)
	var told []paxos.Configuration
	for _, c := range later {
		told = append(told, *c)
	}
	p.adopt(told)
	p.stage, p.ballot = leading, paxos.Ballot{Round: 1, Proposer: "p1", Incarnation: p.self.Process}
	p.chosen = paxos.Chosen{From: 1, Below: below}
	p.phase1 = newPromises(1, 0)
	p.lead = leadership{
		since: edgeNow.Mono, next: below, rounds: map[paxos.Slot]*round{},
		clock: startClock(0, []paxos.LogTime{wall0}, edgeNow),
	}
	for _, v := range p.voters {
		v.answered, v.heard, v.number = edgeNow.Mono, edgeNow.Mono, p.known.Number()
		p.phase1.pages[v.Disk] = page{complete: true}
	}
	return p
}

func edgeEnvelope(p *Proposer, from paxos.NodeID, m paxos.Message) paxos.Envelope {
	return paxos.Envelope{Cluster: p.genesis.Cluster, Config: p.known.Number(), From: testSender(from), Msg: m}
}

// TestHandedDownAtTheEdge: the configuration before must have stored the next one before
// anything is voted for under it, and is not needed after that.
func TestHandedDownAtTheEdge(t *testing.T) {
	c := edgeConfig(2, 9, "a1", "a2", "a4")
	for _, test := range []struct {
		name       string
		below, top paxos.Slot
		want       bool
	}{
		{"nothing is voted for there", 9, 8, false},
		{"a vote was found there", 9, 9, true},
		{"its first slot is chosen", 10, 8, true},
	} {
		p := edgeLeader(test.below, c)
		for _, v := range p.voters {
			v.number = 1 // none of the others is there to say so
		}
		p.lead.top = test.top
		if got := p.handedDown(p.known.Newest()); got != test.want {
			t.Errorf("%s: handed down is %v", test.name, got)
		}
	}
}

// TestUnfinishedAtTheEdge: acceptors must have stored that the first slot is chosen, and
// quorums of both phases.
func TestUnfinishedAtTheEdge(t *testing.T) {
	c := edgeConfig(2, 9, "a1", "a2", "a4")
	c.Quorums = paxos.QuorumSystem{Kind: paxos.Sizes, Size1: 1, Size2: 3}
	held := func(p *Proposer) *Proposer {
		for _, id := range []paxos.NodeID{"l1", "l2"} {
			p.learners.view(testSender(id)).position = paxos.Position{Applied: 11, Durable: 11}
		}
		return p
	}
	p := held(edgeLeader(12, c))
	for _, test := range []struct {
		name   string
		stored []paxos.Slot
		done   bool
	}{
		{"all below the first slot", []paxos.Slot{9, 9, 9}, false},
		{"a phase-1 quorum alone", []paxos.Slot{10, 9, 9}, false},
		{"all", []paxos.Slot{10, 10, 10}, true},
	} {
		for i, m := range c.Acceptors {
			p.voter(m).stored = test.stored[i]
		}
		if waits := p.unfinished(); (waits == "") != test.done {
			t.Errorf("%s: waits for %q", test.name, waits)
		}
	}
	p.voters[1].number = 1
	if p.unfinished() == "" {
		t.Error("a change is finished while one of its acceptors has not stored it")
	}
	p.voters[1].number = p.known.Number()
	p.learners[1].disk = p.learners[0].disk
	if waits := p.unfinished(); !strings.Contains(waits, "only 1 of 2 required learner copies") {
		t.Errorf("two learners of one disk: waits for %q", waits)
	}
	p = held(edgeLeader(12, edgeConfig(2, 9, "a1", "a2", "a3")))
	p.known.Newest().Quorums = paxos.QuorumSystem{Kind: paxos.Sizes, Size1: 3, Size2: 1}
	p.voters[0].stored = 10
	if p.unfinished() == "" {
		t.Error("a phase-2 quorum alone finishes a change")
	}
}

// TestCopiesAtTheEdge: those that a slot needs are those of the configuration that governs
// the first slot in the air, not of an older one, nor of one to come.
func TestCopiesAtTheEdge(t *testing.T) {
	one := edgeConfig(2, 9, "a1", "a2", "a3")
	one.Copies = 1
	for below, trims := range map[paxos.Slot]int{8: 0, 9: 1} {
		p := edgeLeader(below, one)
		v := p.learners.view(testSender("l1"))
		v.position, v.digests = paxos.Position{Applied: 7, Durable: 7}, []paxos.Digest{{Slot: 7}}
		var out paxos.Effects
		if p.trim(edgeNow, &out); len(out.Send) != trims {
			t.Errorf("with all below %d chosen, and one copy, the leader sends %v", below, out.Send)
		}
	}
}

// TestChangesAtTheEdge of what a leader may propose.
func TestChangesAtTheEdge(t *testing.T) {
	next := *edgeConfig(2, 0, "a1", "a2", "a3", "a4")
	next.Quorums = paxos.QuorumSystem{Kind: paxos.Sizes, Size1: 1, Size2: 4}
	p := edgeLeader(5)
	for _, id := range []paxos.NodeID{"a2", "a3"} {
		p.voter(paxos.Member{ID: id, Disk: testDisk(id)}).answered = 0
	}
	if why := p.refuseDead(edgeNow, &next); !strings.Contains(why, "[a2 a3]") {
		t.Errorf("a configuration that has one quorum of two is refused with %q", why)
	}

	var out paxos.Effects
	p = edgeLeader(5)
	p.lead.change.asked, p.lead.until = &next, 5
	p.phase1.pages = map[paxos.UUID]page{} // slot 5 may not be used
	p.proposeChange(edgeNow, &out)
	if len(out.Send) > 0 {
		t.Errorf("proposed where it may not: %+v", out.Send)
	}

	var c change
	v := paxos.Value{Kind: paxos.Reconfigure}
	c.propose(4, v)
	c.propose(5, v)
	c.skip(5)
	if _, kept := c.proposed[5]; !kept || len(c.proposed) != 1 {
		t.Errorf("of changes in slots 4 and 5, %v stand when all below 5 is chosen", c.proposed)
	}

	p = edgeLeader(5)
	for n := uint64(2); n <= paxos.MaxConfigurations; n++ {
		p.known = append(p.known, edgeConfig(n, paxos.Slot(n), "a1", "a2", "a3"))
	}
	p.setKnown(p.known)
	p.chosen.Below, p.lead.next = 100, 100
	for _, v := range p.voters {
		v.stored, v.number = 100, p.known.Number()
	}
	for _, id := range []paxos.NodeID{"l1", "l2"} {
		p.learners.view(testSender(id)).position = paxos.Position{Durable: 100}
	}
	if why := p.refuseChange(edgeNow, *edgeConfig(p.known.Number()+1, 0, "a1", "a2", "a3")); !strings.Contains(why, "not trimmed") {
		t.Errorf("one configuration too many is refused with %q", why)
	}
}

// TestPositionsThatNoLogReaches are no copies of it.
func TestPositionsThatNoLogReaches(t *testing.T) {
	for _, m := range []paxos.Position{{Applied: 1 << 36, Durable: 1 << 36}, {Applied: 3, Durable: 4}} {
		p := edgeLeader(5)
		var out paxos.Effects
		p.Step(edgeNow, edgeEnvelope(p, "l2", m), &out)
		if len(p.learners) != 0 || len(out.Drop) != 1 || out.Drop[0].Reason != paxos.Extreme {
			t.Errorf("%+v: the leader drops %v, and knows learners %v", m, out.Drop, p.learners)
		}
	}
	l := edgeLearner(4)
	var out paxos.Effects
	e := paxos.Envelope{Cluster: l.genesis.Cluster, Config: 1, From: testSender("l2"), Msg: paxos.Position{Applied: 1 << 36}}
	if l.Step(edgeNow, e, &out); len(l.answer.fellows) != 0 || len(out.Drop) != 1 {
		t.Errorf("a learner drops %v, and knows %v", out.Drop, l.answer.fellows)
	}
}

// TestANewcomerHasTimeToAnswer: an acceptor that a change brings has as long to answer as
// if it had with the last quorum, and those that were there have no more than before.
func TestANewcomerHasTimeToAnswer(t *testing.T) {
	p := edgeLeader(5)
	lately, pulse := edgeNow.Mono+1e8, paxos.Duration(6e7)
	for _, v := range p.voters {
		if v.ID != "a3" {
			v.answered, v.pulse = lately, pulse
		}
	}
	next := edgeConfig(2, 5+p.genesis.Window, "a1", "a2", "a4")
	p.lead.change.propose(5, paxos.Value{Kind: paxos.Reconfigure, Body: paxos.AppendConfiguration(nil, next)})
	p.changeChosen(5)
	for _, v := range p.voters {
		want, wantPulse := lately, pulse
		if v.ID == "a3" {
			want, wantPulse = edgeNow.Mono, 0
		}
		if v.answered != want || v.pulse != wantPulse {
			t.Errorf("%s counts as heard at %d, pulse %d, want %d and %d", v.ID, v.answered, v.pulse, want, wantPulse)
		}
	}
}

// TestTheLastWordIsActedUpon: what is possible once an acceptor has spoken is done at once.
func TestTheLastWordIsActedUpon(t *testing.T) {
	p := edgeLeader(9, edgeConfig(2, 9, "a1", "a2", "a4"))
	p.voters[1].number, p.voters[2].number = 1, 1
	p.lead.until = 9
	var out paxos.Effects
	hello := edgeEnvelope(p, "a2", paxos.Hello{})
	p.Step(edgeNow, hello, &out)
	if len(p.lead.rounds) != 1 || p.lead.next != 10 {
		t.Errorf("after a2 has said that it knows configuration 2, %d slots are in flight, next %d", len(p.lead.rounds), p.lead.next)
	}

	out.Reset()
	p = edgeLeader(9)
	p.Propose(edgeNow, testCommand("x"), &out)
	p.Flush(edgeNow, &out)
	if len(p.lead.rounds) != 0 {
		t.Fatal("proposed without a learner")
	}
	p.Step(edgeNow, edgeEnvelope(p, "l1", paxos.Position{Applied: 8}), &out)
	if len(p.lead.rounds) != 1 {
		t.Error("what waited for a learner is not proposed when one comes")
	}

	out.Reset()
	p = edgeLeader(9)
	p.Step(edgeNow, edgeEnvelope(p, "l1", paxos.Fill{From: 16, To: 17}), &out)
	if len(out.Drop) > 0 || len(p.lead.rounds) != 8 {
		t.Errorf("asked to fill up to the end of the window, it drops %v and has %d slots in flight", out.Drop, len(p.lead.rounds))
	}
}

// TestNothingNewWhereSomethingWasFound: a slot that phase 1 found a vote in gets that, and
// one that may not be used gets nothing.
func TestNothingNewWhereSomethingWasFound(t *testing.T) {
	var out paxos.Effects
	p := edgeLeader(5)
	p.lead.top = 5
	p.fillUp(edgeNow, 6, &out)
	if len(out.Send) > 0 {
		t.Errorf("filled a slot with a vote: %+v", out.Send)
	}

	due := func(p *Proposer) {
		v := p.learners.view(testSender("l1"))
		v.heard, v.position = edgeNow.Mono, paxos.Position{Applied: p.lead.next - 1, NextExpiry: 1}
	}
	p = edgeLeader(5)
	p.phase1.pages = map[paxos.UUID]page{} // slot 5 may not be used
	due(p)
	p.proposeExpiry(edgeNow, &out)
	if len(out.Send) > 0 {
		t.Errorf("expires where it may not propose: %+v", out.Send)
	}
	p = edgeLeader(5)
	p.propose(edgeNow, 5, paxos.Value{}, false, &paxos.Effects{})
	p.lead.next = 6
	due(p)
	p.proposeExpiry(edgeNow, &out)
	if len(out.Send) > 0 {
		t.Errorf("expires while a slot is in flight: %+v", out.Send)
	}
	p = edgeLeader(5)
	due(p)
	if p.proposeExpiry(edgeNow, &out); len(out.Send) != 1 {
		t.Errorf("does not expire: %+v", out.Send)
	}
}

// TestPagesAtTheEdge: a page that answers another question hides votes, and a vote in the
// first slot that is not used yet counts.
func TestPagesAtTheEdge(t *testing.T) {
	v := &voter{Member: paxos.Member{ID: "a1", Disk: testDisk("a1")}}
	vote := paxos.Vote{Slot: 7, Ballot: paxos.Ballot{Round: 1, Proposer: "p2"}, Value: testValue("x")}
	for _, test := range []struct {
		name string
		page paxos.Page
		took bool
	}{
		{"asked for", paxos.Page{From: 5}, true},
		{"with another end", paxos.Page{From: 5, To: 6}, false},
		{"with another start", paxos.Page{From: 6}, false},
	} {
		ps := newPromises(5, 0)
		ps.used = 7
		used := vote
		used.Slot = 6
		test.page.Votes = []paxos.Vote{used, vote}
		ps.add(v, paxos.Promise{Page: test.page})
		if ps.complete(v) != test.took || (ps.votes[7].Ballot == vote.Ballot) != test.took {
			t.Errorf("a page %s: complete is %v, with %v", test.name, ps.complete(v), ps.votes)
		}
		if len(ps.votes) > 1 {
			t.Errorf("of a page %s, %v are kept: slot 6 is used", test.name, ps.votes)
		}
		second := vote
		second.Slot = 8
		ps.add(v, paxos.Promise{Page: paxos.Page{From: 5, Votes: []paxos.Vote{second}}})
		if test.took && ps.votes[8].Slot != 0 {
			t.Errorf("a page after the last one was taken: %v", ps.votes)
		}
	}
	p := edgeLeader(5)
	p.ballot.Round = 2
	for slot, want := range map[paxos.Slot]bool{5: true, 6: false} {
		vote.Slot = slot
		if got := p.credible(paxos.Promise{Page: paxos.Page{From: 5, To: 6, Votes: []paxos.Vote{vote}}}); got != want {
			t.Errorf("a vote in slot %d of a page of [5,6) is credible: %v", slot, got)
		}
	}
}

// TestLateReportsDoNotElect: what is heard when the question is over says nothing of now.
func TestLateReportsDoNotElect(t *testing.T) {
	for name, late := range map[string]paxos.Instant{"in time": -1, "when it is over": 0} {
		p := edgeLeader(5)
		p.stage = standby
		var out paxos.Effects
		p.ask(edgeNow, &out)
		at := paxos.Now{Mono: p.deadline + late, Wall: wall0}
		for _, v := range p.voters {
			p.stepReport(at, v, paxos.LeaderReport{Nonce: p.query.nonce, Silent: p.opts.Election}, &out)
		}
		if (p.stage == preparing) != (late < 0) {
			t.Errorf("reports %s make it %v", name, p.stage)
		}
	}
}

// TestWhomALeaderHandsOverTo, and when.
func TestWhomALeaderHandsOverTo(t *testing.T) {
	long := paxos.Now{Mono: edgeNow.Mono + 10*paxos.Instant(preferAfter), Wall: wall0}
	with := func(there ...paxos.NodeID) *Proposer {
		p := edgeLeader(5)
		for _, id := range there {
			o := p.peers.note(id, edgeNow)
			o.heard, o.priority = long.Mono, 1
		}
		return p
	}
	p := with("p3")
	if p.peers.there("p2", long) || !p.peers.there("p3", long) {
		t.Error("p2 is taken to be there, or p3 not to be")
	}
	p.yield.to = "p2"
	var out paxos.Effects
	p.handOver(long, &out)
	if len(out.Send) == 0 || out.Send[0].To != "p3" {
		t.Errorf("handed over to one that is gone: %+v", out.Send)
	}

	p = with("p2", "p3")
	p.yield.to = "p2"
	if p.preferOther(long); p.yield.to != "p2" {
		t.Errorf("on its way to p2, it turned to %s", p.yield.to)
	}
	p = with("p3")
	p.lead.since = long.Mono
	if p.preferOther(long); p.yield.to != "" {
		t.Error("gave way as soon as it led")
	}
	p = with("p3")
	if p.preferOther(long); p.yield.to != "p3" {
		t.Error("did not give way")
	}
}

// TestClocksOfAConfigurationThatIsOver do not count.
func TestClocksOfAConfigurationThatIsOver(t *testing.T) {
	p := edgeLeader(8, edgeConfig(2, 9, "a1", "a2", "a4"))
	for _, id := range []paxos.NodeID{"a1", "a2", "a3", "a4"} {
		p.lead.clock.hear(testDisk(id), wall0, p.deciding(), edgeNow)
	}
	p.advance()
	if len(p.lead.clock.offsets) != 4 {
		t.Errorf("%d clocks count before the change, want 4", len(p.lead.clock.offsets))
	}
	p.lead.next = 9 // slot 8 is chosen
	p.advance()
	if _, left := p.lead.clock.offsets[testDisk("a3")]; left || len(p.lead.clock.offsets) != 3 {
		t.Errorf("the clocks %v count under configuration 2", p.lead.clock.offsets)
	}
	for _, id := range []paxos.NodeID{"a3"} {
		p.lead.clock.hear(testDisk(id), wall0, p.deciding(), edgeNow)
	}
	p.lead.next = 10
	p.advance()
	if len(p.lead.clock.offsets) != 4 {
		t.Error("clocks are forgotten at slots where nothing changes")
	}
}

// TestASkipUndoesNothing: not what a learner has applied, be it that very slot.
func TestASkipUndoesNothing(t *testing.T) {
	p := edgeLeader(9)
	p.learners.view(testSender("l1")).position.Applied = 5
	for slot, refused := range map[paxos.Slot]bool{5: true, 6: false, 9: true} {
		if why := p.refuseSkip(paxos.Skip{Slot: slot}); (why != "") != refused {
			t.Errorf("a skip of slot %d: %q", slot, why)
		}
	}
}

// TestWordsOutOfOrder: a disk's older word that comes late counts, and takes nothing back
// of what is known of it.
func TestWordsOutOfOrder(t *testing.T) {
	p := edgeLeader(5)
	e := edgeEnvelope(p, "a1", paxos.Hello{})
	say := func(boot, process, round uint64) paxos.DropReason {
		e.From.Boot, e.From.Process = boot, process
		e.From.Promised = paxos.Ballot{Round: round, Proposer: "p1"}
		_, reason := p.fromAcceptor(e)
		return reason
	}
	for i, reason := range []paxos.DropReason{say(1, 7, 5), say(1, 7, 3), say(2, 8, 4), say(2, 8, 5)} {
		want := []paxos.DropReason{0, 0, paxos.OldDisk, 0}[i]
		if reason != want {
			t.Errorf("word %d: dropped for %v, want %v", i+1, reason, want)
		}
	}
}

// TestOperatorsAreNoRivals: a command of an operator of another cluster is no sign that
// the other is there.
func TestOperatorsAreNoRivals(t *testing.T) {
	p := edgeLeader(5)
	e := edgeEnvelope(p, "operator", paxos.Transfer{})
	e.Cluster.Generation++
	if p.meet(edgeNow, e); p.fenced() {
		t.Error("an operator fenced the leader")
	}
	e.From = testSender("a9")
	if p.meet(edgeNow, e); !p.fenced() {
		t.Error("an acceptor of a higher generation does not")
	}
}
