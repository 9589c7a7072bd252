// Package ladder shows the messages of a running cluster to people: as a ladder, with
// a column for each node and an arrow for each message, or as one JSON object a line.
//
// It is told what an observer hears on the bus, which is every message once, when it
// is published. Who receives it follows from the subjects; whether it arrives there,
// nobody but the receiver knows.
package ladder
