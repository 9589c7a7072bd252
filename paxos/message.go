package paxos

import (
	"fmt"
	"math"
)

// Role is the part that a process plays.
type Role uint8

const (
	ProposerRole Role = iota + 1
	AcceptorRole
	LearnerRole
	OperatorRole
)

func (r Role) String() string {
	switch r {
	case ProposerRole:
		return "proposer"
	case AcceptorRole:
		return "acceptor"
	case LearnerRole:
		return "learner"
	case OperatorRole:
		return "operator"
	default:
		return fmt.Sprintf("role%d", uint8(r))
	}
}

// Sender says who sent a message, precisely enough to tell a process from its
// restarts, its restored copies and its twins.
type Sender struct {
	Role     Role
	ID       NodeID
	Disk     UUID   // incarnation of the data directory; zero for proposers and operators
	Boot     uint64 // how often that directory was opened, durably counted; 0 for proposers
	Process  uint64 // random, drawn once per process start; a proposer's Ballot.Incarnation
	Promised Ballot // acceptors: the promise that is durable when the message leaves
}

// Envelope is one message on its way. Delivery is best effort: lost, repeated,
// delayed and reordered messages are all normal.
type Envelope struct {
	Cluster ClusterID // zero before the sender knows its cluster
	Config  uint64    // newest configuration number that the sender knows; 0 for none
	From    Sender
	To      NodeID // empty: every receiver that the message's subject reaches
	Msg     Message
	// Trace is the W3C trace context of a command that the message serves; mostly empty.
	// No role reads it, and it may be lost where the rest is not.
	Trace string `json:",omitempty"`
}

// Message is one of the types of this file; nothing else implements it.
type Message interface{ message() }

// Prepare is phase 1a for all slots in [From, To) at once (PTP §3.1, PMS §3: "it
// executes phase 1 for infinitely many instances"). To 0 is open. A proposer
// repeats it with a later From to get the next page of a long promise.
type Prepare struct {
	Ballot   Ballot
	From, To Slot
}

// Promise is phase 1b: the acceptor will vote in no ballot below Ballot, and
// Page is what it voted for (PMS §2.2).
type Promise struct {
	Ballot Ballot
	Page   Page
	Marks  Marks
}

// Page is the votes of one acceptor in [From, To), lowest slot first. To 0 is
// open. Whoever releases the message fills in Votes and Next from the acceptor's
// disk, as it is once everything emitted before is durable and nothing emitted
// after: a page on which a later Trim left holes would pass for one of an acceptor
// that never voted there, and a leader would take chosen slots for gaps.
type Page struct {
	From, To    Slot
	BallotsOnly bool // values left out, to save the bus
	Votes       []Vote
	Next        Slot // the first slot left out for want of room; 0 when the page is the last
}

// Marks are the positions of one acceptor.
type Marks struct {
	ChosenBelow Slot    // the highest that a leader claimed to it
	TrimBelow   Slot    // votes below are forgotten: chosen and held by enough learners
	MaxVoted    Slot    // highest slot ever voted in; 0 none; survives trimming
	MaxStamp    LogTime // highest stamp ever voted for; survives trimming
	Clock       LogTime // its wall clock when it answered
}

// Accept is phase 2a: vote for Value in Slot (PTP §2.3 "BeginBallot").
type Accept struct {
	Ballot Ballot
	Slot   Slot
	Value  Value
	Chosen Chosen
}

// Chosen is what a leader claims to be chosen. All slots below Below are; those
// of [From, Below) in the ballot of the message that carries this, so a vote of
// that ballot or a higher one in such a slot names the chosen value. A watermark
// alone names none: a vote below may be of a ballot that chose nothing.
type Chosen struct{ From, Below Slot }

// Accepted is phase 2b for each of Slots: "I voted in Ballot there". It never
// carries the value. The acceptors' votes reach the learners directly.
type Accepted struct {
	Ballot Ballot
	Slots  []Slot // ascending
}

// Nack refuses a Prepare, an Accept or a Heartbeat of Ballot, because of the
// promise to Promised. It is not part of the paper's safety, only of its speed
// (PMS §2.5: "informs the proposer").
type Nack struct {
	Ballot   Ballot
	Promised Ballot
}

// Heartbeat is a leader's sign of life, and tells what is chosen when no Accept
// does. Acceptors answer with Hello.
type Heartbeat struct {
	Ballot Ballot
	Chosen Chosen
	Next   Slot // first slot that the leader has not used
}

// Contradicts reports whether slots that nobody used are said to be chosen: no leader says so.
func (m Heartbeat) Contradicts() bool { return m.Chosen.Below > m.Next }

// LeaderQuery asks the acceptors whether they hear a leader. A standby asks
// before it disturbs one that only it cannot hear.
type LeaderQuery struct{ Nonce uint64 }

// LeaderReport answers LeaderQuery, and a Heartbeat with nonce 0: its receiver then knows
// that the sender is there, also when nothing else leaves it because its disk stalls.
// See Early.
type LeaderReport struct {
	Nonce  uint64
	Silent Duration // since the last sign of life of a ballot not below the promise
}

// HandOver asks the proposer that it is sent to to lead at once: the sender
// led in Ballot, and has left.
type HandOver struct {
	Ballot Ballot
	Chosen Chosen
}

// Trim lets acceptors forget their votes below Below: chosen, and durable at
// enough learners with agreeing digests.
type Trim struct {
	Ballot Ballot
	Below  Slot
}

