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
	"go.uber.org/goleak"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/clustertest"
	"github.com/synod-paxos/synod/paxos"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var small = clustertest.Size{Acceptors: 3, Proposers: 2, Learners: 2}

// connect is a client of the clusters of clustertest.
func connect(t testing.TB, urls ...string) *client.Client {
	t.Helper()
	return connectWith(t, client.Options{NATS: bus.Options{URLs: urls}})
}

func connectWith(t testing.TB, o client.Options) *client.Client {
	t.Helper()
	o.Cluster, o.NATS.Log = clustertest.Subjects.Cluster, bustest.Quiet()
	c, err := client.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// within is a context for a call that must succeed.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// served is a client of a small cluster of its own, and a context for its calls.
func served(t testing.TB) (*client.Client, context.Context) {
	t.Helper()
	url := bustest.Server(t).URL()
	clustertest.Start(t, small, url)
	return connect(t, url), within(t)
}

// TestProposeNeedsNoLeaderYet: it waits for one, and an id counts once.
func TestProposeNeedsNoLeaderYet(t *testing.T) {
	t.Parallel()
	c, ctx := served(t)
	first, err := c.Propose(ctx, []byte("one"), client.WithID("the-id"))
	if err != nil || first.Seq != 1 || first.Stream != "LEDGER" || first.Duplicate || first.ID != "the-id" || first.Position == 0 {
		t.Fatalf("the first proposal: %+v, %v", first, err)
	}
	again, err := c.Propose(ctx, []byte("one"), client.WithID("the-id"))
	if err != nil || again.Seq != 1 || !again.Duplicate {
		t.Errorf("the same id: %+v, %v, want the first one's sequence", again, err)
	}
	other, err := c.Propose(ctx, []byte("two"))
	if err != nil || other.Seq != 2 || other.ID == "" || other.Position <= first.Position {
		t.Errorf("another id: %+v, %v", other, err)
	}
}

// TestBucket is a key's life, as JetStream's clients know it.
func TestBucket(t *testing.T) {
	t.Parallel()
	c, ctx := served(t)
	b, err := c.CreateBucket(ctx, "config", client.BucketConfig{History: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(ctx, "a"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a key that was never set: %v", err)
	}
	one, err := b.Create(ctx, "a", []byte("1"))
	if err != nil || one.Seq != 1 || one.Stream != "KV_config" {
		t.Fatalf("create: %+v, %v", one, err)
	}
	if _, err := b.Create(ctx, "a", []byte("2")); !errors.Is(err, client.ErrConflict) || !errors.Is(err, client.ErrNotDone) {
		t.Errorf("create twice: %v", err)
	}
	if _, err := b.Update(ctx, "a", []byte("2"), 7); !errors.Is(err, client.ErrConflict) || !errors.Is(err, client.ErrNotDone) {
		t.Errorf("update of a revision that is not the last: %v", err)
	}
	two, err := b.Update(ctx, "a", []byte("2"), one.Seq)
	if err != nil {
		t.Fatal(err)
	}
	checkEntry(t, b, "a", "2", two.Seq)
	if e, err := b.GetRevision(ctx, "a", one.Seq); err != nil || string(e.Value) != "1" {
		t.Errorf("the first revision: %+v, %v", e, err)
	}
	if _, err := b.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(ctx, "a"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a key that was deleted: %v", err)
	}
	if again, err := b.Create(ctx, "a", []byte("3")); err != nil || again.Seq != 4 {
		t.Errorf("create after delete: %+v, %v", again, err)
	}
}

func checkEntry(t *testing.T, b *client.Bucket, key, value string, revision uint64) {
	t.Helper()
	e, err := b.Get(within(t), key)
	if err != nil || string(e.Value) != value || e.Revision != revision || e.Key != key || e.Created.IsZero() || e.Position == 0 {
		t.Errorf("%s is %+v, %v, want %q at revision %d", key, e, err, value, revision)
	}
}

// TestDeleteBucket: nothing of it is left, and the next of its name is empty.
func TestDeleteBucket(t *testing.T) {
	t.Parallel()
	c, ctx := served(t)
	b, err := c.CreateBucket(ctx, "gone", client.BucketConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(ctx, "a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteBucket(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Bucket(ctx, "gone"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("the bucket is there after it was deleted: %v", err)
	}
	if err := c.DeleteBucket(ctx, "gone"); !errors.Is(err, client.ErrNotFound) || !errors.Is(err, client.ErrNotDone) {
		t.Errorf("deleting what is not there: %v", err)
	}
	if err := c.DeleteBucket(ctx, "a.b"); !errors.Is(err, client.ErrName) {
		t.Errorf("deleting what has no name: %v", err)
	}
	if b, err = c.CreateBucket(ctx, "gone", client.BucketConfig{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(ctx, "a"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("the new bucket has the old one's key: %v", err)
	}
}

// TestNames that are none are refused before anything is sent.
func TestNames(t *testing.T) {
	t.Parallel()
	c, ctx := served(t)
	for _, name := range []string{"", "a.b", "a b", "a*", "ü", ">"} {
		if _, err := c.CreateBucket(ctx, name, client.BucketConfig{}); !errors.Is(err, client.ErrName) || !errors.Is(err, client.ErrNotDone) {
			t.Errorf("bucket %q: %v", name, err)
		}
	}
	if _, err := c.Bucket(ctx, "absent"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a bucket that is not there: %v", err)
	}
	b, err := c.CreateBucket(ctx, "b", client.BucketConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"", ".", "a.", ".a", "a..b", "a b", "a*", "a>", "a\r\nb"} {
		if _, err := b.Put(ctx, key, nil); !errors.Is(err, client.ErrName) {
			t.Errorf("put %q: %v", key, err)
		}
		if _, err := b.Get(ctx, key); !errors.Is(err, client.ErrName) {
			t.Errorf("get %q: %v", key, err)
		}
	}
	if _, err := c.CreateBucket(ctx, "b", client.BucketConfig{History: 5}); !errors.Is(err, client.ErrConflict) {
		t.Errorf("the bucket with another configuration: %v", err)
	}
	if _, err := c.CreateBucket(ctx, "b", client.BucketConfig{}); err != nil {
		t.Errorf("the bucket with the same configuration: %v", err)
	}
}

// TestWithoutALeader a proposal is certainly not done: nobody took it.
func TestWithoutALeader(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	clustertest.Start(t, clustertest.Size{Acceptors: 3, Learners: 1}, url)
	c := connect(t, url)
	propose := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := c.Propose(ctx, []byte("x"))
		return err
	}
	err := propose()
	for range 20 { // on a slow machine time may be over while the server has yet to say that nobody leads
		if !errors.Is(err, client.ErrOutcomeUnknown) {
			break
		}
		err = propose()
	}
	if !errors.Is(err, client.ErrNotDone) || errors.Is(err, client.ErrOutcomeUnknown) {
		t.Errorf("without a leader: %v, want %v", err, client.ErrNotDone)
	}
}

// TestAnAnswerThatIsLost leaves the outcome unknown, whatever later attempts were
// told.
func TestAnAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	leader := bustest.Connect(t, url)
	l, err := leader.ServeClients("leader", []string{clustertest.Subjects.Propose()}, swallow(leader))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	c := connectWith(t, client.Options{NATS: bus.Options{URLs: []string{url}}, Attempt: 20 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = c.Propose(ctx, []byte("x"))
	var e *client.Error
	if !errors.Is(err, client.ErrOutcomeUnknown) || errors.Is(err, client.ErrNotDone) || !errors.As(err, &e) || e.ID == "" {
		t.Errorf("an attempt that was not answered: %v, want %v with an id", err, client.ErrOutcomeUnknown)
	}
}

// swallow is a leader that takes the first request and dies, and a successor that
// refuses all others.
func swallow(b *bus.Bus) func(*nats.Msg) {
	first := true
	return func(m *nats.Msg) {
		if first {
			first = false
			return
		}
		refusal := bus.Ack{Error: bus.NewError(bus.CodeNotLeader, "leadership ended")}.Message(m.Reply)
		if err := b.Conn().PublishMsg(refusal); err != nil {
			panic(err)
		}
	}
}

// TestTooLargeIsHopeless: the client does not try until its context ends.
func TestTooLargeIsHopeless(t *testing.T) {
	t.Parallel()
	url := bustest.Server(t).URL()
	clustertest.Start(t, small, url)
	for _, size := range []int{1<<20 - 600, 2 << 20} {
		_, err := connect(t, url).Propose(within(t), make([]byte, size))
		if !errors.Is(err, client.ErrNotDone) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if n := strings.Count(fmt.Sprint(err), "not-done"); n != 1 {
			t.Errorf("%d bytes: %v says %d times that it is not done", size, err, n)
		}
	}
}

// TestLeadersComeAndGo while many callers propose: no call fails, every proposal is
// in the log once, where its call was told.
func TestLeadersComeAndGo(t *testing.T) {
	t.Parallel()
	server := bustest.Server(t)
	cluster := clustertest.Start(t, clustertest.Size{Acceptors: 3, Proposers: 3, Learners: 2}, server.URL())
	c := connect(t, server.URL())
	var callers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	l := &ledger{at: map[string]uint64{}}
	for i := range 32 {
		callers.Go(func() { l.propose(ctx, t, c, i) })
	}
	for i := range 4 {
		l.awaitMore(cluster, 300)
		switch leader := cluster.AwaitLeader(); i {
		case 0, 2:
			cluster.Stop(leader)
			l.awaitMore(cluster, 300)
			cluster.StartRole(leader)
		case 1:
			cluster.Retire(leader)
			l.awaitMore(cluster, 300)
			cluster.StartRole(leader)
		default:
			c.Cut(t, server)
		}
	}
	l.awaitMore(cluster, 300)
	stop()
	callers.Wait()
	l.check(t, cluster, c)
}

// ledger is what the callers of a test were told.
type ledger struct {
	mu sync.Mutex
	at map[string]uint64
}

func (l *ledger) propose(ctx context.Context, t *testing.T, c *client.Client, caller int) {
	for n := 0; ctx.Err() == nil; n++ {
		data := fmt.Sprintf("%d-%d", caller, n)
		// The call itself is not cut short, so that nothing is unknown at the end.
		ack, err := c.Propose(within(t), []byte(data))
		if err != nil {
			t.Errorf("propose %s: %v", data, err)
			return
		}
		l.told(data, ack.Seq)
	}
}

func (l *ledger) told(data string, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at[data] = seq
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.at)
}

func (l *ledger) awaitMore(cluster *clustertest.Cluster, n int) {
	from := l.count()
	cluster.Await(fmt.Sprintf("%d more proposals", n), func() bool { return l.count() >= from+n })
}

// check looks into the state of each learner.
func (l *ledger) check(t *testing.T, cluster *clustertest.Cluster, c *client.Client) {
	for _, id := range []paxos.NodeID{"l1", "l2"} {
		log := logOf(cluster, id, c)
		seen := map[string]bool{}
		for i, data := range log {
			if seen[data] {
				t.Errorf("%s: %s is in the log twice", id, data)
			}
			seen[data] = true
			if at := l.at[data]; at != uint64(i+1) {
				t.Errorf("%s: %s is at %d in the log, its caller was told %d", id, data, i+1, at)
			}
		}
		if len(l.at) != len(log) {
			t.Errorf("%s: %d proposals were acknowledged, the log has %d", id, len(l.at), len(log))
		}
	}
}

// logOf stops a learner once it has all that c was answered, by whichever, and reads its log.
func logOf(cluster *clustertest.Cluster, id paxos.NodeID, c *client.Client) []string {
	at := paxos.Slot(c.Position())
	cluster.Await(string(id)+" to have what was answered", func() bool { return cluster.Role(id).Report().Learner.Applied >= at })
	cluster.Stop(id)
	return cluster.Ledger(id)
}

// TestAWriterDoesNotSpeakForTheCluster: headers that somebody wrote on a message are its
// own. They are no status, and no generation, slot or revision, for whoever reads it.
func TestAWriterDoesNotSpeakForTheCluster(t *testing.T) {
	t.Parallel()
	c, ctx := served(t)
	b, err := c.CreateBucket(ctx, "config", client.BucketConfig{})
	if err != nil {
		t.Fatal(err)
	}
	m := nats.NewMsg(clustertest.Subjects.API("$KV.config.a"))
	m.Data = []byte("1")
	for _, h := range []string{"Status", "Description", "Synod-Outcome", "Synod-Generation", "Synod-Slot", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Subject"} {
		m.Header.Set(h, "503")
	}
	if answer, err := c.Conn().RequestMsgWithContext(ctx, m); err != nil || !strings.Contains(string(answer.Data), `"seq":1`) {
		t.Fatalf("the message is answered %v, %v", answer, err)
	}
	checkEntry(t, b, "a", "1", 1)
	if c.Generation() != 1 || c.Position() >= 503 {
		t.Errorf("afterwards the client knows generation %d and slot %d", c.Generation(), c.Position())
	}
	if ack, err := b.Update(ctx, "a", []byte("2"), 1); err != nil || ack.Seq != 2 {
		t.Errorf("update: %+v, %v", ack, err)
	}
}
