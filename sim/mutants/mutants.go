// Package mutants breaks the code in small ways, one at a time, and lets the
// simulator look for what broke. A mutant that nobody notices means that a rule of
// the protocol is not checked.
//
// The code under test knows nothing of this: a mutant is a piece of its text and
// what stands there instead (list.go). All mutants go into one program, made from
// a copy of the code in which each function that is mutated chooses between its
// forms (weave.go), so that the whole list compiles in seconds.
package mutants

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Mutant is a broken form of the code.
type Mutant struct {
	Name  string // what it does wrong
	Drill string // the drill to look in first; empty: everywhere
	First uint64 // the seed to begin with, for one that few seeds find; 0: the first
	Edits []Edit
}

// Edit replaces a text, all of it within one function.
type Edit struct {
	File     string // "roles/acceptor.go"
	Old, New string
	At       int // where Old stands, in bytes; 0: where it occurs, which must be once
}

// Verdict is what a hunt for a mutant came to.
type Verdict struct {
	Mutant Mutant
	Killed bool
	By     string // where it was found, and which rule it broke
	Took   time.Duration
}

// module is the import path of the code under test.
const module = "github.com/synod-paxos/synod"

// Source is the text of the packages that a mutant may change, by file name.
type Source map[string]string

// Load reads the packages below the root of the module, without their tests, and what
// they need of others.
func Load(root string) (Source, error) {
	src := Source{}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, fmt.Errorf("mutants: %w", err)
		}
		src[name] = string(text)
	}
	for _, dir := range []string{"paxos", "roles", "sim", "sim/explore", "streams", "streams/command", "storage", "storage/storagetest", "internal/gentle", "internal/guard"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			return nil, fmt.Errorf("mutants: %w", err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("mutants: %w", err)
			}
			src[dir+"/"+filepath.Base(file)] = string(text)
		}
	}
	return src, nil
}

// Stories as the Drill of a mutant means that it changes a story in sim/testdata.
const Stories = "stories"

// Explore as the Drill of a mutant means that the model checker of sim/explore finds it.
const Explore = "explore"

// ExploreChange is the same for a change of the configuration.
const ExploreChange = "explore a change"

// mainText is the program: it takes a mutant's number from 1, a drill, the first seed and how
// many to look in, for how long, and the files of stories, and prints what was found.
const mainText = `package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/sim"
	"github.com/synod-paxos/synod/sim/explore"
)

func main() {
	i, err1 := strconv.Atoi(os.Args[1])
	first, err2 := strconv.ParseUint(os.Args[3], 10, 64)
	seeds, err3 := strconv.ParseUint(os.Args[4], 10, 64)
	within, err4 := time.ParseDuration(os.Args[5])
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		os.Exit(2)
	}
	paxos.Mutation = i
	if os.Args[2] == "stories" {
		play(os.Args[6:])
	} else if os.Args[2] == "explore" {
		for _, b := range []explore.Bound{explore.Small(), explore.Default()} {
			if r := explore.Explore(b); r.Wrong != "" {
				fmt.Println(b, "after", r.States, "states:", r.Wrong)
				return
			}
		}
	} else if os.Args[2] == "explore a change" {
		if r := explore.ExploreMove(explore.Replacement()); r.Wrong != "" {
			fmt.Println(r.Move, "after", r.States, "states:", r.Wrong)
		}
	} else if where, f := sim.Hunt(os.Args[2], first, seeds, within); f != nil {
		fmt.Println(where+":", f)
	}
}

func play(files []string) {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		want, have := strings.Split(string(text), "\n"), strings.Split(sim.PlayScript(string(text)), "\n")
		for i := range min(len(want), len(have)) {
			if want[i] != have[i] {
				fmt.Printf("%s: line %d is %q\n", filepath.Base(file), i+1, have[i])
				return
			}
		}
	}
}
`

// noDebug leaves out what only a debugger reads.
const noDebug = "-gcflags=" + module + "/...=-dwarf=false"

// Build makes a program of all mutants in dir, which must be empty.
func Build(dir string, src Source, all []Mutant) (program string, err error) {
	if err := write(dir, src, all); err != nil {
		return "", err
	}
	program = filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-trimpath", noDebug, "-ldflags=-s -w", "-o", program, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mutants: %w:\n%s", err, out)
	}
	return program, nil
}

