package clustertest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
)

// pace is how many acknowledgements there were in each tenth of a second.
type pace struct {
	stop   chan struct{}
	done   sync.WaitGroup
	counts []int
}

func startPace(l *Load) *pace {
	p := &pace{stop: make(chan struct{})}
	p.done.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for before := l.Acked(); ; {
			select {
			case <-p.stop:
				return
			case <-ticker.C:
			}
			now := l.Acked()
			p.counts, before = append(p.counts, now-before), now
		}
	})
	return p
}

// end returns the mean and the least number of acknowledgements a second.
func (p *pace) end() (mean, least float64) {
	close(p.stop)
	p.done.Wait()
	sum := 0
	for _, n := range p.counts {
		sum += n
	}
	return 10 * float64(sum) / float64(len(p.counts)), 10 * float64(slices.Min(p.counts))
}

// BenchmarkChanges is how much changes of configuration cost the clients of a cluster
// meanwhile: the rate of acknowledgements before, during and after, in the worst tenth of
// a second too, and the longest time between two of them.
//
//	go test ./internal/clustertest -run '^$' -bench Changes -benchtime 1x -count 5
func BenchmarkChanges(b *testing.B) {
	for name, steps := range map[string][]node.Change{
		"move three":             {{Remove: "a1", Add: "a4"}, {Remove: "a2", Add: "a5"}, {Remove: "a3", Add: "a6"}},
		"three to five and back": {{Add: "a4"}, {Add: "a5"}, {Remove: "a5"}, {Remove: "a4"}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				benchmarkChanges(b, steps)
			}
		})
	}
}

func benchmarkChanges(b *testing.B, steps []node.Change) {
	const calm = 2 * time.Second
	c := Start(b, small, bustest.Server(b).URL())
	load := c.StartLoad(32)
	load.AwaitMore(2000)
	rate := func(name string, do func()) {
		p := startPace(load)
		do()
		mean, least := p.end()
		b.ReportMetric(mean, name+"/s")
		b.ReportMetric(least, name+"-least/s")
	}
	wait := func() { <-time.After(calm) }
	rate("before", wait)
	rate("during", func() {
		began := time.Now()
		for _, step := range steps {
			if step.Add != "" {
				c.StartRole(step.Add)
			}
			c.change(step, nil)
			if step.Remove != "" {
				c.leave(step.Remove)
			}
		}
		b.ReportMetric(time.Since(began).Seconds(), "seconds")
	})
	b.ReportMetric(float64(load.Gap().Milliseconds()), "gap-ms")
	rate("after", wait)
	load.Stop()
	load.Check(2000, "l1", "l2")
}
