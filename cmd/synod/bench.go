package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/chart"
	"github.com/synod-paxos/synod/internal/load"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/internal/node/cli"
)

// benchCommand loads a running cluster and tells how fast it answers.
type benchCommand struct {
	Callers     int           `env:"SYNOD_BENCH_CALLERS" default:"64" help:"How many callers do one operation after the other (${default})."`
	Connections int           `env:"SYNOD_BENCH_CONNECTIONS" default:"2" help:"How many connections they share (${default})."`
	Size        int           `env:"SYNOD_BENCH_SIZE" default:"128" help:"Bytes of a value (${default})."`
	Reads       int           `env:"SYNOD_BENCH_READS" default:"0" help:"How many percent of the operations read (${default})."`
	Keys        int           `env:"SYNOD_BENCH_KEYS" default:"1000" help:"How many keys are put and read (${default})."`
	Log         bool          `env:"SYNOD_BENCH_LOG" help:"Append to the log instead of putting keys. What is appended stays there."`
	Together    bool          `env:"SYNOD_BENCH_TOGETHER" help:"Let the callers of a connection share messages, as a Go program's do by default."`
	Duration    time.Duration `env:"SYNOD_BENCH_DURATION" default:"10s" help:"How long to measure (${default})."`
	Warm        time.Duration `env:"SYNOD_BENCH_WARM" default:"1s" help:"How long to work before that (${default})."`
	Plot        string        `env:"SYNOD_BENCH_PLOT" placeholder:"FILE" help:"Draw the latencies into this SVG file."`
	JSON        bool          `name:"json" env:"SYNOD_BENCH_JSON" help:"Print the result as JSON."`

	Connection node.Connection `embed:""`
}

// Help shows what to do with it.
func (c *benchCommand) Help() string {
	return `Each caller waits for its answer before it goes on. Writes are answered once a quorum of disks has them, reads are linearizable. Keys are put into a bucket that is made for the run and removed after it. It loads the cluster with all that it can take: other clients feel it.

Examples:
  synod bench
  synod bench --callers 512 --size 4096 --reads 90 --duration 30s
  synod bench --callers 512 --together --plot latency.svg`
}

// Check reports everything that is wrong with the flags.
func (c *benchCommand) Check() []error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	want(c.Callers > 0, "--callers %d: want at least 1", c.Callers)
	want(c.Connections > 0 && c.Connections <= max(1, c.Callers), "--connections %d: want at least 1, and no more than callers", c.Connections)
	want(c.Size >= 0, "--size %d: want at least 0", c.Size)
	want(c.Reads >= 0 && c.Reads <= 100, "--reads %d: want 0 to 100", c.Reads)
	want(c.Reads == 0 || !c.Log, "--reads with --log: what is appended to the log is not read here")
	want(c.Keys > 0, "--keys %d: want at least 1", c.Keys)
	want(c.Duration > 0, "--duration %s: want more than 0", c.Duration)
	want(c.Warm >= 0, "--warm %s: want at least 0", c.Warm)
	return errs
}

// Run loads the cluster.
func (c *benchCommand) Run(ctx context.Context, s cli.Streams) (err error) {
	w := &benchWork{command: c, data: []byte(strings.Repeat("x", c.Size))}
	defer func() { err = errors.Join(err, w.close()) }()
	say := io.Discard // how it goes
	if !c.JSON {
		say = s.Err
	}
	if err := w.open(ctx, say); err != nil {
		return err
	}
	fmt.Fprintf(say, "%d callers on %d connections, %d bytes, %d %% reads: %s, after %s that do not count\n",
		c.Callers, c.Connections, c.Size, c.Reads, c.Duration, c.Warm)
	l := load.Start(c.Callers, len(benchKinds), w.do)
	elapsed := c.measure(ctx, l, say)
	w.cancel() // ends what waits for an answer
	l.Stop()
	r := l.Result()
	report := newBenchReport(c, r, elapsed)
	if err := report.print(s.Out, c.JSON); err != nil {
		return err
	}
	if report.Done == 0 {
		why := errors.Join(r.Err, ctx.Err())
		if why == nil {
			why = fmt.Errorf("%s and no answer", c.Duration)
		}
		return fmt.Errorf("nothing was done: %w", why)
	}
	return c.plot(r)
}

// benchKinds are the kinds of operations.
var benchKinds = []string{"write", "read"}

// measure returns how long it counted. Interrupting it ends the run, not the report.
func (c *benchCommand) measure(ctx context.Context, l *load.Load, say io.Writer) time.Duration {
	wait := func(d time.Duration) bool {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(d):
			return true
		}
	}
	if !wait(c.Warm) {
		return 0
	}
	l.Count(true)
	defer l.Count(false)
	start, last := time.Now(), int64(0)
	c.progressHead(say)
	for {
		left := c.Duration - time.Since(start)
		if left <= 0 || !wait(min(left, time.Second)) {
			return time.Since(start)
		}
		done, failed := l.Counted()
		fmt.Fprintf(say, "%6.0f s %10d %8d", time.Since(start).Seconds(), done-last, failed)
		for kind, h := range l.Result().Latency {
			if c.does(kind) {
				fmt.Fprintf(say, " %12s %9s", load.Micros(float64(h.ValueAtQuantile(50))), load.Micros(float64(h.ValueAtQuantile(99))))
			}
		}
		fmt.Fprintln(say)
		last = done
	}
}

