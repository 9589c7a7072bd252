package paxos

import "math/bits"

// durationUnit is the bound of the first bucket of Durations, as a power of two.
const durationUnit = 16

// Durations counts durations by their size. Bucket i counts those below
// [DurationBound] of i and not below that of i-1; the last bucket counts the rest. The
// zero Durations has counted nothing.
type Durations struct {
	Counts [20]uint64
	Sum    Duration
}

// Add counts d; a negative one, of a clock that jumped, as 0.
func (c *Durations) Add(d Duration) {
	d = max(d, 0)
	c.Counts[min(bits.Len64(uint64(d)>>durationUnit), len(c.Counts)-1)]++
	c.Sum += d
}

// DurationBound is the upper bound of bucket i of Durations: 2^16 ns (66 µs) for the
// first, and twice that of the one before for each further one.
func DurationBound(i int) Duration { return 1 << (durationUnit + i) }
