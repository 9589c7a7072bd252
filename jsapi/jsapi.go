// Package jsapi answers the reading part of JetStream's API out of a learner's
// streams, at the prefix "synod.<cluster>.api.", with JetStream's own JSON: what
// reads JetStream with that prefix reads Synod. What changes a stream is a command
// of the log and served by the leader; no subject is served by both.
//
//	INFO                              account: how many streams, which API level
//	STREAM.NAMES, STREAM.LIST         the streams, a page at a time
//	STREAM.INFO.<stream>              configuration and state
//	STREAM.MSG.GET.<stream>           one message, as JSON
//	DIRECT.GET.<stream>               messages as they were published, or a batch of them, or
//	                                  what many callers ask for at once (command.Reads)
//	DIRECT.GET.<stream>.<subject>     the last message of a subject
//	CONSUMER.CREATE.<stream>...       a consumer, which lives in the learner that answers
//	CONSUMER.INFO, CONSUMER.DELETE    one of them, in whichever learner it lives
//	CONSUMER.NAMES, CONSUMER.LIST     those of a stream, of all learners
//
// Learners serve it as one queue group. Before every read [Options.Barrier] is
// passed, which is what makes the answer as fresh as the caller was promised. The
// request header [bus.ReadHeader] asks for less; [bus.SlotHeader] of an answer says
// which slot's state it shows, unless the request wanted no headers.
package jsapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/consumers"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// Queue is the queue group of the learners.
const Queue = "learners"

// Options say how a Server reads.
type Options struct {
	// Barrier returns once the streams hold all that a read begun now must see, or an
	// error when that takes too long: the request is then refused. nil lets every
	// request read what the streams hold just then.
	Barrier func(context.Context) error
	// Reach returns once the streams hold this slot, or ctx's error. nil: reads that
	// ask for it pass the Barrier instead, if that is enough.
	Reach   func(context.Context, paxos.Slot) error
	Timeout time.Duration // of a request, Barrier and Reach included; 0: 4 s
	// Concurrent is how many requests are in work at once; more are refused. 0: 4096.
	Concurrent int
	// Consumers are this learner's, which must be stopped after the Server. nil: it has
	// none.
	Consumers *consumers.Service
	// Link is a connection beside the bus for answers with headers, and stays its owner's.
	// While it is not at the bus's server, and if it is nil, they go by nats.go, whose
	// statuses clients of other languages do not understand.
	Link *leaf.Link
	ID   paxos.NodeID // this learner's
	// Fellows is the other learners that are believed to be there, whose answers are worth
	// waiting for. nil: none is known.
	Fellows func() []paxos.NodeID
	Log     *slog.Logger // nil: slog.Default
}

