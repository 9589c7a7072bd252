// Package streams is the built-in replicated state machine: streams and
// key-value buckets with JetStream's semantics, kept on Pebble.
//
// A [Machine] is fed one slot of the log at a time with [Machine.Apply]. It is
// deterministic by contract: two machines that applied the same slots hold the
// same state to the byte and gave the same replies, whatever restarts and
// snapshots lie between. So it reads no clock, no randomness and no map order.
// The only time is log time, which Apply computes as the maximum of its previous
// value and the stamp of the slot, in nanoseconds since the Unix epoch.
//
// # Commands
//
// A command is a NATS message whose subject is relative to "synod.<cluster>.":
//
//	propose                   append the message to the stream LEDGER
//	api.STREAM.CREATE.<s>     JetStream's management API: CREATE, UPDATE, DELETE,
//	                          PURGE, and STREAM.MSG.DELETE.<s>
//	api.<subject>             publish to the stream whose subjects match
//	command.<s>               a typed command for stream s, see package command
//	operator.upgrade          raise the version of the rules, see version.go
//
// Bytes from clients never panic: what cannot be done is answered with
// JetStream's JSON error and changes nothing. A broken invariant panics with the
// name of the invariant. Damaged bytes on disk are an error that names the key.
//
// # What is on disk
//
// The data directory holds a marker file that names the directory of the Pebble
// database in use ("state-000001", ...), so that a restored snapshot replaces the
// state in one atomic step. Integers in keys are big endian. A table is the first
// byte of a key; s is a stream's number (8 bytes), never used twice:
//
//	01                     format version of this layout; local
//	02                     position: applied slot, log time, digest
//	03                     what is left of a slot that is half applied; local
//	04                     globals: version of the rules, last numbers, limits
//	05 hash                a command that an operator had skipped: the slot
//	10 s                   configuration of stream s
//	11 s                   counters and digests of stream s
//	20 s seq               message
//	21 s subject 00 seq    a message that is neither first nor last of its subject
//	22 s subject           number of messages of the subject, first and last sequence
//	23 s time seq          message seq expires at time
//	28 s id                Nats-Msg-Id, when it was seen last, and as which message
//	29 s n                 the ids in the order of their expiry, also those seen again since
//	2a s id                by the rules from version 4 on, in the place of 28: the ids that are
//	                       this one and at most two digits more
//	2b s n                 likewise, of 29: ids of one slot, n the number of the first
//	30 s session           a client's session
//	31 s nonce             the session that was opened with a nonce
//	32 s session number    outcome of a session's command
//	33 s name              lease
//	34 s time kind name    when to look whether a session or a lease has ended
//
// What slots write stays in memory, as an overlay, until somebody looks at the state, it
// is to be durable, or there is much of it; then it is committed while what the next slots
// write gathers above it. A crash loses it, as it loses what the database has in memory;
// the log of the cluster still has it.
//
// # Digest
//
// The digest of a set of pairs is the sum modulo 2^128 of HighwayHash-128 of each
// pair, so it does not depend on order and follows every write in constant time.
// A stream's counters hold the digests of its messages (20 to 23), of its ids (28
// to 2b) and of its sessions and leases (30 to 34); the digest of the state is that of
// the pairs 04, 05, 10 and 11, which contain the former. Dropping a whole stream
// therefore needs no reading.
package streams
