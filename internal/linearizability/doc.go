// Package linearizability checks what clients of real clusters saw, while leaders
// die, acceptors restart and a learner is cut off: there must be one order of all
// operations, each between its call and its return, that explains every answer.
// Its tests also serve stale reads, and see to it that those are caught.
package linearizability
