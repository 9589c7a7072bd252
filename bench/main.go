// Command bench runs Synod beside what it is compared with, in one process on
// loopback TCP: NATS itself, JetStream, etcd, hashicorp/raft and dragonboat. All
// systems run at once, and take turns cell by cell, so that what disturbs the
// machine disturbs all alike; what it reports are medians and ratios of rounds.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// quiet keeps what the systems log off the screen.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func main() {
	debug.SetGCPercent(200) // as in Synod's programs, for all systems alike
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags.
type options struct {
	quick    bool
	roles    bool
	pauses   bool
	rounds   int
	duration time.Duration
	systems  string
	cells    string
	shapes   string
	json     string
	dir      string
	profiles string
	plots    string
	from     string
	document string
	command  string // the arguments
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{command: strings.Join(args, " ")}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&o.quick, "quick", false, "3 short rounds: for a first look")
	f.BoolVar(&o.roles, "roles", false, "count what an operation costs each role of Synod instead, in clusters of several shapes")
	f.BoolVar(&o.pauses, "pauses", false, "look for pauses of Synod instead, for --duration (default 30s), while disks compact and a learner joins")
	f.IntVar(&o.rounds, "rounds", 0, "rounds (default 7, with --quick 3)")
	f.DurationVar(&o.duration, "duration", 0, "of each measurement (default 1s, with --quick 400ms)")
	f.StringVar(&o.systems, "systems", "", "comma-separated; default all: "+systemNames())
	f.StringVar(&o.cells, "cells", "", "comma-separated kind/callers/bytes, such as propose/64/128; default all")
	f.StringVar(&o.shapes, "shapes", "3/1,3/2,3/3,5/2", "with --roles: clusters of so many acceptors/learners")
	f.StringVar(&o.json, "json", "", "write everything measured to this `file`")
	f.StringVar(&o.dir, "dir", "", "`directory` for data, on the disk to measure; default a temporary one")
	f.StringVar(&o.plots, "plots", "", "draw SVG pictures into this `directory`")
	f.StringVar(&o.document, "document", "", "write the figures of --from, or of this run's --json, into this Markdown `file`")
	f.StringVar(&o.from, "from", "", "measure nothing: take the figures from this `file` that --json wrote")
	f.StringVar(&o.profiles, "profiles", "", "write profiles of all measurements into this `directory`: CPU, allocations, waiting for locks, waiting at all; with --roles CPU of each")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.document != "" && cmp.Or(o.from, o.json) == "" {
		return nil, errors.New("--document needs --json or --from")
	}
	if o.rounds == 0 {
		o.rounds = 7
		if o.quick {
			o.rounds = 3
		}
	}
	if o.duration == 0 {
		o.duration = time.Second
		switch {
		case o.pauses:
			o.duration = 30 * time.Second
		case o.quick:
			o.duration = 400 * time.Millisecond
		}
	}
	if o.rounds < 1 || o.duration < 10*time.Millisecond {
		return nil, errors.New("want at least 1 round of at least 10ms")
	}
	return o, nil
}

// run is the whole program, less the process. It returns the exit code: 0 clean,
// 1 failed, 2 called wrongly.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var p *plan
	if err == nil {
		p, err = newPlan(o)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	do := p.run
	if o.roles {
		do = func(ctx context.Context, out io.Writer) error { return countRoles(ctx, o, out) }
	}
	if o.pauses {
		do = func(ctx context.Context, out io.Writer) error { return findPauses(ctx, o, out) }
	}
	if o.from == "" {
		err = do(ctx, stdout)
	}
	if err == nil && o.document != "" {
		err = writeFigures(cmp.Or(o.from, o.json), o.document, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}
