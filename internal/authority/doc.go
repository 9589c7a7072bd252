// Package authority says who may publish and hear what on the NATS servers of a
// cluster, and writes it down as nats-server takes it: users with nkeys, in the
// server's configuration or as accounts and user JWTs.
//
// The sender's role and id are tokens of every protocol subject, so a role is held to
// its own part by what its user may publish. An inbox is private because every program
// uses "_INBOX.<its public key>." for its own (see [bus.Options]) and no user may
// subscribe to another's.
package authority
