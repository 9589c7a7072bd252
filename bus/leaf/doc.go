// Package leaf pushes messages to inboxes in the form in which JetStream's consumers
// deliver them, which a client connection cannot: under the subject of the stored
// message, and with a reply subject "$JS.ACK...." that nats-server reserves.
//
// A [Link] is a leaf-node connection to a NATS server that only sends. nats-server
// takes a message from a leaf node with the reply "$JS.ACK.<8 tokens>@<subject>" for
// one that has passed a server of JetStream already, and delivers it to the
// subscribers of the inbox as <subject>, with the reply before the "@". The server
// tells a leaf node which subjects have subscribers, so a Link also knows who listens.
//
// The form with "@" is nats-server's own, between servers. So whoever relies on it
// tries it first: see package jsapi.
//
// A Link with [Options.Beside] is an ordinary client connection instead, at the server of
// another one. It sends answers with headers in NATS's wire form, as they were stored or
// put together beforehand, where nats.go would encode a map for each; and statuses that
// clients of other languages understand, which nats.go cannot write.
package leaf
