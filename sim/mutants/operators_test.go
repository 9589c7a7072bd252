package mutants

import (
	_ "embed"
	"flag"
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
	reasons := argued(t)
	total, n := len(all), 0
	all = slices.DeleteFunc(all, func(m Mutant) bool {
		n++
		return n%*operators != 0 || !strings.Contains(m.Name, *only)
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
	var mu sync.Mutex
	var wait sync.WaitGroup
	by := map[string]int{}
	slots := make(chan struct{}, 2)
	for i := range all {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			reason := reasons[all[i].Name]
			how, what := kill(t, program, tests, all, i, reason != "")
			mu.Lock()
			defer mu.Unlock()
			by[how]++
			t.Logf("%s: killed by %s: %.140s", all[i].Name, how, what)
			if how == "nothing" && reason == "" {
				t.Errorf("%s: survives, and survivors.txt does not say why", all[i].Name)
			}
			if how != "nothing" && reason != "" {
				t.Errorf("%s: is killed by %s, and survivors.txt has it", all[i].Name, how)
			}
		})
	}
	wait.Wait()
	t.Logf("%d of %d operators of %s flipped: %v", len(all), total, *flippedIn, by)
}

// first is the tests of each package that kill most, and soon.
var first = map[string]string{"roles": "^TestScripts$", "storage": "^(Test[^DEP]|TestDamage)"}

// kill says what kills mutant i first, and how. Seeds take long, and are left out for
// one that is argued unless all operators are flipped. Nothing in package storage runs in
// the simulation.
func kill(t *testing.T, program, tests string, all []Mutant, i int, argued bool) (how, what string) {
	t.Helper()
	for _, pattern := range []string{first[*flippedIn], "."} {
		if failed, by := FailsTests(tests, i, pattern, time.Minute); failed {
			return "the tests of " + *flippedIn, by
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
