//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// resources watches what every process takes.
type resources struct {
	world *world
	most  map[string]uint64 // bytes of memory
	done  chan struct{}
	end   context.CancelFunc
}

const (
	// The least that is too much of a role under such a load.
	tooMuchMemory     = 1 << 30
	tooManyGoroutines = 400
)

func watchResources(ctx context.Context, w *world) *resources {
	ctx, end := context.WithCancel(ctx)
	r := &resources{world: w, most: map[string]uint64{}, done: make(chan struct{}), end: end}
	go func() {
		defer close(r.done)
		for ctx.Err() == nil {
			for _, name := range append(w.servers(), w.roles()...) {
				p := w.all[name]
				r.most[name] = max(r.most[name], p.memory())
			}
			pause(ctx, time.Second)
		}
	}()
	return r
}

// report ends the watch, and fails a run in which a process took too much or has
// kept goroutines.
func (r *resources) report(j *journal) { r.reportAbove(j, tooMuchMemory) }

func (r *resources) reportAbove(j *journal, memory uint64) {
	r.end()
	<-r.done
	for _, name := range append(r.world.servers(), r.world.roles()...) {
		goroutines := r.goroutines(name)
		j.note("%s took at most %d MiB, and ends with %d goroutines", name, r.most[name]>>20, goroutines)
		if r.most[name] > memory || goroutines > tooManyGoroutines {
			j.fail("%s took %d MiB of memory, and has %d goroutines", name, r.most[name]>>20, goroutines)
		}
	}
}

// goroutines is how many a role has; 0 for what does not tell.
func (r *resources) goroutines(name string) int {
	_, text := r.world.health.get(name, "metrics")
	for line := range strings.Lines(text) {
		var n int
		if found, _ := fmt.Sscanf(line, "go_goroutines %d", &n); found == 1 {
			return n
		}
	}
	return 0
}
