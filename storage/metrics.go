package storage

import (
	"sync/atomic"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// LatencyBounds are the upper bounds of the buckets of Histogram.
var LatencyBounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 200 * time.Microsecond, 400 * time.Microsecond, 800 * time.Microsecond,
	1600 * time.Microsecond, 3200 * time.Microsecond, 6400 * time.Microsecond, 12800 * time.Microsecond,
	25600 * time.Microsecond, 51200 * time.Microsecond, 102400 * time.Microsecond, 409600 * time.Microsecond,
	1638400 * time.Microsecond, 6553600 * time.Microsecond,
}

// Histogram counts durations. Buckets[i] counts those of at most LatencyBounds[i]
// and above the bound before; the last bucket counts the rest.
type Histogram struct {
	Buckets [len(LatencyBounds) + 1]uint64
	Count   uint64
	Sum     time.Duration
}

// Metrics are counted since the directory was opened.
type Metrics struct {
	Appends uint64 // calls of Append that returned nil: each is one sync of the log
	Records uint64 // made durable by them
	Votes   uint64 // of these
	Bytes   uint64 // written to the log by them
	Latency Histogram

	Covers    uint64 // writes and syncs of the cover
	Fills     uint64 // pages of votes read
	VotesRead uint64
	SlowCalls uint64 // calls on the file system that took longer than a second
	Reclaims  uint64 // times that trimmed votes were dropped
	Recycled  uint64 // files of the log used again: cheaper to sync than new ones
	Segments  uint64 // files of the log
	DiskBytes uint64 // that they take
	FreeBytes uint64 // left on the disk, as SpaceLow last saw it
}

type counters struct {
	appends, records, votes, bytes atomic.Uint64
	fills, votesRead               atomic.Uint64
	slow, recycled, reclaims       atomic.Uint64
	buckets                        [len(LatencyBounds) + 1]atomic.Uint64
	latencyNanos                   atomic.Int64
}

func (c *counters) appended(records []paxos.Record, bytes int, took time.Duration) {
	votes := 0
	for _, r := range records {
		if _, ok := r.(paxos.Voted); ok {
			votes++
		}
	}
	c.appends.Add(1)
	c.records.Add(uint64(len(records)))
	c.votes.Add(uint64(votes))
	c.bytes.Add(uint64(bytes))
	c.latencyNanos.Add(int64(took))
	bucket := 0
	for bucket < len(LatencyBounds) && took > LatencyBounds[bucket] {
		bucket++
	}
	c.buckets[bucket].Add(1)
}

func (c *counters) filled(p *paxos.Page) {
	c.fills.Add(1)
	c.votesRead.Add(uint64(len(p.Votes)))
}

// Metrics is what the store did so far. It is cheap enough to call every second.
func (a *Acceptor) Metrics() Metrics {
	c := &a.counters
	m := Metrics{
		Appends: c.appends.Load(), Records: c.records.Load(), Votes: c.votes.Load(), Bytes: c.bytes.Load(),
		Covers: a.cover.written.Load(), Fills: c.fills.Load(), VotesRead: c.votesRead.Load(),
		SlowCalls: c.slow.Load(), Recycled: c.recycled.Load(), Reclaims: c.reclaims.Load(), FreeBytes: a.space.free.Load(),
	}
	for i := range c.buckets {
		m.Latency.Buckets[i] = c.buckets[i].Load()
		m.Latency.Count += m.Latency.Buckets[i]
	}
	m.Latency.Sum = time.Duration(c.latencyNanos.Load())
	bytes, segments := a.index.bytes()
	m.DiskBytes, m.Segments = bytes, uint64(segments)
	return m
}
