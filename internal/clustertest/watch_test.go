package clustertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/paxos"
)

// follower writes down the sequences that a client sees.
type follower struct {
	mu   sync.Mutex
	seqs []uint64
}

func (f *follower) saw(seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seqs = append(f.seqs, seq)
}

func (f *follower) all() []uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seqs)
}

// watched is a bucket of a cluster, and clients that follow it in every way: a
// key-value watcher, a push subscription of the older API, and a pull consumer.
type watched struct {
	*Cluster
	kv        jetstream.KeyValue
	last      uint64 // revision
	followers map[string]*follower
}

// connectFor is a client's connection that finds any server.
func connectFor(t *testing.T, servers *bustest.NATSCluster) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(strings.Join(servers.URLs(), ","), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func watch(t *testing.T, c *Cluster, servers *bustest.NATSCluster) *watched {
	t.Helper()
	c.AwaitLeader()
	c.awaitPaths()
	prefix := strings.TrimSuffix(Subjects.API(""), ".")
	js, err := jetstream.NewWithAPIPrefix(connectFor(t, servers), prefix)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{Cluster: c, followers: map[string]*follower{"watcher": {}, "push": {}, "pull": {}}}
	w.Await("a bucket", func() bool {
		w.kv, err = js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "b", History: 64})
		return err == nil
	})
	updates, err := w.kv.WatchAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for e := range updates.Updates() {
			if e != nil {
				w.followers["watcher"].saw(e.Revision())
			}
		}
	}()
	older, err := connectFor(t, servers).JetStream(nats.APIPrefix(prefix))
	if err != nil {
		t.Fatal(err)
	}
	_, err = older.Subscribe("$KV.b.>", func(m *nats.Msg) {
		if meta, err := m.Metadata(); err == nil {
			w.followers["push"].saw(meta.Sequence.Stream)
		}
	}, nats.OrderedConsumer(), nats.BindStream("KV_b"), nats.IdleHeartbeat(500*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	pull, err := js.OrderedConsumer(t.Context(), "KV_b", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	consuming, err := pull.Consume(func(m jetstream.Msg) {
		if meta, err := m.Metadata(); err == nil {
			w.followers["pull"].saw(meta.Sequence.Stream)
		}
	}, jetstream.PullHeartbeat(500*time.Millisecond), jetstream.PullExpiry(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		consuming.Stop()
		if err := updates.Stop(); err != nil {
			t.Log(err) // the cluster may be gone
		}
	})
	return w
}

// awaitPaths waits until every learner can push.
func (c *Cluster) awaitPaths() {
	c.t.Helper()
	var problem string
	defer func() {
		if problem != "" {
			c.t.Log(problem)
		}
	}()
	c.Await("a path to watchers", func() bool {
		problem = ""
		for _, id := range []paxos.NodeID{"l1", "l2"} {
			if r := c.Role(id); r != nil {
				problem += r.(*node.Learner).Report().Learner.Watch.Problem
			}
		}
		return problem == ""
	})
}

// put puts some keys, each until it is done.
func (w *watched) put(n int) {
	w.t.Helper()
	for i := range n {
		w.Await("a put", func() bool {
			revision, err := w.kv.Put(w.t.Context(), fmt.Sprintf("k%d", i), []byte("value"))
			if err == nil {
				w.last = revision
			}
			return err == nil
		})
	}
}

// awaitAll waits until every client saw every revision, and wants each once, in order.
func (w *watched) awaitAll(when string) {
	w.t.Helper()
	for name, f := range w.followers {
		w.Await(name+" to see all "+when, func() bool {
			seqs := f.all()
			return len(seqs) > 0 && seqs[len(seqs)-1] >= w.last
		})
		for i, seq := range f.all() {
			if seq != uint64(i+1) {
				w.t.Fatalf("%s: %s saw %v, want 1 to %d", when, name, f.all(), w.last)
			}
		}
	}
}

// serving is a learner that has consumers.
func (w *watched) serving() paxos.NodeID {
	for _, id := range []paxos.NodeID{"l1", "l2"} {
		if r := w.Role(id); r != nil && r.(*node.Learner).Report().Learner.Watch.Consumers > 0 {
			return id
		}
	}
	return ""
}

// TestWatchersOutliveWhatServesThem: the leader, a learner with consumers, each NATS
// server in turn. By the clients' own recovery nobody misses or repeats a revision.
func TestWatchersOutliveWhatServesThem(t *testing.T) {
	t.Parallel()
	servers := bustest.NewCluster(t)
	c := Start(t, Size{Acceptors: 3, Proposers: 2, Learners: 2, Leaf: servers.LeafURLs()}, servers.URLs()...)
	w := watch(t, c, servers)
	w.put(10)
	w.awaitAll("at first")

	leader := c.AwaitLeader()
	c.Stop(leader)
	w.put(10)
	w.awaitAll("after the leader's death")
	c.StartRole(leader)

	for range 2 {
		l := w.serving()
		c.Stop(l)
		w.put(10)
		w.awaitAll("after the end of learner " + string(l))
		c.StartRole(l)
		c.awaitPaths()
	}

	for i := range 3 {
		servers.Kill(i)
		w.put(10)
		w.awaitAll(fmt.Sprintf("after the death of NATS server %d", i))
		servers.Restart(i)
		c.awaitPaths()
	}
}
