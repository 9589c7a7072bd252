package paxos

import (
	"cmp"
	"fmt"
	"strings"
)

// NodeID names one role process for as long as its cluster lives: "a1", "p2",
// "l1". It is a token of NATS subjects. The zero NodeID names nobody.
type NodeID string

// MaxNodeID is the length in bytes of the longest valid NodeID.
const MaxNodeID = 63

// Valid reports whether id is 1 to MaxNodeID of a-z, 0-9 and '-'.
func (id NodeID) Valid() bool {
	if len(id) == 0 || len(id) > MaxNodeID {
		return false
	}
	return strings.Trim(string(id), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Slot is a position in the replicated log: the "decree number" of PTP §3, the
// "instance" of PMS §3. Slots start at 1; 0 means none.
type Slot uint64

// Ballot orders proposals (PTP §2.3 "ballot number", PMS §2.2 "proposal
// number"). No two process starts ever share a ballot: Proposer tells proposers
// apart, Incarnation the starts of one proposer, and one start uses each Round
// once. So a proposer needs no disk to never reuse a ballot.
//
// The zero Ballot is below every ballot that a proposer may use.
type Ballot struct {
	Round       uint64
	Proposer    NodeID
	Incarnation uint64 // random, drawn once per process start
}

// Compare returns -1, 0 or +1 as b is below, equal to or above o. All fields
// count: two ballots of one round are still ordered.
func (b Ballot) Compare(o Ballot) int {
	return cmp.Or(
		cmp.Compare(b.Round, o.Round),
		cmp.Compare(b.Proposer, o.Proposer),
		cmp.Compare(b.Incarnation, o.Incarnation),
	)
}

// Less reports whether b is below o.
func (b Ballot) Less(o Ballot) bool { return b.Compare(o) < 0 }

// IsZero reports whether b is the ballot below all others.
func (b Ballot) IsZero() bool { return b == Ballot{} }

// String is "round.proposer.incarnation", the incarnation in hexadecimal, and
// "0" for the zero ballot.
func (b Ballot) String() string {
	if b.IsZero() {
		return "0"
	}
	return fmt.Sprintf("%d.%s.%x", b.Round, b.Proposer, b.Incarnation)
}
