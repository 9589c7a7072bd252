package linearizability

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/synod-paxos/synod/client"
)

var keys = [2]string{"a", "b"}

// An actor is one client of a test: it does one operation after the other.
type actor struct {
	t       *testing.T
	id      int
	bucket  *client.Bucket
	history *history
	random  *rand.Rand
	n       int
	seen    [2]*client.Entry // last read
	token   *client.Token
}

// patience is how long a call may take until its outcome is unknown.
const patience = 3 * time.Second

// patience is now and then too short, so that there are unknown outcomes.
func (a *actor) patience() time.Duration {
	if a.random.IntN(30) == 0 {
		return 2 * time.Millisecond
	}
	return patience
}

// run acts until ctx ends.
func (a *actor) run(ctx context.Context) {
	for ctx.Err() == nil {
		a.act()
	}
	if a.token != nil {
		a.call(input{kind: kindsEnd}, func(ctx context.Context) (output, error) { return output{}, a.token.Unlock(ctx) })
	}
}

func (a *actor) value() string {
	a.n++
	return fmt.Sprintf("%d.%d", a.id, a.n)
}

// call records what do was told. An error that is no outcome of the operation fails
// the test.
func (a *actor) call(in input, do func(context.Context) (output, error)) {
	a.history.call(a.id, in, func() (output, bool) {
		ctx, cancel := context.WithTimeout(context.Background(), a.patience())
		defer cancel()
		out, err := do(ctx)
		out.unknown = errors.Is(err, client.ErrOutcomeUnknown)
		if err != nil && !out.unknown && !errors.Is(err, client.ErrNotDone) {
			a.t.Errorf("%+v: an error without an outcome: %v", in, err)
		}
		return out, in.kind != kindsEnd && (err == nil || out.unknown)
	})
}

func (a *actor) act() {
	key := a.random.IntN(2)
	switch n := a.random.IntN(100); {
	case n < 40 || a.seen[key] == nil && n < 75:
		a.read(key)
	case n < 55:
		a.write(key)
	case n < 70:
		a.swap(key)
	case n < 85:
		a.both(key)
	default:
		a.underLock(key)
	}
}

func (a *actor) read(key int) {
	a.call(input{kind: read, key: key}, func(ctx context.Context) (out output, err error) {
		e, err := a.bucket.Get(ctx, keys[key])
		if errors.Is(err, client.ErrNotFound) {
			return out, nil
		}
		if err == nil {
			a.seen[key], out.values[0] = e, string(e.Value)
		}
		return out, err
	})
}

func (a *actor) write(key int) {
	v := a.value()
	a.call(input{kind: write, key: key, value: v}, func(ctx context.Context) (out output, err error) {
		_, err = a.bucket.Put(ctx, keys[key], []byte(v))
		return out, err
	})
}

func (a *actor) swap(key int) {
	old, v := a.seen[key], a.value()
	if old == nil {
		return
	}
	a.call(input{kind: swap, key: key, old: string(old.Value), value: v}, func(ctx context.Context) (output, error) {
		_, err := a.bucket.Update(ctx, keys[key], []byte(v), old.Revision)
		if errors.Is(err, client.ErrConflict) && errors.Is(err, client.ErrNotDone) {
			return output{}, nil
		}
		return output{ok: err == nil}, err
	})
}

func (a *actor) both(key int) {
	old, v := a.seen[key], a.value()
	if old == nil {
		return
	}
	a.call(input{kind: both, key: key, old: string(old.Value), value: v}, func(ctx context.Context) (out output, err error) {
		done, err := a.bucket.Txn().If(client.ValueIs(keys[key], old.Value)).
			Then(client.Put(keys[0], []byte(v)), client.Put(keys[1], []byte(v))).
			Else(client.Get(keys[0]), client.Get(keys[1])).Commit(ctx)
		if err == nil && !done.Held {
			out.values = [2]string{string(done.Results[0].Value), string(done.Results[1].Value)}
		}
		out.ok = done.Held
		return out, err
	})
}

// underLock writes with the lock. Now and then the holder forgets that it ended
// the lease, as one that was paused does, and writes with the old token.
func (a *actor) underLock(key int) {
	if a.token == nil {
		a.call(input{kind: lock}, func(ctx context.Context) (output, error) {
			token, err := a.bucket.Mutex("lock", time.Second).TryLock(ctx)
			if err != nil {
				return output{}, err
			}
			a.token = token
			return output{token: token.Number()}, nil
		})
		return
	}
	v, token := a.value(), a.token
	if a.random.IntN(2) == 0 {
		a.token = nil
		a.call(input{kind: kindsEnd}, func(ctx context.Context) (output, error) { return output{}, token.Unlock(ctx) })
	}
	a.call(input{kind: guarded, key: key, value: v, token: token.Number()}, func(ctx context.Context) (output, error) {
		_, err := token.Put(ctx, keys[key], []byte(v))
		if errors.Is(err, client.ErrLeaseLost) {
			if a.token == token {
				a.token = nil
			}
			return output{}, nil
		}
		return output{ok: err == nil}, err
	})
}
