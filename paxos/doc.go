// Package paxos holds the words that every part of Synod shares: ballots,
// slots, values, votes, quorum systems, configurations, one Go type per
// message, and the effects that a role asks for. It decides nothing.
//
// The algorithm is Leslie Lamport's "The Part-Time Parliament" (ACM TOCS 1998,
// here PTP) in the words of his "Paxos Made Simple" (2001, here PMS):
//
//	proposer              acceptors                       learners
//	   | Prepare (1a) ------> |                               |
//	   | <------ Promise (1b) |                               |
//	   | Accept (2a) -------> | ----------------------------> | keeps the value
//	   | <----- Accepted (2b) | ----------------------------> | counts the votes
//
// Positions (Slot) start at 1 and 0 means none. Ranges are half-open, [From, To).
// A "watermark" named XBelow says that X holds for every slot below it.
//
// The package imports nothing but the standard library, and reads no clock, no
// randomness and no environment.
package paxos
