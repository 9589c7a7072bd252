package linearizability

import (
	"context"
	"errors"
	"time"

	"github.com/synod-paxos/synod/client"
)

// A Store is how an [Actor] does its operations. Every error matches client.ErrNotDone
// or client.ErrOutcomeUnknown.
type Store interface {
	// Get is a key's value and its revision; "" and 0 when it has none.
	Get(ctx context.Context, key string) (value string, revision uint64, err error)
	Put(ctx context.Context, key, value string) error
	// Swap sets key to value if revision is its last; else the error matches
	// client.ErrConflict.
	Swap(ctx context.Context, key, value string, revision uint64) error
	// Both sets both keys to value if key, one of them, has the value old; else it reads
	// both.
	Both(ctx context.Context, keys [2]string, key, old, value string) (held bool, seen [2]string, err error)
	// Lock takes the lease name, unless it is held: then the error matches
	// client.ErrConflict. It ends by itself some time after its holder is heard no more.
	Lock(ctx context.Context, name string) (Lease, error)
}

// A Lease is a lock that is held, or was.
type Lease interface {
	Number() uint64 // the fencing token
	// Put sets key to value if the lease is held; else the error matches
	// client.ErrLeaseLost.
	Put(ctx context.Context, key, value string) error
	Unlock(ctx context.Context) error
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

func (s own) Both(ctx context.Context, keys [2]string, key, old, value string) (held bool, seen [2]string, err error) {
	done, err := s.bucket.Txn().If(client.ValueIs(key, []byte(old))).
		Then(client.Put(keys[0], []byte(value)), client.Put(keys[1], []byte(value))).
		Else(client.Get(keys[0]), client.Get(keys[1])).Commit(ctx)
	if err == nil && !done.Held {
		seen = [2]string{string(done.Results[0].Value), string(done.Results[1].Value)}
	}
	return done.Held, seen, err
}

func (s own) Lock(ctx context.Context, name string) (Lease, error) {
	token, err := s.bucket.Mutex(name, time.Second).TryLock(ctx)
	if err != nil {
		return nil, err
	}
	return ownLease{token}, nil
}

type ownLease struct{ *client.Token }

func (l ownLease) Put(ctx context.Context, key, value string) error {
	_, err := l.Token.Put(ctx, key, []byte(value))
	return err
}
