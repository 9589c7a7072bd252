// Package roles holds the three parts of Paxos as pure state machines: Acceptor,
// Proposer and Learner, and Founder, which makes a cluster. One input goes into
// a Step, what it asks for comes out as paxos.Effects. A role reads no clock, no
// randomness and no map order, does no I/O and starts no goroutine: the same
// inputs give the same effects, so whatever goes wrong can be played again.
//
// Read decree.go first: it is single-decree Paxos, agreement on one slot, which
// PTP calls the Synod and PMS §2 the consensus algorithm. The rest repeats it
// for a log: one phase 1 for all slots of a leadership (proposer_phase1.go),
// phase 2 for each slot (proposer_leader.go), a ledger of votes (acceptor.go)
// and a count of them (learner.go). Around that stand the choice of who leads
// (proposer_election.go), reads (reads.go), what may be forgotten (proposer_trim.go,
// digests.go), and who votes (founder.go, proposer_change.go).
//
// A role is not safe for concurrent use.
package roles
