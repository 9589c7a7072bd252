package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// A Mutex is a lease of a bucket that one holder at a time has, among all clients
// of the cluster. A lease ends by itself, in log time, when its holder is not heard
// for its TTL; so a holder that is paused or cut off may believe that it holds
// what another holds by now. Nothing can change that. Therefore Lock
// returns a [Token], and what is done under the lock is done with the token: the
// cluster refuses what comes with one that has been superseded.
//
// A Mutex is not reentrant: its holder waits for itself. Who waits asks again a few
// times a second, and gets the lease in no promised order.
type Mutex struct {
	bucket *Bucket
	name   string
	ttl    time.Duration
}

// DefaultLeaseTTL is the TTL of leases for which none is named. It may be 1 s to 24 h.
const DefaultLeaseTTL = 15 * time.Second

// ErrLeaseLost is matched by the error of what was tried with a token that does not
// hold its lease any more.
var ErrLeaseLost = errors.New("the lease is not held with this token any more")

// Mutex is the lock name, 1 to 1024 bytes, of the bucket. ttl 0 means
// [DefaultLeaseTTL]. Nothing is asked of the cluster.
func (b *Bucket) Mutex(name string, ttl time.Duration) *Mutex {
	if ttl == 0 {
		ttl = DefaultLeaseTTL
	}
	return &Mutex{bucket: b, name: name, ttl: ttl}
}

// A Token says that its holder had a lease. Tokens rise for ever: who takes a lease
// later has a higher token, so any store that refuses tokens lower than one it has
// seen is safe from late writes. The bucket's own writes are checked by the cluster.
type Token struct {
	mutex  *Mutex
	number uint64
	lost   chan struct{}
	stop   context.CancelFunc
	done   sync.WaitGroup
	once   sync.Once
}

// Lock waits until it has the lease, or ctx ends. The client then renews the lease
// by itself until [Token.Unlock]. After an error that matches [ErrOutcomeUnknown] the
// lease may be held, by nobody who knows it, for its TTL.
func (m *Mutex) Lock(ctx context.Context) (*Token, error) {
	return m.lock(ctx, m.bucket.client.newID(), true)
}

// TryLock is Lock that does not wait for another holder. It then returns no token
// and an error that matches [ErrConflict].
func (m *Mutex) TryLock(ctx context.Context) (*Token, error) {
	return m.lock(ctx, m.bucket.client.newID(), false)
}

// lock has the lease acquired by owner, which is different every time, so that a
// repetition is known for one.
func (m *Mutex) lock(ctx context.Context, owner string, wait bool) (*Token, error) {
	c, op := m.bucket.client, "lock "+m.name
	for {
		sent := time.Now()
		lease, err := m.ask(ctx, op, command.Acquire{Name: m.name, Owner: []byte(owner), TTL: m.ttl})
		if err != nil {
			return nil, err
		}
		if lease.Done {
			return m.hold(lease.Token, sent), nil
		}
		held := &Error{Op: op, Outcome: bus.NotDone, Err: fmt.Errorf("%w: token %d holds the lease", ErrConflict, lease.Token)}
		if !wait {
			return nil, held
		}
		left := time.Duration(lease.Expires - c.clock.Load())
		pause := min(max(left, pollLeast), pollMost)
		if !c.mayRepeat(ctx, &message{}, time.Time{}, jitter(pause)) {
			held.Err = fmt.Errorf("%w: %w", held.Err, c.ended(ctx))
			return nil, held
		}
	}
}

// How often a lease that another holds is tried again.
const (
	pollLeast = 20 * time.Millisecond
	pollMost  = 200 * time.Millisecond
)

// ask carries out a command for the lease, each of which may be repeated: a copy
// that comes late finds that all was done, or that another holds the lease, or
// acquires it for an owner that is no more, for the TTL at most.
func (m *Mutex) ask(ctx context.Context, op string, t command.Op) (command.Lease, error) {
	value, _, err := m.bucket.client.typed(ctx, op, streamOf(m.bucket.name), command.Command{Op: t}, forever)
	if err != nil {
		return command.Lease{}, err
	}
	lease, _ := value.(command.Lease)
	return lease, nil
}

// hold renews the lease until Unlock, and notices when it is lost.
func (m *Mutex) hold(number uint64, sent time.Time) *Token {
	ctx, stop := context.WithCancel(context.Background())
	t := &Token{mutex: m, number: number, lost: make(chan struct{}), stop: stop}
	t.done.Go(func() { t.renew(ctx, sent) })
	return t
}

// renew keeps the lease, which was renewed by what was sent then. It gives it up for
// lost a little before the TTL has passed unrenewed, in this process's time.
func (t *Token) renew(ctx context.Context, sent time.Time) {
	ttl := t.mutex.ttl
	for {
		wait := time.NewTimer(min(ttl/3, time.Until(sent.Add(ttl*9/10))))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		case <-t.mutex.bucket.client.stop:
			wait.Stop()
			t.lose()
			return
		}
		now := time.Now()
		within, cancel := context.WithDeadline(ctx, sent.Add(ttl*9/10))
		lease, err := t.mutex.ask(within, "renew "+t.mutex.name, command.Renew{Name: t.mutex.name, Token: t.number, TTL: ttl})
		cancel()
		switch {
		case err == nil && lease.Done:
			sent = now
		case err == nil || time.Since(sent) >= ttl*9/10:
			t.lose()
			return
		}
	}
}

func (t *Token) lose() { t.once.Do(func() { close(t.lost) }) }

// Number is the fencing token, for stores other than the bucket: it is higher than
// that of every earlier lease of the cluster. Let the store refuse what comes with
// a lower one than it has seen.
func (t *Token) Number() uint64 { return t.number }

// Lost is closed when the lease is lost, as far as this process can tell: the
// cluster said so, or it was not renewed for almost its TTL. A process that was
// paused learns of it late; only the check of the token protects what the lock is for.
func (t *Token) Lost() <-chan struct{} { return t.lost }

// Unlock ends the lease. It is no error if it had ended before. The token's
// writes are refused from then on. After an error nobody renews the lease any more, so it
// ends within its TTL; Unlock may be called again.
func (t *Token) Unlock(ctx context.Context) error {
	t.stop()
	t.done.Wait()
	t.lose()
	_, err := t.mutex.ask(ctx, "unlock "+t.mutex.name, command.Release{Name: t.mutex.name, Token: t.number})
	return err
}

// Put sets key of the token's bucket to value if the lease is held with the token.
// If it is not, the error matches [ErrLeaseLost] and [ErrNotDone].
func (t *Token) Put(ctx context.Context, key string, value []byte) (Ack, error) {
	return t.write(ctx, Put(key, value))
}

// Delete removes key's value if the lease is held with the token. If it is not, the
// error matches [ErrLeaseLost] and [ErrNotDone].
func (t *Token) Delete(ctx context.Context, key string) (Ack, error) {
	return t.write(ctx, Delete(key))
}

func (t *Token) write(ctx context.Context, a Action) (Ack, error) {
	b := t.mutex.bucket
	done, err := b.Txn().If(Held(t)).Then(a).Commit(ctx)
	switch {
	case err != nil:
		return Ack{}, err
	case !done.Held:
		t.lose()
		return Ack{}, &Error{Op: "write " + b.name + "/" + a.key, Outcome: bus.NotDone, Position: done.Position, Err: ErrLeaseLost}
	}
	return Ack{Stream: streamOf(b.name), Seq: done.Results[0].Revision, Position: done.Position}, nil
}
