// Package client is what Go applications use a Synod cluster with: a replicated log,
// linearizable key-value buckets, and what is built on them.
//
//	c, err := client.Connect(ctx, client.Options{Cluster: "main"})
//	...
//	defer c.Close()
//	ack, err := c.Propose(ctx, []byte("any bytes"))
//
// # Three outcomes
//
// A call that changes something has one of three outcomes. A nil error: it was done,
// and is durable on a quorum of disks. An error that matches [ErrNotDone]: it
// certainly was not, and never will be. An error that matches [ErrOutcomeUnknown]:
// nobody told, mostly because ctx ended first.
//
// The client sends a command again, with the same id, until it is answered or ctx
// ends: across changes of leader, lost connections and an overloaded cluster, which
// it meets with randomized pauses. The cluster carries out at most one of the
// copies. An answer that an attempt was not taken says nothing of an earlier copy
// that was not answered; the client keeps account of that. So give every call a
// context that ends: without a cluster it would wait for ever.
//
// What was unknown can be found out, under a context that has not ended yet:
//
//   - of [Client.Propose] and of a change of a key, with [Client.Lookup] of the error; Propose
//     may also be repeated, [WithID] of the [Error]'s ID
//   - of a command of a [Session], by repeating it in the session [WithID] of the Error's ID
//   - of a [Txn], by calling Commit again on the same one
//   - of [Client.CreateBucket], [Client.DeleteBucket], [Token.Unlock], by calling it again
//
// # What to use
//
//   - [Client.Propose] appends to the log, once per id within an hour; [Client.OpenSession]
//     opens a [Session], whose commands are carried out once however late a copy comes.
//   - [Bucket.Update] changes one key that nobody else has changed meanwhile; a [Txn] looks
//     at many keys of a bucket and changes them, all or nothing.
//   - [Bucket.Mutex] and [Bucket.Election] are leases. Their [Token] is what makes a write
//     safe from a holder that was paused: [Token.Put], [Held] in a Txn, or [Token.Number]
//     for other stores.
//   - [Client.Apply] is for clusters that run a state machine of your own: package learner.
//
// # Traces
//
// A call whose context has a sampled OpenTelemetry span records one of its own below
// it, and its command carries the trace to the roles, as the header traceparent.
//
// # Reads
//
// Reads see every change whose call returned before they began. [AtLeast] and
// [Stale] ask for less, call by call.
package client
