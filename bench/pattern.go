package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

var patternSystem = system{
	name: "pattern", about: "Synod's messages and fsyncs without the protocol", kinds: []kind{propose},
	start: startPattern,
}

// pattern is the messages that Synod sends for a command, and the fsyncs, with
// nothing else: no ballots, no loss, no state. A proposer puts what waits into one
// message while few are in flight; three acceptors make it durable and say so; a
// learner that heard two of them answers the callers.
type pattern struct {
	server *bus.Server
	conns  []*nats.Conn
	logs   []*groupLog
}

const (
	patternPropose  = "pattern.propose"
	patternAccept   = "pattern.accept"
	patternAccepted = "pattern.accepted"

	patternAcceptors = 3
	patternQuorum    = 2
	patternWindow    = 8         // batches in flight
	patternBatch     = 512 << 10 // bytes
)

func startPattern(dir string) (running, error) {
	p := &pattern{}
	if err := p.start(dir); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

func (p *pattern) start(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	labelled("role", "nats", func() { p.server, err = bus.StartServer(bus.ServerOptions{Log: quiet}) })
	if err != nil {
		return err
	}
	proposer := &patternProposer{}
	if proposer.conn, err = p.role("proposer", map[string]nats.MsgHandler{
		patternPropose: proposer.propose, patternAccepted: proposer.accepted,
	}); err != nil {
		return err
	}
	learner := &patternLearner{open: map[uint64]*patternSlot{}}
	if learner.conn, err = p.role("learner", map[string]nats.MsgHandler{
		patternAccept: learner.accept, patternAccepted: learner.accepted,
	}); err != nil {
		return err
	}
	for i := range patternAcceptors {
		log, err := openGroupLog(filepath.Join(dir, fmt.Sprintf("acceptor%d", i+1)))
		if err != nil {
			return err
		}
		p.logs = append(p.logs, log)
		a := &patternAcceptor{log: log}
		if a.conn, err = p.role("acceptor", map[string]nats.MsgHandler{patternAccept: a.accept}); err != nil {
			return err
		}
	}
	return nil
}

// role connects one role. Its handlers may run before role returns, and find no
// connection to answer on: nobody sends anything before all roles are there.
func (p *pattern) role(name string, handlers map[string]nats.MsgHandler) (conn *nats.Conn, err error) {
	labelled("role", name, func() { conn, err = nats.Connect(p.server.URL()) })
	if err != nil {
		return nil, err
	}
	p.conns = append(p.conns, conn)
	for subject, handler := range handlers {
		labelled("role", name, func() { _, err = conn.Subscribe(subject, handler) })
		if err != nil {
			return nil, err
		}
	}
	return conn, conn.Flush()
}

func (p *pattern) open(c cell) (session, error) {
	return openRequests(p.server.URL(), c, same(patternPropose))
}

func (p *pattern) stop() error {
	var errs []error
	for _, c := range p.conns {
		c.Close()
	}
	if p.server != nil {
		p.server.Stop()
	}
	for _, l := range p.logs {
		errs = append(errs, l.close())
	}
	return errors.Join(errs...)
}

// patternProposer numbers batches.
type patternProposer struct {
	conn *nats.Conn

	mu     sync.Mutex
	batch  []byte           // what waits, behind room for a slot
	next   uint64           // slot
	flight map[uint64]uint8 // votes, by slot
}

func (p *patternProposer) propose(m *nats.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.batch) == 0 {
		p.batch = append(p.batch, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	p.batch = appendSized(p.batch, []byte(m.Reply))
	p.batch = appendSized(p.batch, m.Data)
	p.send()
}

// send publishes what waits, as long as the window is open. A batch above the
// limit goes all the same: one command above it fits a message still.
func (p *patternProposer) send() {
	if len(p.batch) == 0 || (len(p.flight) >= patternWindow && len(p.batch) < patternBatch) {
		return
	}
	if p.flight == nil {
		p.flight = map[uint64]uint8{}
	}
	p.next++
	p.flight[p.next] = 0
	binary.LittleEndian.PutUint64(p.batch, p.next)
	_ = p.conn.Publish(patternAccept, p.batch) // the callers see a loss as an error
	p.batch = p.batch[:0]
}

func (p *patternProposer) accepted(m *nats.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	slot := binary.LittleEndian.Uint64(m.Data)
	votes, open := p.flight[slot]
	if !open {
		return
	}
	if votes++; votes < patternQuorum {
		p.flight[slot] = votes
		return
	}
	delete(p.flight, slot)
	p.send()
}

// patternAcceptor makes batches durable.
type patternAcceptor struct {
	conn *nats.Conn
	log  *groupLog
}

func (a *patternAcceptor) accept(m *nats.Msg) {
	slot := m.Data[:8]
	a.log.append(m.Data, func() {
		_ = a.conn.Publish(patternAccepted, slot) // as above
	})
}

// patternLearner answers what two acceptors hold.
type patternLearner struct {
	conn *nats.Conn

	mu   sync.Mutex
	open map[uint64]*patternSlot
	done uint64 // slots answered
}

type patternSlot struct {
	votes    int
	commands []byte // nil before they came and after they were answered
	answered bool
}

func (l *patternLearner) accept(m *nats.Msg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot := binary.LittleEndian.Uint64(m.Data)
	s := l.slot(slot)
	s.commands = m.Data[8:]
	l.answer(slot, s)
}

func (l *patternLearner) accepted(m *nats.Msg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot := binary.LittleEndian.Uint64(m.Data)
	s := l.slot(slot)
	s.votes++
	l.answer(slot, s)
}

func (l *patternLearner) slot(n uint64) *patternSlot {
	s := l.open[n]
	if s == nil {
		s = &patternSlot{}
		l.open[n] = s
	}
	return s
}

func (l *patternLearner) answer(n uint64, s *patternSlot) {
	if s.votes < patternQuorum || s.commands == nil {
		if s.votes == patternAcceptors && s.answered {
			delete(l.open, n)
		}
		return
	}
	l.done++
	number := binary.LittleEndian.AppendUint64(nil, l.done)
	for rest := s.commands; len(rest) > 0; {
		var inbox []byte
		inbox, rest = cutSized(rest)
		_, rest = cutSized(rest)
		_ = l.conn.Publish(string(inbox), number) // as above
	}
	s.commands, s.answered = nil, true
	if s.votes == patternAcceptors {
		delete(l.open, n)
	}
}

// appendSized appends data behind its length.
func appendSized(b, data []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(data))), data...)
}

// cutSized takes what appendSized appended off the front of b.
func cutSized(b []byte) (data, rest []byte) {
	n := binary.LittleEndian.Uint32(b)
	return b[4 : 4+n], b[4+n:]
}
