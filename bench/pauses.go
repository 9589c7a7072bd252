package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/synod-paxos/synod/internal/load"
	"github.com/synod-paxos/synod/internal/node"
)

// pauseCells are what the callers of a measurement of pauses do, both at once.
var pauseCells = []cell{{propose, 32, 1024}, {get, 32, 128}}

// findPauses loads a cluster of 3 acceptors and 2 learners while its disks flush and
// compact, acceptors trim, learners keep copies of their state, and a third learner with
// an empty disk joins. It prints for how long nobody was answered, at most, and how long
// single operations took.
func findPauses(ctx context.Context, o *options, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "synod-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &synod{dir: filepath.Join(dir, "synod"), checkpointEvery: o.duration / 10}
	defer func() { err = errors.Join(err, s.stop()) }()
	start, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := s.start(start, shape{3, 2}); err != nil {
		return err
	}
	var loads []*pausedLoad
	for _, c := range pauseCells {
		l, err := s.pausedLoad(c)
		if err != nil {
			return err
		}
		defer l.session.close()
		loads = append(loads, l)
	}
	before := s.housework()
	begin := time.Now()
	for _, l := range loads {
		l.begin(begin)
	}
	joining, joined, err := s.join(ctx, begin, o.duration)
	for _, l := range loads {
		l.load.Count(false)
	}
	elapsed := time.Since(begin)
	for _, l := range loads {
		l.load.Stop()
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s; a learner joined from %.1fs to %.1fs; %s\n", elapsed.Round(time.Second), joining.Seconds(), joined.Seconds(), s.housework().minus(before))
	for _, l := range loads {
		l.print(out, elapsed)
	}
	return nil
}

// join starts a third learner after a third of d, and returns at the end of d when it
// began, and when it could serve readers.
func (s *synod) join(ctx context.Context, begin time.Time, d time.Duration) (joining, joined time.Duration, err error) {
	if err := sleep(ctx, d/3); err != nil {
		return 0, 0, err
	}
	joining = time.Since(begin)
	if _, err := s.startRole(ctx, "l", 2, func(c node.Config) (node.Role, error) { return node.StartLearner(ctx, c) }); err != nil {
		return 0, 0, err
	}
	newest := s.roles[len(s.roles)-1]
	for !newest.Report().Ready {
		if time.Since(begin) > d+startTime {
			return 0, 0, errors.New("the new learner does not catch up")
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return 0, 0, err
		}
	}
	joined = time.Since(begin)
	return joining, joined, sleep(ctx, d-joined)
}

// sleep waits for d, or until ctx ends, which is an error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return errors.New("interrupted")
	}
}

// pausedLoad is callers of one cell, and the longest times without an answer to any.
type pausedLoad struct {
	cell    cell
	session session
	load    *load.Load
	start   time.Time
	last    atomic.Int64 // since start, of the last answer; 0: not begun

	mu   sync.Mutex
	gaps []gap // the longest, in descending order
}

// gap is a time without an answer.
type gap struct{ from, took time.Duration }

// gapsKept is how many gaps are printed.
const gapsKept = 3

func (s *synod) pausedLoad(c cell) (*pausedLoad, error) {
	session, err := s.open(c)
	if err != nil {
		return nil, err
	}
	l := &pausedLoad{cell: c, session: session}
	l.load = load.Start(c.Callers, 1, func(caller, n int) (int, error) {
		err := session.do(caller, n)
		if err == nil {
			l.answered()
		}
		return 0, err
	})
	return l, nil
}

func (l *pausedLoad) begin(start time.Time) {
	l.mu.Lock()
	l.start = start
	l.mu.Unlock()
	l.last.Store(int64(time.Since(start)))
	l.load.Count(true)
}

// answered notes the time since the last answer, if it was long.
func (l *pausedLoad) answered() {
	if l.last.Load() == 0 {
		return
	}
	now := time.Since(l.start)
	before := time.Duration(l.last.Swap(int64(now)))
	if now-before < time.Millisecond {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gaps = append(l.gaps, gap{before, now - before})
	slices.SortFunc(l.gaps, func(a, b gap) int { return cmp.Compare(b.took, a.took) })
	l.gaps = l.gaps[:min(len(l.gaps), gapsKept)]
}

func (l *pausedLoad) print(out io.Writer, elapsed time.Duration) {
	r := l.load.Result()
	h := r.Latency[0]
	quantile := func(q float64) string { return load.Micros(float64(h.ValueAtQuantile(q))) }
	fmt.Fprintf(out, "%s: %.0f/s, %d errors; p50 %s, p99 %s, p99.9 %s, longest %s; longest without any answer:", l.cell,
		float64(h.TotalCount())/elapsed.Seconds(), r.Failed.TotalCount(), quantile(50), quantile(99), quantile(99.9), quantile(100))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.gaps {
		fmt.Fprintf(out, " %s at %.1fs", g.took.Round(100*time.Microsecond), g.from.Seconds())
	}
	fmt.Fprintln(out)
}

// housework is what roles did beside answering.
type housework struct{ reclaims, trimmed, copies uint64 }

func (s *synod) housework() (h housework) {
	for _, r := range s.roles {
		report := r.Report()
		if a := report.Acceptor; a != nil {
			h.reclaims += a.Reclaims
			h.trimmed = max(h.trimmed, uint64(a.TrimBelow))
		}
		if l := report.Learner; l != nil {
			h.copies = max(h.copies, uint64(l.Kept))
		}
	}
	return h
}

func (h housework) minus(o housework) string {
	return fmt.Sprintf("acceptors trimmed %d slots and dropped files %d times; learners kept a copy of the state after slot %d",
		h.trimmed-o.trimmed, h.reclaims-o.reclaims, h.copies)
}
