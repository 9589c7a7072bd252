//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/internal/linearizability"
	"github.com/synod-paxos/synod/paxos"
)

// options are the flags.
type options struct {
	length time.Duration
	seed   uint64
	dir    string
	bin    string // where the programs are; empty: they are built
	kills  int
	only   *regexp.Regexp // names of faults; nil: all
}

// prepare makes what every command needs: a journal, and the programs.
func prepare(o *options, screen io.Writer) (*journal, error) {
	j, err := newJournal(o.dir, screen)
	if err != nil {
		return nil, err
	}
	j.say("the report and the logs are in %s", o.dir)
	if o.bin != "" {
		return j, nil
	}
	o.bin = filepath.Join(o.dir, "bin")
	if err := os.MkdirAll(o.bin, 0o755); err != nil {
		return nil, err
	}
	return j, build(o.bin)
}

// big is the cluster that is tortured.
var big = shape{servers: 3, acceptors: 5, proposers: 3, learners: 3}

// torture lets clients use a cluster while it breaks, and judges what they were told.
func torture(ctx context.Context, o *options, screen io.Writer) (failures []string, err error) {
	j, err := prepare(o, screen)
	if err != nil {
		return nil, err
	}
	defer j.close()
	j.say("seed %d", o.seed)
	w, users, stop, err := begin(ctx, o, j)
	if err != nil {
		return nil, err
	}
	resources := watchResources(ctx, w)
	w.play(ctx, o.length)
	stop()
	users.stop()
	w.ledger.done.Wait()
	j.say("clients have stopped")
	w.settle()
	resources.report(j)
	w.stop()
	w.ledger.check(w.cluster)
	w.conclude(users)
	return j.failed(), ctx.Err()
}

// begin starts the cluster, those who watch it, and its clients.
func begin(ctx context.Context, o *options, j *journal) (*world, *clients, context.CancelFunc, error) {
	if err := os.MkdirAll(filepath.Join(o.dir, "data", smallDisk), 0o755); err != nil {
		return nil, nil, nil, err
	}
	if err := (&cluster{journal: j}).sizeDisk(smallDiskSize, 0); err != nil {
		return nil, nil, nil, fmt.Errorf("mount a small disk: %w", err)
	}
	w, err := newWorld(ctx, o, j, big)
	if err != nil {
		return nil, nil, nil, err
	}
	playing, stop := context.WithCancel(ctx)
	if w.ledger, err = startLedger(playing, w.cluster, pace{proposers: 2, rest: 10 * time.Millisecond, attempt: time.Second}); err != nil {
		stop()
		return nil, nil, nil, err
	}
	users, err := startClients(playing, w.cluster, o.seed, &w.faults)
	if err != nil {
		stop()
		return nil, nil, nil, err
	}
	return w, users, stop, w.ledger.await(ctx, 20)
}

// newWorld starts a cluster, and those who watch it.
func newWorld(ctx context.Context, o *options, j *journal, s shape) (w *world, err error) {
	w = &world{only: o.only, Rand: rand.New(rand.NewPCG(o.seed, 0)), counts: map[string]int{}}
	if w.cluster, err = startCluster(j, o.bin, s); err != nil {
		return nil, err
	}
	j.say("a cluster of %d servers, %d acceptors, %d proposers and %d learners works", s.servers, s.acceptors, s.proposers, s.learners)
	if w.probe, err = nats.Connect(w.url(), dial("")...); err != nil {
		return nil, err
	}
	if w.leader, err = watchLeader(j, w.probe); err != nil {
		return nil, err
	}
	w.health = watchHealth(ctx, w.cluster)
	return w, nil
}

// play makes round after round until the time is over. Every kind of fault comes
// once before one comes again.
func (w *world) play(ctx context.Context, length time.Duration) {
	var cards []fault
	for end := time.Now().Add(length); time.Now().Before(end) && ctx.Err() == nil && len(w.failed()) == 0; {
		if len(cards) == 0 {
			cards = slices.DeleteFunc(slices.Clone(deck), func(f fault) bool { return w.only != nil && !w.only.MatchString(f.name) })
			w.Shuffle(len(cards), func(i, k int) { cards[i], cards[k] = cards[k], cards[i] })
		}
		n := 1
		for most := 1 + w.IntN(3); n < most && n < len(cards) && !cards[0].all && !cards[n].all; n++ {
		}
		w.round(ctx, cards[:n])
		cards = cards[n:]
		pause(ctx, w.between(200*time.Millisecond, time.Second))
	}
}

