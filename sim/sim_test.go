package sim

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var (
	seedFlag = flag.Uint64("sim.seed", 0, "run this seed only, and tell its story if it fails")
	runsFlag = flag.Int("sim.runs", 1000, "how many seeds TestRandomPlans runs")
)

// TestMain lets garbage grow: the heap of a run is small, and there are many runs.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	goleak.VerifyTestMain(m)
}

// storyLines is how much of a failing run is printed.
const storyLines = 120

// report fails the test with a failing plan, made smaller, and the end of its story.
func report(t *testing.T, p *Plan) {
	t.Helper()
	small := Shrink(p, 200)
	again := fmt.Sprintf("go test ./sim -run TestRandomPlans -sim.seed=%d", p.Seed)
	if p.Drill != "" {
		again = fmt.Sprintf("go run ./sim/cmd/simulate -drill %q -first %d -seeds 1", p.Drill, p.Seed)
	}
	t.Errorf("%v\nshrunk %vrun it again: %s\nThe smaller plan ends so:\n%s", Run(p, nil).Failure, small, again, Story(small, storyLines))
}

// TestRandomPlans runs many small clusters through faults of every kind, and
// checks every step of them. The seed of a failure replays it.
func TestRandomPlans(t *testing.T) {
	if *seedFlag != 0 {
		p := RandomPlan(*seedFlag)
		if r := Run(p, nil); r.Failure != nil {
			report(t, p)
		} else {
			t.Logf("%vall done %v after the faults, %d events\n%s", p, r.Recovered, r.Events, Table(r.Counts))
		}
		return
	}
	began := time.Now()
	sum, longest := runSeeds(t, uint64(*runsFlag))
	t.Logf("%d seeds, %.0f a second; all done at most %v after the faults\n%s",
		*runsFlag, float64(*runsFlag)/time.Since(began).Seconds(), longest, Table(sum))
	if !t.Failed() && *runsFlag >= 200 {
		testedEnough(t, sum, *runsFlag)
	}
}

// runSeeds runs seeds 1 to n on all processors, up to the first failure.
func runSeeds(t *testing.T, n uint64) (sum map[string]int, longest time.Duration) {
	var failed *Plan
	sum = map[string]int{}
	Many(func(i uint64) *Plan {
		if i > n {
			return nil
		}
		return RandomPlan(i)
	}, func(r *Report) bool {
		r.Add(sum)
		longest = max(longest, r.Recovered)
		if r.Failure != nil {
			failed = r.Plan
		}
		return failed == nil
	})
	if failed != nil {
		report(t, failed)
	}
	return sum, longest
}

// testedEnough fails the test when the runs did not meet what they are for: faults
// of every kind, leaders that change, votes that a new leader must find, and most
// of all commands that get done.
func testedEnough(t *testing.T, sum map[string]int, runs int) {
	t.Helper()
	each := map[string]float64{ // at least, for each run
		"commands answered": 10, "slots chosen": 10, "elections won": 1, "reads served": 1, "retries": 1,
		"votes proposed again": 0.2, "snapshots installed": 0.02, "trims": 0.1,
		"messages lost": 5, "messages doubled": 5, "messages cut off": 5, "forged messages": 1, "HandOvers": 0.02,
		"Fills": 0.02, "Nacks": 0.2, "records in danger at a crash": 0.02,
		"sessions: told done": 3, "sessions: commands repeated in doubt": 0.1, "sessions: lookups": 0.05,
		"sessions: retries under another leader": 0.02, "sessions: commands of an ended session": 0.02,
		"changes chosen": 0.02, "changes finished": 0.02,
		"commands refused: not leader": 0.01, "commands refused: overloaded": 0.1, "commands refused: no progress": 0.01,
	}
	for k := range faultKinds {
		each["faults: "+k.String()] = 0.02
	}
	for what, rate := range each {
		if float64(sum[what]) < rate*float64(runs) {
			t.Errorf("%d %s in %d runs, want at least %.2f in each: the runs test too little", sum[what], what, runs, rate)
		}
	}
}

// TestDrills runs each family of plans that are hard on one part of the protocol.
func TestDrills(t *testing.T) {
	for _, d := range Drills() {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			sum := map[string]int{}
			for seed := range uint64(12) {
				p := d.Plan(seed + 1)
				r := Run(p, nil)
				if r.Failure != nil {
					report(t, p)
					return
				}
				r.Add(sum)
			}
			if d.Name == "leaders die one after the other" && (sum["no-ops chosen"] < 5 || sum["votes proposed again"] < 50) {
				t.Errorf("%d gaps filled, %d votes proposed again: the drill tests too little", sum["no-ops chosen"], sum["votes proposed again"])
			}
			if d.Name == "clients have sessions" && (sum["snapshots installed"] < 3 || sum["sessions: commands repeated in doubt"] < 50 || sum["sessions: lookups"] < 10) {
				t.Errorf("the drill tests too little:\n%s", Table(sum))
			}
		})
	}
}

