package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// A Session carries commands for one stream out exactly once, however long a copy
// of one takes, as long as the session lives. The cluster keeps the
// outcome of each of its commands until the client has it. A session lives, by
// log time, for its TTL after its last command or keep-alive, which the client
// sends by itself. Its methods may be called from any goroutine. An outcome that stayed
// unknown is kept for the next 512 commands.
type Session struct {
	client *Client
	stream string
	id     uint64
	ttl    time.Duration
	ended  chan struct{}
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	last    uint64          // number given to a command
	lowest  uint64          // no outcome below it is awaited
	awaited map[uint64]bool // numbers whose outcome is not known: is a call about it under way?
	over    bool            // ended is closed

	room chan struct{} // holds a token when a further command may have room
}

// ErrSessionEnded is matched by the errors of commands of a session that has ended:
// the cluster heard nothing of it for its TTL, or it was closed. A command whose
// outcome was unknown before that remains unknown; others are not done.
var ErrSessionEnded = errors.New("the session has ended")

// DefaultSessionTTL is the TTL of sessions for which none is named. A session may
// live for 1 s to 24 h.
const DefaultSessionTTL = time.Minute

// OpenSession opens a session whose commands append to the log, the stream LEDGER.
// ttl 0 means [DefaultSessionTTL]. The caller must Close the session.
func (c *Client) OpenSession(ctx context.Context, ttl time.Duration) (*Session, error) {
	return c.openSession(ctx, ledger, ttl)
}

func (c *Client) openSession(ctx context.Context, stream string, ttl time.Duration) (*Session, error) {
	if ttl == 0 {
		ttl = DefaultSessionTTL
	}
	open := command.OpenSession{TTL: ttl}
	_, _ = rand.Read(open.Nonce[:]) // never fails
	// Opening again with the same nonce opens no second session.
	value, _, err := c.typed(ctx, "open a session", stream, command.Command{Op: open}, ttl/2)
	if err != nil {
		return nil, err
	}
	opened, ok := value.(command.SessionOpened)
	if !ok {
		return nil, &Error{Op: "open a session", Outcome: bus.Unknown, Err: fmt.Errorf("an answer that is none: %T", value)}
	}
	s := &Session{client: c, stream: stream, id: opened.ID, ttl: ttl, lowest: 1, ended: make(chan struct{}), awaited: map[uint64]bool{}, room: make(chan struct{}, 1)}
	alive, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() { s.keepAlive(alive) })
	return s, nil
}

// Ended is closed once the cluster has told that the session is over.
func (s *Session) Ended() <-chan struct{} { return s.ended }

// Propose appends data to the log. It is [Client.Propose], but that a repetition
// is recognised as long as the session lives: after an error that matches
// [ErrOutcomeUnknown] call it again with the same data and [WithID] of the [Error]'s
// ID, and it returns the first one's Ack, or carries it out now.
func (s *Session) Propose(ctx context.Context, data []byte, options ...ProposeOption) (Ack, error) {
	o := &message{header: map[string][]string{}}
	for _, option := range options {
		option(o)
	}
	number, err := s.number(ctx, o.id)
	if err != nil {
		return Ack{}, &Error{Op: "propose", ID: o.id, Outcome: bus.NotDone, Err: err}
	}
	value, r, err := s.do(ctx, "propose", number, o.id != "", command.Publish{Subject: "propose", Header: o.encoded(), Data: data})
	if err != nil {
		return Ack{}, err
	}
	p, _ := value.(command.Published)
	return Ack{ID: s.idOf(number), Stream: s.stream, Seq: p.Seq, Duplicate: p.Duplicate, Position: r.position}, nil
}

func (s *Session) idOf(number uint64) string { return fmt.Sprintf("session-%d-%d", s.id, number) }

