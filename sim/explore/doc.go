// Package explore checks the real code of the roles exhaustively: it visits every
// state that a small cluster can get into, whatever the network loses, doubles,
// delays and reorders, and whenever a process crashes, and checks each (check.go).
// Learners are explored for all that the others come to (learn.go).
//
// The network is the set of all messages ever sent. Any of them may be delivered at
// any time, any number of times, or never, so loss, duplication and order need no
// actions of their own. Time is taken out: a proposer begins its next ballot at any
// moment. What an acceptor emits is durable and sent in one step: its host keeps that
// order, which the simulator checks, so a crash before the sync is as if the message
// had not come. Left out is what only keeps time, trims, or hands over.
//
// What makes the space small:
//
//   - A proposer takes the promises of a quorum, or its votes, in one step: what it
//     counted before there is a quorum shows in nothing that it does.
//   - A refusal only ends a ballot, and says what somebody promised. So there are none:
//     a proposer that begins a ballot may have heard of any round so far.
//   - A crash of a proposer comes just before it begins another ballot.
//   - Acceptors are alike, so a state is told by what the acceptors are and have said,
//     not by which of them is which (symmetry). All starts of one go by one boot number.
//   - What nobody would heed any more is forgotten (heed.go).
//   - A role is stepped once for each pair of its state and what happens to it, and
//     remembered: exploring is work on numbers (tables.go).
//
// Where one of these is not exact, more can happen here than in truth, never less.
// TestNothingIsLeftOut compares with an exploration that does without most of them.
// States are told apart by 64 bits of hash, under a seed that differs from run to run.
//
// A change of the configuration, with leaders that change meanwhile, is explored by
// itself (change.go): plainly, and with fewer acceptors.
package explore
