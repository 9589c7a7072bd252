package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// readingOf is the subject at which many reads of a bucket go together.
func readingOf(bucket string) string { return clustertest.Subjects.API("DIRECT.GET.KV_" + bucket) }

// TestReadersShareMessages: each has a result of its own, and the messages are a fraction
// of the reads.
func TestReadersShareMessages(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	clustertest.Start(t, small, url)
	c, ctx := connect(t, url), within(t)
	b, err := c.CreateBucket(ctx, "b", client.BucketConfig{History: 2})
	if err != nil {
		t.Fatal(err)
	}
	const callers, each = 128, 8
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for _, value := range []string{"old", ""} {
				if _, err := b.Put(ctx, key(i), []byte(value+key(i))); err != nil {
					t.Error(err)
				}
			}
			if i%4 == 3 {
				if _, err := b.Delete(ctx, key(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	shared, singly := count(t, url, readingOf("b")), count(t, url, readingOf("b.>"))
	for i := range callers {
		all.Go(func() {
			for n := range each {
				var options []client.ReadOption
				if n%2 == 1 {
					options = append(options, client.Stale())
				}
				e, err := b.Get(ctx, key(i), options...)
				if i%4 == 3 {
					if n%2 == 0 && !errors.Is(err, client.ErrNotFound) {
						t.Errorf("%s, which was deleted: %+v, %v", key(i), e, err)
					}
					continue
				}
				if n%2 == 1 && err != nil { // a learner may be that far behind
					continue
				}
				if err != nil || e.Key != key(i) || n%2 == 0 && string(e.Value) != key(i) || e.Position == 0 || e.Created.IsZero() {
					t.Errorf("%s: %+v, %v", key(i), e, err)
					continue
				}
				again, err := b.GetRevision(ctx, key(i), e.Revision)
				if err != nil || again.Revision != e.Revision || string(again.Value) != string(e.Value) || !again.Created.Equal(e.Created) {
					t.Errorf("%s at revision %d: %+v, %v", key(i), e.Revision, again, err)
				}
				if _, err := b.GetRevision(ctx, key(i+1), e.Revision); !errors.Is(err, client.ErrNotFound) {
					t.Errorf("%s at a revision of another key: %v", key(i+1), err)
				}
			}
			if _, err := b.Get(ctx, "none"+key(i)); !errors.Is(err, client.ErrNotFound) {
				t.Errorf("a key that was never set: %v", err)
			}
		})
	}
	all.Wait()
	const done = callers * (3*each*3/4 + each/4 + 1)
	t.Logf("%d reads in %d messages", done, shared.Load())
	if shared.Load() > done/4 || singly.Load() != 0 {
		t.Errorf("%d reads went in %d messages and %d of their own, want a quarter at most and none", done, shared.Load(), singly.Load())
	}
}

func key(i int) string { return fmt.Sprintf("key.%d", i) }

// TestReadsOnTheirOwn: where they are to be, and where each asks for a position of its own.
func TestReadsOnTheirOwn(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	clustertest.Start(t, small, url)
	c, ctx := connectWith(t, client.Options{Singly: true, NATS: bus.Options{URLs: []string{url}}}), within(t)
	b, err := c.CreateBucket(ctx, "b", client.BucketConfig{})
	if err != nil {
		t.Fatal(err)
	}
	ack, err := b.Put(ctx, "a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	shared := count(t, url, readingOf("b"))
	checkEntry(t, b, "a", "1", 1)
	other, err := connect(t, url).Bucket(ctx, "b")
	if err != nil {
		t.Fatal(err)
	}
	if e, err := other.Get(ctx, "a", client.AtLeast(ack.Position)); err != nil || e.Position < ack.Position {
		t.Errorf("a read at %d: %+v, %v", ack.Position, e, err)
	}
	if n := shared.Load(); n != 0 {
		t.Errorf("%d messages that may be shared, want none", n)
	}
	checkEntry(t, other, "a", "1", 1)
	if shared.Load() == 0 {
		t.Error("a read of another client went in no message that may be shared")
	}
	if err := c.DeleteBucket(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []*client.Bucket{b, other} {
		if _, err := gone.Get(ctx, "a"); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("a key of a bucket that is gone: %v", err)
		}
	}
}

// TestLargeReadsShare as far as answers have room.
func TestLargeReadsShare(t *testing.T) {
	t.Parallel()
	url := bustest.ServerWith(t, bus.ServerOptions{MaxPayload: 64 << 10}).URL()
	clustertest.Start(t, small, url)
	c, ctx := connect(t, url), within(t)
	b, err := c.CreateBucket(ctx, "b", client.BucketConfig{})
	if err != nil {
		t.Fatal(err)
	}
	value := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 1+800*i) }
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if _, err := b.Put(ctx, key(i), []byte(value(i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range 64 {
		all.Go(func() {
			if e, err := b.Get(ctx, key(i)); err != nil || string(e.Value) != value(i) {
				t.Errorf("%s: %v, or another value", key(i), err)
			}
		})
	}
	all.Wait()
}

// fakeLearner answers reads of the bucket b, as it likes.
type fakeLearner struct {
	nc   *nats.Conn
	came atomic.Int64 // requests that were shared
}

// fake serves a bucket to a client whose attempts are as patient as attempt.
func fake(t *testing.T, attempt time.Duration, shared func(l *fakeLearner, m *nats.Msg, asked []command.Read)) (*fakeLearner, *client.Bucket) {
	t.Helper()
	url := bustest.Server(t).URL()
	l := &fakeLearner{nc: bustest.Connect(t, url).Conn()}
	for subject, answer := range map[string]func(m *nats.Msg){
		clustertest.Subjects.API("STREAM.INFO.KV_b"): func(m *nats.Msg) { l.answer(m, nil, []byte(`{"config":{"name":"KV_b"}}`)) },
		readingOf("b.>"): func(m *nats.Msg) {
			l.answer(m, nats.Header{"Nats-Sequence": {"7"}, "Nats-Time-Stamp": {"2026-01-01T00:00:00Z"}, "Nats-Subject": {strings.TrimPrefix(m.Subject, readingOf("b")+".")}}, []byte("singly"))
		},
		readingOf("b"): func(m *nats.Msg) {
			l.came.Add(1)
			asked, err := command.DecodeReads(m.Data)
			if err != nil {
				t.Error(err)
			}
			shared(l, m, asked.Items)
		},
	} {
		if _, err := l.nc.Subscribe(subject, answer); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	b, err := connectWith(t, client.Options{Attempt: attempt, NATS: bus.Options{URLs: []string{url}}}).Bucket(within(t), "b")
	if err != nil {
		t.Fatal(err)
	}
	return l, b
}

func (l *fakeLearner) answer(m *nats.Msg, h nats.Header, data []byte) {
	_ = l.nc.PublishMsg(&nats.Msg{Subject: m.Reply, Header: h, Data: data}) // the test misses it if it is lost
}

// found answers that each message is there, its subject its value.
func (l *fakeLearner) found(m *nats.Msg, asked []command.Read) {
	b := command.AppendReadHead(nil)
	for i := range asked {
		b = (&command.ReadResult{State: command.ReadFound, Seq: 7, Data: []byte(asked[i].Subject)}).Append(b)
	}
	l.answer(m, nats.Header{bus.SlotHeader: {"9"}}, b)
}

// TestALearnerOfAnOlderBuild refuses what is shared: then nothing is, for a while.
func TestALearnerOfAnOlderBuild(t *testing.T) {
	t.Parallel()
	l, b := fake(t, time.Hour, func(l *fakeLearner, m *nats.Msg, _ []command.Read) {
		l.answer(m, nats.Header{"Status": {"408"}, "Description": {"Malformed Request"}, bus.SlotHeader: {"3"}}, nil)
	})
	for i := range 20 {
		if e, err := b.Get(within(t), key(i)); err != nil || string(e.Value) != "singly" || e.Revision != 7 {
			t.Errorf("%s: %+v, %v", key(i), e, err)
		}
	}
	if n := l.came.Load(); n < 1 || n > 3 { // a slow machine may take the while that it takes
		t.Errorf("%d requests were shared, want one", n)
	}
}

// TestALearnerThatHangs does not hold up what others would answer.
func TestALearnerThatHangs(t *testing.T) {
	t.Parallel()
	hung := make(chan struct{}, 2)
	_, b := fake(t, time.Hour, func(l *fakeLearner, m *nats.Msg, asked []command.Read) {
		if asked[0].Subject == "$KV.b.hangs" {
			hung <- struct{}{}
			return
		}
		l.found(m, asked)
	})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 2 { // as many as may be under way
		all.Go(func() {
			if _, err := b.Get(ctx, "hangs"); !errors.Is(err, client.ErrNotDone) || !errors.Is(err, context.Canceled) {
				t.Errorf("a read that hung: %v", err)
			}
		})
		<-hung
	}
	if e, err := b.Get(within(t), "a"); err != nil || string(e.Value) != "$KV.b.a" {
		t.Errorf("another read: %+v, %v", e, err)
	}
	cancel()
	all.Wait()
}

// TestAnswersThatAreNone are no results: the reads are repeated.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	found := (&command.ReadResult{State: command.ReadFound, Seq: 7}).Append(nil)
	for _, answer := range []string{
		"x", string(command.AppendReadHead(nil)), string(command.AppendReadHead(nil)) + "\x09",
		string(command.AppendReadHead(nil)) + strings.Repeat(string(found), 2), // more than was asked for
		`{"error":{"code":500,"err_code":20008,"description":"no"}}`,
	} {
		first := true
		l, b := fake(t, time.Hour, func(l *fakeLearner, m *nats.Msg, asked []command.Read) {
			if first {
				first = false
				l.answer(m, nil, []byte(answer))
				return
			}
			l.found(m, asked)
		})
		if e, err := b.Get(within(t), "a"); err != nil || string(e.Value) != "$KV.b.a" {
			t.Errorf("after %q: %+v, %v", answer, e, err)
		}
		if n := l.came.Load(); n != 2 {
			t.Errorf("after %q, %d requests, want 2", answer, n)
		}
	}
}
