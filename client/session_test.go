package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/clustertest"
	"github.com/synod-paxos/synod/streams/command"
)

// TestASessionAcrossLeaders: its commands are done exactly once, in the log of
// every learner, while leaders die.
func TestASessionAcrossLeaders(t *testing.T) {
	t.Parallel()
	server := bustest.Server(t)
	cluster := clustertest.Start(t, clustertest.Size{Acceptors: 3, Proposers: 3, Learners: 2}, server.URL())
	c, ctx := connect(t, server.URL()), within(t)
	s, err := c.OpenSession(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{at: map[string]uint64{}}
	var callers sync.WaitGroup
	stopped, stop := context.WithCancel(t.Context())
	for i := range 16 {
		callers.Go(func() {
			for n := 0; stopped.Err() == nil; n++ {
				data := fmt.Sprintf("%d-%d", i, n)
				ack, err := s.Propose(within(t), []byte(data))
				if err != nil {
					t.Errorf("propose %s: %v", data, err)
					return
				}
				l.told(data, ack.Seq)
			}
		})
	}
	for i := range 2 {
		l.awaitMore(cluster, 150)
		leader := cluster.AwaitLeader()
		cluster.Stop(leader)
		l.awaitMore(cluster, 150)
		cluster.StartRole(leader)
		if i == 0 {
			c.Cut(t, server)
		}
	}
	stop()
	callers.Wait()
	if err := s.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
	l.check(t, cluster, c)
}

// TestAnUnknownOutcomeInASession is settled by the same call again.
func TestAnUnknownOutcomeInASession(t *testing.T) {
	t.Parallel()
	server := bustest.Server(t)
	proxy := bustest.Proxy(t, server)
	clustertest.Start(t, small, server.URL()).AwaitLeader()
	c := connect(t, proxy.URL())
	s, err := c.OpenSession(within(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Freeze() // the command leaves, and its answer does not come
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = s.Propose(short, []byte("x"))
	var e *client.Error
	if !errors.Is(err, client.ErrOutcomeUnknown) || !errors.As(err, &e) {
		t.Fatalf("an answer that does not come: %v, want %v", err, client.ErrOutcomeUnknown)
	}
	if _, lookupErr := c.Lookup(within(t), err); !errors.Is(lookupErr, client.ErrNotDone) || !strings.Contains(lookupErr.Error(), "repeated instead") {
		t.Errorf("lookup of a session's command: %v, want that it says what to do", lookupErr)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if _, err := s.Propose(over, []byte("x"), client.WithID(e.ID)); !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Errorf("a repetition that is not sent: %v, want %v, for the first one may be done", err, client.ErrOutcomeUnknown)
	}
	proxy.Thaw()
	ack, err := s.Propose(within(t), []byte("x"), client.WithID(e.ID))
	if err != nil || ack.Seq != 1 {
		t.Errorf("the same command again: %+v, %v, want sequence 1", ack, err)
	}
	if next, err := s.Propose(within(t), []byte("y")); err != nil || next.Seq != 2 {
		t.Errorf("the next command: %+v, %v, want sequence 2", next, err)
	}
	if err := s.Close(within(t)); err != nil {
		t.Error(err)
	}
	if _, err := s.Propose(within(t), []byte("z")); !errors.Is(err, client.ErrSessionEnded) || !errors.Is(err, client.ErrNotDone) {
		t.Errorf("a command after the end: %v, want %v", err, client.ErrSessionEnded)
	}
}

// TestACommandToTwoLeaders, as a hand-over may deliver it: applied once, whatever the
// order in which they propose it.
func TestACommandToTwoLeaders(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	cluster := clustertest.Start(t, small, url)
	c, ctx := connect(t, url), within(t)
	s, err := c.OpenSession(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	nc := cluster.Connect().Conn()
	copied := nats.NewMsg(clustertest.Subjects.Propose())
	copied.Header.Set(nats.MsgIdHdr, "copied")
	inSession := nats.NewMsg(clustertest.Subjects.Command("LEDGER"))
	inSession.Data = command.Command{
		Session: command.Session{ID: client.NumberOf(s), Number: 1, Awaited: 1}, Op: command.Publish{Subject: "propose", Data: []byte("numbered")},
	}.Encode()
	for range 3 {
		cluster.AwaitLeader()
		for _, m := range []*nats.Msg{copied, inSession} {
			cluster.Await("an answer", func() bool {
				_, err := nc.RequestMsg(m, time.Second)
				return err == nil
			})
		}
		if leader := cluster.Leader(); leader != "" {
			cluster.Retire(leader)
			cluster.StartRole(leader)
		}
	}
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	if log := logOf(cluster, "l1", c); len(log) != 2 {
		t.Errorf("the log has %q, want each command once", log)
	}
}

// TestALateCopyAfterLookup said "not done" is never applied.
func TestALateCopyAfterLookup(t *testing.T) {
	t.Parallel()
	server := bustest.Server(t)
	proxy := bustest.Proxy(t, server)
	cluster := clustertest.Start(t, small, server.URL())
	cluster.AwaitLeader()
	c := connect(t, proxy.URL())
	if _, err := c.Propose(within(t), []byte("first")); err != nil {
		t.Fatal(err)
	}
	proxy.Freeze()
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, failed := c.Propose(short, []byte("late"))
	if !errors.Is(failed, client.ErrOutcomeUnknown) {
		t.Fatalf("an answer that does not come: %v", failed)
	}
	// Another client looks it up while the command is still on its way.
	found, err := connect(t, server.URL()).Lookup(within(t), failed)
	if err != nil || !errors.Is(found.Err, client.ErrNotDone) {
		t.Fatalf("lookup: %+v, %v, want %v", found, err, client.ErrNotDone)
	}
	proxy.Thaw()
	var e *client.Error
	if !errors.As(failed, &e) {
		t.Fatalf("%v is no *client.Error", failed)
	}
	_, err = c.Propose(within(t), []byte("late"), client.WithID(e.ID))
	if !errors.Is(err, client.ErrNotDone) {
		t.Errorf("the same id after the lookup: %v, want %v", err, client.ErrNotDone)
	}
	if ack, err := c.Propose(within(t), []byte("second")); err != nil || ack.Seq != 2 {
		t.Errorf("another proposal: %+v, %v, want sequence 2", ack, err)
	}
	if log := logOf(cluster, "l1", c); len(log) != 2 {
		t.Errorf("the log has %q, want no late copy", log)
	}
}

// TestLookupFindsWhatWasDone, by the error or by the id alone.
func TestLookupFindsWhatWasDone(t *testing.T) {
	t.Parallel()
	c, ctx := served(t)
	ack, err := c.Propose(ctx, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if found, err := c.LookupID(ctx, ack.ID); err != nil || found.Err != nil || found.Seq != ack.Seq {
		t.Errorf("lookup: %+v, %v, want sequence %d", found, err, ack.Seq)
	}
	if found, err := c.LookupID(ctx, "never"); err != nil || !errors.Is(found.Err, client.ErrOutcomeUnknown) {
		t.Errorf("lookup of an id that never was: %+v, %v, want %v", found, err, client.ErrOutcomeUnknown)
	}
}

// TestTheRetryAfterTheWindow is told that the outcome is unknown: it is never a
// second application.
func TestTheRetryAfterTheWindow(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	cluster := clustertest.Start(t, small, url)
	c, ctx := connect(t, url), within(t)
	b, err := c.CreateBucket(ctx, "short", client.BucketConfig{TTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	nc := cluster.Connect().Conn()
	since := client.Clock(ctx, c)
	publish := func() string {
		m := nats.NewMsg(clustertest.Subjects.Command("KV_short"))
		header := bus.EncodeHeader(nats.Header{nats.MsgIdHdr: {"once"}})
		m.Data = command.Command{Op: command.Bundle{Messages: []command.Message{{Subject: "$KV.short.k", Header: header, Since: since}}}}.Encode()
		r, err := nc.RequestMsg(m, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return string(r.Data)
	}
	publish()
	cluster.Await("the value to end", func() bool {
		_, err := b.Get(ctx, "k")
		return errors.Is(err, client.ErrNotFound)
	})
	cluster.Await("the id to be forgotten", func() bool {
		answer := publish()
		out, err := command.DecodeOutcome([]byte(answer))
		if err != nil {
			t.Fatal(err)
		}
		reply := string(out.Value.(command.Bundled).Replies[0])
		if reply == `{"stream":"KV_short","seq":2}` {
			t.Fatal("the message was applied a second time")
		}
		return client.CodeOf(reply) == command.CodeTooLate
	})
}

// TestOutcomesThatNobodyAsksFor do not bring a session to a halt.
func TestOutcomesThatNobodyAsksFor(t *testing.T) {
	t.Parallel()
	server := bustest.Server(t)
	proxy := bustest.Proxy(t, server)
	clustertest.Start(t, small, server.URL()).AwaitLeader()
	s, err := connect(t, proxy.URL()).OpenSession(within(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Freeze()
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, failed := s.Propose(short, []byte("forgotten"))
	var e *client.Error
	if !errors.As(failed, &e) {
		t.Fatal(failed)
	}
	proxy.Thaw()
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 40 {
				if _, err := s.Propose(within(t), nil); err != nil {
					t.Errorf("propose: %v", err)
				}
			}
		})
	}
	all.Wait()
	if _, err := s.Propose(within(t), nil, client.WithID(e.ID)); err == nil {
		t.Error("an outcome was kept for ever")
	}
	if err := s.Close(within(t)); err != nil {
		t.Error(err)
	}
}
