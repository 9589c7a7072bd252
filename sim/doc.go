// Package sim runs a whole cluster in one goroutine: the real roles of package
// roles, on a network, clocks, disks and processes that are made of plain data
// and fail as a seed says. The same Plan gives the same run, to the byte.
//
//	Plan      who is there, what clients want, which faults happen when (plan.go)
//	World     virtual time, one queue of events (world.go, process.go, network.go)
//	hosts     what an actor does around a role: group commit, batches, applying
//	          (host_acceptor.go, host_proposer.go, host_learner.go, host_founder.go)
//	state     the built-in state machine itself, on a disk in memory, where clients have
//	          sessions (state.go, session.go)
//	oracle    sees everything, and fails the run at the first step that breaks a
//	          rule (oracle*.go)
//
// What is checked at every step: one value per slot, chosen by a phase-2 quorum
// of durable votes of one ballot, and by nothing else; no acceptor breaks a
// promise that left it; no ballot has two owners; what was answered stays; each
// command counts once, in a session or by its id, and who asks later what became of it
// is told the truth; "not done" is true; reads are fresh; log time is sane. And
// at the end: once the faults are over, everything asked for is done, and a
// learner with an empty disk learns the same log.
//
// The checker is itself checked: package sim/mutants breaks the roles in many
// small ways, and each must be found.
package sim
