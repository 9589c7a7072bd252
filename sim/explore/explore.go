package explore

import "fmt"

// Report is what an exploration came to.
type Report struct {
	Bound     Bound
	States    int
	Steps     int // transitions, those that change nothing left out
	Depth     int // the most steps from the start, on the shortest way
	Closed    bool
	Polls     int // different sets of votes
	Learners  int // different states of a learner
	Values    int // different values that are chosen somewhere
	Processes int // different states of single processes
	Messages  int // different messages
	Wrong     string
}

func (r *Report) String() string {
	closed := "closed"
	if !r.Closed {
		closed = "NOT closed"
	}
	return fmt.Sprintf("%s: %d states, %d steps, depth %d, %s; %d sets of votes, %d values chosen; %d states of acceptors and proposers, %d of learners, %d messages",
		r.Bound, r.States, r.Steps, r.Depth, closed, r.Polls, r.Values, r.Processes, r.Learners, r.Messages)
}

// explorer goes through the states, nearest first.
type explorer struct {
	*cluster
	report Report
	seen   *visited
	values map[string]bool
	polls  map[poll]*verdict
	next   frontier[state]
	done   number // a proposer that has begun its last ballot, and prepares no more
}

// Explore visits all states of a bound, up to the first one that is wrong.
func Explore(b Bound) *Report {
	return newExplorer(b).explore()
}

func newExplorer(b Bound) *explorer {
	c := newCluster(b)
	x := &explorer{cluster: c, seen: newVisited(), values: map[string]bool{}, polls: map[poll]*verdict{}}
	x.report.Bound = b
	return x
}

func (x *explorer) explore() *Report {
	x.visit(x.start())
	for len(x.next) > 0 && !x.over() {
		frontier := x.next
		x.next = nil
		for i, chunk := range frontier {
			for j := 0; j < len(chunk) && !x.over(); j++ {
				x.expand(&chunk[j])
			}
			frontier[i] = nil
		}
		if len(x.next) > 0 {
			x.report.Depth++
		}
	}
	x.report.Closed = !x.over()
	x.report.Polls, x.report.Learners = len(x.polls), x.learn()
	x.report.Values, x.report.Processes, x.report.Messages = len(x.values), len(x.states), len(x.messages)
	return &x.report
}

func (x *explorer) start() (s state) {
	for i := range acceptors {
		s.voters[i].process = x.number(x.newAcceptor())
	}
	for i := range x.bound.Proposers {
		p := &process{index: i}
		x.startProposer(p)
		x.note(p)
		s.proposers[i] = x.number(p)
	}
	x.done = x.number(&process{proposer: x.states[s.proposers[0]].proposer, stage: "done", begun: x.bound.Ballots})
	return s
}

// over reports whether the exploration ends early.
func (x *explorer) over() bool {
	return x.report.Wrong != "" || (x.bound.States > 0 && x.report.States >= x.bound.States)
}

// visit checks a state that is new, and keeps it for its turn.
func (x *explorer) visit(s state) {
	if !x.bound.Plain {
		x.forget(&s)
		s.sort()
	}
	if !x.seen.add(&s) {
		return
	}
	x.report.States++
	x.next.add(s)
}

// expand visits all states one step from s.
func (x *explorer) expand(s *state) {
	for i := range acceptors {
		if i > 0 && s.voters[i] == s.voters[i-1] && !x.bound.Plain {
			continue // what happens to one might as well happen to the other
		}
		s.asked.each(func(m number) { x.takeVoter(s, i, step{act: deliver, first: m, second: none}, 0) })
		if int(s.crashes) < x.bound.Crashes {
			x.takeVoter(s, i, step{act: crash}, 1)
		}
	}
	for i := range x.bound.Proposers {
		if begun := x.states[s.proposers[i]].begun; begun < x.bound.Ballots {
			x.begin(s, i, step{act: begin}, 0)
			if int(s.crashes) < x.bound.Crashes && begun > 0 { // and began something that it may forget
				x.begin(s, i, step{act: crash}, 1)
			}
		}
		x.answers(s, i)
	}
}