// write puts the code with all mutants in it, and the program, into dir.
func write(dir string, src Source, all []Mutant) error {
	woven, err := Weave(src, all)
	if err != nil {
		return err
	}
	woven["main.go"] = mainText
	for name, text := range woven {
		file := filepath.Join(dir, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600))
		if err != nil {
			return fmt.Errorf("mutants: %w", err)
		}
	}
	return nil
}

// BuildTests adds to what Build left in dir the tests of the package in pkg below root,
// with their data, and makes a program of them. Its environment tells it the mutant.
func BuildTests(dir, root, pkg string) (program string, err error) {
	files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	if err != nil {
		return "", fmt.Errorf("mutants: %w", err)
	}
	for _, file := range files {
		name, err := filepath.Rel(root, file)
		if err != nil {
			return "", fmt.Errorf("mutants: %w", err)
		}
		text, err := os.ReadFile(file)
		if err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), text, 0o600)); err != nil {
			return "", fmt.Errorf("mutants: %w", err)
		}
	}
	data := filepath.Join(pkg, "testdata")
	if err := os.CopyFS(filepath.Join(dir, data), os.DirFS(filepath.Join(root, data))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("mutants: %w", err)
	}
	program = filepath.Join(dir, pkg, "mutants.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-trimpath", noDebug, "-ldflags=-s -w", "-o", program, "./"+pkg)
	build.Dir, build.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mutants: %w:\n%s", err, out)
	}
	return program, nil
}

// An End is how the tests of a program ended.
type End int

// The ends.
const (
	Passed  End = iota // all of them
	Failed             // one of them failed, or the program died
	Endless            // they did not end within the limit
)

// RunTests runs the tests of a program that a pattern names with mutant i, from 1, or with
// none for 0, and says which one failed, and how long it took.
func RunTests(program string, i int, pattern string, limit time.Duration) (end End, by string, took time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	run := exec.CommandContext(ctx, program, "-test.failfast", "-test.timeout=0", "-test.run", pattern)
	run.Dir = filepath.Dir(program)
	run.Env = append(os.Environ(), fmt.Sprintf("MUTATION=%d", i), "GOMEMLIMIT=1GiB")
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // tests that run in processes of their own end with it
	run.Cancel = func() error { return syscall.Kill(-run.Process.Pid, syscall.SIGKILL) }
	began := time.Now()
	out, err := run.CombinedOutput()
	took = time.Since(began)
	switch {
	case ctx.Err() != nil:
		return Endless, fmt.Sprintf("does not end within %v", limit), took
	case err == nil:
		return Passed, "", took
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "--- FAIL") || strings.Contains(line, "panic:") {
			by = strings.TrimSpace(line)
		}
	}
	return Failed, by, took
}

// Hunt lets the program look for all[i] in so many seeds, or in the stories below
// root. A mutant that panics is found too, and one of which a single run does not come to
// an end within about the limit; it survives if all that there was time for found nothing.
func Hunt(program, root string, all []Mutant, i, seeds int, limit time.Duration) (Verdict, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	began := time.Now()
	stories, err := filepath.Glob(filepath.Join(root, "sim", "testdata", "*.txt"))
	if err != nil {
		return Verdict{}, fmt.Errorf("mutants: %w", err)
	}
	run := exec.CommandContext(ctx, program, append([]string{fmt.Sprint(i + 1), all[i].Drill, fmt.Sprint(max(1, all[i].First)), fmt.Sprint(seeds), (limit * 3 / 4).String()}, stories...)...)
	run.Env = append(os.Environ(), "GOGC=800", "GOMEMLIMIT=1GiB")
	out, err := run.CombinedOutput()
	v := Verdict{Mutant: all[i], Took: time.Since(began)}
	said := strings.TrimSpace(string(out))
	switch {
	case ctx.Err() != nil:
		v.Killed, v.By = true, fmt.Sprintf("does not end within %v", limit)
	case err == nil && said == "":
		return v, nil
	case err == nil:
		v.Killed, v.By = true, said
	case strings.Contains(said, "panic:") || strings.Contains(said, "fatal error:"):
		v.Killed = true
		v.By, _, _ = strings.Cut(said, "\n")
	default:
		return v, fmt.Errorf("mutants: %w: %s", err, said)
	}
	return v, nil
}
