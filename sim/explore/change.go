package explore

import (
	"fmt"
	"math/bits"
	"reflect"
	"unsafe"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// A Move is a bound with one change of the configuration (PTP §3.3.7): from some acceptors
// to others, by any leader, while leaders change. It is explored plainly: acceptors are not
// alike here, so there is no symmetry, messages come one by one, and only what nobody would
// heed any more is forgotten. Acceptors that are not named yet take part, and join when
// they are. A proposer that crashes has its ballots before it again, under another
// incarnation; an acceptor knows what its disk holds.
type Move struct {
	From, To []int // acceptors, from 0
	Window   int
	Slots    int // of the log: those that leaders use for commands
	Ballots  int // of each start of two proposers
	Crashes  int // of any of them
	States   int // stop after so many; 0: never
}

// Replacement is the bound that every test run closes: one acceptor takes the place of
// the only one.
func Replacement() Move {
	return Move{From: []int{0}, To: []int{1}, Window: 1, Slots: 2, Ballots: 1, States: 3_000_000}
}

func (m Move) String() string {
	return fmt.Sprintf("acceptors %v become %v, 2 proposers, %d ballots each, window %d, %d slots, %d crashes", m.From, m.To, m.Ballots, m.Window, m.Slots, m.Crashes)
}

// MoveReport is what the exploration of a Move came to.
type MoveReport struct {
	Move                         Move
	States, Steps, Depth         int
	Closed                       bool
	Processes, Messages, Changed int // Changed: votes under the new configuration
	Polls                        int // different sets of votes on the disks
	Wrong                        string
}

func (r *MoveReport) String() string {
	closed := "closed"
	if !r.Closed {
		closed = "NOT closed"
	}
	return fmt.Sprintf("%s: %d states, %d steps, %d of them votes after the change, depth %d, %s; %d sets of votes; %d states of processes, %d messages",
		r.Move, r.States, r.Steps, r.Changed, r.Depth, closed, r.Polls, r.Processes, r.Messages)
}

// What happens to a process in a Move, beside what explore's other actions are.
const (
	change  action = iota + 10 // an operator asks a leader for the change
	command                    // a client sends a leader a command
)

const movers = 6 // processes: 4 acceptors and 2 proposers

// moment is a state of the cluster in a Move.
type moment struct {
	processes [movers]number
	crashes   uint16
	_         uint16         // no padding, so that a moment is its bytes
	votes     [movers]uint64 // that are on the disks
	said      set
}

type mover struct {
	*cluster
	move   Move
	later  paxos.Configuration
	report MoveReport
	known  map[step]*outcome // but of messages
	taken  [][]*outcome      // of messages, by the process and the message
	idle   []set             // messages that come to nothing, by the process
	seen   *visited
	polls  map[[movers]uint64]bool
	next   frontier[moment]
}

// ExploreMove visits all states of a Move, up to the first one that is wrong.
func ExploreMove(m Move) *MoveReport {
	x := &mover{move: m, known: map[step]*outcome{}, seen: newVisited(), polls: map[[movers]uint64]bool{}}
	x.cluster = &cluster{bound: Bound{Proposers: 2, Slots: m.Slots, Ballots: m.Ballots, Plain: true}, tables: newTables()}
	x.ballot(paxos.Ballot{})
	x.genesis = paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: paxos.UUID{1}, Generation: 1}, Window: paxos.Slot(m.Window),
		First: paxos.Configuration{Number: 1, From: 1, Copies: 1, Acceptors: membersOf(m.From)},
	}
	x.later = paxos.Configuration{Number: 2, Copies: 1, Acceptors: membersOf(m.To)}
	x.report.Move = m
	x.explore()
	return &x.report
}

func membersOf(acceptors []int) (all []paxos.Member) {
	for _, i := range acceptors {
		all = append(all, paxos.Member{ID: id("a", i), Disk: paxos.UUID{2, byte(i)}})
	}
	return all
}

func (x *mover) explore() {
	x.visit(x.first())
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
	x.report.Processes, x.report.Messages, x.report.Polls = len(x.states), len(x.messages), len(x.polls)
}

