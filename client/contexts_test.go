package client_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/clustertest"
	"github.com/synod-paxos/synod/streams/command"
)

// TestContextsAreHonoured by every call that asks the cluster, while nobody leads: one
// that has ended sends nothing, and one that ends ends the call, also of a caller that
// waits for what another asks.
func TestContextsAreHonoured(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	cluster := clustertest.Start(t, clustertest.Size{Acceptors: 3, Proposers: 1, Learners: 1}, url)
	c := connect(t, url)
	b := bucket(t, c)
	s, err := c.OpenSession(within(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	token, err := b.Mutex("held", time.Minute).Lock(within(t))
	if err != nil {
		t.Fatal(err)
	}
	other := connect(t, url) // which has no session and knows no log time yet
	cluster.Stop("p1")
	calls := map[string]func(context.Context) error{
		"Propose": func(ctx context.Context) error { _, err := other.Propose(ctx, nil); return err },
		"Apply":   func(ctx context.Context) error { _, _, err := other.Apply(ctx, nil); return err },
		"CreateBucket": func(ctx context.Context) error {
			_, err := other.CreateBucket(ctx, "b", client.BucketConfig{})
			return err
		},
		"DeleteBucket":    func(ctx context.Context) error { return c.DeleteBucket(ctx, "b") },
		"Put":             func(ctx context.Context) error { _, err := b.Put(ctx, "k", nil); return err },
		"Create":          func(ctx context.Context) error { _, err := b.Create(ctx, "k", nil); return err },
		"Delete":          func(ctx context.Context) error { _, err := b.Delete(ctx, "k"); return err },
		"Commit":          func(ctx context.Context) error { _, err := b.Txn().Then(client.Put("k", nil)).Commit(ctx); return err },
		"OpenSession":     func(ctx context.Context) error { _, err := c.OpenSession(ctx, 0); return err },
		"Session.Propose": func(ctx context.Context) error { _, err := s.Propose(ctx, nil); return err },
		"Lock":            func(ctx context.Context) error { _, err := b.Mutex("x", 0).Lock(ctx); return err },
		"TryLock":         func(ctx context.Context) error { _, err := b.Mutex("x", 0).TryLock(ctx); return err },
		"Campaign":        func(ctx context.Context) error { _, err := b.Election("x", 0).Campaign(ctx, "me"); return err },
		"Leader":          func(ctx context.Context) error { _, _, err := b.Election("x", 0).Leader(ctx); return err },
		"Token.Put":       func(ctx context.Context) error { _, err := token.Put(ctx, "k", nil); return err },
		"LookupID":        func(ctx context.Context) error { _, err := c.LookupID(ctx, "id"); return err },
	}
	for _, ended := range []bool{true, false} {
		var all sync.WaitGroup
		for name, call := range calls {
			for range 3 {
				all.Go(func() { checkEnds(t, name, call, ended) })
			}
		}
		// One that has much time holds up none of the others.
		long, cancel := context.WithCancel(t.Context())
		var slow sync.WaitGroup
		slow.Go(func() { _, _ = b.Txn().Then(client.Put("k", nil)).Commit(long) })
		all.Wait()
		cancel()
		slow.Wait()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); err == nil {
		t.Error("a session was closed, and nobody leads")
	}
	if err := token.Unlock(ctx); err == nil {
		t.Error("a lease was ended, and nobody leads")
	}
}

// checkEnds makes a call whose context ends soon, or has ended.
func checkEnds(t *testing.T, name string, call func(context.Context) error, ended bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if ended {
		cancel()
	}
	began := time.Now()
	err := call(ctx)
	took := time.Since(began)
	if !errors.Is(err, ctx.Err()) || !errors.Is(err, client.ErrNotDone) && !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Errorf("%s with a context that ends: %v, want %v, and an outcome", name, err, ctx.Err())
	}
	if ended && !errors.Is(err, client.ErrNotDone) {
		t.Errorf("%s with a context that has ended: %v, want %v", name, err, client.ErrNotDone)
	}
	if took > 5*time.Second {
		t.Errorf("%s with a context of 200ms took %s", name, took)
	}
}

// TestACallEndsWithItsContext, however long one attempt may wait for its answer: here
// whoever takes it is silent.
func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	cluster := clustertest.Start(t, clustertest.Size{Acceptors: 3, Proposers: 1, Learners: 1}, url)
	c := connectWith(t, client.Options{Attempt: time.Hour, NATS: bus.Options{URLs: []string{url}}})
	if _, err := c.Propose(within(t), nil); err != nil { // it knows the log time, and asks no more
		t.Fatal(err)
	}
	cluster.Stop("p1")
	nc := cluster.Connect().Conn()
	if _, err := nc.Subscribe(clustertest.Subjects.Propose(), func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(context.Context) error{
		"Propose": func(ctx context.Context) error { _, err := c.Propose(ctx, nil); return err },  // with others
		"Apply":   func(ctx context.Context) error { _, _, err := c.Apply(ctx, nil); return err }, // alone
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- call(ctx) }()
		select {
		case err := <-ended:
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, client.ErrOutcomeUnknown) {
				t.Errorf("%s: %v, want %v, and %v", name, err, context.DeadlineExceeded, client.ErrOutcomeUnknown)
			}
		case <-within(t).Done():
			t.Fatalf("%s goes on after its context has ended", name)
		}
	}
}

