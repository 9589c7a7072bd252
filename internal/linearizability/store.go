package linearizability

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/client"
)

// A Store is how an [Actor] reads, writes and swaps. Every error matches
// client.ErrNotDone or client.ErrOutcomeUnknown.
type Store interface {
	// Get is a key's value and its revision; "" and 0 when it has none.
	Get(ctx context.Context, key string) (value string, revision uint64, err error)
	Put(ctx context.Context, key, value string) error
	// Swap sets key to value if revision is its last; else the error matches
	// client.ErrConflict.
	Swap(ctx context.Context, key, value string, revision uint64) error
}

// Own is the store of Synod's own client.
func Own(b *client.Bucket) Store { return own{b} }

type own struct{ bucket *client.Bucket }

func (s own) Get(ctx context.Context, key string) (string, uint64, error) {
	e, err := s.bucket.Get(ctx, key)
	if errors.Is(err, client.ErrNotFound) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	return string(e.Value), e.Revision, nil
}

func (s own) Put(ctx context.Context, key, value string) error {
	_, err := s.bucket.Put(ctx, key, []byte(value))
	return err
}

func (s own) Swap(ctx context.Context, key, value string, revision uint64) error {
	_, err := s.bucket.Update(ctx, key, []byte(value), revision)
	return err
}

// Plain is the store of nats.go's key-value client: its user knows nothing of Synod.
func Plain(kv jetstream.KeyValue) Store { return plain{kv} }

type plain struct{ kv jetstream.KeyValue }

func (s plain) Get(ctx context.Context, key string) (string, uint64, error) {
	e, err := s.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, outcome(err)
	}
	return string(e.Value()), e.Revision(), nil
}

func (s plain) Put(ctx context.Context, key, value string) error {
	_, err := s.kv.PutString(ctx, key, value)
	return outcome(err)
}

func (s plain) Swap(ctx context.Context, key, value string, revision uint64) error {
	_, err := s.kv.Update(ctx, key, []byte(value), revision)
	return outcome(err)
}

// outcome is what err says of the attempt, as the pages on the protocol have it:
// JetStream's own errors are answers, Synod's say whether the command was done, no
// responders means that nobody got it. Everything else is unknown.
func outcome(err error) error {
	var e *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return fmt.Errorf("%w: %w: %w", client.ErrNotDone, client.ErrConflict, err)
	case errors.As(err, &e) && e.ErrorCode != jetstream.ErrorCode(bus.CodeUnknown),
		errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrReconnectBufExceeded):
		return fmt.Errorf("%w: %w", client.ErrNotDone, err)
	default:
		return fmt.Errorf("%w: %w", client.ErrOutcomeUnknown, err)
	}
}
