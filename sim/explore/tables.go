package explore

import (
	"fmt"
	"reflect"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// process is one state of one process. It is never changed once it has a number.
type process struct {
	acceptor *roles.Acceptor // always under the name of the first one
	ledger   *paxos.Ledger
	proposer *roles.Proposer

	index int    // among the proposers
	boot  uint64 // starts of a proposer
	begun int    // ballots that it began

	stage  string // of a proposer
	busy   bool   // it waits for votes
	ballot number // its present one, or the one that an acceptor promised
}

// note is what a message is about.
type note struct {
	kind   kind
	ballot number
	slot   paxos.Slot // of a vote
}

type kind uint8

const (
	asks kind = iota // Prepare, Accept or Heartbeat
	promises
	votes
	refuses
)

func (t *tables) noteOf(m paxos.Message) note {
	switch m := m.(type) {
	case paxos.Prepare:
		return note{asks, t.ballot(m.Ballot), 0}
	case paxos.Accept:
		return note{asks, t.ballot(m.Ballot), 0}
	case paxos.Heartbeat:
		return note{asks, t.ballot(m.Ballot), 0}
	case paxos.Promise:
		return note{promises, t.ballot(m.Ballot), 0}
	case paxos.Accepted:
		return note{votes, t.ballot(m.Ballot), m.Slots[0]}
	case paxos.Hello:
		return note{asks, 0, 0}
	case paxos.Nack:
		return note{refuses, t.ballot(m.Ballot), 0}
	default:
		panic(fmt.Sprintf("explore: %T is not exchanged", m))
	}
}

func (p *process) copy() *process {
	c := *p
	if p.acceptor != nil {
		c.acceptor, c.ledger = clone(p.acceptor), p.ledger.Clone()
	} else {
		c.proposer = clone(p.proposer)
	}
	return &c
}

// number is what stands for a state of a process, or for a message.
type number uint16

// none is the number of nothing.
const none = ^number(0)

// A step is an input to a process: one message, or two from acceptors i and j, or an
// action.
type step struct {
	process       number
	act           action
	first, second number // messages
	i, j          uint8
}

// action is what happens to a process.
type action uint8

const (
	deliver action = iota
	begin          // a proposer's timers go off: it begins its next ballot
	crash          // it stops, and starts with what its disk holds
)

// outcome is what comes of a step: the next state of the process, and what it sends.
type outcome struct {
	next  number
	sent  []number
	votes uint64 // that are on an acceptor's disk now
	wrong string
}

// vote is a vote of any acceptor.
type vote struct {
	slot   paxos.Slot
	ballot paxos.Ballot
	value  string
}

// tables number the states of processes and the messages, and remember what comes of
// each step.
type tables struct {
	states   []*process
	byKey    map[string]number
	messages []paxos.Envelope
	byText   map[string]number
	notes    []note // by message
	votes    []vote // by number; there is room for 64
	proposed map[vote]paxos.Value
	ballots  map[paxos.Ballot]number
	order    []paxos.Ballot // by number
	less     [][]bool       // by two numbers of ballots
	outcomes map[step]*outcome
	votings  [][]*outcome // those of acceptors that take a message, by both numbers
	heeded   []*heed      // by state
}

// known is the outcome of s, nil when it was never taken.
func (t *tables) known(s step) *outcome {
	if s.act != deliver || t.states[s.process].acceptor == nil {
		return t.outcomes[s]
	}
	for int(s.process) >= len(t.votings) {
		t.votings = append(t.votings, nil)
	}
	row := &t.votings[s.process]
	for int(s.first) >= len(*row) {
		*row = append(*row, nil)
	}
	return (*row)[s.first]
}

func (t *tables) remember(s step, o *outcome) {
	if s.act == deliver && t.states[s.process].acceptor != nil {
		t.votings[s.process][s.first] = o
		return
	}
	t.outcomes[s] = o
}

func newTables() *tables {
	return &tables{byKey: map[string]number{}, byText: map[string]number{}, ballots: map[paxos.Ballot]number{}, outcomes: map[step]*outcome{}, proposed: map[vote]paxos.Value{}}
}

// number is the number of a state.
func (t *tables) number(p *process) number {
	key := string(describe(nil, reflect.ValueOf(p).Elem()))
	n, ok := t.byKey[key]
	if !ok {
		n = number(len(t.states))
		t.states, t.byKey[key] = append(t.states, p), n
	}
	return n
}

func (t *tables) message(e paxos.Envelope) number {
	text := describeText(e)
	n, ok := t.byText[text]
	if !ok {
		n = number(len(t.messages))
		t.messages, t.byText[text] = append(t.messages, e), n
		t.notes = append(t.notes, t.noteOf(e.Msg))
	}
	return n
}

func describeText(e paxos.Envelope) string { return fmt.Sprintf("%T %+v", e.Msg, e) }

// vote is the number of a vote, as a set of that one.
func (t *tables) vote(v paxos.Vote) uint64 {
	is := vote{v.Slot, v.Ballot, valueText(v.Value)}
	for i, o := range t.votes {
		if o == is {
			return 1 << i
		}
	}
	t.votes, t.proposed[is] = append(t.votes, is), v.Value
	return 1 << (len(t.votes) - 1)
}

func valueText(v paxos.Value) string { return fmt.Sprintf("%s %q", v.Kind, v.Body) }

// ballot is the number of b; 0 is the ballot below all others.
func (t *tables) ballot(b paxos.Ballot) number {
	n, ok := t.ballots[b]
	if !ok {
		n = number(len(t.order))
		t.order, t.ballots[b] = append(t.order, b), n
		t.less = make([][]bool, len(t.order))
		for i, low := range t.order {
			for _, high := range t.order {
				t.less[i] = append(t.less[i], low.Less(high))
			}
		}
	}
	return n
}
