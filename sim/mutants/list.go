package mutants

import "slices"

// All is every kept mutant. Each says what the protocol loses by it.
func All() []Mutant {
	var all []Mutant
	for _, list := range [][]Mutant{acceptorMutants, electionMutants, phase1Mutants, leaderMutants, learnerMutants, memberMutants, founderMutants, hostMutants, changeMutants, sessionMutants} {
		all = append(all, list...)
	}
	return slices.Concat(all, again(all, explored, Explore), again(all, exploredChange, ExploreChange))
}

// again is the mutants of these names, for the model checker.
func again(all []Mutant, names []string, drill string) (found []Mutant) {
	for _, name := range names {
		m := in(drill, all[slices.IndexFunc(all, func(m Mutant) bool { return m.Name == name })])
		m.Name += ", in the model checker"
		found = append(found, m)
	}
	return found
}

// explored are the mutants that the model checker finds, too.
var explored = []string{
	"a promise is not made durable", "a vote is not made durable", "votes below the promise", "takes all ballots of the promised round",
	"a vote does not raise the promise", "the lowest vote is adopted", "votes are ignored",
	"one promise is a quorum", "leaves out the first vote that a new leader needs", "starts below what is chosen",
	"votes of all ballots are counted together", "one vote is a quorum", "a watermark makes any vote chosen",
}

// exploredChange are those that it finds when it explores a change of the configuration.
var exploredChange = []string{
	"promises of the configuration before are enough", "no change is handed down", "an acceptor votes where it is not named",
}

// mutant is a Mutant of one edit.
func mutant(name, file, old, new string) Mutant {
	return Mutant{Name: name, Edits: []Edit{{File: file, Old: old, New: new}}}
}

// in is m, looked for in one drill.
func in(drill string, m Mutant) Mutant {
	m.Drill = drill
	return m
}

// from begins to look for the mutant at a seed.
func from(seed uint64, m Mutant) Mutant {
	m.First = seed
	return m
}

// Names of drills.
const (
	dying    = "leaders die one after the other"
	late     = "promises and votes come late"
	lossy    = "messages are lost and doubled"
	reading  = "everybody reads"
	trimming = "trimming while leaders change"
	driven   = "promises are driven up"
	missing  = "learners miss what dying leaders did"
	cutOff   = "only proposers are cut off"
	founding = "init is disturbed"
	turns    = "proposers take turns"
	gone     = "answerers die"
	liars    = "strangers, twins and extremes"
	rivals   = "another cluster has the name"
)

// acceptorMutants forget, or vote for what they promised not to.
var acceptorMutants = []Mutant{
	mutant("a promise is not made durable", "roles/acceptor.go",
		"a.persist(paxos.Promised{Ballot: m.Ballot}, out)",
		"a.state.Apply(paxos.Promised{Ballot: m.Ballot})\n\t\ta.self.Promised = a.state.Promised"),
	mutant("a vote is not made durable", "roles/acceptor.go",
		"a.persist(paxos.Voted{\n\t\tVote:        paxos.Vote{Slot: m.Slot, Ballot: m.Ballot, Value: m.Value},\n\t\tChosenBelow: m.Chosen.Below,\n\t}, out)",
		"a.state.Apply(paxos.Voted{Vote: paxos.Vote{Slot: m.Slot, Ballot: m.Ballot, Value: m.Value}, ChosenBelow: m.Chosen.Below})"),
	mutant("votes below the promise", "roles/acceptor.go",
		"case b.Less(a.state.Promised):", "case b.Less(a.state.Promised) && b.IsZero():"),
	mutant("refuses the ballot that it promised: <= for <", "roles/acceptor.go",
		"case b.Less(a.state.Promised):", "case !a.state.Promised.Less(b):"),
	in(dying, mutant("takes all ballots of the promised round", "roles/acceptor.go",
		"case b.Less(a.state.Promised):", "case b.Round < a.state.Promised.Round:")),
	in(Stories, mutant("a vote does not raise the promise", "paxos/ledger.go",
		"s.promise(r.Vote.Ballot)\n", "")),
	in(founding, mutant("votes without a sealed genesis", "roles/acceptor_genesis.go",
		"a.persist(paxos.Founded{Genesis: g}, out)", "a.persist(paxos.Founded{Genesis: g}, out)\n\ta.join(a.state.Genesis)")),
	mutant("leaves out the first vote that a new leader needs", "roles/acceptor.go",
		"page.From = max(page.From, a.state.Marks.ChosenBelow)", "page.From = max(page.From, a.state.Marks.ChosenBelow+1)"),
	{Name: "trims without the mark", Edits: []Edit{
		{File: "paxos/ledger.go", Old: "s.Marks.TrimBelow = max(s.Marks.TrimBelow, r.Below)", New: "_ = r"},
		{File: "paxos/ledger.go", Old: "return s < l.State.Marks.TrimBelow })", New: "return s < r.Below })"},
	}},
	mutant("answers reads with what it knows to be chosen", "roles/acceptor.go",
		"MaxVoted: a.highest()}", "MaxVoted: max(a.state.Marks.ChosenBelow, 1) - 1}"),
	in(cutOff, mutant("never hears a leader", "roles/acceptor.go",
		"a.signOfLife = now.Mono\n\ta.reach(", "a.reach(")),
}

