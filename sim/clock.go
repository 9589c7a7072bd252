package sim

import (
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// epoch is the true wall time at the start of every run.
const epoch paxos.LogTime = 1_800_000_000e9

// clock is the two clocks of one process: a monotonic one, from an origin of its
// own and a little too fast or too slow, and a wall clock that may be hours off.
type clock struct {
	origin paxos.Instant // what the monotonic clock read at since
	since  time.Duration
	drift  int64         // of the monotonic clock, in parts per million
	skew   time.Duration // of the wall clock
}

const million = 1_000_000

func (c *clock) at(t time.Duration) paxos.Now {
	passed := int64(t - c.since)
	return paxos.Now{
		Mono: c.origin + paxos.Instant(passed+passed/million*c.drift),
		Wall: epoch + paxos.LogTime(t+c.skew),
	}
}

// when is the first virtual time at which the monotonic clock reads mono or more.
func (c *clock) when(mono paxos.Instant) time.Duration {
	passed := int64(mono - c.origin)
	t := c.since + time.Duration(passed-passed/(million+c.drift)*c.drift)
	for c.at(t).Mono < mono {
		t += time.Duration(mono-c.at(t).Mono) + 1
	}
	return t
}