// settle stops the proposers, so that nothing new is chosen, and waits until all
// learners have all that is.
func (w *world) settle() {
	for _, name := range w.proposers() {
		if code, err := w.all[name].term(30 * time.Second); err != nil || code != 0 {
			w.fail("%s ends with code %d (%v) when told to stop:\n%s", name, code, err, tail(w.all[name].words(), 10))
		}
	}
	for end := time.Now().Add(readyWithin); ; time.Sleep(200 * time.Millisecond) {
		s, err := w.status()
		if err == nil && len(s.Learners) == w.shape.learners {
			equal := true
			for _, l := range s.Learners {
				equal = equal && l.LearnerReport != nil && l.Applied == s.Learners[0].Applied && l.Applied >= s.Chosen
			}
			if equal {
				return
			}
		}
		if time.Now().After(end) {
			w.fail("the learners do not end with equal positions: %+v (%v)", s.Learners, err)
			return
		}
	}
}

// The least that a run must have met to prove anything.
const (
	leastFaults  = 8
	leastLeaders = 3
	leastOps     = 10 // of each kind, answered while there was a fault
)

// conclude says what the run has met, and fails one that met too little.
func (w *world) conclude(users *clients) {
	changes, chosen := w.leader.seen()
	faults := 0
	for _, n := range w.counts {
		faults += n
	}
	if faults < leastFaults {
		w.fail("only %d faults: the run proves too little", faults)
	}
	if changes < leastLeaders {
		w.fail("only %d leaders: the run proves too little", changes)
	}
	for k := range linearizability.Kinds {
		if users.under[k] < leastOps {
			w.fail("only %d operations of the kind %q succeeded under faults: the run proves too little", users.under[k], k)
		}
	}
	if users.beyond > users.groups/10 {
		w.fail("%d of %d histories could not be judged", users.beyond, users.groups)
	}
	w.summary(w.summarize(users, faults, changes, chosen))
}

func (w *world) summarize(users *clients, faults, changes int, chosen paxos.Slot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nDuration            %s\n", time.Since(w.begun).Round(time.Second))
	fmt.Fprintf(&b, "Faults              %d in %d rounds\n", faults, len(w.slow))
	for _, name := range slices.Sorted(maps.Keys(w.counts)) {
		fmt.Fprintf(&b, "  %-34s %d\n", name, w.counts[name])
	}
	fmt.Fprintf(&b, "Leaders             %d\nSlots chosen        %d\n", changes, chosen)
	fmt.Fprintf(&b, "Operations          answered, and of these while there was a fault\n")
	for k := range linearizability.Kinds {
		fmt.Fprintf(&b, "  %-18s %6d %6d\n", k, users.all[k], users.under[k])
	}
	fmt.Fprintf(&b, "  of unknown outcome %5d\n", users.unknown)
	fmt.Fprintf(&b, "Proposals           %d acknowledged, %d left open\n", len(w.ledger.acked), len(w.ledger.open))
	fmt.Fprintf(&b, "Histories           %d, of these %d linearizable, %d not judged in time\n", users.groups, users.legal, users.beyond)
	b.WriteString("Recovery after the end of a round's faults\n")
	for _, what := range []struct {
		name string
		of   func(recovery) time.Duration
	}{
		{"served after", func(r recovery) time.Duration { return r.write }},
		{"all ready after", func(r recovery) time.Duration { return r.ready }},
	} {
		times := make([]time.Duration, 0, len(w.slow))
		for _, r := range w.slow {
			times = append(times, what.of(r))
		}
		fmt.Fprintf(&b, "  %-18s %s\n", what.name, spread(times))
	}
	if failures := w.failed(); len(failures) > 0 {
		fmt.Fprintf(&b, "\nFAILED: %d\n", len(failures))
	} else {
		b.WriteString("\nNothing was lost, nothing was seen twice, and no answer was wrong.\n")
	}
	return b.String()
}

// spread is the median and the worst of times.
func spread(times []time.Duration) string {
	if len(times) == 0 {
		return "none"
	}
	slices.Sort(times)
	return fmt.Sprintf("median %s, worst %s", times[len(times)/2].Round(time.Millisecond), times[len(times)-1].Round(time.Millisecond))
}
