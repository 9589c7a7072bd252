package roles

import (
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// The edges of what acceptors, learners and founders may do; see edges_test.go.

// TestBeFoundedAtTheEdge: only a fresh disk is founded by what it hears, of the cluster
// that says so, by a configuration after the first.
func TestBeFoundedAtTheEdge(t *testing.T) {
	g := testGenesis(3)
	later := *edgeConfig(2, 9, "a1", "a2", "a4")
	wrong := g
	wrong.Window = 0
	other := g.Cluster
	other.UUID[0]++
	for name, test := range map[string]struct {
		id      paxos.NodeID
		cluster paxos.ClusterID
		genesis paxos.Genesis
		known   []paxos.Configuration
		founded bool
	}{
		"named later":                 {"a4", g.Cluster, g, []paxos.Configuration{later}, true},
		"of another cluster":          {"a4", other, g, []paxos.Configuration{later}, false},
		"by a genesis that is wrong":  {"a4", g.Cluster, wrong, []paxos.Configuration{later}, false},
		"named by the first, no seal": {"a3", g.Cluster, g, nil, false},
		"not named any more":          {"a3", g.Cluster, g, []paxos.Configuration{later}, false},
	} {
		var out paxos.Effects
		a := RestoreAcceptor(testSender(test.id), paxos.AcceptorState{}, edgeNow)
		m := paxos.Hello{Genesis: &test.genesis, Known: test.known}
		e := paxos.Envelope{Cluster: test.cluster, Config: 2, From: testSender("p1"), Msg: m}
		if a.Step(edgeNow, e, &out); a.state.Sealed != test.founded {
			t.Errorf("%s: founded is %v", name, a.state.Sealed)
		}
		records := len(out.Persist)
		if a.Step(edgeNow, e, &out); len(out.Persist) != records {
			t.Errorf("%s: founded twice", name)
		}
	}
}

// TestReachedAtTheEdge: that a change has taken over is kept durably when its first slot
// is chosen, not before, and once.
func TestReachedAtTheEdge(t *testing.T) {
	g := testGenesis(3)
	a := RestoreAcceptor(testSender("a1"), paxos.AcceptorState{
		Genesis: &g, Sealed: true, Known: paxos.Configurations{&g.First, edgeConfig(2, 9, "a1", "a2", "a4")},
	}, edgeNow)
	for _, below := range []paxos.Slot{9, 10, 11} {
		var out paxos.Effects
		if a.reach(below, &out); len(out.Persist) != map[paxos.Slot]int{10: 1}[below] {
			t.Errorf("all below %d are chosen: %v is kept", below, out.Persist)
		}
	}
	var out paxos.Effects
	hello := paxos.Envelope{Cluster: g.Cluster, Config: 1, From: testSender("l1"), Msg: paxos.Hello{}}
	if a.Step(paxos.Now{Mono: edgeNow.Mono + paxos.Instant(gossipEvery)}, hello, &out); len(out.Send) != 1 {
		t.Errorf("one that knows an older configuration is told %+v, want a Hello", out.Send)
	}
}

// TestASnapshotThatEndsAtTheNextSlot: that slot is learned, and nothing is kept of it.
func TestASnapshotThatEndsAtTheNextSlot(t *testing.T) {
	l := edgeLearner(4)
	l.keep(5, l.tally(5, paxos.Ballot{Round: 1, Proposer: "p1"}), testValue("x"))
	l.Installed(edgeNow, paxos.Position{Applied: 5}, &paxos.Effects{})
	if s := l.Status(); s.Learned != 5 || s.Open != 0 || l.bytes != 0 {
		t.Errorf("learned %d slots, %d are open with %d bytes", s.Learned, s.Open, l.bytes)
	}
}

func edgeLearner(applied paxos.Slot) *Learner {
	l := NewLearner(testSender("l1"), DefaultLearnerOptions(), paxos.Position{Applied: applied}, edgeNow)
	g := testGenesis(3)
	l.Join(&g)
	return l
}

// TestAClaimThatIsRepeatedStays: a leader that says the same again is there.
func TestAClaimThatIsRepeatedStays(t *testing.T) {
	l := edgeLearner(4)
	high := claim{paxos.Ballot{Round: 5, Proposer: "p1"}, paxos.Chosen{From: 1, Below: 9}}
	low := claim{paxos.Ballot{Round: 4, Proposer: "p2"}, paxos.Chosen{From: 1, Below: 9}}
	at := edgeNow
	l.hearClaim(at, high)
	at.Mono += paxos.Instant(claimKept) * 3 / 4
	l.hearClaim(at, high)
	at.Mono += paxos.Instant(claimKept) * 3 / 4
	if l.hearClaim(at, low); l.claim.ballot != high.ballot {
		t.Errorf("the claim of %v took the place of one that was repeated", l.claim.ballot)
	}
}

// TestAnswersAtTheEdge of what a fellow answered, or a snapshot covers.
func TestAnswersAtTheEdge(t *testing.T) {
	a := answers{self: "l1", fellows: []fellow{{id: "l2", heard: edgeNow.Mono, applied: 9, inherited: 5}}}
	for slot, want := range map[paxos.Slot]bool{5: false, 6: true, 9: true, 10: false} {
		if got := a.passed(standing{slot: slot, answerer: "l2"}); got != want {
			t.Errorf("l2 answered slot %d: %v", slot, got)
		}
	}
	later := paxos.Now{Mono: edgeNow.Mono + paxos.Instant(learnerAlive)}
	if a.live(edgeNow, "l3") || a.live(later, "l2") || !a.live(edgeNow, "l2") {
		t.Error("a fellow that was not heard counts as live, or the other way around")
	}
	var out paxos.Effects
	a.learned = []standing{{slot: 5}, {slot: 6}}
	a.skip(5, &out)
	if len(a.learned) != 1 || a.learned[0].slot != 6 || len(out.Forget) != 1 || out.Forget[0] != 5 {
		t.Errorf("a snapshot up to slot 5 leaves %v to answer, and forgets %v", a.learned, out.Forget)
	}
}

// TestNobodyIsOutvotedByHalf: without a strict majority for another state, this learner's
// is not known to be the wrong one.
func TestNobodyIsOutvotedByHalf(t *testing.T) {
	for name, test := range map[string]struct {
		fellows  []byte
		outvoted bool
	}{
		"three states of three":  {[]byte{2, 3}, false},
		"half of four":           {[]byte{2, 2, 3}, false},
		"a majority of three":    {[]byte{2, 2}, true},
		"one against one":        {[]byte{2}, false},
		"a majority of the four": {[]byte{2, 2, 2}, true},
	} {
		l, now := edgeLearner(8), edgeNow
		var out paxos.Effects
		l.Digested(now, paxos.Digest{Slot: 8, Sum: [16]byte{1}}, &out)
		for i, sum := range test.fellows {
			e := paxos.Envelope{Cluster: l.genesis.Cluster, Config: 1, From: testSender(paxos.NodeID([]string{"l2", "l3", "l4"}[i]))}
			l.stepDigest(now, e, paxos.Digest{Slot: 8, Sum: [16]byte{sum}}, &out)
		}
		now.Mono += paxos.Instant(divergeWait)
		l.compare(now, 8, &out)
		if _, outvoted := l.Doubt(); outvoted != test.outvoted || out.Stop == "" {
			t.Errorf("%s: outvoted is %v, stops with %q", name, outvoted, out.Stop)
		}
	}
}

// TestAFoundingThatDiffersIsRefused, be it in the first slot or in the state alone.
func TestAFoundingThatDiffersIsRefused(t *testing.T) {
	for name, change := range map[string]func(*paxos.Genesis){
		"in nothing":        func(*paxos.Genesis) {},
		"in its first slot": func(g *paxos.Genesis) { g.First.From = 9 },
		"in its state":      func(g *paxos.Genesis) { g.State[0]++ },
	} {
		held, plan := testGenesis(1), testGenesis(1)
		change(&plan)
		f := NewFounder(testSender("operator"), []paxos.NodeID{"a1"}, plan)
		f.reports["a1"] = report{disk: testDisk("a1"), GenesisReport: paxos.GenesisReport{Genesis: &held}}
		if err := f.fix(); (err != nil) != (name != "in nothing") {
			t.Errorf("a plan that differs %s: %v", name, err)
		}
	}
}

// TestWhatIsLeftOfTheRoles stands where nothing else does.
func TestWhatIsLeftOfTheRoles(t *testing.T) {
	l := edgeLearner(4)
	l.Hold(5)
	var out paxos.Effects
	if l.Digested(edgeNow, paxos.Digest{Slot: 4}, &out); len(out.Send) > 0 {
		t.Errorf("a learner that is held tells the digest of a state that it has not: %+v", out.Send)
	}
	fresh := NewLearner(testSender("l2"), DefaultLearnerOptions(), paxos.Position{}, edgeNow)
	if fresh.adopt([]paxos.Configuration{*edgeConfig(2, 9, "a1")}) || fresh.Known().Number() != 0 {
		t.Error("a learner without a cluster took over a configuration")
	}

	p := edgeLeader(5)
	if why := p.refuseOrder(edgeNow, testCommand("x")); why != "" || p.ChosenBelow() != 5 {
		t.Errorf("a client's command is refused as an order: %q; chosen below %d", why, p.ChosenBelow())
	}
	if why := p.refuseChange(edgeNow, *edgeConfig(2, 0, "a4", "a5", "a6")); why == "" {
		t.Error("a change that shares no acceptor is taken")
	}
	p.phase1.below = 7
	if p.promisedMore(edgeNow, &out); p.ChosenBelow() != 7 || p.lead.next != 7 {
		t.Errorf("promises that tell of chosen slots leave the leader at %d, next %d", p.ChosenBelow(), p.lead.next)
	}
}

// TestBehindAtTheEdge: a learner that lacks a window of what is chosen is not behind; one
// slot more, or one that acceptors have forgotten, and it is.
func TestBehindAtTheEdge(t *testing.T) {
	const applied = 10
	for name, test := range map[string]struct {
		below, trim paxos.Slot
		behind      bool
	}{
		"it has all":               {below: applied + 1},
		"it lacks a window":        {below: applied + 1 + testGenesis(3).Window},
		"it lacks one slot more":   {below: applied + 2 + testGenesis(3).Window, behind: true},
		"its next slot is there":   {below: applied + 5, trim: applied + 1},
		"its next slot is trimmed": {below: applied + 5, trim: applied + 2, behind: true},
	} {
		l := edgeLearner(applied)
		l.below, l.trim = test.below, test.trim
		if l.Behind() != test.behind {
			t.Errorf("%s: behind is %v", name, l.Behind())
		}
	}
}

// TestWantedAtTheEdge: what a change waits for is kept at once; before there is a
// configuration nothing is.
func TestWantedAtTheEdge(t *testing.T) {
	l := NewLearner(testSender("l1"), DefaultLearnerOptions(), paxos.Position{}, edgeNow)
	if got := l.Wanted(); got != 0 {
		t.Errorf("slot %d is wanted of a learner that knows no cluster", got)
	}
	l = edgeLearner(0)
	l.known = append(l.known, edgeConfig(2, 9, "a1", "a2", "a4"))
	if got := l.Wanted(); got != 8 {
		t.Errorf("slot %d is wanted before configuration 2, from slot 9 on; want 8", got)
	}
}

// TestAChangeIsHeardOf by whoever must act on it at once.
func TestAChangeIsHeardOf(t *testing.T) {
	second := edgeConfig(2, 9, "a1", "a2", "a4")
	prepared := func(out *paxos.Effects) (to []paxos.NodeID) {
		for _, e := range out.Send {
			if _, ok := e.Msg.(paxos.Prepare); ok {
				to = append(to, e.To)
			}
		}
		return to
	}

	var out paxos.Effects
	p := edgeLeader(5)
	p.stage = preparing
	p.Step(edgeNow, edgeEnvelope(p, "a1", paxos.Hello{Known: []paxos.Configuration{*second}}), &out)
	if to := prepared(&out); p.known.Number() != 2 || len(to) != 1 || to[0] != "a4" {
		t.Errorf("one in phase 1 that hears of configuration %d asks %v", p.known.Number(), to)
	}

	out.Reset()
	p = edgeLeader(5, second)
	p.phase1.pages = map[paxos.UUID]page{testDisk("a1"): {complete: true}, testDisk("a3"): {complete: true}}
	p.resend(edgeNow, &out)
	if to := prepared(&out); len(to) != 2 || to[0] != "a2" || to[1] != "a4" {
		t.Errorf("a leader whose next slots want promises asks %v", to)
	}

	l := edgeLearner(4)
	from := 5 + l.genesis.Window
	v := paxos.Value{Kind: paxos.Reconfigure, Body: paxos.AppendConfiguration(nil, edgeConfig(2, from, "a1", "a2", "a4"))}
	if l.learn(paxos.Decision{Slot: 5, Value: v}, &out); l.Known().Number() != 2 || l.Known().For(from).Number != 2 {
		t.Errorf("a learner that learns of configuration 2 knows %d", l.Known().Number())
	}

	out.Reset()
	l = edgeLearner(4)
	l.known, l.below = paxos.Configurations{edgeConfig(3, 50, "a1")}, 9
	if l.ask(edgeNow, &out); len(out.Send) != 0 {
		t.Errorf("a learner that does not know who governed its next slot asks %+v", out.Send)
	}
	if fresh := NewLearner(testSender("l2"), DefaultLearnerOptions(), paxos.Position{}, edgeNow); fresh.NeedsSnapshot() {
		t.Error("a learner without a cluster wants a state")
	}
}

// TestAChangeIsAskedForOnce: not again while it waits for its slot, and not of a leader
// that leaves.
func TestAChangeIsAskedForOnce(t *testing.T) {
	next := *edgeConfig(2, 0, "a1", "a2", "a4")
	other := *edgeConfig(2, 0, "a1", "a3", "a4")
	ask := func(p *Proposer, next paxos.Configuration) paxos.ChangeReport {
		var out paxos.Effects
		e := edgeEnvelope(p, "operator", paxos.Change{Next: &next})
		e.From.Role = paxos.OperatorRole
		p.Step(edgeNow, e, &out)
		for _, e := range out.Send {
			if m, ok := e.Msg.(paxos.ChangeReport); ok {
				return m
			}
		}
		t.Errorf("no report among %+v", out.Send)
		return paxos.ChangeReport{}
	}
	p := edgeLeader(5)
	p.phase1.pages = map[paxos.UUID]page{} // slot 5 may not be used yet
	if m := ask(p, next); m.Refused != "" || p.lead.change.asked == nil {
		t.Errorf("a change that must wait: %+v, asked %v", m, p.lead.change.asked)
	}
	if m := ask(p, next); m.Refused != "" {
		t.Errorf("the same again: %+v", m)
	}
	if m := ask(p, other); m.Refused == "" || !p.lead.change.asked.Same(&next) {
		t.Errorf("another meanwhile: %+v, asked %v", m, p.lead.change.asked)
	}
	p = edgeLeader(5)
	p.drain = true
	if m := ask(p, next); m.Waits == "" || p.lead.change.asked != nil || len(p.lead.change.proposed) > 0 {
		t.Errorf("of one that leaves: %+v, asked %v", m, p.lead.change.asked)
	}
}

// TestARefillEndsWithItsConfiguration: another one's acceptors tell of the slots after.
func TestARefillEndsWithItsConfiguration(t *testing.T) {
	p := edgeLeader(30, edgeConfig(2, 9, "a1", "a2", "a4"))
	p.chosen.From = 30
	if p.refill(paxos.Fill{From: 6, To: 12}, &paxos.Effects{}); p.lead.refill == nil || p.lead.refill.from != 6 || p.lead.refill.to != 9 {
		t.Errorf("slots 6 to 11 are asked for as %+v; configuration 2 is from slot 9 on", p.lead.refill)
	}
}
