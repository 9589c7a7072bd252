package main

import (
	"cmp"
	"errors"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/synod-paxos/synod/internal/load"
)

// A measurement is one system under one cell for one round.
type measurement struct {
	Round     int     `json:"round"`
	System    string  `json:"system"`
	Cell      cell    `json:"cell"`
	Ops       int64   `json:"ops"`
	Errors    int64   `json:"errors"`
	Seconds   float64 `json:"seconds"`
	Rate      float64 `json:"per_second"`
	CPU       float64 `json:"cpu_us_per_op"` // of the whole process: servers, roles and callers
	Others    float64 `json:"cpu_of_others"` // share of the machine's CPUs that other processes used
	P50       float64 `json:"p50_us"`
	P90       float64 `json:"p90_us"`
	P99       float64 `json:"p99_us"`
	P999      float64 `json:"p999_us"`
	Max       float64 `json:"max_us"`
	FailedP50 float64 `json:"failed_p50_us,omitempty"` // until an operation that failed was told so
	FailedP99 float64 `json:"failed_p99_us,omitempty"`
	latency   *hdrhistogram.Histogram
	failed    *hdrhistogram.Histogram
	own, used time.Duration // CPU time: of the whole process, and of other processes
	whole     time.Duration // that the machine had
	firstErr  error
}

// work has the callers of a cell work without pause, for warm and then for d, in
// which they are measured.
func work(s session, c cell, warm, d time.Duration) measurement {
	l := load.Start(c.Callers, 1, func(caller, n int) (int, error) { return 0, s.do(caller, n) })
	time.Sleep(warm)
	l.Count(true)
	start, before := time.Now(), usage()
	time.Sleep(d)
	l.Count(false)
	after, elapsed := usage(), time.Since(start)
	l.Stop()
	r := l.Result()
	m := measurement{Cell: c, Seconds: elapsed.Seconds(), latency: r.Latency[0], failed: r.Failed, firstErr: r.Err}
	m.own, m.used, m.whole = after.since(before)
	m.figure()
	return m
}

// add makes m the measurement of its own time and of n's.
func (m *measurement) add(n *measurement) {
	m.latency.Merge(n.latency)
	m.failed.Merge(n.failed)
	m.Seconds, m.own, m.used, m.whole = m.Seconds+n.Seconds, m.own+n.own, m.used+n.used, m.whole+n.whole
	m.firstErr = cmp.Or(m.firstErr, n.firstErr)
	m.figure()
}

// figure works out what follows from what was counted.
func (m *measurement) figure() {
	quantile := func(q float64) float64 { return float64(m.latency.ValueAtQuantile(q)) }
	m.P50, m.P90, m.P99, m.P999, m.Max = quantile(50), quantile(90), quantile(99), quantile(99.9), quantile(100)
	m.FailedP50, m.FailedP99 = float64(m.failed.ValueAtQuantile(50)), float64(m.failed.ValueAtQuantile(99))
	m.Ops, m.Errors = m.latency.TotalCount(), m.failed.TotalCount()
	m.Rate = float64(m.Ops) / m.Seconds
	m.CPU = float64(m.own.Microseconds()) / float64(max(m.Ops, 1))
	m.Others = 0
	if m.whole > 0 {
		m.Others = float64(m.used) / float64(m.whole)
	}
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