// Hello makes a role known when it starts, periodically, and when it is asked:
// by a Heartbeat, or by a message of a role that knows no cluster or an older
// configuration.
type Hello struct {
	Genesis  *Genesis        // the cluster, once known, and of an acceptor once sealed; nil else
	Known    []Configuration // that the sender knows after the genesis; of an acceptor at least those that govern from its trim point on
	Marks    Marks           // acceptors
	Leading  Ballot          // proposers: the ballot they lead in; zero else
	Priority int             // proposers: a leader hands over to one whose priority is higher
	NoSpace  bool            // acceptors: the disk is down to its reserve; no more values, please
}

// Fetch asks the acceptors for their votes in [From, To). Only Values answers
// with the values too, the others with the ballots of their votes.
type Fetch struct {
	From, To Slot
	Values   NodeID
}

// Votes answers Fetch.
type Votes struct {
	Page  Page
	Marks Marks
}

// Fill asks the leader to propose again what it finds in the slots [From, To):
// the learner could not assemble a quorum of votes of one ballot there.
type Fill struct{ From, To Slot }

// Position tells how far a learner is. All learners and proposers hear it.
type Position struct {
	Applied    Slot    // all slots up to and including it are applied
	Durable    Slot    // and up to this one survive a power loss, and a state that turns out to be wrong
	NextExpiry LogTime // when the state next changes by itself; 0 never
	Inherited  Slot    // it has up to this one from its disk or a snapshot, and may have answered nothing there
	Version    uint64  // of the rules that its state machine applies; 0: it has none
	Supports   uint64  // highest version that its build can apply
}

// DigestEvery is how many slots lie between those at which learners compare
// their states: after the slots that it divides.
const DigestEvery Slot = 256

// Digest tells what a learner's state is after Slot. Learners that applied the
// same slots have the same state, to the byte.
type Digest struct {
	Slot Slot
	Sum  [16]byte
}

// SnapshotQuery asks the learner that it is sent to for the part of a snapshot
// that starts at Offset. ID 0 asks for a new snapshot, from its start.
type SnapshotQuery struct {
	ID     uint64
	Offset uint64 // bytes
}

// SnapshotMaking as the ID of a SnapshotChunk says that its sender is making a snapshot,
// whoever it is for, and can give nothing until it is done. Offset is one more than the
// bytes that it has so far, so that who does not know this takes it for no chunk.
const SnapshotMaking = math.MaxUint64

// SnapshotChunk answers SnapshotQuery. ID 0 says that the snapshot asked for is
// gone, or that none can be made now.
type SnapshotChunk struct {
	ID      uint64
	Applied Slot   // the state is that after this slot
	Total   uint64 // bytes of the whole snapshot
	Offset  uint64
	Data    []byte
}

// ReadQuery asks the acceptors for the highest slot they voted in, for a quorum
// read (Charapko, Ailijiang and Demirbas, "Linearizable Quorum Reads in Paxos",
// HotStorage 2019).
type ReadQuery struct{ Nonce uint64 }

// ReadReport answers ReadQuery.
type ReadReport struct {
	Nonce    uint64
	MaxVoted Slot // never below the trim point minus one
}

// GenesisQuery asks an acceptor what it knows of its cluster. It is answered
// with GenesisReport, as are StoreGenesis, Seal and Abandon.
type GenesisQuery struct{}

// StoreGenesis asks an acceptor to store a genesis, durably. It does not vote yet.
type StoreGenesis struct{ Genesis Genesis }

// Seal lets an acceptor vote: every acceptor has stored the genesis of Cluster.
type Seal struct{ Cluster ClusterID }

// Abandon asks an acceptor to drop the unsealed genesis of Cluster.
type Abandon struct{ Cluster ClusterID }

// GenesisReport says what an acceptor holds after the request it answers.
type GenesisReport struct {
	Genesis *Genesis // nil: none
	Sealed  bool     // it votes
	Refused string   // why the request was not carried out; empty when it was
}

// Change asks the leader to propose Next, if it follows the newest configuration, and
// tells how things stand; without Next it only asks. The leader sets Next.From. It may
// be sent again: what is proposed or chosen already is not proposed twice.
type Change struct{ Next *Configuration }

// ChangeReport answers Change and Transfer, from the leader. A change is done when
// Newest is what was asked for and Waits is empty.
type ChangeReport struct {
	Newest  Configuration
	Chosen  Slot   // all slots below are chosen
	Next    Slot   // first slot that the leader has not used
	Waits   string // what the newest change waits for before the next one may come; empty when it is finished
	Refused string // why the request is not carried out; empty when it is
}

// Transfer asks the leader to hand over to the proposer To; empty: to any.
type Transfer struct{ To NodeID }

func (Prepare) message()       {}
func (Promise) message()       {}
func (Accept) message()        {}
func (Accepted) message()      {}
func (Nack) message()          {}
func (Heartbeat) message()     {}
func (LeaderQuery) message()   {}
func (LeaderReport) message()  {}
func (HandOver) message()      {}
func (Trim) message()          {}
func (Hello) message()         {}
func (Fetch) message()         {}
func (Votes) message()         {}
func (Fill) message()          {}
func (Position) message()      {}
func (Digest) message()        {}
func (SnapshotQuery) message() {}
func (SnapshotChunk) message() {}
func (ReadQuery) message()     {}
func (ReadReport) message()    {}
func (GenesisQuery) message()  {}
func (StoreGenesis) message()  {}
func (Seal) message()          {}
func (Abandon) message()       {}
func (GenesisReport) message() {}
func (Change) message()        {}
func (ChangeReport) message()  {}
func (Transfer) message()      {}
