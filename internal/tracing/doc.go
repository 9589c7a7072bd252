// Package tracing follows single commands through the roles with OpenTelemetry.
//
// A client that traces a command sends its W3C trace context in the header
// traceparent. The header becomes part of the command, so all roles may find it:
//
//   - the proposer records how long the command waited (proposer queue), and how long
//     its batch took to be chosen (proposer phase2). The Accept of such a batch carries
//     the context of phase2 in its own NATS header, since acceptors look into no value;
//   - each acceptor records how long its vote took (acceptor vote), and how long of that
//     the disk (acceptor sync);
//   - each learner records how long it took to learn the slot (learner learn), and, for
//     each traced command of the batch, learner apply; who answers, learner reply.
//
// A batch holds many commands. Its spans belong to the trace of the first traced one
// and link to the others.
//
// Tracing is off unless the environment asks for it (see [FromEnvironment]), and then
// costs nothing; a role that is set up to trace costs one look at a number for each
// message that serves no traced command. Spans are best effort: a message that is lost
// takes its part of the trace along.
package tracing
