package jsapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

func bucketOf(t *testing.T, nc *nats.Conn, config jetstream.KeyValueConfig) (jetstream.JetStream, jetstream.KeyValue) {
	t.Helper()
	js, err := jetstream.NewWithAPIPrefix(nc, prefix)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateKeyValue(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return js, kv
}

// TestWithoutALeafConnection: everything but watching works, and watching fails at once
// and says why.
func TestWithoutALeafConnection(t *testing.T) {
	w := newWorld(t)
	w.learner(t, "l1", false)
	_, kv := bucketOf(t, w.client(t), jetstream.KeyValueConfig{Bucket: "b"})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := kv.Put(ctx, "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if e, err := kv.Get(ctx, "k"); err != nil || string(e.Value()) != "v" {
		t.Errorf("got %v, %v", e, err)
	}
	if _, err := kv.Get(ctx, "none"); err == nil || err.Error() != jetstream.ErrKeyNotFound.Error() {
		t.Errorf("no key: %v", err)
	}
	for what, err := range map[string]error{"watch": second(kv.WatchAll(ctx)), "keys": second(kv.Keys(ctx)), "history": second(kv.History(ctx, "k"))} {
		if err == nil || !strings.Contains(err.Error(), "leaf-node") {
			t.Errorf("%s: %v, want it to name the leaf-node connection", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestAConsumerElsewhere: whichever learner is asked, the one that has the consumer
// answers; one that cannot push lets another make it.
func TestAConsumerElsewhere(t *testing.T) {
	w := newWorld(t)
	w.learner(t, "l1", true)
	w.learner(t, "l2", false)
	w.learner(t, "l3", false)
	js, kv := bucketOf(t, w.client(t), jetstream.KeyValueConfig{Bucket: "b"})
	if _, err := kv.Put(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		name := fmt.Sprintf("c%d", i)
		if _, err := js.CreateConsumer(t.Context(), "KV_b", jetstream.ConsumerConfig{Name: name, AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: time.Minute}); err != nil {
			t.Fatalf("create %s: %v", name, err)
		}
		c, err := js.Consumer(t.Context(), "KV_b", name)
		if err != nil || c.CachedInfo().NumPending != 1 {
			t.Fatalf("find %s: %v", name, err)
		}
		keys, err := kv.Keys(t.Context())
		if err != nil || len(keys) != 1 {
			t.Fatalf("keys %v, %v", keys, err)
		}
	}
	stream, err := js.Stream(t.Context(), "KV_b")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for l := range stream.ListConsumers(t.Context()).Info() {
		if l.Name != fmt.Sprintf("c%d", n) {
			t.Errorf("consumer %d is %s", n, l.Name)
		}
		n++
	}
	for i := range n {
		if err := js.DeleteConsumer(t.Context(), "KV_b", fmt.Sprintf("c%d", i)); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if err := js.DeleteConsumer(t.Context(), "KV_b", "c0"); n != 9 || err == nil || !strings.Contains(err.Error(), "consumer not found") {
		t.Errorf("%d consumers; deleted twice: %v", n, err)
	}
}

// TestASlowLearnerHasItStill: a consumer is not found to be gone before the learner that
// has it, and is known to be there, has had the time to say so. Once that learner is known
// to have none, nobody waits for it.
func TestASlowLearnerHasItStill(t *testing.T) {
	w := newWorld(t)
	w.started = []paxos.NodeID{"l1"}
	w.learner(t, "l2", false)
	nc := w.client(t)
	js, _ := bucketOf(t, nc, jetstream.KeyValueConfig{Bucket: "b"})
	slow := bustest.Connect(t, w.server.URL())
	asked := func(m *nats.Msg) {
		if strings.Contains(string(m.Data), `"name":"gone"`) {
			if err := m.Respond([]byte(`{"from":"l1","none":true}`)); err != nil {
				t.Error(err)
			}
			return
		}
		time.AfterFunc(400*time.Millisecond, func() {
			if err := m.Respond([]byte(`{"from":"l1","infos":[{"name":"slow","config":{"name":"slow","deliver_policy":"all","ack_policy":"none","replay_policy":"instant"}}]}`)); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := slow.ServeClients("", []string{slow.Subjects().Consumers("*")}, asked); err != nil {
		t.Fatal(err)
	}
	if c, err := js.Consumer(t.Context(), "KV_b", "slow"); err != nil || c.CachedInfo().Name != "slow" {
		t.Errorf("a consumer of a slow learner: %v", err)
	}
	began := time.Now()
	if _, err := js.Consumer(t.Context(), "KV_b", "gone"); !errors.Is(err, jetstream.ErrConsumerNotFound) {
		t.Errorf("a consumer that is gone: %v", err)
	}
	if took := time.Since(began); took > 1900*time.Millisecond {
		t.Errorf("that a consumer is gone took %v to find out, though everybody had said so", took)
	}
}

// create makes a push consumer of bucket b by a raw request.
func create(t *testing.T, nc *nats.Conn, inbox, more string) {
	t.Helper()
	request := fmt.Sprintf(`{"stream_name":"KV_b","config":{"deliver_policy":"all","ack_policy":"none","deliver_subject":%q%s}}`, inbox, more)
	m, err := nc.Request(prefix+".CONSUMER.CREATE.KV_b", []byte(request), answerTimeout)
	if err != nil || strings.Contains(string(m.Data), `"error"`) {
		t.Fatalf("create: %v %v", m, err)
	}
}

// TestASlowWatcherIsHeldBack: who does not answer flow control gets a window and no
// more; once it answers it gets all, in order. Meanwhile others are served.
func TestASlowWatcherIsHeldBack(t *testing.T) {
	w := newWorld(t)
	l := w.learner(t, "l1", true)
	nc := w.client(t)
	_, kv := bucketOf(t, nc, jetstream.KeyValueConfig{Bucket: "b"})
	const messages, size = 100, 100 << 10
	for i := range messages {
		if _, err := kv.Put(t.Context(), fmt.Sprintf("k%d", i), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	create(t, nc, inbox, `,"flow_control":true,"idle_heartbeat":100000000`)
	var asked string
	var got uint64
	next := func() (stalled bool) {
		m, err := sub.NextMsg(answerTimeout)
		if err != nil {
			t.Fatalf("after %d messages: %v", got, err)
		}
		switch status := m.Header.Get("Status"); {
		case status == "" || m.Reply != "" && strings.HasPrefix(m.Reply, "$JS.ACK"):
			meta, err := m.Metadata()
			if err != nil || meta.Sequence.Stream != got+1 || meta.Sequence.Consumer != got+1 {
				t.Fatalf("message %d is %+v, %v", got+1, meta, err)
			}
			got++
		case m.Reply != "":
			asked = m.Reply
		default:
			return m.Header.Get("Nats-Consumer-Stalled") != ""
		}
		return false
	}
	for !next() {
		if got == messages {
			t.Fatal("nothing held it back")
		}
	}
	if got*size > 3<<20 {
		t.Errorf("%d bytes came without an answer, want about 2 MiB", got*size)
	}
	if keys, err := kv.Keys(t.Context()); err != nil || len(keys) != messages {
		t.Errorf("another client sees %d keys, %v", len(keys), err)
	}
	for timeout := time.After(3 * answerTimeout); got < messages; {
		select {
		case <-timeout:
			t.Fatalf("%d of %d messages came", got, messages)
		default:
		}
		if asked != "" {
			if err := nc.Publish(asked, nil); err != nil {
				t.Fatal(err)
			}
			asked = ""
		}
		next()
	}
	if n, _ := l.watch.Counts(); n != 1 {
		t.Errorf("%d consumers, want 1", n)
	}
}

// TestInterest: a consumer waits for somebody to listen, and is forgotten when nobody
// does any more. A heartbeat comes only after what there was at the start.
func TestInterest(t *testing.T) {
	w := newWorld(t)
	l := w.learner(t, "l1", true)
	nc := w.client(t)
	_, kv := bucketOf(t, nc, jetstream.KeyValueConfig{Bucket: "b"})
	for i := range 300 {
		if _, err := kv.Put(t.Context(), fmt.Sprintf("k%d", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	inbox := nc.NewInbox()
	create(t, nc, inbox, `,"idle_heartbeat":100000000,"inactive_threshold":3000000000`)
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 301 {
		m, err := sub.NextMsg(answerTimeout)
		if err != nil {
			t.Fatal(err)
		}
		if beat := m.Header.Get("Status") == "100"; beat != (i == 300) {
			t.Fatalf("message %d has headers %v", i, m.Header)
		}
		if i == 300 && m.Header.Get("Nats-Last-Consumer") != "300" {
			t.Errorf("the heartbeat says %v", m.Header)
		}
	}
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for timeout := time.After(answerTimeout); ; {
		if n, _ := l.watch.Counts(); n == 0 {
			return
		}
		select {
		case <-ticker.C:
		case <-timeout:
			t.Fatal("a consumer to which nobody listens is not forgotten")
		}
	}
}

// TestUnsafeInboxes: nobody makes a learner speak on the cluster's own subjects, or where
// NATS's own are.
func TestUnsafeInboxes(t *testing.T) {
	w := newWorld(t)
	w.learner(t, "l1", true)
	nc := w.client(t)
	bucketOf(t, nc, jetstream.KeyValueConfig{Bucket: "b"})
	for _, inbox := range []string{"synod.test.propose", "synod.test.acceptor.a1.accepted.p1", "$SYS.x", "$KV.b.k", "with blank", "a\r\nPUB x 0\r\n\r\n", "a.*", "a..b"} {
		request := fmt.Sprintf(`{"stream_name":"KV_b","config":{"deliver_policy":"all","ack_policy":"none","deliver_subject":%q}}`, inbox)
		m, err := nc.Request(prefix+".CONSUMER.CREATE.KV_b", []byte(request), answerTimeout)
		if err != nil || !strings.Contains(string(m.Data), `"error"`) {
			t.Errorf("deliver to %q: %v %v", inbox, m, err)
		}
	}
}

// TestOlderAPI: the client's API before its jetstream package, on the same calls.
func TestOlderAPI(t *testing.T) {
	w := newWorld(t)
	w.learner(t, "l1", true)
	ours, err := w.client(t).JetStream(nats.APIPrefix(prefix))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := bustest.JetStream(t).JetStream()
	if err != nil {
		t.Fatal(err)
	}
	have, want := olderSession(t, ours), olderSession(t, theirs)
	for i := range max(len(have), len(want)) {
		if i >= len(have) || i >= len(want) || have[i] != want[i] {
			t.Fatalf("line %d\nSynod:     %q\nJetStream: %q", i, have[min(i, len(have)-1):], want[min(i, len(want)-1):])
		}
	}
}

func olderSession(t *testing.T, js nats.JetStreamContext) (lines []string) {
	t.Helper()
	say := func(what string, values ...any) { lines = append(lines, what+": "+fmt.Sprintln(values...)) }
	kv, err := js.CreateKeyValue(&nats.KeyValueConfig{Bucket: "b", History: 3})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		revision, err := kv.Put(fmt.Sprintf("k%d", i%3), fmt.Appendf(nil, "%d", i))
		say("put", revision, err)
	}
	say("delete", kv.Delete("k1"))
	_, err = kv.Get("k1")
	say("get", err)
	_, err = kv.Create("k0", nil)
	say("create", err)
	_, err = kv.Update("k0", nil, 1)
	say("update", err)
	keys, err := kv.Keys()
	say("keys", keys, err)
	entries, err := kv.History("k0")
	for _, e := range entries {
		say("history", e.Key(), e.Revision(), string(e.Value()), e.Operation(), e.Delta(), err)
	}
	for _, o := range [][]nats.WatchOpt{nil, {nats.IncludeHistory()}, {nats.IgnoreDeletes()}, {nats.MetaOnly()}} {
		watcher, err := kv.WatchAll(o...)
		say("watch", err)
		for e := range watcher.Updates() {
			if e == nil {
				break
			}
			say("entry", e.Key(), e.Revision(), string(e.Value()), e.Operation(), e.Delta())
		}
		say("stop", watcher.Stop())
	}
	sub, err := js.SubscribeSync("$KV.b.k0", nats.OrderedConsumer())
	say("ordered", err)
	for range 3 {
		m, err := sub.NextMsg(answerTimeout)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := m.Metadata()
		say("message", m.Subject, string(m.Data), meta.Sequence, meta.NumPending, err)
	}
	say("unsubscribe", sub.Unsubscribe())
	return lines
}
