package mutants

import (
	_ "embed"
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	operators = flag.Int("mutants.operators", 240, "flip every so-manieth operator of a package; 1: all of them")
	flippedIn = flag.String("mutants.package", "roles", "whose operators are flipped: roles, storage or internal/guard")
)

//go:embed survivors.txt
var survivorsText string

//go:embed endless.txt
var endlessText string

// reasons are why a mutant, by its name, comes to what it comes to.
type reasons map[string]string

// argued are the mutants that nothing kills, and why that is no gap, and those whose tests
// do not end, and why not.
func argued(t *testing.T) map[string]reasons {
	t.Helper()
	return map[string]reasons{nothing: parseReasons(t, survivorsText), endless: parseReasons(t, endlessText)}
}

func parseReasons(t *testing.T, text string) reasons {
	t.Helper()
	reasons := reasons{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, " -> ")
		if !ok || reason == "" || reasons[name] != "" {
			t.Errorf("%q has no reason, or comes twice", line)
		}
		reasons[name] = reason
	}
	return reasons
}

// TestArguedAreOperators: what survivors.txt and endless.txt argue is there.
func TestArguedAreOperators(t *testing.T) {
	src, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for dir := range whoJudges {
		all, err := Operators(src, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			named[m.Name] = true
		}
	}
	for end, reasons := range argued(t) {
		for name := range reasons {
			if !named[name] {
				t.Errorf("no operator is called %q, which is to come to %s", name, end)
			}
		}
	}
}

// TestFlippedOperators flips operators of a package, one at a time, and runs the tests that
// are to notice, and for roles the stories of package sim, and seeds. What survives must
// be argued in survivors.txt, and what does not end in endless.txt; and nothing else is there.
func TestFlippedOperators(t *testing.T) {
	b, err := built()
	if err != nil {
		t.Fatal(err)
	}
	lists := argued(t)
	judges := b.judges(t)
	var mu sync.Mutex
	var wait sync.WaitGroup
	by := map[string]int{}
	slots := make(chan struct{}, atOnce)
	for i := range b.all[b.kept:] {
		i += b.kept
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			name := b.all[i].Name
			how, what := b.kill(t, judges, i, lists[nothing][name] != "")
			mu.Lock()
			defer mu.Unlock()
			by[how]++
			t.Logf("%s: %s: %.140s", name, how, what)
			for end, reasons := range lists {
				if how == end && reasons[name] == "" {
					t.Errorf("%s: comes to %s, and no list says why", name, how)
				}
				if how != end && reasons[name] != "" {
					t.Errorf("%s: comes to %s, and the list of what comes to %s has it", name, how, end)
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%d of %d operators of %s flipped: %v", len(b.all)-b.kept, b.operators, *flippedIn, by)
}

// judge is tests that are to notice a flipped operator.
type judge struct {
	of      string // the package
	pattern string // their names
	program string
	limit   time.Duration
}

// whoJudges is, for each package whose operators are flipped, who looks at them: first
// what kills most, and soon.
var whoJudges = map[string][]judge{
	"roles":          {{of: "roles", pattern: "^TestScripts$"}, {of: "roles", pattern: "."}},
	"storage":        {{of: "storage", pattern: quick}, {of: "storage", pattern: "."}},
	"internal/guard": {{of: "internal/guard", pattern: "."}, {of: "storage", pattern: quick}, {of: "storage", pattern: "."}},
}

// quick is the tests of storage that take little time.
const quick = "^(Test[^DEP]|TestDamage)"

// judges are those of the package whose operators are flipped, with what they need.
func (b *build) judges(t *testing.T) []judge {
	t.Helper()
	all := slices.Clone(whoJudges[*flippedIn])
	for i := range all {
		j := &all[i]
		if i > 0 && all[i-1].of == j.of {
			j.program, j.limit = all[i-1].program, all[i-1].limit
			continue
		}
		program, err := BuildTests(b.dir, "../..", j.of)
		if err != nil {
			t.Fatal(err)
		}
		j.program, j.limit = program, 5*time.Minute
		if len(b.all)-b.kept > 10 {
			j.limit = patience(t, program)
		}
	}
	return all
}

// patience is how long the tests may take with an operator flipped: several times what
// they take without, beside as many others as there will be.
func patience(t *testing.T, tests string) time.Duration {
	t.Helper()
	longest := make(chan time.Duration, atOnce)
	for range atOnce {
		go func() {
			end, by, took := RunTests(tests, 0, ".", 10*time.Minute)
			if end != Passed {
				t.Errorf("with no operator flipped, %s", by)
			}
			longest <- took
		}()
	}
	limit := 30 * time.Second
	for range atOnce {
		limit = max(limit, 8*<-longest)
	}
	t.Logf("%s: tests that take more than %v do not end", filepath.Base(filepath.Dir(tests)), limit.Round(time.Second))
	return limit
}

// atOnce is how many operators are flipped at a time, each in a process of its own.
const atOnce = 2

// What kills a mutant is a test, a story or a seed; otherwise it comes to one of these.
// One that does not end would be noticed, too, but a test that is slow for another reason
// looks the same.
const (
	nothing = "nothing" // it survives
	endless = "no end"
)

// kill says what kills mutant i first, and how. Seeds take long, and are left out for
// one that is argued unless all operators are flipped. Nothing in package storage runs in
// the simulation.
func (b *build) kill(t *testing.T, judges []judge, i int, argued bool) (how, what string) {
	t.Helper()
	for _, j := range judges {
		switch end, by, _ := RunTests(j.program, i+1, j.pattern, j.limit); end {
		case Failed:
			return "the tests of " + j.of, by
		case Endless:
			return endless, by
		}
	}
	if *flippedIn != "roles" {
		return nothing, ""
	}
	for _, drill := range []string{Stories, ""} {
		if drill == "" && argued && *operators > 1 {
			continue
		}
		m := slices.Clone(b.all)
		m[i].Drill = drill
		v, err := Hunt(b.program, "../..", m, i, *seeds, 3*time.Minute)
		if err != nil {
			t.Error(err)
		}
		if v.Killed {
			return map[string]string{Stories: "stories", "": "seeds"}[drill], v.By
		}
	}
	return nothing, ""
}
