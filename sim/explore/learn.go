package explore

import (
	"fmt"
	"maps"
	"math/bits"
	"reflect"
	"slices"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// A learner changes nothing for the others, so its states are not multiplied with
// those of the cluster. For each poll that the cluster comes to, a learner is explored
// that hears any of the messages that there may be by then, in any order: the Accepts
// and the votes, as acceptors sent them and as they are fetched, and what leaders
// claimed of what is chosen. It must learn nothing that is not chosen by then.

// lessonVotes is the most votes of a poll of which learners hear: what could go wrong
// between two ballots takes no more.
const lessonVotes = 3

// student is one state of a learner.
type student struct {
	role    *roles.Learner
	learned []string // by slot; empty: not yet
}

// lesson is a message to a learner, and what came of it by the student's number.
type lesson struct {
	paxos.Envelope
	outcomes map[int]int
}

// class is all states of learners, and the messages that they hear.
type class struct {
	*explorer
	students []*student
	byKey    map[string]int
	lessons  map[string]*lesson
}

// learn explores the learners of all polls. It returns how many states they have.
func (x *explorer) learn() int {
	c := &class{explorer: x, byKey: map[string]int{}, lessons: map[string]*lesson{}}
	first := &student{
		role:    roles.NewLearner(paxos.Sender{Role: paxos.LearnerRole, ID: "l1", Process: 1}, roles.DefaultLearnerOptions(), paxos.Position{}, present),
		learned: make([]string, x.bound.Slots+1),
	}
	first.role.Join(&x.genesis)
	start := c.number(first)
	attended := map[string]bool{}
	for _, p := range slices.SortedFunc(maps.Keys(x.polls), func(a, b poll) int { return slices.Compare(a[:], b[:]) }) {
		v := x.polls[p]
		if shape := c.shape(p); p.size() <= lessonVotes && !attended[shape] {
			attended[shape] = true
			c.attend(start, c.heard(p, v), v)
		}
	}
	return len(c.students)
}

// size is how many votes there are in a poll.
func (p poll) size() (n int) {
	for _, votes := range p {
		n += bits.OnesCount64(votes)
	}
	return n
}

// shape tells polls apart by the order of their ballots, and by which of their values
// are equal: a learner can tell no more.
func (c *class) shape(p poll) string {
	var ballots []paxos.Ballot
	for k, v := range c.votes {
		if (p[0]|p[1]|p[2])>>k&1 == 1 {
			ballots = append(ballots, v.ballot)
		}
	}
	slices.SortFunc(ballots, paxos.Ballot.Compare)
	ballots = slices.Compact(ballots)
	values := map[string]int{}
	var cast [][4]int
	for i, votes := range p {
		for k, v := range c.votes {
			if votes>>k&1 == 1 {
				cast = append(cast, [4]int{slices.Index(ballots, v.ballot), int(v.slot), i, k})
			}
		}
	}
	slices.SortFunc(cast, func(a, b [4]int) int { return slices.Compare(a[:], b[:]) })
	for i := range cast {
		value := c.votes[cast[i][3]].value
		if _, ok := values[value]; !ok {
			values[value] = len(values)
		}
		cast[i][3] = values[value]
	}
	return fmt.Sprint(cast)
}

// attend visits all states of a learner that hears the lessons.
func (c *class) attend(start int, lessons []*lesson, v *verdict) {
	seen := map[int]bool{start: true}
	for next := []int{start}; len(next) > 0; next = next[1:] {
		for _, l := range lessons {
			to := c.hear(next[0], l)
			for i, value := range c.students[to].learned {
				if value != "" && value != v.chosen[paxos.Slot(i)].value {
					c.wrong("a learner learns %s in slot %d, where %q is chosen, from %T %+v", value, i, v.chosen[paxos.Slot(i)].value, l.Msg, l.Msg)
					return
				}
			}
			if !seen[to] {
				seen[to] = true
				next = append(next, to)
			}
		}
	}
}

// hear is the state that comes of a message.
func (c *class) hear(n int, l *lesson) int {
	if to, ok := l.outcomes[n]; ok {
		return to
	}
	before := c.students[n]
	s := &student{clone(before.role), append([]string(nil), before.learned...)}
	var out paxos.Effects
	s.role.Step(present, l.Envelope, &out)
	for _, d := range out.Learn {
		s.learned[d.Slot] = valueText(d.Value)
	}
	to := c.number(s)
	l.outcomes[n] = to
	return to
}

func (c *class) number(s *student) int {
	key := string(describe(nil, reflect.ValueOf(s).Elem()))
	n, ok := c.byKey[key]
	if !ok {
		n = len(c.students)
		c.students, c.byKey[key] = append(c.students, s), n
	}
	return n
}

// heard is what there is to hear after a poll. A leader may claim whatever is chosen in
// its ballot.
func (c *class) heard(p poll, v *verdict) (lessons []*lesson) {
	add := func(e paxos.Envelope) {
		text := describeText(e)
		if c.lessons[text] == nil {
			c.lessons[text] = &lesson{e, map[int]int{}}
		}
		lessons = append(lessons, c.lessons[text])
	}
	voted := map[vote]bool{}
	for i, votes := range p {
		for k, v := range c.votes {
			if votes>>k&1 == 0 {
				continue
			}
			voted[v] = true
			from := c.self(i)
			from.Promised = v.ballot
			add(c.envelope(from, paxos.Accepted{Ballot: v.ballot, Slots: []paxos.Slot{v.slot}}))
		}
	}
	above := map[paxos.Slot]bool{}
	claimed := map[paxos.Ballot]bool{}
	for _, e := range c.messages {
		switch m := e.Msg.(type) {
		case paxos.Accept:
			chosen, is := v.chosen[m.Slot], vote{m.Slot, m.Ballot, valueText(m.Value)}
			higher := !chosen.ballot.IsZero() && chosen.value == is.value && chosen.ballot.Less(m.Ballot)
			if voted[is] || (higher && !above[m.Slot]) { // one without a vote is like another
				above[m.Slot] = above[m.Slot] || !voted[is]
				add(e)
			}
		case paxos.Heartbeat:
			if c.true(v, m) && m.Chosen.From < m.Chosen.Below && !claimed[m.Ballot] {
				claimed[m.Ballot] = true
				add(e)
			}
		}
	}
	return lessons
}

// true reports whether a Heartbeat claims only what a poll chooses in its ballot.
func (c *class) true(v *verdict, m paxos.Heartbeat) bool {
	for slot := m.Chosen.From; slot < m.Chosen.Below; slot++ {
		if chosen, ok := v.chosen[slot]; !ok || m.Ballot.Less(chosen.ballot) {
			return false
		}
	}
	return true
}
