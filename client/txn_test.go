package client_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/clustertest"
)

// bucket is a bucket of a cluster that runs.
func bucket(t testing.TB, c *client.Client) *client.Bucket {
	t.Helper()
	b, err := c.CreateBucket(within(t), "b", client.BucketConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestABucketThatCannotBe is refused with all that is wrong with it, and without a cluster.
func TestABucketThatCannotBe(t *testing.T) {
	t.Parallel()
	c := connect(t, bustest.Server(t).URL())
	_, err := c.CreateBucket(within(t), "a.b", client.BucketConfig{History: 65, TTL: -time.Second, MaxSize: -1})
	if !errors.Is(err, client.ErrNotDone) || !errors.Is(err, client.ErrName) {
		t.Fatalf("%v, want %v and %v", err, client.ErrNotDone, client.ErrName)
	}
	for _, want := range []string{"65 values", "-1s", "-1 bytes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if _, err := c.CreateBucket(within(t), "b", client.BucketConfig{History: -1}); !errors.Is(err, client.ErrNotDone) {
		t.Errorf("a negative history: %v, want %v", err, client.ErrNotDone)
	}
}

// TestTransactions do all of one list, and tell what they found.
func TestTransactions(t *testing.T) {
	t.Parallel()
	c, ctx := served(t)
	b := bucket(t, c)
	done, err := b.Txn().If(client.Absent("a"), client.RevisionIs("b", 0)).
		Then(client.Put("a", []byte("1")), client.Put("b", []byte("2")), client.Get("a")).Commit(ctx)
	if err != nil || !done.Held || len(done.Results) != 3 || string(done.Results[2].Value) != "1" || done.Position == 0 {
		t.Fatalf("the first: %+v, %v", done, err)
	}
	done, err = b.Txn().If(client.ValueIs("a", []byte("1")), client.Exists("c")).
		Then(client.Delete("a")).Else(client.Get("b"), client.Get("c")).Commit(ctx)
	if err != nil || done.Held || string(done.Results[0].Value) != "2" || done.Results[1].Found {
		t.Errorf("a condition that does not hold: %+v, %v", done, err)
	}
	checkEntry(t, b, "a", "1", 1)
	if _, err := b.Txn().Then(client.Put("bad key", nil)).Commit(ctx); !errors.Is(err, client.ErrName) || !errors.Is(err, client.ErrNotDone) {
		t.Errorf("a bad key: %v", err)
	}
}

// TestALargeTransaction has as many steps as fit a message, and its outcome fits one.
func TestALargeTransaction(t *testing.T) {
	t.Parallel()
	c, ctx := served(t)
	b := bucket(t, c)
	const keys = 30_000
	txn := b.Txn()
	for i := range keys {
		txn.Then(client.Put(strconv.Itoa(i), nil))
	}
	done, err := txn.Commit(ctx)
	if err != nil || len(done.Results) != keys || done.Results[keys-1].Revision != keys {
		t.Fatalf("%d actions have %d results, %v", keys, len(done.Results), err)
	}
	checkEntry(t, b, strconv.Itoa(keys-1), "", keys)
	for range 2 * keys {
		txn.Then(client.Delete("0"))
	}
	if _, err := txn.Commit(ctx); !errors.Is(err, client.ErrNotDone) || !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("more than a message: %v", err)
	}
}

// TestTransfers between accounts, by many, while leaders die: what was there stays
// the same in sum.
func TestTransfers(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	cluster := clustertest.Start(t, clustertest.Size{Acceptors: 3, Proposers: 3, Learners: 2}, url)
	c := connect(t, url)
	b := bucket(t, c)
	for i := range 4 {
		if _, err := b.Put(within(t), account(i), []byte("100")); err != nil {
			t.Fatal(err)
		}
	}
	var workers sync.WaitGroup
	stopped, stop := context.WithCancel(t.Context())
	l := &ledger{at: map[string]uint64{}}
	for i := range 8 {
		workers.Go(func() {
			for n := 0; stopped.Err() == nil; n++ {
				if transfer(t, b, account((i+n)%4), account((i+n+1)%4)) {
					l.told(fmt.Sprintf("%d-%d", i, n), 0)
				}
			}
		})
	}
	for range 2 {
		l.awaitMore(cluster, 50)
		leader := cluster.AwaitLeader()
		cluster.Stop(leader)
		l.awaitMore(cluster, 50)
		cluster.StartRole(leader)
	}
	stop()
	workers.Wait()
	sum := 0
	for i := range 4 {
		sum += balance(t, b, account(i)).amount
	}
	if sum != 400 {
		t.Errorf("the accounts hold %d in sum, want 400", sum)
	}
}

func account(i int) string { return fmt.Sprintf("account.%d", i) }

type funds struct {
	amount   int
	revision uint64
}

func balance(t *testing.T, b *client.Bucket, key string) funds {
	t.Helper()
	e, err := b.Get(within(t), key)
	if err != nil {
		t.Errorf("get %s: %v", key, err)
		return funds{}
	}
	amount, err := strconv.Atoi(string(e.Value))
	if err != nil {
		t.Error(err)
	}
	return funds{amount, e.Revision}
}

func transfer(t *testing.T, b *client.Bucket, from, to string) bool {
	f, g := balance(t, b, from), balance(t, b, to)
	done, err := b.Txn().
		If(client.RevisionIs(from, f.revision), client.RevisionIs(to, g.revision)).
		Then(client.Put(from, []byte(strconv.Itoa(f.amount-1))), client.Put(to, []byte(strconv.Itoa(g.amount+1)))).
		Commit(within(t))
	if err != nil {
		t.Errorf("transfer: %v", err)
	}
	return err == nil && done.Held
}

// TestAPausedHolder wakes up after its lease has gone to another: what it then does
// with its token is refused.
func TestAPausedHolder(t *testing.T) {
	t.Parallel()
	server := bustest.Server(t)
	proxy := bustest.Proxy(t, server)
	clustertest.Start(t, small, server.URL())
	paused, other := connect(t, proxy.URL()), connect(t, server.URL())
	b := bucket(t, other)
	mine, err := bucket(t, paused).Mutex("lock", time.Second).Lock(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mine.Put(within(t), "k", []byte("mine")); err != nil {
		t.Fatalf("a write under the lock: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Mutex("lock", 0).Lock(short); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "\n") {
		t.Errorf("waiting in vain for a lock: %v", err)
	}
	if _, err := b.Mutex("lock", 0).TryLock(within(t)); !errors.Is(err, client.ErrConflict) {
		t.Errorf("a lock that is held: %v", err)
	}
	proxy.Freeze()
	theirs, err := b.Mutex("lock", 0).Lock(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if theirs.Number() <= mine.Number() {
		t.Errorf("the token went from %d to %d, want it to rise", mine.Number(), theirs.Number())
	}
	if _, err := theirs.Put(within(t), "k", []byte("theirs")); err != nil {
		t.Errorf("the new holder's write: %v", err)
	}
	proxy.Thaw()
	if _, err := mine.Put(within(t), "k", []byte("late")); !errors.Is(err, client.ErrLeaseLost) || !errors.Is(err, client.ErrNotDone) {
		t.Errorf("the paused holder's write: %v, want %v", err, client.ErrLeaseLost)
	}
	<-mine.Lost()
	if e, err := b.Get(within(t), "k"); err != nil || string(e.Value) != "theirs" {
		t.Errorf("the value is %+v, %v", e, err)
	}
	for _, token := range []*client.Token{mine, theirs} {
		if err := token.Unlock(within(t)); err != nil {
			t.Errorf("unlock: %v", err)
		}
	}
	if _, err := theirs.Put(within(t), "k", nil); !errors.Is(err, client.ErrLeaseLost) {
		t.Errorf("a write after unlock: %v, want %v", err, client.ErrLeaseLost)
	}
}

// TestElection: one leads, all know who, and another follows when it resigns.
func TestElection(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	clustertest.Start(t, small, url)
	b := bucket(t, connect(t, url))
	e := b.Election("boss", 2*time.Second)
	if _, _, err := e.Leader(within(t)); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("nobody leads: %v", err)
	}
	ann, err := e.Campaign(within(t), "ann b")
	if err != nil {
		t.Fatal(err)
	}
	if who, token, err := e.Leader(within(t)); err != nil || who != "ann b" || token != ann.Number() {
		t.Errorf("%q leads with %d, %v", who, token, err)
	}
	next := make(chan *client.Token, 1)
	go func() {
		token, err := e.Campaign(within(t), "bob")
		if err != nil {
			t.Errorf("bob: %v", err)
		}
		next <- token
	}()
	if err := ann.Unlock(within(t)); err != nil {
		t.Error(err)
	}
	bob := <-next
	if who, _, err := e.Leader(within(t)); err != nil || who != "bob" || bob.Number() <= ann.Number() {
		t.Errorf("%q leads, %v, with token %d after %d", who, err, bob.Number(), ann.Number())
	}
	if err := bob.Unlock(within(t)); err != nil {
		t.Error(err)
	}
}

// TestReadLevels: what was asked to be at least so new is, and every answer tells its
// position.
func TestReadLevels(t *testing.T) {
	t.Parallel()
	c, ctx := served(t)
	b := bucket(t, c)
	for n := range 20 {
		value := strconv.Itoa(n)
		ack, err := b.Put(ctx, "k", []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range [][]client.ReadOption{nil, {client.AtLeast(ack.Position)}, {client.AtLeast(c.Position())}} {
			e, err := b.Get(ctx, "k", level...)
			if err != nil || string(e.Value) != value || e.Position < ack.Position {
				t.Errorf("after %d: %+v, %v", n, e, err)
			}
		}
		if e, err := b.Get(ctx, "k", client.Stale()); err == nil && e.Position == 0 {
			t.Errorf("a stale read tells no position: %+v", e)
		}
	}
}
