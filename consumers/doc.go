// Package consumers delivers the messages of a learner's streams to JetStream's
// clients: it is the consumers behind a key-value client's watch, keys and history,
// and behind ordered consumers of any stream, by push and by pull.
//
// A consumer lives in one learner, in memory, and nothing of it is in the log. It is a
// cursor: a sequence in the stream. When its learner dies it is gone, and its client,
// which misses heartbeats, makes another one elsewhere that goes on from the last
// sequence that it saw. Since all learners have the same sequences, the client sees no
// gap and no repetition. So what a client must not lose track of on its own, such as
// acknowledgements, is not offered, and is refused by name.
//
// One goroutine, the pump, gives turns to the consumers that have something to send:
// it reads a page of their stream and pushes it over the leaf-node connection
// ([leaf.Link]). Nobody has a queue of messages. Who is behind is held back: by the
// window of flow control, by nobody listening to its inbox, or by the connection.
// Those that have all wait together for the next slot, whose messages are read once
// for all of them.
package consumers
