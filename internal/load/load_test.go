package load

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestCountsWhatEndsWhileCounting: four callers whose operations take 10 ms do 100 a
// second each, and what failed is counted apart.
func TestCountsWhatEndsWhileCounting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		odd := errors.New("odd")
		l := Start(4, 2, func(caller, n int) (int, error) {
			<-time.After(10 * time.Millisecond)
			if caller == 3 {
				return 0, odd
			}
			return caller % 2, nil
		})
		<-time.After(101 * time.Millisecond)
		if done, failed := l.Counted(); done+failed != 0 {
			t.Errorf("%d done, %d failed before counting", done, failed)
		}
		l.Count(true)
		<-time.After(time.Second)
		l.Count(false)
		l.Stop()
		r := l.Result()
		if a, b := r.Latency[0].TotalCount(), r.Latency[1].TotalCount(); a != 200 || b != 100 {
			t.Errorf("%d and %d operations, want 200 and 100", a, b)
		}
		if p50 := r.Latency[0].ValueAtQuantile(50); p50 < 10_000 || p50 > 10_100 {
			t.Errorf("p50 is %d µs, want 10 ms", p50)
		}
		// A caller that fails pauses for as long as errorPause.
		if n := r.Failed.TotalCount(); n < 66 || n > 67 || !errors.Is(r.Err, odd) {
			t.Errorf("%d failed with %v, want 66 or 67", n, r.Err)
		}
	})
}

// TestStopWaits: no operation is under way any more when Stop returns.
func TestStopWaits(t *testing.T) {
	var under atomic.Int64
	l := Start(8, 1, func(int, int) (int, error) {
		under.Add(1)
		defer under.Add(-1)
		<-time.After(time.Millisecond)
		return 0, nil
	})
	l.Stop()
	if n := under.Load(); n != 0 {
		t.Errorf("%d operations are under way after Stop", n)
	}
}

func TestMicros(t *testing.T) {
	for us, want := range map[float64]string{12.4: "12µs", 1234: "1.23ms", 12345: "12.3ms", 2.5e6: "2.5s"} {
		if got := Micros(us); got != want {
			t.Errorf("%v µs is %q, want %q", us, got, want)
		}
	}
}