func (o Options) withDefaults() Options {
	if o.Barrier == nil {
		o.Barrier = func(context.Context) error { return nil }
	}
	if o.Reach == nil {
		barrier := o.Barrier
		o.Reach = func(ctx context.Context, _ paxos.Slot) error { return barrier(ctx) }
	}
	if o.Timeout == 0 {
		o.Timeout = 4 * time.Second // clients wait for 5 s by default, and are to hear why
	}
	if o.Fellows == nil {
		o.Fellows = func() []paxos.NodeID { return nil }
	}
	if o.Concurrent == 0 {
		o.Concurrent = 4096
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// A Source is the state that a Server reads.
type Source interface {
	// Read calls read with a view of the present state, and returns its error.
	Read(read func(*streams.View) error) error
}

// A Server answers reads while its door is open.
type Server struct {
	bus     *bus.Bus
	source  Source
	options Options

	mu       sync.Mutex
	listener *bus.Listener // nil: closed
	peers    *bus.Listener // questions of other learners; as listener
	slots    chan struct{}
	heavy    chan struct{} // reads of more than one message
	patient  chan struct{} // requests that may wait for more than the barrier: a slot, or their turn among heavy
	ctx      context.Context
	cancel   context.CancelFunc
	begin    sync.Mutex // makes stopped and work change together
	stopped  bool
	work     sync.WaitGroup
	groups   groups
	inbox    inbox
	header   []byte          // scratch of the goroutine that answers groups
	counts   []atomic.Uint64 // by operation
	taken    atomic.Uint64

	generation atomic.Uint64 // of the cluster; 0: not known yet
	refused    atomic.Uint64
	quiet      rate.Sometimes
}

// New is a server that reads s. Its door is closed. The caller must Stop it before
// it closes s.
func New(b *bus.Bus, s Source, o Options) *Server {
	o = o.withDefaults()
	server := &Server{
		bus: b, source: s, options: o, slots: make(chan struct{}, o.Concurrent),
		heavy: make(chan struct{}, heavyMost()), patient: make(chan struct{}, max(1, o.Concurrent/4)),
		counts: make([]atomic.Uint64, len(operations)), quiet: rate.Sometimes{First: 1, Interval: 10 * time.Second},
	}
	if o.Consumers == nil {
		c, err := consumers.New(b, s, consumers.Options{Log: o.Log})
		if err != nil {
			panic("jsapi: consumers without a connection cannot fail: " + err.Error())
		}
		server.options.Consumers = c
	}
	server.ctx, server.cancel = context.WithCancel(context.Background())
	server.groups.wait.L = &server.groups.mu
	server.work.Go(server.runGroups)
	return server
}

// Open lets readers in: NATS routes them here when it returns.
func (s *Server) Open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return nil
	}
	var subjects []string
	for i := range operations {
		subjects = append(subjects, s.bus.Subjects().API(operations[i].subject))
	}
	peers, err := s.bus.ServeClients("", []string{s.bus.Subjects().Consumers("*")}, s.takePeer)
	if err != nil {
		return err
	}
	l, err := s.bus.ServeClients(Queue, subjects, s.take)
	if err != nil {
		return errors.Join(err, peers.Stop())
	}
	s.listener, s.peers = l, peers
	return nil
}

// Close leaves new readers to others. Those that came are still answered.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	err := errors.Join(s.listener.Stop(), s.peers.Stop())
	if err == nil {
		s.listener, s.peers = nil, nil
	}
	return err
}

// Stop ends the service for good, and returns when no read is in work any more.
func (s *Server) Stop() error {
	err := s.Close()
	s.cancel()
	s.begin.Lock()
	s.stopped = true
	s.begin.Unlock()
	s.groups.close()
	s.work.Wait()
	s.inbox.close()
	return err
}

// SetGeneration has every answer name the generation of the cluster.
func (s *Server) SetGeneration(n uint64) {
	s.generation.Store(n)
}

// Counts is how many requests came, by operation; "refused" counts those that were
// not carried out because too many were in work.
func (s *Server) Counts() map[string]uint64 {
	counts := map[string]uint64{"refused": s.refused.Load()}
	for i := range operations {
		counts[operations[i].name] += s.counts[i].Load()
	}
	return counts
}

// heavyMost is how many reads that may take much memory or time are carried out at once:
// half of the processors are left to all that is quick, the role itself included. More at
// once would end none of them earlier.
func heavyMost() int { return min(32, max(1, runtime.GOMAXPROCS(0)/2)) }

// burst is how many requests come at most before those that wait for a group go.
const burst = 256

// take finds out what a request asks for. It is carried out elsewhere, since it may
// wait for the barrier: with all that wait already.
func (s *Server) take(m *nats.Msg) {
	s.admit(m)
	if bus.Last(m) || s.taken.Add(1)%burst == 0 {
		s.groups.rest()
	}
}

