// Package bus carries Synod's messages over NATS, and is the only package that
// knows subjects, bytes and connections:
//
//   - the wire form of a [paxos.Envelope], one NATS message each ([Encode],
//     [Decode]); paxospb/paxos.proto shows every flow and every field;
//   - the subjects ([Subjects]): the sender's role and id are tokens of each, so
//     NATS permissions alone stop one role from speaking as another, and a
//     receiver drops what disagrees with its subject;
//   - connections that stay ([Connect]), with their counters ([Stats]);
//   - what a client sees: the answer's JSON, the error codes, the size limits;
//   - an embedded NATS server ([StartServer]).
//
// Delivery is that of core NATS, at most once and best effort: messages may be
// lost, repeated over a reconnect, delayed and reordered. Nothing here uses
// JetStream, whose durability is not that of Paxos, and no protocol message goes
// through a queue group, which would split the votes.
package bus

//go:generate go tool -modfile=../tools/go.mod buf generate
