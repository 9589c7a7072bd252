package clustertest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
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

// BenchmarkMove is how much a move to three other acceptors costs the clients of a
// cluster meanwhile: the rate of acknowledgements, in the worst tenth of a second too.
//
//	go test ./internal/clustertest -run '^$' -bench Move -benchtime 1x
func BenchmarkMove(b *testing.B) {
	for b.Loop() {
		c := Start(b, small, bustest.Server(b).URL())
		load := c.StartLoad(32)
		load.AwaitMore(2000)
		calm := startPace(load)
		load.AwaitMore(20000)
		mean, least := calm.end()
		b.ReportMetric(mean, "calm/s")
		b.ReportMetric(least, "calm-least/s")
		moving := startPace(load)
		began := time.Now()
		for _, step := range [][2]paxos.NodeID{{"a1", "a4"}, {"a2", "a5"}, {"a3", "a6"}} {
			c.StartRole(step[1])
			c.change(node.Change{Remove: step[0], Add: step[1]}, nil)
			c.leave(step[0])
		}
		b.ReportMetric(time.Since(began).Seconds(), "move-s")
		mean, least = moving.end()
		b.ReportMetric(mean, "moving/s")
		b.ReportMetric(least, "moving-least/s")
		b.ReportMetric(float64(load.Gap().Milliseconds()), "gap-ms")
		load.Stop()
		load.Check(22000, "l1", "l2")
	}
}
