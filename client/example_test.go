package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/node"
)

var quiet = slog.New(slog.DiscardHandler)

// dev runs a small cluster named "main" in this process, as `synod dev` does, and
// connects to it.
func dev() (c *client.Client, stop func()) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "synod")
	check(err)
	l, err := node.StartLocal(ctx, node.LocalConfig{
		Cluster: "main", Listen: "127.0.0.1:0", Data: dir, Log: quiet, Acceptors: 3, Proposers: 1, Learners: 1,
	})
	check(err)
	c, err = client.Connect(ctx, client.Options{NATS: bus.Options{URLs: []string{l.URL()}, Log: quiet}})
	check(err)
	return c, func() {
		c.Close()
		check(l.Stop(ctx))
		check(os.RemoveAll(dir))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleClient_Propose() {
	c, stop := dev()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	ack, err := c.Propose(ctx, []byte("debit 5"), client.WithID("order-17"))
	switch {
	case err == nil:
		fmt.Println("done, at", ack.Seq)
	case errors.Is(err, client.ErrNotDone):
		fmt.Println("certainly not done:", err)
	case errors.Is(err, client.ErrOutcomeUnknown):
		later, cancel := context.WithTimeout(context.Background(), 10*time.Second) // ctx has ended
		defer cancel()
		found, err := c.Lookup(later, err)
		fmt.Println("looked up:", found.Seq, found.Err, err) // a nil Err: it was done
	}
	again, err := c.Propose(ctx, []byte("debit 5"), client.WithID("order-17"))
	fmt.Println("again:", again.Seq, again.Duplicate, err)
	// Output:
	// done, at 1
	// again: 1 true <nil>
}

func ExampleBucket() {
	c, stop := dev()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	b, err := c.CreateBucket(ctx, "config", client.BucketConfig{})
	check(err)
	put, err := b.Put(ctx, "color", []byte("red"))
	check(err)
	_, err = b.Update(ctx, "color", []byte("blue"), put.Seq)
	check(err)
	_, err = b.Update(ctx, "color", []byte("green"), put.Seq)
	fmt.Println("a revision that is not the last:", errors.Is(err, client.ErrConflict))
	e, err := b.Get(ctx, "color") // sees every change whose call has returned
	check(err)
	fmt.Printf("%s at revision %d\n", e.Value, e.Revision)
	e, err = b.Get(ctx, "color", client.AtLeast(put.Position)) // sees that one; cheaper
	check(err)
	fmt.Println(e.Position >= put.Position)
	// Output:
	// a revision that is not the last: true
	// blue at revision 2
	// true
}

func ExampleTxn() {
	c, stop := dev()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	b, err := c.CreateBucket(ctx, "accounts", client.BucketConfig{})
	check(err)
	_, err = b.Txn().Then(client.Put("ann", []byte("10")), client.Put("bob", []byte("0"))).Commit(ctx)
	check(err)
	done, err := b.Txn().
		If(client.ValueIs("ann", []byte("10")), client.ValueIs("bob", []byte("0"))).
		Then(client.Put("ann", []byte("7")), client.Put("bob", []byte("3"))).
		Else(client.Get("ann"), client.Get("bob")).
		Commit(ctx)
	fmt.Println(done.Held, err)
	done, err = b.Txn().
		If(client.Absent("ann")).
		Then(client.Put("ann", []byte("0"))).
		Else(client.Get("ann"), client.Get("bob")).
		Commit(ctx)
	check(err)
	fmt.Printf("%t ann %s bob %s\n", done.Held, done.Results[0].Value, done.Results[1].Value)
	// Output:
	// true <nil>
	// false ann 7 bob 3
}

func ExampleSession() {
	c, stop := dev()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	s, err := c.OpenSession(ctx, time.Minute)
	check(err)
	ack, err := s.Propose(ctx, []byte("once"))
	var e *client.Error
	for errors.Is(err, client.ErrOutcomeUnknown) && errors.As(err, &e) { // ctx has ended
		later, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		ack, err = s.Propose(later, []byte("once"), client.WithID(e.ID)) // the same command
		cancel()
	}
	fmt.Println(ack.Seq, err)
	fmt.Println(s.Close(ctx))
	// Output:
	// 1 <nil>
	// <nil>
}

func ExampleMutex() {
	c, stop := dev()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	b, err := c.CreateBucket(ctx, "jobs", client.BucketConfig{})
	check(err)
	token, err := b.Mutex("nightly", 15*time.Second).Lock(ctx)
	check(err)
	_, err = token.Put(ctx, "progress", []byte("half")) // refused if another has the lock by now
	fmt.Println(err)
	fmt.Println(token.Unlock(ctx))
	_, err = token.Put(ctx, "progress", []byte("all"))
	fmt.Println(errors.Is(err, client.ErrLeaseLost), errors.Is(err, client.ErrNotDone))
	// Output:
	// <nil>
	// <nil>
	// true true
}

func ExampleElection() {
	c, stop := dev()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	b, err := c.CreateBucket(ctx, "service", client.BucketConfig{})
	check(err)
	e := b.Election("primary", 5*time.Second)
	token, err := e.Campaign(ctx, "host-3")
	check(err)
	who, number, err := e.Leader(ctx)
	fmt.Println(who, number == token.Number(), err)
	select {
	case <-token.Lost():
		fmt.Println("another may lead by now")
	default:
		_, err = token.Put(ctx, "address", []byte("10.0.0.3:80"))
		fmt.Println(err)
	}
	check(token.Unlock(ctx))
	// Output:
	// host-3 true <nil>
	// <nil>
}
