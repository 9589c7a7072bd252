package linearizability

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/streams/command"
)

// Plain is the store of a user of nats.go: its key-value client for what that can do, and
// requests on nc for transactions and leases, which are typed commands of the bucket's
// stream. It is for one actor.
func Plain(nc *nats.Conn, of bus.Subjects, kv jetstream.KeyValue) Store {
	return &plain{nc: nc, commands: of.Command("KV_" + kv.Bucket()), kv: kv}
}

type plain struct {
	nc       *nats.Conn
	commands string // their subject
	kv       jetstream.KeyValue

	// The session in which its transactions are done once, however often they are sent.
	session uint64 // 0: none
	number  uint64 // of the last transaction
}

func (s *plain) Get(ctx context.Context, key string) (string, uint64, error) {
	e, err := s.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, outcome(err)
	}
	return string(e.Value()), e.Revision(), nil
}

func (s *plain) Put(ctx context.Context, key, value string) error {
	_, err := s.kv.PutString(ctx, key, value)
	return outcome(err)
}

func (s *plain) Swap(ctx context.Context, key, value string, revision uint64) error {
	_, err := s.kv.Update(ctx, key, []byte(value), revision)
	return outcome(err)
}

func (s *plain) Both(ctx context.Context, keys [2]string, key, old, value string) (held bool, seen [2]string, err error) {
	t := command.Transaction{If: []command.Condition{{Kind: command.ValueIs, Subject: s.subject(key), Value: []byte(old)}}}
	for _, k := range keys {
		t.Then = append(t.Then, command.Action{Kind: command.Put, Subject: s.subject(k), Data: []byte(value)})
		t.Else = append(t.Else, command.Action{Kind: command.Get, Subject: s.subject(k)})
	}
	done, err := s.transaction(ctx, t)
	if err == nil && !done.Held {
		seen = [2]string{string(done.Results[0].Data), string(done.Results[1].Data)}
	}
	return done.Held, seen, err
}

func (s *plain) Lock(ctx context.Context, name string) (Lease, error) {
	acquire := command.Acquire{Name: name, Owner: []byte(rand.Text()), TTL: plainTTL}
	lease, err := ask[command.Lease](ctx, s, command.Command{Op: acquire})
	switch {
	case err != nil:
		return nil, err
	case !lease.Done:
		return nil, fmt.Errorf("%w: %w: token %d holds the lease", client.ErrNotDone, client.ErrConflict, lease.Token)
	}
	return &plainLease{store: s, name: name, token: lease.Token, renewed: time.Now()}, nil
}

// plainTTL is how long a lease lives that is not renewed.
const plainTTL = 2 * time.Second

// A plainLease is renewed when it is used, and ends when it is not.
type plainLease struct {
	store   *plain
	name    string
	token   uint64
	renewed time.Time
}

func (l *plainLease) Number() uint64 { return l.token }

func (l *plainLease) Put(ctx context.Context, key, value string) error {
	if time.Since(l.renewed) > plainTTL/3 {
		renew := command.Command{Op: command.Renew{Name: l.name, Token: l.token, TTL: plainTTL}}
		if lease, err := ask[command.Lease](ctx, l.store, renew); err == nil && lease.Done {
			l.renewed = time.Now()
		} // else the transaction finds out
	}
	done, err := l.store.transaction(ctx, command.Transaction{
		If:   []command.Condition{{Kind: command.LeaseIs, Subject: l.name, Number: l.token}},
		Then: []command.Action{{Kind: command.Put, Subject: l.store.subject(key), Data: []byte(value)}},
	})
	if err == nil && !done.Held {
		err = fmt.Errorf("%w: %w", client.ErrNotDone, client.ErrLeaseLost)
	}
	return err
}

func (l *plainLease) Unlock(ctx context.Context) error {
	_, err := ask[command.Lease](ctx, l.store, command.Command{Op: command.Release{Name: l.name, Token: l.token}})
	return err
}

// subject is where the bucket's stream has key.
func (s *plain) subject(key string) string { return "$KV." + s.kv.Bucket() + "." + key }

// transaction carries t out once, in a session. The session awaits no other: a copy of an
// earlier one, of which nothing was heard, is refused from now on.
func (s *plain) transaction(ctx context.Context, t command.Transaction) (command.TransactionDone, error) {
	if s.session == 0 {
		open := command.OpenSession{TTL: time.Minute}
		copy(open.Nonce[:], rand.Text())
		opened, err := ask[command.SessionOpened](ctx, s, command.Command{Op: open})
		if err != nil {
			return command.TransactionDone{}, fmt.Errorf("%w: no session: %v", client.ErrNotDone, err)
		}
		s.session, s.number = opened.ID, 0
	}
	s.number++
	done, err := ask[command.TransactionDone](ctx, s, command.Command{Session: command.Session{ID: s.session, Number: s.number, Awaited: s.number}, Op: t})
	var e *bus.Error
	if errors.As(err, &e) && e.Code == command.CodeSessionUnknown {
		s.session = 0
	}
	return done, err
}

// ask sends a command until it is answered, or ctx ends. Each that is used here may come
// more than once.
func ask[V command.Value](ctx context.Context, s *plain, c command.Command) (value V, _ error) {
	const attempt = time.Second
	failed := client.ErrNotDone // unless a copy may have been taken
	for {
		within, cancel := context.WithTimeout(ctx, attempt)
		m, err := s.nc.RequestWithContext(within, s.commands, c.Encode())
		cancel()
		if err == nil {
			value, err = parse[V](m)
		}
		err = outcome(err)
		var e *bus.Error
		switch {
		case err == nil:
			return value, nil
		case errors.As(err, &e) && e.Outcome == "": // the state machine has refused it
			if e.Code == command.CodeSessionUnknown {
				return value, fmt.Errorf("%w: %w", failed, e)
			}
			return value, err
		case !errors.Is(err, client.ErrNotDone):
			failed = client.ErrOutcomeUnknown
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return value, fmt.Errorf("%w: %v", failed, err)
		}
	}
}

// parse reads an answer: an outcome, or an error.
func parse[V command.Value](m *nats.Msg) (value V, err error) {
	if out, err := command.DecodeOutcome(m.Data); err == nil {
		value, ok := out.Value.(V)
		if !ok {
			return value, fmt.Errorf("the answer is a %T", out.Value)
		}
		return value, nil
	}
	a, err := bus.ParseAck(m.Data)
	if err == nil && a.Error != nil {
		return value, a.Error
	}
	return value, fmt.Errorf("an answer that is none: %q (%w)", m.Data, err)
}

// outcome is what err says of the attempt, as the pages on the protocol have it:
// JetStream's own errors are answers, Synod's say whether the command was done, no
// responders means that nobody got it. Everything else is unknown.
func outcome(err error) error {
	var (
		e    *jetstream.APIError
		ours *bus.Error
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return fmt.Errorf("%w: %w: %w", client.ErrNotDone, client.ErrConflict, err)
	case errors.As(err, &e) && e.ErrorCode != jetstream.ErrorCode(bus.CodeUnknown), errors.As(err, &ours) && ours.Outcome != bus.Unknown,
		errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrReconnectBufExceeded):
		return fmt.Errorf("%w: %w", client.ErrNotDone, err)
	default:
		return fmt.Errorf("%w: %w", client.ErrOutcomeUnknown, err)
	}
}
