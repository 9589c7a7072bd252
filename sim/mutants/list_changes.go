package mutants

// Names of drills.
const (
	changing = "the configuration changes"
	unaware  = "readers and leaders miss a change"
)

// changeMutants let the wrong acceptors decide around a change of configuration.
var changeMutants = []Mutant{
	in(changing, mutant("a change governs at once", "roles/proposer_change.go",
		"	if c := p.known.Change(slot, p.genesis.Window, v); c != nil && p.adopt(", "	c := p.known.Change(slot, p.genesis.Window, v)\n\tif c != nil {\n\t\tc.From = slot + 1\n\t}\n\tif c != nil && p.adopt(")),
	in(changing, mutant("votes are counted by the newest configuration", "roles/proposer_leader.go",
		"c := p.known.For(slot)\n\t\tif seat", "c := p.known.Newest()\n\t\tif seat")),
	in(changing, mutant("promises of the configuration before are enough", "roles/proposer_change.go",
		"if !p.promisedBy(&p.phase1, c) || !p.handedDown(c) {", "if !p.handedDown(c) {")),
	in(changing, mutant("no change is handed down", "roles/proposer_change.go",
		"if !p.promisedBy(&p.phase1, c) || !p.handedDown(c) {", "if !p.promisedBy(&p.phase1, c) {")),
	in(changing, mutant("a change is handed down to a phase-1 quorum", "roles/proposer_change.go",
		"before.Phase2(p.those(before,", "before.Phase1(p.those(before,")),
	in(changing, mutant("a change is handed down to its own acceptors", "roles/proposer_change.go",
		"before.Phase2(p.those(before,", "c.Phase2(p.those(c,")),
	from(18, in(changing, mutant("votes that only newcomers remember are overlooked", "roles/proposer_change.go",
		"	p.lead.top = max(p.lead.top, p.phase1.top)\n", ""))),
	from(27, in(changing, mutant("a change is taken over before all slots below are chosen", "roles/proposer_leader.go",
		"	delete(p.lead.rounds, slot)\n	if r.batch {", "	delete(p.lead.rounds, slot)\n	p.changeChosen(slot)\n	if r.batch {"))),
	in(changing, mutant("leads by the configuration of the watermark that it knew", "roles/proposer_leader.go",
		"	c := p.known.For(below)\n	if !p.promisedBy(ps, c) {", "	c := p.known.For(p.chosen.Below)\n	if !p.promisedBy(ps, c) {")),
	in(changing, mutant("newcomers are asked for promises once", "roles/proposer_change.go",
		"	if p.wantsPromises() {\n		p.askPromises(&p.phase1, out)\n	}", "")),
	in(changing, mutant("an acceptor votes where it is not named", "roles/acceptor.go",
		"return c != nil && e.Config >= c.Number && c.Has(a.self.ID, a.self.Disk)", "return c != nil")),
	in(changing, mutant("a change is finished at once", "roles/proposer_change.go",
		"	c := p.known.Newest()\n	if c.Number == p.genesis.First.Number {", "	c := p.known.Newest()\n	if c.Number > 0 {")),
	from(275, in(unaware, mutant("messages of newer configurations are taken, and nobody asks", "roles/member.go",
		"	case e.Config > m.known.Number():\n		m.behind = true\n		return paxos.OtherConfig\n", ""))),
	in(Stories, mutant("who lacks a configuration never asks", "roles/member.go", "		m.behind = true\n", "")),
	from(38, in(unaware, mutant("a round of reads forgets where its configuration begins", "roles/reads.go",
		"max(r.highest, c.From-1)", "r.highest"))),
	in(changing, mutant("a learner waits for acceptors that are gone", "roles/learner_state.go",
		"return c == nil || c != l.known.Newest() && l.fetch.attempt > 2*fillAfter*len(c.Acceptors)", "return c == nil")),
	in(Stories, mutant("the window after a change is not filled", "roles/proposer_change.go", "		p.fillUp(now, from+1, out)\n", "")),
	in(unaware, mutant("a round of reads ends by the oldest configuration", "roles/reads.go",
		"c := l.known.Newest()", "c := l.known[0]")),
}