func (x *mover) over() bool {
	return x.report.Wrong != "" || (x.move.States > 0 && x.report.States >= x.move.States)
}

// first is the founded cluster, and newcomers with fresh disks.
func (x *mover) first() (s moment) {
	for i := range movers - 2 {
		p := &process{ledger: &paxos.Ledger{}, index: i}
		m := membersOf([]int{i})[0]
		if x.genesis.First.Has(m.ID, m.Disk) {
			p.ledger.Append(paxos.Founded{Genesis: x.genesis, Sealed: true})
		}
		x.start(p)
		s.processes[i] = x.number(p)
	}
	for i := range 2 {
		p := &process{index: i}
		x.start(p)
		s.processes[movers-2+i] = x.settled(p)
	}
	return s
}

// start starts p with what its disk holds.
func (x *mover) start(p *process) {
	if p.ledger != nil {
		p.acceptor = roles.RestoreAcceptor(x.voter(p.index), p.ledger.State, present)
		return
	}
	p.boot++
	p.begun = 0
	self := paxos.Sender{Role: paxos.ProposerRole, ID: id("p", p.index), Process: p.boot}
	o := roles.DefaultProposerOptions()
	o.BatchCommands = 1
	p.proposer = roles.NewProposer(self, o, present)
	var out paxos.Effects
	p.proposer.Step(present, x.envelope(x.voter(x.move.From[0]), paxos.Hello{Genesis: &x.genesis}), &out)
	p.proposer.Step(present, x.envelope(paxos.Sender{Role: paxos.LearnerRole, ID: "l1"}, paxos.Position{}), &out)
}

func (x *mover) voter(i int) paxos.Sender {
	m := membersOf([]int{i})[0]
	return paxos.Sender{Role: paxos.AcceptorRole, ID: m.ID, Disk: m.Disk, Boot: 1, Process: 1}
}

// expand visits all moments one step from s.
func (x *mover) expand(s *moment) {
	for i := range s.processes {
		said := s.said
		said.minus(x.ofNoUse(s.processes[i]))
		said.each(func(m number) { x.take(s, i, step{process: s.processes[i], act: deliver, first: m, second: none}) })
		p := x.states[s.processes[i]]
		if int(s.crashes) < x.move.Crashes && (p.proposer == nil || p.begun > 0) { // and began something that it may forget
			x.take(s, i, step{process: s.processes[i], act: crash})
		}
		if p.proposer == nil {
			continue
		}
		if p.begun < x.move.Ballots {
			x.take(s, i, step{process: s.processes[i], act: begin})
		}
		if !p.proposer.Leading().IsZero() {
			if p.proposer.Status(present).Next == 1 {
				x.take(s, i, step{process: s.processes[i], act: change})
			}
			x.take(s, i, step{process: s.processes[i], act: command})
		}
	}
}

// take lets something happen to a process.
func (x *mover) take(s *moment, i int, what step) {
	if x.over() {
		return
	}
	o := x.outcome(what)
	t := *s
	t.processes[i], t.votes[i] = o.next, s.votes[i]|o.votes
	if what.act == crash && o.next != what.process {
		t.crashes++
	}
	for _, m := range o.sent {
		t.said.add(m)
	}
	switch {
	case o.wrong != "":
		x.report.Wrong = o.wrong
	case len(x.messages) > words*64 || len(x.votes) > 64 || len(x.states) >= int(none):
		x.report.Wrong = "the bound is too large for the tables"
	case t == *s:
		return
	}
	x.report.Steps++
	x.check(s, &t)
	x.visit(t)
}

// visit keeps a moment that is new for its turn.
func (x *mover) visit(s moment) {
	x.forget(&s)
	if !x.seen.note(unsafe.Slice((*byte)(unsafe.Pointer(&s)), unsafe.Sizeof(s))) {
		return
	}
	x.polls[s.votes] = true
	x.report.States++
	x.next.add(s)
}

// forget drops what all would refuse for ever.
func (x *mover) forget(s *moment) {
	for i, w := range s.said {
		for ; w != 0; w &= w - 1 {
			m := number(i*64 + bits.TrailingZeros64(w))
			if n := x.notes[m]; n.ballot != 0 && x.refused(s, n) {
				s.said[m/64] &^= 1 << (m % 64)
			}
		}
	}
}

