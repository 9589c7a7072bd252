package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// A Txn looks at keys of one bucket and changes them, all or nothing, at one place
// in the log:
//
//	done, err := b.Txn().
//		If(client.ValueIs("a", old)).
//		Then(client.Put("a", new), client.Delete("b")).
//		Else(client.Get("a")).
//		Commit(ctx)
//
// When every condition holds, the actions of Then are done, in order; else those of
// Else. A Txn may have as many as fit one message (about 1 MiB), of which at most 1024 read a
// value: Exists, Absent, ValueIs and Get. A Txn is for one goroutine.
type Txn struct {
	bucket *Bucket
	op     command.Transaction
	err    error
	sent   *Session // in which Commit was called, if its outcome is unknown
	number uint64   // in that session
}

// A Condition is a fact about a key before the transaction.
type Condition struct {
	kind   command.ConditionKind
	key    string
	number uint64
	value  []byte
	bucket string // of a lease
}

// An Action is one step of a transaction.
type Action struct {
	kind  command.ActionKind
	key   string
	value []byte
}

// Exists holds if key has a value.
func Exists(key string) Condition { return Condition{kind: command.Exists, key: key} }

// Absent holds if key has no value: it never had one, or it was deleted.
func Absent(key string) Condition { return Condition{kind: command.Absent, key: key} }

// ValueIs holds if key has this value.
func ValueIs(key string, value []byte) Condition {
	return Condition{kind: command.ValueIs, key: key, value: value}
}

// RevisionIs holds if the last change of key, a deletion too, has this revision; 0:
// if there was none.
func RevisionIs(key string, revision uint64) Condition {
	return Condition{kind: command.RevisionIs, key: key, number: revision}
}

// Held holds if t's lease is held with t: if nobody has taken it over. The transaction
// must be in the bucket of t's mutex; in another one Commit returns an error, and nothing
// is done.
func Held(t *Token) Condition {
	return Condition{kind: command.LeaseIs, key: t.mutex.name, number: t.number, bucket: t.mutex.bucket.name}
}

// Put sets key to value.
func Put(key string, value []byte) Action {
	return Action{kind: command.Put, key: key, value: value}
}

// Delete removes key's value.
func Delete(key string) Action { return Action{kind: command.Delete, key: key} }

// Get reads key, after the actions before it in its list.
func Get(key string) Action { return Action{kind: command.Get, key: key} }

// Txn begins a transaction. Without conditions it does Then.
func (b *Bucket) Txn() *Txn { return &Txn{bucket: b} }

// If adds conditions.
func (t *Txn) If(conditions ...Condition) *Txn {
	for _, c := range conditions {
		subject := c.key
		switch {
		case c.kind != command.LeaseIs:
			subject = t.subject(c.key)
		case c.bucket != t.bucket.name:
			t.err = errors.Join(t.err, fmt.Errorf("the lease %q is of bucket %s, not of %s", c.key, c.bucket, t.bucket.name))
		}
		t.op.If = append(t.op.If, command.Condition{Kind: c.kind, Subject: subject, Number: c.number, Value: c.value})
	}
	return t
}

// Then adds actions for when every condition holds.
func (t *Txn) Then(actions ...Action) *Txn {
	t.op.Then = append(t.op.Then, t.actions(actions)...)
	return t
}

// Else adds actions for when a condition does not hold.
func (t *Txn) Else(actions ...Action) *Txn {
	t.op.Else = append(t.op.Else, t.actions(actions)...)
	return t
}

func (t *Txn) actions(actions []Action) []command.Action {
	var out []command.Action
	for _, a := range actions {
		out = append(out, command.Action{Kind: a.kind, Subject: t.subject(a.key), Data: a.value})
	}
	return out
}

func (t *Txn) subject(key string) string {
	if err := checkKey(key); err != nil {
		t.err = errors.Join(t.err, err)
	}
	return t.bucket.subject(key)
}

// Committed is what a transaction did.
type Committed struct {
	Held     bool     // every condition held, and Then was done
	Results  []Result // of the actions of the list that was done, in order
	Position Position
}

// A Result is that of one action.
type Result struct {
	Revision uint64 // of the change made, or of the last change of the key that was read; 0: it has none
	Found    bool   // Get found a value
	Value    []byte // that Get found
	Omitted  bool   // Get found a value for which the answer, of 512 KiB, had no room: read the revision
	Created  time.Time
}

// Commit carries the transaction out, exactly once, in a session that the client
// keeps for the bucket. After an error that matches [ErrOutcomeUnknown], calling
// Commit again finds out what became of it, or does it now. After any other end it is
// another transaction. Conditions that do not hold are no error: see [Committed].
func (t *Txn) Commit(ctx context.Context) (Committed, error) {
	done, err := t.commit(ctx)
	if errors.Is(err, ErrSessionEnded) && errors.Is(err, ErrNotDone) {
		return t.commit(ctx) // this process had slept for longer than its session lives
	}
	return done, err
}

func (t *Txn) commit(ctx context.Context) (Committed, error) {
	op := "transaction in " + t.bucket.name
	if t.err != nil {
		return Committed{}, &Error{Op: op, Outcome: bus.NotDone, Err: t.err}
	}
	again := t.sent != nil
	if again {
		t.sent.ask(t.number)
	} else {
		s, err := t.bucket.client.sessionFor(ctx, streamOf(t.bucket.name))
		if err != nil {
			return Committed{}, &Error{Op: op, Outcome: bus.NotDone, Err: fmt.Errorf("no session: %w", errors.Unwrap(err))}
		}
		number, err := s.number(ctx, "")
		if err != nil {
			return Committed{}, &Error{Op: op, Outcome: bus.NotDone, Err: err}
		}
		t.sent, t.number = s, number
	}
	value, r, err := t.sent.do(ctx, op, t.number, again, t.op)
	if !errors.Is(err, ErrOutcomeUnknown) {
		t.sent, t.number = nil, 0
	}
	if err != nil {
		return Committed{}, err
	}
	done, _ := value.(command.TransactionDone)
	return committed(done, r.position), nil
}

func committed(done command.TransactionDone, at Position) Committed {
	c := Committed{Held: done.Held, Position: at}
	for _, r := range done.Results {
		result := Result{Revision: r.Revision, Found: r.Found, Omitted: r.Omitted}
		if r.Found {
			result.Value, result.Created = r.Data, time.Unix(0, r.Time)
		}
		c.Results = append(c.Results, result)
	}
	return c
}

// ownSessionTTL is how long the sessions of Txn live on without the client.
const ownSessionTTL = 5 * time.Minute

// sessionFor is the session that the client keeps for a stream.
func (c *Client) sessionFor(ctx context.Context, stream string) (*Session, error) {
	if err := c.sessionsTurn.take(ctx); err != nil {
		return nil, &Error{Op: "open a session", Outcome: bus.NotDone, Err: err}
	}
	defer c.sessionsTurn.leave()
	if s := c.sessions[stream]; s != nil {
		select {
		case <-s.ended:
		default:
			return s, nil
		}
	}
	s, err := c.openSession(ctx, stream, ownSessionTTL)
	if err != nil {
		return nil, err
	}
	c.sessions[stream] = s
	return s, nil
}