// begin lets proposer i begin a ballot, after it heard of any round up to the highest
// promised, or of none: in what acceptors say of themselves at any time, also in
// refusals. Rounds that nobody promised are among them, so that more can happen here.
func (x *explorer) begin(s *state, i int, what step, crashes uint16) {
	highest := uint64(0)
	for j := range acceptors {
		highest = max(highest, x.order[x.states[s.voters[j].process].ballot].Round)
	}
	if x.bound.Plain {
		highest = 0 // it hears what is said to it, message by message
	}
	for round := range highest + 1 {
		what.i = uint8(round)
		x.takeProposer(s, i, what, crashes)
	}
}

// takeVoter lets something happen to an acceptor.
func (x *explorer) takeVoter(s *state, i int, what step, crashes uint16) {
	v := s.voters[i]
	what.process = v.process
	o, ok := x.try(what)
	if !ok {
		return
	}
	v.process, v.votes = o.next, v.votes|o.votes
	for _, m := range o.sent {
		x.checkPromise(&v, m)
		if x.bound.Plain || x.heeds(s.proposers[0]).has(m) || x.heeds(s.proposers[1]).has(m) {
			v.said.add(m)
		}
	}
	if v == s.voters[i] {
		return
	}
	t := *s
	t.voters[i] = v
	t.crashes += crashes
	x.report.Steps++
	if v.votes != s.voters[i].votes {
		x.check(&t)
	}
	x.visit(t)
}

// takeProposer lets something happen to a proposer.
func (x *explorer) takeProposer(s *state, i int, what step, crashes uint16) {
	what.process = s.proposers[i]
	o, ok := x.try(what)
	if !ok || (o.next == what.process && len(o.sent) == 0) {
		return
	}
	t := *s
	t.proposers[i] = o.next
	t.crashes += crashes
	for _, m := range o.sent {
		x.checkProposal(s, m)
		t.asked.add(m)
	}
	x.report.Steps++
	if len(o.sent) > 0 {
		x.check(&t)
	}
	x.visit(t)
}

// try takes a step, unless the exploration is over.
func (x *explorer) try(what step) (*outcome, bool) {
	if x.over() {
		return nil, false
	}
	o := x.step(what)
	switch {
	case o.wrong != "":
		x.report.Wrong = o.wrong
	case len(x.messages) > words*64 || len(x.votes) > 64 || len(x.states) >= int(none):
		x.report.Wrong = "the bound is too large for the tables"
	}
	return o, x.report.Wrong == ""
}

// answers lets proposer i take what the acceptors said: what makes a quorum of promises or
// of votes.
func (x *explorer) answers(s *state, i int) {
	for j := range acceptors {
		v := &s.voters[j]
		v.said.each(func(m number) {
			switch {
			case x.bound.Plain:
				x.takeProposer(s, i, step{act: deliver, first: m, second: none, i: uint8(j)}, 0)
			case !x.heeds(s.proposers[i]).has(m):
			default:
				x.pairs(s, i, j, m)
			}
		})
	}
}

// pairs lets proposer i take message m of acceptor j with one like it of another: as
// it is all one which they are, of the first two.
func (x *explorer) pairs(s *state, i, j int, m number) {
	for k := j + 1; k < acceptors; k++ {
		w := &s.voters[k]
		w.said.each(func(n number) {
			if x.notes[n] == x.notes[m] {
				x.takeProposer(s, i, step{act: deliver, first: m, second: n, j: 1}, 0)
			}
		})
	}
}

// forget drops from a state what can have no effect any more, so that states that
// differ in nothing else are one.
func (x *explorer) forget(s *state) {
	var heard set
	for i := range x.bound.Proposers {
		if p := x.states[s.proposers[i]]; p.begun == x.bound.Ballots && p.stage != "preparing" && !p.busy {
			s.proposers[i] = x.done // it has said all that it will ever say
		}
		heard.join(x.heeds(s.proposers[i]))
	}
	var asked set
	for i := range acceptors {
		asked.join(x.heeds(s.voters[i].process))
		s.voters[i].said.meet(&heard)
	}
	s.asked.meet(&asked)
}
