// Package storage is what an acceptor and a learner keep on disk.
//
// A data directory belongs to one role process and is held by one process at a
// time. It has an identity: the role, the node's id, and a disk incarnation, a
// UUID made with the directory, so that a lost disk never speaks as its former
// self. How often it was opened is durably counted.
//
//	LOCK      held while a process has the directory open; always empty
//	IDENTITY  role, id, disk incarnation, boot number, cluster (text, checksummed)
//	COVER     acceptors: where the log begins, and how far it is known to be durable
//	votes/    acceptors: the log of votes and states, in segments
//
// A learner's state machine keeps its own store in a subdirectory of its own
// (see [Dir.Sub]), which this package does not touch.
//
// # Failure
//
// The first error of a write, a sync or a read ends an [Acceptor]: every later
// call returns that error, no further byte is written, and [Acceptor.Failed]
// tells it. Nothing is retried: after an error of fsync nobody knows what is on
// the disk. The process is expected to stop and, started anew, to read its disk.
//
// # Damage
//
// Every byte that counts is checksummed. One that changes on the disk leaves every
// answer as it was or ends the acceptor with an error that matches [ErrCorrupt] and
// names the file. A damaged log does not pass for one whose last write a crash
// interrupted: Appends are numbered, each is begun when the one before is durable,
// and COVER tells how far the log is known to be durable. FORMAT.md has the layout,
// and says exactly what is not covered.
package storage
