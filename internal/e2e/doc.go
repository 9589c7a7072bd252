// Package e2e holds tests of the programs themselves: it builds them, runs them as
// separate processes against an external nats-server process, kills them, and
// looks at what clients were told and what the disks hold.
package e2e