// electionMutants lead when they should not, or not when they should.
var electionMutants = []Mutant{
	mutant("a standby prepares without asking", "roles/proposer.go",
		"p.ask(now, out)", "if p.genesis == nil {\n\t\t\tp.waitForLeader(now)\n\t\t} else {\n\t\t\tp.prepare(now, out)\n\t\t}"),
	mutant("one acceptor's silence is enough", "roles/proposer_election.go",
		"if c.Phase1(p.those(c, func(v *voter) bool { return v.silent == p.query.nonce })) {", "if c.Number > 0 {"),
	mutant("a leader that others hear counts as silent", "roles/proposer_election.go",
		" || m.Silent < p.opts.Election {", " {"),
	mutant("a ballot is used twice", "roles/proposer_election.go",
		"	return round + 1\n", "	return max(round, 1)\n"),
	{Name: "ballots do not tell the starts of a proposer apart", Drill: driven, First: 90, Edits: []Edit{
		{File: "roles/proposer_phase1.go", Old: "Incarnation: p.self.Process}", New: "Incarnation: 0}"},
		{File: "roles/member.go", Old: " && e.From.Process == b.Incarnation", New: ""},
	}},
	mutant("a leader goes on without a quorum", "roles/proposer_leader.go",
		"if c := p.deciding(); !c.Phase2(p.heardLately(now, c)) {", "if p.deciding() == nil {"),
	mutant("a leader waits for acceptors that do not hear it", "roles/proposer_leader.go",
		"p.lead.pulse-v.pulse < p.opts.Election && ", ""),
	mutant("a leader goes on below a higher ballot", "roles/proposer_election.go",
		"		p.stepDown(now, out)\n", ""),
	in(driven, mutant("believes rounds that no acceptor follows", "roles/proposer_election.go",
		"return lowest + maxRoundStep/2", "return lowest/2 + 1<<63")),
	in(turns, mutant("hands over before it is done", "roles/proposer_handover.go",
		"!p.leaving() || len(p.lead.rounds) > 0 || len(p.queue.commands) > 0 {", "!p.leaving() {")),
}

// phase1Mutants do not find out what may be chosen already.
var phase1Mutants = []Mutant{
	in(dying, mutant("the lowest vote is adopted", "roles/decree.go",
		"if a.Ballot.Less(b.Ballot) {\n\t\treturn b\n\t}\n\treturn a", "if a.Ballot.IsZero() || b.Ballot.Less(a.Ballot) {\n\t\treturn b\n\t}\n\treturn a")),
	mutant("votes are ignored", "roles/decree.go",
		"if highest.Ballot.IsZero() {", "if free.Kind == paxos.Noop || highest.Ballot.IsZero() {"),
	in(Stories, mutant("a promise of an older ballot counts", "roles/proposer_phase1.go",
		"case m.Ballot != p.ballot:", "case m.Ballot.Proposer != p.ballot.Proposer:")),
	in(dying, mutant("only the first page of a promise counts", "roles/proposer_phase1.go",
		"if m.Page.Next != 0 {\n\t\tps.pages[v.Disk] = page{next: m.Page.Next}\n\t\treturn m.Page.Next\n\t}\n", "")),
	in(Stories, mutant("a page that answers another question counts", "roles/proposer_phase1.go",
		" || m.Page.To != ps.to || m.Page.From != ps.starts(ps.asked(v), m.Marks) {", " {")),
	mutant("one promise is a quorum", "roles/proposer_phase1.go",
		"return c != nil && c.Phase1(p.those(c, ps.complete))", "return c != nil && p.those(c, ps.complete) != 0"),
	mutant("no promise is complete", "roles/proposer_phase1.go",
		"ps.pages[v.Disk] = page{complete: true, clock: m.Marks.Clock}", "_ = v"),
	mutant("starts below what is chosen", "roles/proposer_leader.go",
		"below := max(p.chosen.Below, ps.below)", "below := p.chosen.Below"),
	in(trimming, mutant("starts below what is trimmed", "roles/proposer_phase1.go",
		"ps.below = max(ps.below, m.Marks.ChosenBelow, m.Marks.TrimBelow)", "ps.below = max(ps.below, min(m.Marks.ChosenBelow, m.Page.From))")),
	mutant("gaps stay open", "roles/proposer_leader.go",
		"		p.propose(now, slot, safeValue(p.phase1.votes[slot], gap), false, out)\n",
		"		if _, voted := p.phase1.votes[slot]; voted {\n\t\t\tp.propose(now, slot, safeValue(p.phase1.votes[slot], gap), false, out)\n\t\t}\n"),
	mutant("a recovered value gets a new stamp", "roles/proposer_leader.go",
		"		p.propose(now, slot, safeValue(p.phase1.votes[slot], gap), false, out)\n",
		"		v := safeValue(p.phase1.votes[slot], gap)\n\t\tv.Stamp = gap.Stamp\n\t\tp.propose(now, slot, v, false, out)\n"),
	mutant("a recovered value gets a new answerer", "roles/proposer_leader.go",
		"		p.propose(now, slot, safeValue(p.phase1.votes[slot], gap), false, out)\n",
		"		v := safeValue(p.phase1.votes[slot], gap)\n\t\tv.Answerer = p.learners.pick(now, slot, p.chosen.Below)\n\t\tp.propose(now, slot, v, false, out)\n"),
}

