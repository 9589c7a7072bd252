package node

import (
	"math/rand/v2"
	"sync"
	"time"
)

// A wanderer takes a role to another NATS server when it hears nothing of the cluster
// through the one it is connected to. Servers of one NATS cluster pass on only what
// their own clients say, so where the link between two of them is broken, those who
// are connected to one do not hear those at the other, although each role reaches
// both. Every role that is cut off moves, each after a time of its own, until those
// that make a quorum meet.
type wanderer struct {
	alone    func() bool // whether the role has heard nothing since the last call
	move     func()
	patience time.Duration // alone for so long, or up to twice as long, it moves
	most     time.Duration // the patience after moves that did not help: it doubles up to this

	stop chan struct{}
	done sync.WaitGroup
}

const (
	wanderAfter = 3 * time.Second // several elections
	wanderMost  = time.Minute
	wanderTicks = 6 // how often within its patience the wanderer looks
)

// wander lets the role look for company until the stack is stopped.
func (n *common) wander(alone func() bool) {
	w := &wanderer{patience: wanderAfter, most: wanderMost, alone: alone, stop: make(chan struct{})}
	w.move = func() {
		if n.bus.Move() {
			n.log.Warn("too little of the cluster is heard through this NATS server, trying another")
		}
	}
	w.done.Go(w.run)
	n.stack.push("wandering", func() error {
		close(w.stop)
		w.done.Wait()
		return nil
	})
}

func (w *wanderer) run() {
	ticker := time.NewTicker(w.patience / wanderTicks)
	defer ticker.Stop()
	patience := w.patience
	since, limit := time.Now(), w.draw(patience)
	for {
		select {
		case <-ticker.C:
		case <-w.stop:
			return
		}
		switch {
		case !w.alone():
			patience = w.patience
		case time.Since(since) < limit:
			continue
		default:
			w.move()
			patience = min(2*patience, w.most)
		}
		since, limit = time.Now(), w.draw(patience)
	}
}

// draw is a time of patience or up to twice as long, so that not all move at once.
func (w *wanderer) draw(patience time.Duration) time.Duration { return patience + rand.N(patience) }

// leaderUnheard reports, at each call, whether no leader was heard since the one before.
func (n *common) leaderUnheard() func() bool {
	var last uint64
	return func() bool {
		received := n.bus.Stats().Received
		heard := received["heartbeat"].Messages + received["accept"].Messages
		unheard := heard == last
		last = heard
		return unheard
	}
}
