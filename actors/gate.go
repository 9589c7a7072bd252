package actors

import (
	"log/slog"
	"sync"
	"time"
)

// Door lets clients in. Its methods are called in turn, from any goroutine, and
// may wait for the server.
type Door interface {
	Open() error
	Close() error
}

// gate opens and closes a Door from a goroutine of its own, since both wait for
// the server. It always ends in the state that was asked for last.
type gate struct {
	front Door
	log   *slog.Logger
	done  chan struct{}

	mu     sync.Mutex
	want   bool
	closed bool
	change chan struct{} // holds one token when something changed
}

// gateRetry is how long after a failed Open or Close it is tried again.
const gateRetry = 100 * time.Millisecond

func newGate(front Door, log *slog.Logger) *gate {
	return &gate{front: front, log: log, done: make(chan struct{}), change: make(chan struct{}, 1)}
}

func (g *gate) set(open bool) {
	g.mu.Lock()
	changed := g.want != open
	g.want = open
	g.mu.Unlock()
	if changed {
		g.poke()
	}
}

func (g *gate) poke() {
	select {
	case g.change <- struct{}{}:
	default:
	}
}

// close closes the front and ends run.
func (g *gate) close() {
	g.mu.Lock()
	g.want, g.closed = false, true
	g.mu.Unlock()
	g.poke()
	<-g.done
}

func (g *gate) run() {
	defer close(g.done)
	for open := false; ; {
		g.mu.Lock()
		want, closed := g.want, g.closed
		g.mu.Unlock()
		if open == want {
			if closed {
				return
			}
			<-g.change
			continue
		}
		if err := g.turn(want); err != nil {
			if closed {
				return
			}
			g.log.Warn("the subjects of clients could not be changed; trying again", "open", want, "err", err)
			g.pause()
			continue
		}
		open = want
	}
}

func (g *gate) turn(open bool) error {
	if open {
		return g.front.Open()
	}
	return g.front.Close()
}

func (g *gate) pause() {
	select {
	case <-g.change:
	case <-time.After(gateRetry):
	}
}
