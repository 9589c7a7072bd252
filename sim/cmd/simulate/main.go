// Command simulate runs simulated clusters without end, one seed after the other, and
// says every few seconds how far it is. The first failure is made smaller, told, and
// ends the command with exit code 1.
//
//	go run ./sim/cmd/simulate                              # until Ctrl-C
//	go run ./sim/cmd/simulate -drill "everybody reads" -seeds 5000
//	go run ./sim/cmd/simulate -first 4711 -seeds 1         # one seed again
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/synod-paxos/synod/sim"
)

func main() {
	debug.SetGCPercent(800) // the heap of a run is small, and there are many runs
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags.
type options struct {
	drill string
	first uint64
	seeds uint64
	every time.Duration
	lines int
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.drill, "drill", "", "run this drill only: one of\n"+strings.Join(drillNames(), "\n"))
	f.Uint64Var(&o.first, "first", 0, "the first seed; 0: one that no other run is likely to have")
	f.Uint64Var(&o.seeds, "seeds", 0, "stop after so many seeds; 0: never")
	f.DurationVar(&o.every, "every", 10*time.Second, "how often to say how far it is")
	f.IntVar(&o.lines, "lines", 150, "how many lines of a failing run to tell")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 || o.every <= 0 || sim.Mixed(o.drill, 1) == nil {
		err = fmt.Errorf("simulate: want flags alone, an -every above 0, and a -drill that exists, not %q", args)
		fmt.Fprintln(stderr, err)
	}
	if o.first == 0 {
		o.first = uint64(time.Now().Unix()) << 20
	}
	return o, err
}

func drillNames() (names []string) {
	for _, d := range sim.Drills() {
		names = append(names, "  "+d.Name)
	}
	return names
}

// run is the program, less the process. It returns the exit code: 0 when no rule broke,
// 1 when one did, 2 for misuse.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if err != nil {
		return 2
	}
	t := tally{counts: map[string]int{}, began: time.Now(), said: time.Now()}
	fmt.Fprintf(stdout, "seeds from %d on\n", o.first)
	sim.Many(func(i uint64) *sim.Plan {
		if ctx.Err() != nil || (o.seeds > 0 && i > o.seeds) {
			return nil
		}
		return sim.Mixed(o.drill, o.first+i-1)
	}, func(r *sim.Report) bool {
		t.add(r)
		if time.Since(t.said) >= o.every {
			t.said = time.Now()
			fmt.Fprintln(stdout, &t)
		}
		return t.failed == nil
	})
	fmt.Fprintln(stdout, &t)
	if t.failed == nil {
		fmt.Fprint(stdout, sim.Table(t.counts))
		return 0
	}
	small := sim.Shrink(t.failed.Plan, 400)
	fmt.Fprintf(stdout, "BROKEN: %v\n%vmade smaller: %v%v\n%s\n", t.failed.Failure, t.failed.Plan, small,
		sim.Run(small, nil).Failure, sim.Story(small, o.lines))
	return 1
}

// tally is how far the runs are.
type tally struct {
	counts      map[string]int
	seeds       int
	longest     time.Duration
	failed      *sim.Report
	began, said time.Time
}

func (t *tally) add(r *sim.Report) {
	t.seeds++
	r.Add(t.counts)
	t.longest = max(t.longest, r.Recovered)
	if r.Failure != nil {
		t.failed = r
	}
}

func (t *tally) String() string {
	took := time.Since(t.began)
	faults := 0
	for what, n := range t.counts {
		if strings.HasPrefix(what, "faults: ") {
			faults += n
		}
	}
	return fmt.Sprintf("%8v: %d seeds, %.0f a second; %d slots chosen, %d commands answered, %d reads served, %d elections won; %d faults, %d messages lost, doubled or cut off; all done at most %v after the faults",
		took.Round(time.Second), t.seeds, float64(t.seeds)/took.Seconds(),
		t.counts["slots chosen"], t.counts["commands answered"], t.counts["reads served"], t.counts["elections won"],
		faults, t.counts["messages lost"]+t.counts["messages doubled"]+t.counts["messages cut off"], t.longest.Round(time.Millisecond))
}
