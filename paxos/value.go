package paxos

import "fmt"

// LogTime is time as the log knows it: nanoseconds since the Unix epoch,
// stamped on each value by the leader and never falling from slot to slot once
// applied as max(previous, stamp). It is not the time of any one clock.
type LogTime int64

// ValueKind says how a learner reads a Value.
type ValueKind uint8

const (
	// Noop fills a gap: nothing was proposed here that could have been chosen
	// (PMS §3). The zero Value is a Noop.
	Noop ValueKind = iota
	// Batch holds commands for the state machine, as EncodeBatch writes them. An
	// empty batch only moves log time.
	Batch
	// Reconfigure holds a Configuration.
	Reconfigure
)

func (k ValueKind) String() string {
	switch k {
	case Noop:
		return "noop"
	case Batch:
		return "batch"
	case Reconfigure:
		return "reconfigure"
	default:
		return fmt.Sprintf("kind%d", uint8(k))
	}
}

// Value is what a slot holds: PTP's decree. It is immutable. A leader that
// recovers a Value proposes it again as it is, to the byte, stamp and answerer
// included, because it may already be chosen.
type Value struct {
	Kind     ValueKind
	Stamp    LogTime
	Answerer NodeID // the learner that replies to the commands; empty: every learner
	Body     []byte // opaque to proposers and acceptors; never written to
}

// Equal reports whether v and o are the same value, to the byte.
func (v Value) Equal(o Value) bool {
	return v.Kind == o.Kind && v.Stamp == o.Stamp && v.Answerer == o.Answerer && string(v.Body) == string(o.Body)
}

// valueOverhead covers a Value's fields beside its body, at their largest.
const valueOverhead = 1 + 8 + MaxNodeID

// Size is about how many bytes v takes on the wire and on disk.
func (v Value) Size() int { return valueOverhead + len(v.Body) }

// Vote is what an acceptor remembers of one slot: the last ballot in which it
// voted there, and for what (PTP §2.3 "LastVote", PMS §2.2 "highest-numbered
// proposal accepted"). The zero Vote, at ballot zero, is "never voted".
type Vote struct {
	Slot   Slot
	Ballot Ballot
	Value  Value
}

// Decision is a chosen value, as a learner learned it.
type Decision struct {
	Slot   Slot
	Ballot Ballot // one ballot in which it was chosen; other learners may know another
	Value  Value
}
