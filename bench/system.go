package main

import (
	"fmt"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"

	"context"
)

// A kind is what the clients of a cell do.
type kind string

const (
	propose kind = "propose" // append a command to a replicated log
	put     kind = "put"     // set a key
	get     kind = "get"     // read a key, as fresh as the system reads by default
)

// A cell is one workload: so many callers that each do one operation after the
// other.
type cell struct {
	Kind    kind `json:"kind"`
	Callers int  `json:"callers"`
	Size    int  `json:"bytes"` // of a value
}

func (c cell) String() string {
	return fmt.Sprintf("%s, %d callers, %d bytes", c.Kind, c.Callers, c.Size)
}

// keys is how many keys put and get spread over.
const keys = 4096

// key is the key of a caller's n-th operation. Callers stride through the keys so
// that they seldom meet.
func key(caller, n int) int { return (caller*61 + n) % keys }

// A system is one thing to measure.
type system struct {
	name  string
	about string // one line: what a caller waits for
	kinds []kind
	start func(dir string) (running, error)

	// A system with on is another way to call the running system of that name.
	on   string
	open func(running, cell) (session, error)
}

// running is a started system.
type running interface {
	// open connects the callers of c.
	open(c cell) (session, error)
	stop() error
}

// session is the callers of one cell.
type session interface {
	// do is a caller's n-th operation: nil once it is done.
	do(caller, n int) error
	close()
}

// systems are all that can be measured, in the order of the table.
var systems = []system{
	echoSystem, fsyncEchoSystem, patternSystem,
	synodSystem, synodClientSystem, synodOneSystem,
	jetStreamSystem, jetStreamSyncSystem, etcdSystem, raftSystem, dragonboatSystem,
}

// choose finds the systems by name; none stands for all.
func choose(names string) ([]system, error) {
	if names == "" {
		return systems, nil
	}
	var chosen []system
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(systems, func(s system) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("--systems: no %q; there are %s", name, systemNames())
		}
		if on := systems[i].on; on != "" && !slices.Contains(strings.Split(names, ","), on) {
			return nil, fmt.Errorf("--systems: %s is a way to call %s, which must be there too", name, on)
		}
		chosen = append(chosen, systems[i])
	}
	return chosen, nil
}

func systemNames() string {
	var names []string
	for _, s := range systems {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// launch starts s with a directory of its own below dir. Every goroutine that it
// starts bears its name in CPU profiles.
func launch(s system, dir string) (r running, err error) {
	labelled("system", s.name, func() { r, err = s.start(filepath.Join(dir, s.name)) })
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	return r, nil
}

// labelled runs f so that the goroutines it starts bear a label in CPU profiles.
func labelled(label, value string, f func()) {
	pprof.Do(context.Background(), pprof.Labels(label, value), func(context.Context) { f() })
}
