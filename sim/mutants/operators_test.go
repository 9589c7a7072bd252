package mutants

import (
	"flag"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var operators = flag.Int("mutants.operators", 60, "flip every so-manieth operator of package roles; 1: all of them")

// TestFlippedOperators flips operators of package roles, one at a time, and runs the
// tests of that package, the stories of package sim, and, when all are flipped, seeds.
// It names those that survive: docs/TESTING.md says what became of them.
func TestFlippedOperators(t *testing.T) {
	src, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	all, err := Operators(src)
	if err != nil {
		t.Fatal(err)
	}
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
	tests, err := BuildTests(dir, "../..")
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
			how, what := kill(t, program, tests, all, i)
			mu.Lock()
			defer mu.Unlock()
			by[how]++
			t.Logf("%s: killed by %s: %.140s", all[i].Name, how, what)
		})
	}
	wait.Wait()
	t.Logf("%d of %d operators flipped: %v", len(all), total, by)
	if *only == "" && by["nothing"] > len(all)*2/5 {
		t.Errorf("%d of %d flipped operators survive", by["nothing"], len(all))
	}
}

// kill says what kills mutant i first, and how.
func kill(t *testing.T, program, tests string, all []Mutant, i int) (how, what string) {
	t.Helper()
	for _, pattern := range []string{"^TestScripts$", "."} {
		if failed, by := FailsTests(tests, i, pattern, 90*time.Second); failed {
			return "the tests of roles", by
		}
	}
	for _, drill := range []string{Stories, ""} {
		if drill == "" && *operators > 1 {
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
