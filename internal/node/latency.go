package node

import (
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
)

// Latency counts durations in buckets.
type Latency struct {
	Bounds []float64 `json:"bounds"` // upper bounds of the buckets but the last, in seconds
	Counts []uint64  `json:"counts"` // by bucket; one more than Bounds
	Sum    float64   `json:"sum"`    // seconds
}

func newLatency(h storage.Histogram) Latency {
	l := Latency{Sum: h.Sum.Seconds(), Counts: h.Buckets[:]}
	for _, b := range storage.LatencyBounds {
		l.Bounds = append(l.Bounds, b.Seconds())
	}
	return l
}

func newDurations(d paxos.Durations) Latency {
	l := Latency{Sum: time.Duration(d.Sum).Seconds(), Counts: d.Counts[:]}
	for i := range len(d.Counts) - 1 {
		l.Bounds = append(l.Bounds, time.Duration(paxos.DurationBound(i)).Seconds())
	}
	return l
}

// count is how many durations were counted.
func (l *Latency) count() uint64 {
	var n uint64
	for _, c := range l.Counts {
		n += c
	}
	return n
}

// cumulative is how many durations are at most each bound, as Prometheus wants it.
func (l *Latency) cumulative() map[float64]uint64 {
	out := map[float64]uint64{}
	var n uint64
	for i, bound := range l.Bounds {
		n += l.Counts[i]
		out[bound] = n
	}
	return out
}

// quantile is a bound that the part q of all durations does not exceed; 0 without
// any, and the largest bound for those above it.
func (l *Latency) quantile(q float64) time.Duration {
	total := l.count()
	if total == 0 || len(l.Bounds) == 0 {
		return 0
	}
	var n uint64
	for i, bound := range l.Bounds {
		n += l.Counts[i]
		if float64(n) >= q*float64(total) {
			return seconds(bound)
		}
	}
	return seconds(l.Bounds[len(l.Bounds)-1])
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// milliseconds is d to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
