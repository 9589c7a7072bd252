package sim

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Many runs one plan after the other, on all processors at once: plan makes those of
// 1, 2, 3 and so on, until it returns nil. Reports go to each, one at a time and in no
// fixed order, until it returns false; the runs under way then end unheard.
func Many(plan func(i uint64) *Plan, each func(*Report) (more bool)) {
	var (
		next atomic.Uint64
		over atomic.Bool
		mu   sync.Mutex
		wait sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for !over.Load() {
				p := plan(next.Add(1))
				if p == nil {
					return
				}
				r := Run(p, nil)
				mu.Lock()
				if !over.Load() && !each(r) {
					over.Store(true)
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
}

// Mixed is the plan of a seed: of the drill of that name; or, with no name, a random
// one for even seeds and for odd ones one of each drill in turn. It is nil when there
// is no such drill.
func Mixed(drill string, seed uint64) *Plan {
	drills := Drills()
	if drill == "" {
		if seed%2 == 0 {
			return RandomPlan(seed)
		}
		return drills[seed/2%uint64(len(drills))].Plan(seed)
	}
	for _, d := range drills {
		if d.Name == drill {
			return d.Plan(seed)
		}
	}
	return nil
}
