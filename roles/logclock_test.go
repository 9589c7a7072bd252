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
		g := testGenesis(5)
		config := &g.First
		c := startClock(max(0, anyTime()), []paxos.LogTime{anyTime(), anyTime(), anyTime()}, now)
		for last := c.read(now); now.Mono < start0+1e12; {
			now.Mono += paxos.Instant(r.Int64N(1e11)>>r.IntN(16)) - 1e6
			c.hear(config.Acceptors[r.IntN(5)].Disk, anyTime(), config, now)
			stamp := c.read(now)
			if stamp < last {
				t.Fatalf("seed %d: %d after %d", seed, stamp, last)
			}
			last = stamp
		}
	}
}

// TestLogClockIsBentNotSet: whatever acceptors say, an hour of the leader's monotonic clock
// is 54 to 66 minutes of log time; also when the last of them is heard too late.
func TestLogClockIsBentNotSet(t *testing.T) {
	g := testGenesis(3)
	config := &g.First
	for _, wrong := range []paxos.LogTime{wall0 - 1e15, wall0, wall0 + 1e15} {
		now := paxos.Now{Mono: start0}
		c := startClock(wall0, nil, now)
		for i := range 3600 {
			for _, a := range config.Acceptors[:2+min(i, 1)] {
				c.hear(a.Disk, wrong, config, now)
			}
			now.Mono += 1e9
			c.read(now)
		}
		if passed := c.read(now) - wall0; passed < 54*60e9 || passed > 66*60e9 {
			t.Errorf("told %d, an hour took %d ns", wrong, passed)
		}
	}
}

// TestLogClockStartsAnew at the lower median of all clocks, once, when the last of them is
// heard soon after the start; and never goes back.
func TestLogClockStartsAnew(t *testing.T) {
	const hour = paxos.LogTime(3600e9)
	g := testGenesis(3)
	config := &g.First
	for _, test := range []struct {
		name  string
		third paxos.LogTime
		after paxos.Instant // the start
		want  paxos.LogTime
	}{
		{"right", wall0, 1e6, wall0},
		{"fast", wall0 + 9*hour, 1e6, wall0},
		{"slow", wall0 - 24*hour, 1e6, wall0 - 12*hour + 9e5},
		{"at the last moment", wall0, paxos.Instant(settleTime) - 1, wall0},
		{"too late", wall0, paxos.Instant(settleTime), wall0 - 12*hour + 11e8},
	} {
		now := paxos.Now{Mono: start0}
		c := startClock(0, []paxos.LogTime{wall0 - 12*hour, wall0}, now)
		now.Mono += test.after
		for i, clock := range []paxos.LogTime{wall0 - 12*hour, wall0, test.third} {
			c.hear(config.Acceptors[i].Disk, clock, config, now)
		}
		if got := c.read(now); got != test.want {
			t.Errorf("the third clock is %s: %d, want %d", test.name, got, test.want)
		}
		before := c.read(now)
		c.hear(config.Acceptors[0].Disk, wall0+9*hour, config, now)
		c.hear(config.Acceptors[1].Disk, wall0+9*hour, config, now)
		if got := c.read(now); got != before {
			t.Errorf("the third clock is %s: started anew a second time, by %d", test.name, got-before)
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
