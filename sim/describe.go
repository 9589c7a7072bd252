package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// recorder takes the lines of a run's trace; with no sink it costs nothing.
type recorder struct{ sink func(line string) }

func (r *recorder) on() bool { return r.sink != nil }

// note adds a line to the trace.
func (w *World) note(id paxos.NodeID, what ...any) {
	if !w.recorder.on() {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%12v %-3s ", w.now.Round(time.Microsecond), id)
	for _, x := range what {
		b.WriteString(describe(x))
	}
	w.recorder.sink(b.String())
}

// drops counts what a role did not take.
func (w *World) drops(id paxos.NodeID, drops []paxos.Drop) {
	for _, d := range drops {
		w.counts["dropped: "+d.Reason.String()]++
		if w.recorder.on() {
			w.note(id, "drops ", d.Msg, " of ", string(d.From.ID), ": ", d.Reason.String())
		}
	}
}

// describe is x for a person: shorter than %v, and nothing that matters left out.
func describe(x any) string {
	switch x := x.(type) {
	case *paxos.Envelope:
		return describeEnvelope(x)
	case paxos.Message:
		return describeMessage(x)
	case paxos.Record:
		return describeRecord(x)
	case paxos.Ballot:
		return describeBallot(x)
	case string:
		return x
	default:
		return fmt.Sprint(x)
	}
}

func describeEnvelope(e *paxos.Envelope) string {
	to := ""
	if e.To != "" {
		to = " to " + string(e.To)
	}
	return fmt.Sprintf("%s of %s%s", describeMessage(e.Msg), e.From.ID, to)
}

// describeBallot leaves out all but the last digits of the incarnation.
func describeBallot(b paxos.Ballot) string {
	if b.IsZero() {
		return "0"
	}
	return fmt.Sprintf("%d.%s.%02x", b.Round, b.Proposer, b.Incarnation&0xff)
}

func describeValue(v paxos.Value) string {
	switch v.Kind {
	case paxos.Noop:
		return "no-op"
	case paxos.Reconfigure:
		if c, err := paxos.DecodeConfiguration(v.Body); err == nil {
			return "change to " + describeConfiguration(&c)
		}
		return "malformed change"
	}
	commands, err := paxos.DecodeBatch(v.Body)
	if err != nil {
		return "malformed batch"
	}
	var ids []string
	for _, c := range commands {
		if c.Reply != "" {
			ids = append(ids, c.Reply)
			continue
		}
		ids = append(ids, string(c.Data))
	}
	return fmt.Sprintf("[%s] answered by %s", strings.Join(ids, " "), v.Answerer)
}

func describeConfiguration(c *paxos.Configuration) string {
	text := fmt.Sprintf("configuration %d from %d, %s of", c.Number, c.From, c.Quorums)
	for _, m := range c.Acceptors {
		text += " " + string(m.ID)
	}
	return text
}

func describeVotes(p paxos.Page) string {
	var b strings.Builder
	fmt.Fprintf(&b, "votes %s", describeRange(p.From, p.To))
	for _, v := range p.Votes {
		fmt.Fprintf(&b, " %d:%s", v.Slot, describeBallot(v.Ballot))
		if !p.BallotsOnly {
			b.WriteString("=" + describeValue(v.Value))
		}
	}
	if p.Next != 0 {
		fmt.Fprintf(&b, " next %d", p.Next)
	}
	return b.String()
}

func describeRange(from, to paxos.Slot) string {
	if to == 0 {
		return fmt.Sprintf("%d..", from)
	}
	return fmt.Sprintf("%d..%d", from, to-1)
}

func describeMarks(m paxos.Marks) string {
	return fmt.Sprintf("chosen below %d, trimmed below %d, voted up to %d", m.ChosenBelow, m.TrimBelow, m.MaxVoted)
}

func describeChosen(c paxos.Chosen) string { return fmt.Sprintf("chosen %d..%d", c.From, c.Below-1) }

func describeMessage(m paxos.Message) string {
	switch m := m.(type) {
	case paxos.Prepare:
		return fmt.Sprintf("Prepare %s slots %s", describeBallot(m.Ballot), describeRange(m.From, m.To))
	case paxos.Promise:
		return fmt.Sprintf("Promise %s, %s; %s", describeBallot(m.Ballot), describeVotes(m.Page), describeMarks(m.Marks))
	case paxos.Accept:
		return fmt.Sprintf("Accept %s slot %d %s; %s", describeBallot(m.Ballot), m.Slot, describeValue(m.Value), describeChosen(m.Chosen))
	case paxos.Accepted:
		return fmt.Sprintf("Accepted %s slots %v", describeBallot(m.Ballot), m.Slots)
	case paxos.Nack:
		return fmt.Sprintf("Nack %s, promised %s", describeBallot(m.Ballot), describeBallot(m.Promised))
	case paxos.Heartbeat:
		return fmt.Sprintf("Heartbeat %s, %s, next %d", describeBallot(m.Ballot), describeChosen(m.Chosen), m.Next)
	case paxos.LeaderReport:
		return fmt.Sprintf("LeaderReport %d silent %v", m.Nonce, time.Duration(m.Silent).Round(time.Millisecond))
	case paxos.HandOver:
		return fmt.Sprintf("HandOver %s", describeBallot(m.Ballot))
	case paxos.Hello:
		return describeHello(m)
	case paxos.Votes:
		return fmt.Sprintf("Votes, %s; %s", describeVotes(m.Page), describeMarks(m.Marks))
	case paxos.Fetch:
		return fmt.Sprintf("Fetch %s, values of %s", describeRange(m.From, m.To), m.Values)
	case paxos.Fill:
		return fmt.Sprintf("Fill %s", describeRange(m.From, m.To))
	case paxos.Position:
		return fmt.Sprintf("Position applied %d, durable %d", m.Applied, m.Durable)
	case paxos.StoreGenesis:
		return fmt.Sprintf("StoreGenesis %s", m.Genesis.Cluster.UUID.String()[:4])
	case paxos.GenesisReport:
		return describeReport(m)
	case paxos.Change:
		if m.Next == nil {
			return "Change?"
		}
		return "Change to " + describeConfiguration(m.Next)
	case paxos.ChangeReport:
		return fmt.Sprintf("ChangeReport %s, waits %q, refused %q", describeConfiguration(&m.Newest), m.Waits, m.Refused)
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T%+v", m, m), "paxos.")
	}
}

func describeHello(m paxos.Hello) string {
	s := "Hello"
	if !m.Leading.IsZero() {
		s += ", leading in " + describeBallot(m.Leading)
	}
	if m.Genesis != nil {
		s += ", " + describeMarks(m.Marks)
	}
	if m.NoSpace {
		s += ", no space"
	}
	return s
}

func describeReport(m paxos.GenesisReport) string {
	s := "GenesisReport"
	switch {
	case m.Genesis == nil:
		s += " nothing"
	case m.Sealed:
		s += " sealed " + m.Genesis.Cluster.UUID.String()[:4]
	default:
		s += " stored " + m.Genesis.Cluster.UUID.String()[:4]
	}
	if m.Refused != "" {
		s += ", refused: " + m.Refused
	}
	return s
}

func describeRecord(r paxos.Record) string {
	switch r := r.(type) {
	case paxos.Promised:
		return "promise " + describeBallot(r.Ballot)
	case paxos.Voted:
		return fmt.Sprintf("vote slot %d %s %s", r.Vote.Slot, describeBallot(r.Vote.Ballot), describeValue(r.Vote.Value))
	case paxos.Trimmed:
		return fmt.Sprintf("trim below %d", r.Below)
	case paxos.Configured:
		return fmt.Sprintf("%d configurations up to number %d", len(r.Known), r.Known[len(r.Known)-1].Number)
	case paxos.Founded:
		if r.Sealed {
			return "genesis sealed " + r.Genesis.Cluster.UUID.String()[:4]
		}
		return "genesis " + r.Genesis.Cluster.UUID.String()[:4]
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", r), "paxos.")
	}
}
