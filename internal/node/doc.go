// Package node is the plumbing of a process that runs Synod's roles: it puts
// store, bus, actor and state machine together, starts them bottom up and stops
// them top down, tells people and monitoring how a role does, and founds
// clusters. It decides nothing about consensus.
//
// [StartAcceptor], [StartProposer] and [StartLearner] start one role each, with a
// connection of its own; any number may run in one process. [Run] is the life of
// a process with one role: it ends when it is told to, or when the role fails,
// and a role that failed is never restarted in place.
//
// Every role answers on the subject operator.status with a [Report]; [Overview]
// makes of the reports of all roles what `synod status` shows.
package node
