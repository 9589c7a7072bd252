package main

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A measurement is one system under one cell for one round.
type measurement struct {
	Round    int     `json:"round"`
	System   string  `json:"system"`
	Cell     cell    `json:"cell"`
	Ops      int64   `json:"ops"`
	Errors   int64   `json:"errors"`
	Seconds  float64 `json:"seconds"`
	Rate     float64 `json:"per_second"`
	CPU      float64 `json:"cpu_us_per_op"` // of the whole process: servers, roles and callers
	Others   float64 `json:"cpu_of_others"` // share of the machine's CPUs that other processes used
	P50      float64 `json:"p50_us"`
	P90      float64 `json:"p90_us"`
	P99      float64 `json:"p99_us"`
	P999     float64 `json:"p999_us"`
	Max      float64 `json:"max_us"`
	latency  *hdrhistogram.Histogram
	firstErr error
}

// Latencies are recorded in microseconds.
const (
	latencyMax    = int64(time.Minute / time.Microsecond)
	latencyDigits = 3
	latencyShards = 16 // callers of one shard share a histogram
)

type shard struct {
	mu      sync.Mutex
	latency *hdrhistogram.Histogram
	err     error
	_       [64]byte
}

// load has the callers of a cell work without pause, for warm and then for d, in
// which they are measured.
func load(s session, c cell, warm, d time.Duration) measurement {
	l := &loading{session: s, shards: make([]shard, min(c.Callers, latencyShards))}
	for i := range l.shards {
		l.shards[i].latency = hdrhistogram.New(1, latencyMax, latencyDigits)
	}
	var callers sync.WaitGroup
	for i := range c.Callers {
		callers.Go(func() { l.caller(i) })
	}
	time.Sleep(warm)
	l.counting.Store(true)
	start, before := time.Now(), usage()
	time.Sleep(d)
	l.counting.Store(false)
	after, elapsed := usage(), time.Since(start)
	l.stopped.Store(true)
	callers.Wait()
	m := l.result()
	m.Cell, m.Seconds = c, elapsed.Seconds()
	m.Rate = float64(m.Ops) / m.Seconds
	m.CPU = float64((after.own - before.own).Microseconds()) / float64(max(m.Ops, 1))
	m.Others = after.others(before)
	return m
}

type loading struct {
	session  session
	shards   []shard
	counting atomic.Bool
	stopped  atomic.Bool
	errors   atomic.Int64
}

// errorPause keeps callers that are refused from doing nothing else than asking.
const errorPause = 5 * time.Millisecond

// caller is one closed loop. An operation counts when it ends while counting.
func (l *loading) caller(caller int) {
	s := &l.shards[caller%len(l.shards)]
	for n := 0; !l.stopped.Load(); n++ {
		start := time.Now()
		err := l.session.do(caller, n)
		took := time.Since(start)
		if err != nil {
			time.Sleep(errorPause)
		}
		if !l.counting.Load() {
			continue
		}
		s.mu.Lock()
		if err == nil {
			_ = s.latency.RecordValue(min(max(took.Microseconds(), 1), latencyMax)) // always in its range
		} else if s.err == nil {
			s.err = err
		}
		s.mu.Unlock()
		if err != nil {
			l.errors.Add(1)
		}
	}
}

func (l *loading) result() measurement {
	m := measurement{latency: hdrhistogram.New(1, latencyMax, latencyDigits), Errors: l.errors.Load()}
	for i := range l.shards {
		m.latency.Merge(l.shards[i].latency)
		m.firstErr = errors.Join(m.firstErr, l.shards[i].err)
	}
	m.Ops = m.latency.TotalCount()
	quantile := func(q float64) float64 { return float64(m.latency.ValueAtQuantile(q)) }
	m.P50, m.P90, m.P99, m.P999, m.Max = quantile(50), quantile(90), quantile(99), quantile(99.9), quantile(100)
	return m
}

// inParallel calls f for each of n callers at once, and joins their errors.
func inParallel(n int, f func(caller int) error) error {
	errs := make([]error, n)
	var w sync.WaitGroup
	for i := range n {
		w.Go(func() { errs[i] = f(i) })
	}
	w.Wait()
	return errors.Join(errs...)
}
