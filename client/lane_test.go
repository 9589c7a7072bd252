package client_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/clustertest"
	"github.com/synod-paxos/synod/streams/command"
)

// count is how many messages come on a subject while the test runs.
func count(t *testing.T, url, subject string) *atomic.Int64 {
	t.Helper()
	n := &atomic.Int64{}
	nc := bustest.Connect(t, url).Conn()
	if _, err := nc.Subscribe(subject, func(*nats.Msg) { n.Add(1) }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestManyCallersShareMessages: each has an outcome of its own, and the messages
// are a fraction of the proposals.
func TestManyCallersShareMessages(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	cluster := clustertest.Start(t, small, url)
	cluster.AwaitLeader()
	singles, bundles := count(t, url, clustertest.Subjects.Propose()), count(t, url, clustertest.Subjects.Command("LEDGER"))
	c, ctx := connect(t, url), within(t)
	const callers, each = 256, 8
	var seqs sync.Map
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for n := range each {
				ack, err := c.Propose(ctx, fmt.Appendf(nil, "%d-%d", i, n))
				if err != nil {
					t.Errorf("propose: %v", err)
				}
				if other, twice := seqs.LoadOrStore(ack.Seq, ack.ID); twice {
					t.Errorf("%s and %s both have the sequence %d", other, ack.ID, ack.Seq)
				}
			}
		})
	}
	all.Wait()
	sent := singles.Load() + bundles.Load()
	t.Logf("%d proposals in %d messages", callers*each, sent)
	if sent > callers*each/4 {
		t.Errorf("%d proposals went in %d messages, want a quarter at most", callers*each, sent)
	}
}

// TestAnsweredCallersAskTogether: what the callers of one answer ask next is one message, not
// one for the first of them and one for the rest.
func TestAnsweredCallersAskTogether(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that it does not depend on luck
	url := bustest.Server(t).URL()
	nc := bustest.Connect(t, url).Conn()
	messages := leadAlone(t, nc)
	c, ctx := connect(t, url), within(t)
	const callers, each = 64, 50
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				if _, err := c.Propose(ctx, make([]byte, 128)); err != nil {
					t.Errorf("propose: %v", err)
				}
			}
		})
	}
	all.Wait()
	const fair = callers * each / (callers / 2) // messages, of which two are in flight
	if n := messages.Load(); n > fair*5/4 {
		t.Errorf("%d proposals went in %d messages, want about %d", callers*each, n, fair)
	}
}

// leadAlone answers proposals like a leader, with nothing behind it, and counts the messages.
func leadAlone(t testing.TB, nc *nats.Conn) *atomic.Int64 {
	t.Helper()
	n := &atomic.Int64{}
	for _, subject := range []string{clustertest.Subjects.Propose(), clustertest.Subjects.Command("LEDGER")} {
		_, err := nc.Subscribe(subject, func(m *nats.Msg) {
			n.Add(1)
			_ = nc.Publish(m.Reply, accept(m))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestSinglyUsesNoTypedCommand: a client that may only propose gets by.
func TestSinglyUsesNoTypedCommand(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	clustertest.Start(t, small, url).AwaitLeader()
	bundles := count(t, url, clustertest.Subjects.Command(">"))
	c, ctx := connectWith(t, client.Options{Singly: true, NATS: bus.Options{URLs: []string{url}}}), within(t)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if _, err := c.Propose(ctx, []byte("x")); err != nil {
				t.Errorf("propose: %v", err)
			}
		})
	}
	all.Wait()
	if n := bundles.Load(); n != 0 {
		t.Errorf("%d typed commands were sent, want none", n)
	}
}

// TestLargeMessagesShare as far as they fit the server's messages, and no further.
func TestLargeMessagesShare(t *testing.T) {
	t.Parallel()
	url := bustest.ServerWith(t, bus.ServerOptions{MaxPayload: 64 << 10}).URL()
	clustertest.Start(t, small, url)
	c, ctx := connect(t, url), within(t)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if _, err := c.Propose(ctx, make([]byte, 1+800*i)); err != nil {
				t.Errorf("propose %d bytes: %v", 1+800*i, err)
			}
		})
	}
	all.Wait()
}

// TestConflictsShareAMessage with successes, and each caller has its own outcome.
func TestConflictsShareAMessage(t *testing.T) {
	t.Parallel()
	c, ctx := served(t)
	b, err := c.CreateBucket(ctx, "b", client.BucketConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var won atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if _, err := b.Create(ctx, "key", []byte("mine")); err == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 100 created the same key, want one", won.Load())
	}
}

func BenchmarkPropose(b *testing.B) {
	for _, callers := range []int{1, 64, 512} {
		for _, singly := range []bool{false, true} {
			b.Run(fmt.Sprintf("callers=%d/singly=%v", callers, singly), func(b *testing.B) {
				url := bustest.Server(b).URL()
				clustertest.Start(b, small, url).AwaitLeader()
				c := connectWith(b, client.Options{Singly: singly, NATS: bus.Options{URLs: []string{url}}})
				share(b, callers, func() error {
					_, err := c.Propose(b.Context(), make([]byte, 128))
					return err
				})
			})
		}
	}
}

// BenchmarkEcho is nc.Request to a subscriber that answers at once, for comparison.
func BenchmarkEcho(b *testing.B) {
	for _, callers := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			url := bustest.Server(b).URL()
			echo, nc := bustest.Connect(b, url).Conn(), bustest.Connect(b, url).Conn()
			if _, err := echo.Subscribe("echo", func(m *nats.Msg) { _ = echo.Publish(m.Reply, m.Data) }); err != nil {
				b.Fatal(err)
			}
			share(b, callers, func() error {
				_, err := nc.RequestWithContext(b.Context(), "echo", make([]byte, 128))
				return err
			})
		})
	}
}

// share has callers do b.N operations between them.
func share(b *testing.B, callers int, do func() error) {
	var left atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	left.Store(int64(b.N))
	for range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

// BenchmarkProposeToEcho is Propose to a leader that answers at once, with nothing
// behind it: what the client itself costs, beside BenchmarkEcho.
func BenchmarkProposeToEcho(b *testing.B) {
	for _, callers := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			url := bustest.Server(b).URL()
			leadAlone(b, bustest.Connect(b, url).Conn())
			c := connect(b, url)
			share(b, callers, func() error {
				_, err := c.Propose(b.Context(), make([]byte, 128))
				return err
			})
		})
	}
}

// accept answers like a leader that has done all that m asks.
func accept(m *nats.Msg) []byte {
	ack := []byte(`{"stream":"LEDGER","seq":1}`)
	if m.Subject == clustertest.Subjects.Propose() {
		return ack
	}
	t, err := command.Decode(m.Data)
	if err != nil {
		panic(err)
	}
	out := command.Outcome{LogTime: 1, Value: command.Lease{}}
	if bundle, ok := t.Op.(command.Bundle); ok {
		replies := make([][]byte, len(bundle.Messages))
		for i := range replies {
			replies[i] = ack
		}
		out.Value = command.Bundled{Replies: replies}
	}
	return out.Encode()
}