// leaderMutants count votes wrongly, or tell clients and acceptors what is not so.
var leaderMutants = []Mutant{
	mutant("an acceptor that repeats itself counts twice", "roles/proposer_leader.go",
		"r.count(c, seat)", "r.count(c, r.voters.Len()+0*seat)"),
	in(Stories, mutant("votes of other ballots count", "roles/proposer_leader.go",
		"if p.stage != leading || m.Ballot != p.ballot {", "if p.stage != leading {")),
	mutant("one vote is a quorum", "roles/decree.go",
		"return t.config != nil && t.config.Phase2(t.voters) }", "return t.voters != 0 }"),
	mutant("no vote is repeated", "roles/proposer_leader.go",
		"if now.Mono-r.sent >= paxos.Instant(p.opts.Retry) && p.passedOver(slot, r) {", "if now.Mono < r.sent {"),
	mutant("the watermark runs ahead", "roles/proposer_leader.go",
		"for p.chosen.Below < p.lead.next && p.lead.rounds[p.chosen.Below] == nil {", "for p.chosen.Below < p.lead.next {"),
	mutant("claims slots that earlier ballots chose", "roles/proposer_leader.go",
		"p.chosen = paxos.Chosen{From: below, Below: below}", "p.chosen = paxos.Chosen{From: 1, Below: below}"),
	mutant("what was sent in an Accept is refused as not done", "roles/proposer_leader.go",
		"	p.queue.refuseAll(paxos.NotLeader, out)\n",
		"	p.queue.refuseAll(paxos.NotLeader, out)\n\tfor _, slot := range p.openSlots() {\n\t\tcommands, _ := paxos.DecodeBatch(p.lead.rounds[slot].value.Body)\n\t\tfor _, c := range commands {\n\t\t\tout.Refuse = append(out.Refuse, paxos.Refusal{Command: c, Reason: paxos.NotLeader})\n\t\t}\n\t}\n"),
	in(Stories, mutant("a command that is refused stays in the queue", "roles/proposer_queue.go",
		"	p.queue.refuse(n, paxos.NoProgress, out)", "	waiting := p.queue\n\tp.queue.refuse(n, paxos.NoProgress, out)\n\tp.queue = waiting")),
	mutant("the window is not heeded", "roles/proposer_change.go",
		"if slot >= p.chosen.Below+p.genesis.Window {", "if slot == 0 {"),
	in(Stories, mutant("waits for votes in slots that are trimmed", "roles/proposer_leader.go",
		"		p.giveUpTrimmed(m.TrimBelow)\n", "")),
	in(Stories, mutant("proposes again below a trim point", "roles/proposer_fill.go",
		"for slot := max(ps.from, ps.trim); slot < ps.to; slot++ {", "for slot := ps.from; slot < ps.to; slot++ {")),
	in(Stories, mutant("never fills what learners cannot assemble", "roles/proposer_fill.go",
		"	p.refill(m, out)\n", "")),
	mutant("trims what one learner holds", "roles/proposer_trim.go",
		"durable[len(durable)-copies]", "durable[len(durable)-1]"),
	mutant("trims what no learner holds durably", "roles/proposer_trim.go",
		"min(d.Slot, durable[len(durable)-copies])+1", "d.Slot+1"),
	mutant("stamps by its own wall clock", "roles/logclock.go",
		"	elapsed := paxos.LogTime(now.Mono - c.at)\n", "	elapsed := paxos.LogTime(now.Mono - c.at)\n\tc.stamp = now.Wall\n"),
	mutant("stamps start at the clocks alone", "roles/logclock.go",
		"max(highest, lowerMedian(clocks))", "lowerMedian(clocks)"),
	mutant("stamps start at the highest clock", "roles/logclock.go",
		"return sorted[(len(sorted)-1)/2]", "return sorted[len(sorted)-1]"),
	in(Stories, mutant("stamps start at two clocks, and stay there", "roles/logclock.go",
		"	c.stamp, c.at, c.until = max(c.read(now), c.target(now)), now.Mono, now.Mono\n", "")),
}