// refused reports whether a message is of a ballot that its receivers have left behind.
func (x *mover) refused(s *moment, n note) bool {
	for _, which := range s.processes {
		p := x.states[which]
		switch {
		case p.acceptor != nil && n.kind == asks && !x.less[n.ballot][p.ballot]:
			return false
		case p.proposer != nil && n.kind != asks && p.ballot == n.ballot && (p.stage == "preparing" || p.stage == "leading"):
			return false
		}
	}
	return true
}

// outcome is what comes of a step.
func (x *mover) outcome(what step) *outcome {
	if o := x.remembered(what); o != nil {
		return o
	}
	p := x.states[what.process].copy()
	var out paxos.Effects
	switch what.act {
	case crash:
		x.start(p)
	case begin:
		p.begun++
		var all []paxos.Sender
		for i := range movers - 2 {
			all = append(all, x.voter(i))
		}
		x.campaign(p, all, &out)
	case change:
		later := x.later
		x.operate(p, paxos.Change{Next: &later}, &out)
	case command:
		x.command(p, &out)
	case deliver:
		e := x.messages[what.first]
		switch {
		case e.From.Role == paxos.AcceptorRole && p.acceptor != nil, e.From.Role == paxos.ProposerRole && e.From.ID == id("p", p.index) && p.proposer != nil:
		case p.acceptor != nil:
			p.acceptor.Step(present, e, &out)
		default:
			p.proposer.Step(present, e, &out)
		}
	}
	o := x.carryOut(p, &out)
	if what.act != deliver {
		x.known[what] = &o
		return &o
	}
	x.taken[what.process][what.first] = &o
	if o.next == what.process && len(o.sent) == 0 && o.votes == 0 && o.wrong == "" && what.first < words*64 {
		x.ofNoUse(what.process).add(what.first)
	}
	return &o
}

// remembered is the outcome of a step that was taken before, nil of another.
func (x *mover) remembered(what step) *outcome {
	if what.act != deliver {
		return x.known[what]
	}
	for int(what.process) >= len(x.taken) {
		x.taken = append(x.taken, nil)
	}
	row := &x.taken[what.process]
	for int(what.first) >= len(*row) {
		*row = append(*row, nil)
	}
	return (*row)[what.first]
}

// ofNoUse is the messages that are known to come to nothing where a process is in this
// state.
func (x *mover) ofNoUse(process number) *set {
	for int(process) >= len(x.idle) {
		x.idle = append(x.idle, set{})
	}
	return &x.idle[process]
}

func (x *mover) operate(p *process, m paxos.Message, out *paxos.Effects) {
	p.proposer.Step(present, x.envelope(paxos.Sender{Role: paxos.OperatorRole, ID: "o1"}, m), out)
}

// command gives a leader one, if it has a slot for it at once.
func (x *mover) command(p *process, out *paxos.Effects) {
	before := p.proposer.Status(present)
	if before.Next > paxos.Slot(x.move.Slots) {
		return
	}
	try := p.copy()
	c := paxos.Command{Subject: "propose", Data: fmt.Appendf(nil, "%d of %s.%d", before.Next, id("p", p.index), p.boot)}
	try.proposer.Propose(present, c, out)
	try.proposer.Flush(present, out)
	if try.proposer.Status(present).Queued > 0 {
		out.Reset()
		return
	}
	*p = *try
}

// carryOut makes what a step asked for into an outcome. A Hello tells configurations
// only, and a Nack nothing.
func (x *mover) carryOut(p *process, out *paxos.Effects) outcome {
	if out.Stop != "" {
		return outcome{wrong: "a role stops: " + out.Stop}
	}
	o := outcome{votes: x.persist(p, out)}
	for _, e := range out.Send {
		e.From.Promised = paxos.Ballot{}
		switch m := e.Msg.(type) {
		case paxos.Prepare:
			e.To = ""
		case paxos.Hello:
			if e.Config < 2 {
				continue // it tells what all know
			}
			e.Msg = paxos.Hello{Genesis: &x.genesis, Known: m.Known}
		case paxos.Promise, paxos.Accept, paxos.Accepted:
		default:
			continue
		}
		o.sent = append(o.sent, x.message(e))
	}
	o.next = x.settled(p)
	return o
}

