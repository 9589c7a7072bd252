package roles

import (
	"maps"
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// logClock makes the stamps of a leader. It starts at the larger of the highest
// stamp that its promise quorum voted for and the lower median of that quorum's
// wall clocks, and then follows the leader's monotonic clock, bent by at most
// maxBend towards the median of the acceptors' clocks. So the leader's own wall
// clock counts for nothing, one wrong clock among the acceptors neither, and
// stamps never fall, not even from one leader to the next.
//
// Of two clocks the lower median is the lower one. Where a promise quorum is two, and
// one of them is slow, log time would start behind, and the next leader, with another
// quorum, would take it far ahead: what was to live for an hour of log time would end.
// So the leader starts anew once it has heard all acceptors, if that is soon.
type logClock struct {
	stamp   paxos.LogTime
	at      paxos.Instant
	until   paxos.Instant                // when it is too late to start anew
	offsets map[paxos.UUID]paxos.LogTime // by acceptor: its wall clock less our monotonic clock
}

// settleTime is how long a leader's clock may start anew. All acceptors that are there
// answer its first Heartbeat.
const settleTime = paxos.Duration(1e9)

// maxBend is the part of elapsed time by which the clock may run fast or slow: 1/maxBend.
const maxBend = 10

func startClock(highest paxos.LogTime, clocks []paxos.LogTime, now paxos.Now) logClock {
	return logClock{
		stamp: max(highest, lowerMedian(clocks)), at: now.Mono, until: now.Mono + paxos.Instant(settleTime),
		offsets: map[paxos.UUID]paxos.LogTime{},
	}
}

// lowerMedian of no clocks is 0.
func lowerMedian(clocks []paxos.LogTime) paxos.LogTime {
	if len(clocks) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(clocks))
	return sorted[(len(sorted)-1)/2]
}

// hear notes the wall clock of the acceptor with this disk. The last of those of config
// may start the log clock anew.
func (c *logClock) hear(disk paxos.UUID, clock paxos.LogTime, config *paxos.Configuration, now paxos.Now) {
	if clock == 0 {
		return
	}
	c.offsets[disk] = clock - paxos.LogTime(now.Mono)
	if now.Mono >= c.until || slices.ContainsFunc(config.Acceptors, func(m paxos.Member) bool { _, ok := c.offsets[m.Disk]; return !ok }) {
		return
	}
	c.keep(config)
	c.stamp, c.at, c.until = max(c.read(now), c.target(now)), now.Mono, now.Mono
}

// keep forgets the clocks of all acceptors but those of config.
func (c *logClock) keep(config *paxos.Configuration) {
	maps.DeleteFunc(c.offsets, func(disk paxos.UUID, _ paxos.LogTime) bool {
		return !slices.ContainsFunc(config.Acceptors, func(m paxos.Member) bool { return m.Disk == disk })
	})
}

// read is the stamp for a value proposed at now. It never falls.
func (c *logClock) read(now paxos.Now) paxos.LogTime {
	elapsed := paxos.LogTime(now.Mono - c.at)
	if elapsed <= 0 {
		return c.stamp
	}
	c.at = now.Mono
	next := c.stamp + elapsed
	if target := c.target(now); target != 0 {
		bend := elapsed / maxBend
		next += min(max(target-next, -bend), bend)
	}
	c.stamp = max(c.stamp, next) // the end of time is no reason to start anew
	return c.stamp
}

// target is the lower median of the acceptors' clocks now; 0 when none is known.
func (c *logClock) target(now paxos.Now) paxos.LogTime {
	clocks := make([]paxos.LogTime, 0, len(c.offsets))
	for _, offset := range c.offsets {
		clocks = append(clocks, offset+paxos.LogTime(now.Mono))
	}
	return lowerMedian(clocks)
}