// learnerMutants learn what is not chosen, or never learn what is.
var learnerMutants = []Mutant{
	mutant("votes of all ballots are counted together", "roles/decree.go",
		"if t.ballot == b {", "if t.ballot == b || t.ballot.Round > 0 {"),
	mutant("a learner counts an acceptor twice", "roles/learner.go",
		"t.count(c, seat)", "t.count(c, t.voters.Len()+0*seat)"),
	in(missing, mutant("a watermark makes any vote chosen", "roles/decree.go",
		"heeded := t.ballot == c.ballot || c.ballot.Less(t.ballot) && t.voters != 0", "heeded := c.ballot.Round > 0")),
	mutant("nothing is fetched", "roles/learner_fetch.go",
		"if at := l.fetch.wake(l.opts); at != 0 && now.Mono >= at {", "if at := l.fetch.wake(l.opts); at < 0 {"),
	mutant("always the same acceptor is asked for values", "roles/learner_fetch.go",
		"	l.fetch.turn++\n", ""),
	in(Stories, mutant("the leader is never asked to fill", "roles/learner_fetch.go",
		"if l.fetch.attempt > fillAfter*n && !l.NeedsSnapshot() {", "if l.fetch.attempt < 0 {")),
	{Name: "what a learner inherited counts as answered", Drill: gone, First: 205, Edits: []Edit{
		{File: "roles/answers.go", Old: "return f.id == s.answerer && f.inherited < s.slot && s.slot <= f.applied", New: "return f.id == s.answerer && s.slot <= f.applied"},
		{File: "roles/answers.go", Old: "if s.answerer == id && s.slot <= m.Inherited {", New: "if s.slot == 0 {"},
	}},
	in(gone, mutant("nobody answers for a named learner that is gone", "roles/answers.go",
		"due := now.Mono >= s.due", "due := now.Mono < 0")),
	from(30, in(trimming, mutant("slots after a snapshot are learned twice", "roles/learner_state.go",
		"l.next = position.Applied + 1", "_ = position"))),
	mutant("a read is served from the state as it is", "roles/reads.go",
		"if r.slot <= l.position.Applied {", "if r.slot <= l.position.Applied || len(r.reads) > 0 {"),
	mutant("one acceptor's word is enough for a read", "roles/reads.go",
		"if r.again || !c.Phase1(l.those(c, func(v *voter) bool { return v.read == r.nonce })) {", "if r.again || c == nil {"),
	in(reading, mutant("reads join a round that has begun", "roles/reads.go",
		"	l.reads.next = append(l.reads.next, read)\n", "	if l.reads.asking {\n\t\tl.reads.asked = append(l.reads.asked, read)\n\t\treturn\n\t}\n\tl.reads.next = append(l.reads.next, read)\n")),
	in(Stories, mutant("a read's slot is never filled", "roles/reads.go",
		"l.send(out, \"\", paxos.Fill{From: from, To: r.slot + 1})", "_ = from")),
}