// settled is the number of p's state. That a role gossips only now and then is
// undone: here it may at any time.
func (x *mover) settled(p *process) number {
	if p.proposer != nil {
		open(reflect.ValueOf(p.proposer).Elem().FieldByName("member").FieldByName("gossips")).SetInt(0)
	} else {
		open(reflect.ValueOf(p.acceptor).Elem().FieldByName("member").FieldByName("gossips")).SetInt(0)
	}
	x.note(p)
	return x.number(p)
}

// check judges what became of s. A vote is cast, and so may be asked for, only in a slot
// of which it is decided who governs it, below the window, by those who do; and at most one value is
// chosen in each.
func (x *mover) check(s, t *moment) {
	if s.votes == t.votes {
		return
	}
	x.chosen(t) // judges that no two values are chosen
	chosen, governs := x.chosen(s)
	below := paxos.Slot(1)
	for chosen[below].value != "" {
		below++
	}
	for i := range t.votes {
		for w := t.votes[i] &^ s.votes[i]; w != 0; w &= w - 1 {
			v := x.votes[bits.TrailingZeros64(w)]
			c, m := x.governing(v.slot, governs), membersOf([]int{i})[0]
			if c.Number == 2 {
				x.report.Changed++
			}
			switch {
			case v.slot >= below+paxos.Slot(x.move.Window):
				x.wrong("%s votes in slot %d, and all below %d are chosen", m.ID, v.slot, below)
			case !c.Has(m.ID, m.Disk):
				x.wrong("%s votes in slot %d, which configuration %d governs", m.ID, v.slot, c.Number)
			case c.Number == 2 && !x.handedDown(t):
				x.wrong("%s votes in slot %d, and no phase-2 quorum of configuration 1 has stored configuration 2", m.ID, v.slot)
			}
		}
	}
}

func (x *mover) wrong(format string, args ...any) {
	if x.report.Wrong == "" {
		x.report.Wrong = fmt.Sprintf(format, args...)
	}
}

// governing is the configuration of a slot, later being the newest one that is chosen.
func (x *mover) governing(slot paxos.Slot, later *paxos.Configuration) *paxos.Configuration {
	if slot >= later.From {
		return later
	}
	return &x.genesis.First
}

// handedDown reports whether a phase-2 quorum of the first configuration has stored the
// second.
func (x *mover) handedDown(s *moment) bool {
	var stored paxos.Set
	for seat, i := range x.move.From {
		if x.states[s.processes[i]].ledger.State.Known.Number() > 1 {
			stored = stored.With(seat)
		}
	}
	return x.genesis.First.Phase2(stored)
}

// chosen is what is chosen by slot, and the newest configuration that is.
func (x *mover) chosen(s *moment) (map[paxos.Slot]choice, *paxos.Configuration) {
	chosen, governs := map[paxos.Slot]choice{}, &x.genesis.First
	for slot := paxos.Slot(1); slot <= paxos.Slot(x.move.Slots+x.move.Window)+1; slot++ {
		c := x.governing(slot, governs)
		for n, v := range x.votes {
			var voted paxos.Set
			for seat, m := range c.Acceptors {
				if i := int(m.Disk[1]); s.votes[i]>>n&1 == 1 {
					voted = voted.With(seat)
				}
			}
			if v.slot != slot || !c.Phase2(voted) {
				continue
			}
			if before, ok := chosen[slot]; ok && before.value != v.value {
				x.wrong("both %s and %s are chosen in slot %d", before.value, v.value, slot)
			}
			chosen[slot] = choice{value: v.value}
			if next := (paxos.Configurations{c}).Change(slot, x.genesis.Window, x.proposed[v]); next != nil && c.Number == 1 && governs.Number == 1 {
				governs = next
			}
		}
	}
	return chosen, governs
}
