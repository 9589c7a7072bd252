package client

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// An Election chooses one leader among the clients that campaign. It is a [Mutex]
// whose holder has a name, and like there, only what is done with the [Token] is
// safe from a leader that does not know that it was replaced.
type Election struct{ mutex *Mutex }

// Election is the election name of the bucket. It is the same lease as the mutex of
// that name. ttl 0 means [DefaultLeaseTTL]: it bounds how long nobody leads after a
// leader died.
func (b *Bucket) Election(name string, ttl time.Duration) *Election {
	return &Election{b.Mutex(name, ttl)}
}

// Campaign waits until the client leads as candidate, at most 900 bytes, or ctx
// ends. [Token.Unlock] resigns; [Token.Lost] tells that another may lead by now.
func (e *Election) Campaign(ctx context.Context, candidate string) (*Token, error) {
	return e.mutex.lock(ctx, e.mutex.bucket.client.newID()+" "+candidate, true)
}

// Leader is who leads, linearizably, and with which token. If nobody does the error
// matches [ErrNotFound].
func (e *Election) Leader(ctx context.Context) (candidate string, token uint64, err error) {
	op := "ask who leads " + e.mutex.name
	lease, err := e.mutex.ask(ctx, op, command.Inspect{Name: e.mutex.name})
	if err != nil {
		return "", 0, err
	}
	if !lease.Done {
		return "", 0, &Error{Op: op, Outcome: bus.NotDone, Err: fmt.Errorf("%w: nobody leads", ErrNotFound)}
	}
	_, candidate, _ = strings.Cut(string(lease.Owner), " ")
	return candidate, lease.Token, nil
}
