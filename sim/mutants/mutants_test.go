package mutants

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"
)

var only = flag.String("mutants.only", "", "run only the mutants whose names match this regular expression")

var seeds = flag.Int("mutants.seeds", 700, "in how many seeds each mutant is looked for")

// build is a program of mutants.
type build struct {
	dir, program string
	all          []Mutant // those of the list, and then flipped operators
	kept         int      // how many are of the list
	operators    int      // how many there are to flip
}

// built is the program of all that the flags choose. Both tests run it: it takes longer to
// build than most mutants live.
var built = sync.OnceValues(func() (*build, error) {
	named, err := regexp.Compile(*only)
	if err != nil {
		return nil, err
	}
	src, err := Load("../..")
	if err != nil {
		return nil, err
	}
	flipped, err := Operators(src, *flippedIn)
	if err != nil {
		return nil, err
	}
	b := &build{dir: temporary, all: All(), operators: len(flipped)}
	unwanted := func(m Mutant) bool { return !named.MatchString(m.Name) }
	b.all = slices.DeleteFunc(b.all, unwanted)
	b.kept = len(b.all)
	for i, m := range flipped {
		if (i+1)%*operators == 0 && !unwanted(m) {
			b.all = append(b.all, m)
		}
	}
	b.program, err = Build(b.dir, src, b.all)
	return b, err
})

// temporary is where built builds.
var temporary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "synod-mutants-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	temporary = dir
	return m.Run()
}

// TestEveryMutantIsKilled looks for each mutant of the list. A mutant that survives says
// that a rule is not checked; one whose text is gone from the code, that the list is out
// of date.
func TestEveryMutantIsKilled(t *testing.T) {
	b, err := built()
	if err != nil {
		t.Fatal(err)
	}
	if b.kept == 0 {
		t.Fatalf("no mutant's name matches %q", *only)
	}
	verdicts := make([]Verdict, b.kept)
	var wait sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range verdicts {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			v, err := Hunt(b.program, "../..", b.all, i, *seeds, 3*time.Minute)
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
