// Package actors gives each role of package roles a life: one protoactor actor
// per role, with a bounded inbox, a timer, and what carries out its effects.
//
// An actor decides nothing. It takes all that waits in its inbox, steps the role
// with each, and carries out the effects of the whole group: that is where group
// commit and batches come from, with no artificial delay.
//
//	NATS callback -> inbox -> actor: role.Step ... -> writer: sync, then publish   (acceptor)
//	                                               -> publish                      (proposer)
//	                                               -> applier: state machine       (learner)
//
// Nothing blocks inside an actor: disks and state machines have a goroutine of
// their own. Any panic or error of a role, a disk or a state machine ends the
// role for good (see Handle.Failed): the process must exit, and its next start
// reads the disk. Restarting in place could forget a promise.
package actors
