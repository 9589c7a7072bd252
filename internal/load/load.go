// Package load measures closed loops: callers that each do one operation after the
// other, without pause, as programs that wait for their answers do.
package load

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Do is a caller's n-th operation. It returns nil once the operation is done, and
// which of the kinds of operations it was, from 0.
type Do func(caller, n int) (kind int, err error)

// Latencies are recorded in microseconds, with three digits.
const (
	mostMicros = int64(time.Minute / time.Microsecond)
	digits     = 3
)

// mostShards is how many histograms callers share at most.
const mostShards = 16

// errorPause keeps callers that are refused from doing nothing else than asking.
const errorPause = 5 * time.Millisecond

// A Load is callers at work. What they do counts while it is told to count.
type Load struct {
	do       Do
	shards   []shard
	callers  sync.WaitGroup
	counting atomic.Bool
	stopped  atomic.Bool
	done     atomic.Int64
	failed   atomic.Int64
}

type shard struct {
	mu      sync.Mutex
	latency []*hdrhistogram.Histogram // by kind
	refused *hdrhistogram.Histogram   // of operations that failed
	err     error                     // the first
	_       [64]byte                  // shards are written by different CPUs
}

// Start has callers do operations of so many kinds. The caller must Stop the load.
func Start(callers, kinds int, do Do) *Load {
	l := &Load{do: do, shards: make([]shard, min(callers, mostShards))}
	for i := range l.shards {
		l.shards[i].refused = hdrhistogram.New(1, mostMicros, digits)
		for range kinds {
			l.shards[i].latency = append(l.shards[i].latency, hdrhistogram.New(1, mostMicros, digits))
		}
	}
	for i := range callers {
		l.callers.Go(func() { l.call(i) })
	}
	return l
}

// Count begins to count, or stops counting.
func (l *Load) Count(on bool) { l.counting.Store(on) }

// Counted is how many operations were done, and how many failed, while counting.
func (l *Load) Counted() (done, failed int64) { return l.done.Load(), l.failed.Load() }

// Stop returns once every caller has done its last operation.
func (l *Load) Stop() {
	l.stopped.Store(true)
	l.callers.Wait()
}

// call is one closed loop. An operation counts when it ends while counting.
func (l *Load) call(caller int) {
	s := &l.shards[caller%len(l.shards)]
	for n := 0; !l.stopped.Load(); n++ {
		start := time.Now()
		kind, err := l.do(caller, n)
		took := time.Since(start)
		if l.counting.Load() {
			l.count(s, kind, took, err)
		}
		if err != nil {
			time.Sleep(errorPause)
		}
	}
}

func (l *Load) count(s *shard, kind int, took time.Duration, err error) {
	micros := min(max(took.Microseconds(), 1), mostMicros)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		l.done.Add(1)
		_ = s.latency[kind].RecordValue(micros) // always in its range
		return
	}
	l.failed.Add(1)
	_ = s.refused.RecordValue(micros)
	if s.err == nil {
		s.err = err
	}
}

// A Result is what was counted so far.
type Result struct {
	Latency []*hdrhistogram.Histogram // of what was done, by kind, in microseconds
	Failed  *hdrhistogram.Histogram   // of what failed
	Err     error                     // some of the errors, no two alike; nil for none
}

// Result may be called while callers work.
func (l *Load) Result() Result {
	r := Result{Failed: hdrhistogram.New(1, mostMicros, digits)}
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		for kind, h := range s.latency {
			if i == 0 {
				r.Latency = append(r.Latency, hdrhistogram.New(1, mostMicros, digits))
			}
			r.Latency[kind].Merge(h)
		}
		r.Failed.Merge(s.refused)
		if s.err != nil && (r.Err == nil || !strings.Contains(r.Err.Error(), s.err.Error())) {
			r.Err = errors.Join(r.Err, s.err)
		}
		s.mu.Unlock()
	}
	return r
}

// Micros is microseconds as a duration with about three digits, for people.
func Micros(us float64) string {
	d := time.Duration(us * float64(time.Microsecond))
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(time.Microsecond).String()
	}
}
