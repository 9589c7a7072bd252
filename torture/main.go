//go:build linux

// Command torture runs a whole cluster of the programs as users run them, and breaks it: 3
// nats-servers, 5 acceptors, 3 proposers and 3 learners, each process in a Linux
// network namespace of its own.
//
//	go run ./torture --for 75s     # clients on a cluster that breaks in every way
//	go run ./torture failover      # how long nobody is answered when a process dies
//	go run ./torture hostile       # peers that lie, on the same bus
//
// It needs Linux, iproute2 and nsenter, and root or unprivileged user namespaces.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// A command runs until ctx ends, and returns what went wrong under the roof of the
// test, and why there was no test.
type command func(ctx context.Context, o *options, screen io.Writer) (failures []string, err error)

func run(args []string, stdout, stderr io.Writer) int {
	do, o, err := parse(args, stderr)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if os.Getenv(inside) == "" {
		code, err := enter()
		if err != nil {
			fmt.Fprintln(stderr, "torture:", err)
			return 1
		}
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	failures, err := start(ctx, do, o, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "torture:", err)
		return 1
	}
	fmt.Fprintf(stdout, "The report is %s/report.txt\n", o.dir)
	if len(failures) > 0 {
		return 1
	}
	return 0
}

func start(ctx context.Context, do command, o *options, stdout io.Writer) ([]string, error) {
	if err := settle(); err != nil {
		return nil, err
	}
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "synod-torture-")
		if err != nil {
			return nil, err
		}
		o.dir = dir
	}
	return do(ctx, o, stdout)
}

func parse(args []string, stderr io.Writer) (command, *options, error) {
	commands := map[string]command{"": torture, "failover": failover, "hostile": hostile}
	name := ""
	if len(args) > 0 && len(args[0]) > 0 && args[0][0] != '-' {
		name, args = args[0], args[1:]
	}
	do, ok := commands[name]
	o := &options{}
	f := flag.NewFlagSet("torture", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.DurationVar(&o.length, "for", 75*time.Second, "how long faults are made")
	f.Uint64Var(&o.seed, "seed", rand.Uint64(), "of the order of faults and operations; what happens follows from it only in part")
	f.StringVar(&o.dir, "dir", "", "`directory` for the report, the logs and the data; default a temporary one, which is kept")
	f.Func("only", "make only faults whose names match this `expression`", func(s string) (err error) {
		o.only, err = regexp.Compile(s)
		return err
	})
	f.StringVar(&o.bin, "bin", "", "`directory` with the programs, built with -tags torture; default: they are built")
	f.IntVar(&o.kills, "kills", 50, "failover: kills of the leader")
	if err := f.Parse(args); err != nil {
		return nil, nil, err
	}
	if !ok || f.NArg() > 0 {
		fmt.Fprintf(stderr, "torture: unknown command %q\n", append([]string{name}, f.Args()...))
		return nil, nil, errors.New("misused")
	}
	return do, o, nil
}
