package jsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/consumers"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// A learner asks the others about consumers that it does not have itself. Whoever has
// the answer gives it, and the others say that they have none. That nobody has the
// consumer shows when all that are known to be there have said so.

const (
	// peerTime is how long an answer of another learner is waited for, who may be one that
	// is not known yet.
	peerTime = 250 * time.Millisecond
	// fellowTime is how long that of one is waited for that is known to be there: it may be
	// slow, and what it has is not to pass for lost.
	fellowTime = 2 * time.Second
)

// What is asked.
const (
	opInfo   = "info"
	opDelete = "delete"
	opList   = "list"
	opPush   = "push"   // who can push at all?
	opCreate = "create" // of the learner To
)

// question is what one learner asks the others.
type question struct {
	Op     string                   `json:"op"`
	From   paxos.NodeID             `json:"from"`
	To     paxos.NodeID             `json:"to,omitempty"`
	Stream string                   `json:"stream,omitempty"`
	Name   string                   `json:"name,omitempty"`
	Filter string                   `json:"filter,omitempty"`
	Create *consumers.CreateRequest `json:"create,omitempty"`
	Deny   bool                     `json:"deny,omitempty"` // who has no answer says that
}

// peerAnswer is another learner's answer.
type peerAnswer struct {
	From    paxos.NodeID      `json:"from"`
	Infos   []*consumers.Info `json:"infos,omitempty"`
	Error   *streams.APIError `json:"error,omitempty"`
	Refused *bus.Error        `json:"refused,omitempty"`
	None    bool              `json:"none,omitempty"` // it has none
}

// An inbox is where answers of other learners come. It is one subscription: making and
// ending one for each question would have the NATS server route everybody's messages anew.
type inbox struct {
	mu      sync.Mutex
	sub     *nats.Subscription // nil: nothing was asked yet
	prefix  string
	asked   uint64
	waiting map[string]chan *nats.Msg // by the subject where the answers come
}

// mostAnswers is how many answers to one question wait to be looked at; there are as many
// as learners.
const mostAnswers = 64

// open begins to wait for the answers to one question. forget must follow.
func (i *inbox) open(nc *nats.Conn) (subject string, answers chan *nats.Msg, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sub == nil {
		i.prefix, i.waiting = nc.NewInbox()+".", map[string]chan *nats.Msg{}
		if i.sub, err = nc.Subscribe(i.prefix+"*", i.take); err != nil {
			return "", nil, err
		}
	}
	i.asked++
	subject, answers = i.prefix+strconv.FormatUint(i.asked, 36), make(chan *nats.Msg, mostAnswers)
	i.waiting[subject] = answers
	return subject, answers, nil
}

func (i *inbox) forget(subject string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.waiting, subject)
}

func (i *inbox) take(m *nats.Msg) {
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case i.waiting[m.Subject] <- m:
	default: // nobody waits any more
	}
}

// close ends the subscription, once nobody asks any more.
func (i *inbox) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sub != nil {
		_ = i.sub.Unsubscribe() // the connection is gone otherwise
	}
}

// next is one more answer, nil when none comes until the deadline.
func next(ctx context.Context, answers <-chan *nats.Msg, until time.Time) (*peerAnswer, error) {
	late := time.NewTimer(time.Until(until))
	defer late.Stop()
	select {
	case <-late.C:
		return nil, nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, nil
		}
		return nil, fmt.Errorf("ask the other learners: %w", ctx.Err())
	case m := <-answers:
		if len(m.Data) == 0 {
			return nil, nil // NATS says that nobody hears it
		}
		a := &peerAnswer{}
		if err := json.Unmarshal(m.Data, a); err != nil {
			return nil, fmt.Errorf("answer of another learner: %w", err)
		}
		return a, nil
	}
}

// askOne returns the first answer to q, or nil when nobody has one.
func (s *Server) askOne(ctx context.Context, q *question) (*peerAnswer, error) {
	all, err := s.collect(ctx, q, 1)
	if len(all) == 0 || err != nil {
		return nil, err
	}
	return all[0], nil
}

