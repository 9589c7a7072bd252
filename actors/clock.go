package actors

import (
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// Clock tells the roles of a process the time. Inside testing/synctest it is the
// bubble's.
type Clock struct{ origin time.Time }

// NewClock starts a clock. Its monotonic reading starts at one second, since
// Instant 0 is never.
func NewClock() *Clock { return &Clock{origin: time.Now().Add(-time.Second)} }

// Now is the present time.
func (c *Clock) Now() paxos.Now {
	now := time.Now()
	return paxos.Now{Mono: paxos.Instant(now.Sub(c.origin)), Wall: paxos.LogTime(now.UnixNano() + skew())}
}
