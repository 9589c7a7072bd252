package linearizability

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/synod-paxos/synod/client"
)

// A Group is a pair of keys, a lock, and the history of what was done to them.
type Group struct {
	History *History
	Keys    [2]string
	Lock    string
}

// NewGroup is a group whose keys and lock begin with name, and of which nothing is known.
func NewGroup(name string) *Group {
	return &Group{History: NewHistory(), Keys: [2]string{name + ".a", name + ".b"}, Lock: name + ".lock"}
}

// An Actor is one client of a test: it does one random operation after the other.
// It is for one goroutine.
type Actor struct {
	ID     int // in histories; no two actors of a group have the same
	Store  Store
	Random *rand.Rand
	// Patience is how long a call may take until its outcome is unknown.
	Patience time.Duration
	// Complain is told of what is no outcome of an operation.
	Complain func(problem string)
	// Done, if not nil, is told of every operation that was answered.
	Done func(Kind)

	group *Group
	n     int // values made
	seen  [2]found
	lease Lease // that it believes to hold; nil: none
}

// found is what an actor read last of a key.
type found struct {
	value    string
	revision uint64 // 0: nothing yet
}

// Enter lets the actor go on in group g. A lock that it holds in its present group
// ends by itself.
func (a *Actor) Enter(g *Group) {
	a.leave()
	a.group, a.seen = g, [2]found{}
}

// Leave ends a lock that the actor holds.
func (a *Actor) Leave() { a.leave() }

func (a *Actor) leave() {
	if lease := a.lease; lease != nil {
		a.lease = nil
		a.unlock(lease)
	}
}

// unlock is no operation of the model: a lock may always be taken.
func (a *Actor) unlock(lease Lease) {
	ctx, cancel := context.WithTimeout(context.Background(), a.Patience)
	defer cancel()
	a.judge("unlock", lease.Unlock(ctx))
}

func (a *Actor) value() string {
	a.n++
	return fmt.Sprintf("%d.%d", a.ID, a.n)
}

// judge reports whether the outcome of err is unknown, and complains of an error
// without an outcome.
func (a *Actor) judge(what any, err error) (unknown bool) {
	if err == nil || errors.Is(err, client.ErrOutcomeUnknown) {
		return err != nil
	}
	if !errors.Is(err, client.ErrNotDone) {
		a.Complain(fmt.Sprintf("%+v: an error without an outcome: %v", what, err))
	}
	return false
}

// call records what do was told. Patience is now and then too short, so that there
// are unknown outcomes.
func (a *Actor) call(in Input, do func(context.Context) (Output, error)) {
	patience := a.Patience
	if a.Random.IntN(60) == 0 {
		patience = 2 * time.Millisecond
	}
	a.group.History.Call(a.ID, in, func() (Output, bool) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		out, err := do(ctx)
		out.Unknown = a.judge(in, err)
		if err == nil && a.Done != nil {
			a.Done(in.Kind)
		}
		return out, err == nil || out.Unknown && in.Kind != Read
	})
}

// Act does one operation.
func (a *Actor) Act() {
	key := a.Random.IntN(2)
	switch n := a.Random.IntN(100); {
	case n < 40 || a.seen[key].revision == 0 && n < 75:
		a.Read(key)
	case n < 55:
		a.Write(key)
	case n < 70:
		a.swap(key)
	case n < 85:
		a.both(key)
	default:
		a.underLock(key)
	}
}

// Read reads a key of the group, 0 or 1.
func (a *Actor) Read(key int) {
	a.call(Input{Kind: Read, Key: key}, func(ctx context.Context) (out Output, err error) {
		var f found
		f.value, f.revision, err = a.Store.Get(ctx, a.group.Keys[key])
		if err == nil {
			a.seen[key], out.Values[0] = f, f.value
		}
		return out, err
	})
}

// Write writes a new value to a key of the group, 0 or 1.
func (a *Actor) Write(key int) {
	v := a.value()
	a.call(Input{Kind: Write, Key: key, Value: v}, func(ctx context.Context) (Output, error) {
		return Output{}, a.Store.Put(ctx, a.group.Keys[key], v)
	})
}

func (a *Actor) swap(key int) {
	old, v := a.seen[key], a.value()
	if old.revision == 0 {
		return
	}
	a.call(Input{Kind: Swap, Key: key, Old: old.value, Value: v}, func(ctx context.Context) (Output, error) {
		err := a.Store.Swap(ctx, a.group.Keys[key], v, old.revision)
		if errors.Is(err, client.ErrConflict) && errors.Is(err, client.ErrNotDone) {
			return Output{}, nil
		}
		return Output{OK: err == nil}, err
	})
}

func (a *Actor) both(key int) {
	old, v := a.seen[key], a.value()
	if old.revision == 0 {
		return
	}
	keys := a.group.Keys
	a.call(Input{Kind: Both, Key: key, Old: old.value, Value: v}, func(ctx context.Context) (out Output, err error) {
		out.OK, out.Values, err = a.Store.Both(ctx, keys, keys[key], old.value, v)
		return out, err
	})
}

// underLock writes with the lock. Now and then the holder forgets that it ended
// the lease, as one that was paused does, and writes with the old token.
func (a *Actor) underLock(key int) {
	if a.lease == nil {
		a.call(Input{Kind: Lock}, func(ctx context.Context) (Output, error) {
			lease, err := a.Store.Lock(ctx, a.group.Lock)
			if err != nil {
				return Output{}, err
			}
			a.lease = lease
			return Output{Token: lease.Number()}, nil
		})
		return
	}
	v, lease := a.value(), a.lease
	if a.Random.IntN(2) == 0 {
		a.leave()
	}
	a.call(Input{Kind: Guarded, Key: key, Value: v, Token: lease.Number()}, func(ctx context.Context) (Output, error) {
		err := lease.Put(ctx, a.group.Keys[key], v)
		if errors.Is(err, client.ErrLeaseLost) {
			if a.lease == lease {
				a.lease = nil
			}
			return Output{}, nil
		}
		return Output{OK: err == nil}, err
	})
}