// progressHead is above the lines of progress. Percentiles are of all so far.
func (c *benchCommand) progressHead(say io.Writer) {
	fmt.Fprintf(say, "%8s %10s %8s", "", "in 1 s", "failed")
	for kind, name := range benchKinds {
		if c.does(kind) {
			fmt.Fprintf(say, " %12s %9s", name+" p50", "p99")
		}
	}
	fmt.Fprintln(say)
}

// does reports whether the callers do operations of this kind.
func (c *benchCommand) does(kind int) bool {
	return kind == 0 && c.Reads < 100 || kind == 1 && c.Reads > 0
}

func failures(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("  %d failed", n)
}

func (c *benchCommand) plot(r load.Result) error {
	if c.Plot == "" {
		return nil
	}
	l := chart.Latencies{Title: fmt.Sprintf("Synod, %d callers, %d bytes, %d %% reads", c.Callers, c.Size, c.Reads)}
	for kind, h := range r.Latency {
		if h.TotalCount() > 0 {
			l.Of = append(l.Of, chart.Named{Name: benchKinds[kind], Latency: h})
		}
	}
	f, err := os.Create(c.Plot)
	if err != nil {
		return err
	}
	return errors.Join(l.SVG(f), f.Close())
}

// benchReport is the result.
type benchReport struct {
	Callers   int            `json:"callers"`
	Size      int            `json:"size_bytes"`
	Reads     int            `json:"reads_percent"`
	Seconds   float64        `json:"seconds"`
	Done      int64          `json:"done"`
	Failed    int64          `json:"failed"`
	PerSecond float64        `json:"per_second"`
	Error     string         `json:"error,omitempty"` // some of the errors
	Latency   []benchLatency `json:"latency"`
}

// benchLatency is of one kind of operations, or of those that failed, in microseconds.
type benchLatency struct {
	Kind string  `json:"kind"`
	Done int64   `json:"done"`
	Mean float64 `json:"mean_us"`
	P50  int64   `json:"p50_us"`
	P90  int64   `json:"p90_us"`
	P99  int64   `json:"p99_us"`
	P999 int64   `json:"p999_us"`
	Max  int64   `json:"max_us"`
}

func newBenchReport(c *benchCommand, r load.Result, elapsed time.Duration) *benchReport {
	b := &benchReport{Callers: c.Callers, Size: c.Size, Reads: c.Reads, Seconds: elapsed.Seconds(), Failed: r.Failed.TotalCount()}
	if r.Err != nil {
		b.Error = r.Err.Error()
	}
	for kind, h := range r.Latency {
		b.Done += h.TotalCount()
		if h.TotalCount() > 0 {
			b.Latency = append(b.Latency, latencyOf(benchKinds[kind], h))
		}
	}
	if b.Failed > 0 {
		b.Latency = append(b.Latency, latencyOf("failed", r.Failed))
	}
	if elapsed > 0 {
		b.PerSecond = float64(b.Done) / elapsed.Seconds()
	}
	return b
}

func latencyOf(kind string, h *hdrhistogram.Histogram) benchLatency {
	at := h.ValueAtQuantile
	return benchLatency{kind, h.TotalCount(), h.Mean(), at(50), at(90), at(99), at(99.9), h.Max()}
}

func (b *benchReport) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(b)
	}
	fmt.Fprintf(out, "\n%d operations in %.1f s: %.0f/s%s\n", b.Done, b.Seconds, b.PerSecond, failures(b.Failed))
	if b.Error != "" {
		fmt.Fprintf(out, "some failed: %s\n", b.Error)
	}
	fmt.Fprintf(out, "%-6s %10s %9s %9s %9s %9s %9s %9s\n", "", "done", "mean", "p50", "p90", "p99", "p99.9", "max")
	for _, l := range b.Latency {
		us := func(n int64) string { return load.Micros(float64(n)) }
		fmt.Fprintf(out, "%-6s %10d %9s %9s %9s %9s %9s %9s\n", l.Kind, l.Done, load.Micros(l.Mean), us(l.P50), us(l.P90), us(l.P99), us(l.P999), us(l.Max))
	}
	return nil
}

// benchWork is what the callers do.
type benchWork struct {
	command *benchCommand
	clients []*client.Client
	buckets []*client.Bucket // one for each client
	keys    []string
	data    []byte
	ctx     context.Context
	cancel  context.CancelFunc
}
