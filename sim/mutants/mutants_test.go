package mutants

import (
	"flag"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"
)

var only = flag.String("mutants.only", "", "run only the mutants whose names match this regular expression")

var seeds = flag.Int("mutants.seeds", 700, "in how many seeds each mutant is looked for")

// TestEveryMutantIsKilled builds all mutants and looks for each. A mutant that
// survives says that a rule is not checked; one whose text is gone from the code,
// that the list is out of date.
func TestEveryMutantIsKilled(t *testing.T) {
	src, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	named, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.DeleteFunc(All(), func(m Mutant) bool { return !named.MatchString(m.Name) })
	if len(all) == 0 {
		t.Fatalf("no mutant's name matches %q", *only)
	}
	program, err := Build(t.TempDir(), src, all)
	if err != nil {
		t.Fatal(err)
	}
	verdicts := make([]Verdict, len(all))
	var wait sync.WaitGroup
	slots := make(chan struct{}, 2)
	for i := range all {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			v, err := Hunt(program, "../..", all, i, *seeds, 3*time.Minute)
			if err != nil {
				t.Error(err)
			}
			verdicts[i] = v
		})
	}
	wait.Wait()
	for _, v := range verdicts {
		if !v.Killed {
			t.Errorf("%q survives %d seeds (%v)", v.Mutant.Name, *seeds, v.Took.Round(time.Millisecond))
			continue
		}
		t.Logf("%5dms %q: %.160s", v.Took.Milliseconds(), v.Mutant.Name, v.By)
	}
}
