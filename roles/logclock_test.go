package roles

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// TestLogClockNeverFalls reads a leader's clock at random times, while acceptors
// tell it random times, some of them the first and the last that there are.
func TestLogClockNeverFalls(t *testing.T) {
	extremes := []paxos.LogTime{0, 1, -1, math.MinInt64, math.MaxInt64, wall0}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 0))
		anyTime := func() paxos.LogTime {
			if r.IntN(3) == 0 {
				return extremes[r.IntN(len(extremes))]
			}
			return paxos.LogTime(r.Int64N(int64(2 * wall0)))
		}
		now := paxos.Now{Mono: start0}
		c := startClock(max(0, anyTime()), []paxos.LogTime{anyTime(), anyTime(), anyTime()}, now)
		for last := c.read(now); now.Mono < start0+1e12; {
			now.Mono += paxos.Instant(r.Int64N(1e11)) - 1e9
			c.hear(paxos.UUID{byte(r.IntN(5))}, anyTime(), now)
			stamp := c.read(now)
			if stamp < last {
				t.Fatalf("seed %d: %d after %d", seed, stamp, last)
			}
			last = stamp
		}
	}
}

// TestLogClockIsBentNotSet: whatever the acceptors say, an hour of the leader's
// monotonic clock is 54 to 66 minutes of log time.
func TestLogClockIsBentNotSet(t *testing.T) {
	for _, wrong := range []paxos.LogTime{wall0 - 1e15, wall0, wall0 + 1e15} {
		now := paxos.Now{Mono: start0}
		c := startClock(wall0, nil, now)
		for range 3600 {
			c.hear(paxos.UUID{1}, wrong, now)
			now.Mono += 1e9
			c.read(now)
		}
		if passed := c.read(now) - wall0; passed < 54*60e9 || passed > 66*60e9 {
			t.Errorf("told %d, an hour took %d ns", wrong, passed)
		}
	}
}

// TestLowerMedian: no minority of clocks, however wrong, is heard alone.
func TestLowerMedian(t *testing.T) {
	for _, c := range []struct {
		clocks []paxos.LogTime
		want   paxos.LogTime
	}{
		{nil, 0},
		{[]paxos.LogTime{7}, 7},
		{[]paxos.LogTime{9, 7}, 7},
		{[]paxos.LogTime{math.MaxInt64, 7, 8}, 8},
		{[]paxos.LogTime{math.MinInt64, 7, 8, 9}, 7},
	} {
		if got := lowerMedian(c.clocks); got != c.want {
			t.Errorf("lower median of %v: %d, want %d", c.clocks, got, c.want)
		}
	}
}
