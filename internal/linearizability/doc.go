// Package linearizability checks what clients of real clusters saw, while parts of
// the cluster break: there must be one order of all operations, each between its
// call and its return, that explains every answer.
//
// An [Actor] is a client that does random operations, on a [Group] of two keys and a
// lock; the [Model] says what one copy of those would do. Its own tests use clusters
// in one process; they also serve stale reads, and see to it that those are caught.
package linearizability
