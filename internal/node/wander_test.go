package node

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestWanderer moves when it has been alone for its patience, ever more seldom while
// that does not help, and never in company.
func TestWanderer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alone, moves := true, []time.Duration{}
		began := time.Now()
		w := &wanderer{
			alone: func() bool { return alone }, move: func() { moves = append(moves, time.Since(began)) },
			patience: 3 * time.Second, most: time.Minute, stop: make(chan struct{}),
		}
		w.done.Go(w.run)
		<-time.After(time.Hour)
		synctest.Wait()
		last := time.Duration(0)
		for i, at := range moves {
			patience := min(3*time.Second<<min(i, 10), time.Minute)
			if took := at - last; took < patience || took > 2*patience+time.Second {
				t.Errorf("move %d after %s, want %s to %s", i, took, patience, 2*patience)
			}
			last = at
		}
		if len(moves) < 30 {
			t.Errorf("%d moves in an hour", len(moves))
		}
		alone, moves = false, nil
		<-time.After(time.Minute)
		synctest.Wait()
		if len(moves) != 0 {
			t.Errorf("it moves in company: %v", moves)
		}
		alone, began = true, time.Now()
		<-time.After(8 * time.Second)
		synctest.Wait()
		if len(moves) != 1 {
			t.Errorf("alone again it moves at %v, want once", moves)
		}
		close(w.stop)
		w.done.Wait()
	})
}