func (s *Server) admit(m *nats.Msg) {
	if m.Reply == "" {
		return
	}
	i, tail := find(s.bus.Subjects(), m.Subject)
	if i < 0 {
		return
	}
	s.counts[i].Add(1)
	r := &request{server: s, op: &operations[i], tail: tail, msg: m, came: time.Now()}
	if _, ours := s.bus.Subjects().Relative(m.Reply); ours {
		return // the answer would speak on one of the cluster's own subjects
	}
	select {
	case s.slots <- struct{}{}:
		if !r.simple() {
			s.start(r)
		} else if err := s.groups.add(r); err != nil {
			<-s.slots
			s.refuse(r, err)
		}
	default:
		s.refuse(r, errBusy)
	}
}

// refuse answers r at once, unless the server is being stopped.
func (s *Server) refuse(r *request, err error) {
	if errors.Is(err, errStopped) {
		return
	}
	s.refused.Add(1)
	r.fail(err)
	r.rest()
}

// start gives r a goroutine.
func (s *Server) start(r *request) { s.spawn(func() { s.carryOut(r) }) }

// spawn runs work, for which there is a slot, unless the server is being stopped.
func (s *Server) spawn(work func()) {
	s.begin.Lock()
	defer s.begin.Unlock()
	if s.stopped {
		return
	}
	s.work.Go(func() {
		defer func() { <-s.slots }()
		work()
	})
}

var errBusy = bus.NewError(bus.CodeOverloaded, "too many reads at once, try again later")

func (s *Server) carryOut(r *request) {
	ctx, cancel := context.WithTimeout(s.ctx, s.options.Timeout)
	defer cancel()
	defer r.rest()
	if err := s.freshen(ctx, r); err != nil {
		r.fail(err)
		return
	}
	err := s.read(ctx, r)
	if err == nil && r.then != nil {
		r.view = nil
		err = r.then(ctx)
	}
	if err != nil {
		r.fail(err)
	}
}

// read answers r from a view, or finds out what it does then.
func (s *Server) read(ctx context.Context, r *request) error {
	if !r.op.simple {
		if !s.takeHeavy(ctx) {
			s.refused.Add(1)
			return errBusy
		}
		defer func() { <-s.heavy }()
	}
	return s.source.Read(func(view *streams.View) error {
		at, err := view.Digest()
		if err != nil {
			return err
		}
		r.view, r.slot = view, paxos.Slot(at.Slot)
		return r.op.answer(r)
	})
}

// takeHeavy waits for one of the places of heavy reads, while few others do.
func (s *Server) takeHeavy(ctx context.Context) bool {
	select {
	case s.heavy <- struct{}{}:
		return true
	default:
	}
	select {
	case s.patient <- struct{}{}:
		defer func() { <-s.patient }()
	default: // heavy reads must not take all places
		return false
	}
	select {
	case s.heavy <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// freshen returns once the state is as fresh as r asks for.
func (s *Server) freshen(ctx context.Context, r *request) error {
	level, err := bus.ParseReadLevel(r.msg.Header.Get(bus.ReadHeader))
	switch {
	case err != nil:
		return bus.NewError(bus.CodeMalformed, "%v", err)
	case level.Stale:
		return nil
	case level.AtLeast > 0:
		select {
		case s.patient <- struct{}{}:
			defer func() { <-s.patient }()
		default: // a slot that does not come must not take all places
			s.refused.Add(1)
			return errBusy
		}
		if err := s.options.Reach(ctx, level.AtLeast); err != nil {
			return bus.NewError(bus.CodeNotFresh, "slot %d is not applied here yet: %v", level.AtLeast, err)
		}
		return nil
	}
	err = s.options.Barrier(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no quorum of acceptors answered, or nobody led, for %v", s.options.Timeout)
	}
	if err != nil {
		return bus.NewError(bus.CodeNotFresh, "the read cannot be made linearizable now: %v", err)
	}
	return nil
}

// publish sends one message of an answer. One that is lost is asked for again.
func (s *Server) publish(m *nats.Msg) {
	if err := s.bus.Conn().PublishMsg(m); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		s.quiet.Do(func() { s.options.Log.Warn("answer to a read not sent", "err", err) })
	}
}
