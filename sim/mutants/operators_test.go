package mutants

import (
	_ "embed"
	"flag"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	operators = flag.Int("mutants.operators", 240, "flip every so-manieth operator of a package; 1: all of them")
	flippedIn = flag.String("mutants.package", "roles", "whose operators are flipped: roles or storage")
)

//go:embed survivors.txt
var survivorsText string

// argued is the mutants that survive, and why that is no gap.
func argued(t *testing.T) map[string]string {
	t.Helper()
	reasons := map[string]string{}
	for line := range strings.Lines(survivorsText) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, " -> ")
		if !ok || reason == "" || reasons[name] != "" {
			t.Errorf("survivors.txt: %q has no reason, or comes twice", line)
		}
		reasons[name] = reason
	}
	return reasons
}

// TestSurvivorsAreOperators: what survivors.txt argues is there.
func TestSurvivorsAreOperators(t *testing.T) {
	src, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	reasons := argued(t)
	for _, dir := range []string{"roles", "storage"} {
		all, err := Operators(src, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			delete(reasons, m.Name)
		}
	}
	for name := range reasons {
		t.Errorf("survivors.txt: no operator is called %q", name)
	}
}

// TestFlippedOperators flips operators of a package, one at a time, and runs the tests of
// that package, and for roles the stories of package sim, and seeds. What survives must
// be argued in survivors.txt.
func TestFlippedOperators(t *testing.T) {
	src, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	all, err := Operators(src, *flippedIn)
	if err != nil {
		t.Fatal(err)
	}
	named, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	reasons := argued(t)
	total, n := len(all), 0
	all = slices.DeleteFunc(all, func(m Mutant) bool {
		n++
		return n%*operators != 0 || !named.MatchString(m.Name)
	})
	dir := t.TempDir()
	program, err := Build(dir, src, all)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := BuildTests(dir, "../..", *flippedIn)
	if err != nil {
		t.Fatal(err)
	}
	limit := 5 * time.Minute
	if len(all) > 10 {
		limit = patience(t, tests)
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	by := map[string]int{}
	slots := make(chan struct{}, atOnce)
	for i := range all {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			reason := reasons[all[i].Name]
			how, what := kill(t, program, tests, limit, all, i, reason != "")
			mu.Lock()
			defer mu.Unlock()
			by[how]++
			t.Logf("%s: %s: %.140s", all[i].Name, how, what)
			if how == "nothing" && reason == "" {
				t.Errorf("%s: survives, and survivors.txt does not say why", all[i].Name)
			}
			if how != "nothing" && reason != "" {
				t.Errorf("%s: comes to %s, and survivors.txt has it", all[i].Name, how)
			}
		})
	}
	wait.Wait()
	t.Logf("%d of %d operators of %s flipped: %v", len(all), total, *flippedIn, by)
}

// first is the tests of each package that kill most, and soon.
var first = map[string]string{"roles": "^TestScripts$", "storage": "^(Test[^DEP]|TestDamage)"}

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
	t.Logf("tests that take more than %v do not end", limit.Round(time.Second))
	return limit
}

// atOnce is how many operators are flipped at a time, each in a process of its own.
const atOnce = 2

// endless is how what does not end is counted: it may be a kill, and a test that is slow
// for another reason. Who judges a package looks at each.
const endless = "no end"

// kill says what kills mutant i first, and how. Seeds take long, and are left out for
// one that is argued unless all operators are flipped. Nothing in package storage runs in
// the simulation.
func kill(t *testing.T, program, tests string, limit time.Duration, all []Mutant, i int, argued bool) (how, what string) {
	t.Helper()
	for _, pattern := range []string{first[*flippedIn], "."} {
		switch end, by, _ := RunTests(tests, i+1, pattern, limit); end {
		case Failed:
			return "the tests of " + *flippedIn, by
		case Endless:
			return endless, by
		}
	}
	if *flippedIn == "storage" {
		return "nothing", ""
	}
	for _, drill := range []string{Stories, ""} {
		if drill == "" && argued && *operators > 1 {
			continue
		}
		m := slices.Clone(all)
		m[i].Drill = drill
		v, err := Hunt(program, "../..", m, i, *seeds, 3*time.Minute)
		if err != nil {
			t.Error(err)
		}
		if v.Killed {
			return map[string]string{Stories: "stories", "": "seeds"}[drill], v.By
		}
	}
	return "nothing", ""
}
