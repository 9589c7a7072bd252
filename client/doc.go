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
