package paxos

import (
	"maps"
	"slices"
)

// AcceptorState is what an acceptor knows without reading its votes: all that
// must survive a crash and also survive trimming. The zero AcceptorState is that
// of a fresh disk.
type AcceptorState struct {
	Promised Ballot
	Marks    Marks // Clock is unused
	Genesis  *Genesis
	Sealed   bool
	Known    Configurations // those that govern from the trim point on, at least
}

// Apply takes r into s. Nothing that it remembers is ever lowered.
func (s *AcceptorState) Apply(r Record) {
	switch r := r.(type) {
	case Promised:
		s.promise(r.Ballot)
	case Voted:
		s.promise(r.Vote.Ballot)
		s.Marks.MaxVoted = max(s.Marks.MaxVoted, r.Vote.Slot)
		s.Marks.MaxStamp = max(s.Marks.MaxStamp, r.Vote.Value.Stamp)
		s.Marks.ChosenBelow = max(s.Marks.ChosenBelow, r.ChosenBelow)
	case Trimmed:
		s.Marks.TrimBelow = max(s.Marks.TrimBelow, r.Below)
		if s.Marks.TrimBelow > 0 { // of one that took over here, the first slot must be chosen
			s.Known = s.Known.Since(s.Marks.TrimBelow - 1)
		}
	case Founded:
		s.found(r)
	case Configured:
		if s.Genesis != nil {
			s.Known = s.Known.With(r.Known)
		}
	case Reached:
		s.Marks.ChosenBelow = max(s.Marks.ChosenBelow, r.Below)
	case Abandoned:
		if !s.Sealed {
			s.Genesis, s.Known = nil, nil
		}
	}
}

func (s *AcceptorState) found(r Founded) {
	g := r.Genesis
	if s.Genesis == nil || s.Genesis.Cluster != g.Cluster {
		s.Known = Configurations{&g.First}
	}
	s.Genesis, s.Sealed = &g, s.Sealed || r.Sealed
	if s.Sealed && g.First.From > 1 { // what comes before was chosen elsewhere
		s.Marks.TrimBelow = max(s.Marks.TrimBelow, g.First.From)
		s.Marks.ChosenBelow = max(s.Marks.ChosenBelow, g.First.From)
	}
}

func (s *AcceptorState) promise(b Ballot) {
	if s.Promised.Less(b) {
		s.Promised = b
	}
}

// Ledger is an acceptor's disk as plain data: the paper's ledger (PTP §2.3). The
// simulator runs on it, and package storage is tested against it. The zero
// Ledger is a fresh disk.
type Ledger struct {
	State AcceptorState
	votes map[Slot]Vote
}

// Append takes the records into l, in order.
func (l *Ledger) Append(records ...Record) {
	for _, r := range records {
		l.State.Apply(r)
		switch r := r.(type) {
		case Voted:
			if l.votes == nil {
				l.votes = map[Slot]Vote{}
			}
			if r.Vote.Slot >= l.State.Marks.TrimBelow {
				l.votes[r.Vote.Slot] = r.Vote
			}
		case Trimmed:
			maps.DeleteFunc(l.votes, func(s Slot, _ Vote) bool { return s < l.State.Marks.TrimBelow })
		}
	}
}

// Fill completes p with votes until they take maxBytes; at least one vote goes in.
func (l *Ledger) Fill(p *Page, maxBytes int) {
	slots := make([]Slot, 0, len(l.votes))
	for slot := range l.votes {
		if slot >= p.From && (p.To == 0 || slot < p.To) {
			slots = append(slots, slot)
		}
	}
	slices.Sort(slots)
	for _, slot := range slots {
		if !p.Add(l.votes[slot], &maxBytes) {
			return
		}
	}
}

// voteOverhead covers a vote's slot and ballot, at their largest.
const voteOverhead = 8 + 8 + MaxNodeID + 8

// Add puts v on the page and takes its size off room; it leaves out the value of
// a page of ballots. A page that has no room, and is not empty, becomes full: v
// is where the next page starts, and Add reports false.
func (p *Page) Add(v Vote, room *int) bool {
	if p.BallotsOnly {
		v.Value = Value{}
	}
	*room -= voteOverhead + v.Value.Size()
	if *room < 0 && len(p.Votes) > 0 {
		p.Next = v.Slot
		return false
	}
	p.Votes = append(p.Votes, v)
	return true
}

// Pending returns the page in m that still wants its votes from the disk, and m
// with that page in it is built by the returned function; nil when m has none.
func Pending(m Message) (*Page, func(Page) Message) {
	switch m := m.(type) {
	case Promise:
		return &m.Page, func(p Page) Message { m.Page = p; return m }
	case Votes:
		return &m.Page, func(p Page) Message { m.Page = p; return m }
	default:
		return nil, nil
	}
}

// Clone is a copy of l that shares no map with it.
func (l *Ledger) Clone() *Ledger { return &Ledger{State: l.State, votes: maps.Clone(l.votes)} }
