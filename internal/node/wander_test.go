package node

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestWanderer moves when it has been alone for its patience, ever more seldom while
// that does not help, and never in company.
func TestWanderer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var alone atomic.Bool
		alone.Store(true)
		moved := make(chan time.Duration, 100)
		began := time.Now()
		w := &wanderer{
			alone: alone.Load, move: func() { moved <- time.Since(began) },
			patience: 3 * time.Second, most: time.Minute, stop: make(chan struct{}),
		}
		w.done.Go(w.run)
		<-time.After(time.Hour)
		synctest.Wait()
		last, moves := time.Duration(0), len(moved)
		for i := range moves {
			at := <-moved
			patience := min(3*time.Second<<min(i, 10), time.Minute)
			if took := at - last; took < patience || took > 2*patience+time.Second {
				t.Errorf("move %d after %s, want %s to %s", i, took, patience, 2*patience)
			}
			last = at
		}
		if moves < 30 {
			t.Errorf("%d moves in an hour", moves)
		}
		alone.Store(false)
		<-time.After(time.Minute)
		synctest.Wait()
		if len(moved) != 0 {
			t.Error("it moves in company")
		}
		alone.Store(true)
		<-time.After(8 * time.Second)
		synctest.Wait()
		if len(moved) != 1 {
			t.Errorf("alone again it moves %d times, want once", len(moved))
		}
		close(w.stop)
		w.done.Wait()
	})
}
