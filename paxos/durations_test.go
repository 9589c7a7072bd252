package paxos

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestDurationsAreInTheirBuckets, at the bounds, between them and beyond them.
func TestDurationsAreInTheirBuckets(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := []Duration{math.MinInt64, -1, 0, 1, math.MaxInt64}
	for i := range 25 {
		b := DurationBound(i)
		values = append(values, b-1, b, b+1, Duration(r.Int64N(int64(b))))
	}
	for _, v := range values {
		var c Durations
		c.Add(v)
		want := 0
		for want < len(c.Counts)-1 && v >= DurationBound(want) {
			want++
		}
		if c.Counts[want] != 1 || c.Sum != max(v, 0) {
			t.Errorf("%d: counted %v with sum %d, want bucket %d", v, c.Counts, c.Sum, want)
		}
	}
}