// TestSameSeedSameRun runs each seed twice and compares all that happened.
func TestSameSeedSameRun(t *testing.T) {
	for seed := range uint64(20) {
		first, second := trace(seed+1), trace(seed+1)
		if first != second {
			t.Errorf("seed %d: two runs differ", seed+1)
		}
	}
}

// trace is the hash of every line of a run.
func trace(seed uint64) string {
	h := sha256.New()
	Run(RandomPlan(seed), func(line string) { fmt.Fprintln(h, line) })
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestSeedsOfHunts runs again what ended a hunt and was no drill.
func TestSeedsOfHunts(t *testing.T) {
	for _, seed := range []uint64{
		1883012847375208, // pages of one vote: phase 1 over a whole window took longer than the bound
		1883016360109950, // pages of one vote: a learner missed three windows that two changes filled
	} {
		if p := RandomPlan(seed); Run(p, nil).Failure != nil {
			report(t, p)
		}
	}
}

// TestACalmClusterIsCalm: without faults nothing is sent twice and nothing has to be
// repaired. One leader is elected before there is anything to do, and stays. Now and then
// two proposers that start together ask the acceptors within one round trip, and hear
// that nobody leads: then the second takes over from the first, at once.
func TestACalmClusterIsCalm(t *testing.T) {
	const seeds, duels = 150, 6
	twice := 0
	for seed := range uint64(seeds) {
		p := CalmPlan(seed + 1)
		p.Quiet, p.OneLeader = 3*time.Second, time.Second
		for i := range 3 {
			p.Clients = append(p.Clients, ClientPlan{
				ID: nodeID("c", i), Start: time.Second, Commands: 40,
				Think: 20 * time.Millisecond, Timeout: 500 * time.Millisecond, Retry: 40 * time.Millisecond,
			})
		}
		r := Run(p, nil)
		if r.Failure != nil {
			report(t, p)
			return
		}
		if r.Counts["elections won"] > 1 || r.Counts["Nacks"] > 0 {
			twice++
		}
		if r.Counts["elections won"] > p.Proposers || r.Counts["Nacks"] > p.Acceptors {
			t.Errorf("seed %d: %d elections, %d Nacks", seed+1, r.Counts["elections won"], r.Counts["Nacks"])
		}
		want := map[string]int{"commands answered": 120, "retries": 0, "Fetches": 0, "no-ops chosen": 0}
		for what, n := range want {
			if r.Counts[what] != n {
				t.Errorf("seed %d: %d %s, want %d", seed+1, r.Counts[what], what, n)
			}
		}
	}
	if twice > duels {
		t.Errorf("with %d of %d seeds two proposers began at once, want at most %d", twice, seeds, duels)
	}
}

// TestHostileNumbersDoNotLast lets a liar speak to an otherwise healthy cluster,
// again and again: everything is done within the usual bound, also after all
// proposers have started anew and know nothing.
func TestHostileNumbersDoNotLast(t *testing.T) {
	for seed := range uint64(40) {
		p := CalmPlan(seed + 1)
		p.Acceptors, p.Learners, p.Quiet, p.Audit = 3+2*int(seed%2), 3, 3*time.Second, true
		p.Clients = []ClientPlan{{ID: "c1", Start: time.Second, Commands: 20, Think: 50 * time.Millisecond, Timeout: 300 * time.Millisecond, Retry: 40 * time.Millisecond}}
		for i := range uint64(12) {
			p.Faults = append(p.Faults, Fault{At: time.Second, For: 2 * time.Second, Kind: Hostile, Draw: i})
		}
		if r := Run(p, nil); r.Failure != nil {
			report(t, p)
			return
		}
	}
}

// TestALateLearnerCatchesUp keeps a learner with little room away while commands
// go on, and lets it come back under the same load.
func TestALateLearnerCatchesUp(t *testing.T) {
	p := CalmPlan(1)
	p.Learners, p.Copies, p.Quiet, p.Bound = 3, 3, 6*time.Second, time.Second
	p.Learning.OpenBytes = 22000
	for i := range 8 {
		p.Clients = append(p.Clients, ClientPlan{
			ID: nodeID("c", i), Start: time.Second, Commands: 10000, Padding: 300,
			Think: time.Millisecond, Timeout: 500 * time.Millisecond, Retry: 40 * time.Millisecond,
		})
	}
	p.Faults = []Fault{{At: time.Second, For: 300 * time.Millisecond, Kind: Isolate, Node: "l3"}}
	w := NewWorld(p)
	w.Begin()
	w.advance(1300 * time.Millisecond)
	if behind := w.learners[0].machine.applied - w.learners[2].machine.applied; behind < 200 {
		t.Fatalf("the learner is only %d slots behind", behind)
	}
	if !w.advanceUntil(2500*time.Millisecond, func() bool { return w.learners[2].machine.applied+50 > w.oracle.below }) {
		t.Errorf("1.2 s later, learner l3 has applied %d of %d slots; failure: %v", w.learners[2].machine.applied, w.oracle.below, w.failure)
	}
}