// askAll returns all answers to q that come in time.
func (s *Server) askAll(ctx context.Context, q *question) ([]*peerAnswer, error) {
	return s.collect(ctx, q, math.MaxInt)
}

// collect returns answers to q, most of them at most, that come in time.
func (s *Server) collect(ctx context.Context, q *question, most int) (all []*peerAnswer, err error) {
	awaited := s.options.Fellows()
	began := time.Now()
	subject, answers, err := s.inbox.open(s.bus.Conn())
	if err == nil {
		defer s.inbox.forget(subject)
		q.From, q.Deny = s.options.ID, true
		err = s.bus.Conn().PublishRequest(s.bus.Subjects().Consumers(q.From), subject, mustJSON(q))
	}
	if err != nil {
		return nil, fmt.Errorf("ask the other learners: %w", err)
	}
	for len(all) < most {
		wait := peerTime
		switch {
		case q.To != "": // it passes the barrier, which may take longer
			wait = s.options.Timeout
		case len(awaited) > 0:
			wait = fellowTime
		}
		a, err := next(ctx, answers, began.Add(wait))
		if a == nil || err != nil {
			return all, err
		}
		awaited = slices.DeleteFunc(awaited, func(id paxos.NodeID) bool { return id == a.From })
		if !a.None {
			all = append(all, a)
		}
	}
	return all, nil
}

// takePeer takes another learner's question.
func (s *Server) takePeer(m *nats.Msg) {
	q := &question{}
	if m.Reply == "" || json.Unmarshal(m.Data, q) != nil {
		return
	}
	if q.From == s.options.ID || q.To != "" && q.To != s.options.ID || m.Subject != s.bus.Subjects().Consumers(q.From) {
		return
	}
	select {
	case s.slots <- struct{}{}:
		s.spawn(func() { s.answerPeer(m.Reply, q) })
	default: // it shows by silence, too
	}
}

// answerPeer answers q, if there is an answer here.
func (s *Server) answerPeer(reply string, q *question) {
	ctx, cancel := context.WithTimeout(s.ctx, s.options.Timeout)
	defer cancel()
	a, err := s.answer(ctx, q)
	if err != nil {
		s.quiet.Do(func() { s.options.Log.Warn("no answer to another learner", "err", err) })
	}
	if a == nil && (err != nil || !q.Deny) {
		return
	}
	if a == nil {
		a = &peerAnswer{None: true}
	}
	a.From = s.options.ID
	s.publish(&nats.Msg{Subject: reply, Data: mustJSON(a)})
}

func (s *Server) answer(ctx context.Context, q *question) (a *peerAnswer, err error) {
	switch q.Op {
	case opPush:
		if s.options.Consumers.Path() == nil {
			return &peerAnswer{}, nil
		}
		return nil, nil
	case opDelete:
		if s.options.Consumers.Delete(q.Stream, q.Name) {
			return &peerAnswer{}, nil
		}
		return nil, nil
	case opCreate:
		if q.Create == nil {
			return nil, nil
		}
		if err := s.options.Barrier(ctx); err != nil {
			return nil, err
		}
	}
	err = s.source.Read(func(view *streams.View) error {
		a, err = s.answerFrom(view, q)
		return err
	})
	return a, err
}

// answerFrom answers what is asked about the state of consumers.
func (s *Server) answerFrom(view *streams.View, q *question) (*peerAnswer, error) {
	switch q.Op {
	case opInfo:
		info, err := s.options.Consumers.Info(view, q.Stream, q.Name)
		if info == nil || err != nil {
			return nil, err
		}
		return &peerAnswer{Infos: []*consumers.Info{info}}, nil
	case opList:
		infos, err := s.options.Consumers.List(view, q.Stream)
		if len(infos) == 0 || err != nil {
			return nil, err
		}
		return &peerAnswer{Infos: infos}, nil
	case opCreate:
		info, err := s.options.Consumers.Create(view, q.Create, q.Filter)
		a := &peerAnswer{Infos: []*consumers.Info{info}}
		if errors.As(err, &a.Error) || errors.As(err, &a.Refused) {
			a.Infos, err = nil, nil
		}
		return a, err
	}
	return nil, nil
}