// memberMutants believe strangers.
var memberMutants = []Mutant{
	mutant("another cluster's messages count", "roles/member.go",
		"case e.Cluster != m.genesis.Cluster:", "case e.Cluster.UUID == m.genesis.Cluster.UUID && e.Config == 0:"),
	in(rivals, mutant("another cluster of the name is not heeded", "roles/member.go",
		"	case m.fenced():\n\t\treturn paxos.Fenced\n", "")),
	in(rivals, mutant("a learner answers beside another cluster of the name", "roles/learner_state.go",
		"return l.Diverged() || l.held != 0 || l.fenced()", "return l.Diverged() || l.held != 0")),
	in(rivals, mutant("a leader stays beside another cluster of the name", "roles/proposer.go",
		"	case leading:\n\t\tp.stepDown(now, out)\n\tcase asking", "	case asking")),
	in(rivals, mutant("another cluster of the name counts for ever", "roles/rival.go",
		"m.rivals.now-m.rivals.heard < paxos.Instant(rivalKept)", "m.rivals.heard != 0")),
	from(25, mutant("another disk's votes count", "roles/member.go",
		"	v := m.voter(paxos.Member{ID: e.From.ID, Disk: e.From.Disk})\n", "	v := m.voter(paxos.Member{ID: e.From.ID, Disk: e.From.Disk})\n\tfor _, o := range m.voters {\n\t\tif o.ID == e.From.ID {\n\t\t\tv = o\n\t\t}\n\t}\n")),
	from(120, mutant("an old copy's votes count", "roles/member.go",
		"	case e.From.Boot < v.boot:\n\t\treturn nil, paxos.OldDisk\n", "")),
	in(Stories, mutant("a copy that forgot votes counts", "roles/member.go",
		"	case e.From.Boot > v.boot && all && highest < v.voted:\n\t\treturn nil, paxos.OldDisk\n", "")),
	from(150, mutant("a twin's votes count", "roles/member.go",
		"	case e.From.Boot == v.boot && e.From.Process != v.process:\n\t\treturn nil, paxos.Twin\n", "")),
	in(driven, mutant("a boot number beyond all bounds is believed", "roles/member.go",
		"	case e.From.Boot > v.boot+maxBootStep:\n\t\treturn nil, paxos.Extreme\n", "")),
	from(25, mutant("slots beyond all bounds are believed", "roles/member.go",
		"return slot > maxSlot || slot > median+maxSlotStep", "return slot < median")),
	mutant("rounds beyond all bounds are promised", "roles/acceptor.go",
		"case b.Round > a.state.Promised.Round+maxRoundStep:", "case b.Round == 0:"),
}

// founderMutants found half a cluster.
var founderMutants = []Mutant{
	mutant("seals before all have stored", "roles/founder.go",
		"if f.fixed && f.all(f.holdsPlan) {", "if f.fixed {"),
	from(64, in(founding, mutant("does not ask what is there already", "roles/founder.go",
		"	held := f.held()\n", "	var held *paxos.Genesis\n"))),
	mutant("is done before all have sealed", "roles/founder.go",
		"return r.Sealed && f.holdsPlan(r)", "return f.holdsPlan(r)"),
	mutant("does not ask again", "roles/founder.go",
		"	f.wake = now.Mono + paxos.Instant(founderRetry)\n", "	f.wake = 1 << 62\n"),
}

// hostMutants release messages too early. What they break is the simulator's own
// host, which does as the real actor must.
var hostMutants = []Mutant{
	in(Stories, mutant("a sign of life waits for the disk", "sim/host_acceptor.go",
		"	early, a.out.Send = a.early.Take(a.out.Send)\n", "")),
	mutant("a sign of life tells of a promise that is not durable", "paxos/early.go",
		"e.Config, e.From.Promised = r.config, r.promised", "e.Config = r.config"),
	mutant("answers without records leave at once", "sim/host_acceptor.go",
		"	if len(a.out.Persist) > 0 || len(a.out.Send) > 0 {\n", "	if len(a.out.Persist) == 0 {\n\t\ta.release(a.out.Send)\n\t\ta.out.Send = nil\n\t}\n\tif len(a.out.Persist) > 0 || len(a.out.Send) > 0 {\n"),
	mutant("messages leave before the sync", "sim/host_acceptor.go",
		"	if a.hung == 0 {\n\t\ta.w.after(&a.process, a.syncTime(), a.written)", "	for i, g := range a.taken {\n\t\ta.release(g.send)\n\t\ta.taken[i].send = nil\n\t}\n\tif a.hung == 0 {\n\t\ta.w.after(&a.process, a.syncTime(), a.written)"),
	in(Stories, mutant("pages show what was written after them", "sim/host_acceptor.go",
		"	if n == 0 {\n\t\tn = len(a.groups)\n\t}\n", "	n = len(a.groups)\n")),
	mutant("pages are filled in before the sync", "sim/host_acceptor.go",
		"	if len(a.out.Persist) > 0 || len(a.out.Send) > 0 {\n", "	for i, e := range a.out.Send {\n\t\tif page, with := paxos.Pending(e.Msg); page != nil {\n\t\t\tp := *page\n\t\t\ta.disk.Fill(&p, a.w.plan.PageBytes)\n\t\t\tp.To = max(p.To, p.From)\n\t\t\ta.out.Send[i].Msg = with(p)\n\t\t}\n\t}\n\tif len(a.out.Persist) > 0 || len(a.out.Send) > 0 {\n"),
}
