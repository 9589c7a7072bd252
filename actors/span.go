package actors

import (
	"sync/atomic"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// span tells how long something has been under way. It is read from any goroutine,
// and no jump of the wall clock moves it.
type span struct {
	clock *Clock
	began atomic.Int64 // an Instant; 0: nothing is under way
}

func (s *span) begin(at paxos.Instant) { s.began.Store(int64(at)) }

func (s *span) end() { s.began.Store(0) }

// age is 0 when nothing is under way.
func (s *span) age() time.Duration {
	began := s.began.Load()
	if began == 0 {
		return 0
	}
	return time.Duration(s.clock.Now().Mono - paxos.Instant(began))
}
