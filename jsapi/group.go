package jsapi

import (
	"context"
	"strings"
	"sync"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// Reads that want one message pass the barrier together: all that came while the
// last group passed it are the next group, and one goroutine answers them from one
// view. A goroutine, a deadline, a barrier and a view for each would cost several
// times as much as the read itself.

// groups is the reads that wait for the next group.
type groups struct {
	mu      sync.Mutex
	wait    sync.Cond
	waiting []*request
	closed  bool
}

// groupMost is how many reads one view serves at most: a view holds back the
// removal of old data, and a snapshot that is to be installed.
const groupMost = 1024

// simple reports whether r is such a read, at the usual level.
func (r *request) simple() bool {
	return r.op.simple && len(r.msg.Header) == 0 && !strings.ContainsAny(r.tail, "*>")
}

// add lets r join the next group, which goes without it until rest is called. False:
// there will be none.
func (g *groups) add(r *request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.waiting = append(g.waiting, r)
	}
	return !g.closed
}

// rest says that no further read comes right now.
func (g *groups) rest() {
	g.mu.Lock()
	wake := len(g.waiting) > 0
	g.mu.Unlock()
	if wake {
		g.wait.Signal()
	}
}

// close has next end once nothing waits.
func (g *groups) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.wait.Signal()
}

// next waits for reads and takes them; nil is the end.
func (g *groups) next() []*request {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.waiting) == 0 {
		if g.closed {
			return nil
		}
		g.wait.Wait()
	}
	n := min(len(g.waiting), groupMost)
	taken := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return taken
}

// runGroups serves one group after the other. It does not pass the barrier for the
// next while it reads for the last: reading takes a fraction of the barrier's time,
// and a larger next group is worth more.
func (s *Server) runGroups() {
	var k kept
	for group := s.groups.next(); group != nil; group = s.groups.next() {
		ctx, cancel := context.WithDeadline(s.ctx, group[0].came.Add(s.options.Timeout))
		err := s.options.Barrier(ctx)
		cancel()
		if err == nil {
			s.answerGroup(group, &k)
		} else {
			s.finish(group, bus.NewError(bus.CodeNotFresh, "the read cannot be made linearizable now: %v", err))
		}
	}
}

// answerGroup answers the group's requests from one view.
func (s *Server) answerGroup(group []*request, k *kept) {
	read, link := 0, s.way()
	err := s.source.Read(func(view *streams.View) error {
		at, err := view.Digest()
		if err != nil {
			return err
		}
		for _, r := range group {
			r.view, r.slot, r.link, r.chosen = view, paxos.Slot(at.Slot), link, true
			if err := s.answerKept(r, k); err != nil {
				r.fail(err)
			}
			if read++; read%together == 0 || read == len(group) {
				r.rest()
			}
			<-s.slots
		}
		return nil
	})
	if err != nil {
		s.finish(group[read:], err)
	}
}

// together is how many answers are sent together at most: the first should not wait for
// many others.
const together = 64

// finish answers all of the group with err.
func (s *Server) finish(group []*request, err error) {
	for _, r := range group {
		r.fail(err)
		r.rest()
		<-s.slots
	}
}
