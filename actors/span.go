package actors

import (
	"sync/atomic"
	"time"
)

// span tells how long something has been under way. It is read from any goroutine,
// and no jump of the wall clock moves it.
type span struct {
	origin time.Time
	began  atomic.Int64 // ns since origin, and 1; 0: nothing is under way
}

func newSpan() *span { return &span{origin: time.Now()} }

func (s *span) begin() { s.began.Store(int64(time.Since(s.origin)) + 1) }

func (s *span) end() { s.began.Store(0) }

// age is 0 when nothing is under way.
func (s *span) age() time.Duration {
	began := s.began.Load()
	if began == 0 {
		return 0
	}
	return time.Since(s.origin) - time.Duration(began-1)
}
