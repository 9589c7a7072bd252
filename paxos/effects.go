package paxos

import "fmt"

// Duration is a length of time in nanoseconds.
type Duration int64

// Instant is a reading of a process's monotonic clock, in nanoseconds from an
// origin of its own. It means nothing to another process. 0 is "never".
type Instant int64

// Now is the time of one Step. Roles read no clock: they are told.
type Now struct {
	Mono Instant
	Wall LogTime // the wall clock, which may be wrong and may jump
}

// Effects is what a role asks of its caller. Steps append to it, so the effects
// of several inputs can be carried out together. The caller
//
//   - makes Persist durable, in order;
//   - then releases Send, in order. Every message waits until all records
//     emitted before it are durable, whether or not its own step emitted any: it
//     may state a promise or a vote that only those records hold;
//   - stops for good when it cannot persist. A promise that was sent and then
//     forgotten is unsafe (PTP §2.3: ledgers are in indelible ink).
//
// The other fields ask for something other than a message, at any time.
type Effects struct {
	Persist []Record
	Send    []Envelope
	Refuse  []Refusal  // proposers
	Learn   []Decision // learners: apply in this order; slots ascend without a gap
	Answer  []Slot     // learners: reply to the commands of these applied slots
	Forget  []Slot     // learners: another learner replied to these
	Read    []uint64   // learners: reads that may be served from the state now
	Digest  bool       // learners: sum up the state as it is, and call Digested
	Drop    []Drop     // messages that were not taken, and why
	Stop    string     // why the role must stop for good; empty: it goes on
}

// Reset empties e and keeps its memory.
func (e *Effects) Reset() {
	*e = Effects{
		Persist: e.Persist[:0], Send: e.Send[:0], Refuse: e.Refuse[:0], Learn: e.Learn[:0],
		Answer: e.Answer[:0], Forget: e.Forget[:0], Read: e.Read[:0], Drop: e.Drop[:0],
	}
}

// Record is one durable fact about an acceptor.
type Record interface{ record() }

// Promised: the acceptor votes in no ballot below Ballot.
type Promised struct{ Ballot Ballot }

// Voted: the acceptor voted. It also promises Vote.Ballot, and remembers the
// claim of the leader that all slots below ChosenBelow are chosen.
type Voted struct {
	Vote        Vote
	ChosenBelow Slot
}

// Trimmed: votes below Below are forgotten.
type Trimmed struct{ Below Slot }

// Founded: the acceptor belongs to Genesis.Cluster, and votes once Sealed.
type Founded struct {
	Genesis Genesis
	Sealed  bool
}

// Configured: the acceptor knows the configurations Known, which are chosen.
type Configured struct{ Known []Configuration }

// Reached: the acceptor knows that all slots below Below are chosen. It is kept when
// a configuration has taken over, so that nobody needs its predecessor any more.
type Reached struct{ Below Slot }

// Abandoned: the unsealed genesis is dropped.
type Abandoned struct{}

func (Promised) record()   {}
func (Voted) record()      {}
func (Trimmed) record()    {}
func (Founded) record()    {}
func (Configured) record() {}
func (Reached) record()    {}
func (Abandoned) record()  {}

// Refusal answers a command with "certainly not done": no Accept of this leader
// ever carried this attempt. It says nothing of an earlier attempt with the same id.
type Refusal struct {
	Command Command
	Reason  RefusalReason
	Limit   int    // bytes, for TooLarge
	Why     string // for NotAllowed
}

// RefusalReason says why a command was refused.
type RefusalReason uint8

const (
	Overloaded RefusalReason = iota + 1 // the queue is full; try again later
	NotLeader                           // leadership ended before the command was proposed
	TooLarge                            // it can never be proposed
	NoProgress                          // no quorum or no learner answered in time
	NotAllowed                          // an order that would do harm now
)

func (r RefusalReason) String() string {
	switch r {
	case Overloaded:
		return "overloaded"
	case NotLeader:
		return "not leader"
	case TooLarge:
		return "too large"
	case NoProgress:
		return "no progress"
	case NotAllowed:
		return "not allowed"
	default:
		return fmt.Sprintf("reason%d", uint8(r))
	}
}

// Drop reports a message that a role did not take. It is counted, and logged
// now and then: a few are normal, many are a sign.
type Drop struct {
	Reason DropReason
	From   Sender
	Msg    Message
}

// DropReason says why a message was not taken.
type DropReason uint8

const (
	Foreign      DropReason = iota + 1 // of another cluster or generation
	NotMember                          // an acceptor or a disk that the configuration does not name
	OldDisk                            // an older boot, promise or vote of a disk than was seen before
	OtherConfig                        // of a newer configuration than this role knows, or for slots of another one
	Extreme                            // a round, slot or watermark beyond any honest one
	Stale                              // of a ballot, round or slot that is over, or of a disk that has yet to say how far it voted
	Unfounded                          // the sender or the receiver belongs to no cluster yet
	Twin                               // another process speaks under this role's own id and disk
	Fenced                             // of its own cluster, while another has its name
	Inconsistent                       // contradicts what the protocol guarantees, such as two values in one ballot
)

func (r DropReason) String() string {
	names := [...]string{"", "foreign", "not_member", "old_disk", "other_config", "extreme", "stale", "unfounded", "twin", "fenced", "inconsistent"}
	if int(r) < len(names) && r > 0 {
		return names[r]
	}
	return fmt.Sprintf("drop%d", uint8(r))
}