// number is the number of the command with this id; a new one for no id, as soon as the
// cluster has room for its outcome, or ctx's error.
func (s *Session) number(ctx context.Context, id string) (uint64, error) {
	if id != "" {
		return s.askAgain(id)
	}
	for {
		if number, ok := s.next(); ok {
			return number, nil
		}
		select {
		case <-s.room:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// next is a new number, if there is room for one. The cluster keeps the outcomes from the
// lowest that is awaited on.
func (s *Session) next() (number uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hasRoom() {
		return 0, false
	}
	s.last++
	s.awaited[s.last] = true
	if s.hasRoom() {
		s.pokeRoom()
	}
	return s.last, true
}

func (s *Session) hasRoom() bool { return s.last+1-s.lowest < command.MaxAwaited }

// pokeRoom wakes one call that waits for room, which wakes the next.
func (s *Session) pokeRoom() {
	select {
	case s.room <- struct{}{}:
	default:
	}
}

func (s *Session) askAgain(id string) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range s.awaited {
		if s.idOf(n) == id {
			s.awaited[n] = true
			return n, nil
		}
	}
	return 0, fmt.Errorf("no command of this session with an unknown outcome has the id %q", id)
}

// ask notes that a call about number is under way again.
func (s *Session) ask(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, awaited := s.awaited[number]; awaited {
		s.awaited[number] = true
	}
}

// settled forgets a number whose outcome is known.
func (s *Session) settled(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.awaited, number)
	s.raise()
}

// raise brings lowest up to date.
func (s *Session) raise() {
	for s.lowest <= s.last {
		asked, awaited := s.awaited[s.lowest]
		if awaited && (asked || s.lowest+keptUnknown >= s.last) {
			break
		}
		delete(s.awaited, s.lowest)
		s.lowest++
	}
	if s.hasRoom() {
		s.pokeRoom()
	}
}

// keptUnknown is for how many further commands a session keeps an outcome that
// nobody asks for. Then it is given up, or the session would come to a halt.
const keptUnknown = 512

// at is what makes a command the session's with this number.
func (s *Session) at(number uint64) command.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return command.Session{ID: s.id, Number: number, Awaited: min(number, s.lowest)}
}

// do carries out the command with this number, or finds out what became of it. again says
// that an earlier call did not hear that: what is refused now may have been done then.
func (s *Session) do(ctx context.Context, op string, number uint64, again bool, t command.Op) (command.Value, result, error) {
	o := typedMessage(op, s.stream, command.Command{Session: s.at(number), Op: t}, forever)
	o.id, o.maybe = s.idOf(number), again
	r, settled, err := s.client.do(ctx, o)
	if err != nil {
		return nil, r, s.unlessUnknown(number, err)
	}
	out, refusal, err := parseOutcome(r.data)
	switch {
	case err != nil:
		return nil, r, s.unlessUnknown(number, s.client.fail(o, result{err: err}, false))
	case refusal == nil:
		s.settled(number)
		s.client.setClock(out.LogTime)
		return out.Value, r, nil
	case refusal.Code == command.CodeSessionUnknown:
		s.end()
		return nil, r, s.unlessUnknown(number, s.client.fail(o, result{err: fmt.Errorf("%w: %w", ErrSessionEnded, refusal), position: r.position}, settled))
	case refusal.Code == command.CodeAcknowledged:
		return nil, r, s.client.fail(o, result{err: errGivenUp, position: r.position}, false)
	}
	// The number has this outcome for good: all its copies are answered with it.
	s.settled(number)
	return nil, r, s.client.fail(o, result{err: explain(refusal), position: r.position}, true)
}

var errGivenUp = errors.New("the outcome was not asked for while the session did many other commands, and is given up")

// unlessUnknown is err; when it is certain, nobody will ask for the number again.
func (s *Session) unlessUnknown(number uint64, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, ErrNotDone) {
		delete(s.awaited, number)
	} else if s.awaited[number] {
		s.awaited[number] = false
	}
	s.raise()
	return err
}

func (s *Session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.over = true
		close(s.ended)
	}
}

// keepAlive has the session live on, until it is closed or ends.
func (s *Session) keepAlive(ctx context.Context) {
	tick := time.NewTicker(s.ttl / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		case <-s.ended:
			return
		case <-s.client.stop:
			return
		}
		within, cancel := context.WithTimeout(ctx, s.ttl/3)
		_, _, err := s.client.typed(within, "keep a session", s.stream, command.Command{Session: command.Session{ID: s.id}, Op: command.KeepAlive{}}, forever)
		cancel()
		if hasCode(err, command.CodeSessionUnknown) {
			s.end()
		}
	}
}

// hasCode reports whether err is the state machine's refusal with this code.
func hasCode(err error, code bus.Code) bool {
	var e *bus.Error
	return errors.As(err, &e) && e.Code == code
}

// Close ends the session: what it has not done by then will never be done. It is
// over already if it had ended. An error says that it may live on for its TTL.
func (s *Session) Close(ctx context.Context) error {
	s.stop()
	s.done.Wait()
	defer s.end()
	_, _, err := s.client.typed(ctx, "close a session", s.stream, command.Command{Session: command.Session{ID: s.id}, Op: command.CloseSession{}}, forever)
	if hasCode(err, command.CodeSessionUnknown) {
		return nil
	}
	return err
}
