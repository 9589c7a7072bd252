package jsapi

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// Reads that want messages by name pass the barrier together: all that came while the
// last group passed it are the next group, and one goroutine answers them from one
// view. A goroutine, a deadline, a barrier and a view for each would cost several
// times as much as the read itself.

// groups is the reads that wait for the next group.
type groups struct {
	mu      sync.Mutex
	wait    sync.Cond
	waiting []*request
	weight  int // of waiting
	closed  bool
}

// groupMost is how many messages one view serves at most, but for one request that asks
// for more: a view holds back the removal of old data, and a snapshot that is to be
// installed. waitingMost is how many of them wait at most.
const (
	groupMost   = 1024
	waitingMost = 64 << 10
)

// simple reports whether r is such a read, at the usual level.
func (r *request) simple() bool {
	return (r.op.simple && !strings.ContainsAny(r.tail, "*>") || r.shared()) && r.msg.Header.Get(bus.ReadHeader) == ""
}

var errStopped = errors.New("jsapi: the server is stopped")

// add lets r join the next group, which goes without it until rest is called.
func (g *groups) add(r *request) error {
	weight := r.weight()
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return errStopped
	case g.weight+weight > waitingMost:
		return errBusy
	}
	g.waiting = append(g.waiting, r)
	g.weight += weight
	return nil
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
	n, room := 0, groupMost
	for n < len(g.waiting) {
		weight := g.waiting[n].weight()
		if room -= weight; n > 0 && room < 0 {
			break
		}
		g.weight -= weight
		n++
	}
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
	read, unsent, link := 0, 0, s.way()
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
			read, unsent = read+1, unsent+r.weight()
			if unsent >= together || read == len(group) {
				r.rest()
				unsent = 0
			}
			<-s.slots
		}
		return nil
	})
	if err != nil {
		s.finish(group[read:], err)
	}
}

// together is how many messages are sent together at least: the first answer should not
// wait for many others.
const together = 64

// finish answers all of the group with err.
func (s *Server) finish(group []*request, err error) {
	for _, r := range group {
		r.fail(err)
		r.rest()
		<-s.slots
	}
}