// TestAnEndedCallSendsNothing: a context that had ended before the call leaves no trace.
func TestAnEndedCallSendsNothing(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	clustertest.Start(t, small, url)
	c := connect(t, url)
	if _, err := c.Propose(within(t), []byte("first")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if _, err := c.Propose(ctx, []byte("never")); !errors.Is(err, client.ErrNotDone) || !errors.Is(err, context.Canceled) {
			t.Fatalf("a call whose context has ended: %v, want %v", err, client.ErrNotDone)
		}
	}
	if ack, err := c.Propose(within(t), []byte("second")); err != nil || ack.Seq != 2 {
		t.Errorf("the next proposal: %+v, %v, want sequence 2", ack, err)
	}
}

// TestManyAtOnceInASession: more than the cluster keeps outcomes for are all done, since
// those that come too early wait for the others.
func TestManyAtOnceInASession(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	clustertest.Start(t, small, url)
	s, err := connect(t, url).OpenSession(within(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 1500 {
		all.Go(func() {
			if _, err := s.Propose(within(t), []byte("x")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := s.Close(within(t)); err != nil {
		t.Error(err)
	}
}

// TestASessionThatEndedInItsSleep is replaced by the client, and does no harm to a
// transaction: as when the process was paused for longer than its session lives.
func TestASessionThatEndedInItsSleep(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	cluster := clustertest.Start(t, small, url)
	c := connect(t, url)
	b := bucket(t, c)
	token, err := b.Mutex("lock", time.Minute).Lock(within(t))
	if err != nil {
		t.Fatal(err)
	}
	nc := cluster.Connect().Conn()
	for range 2 {
		if _, err := token.Put(within(t), "k", []byte("mine")); err != nil {
			t.Fatalf("a write under the lock: %v", err)
		}
		end := command.Command{Session: command.Session{ID: client.SessionOf(c, "KV_b")}, Op: command.CloseSession{}}
		if _, err := nc.Request(clustertest.Subjects.Command("KV_b"), end.Encode(), 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := b.Txn().If(client.ValueIs("k", []byte("mine"))).Then(client.Put("k", nil)).Commit(within(t)); err != nil || !done.Held {
		t.Errorf("a transaction after its session's end: %+v, %v", done, err)
	}
	elsewhere, err := c.CreateBucket(within(t), "elsewhere", client.BucketConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := elsewhere.Txn().If(client.Held(token)).Then(client.Put("k", nil)).Commit(within(t)); !errors.Is(err, client.ErrNotDone) {
		t.Errorf("a token of another bucket: %v, want %v", err, client.ErrNotDone)
	}
	if err := token.Unlock(within(t)); err != nil {
		t.Error(err)
	}
}

// TestOneAttemptWhereNobodyKnowsCopies: Apply sends nothing again that may have been taken, whatever
// says that its outcome is unknown.
func TestOneAttemptWhereNobodyKnowsCopies(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t)
	proxy := bustest.Proxy(t, s)
	leader := bustest.Connect(t, s.URL())
	c := connect(t, proxy.URL())
	say := func(m *nats.Msg) {
		if err := leader.Conn().PublishMsg(m); err != nil {
			t.Error(err)
		}
	}
	tests := []struct {
		name   string
		answer func(*nats.Msg)
		reply  string // of the machine; empty: the outcome is unknown
	}{
		{"a role does not know", func(m *nats.Msg) {
			say(bus.Ack{Error: bus.NewError(bus.CodeUnknown, "it was proposed")}.Message(m.Reply))
		}, ""},
		{"a machine speaks as NATS does", func(m *nats.Msg) {
			say(&nats.Msg{Subject: m.Reply, Header: nats.Header{"Status": {"503"}}, Data: []byte("done")})
		}, "done"},
		{"the connection breaks", func(*nats.Msg) { proxy.Cut() }, ""},
	}
	var asked atomic.Int32
	l, err := leader.ServeClients("leader", []string{clustertest.Subjects.Propose()}, func(m *nats.Msg) {
		tests[min(int(asked.Add(1)), len(tests))-1].answer(m)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, test := range tests {
		reply, _, err := c.Apply(within(t), []byte("x"))
		if string(reply) != test.reply && err == nil || (err == nil) != (test.reply != "") || err != nil && !errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("%s: %q, %v, want %q, or that the outcome is unknown", test.name, reply, err, test.reply)
		}
		if n := asked.Load(); n != int32(i+1) {
			t.Fatalf("%s: asked %d times, want %d", test.name, n, i+1)
		}
	}
	if err := l.Stop(); err != nil {
		t.Error(err)
	}
}
