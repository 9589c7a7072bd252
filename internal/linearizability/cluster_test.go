package linearizability

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/client"
	"github.com/synod-paxos/synod/internal/clustertest"
	"github.com/synod-paxos/synod/internal/node"
	"github.com/synod-paxos/synod/jsapi"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
	"github.com/synod-paxos/synod/streams/command"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T, o client.Options, url string) *client.Client {
	t.Helper()
	o.Cluster, o.Attempt = clustertest.Subjects.Cluster, 300*time.Millisecond
	o.NATS = bus.Options{URLs: []string{url}, Log: bustest.Quiet()}
	c, err := client.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// patience is how long a call may take until its outcome is unknown.
const patience = 3 * time.Second

func newActor(t *testing.T, id int, s Store, seed *rand.PCG) *Actor {
	return &Actor{ID: id, Store: s, Random: rand.New(seed), Patience: patience, Complain: func(p string) { t.Error(p) }}
}

// plainStore is the bucket b, which exists, for a user of nats.go.
func plainStore(t *testing.T, url string) Store {
	t.Helper()
	nc := bustest.ConnectWith(t, bus.Options{Subjects: clustertest.Subjects, URLs: []string{url}}).Conn()
	js, err := jetstream.NewWithAPIPrefix(nc, clustertest.Subjects.API(""))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	return Plain(nc, clustertest.Subjects, kv)
}

// check wants the history to be linearizable, or not to be.
func check(t *testing.T, h *History, want porcupine.CheckResult) {
	t.Helper()
	if got := h.Check(20 * time.Second); got != want {
		t.Errorf("of %d operations the checker says %s, want %s:\n%s", h.Len(), got, want, h)
	}
}

func bucket(t *testing.T, url string) *client.Bucket {
	t.Helper()
	return bucketWith(t, client.Options{}, url)
}

func bucketWith(t *testing.T, o client.Options, url string) *client.Bucket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	b, err := connect(t, o, url).CreateBucket(ctx, "b", client.BucketConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// arena is a cluster with one learner behind a link that can be frozen, and
// actors that use it.
type arena struct {
	*clustertest.Cluster
	server *bus.Server
	link   *bustest.NATSProxy
	group  *Group
	stop   context.CancelFunc
	actors sync.WaitGroup
	shared atomic.Int64 // requests that asked for several keys
}

func newArena(t *testing.T, actors int) *arena {
	t.Helper()
	server := bustest.Server(t)
	a := &arena{server: server, link: bustest.Proxy(t, server), group: NewGroup("all")}
	a.Cluster = clustertest.Start(t, clustertest.Size{Acceptors: 3, Proposers: 3, Learners: 1}, server.URL())
	a.startLearner(t, "l2")
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.countShared(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	b := bucketWith(t, client.Options{InFlight: 1}, server.URL()) // of three actors, whose reads share messages
	for i := range actors {
		s := Own(b)
		switch {
		case i%2 == 1:
			s = plainStore(t, server.URL())
		case i > 4:
			s = Own(bucket(t, server.URL()))
		}
		a.actors.Go(func() {
			actor := newActor(t, i, s, rand.NewPCG(seed, uint64(i)))
			actor.Enter(a.group)
			for ctx.Err() == nil {
				actor.Act()
			}
			actor.Leave()
		})
	}
	return a
}

// countShared counts the requests in which callers of one client read together.
func (a *arena) countShared(t *testing.T) {
	t.Helper()
	nc := bustest.Connect(t, a.server.URL()).Conn()
	_, err := nc.Subscribe(clustertest.Subjects.API("DIRECT.GET.KV_b"), func(m *nats.Msg) {
		if command.IsReads(m.Data) && command.CountReads(m.Data) > 1 {
			a.shared.Add(1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// startLearner starts a learner behind the link.
func (a *arena) startLearner(t *testing.T, id paxos.NodeID) {
	t.Helper()
	o := bus.Options{Subjects: clustertest.Subjects, URLs: []string{a.link.URL()}, NATS: []nats.Option{nats.IgnoreDiscoveredServers()}}
	l, err := node.StartLearner(t.Context(), node.Config{ID: id, Bus: o, Data: t.TempDir(), Log: bustest.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(context.Background()); err != nil {
			t.Errorf("stop %s: %v", id, err)
		}
	})
}

// awaitMore waits for n more operations.
func (a *arena) awaitMore(n int) {
	from := a.group.History.Len()
	a.Await(fmt.Sprintf("%d more operations", n), func() bool { return a.group.History.Len() >= from+n })
}

// end stops the actors and returns how many operations of each kind there were, and
// of unknown outcome.
func (a *arena) end() (kinds [Kinds]int, unknown int) {
	a.stop()
	a.actors.Wait()
	for _, op := range a.group.History.Close() {
		kinds[op.Input.(Input).Kind]++
		if op.Output.(Output).Unknown {
			unknown++
		}
	}
	return kinds, unknown
}

// TestLinearizable: writes, swaps, transactions, locks and reads, while the leader
// dies, acceptors restart and a learner is cut off.
func TestLinearizable(t *testing.T) {
	a := newArena(t, 7)
	a.awaitMore(80)
	leader := a.AwaitLeader()
	a.Stop(leader)
	a.awaitMore(60)
	a.StartRole(leader)
	a.link.Freeze()
	a.awaitMore(60)
	a.link.Thaw()
	for _, id := range []paxos.NodeID{"a1", "a3"} {
		a.Stop(id)
		a.awaitMore(60)
		a.StartRole(id)
		a.awaitMore(20)
	}
	a.link.Cut()
	a.Stop(a.AwaitLeader())
	a.awaitMore(60)
	kinds, unknown := a.end()
	t.Logf("%d reads, %d requests for several, %d writes, %d swaps, %d transactions, %d locks, %d guarded writes; %d of unknown outcome",
		kinds[Read], a.shared.Load(), kinds[Write], kinds[Swap], kinds[Both], kinds[Lock], kinds[Guarded], unknown)
	for kind, n := range kinds {
		if n == 0 {
			t.Errorf("no operation of kind %d: the history proves too little", kind)
		}
	}
	if a.shared.Load() == 0 {
		t.Error("no callers read together: the history proves nothing of that")
	}
	check(t, a.group.History, porcupine.Ok)
}

// stale is a state that has stopped at some slot.
type stale struct{ machine *streams.Machine }

func (s stale) Read(read func(*streams.View) error) error {
	v := s.machine.View()
	return errors.Join(read(v), v.Close())
}

// TestStaleReadsAreCaught, so that the checker is known to see them: a learner has
// stopped at an old slot and still serves readers, beside one that is right.
func TestStaleReadsAreCaught(t *testing.T) {
	cannot := func(context.Context) error { return errors.New("it reaches no acceptor") }
	for _, test := range []struct {
		what    string
		barrier func(context.Context) error
		level   []client.ReadOption
		want    porcupine.CheckResult
	}{
		{"a learner whose barrier is broken", nil, nil, porcupine.Illegal},
		{"reads that are asked for as stale", cannot, []client.ReadOption{client.Stale()}, porcupine.Illegal},
		{"a learner that knows that it is behind", cannot, nil, porcupine.Ok},
	} {
		t.Run(test.what, func(t *testing.T) {
			url := bustest.Server(t).URL()
			c := clustertest.Start(t, clustertest.Size{Acceptors: 3, Proposers: 1, Learners: 2}, url)
			b, g := bucket(t, url), NewGroup("all")
			a := newActor(t, 0, Own(b), rand.NewPCG(1, 1))
			a.Enter(g)
			a.Write(0)
			c.Await("both learners", func() bool {
				return c.Role("l1").Report().Learner.Applied == c.Role("l2").Report().Learner.Applied
			})
			c.Stop("l2")
			a.Write(0)
			serveStale(t, url, filepath.Join(c.Data("l2"), "state"), test.barrier)
			for range 50 {
				g.History.Call(0, Input{Kind: Read}, func() (out Output, keep bool) {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					e, err := b.Get(ctx, g.Keys[0], test.level...)
					if err != nil {
						t.Errorf("read: %v", err)
						return out, false
					}
					out.Values[0] = string(e.Value)
					return out, true
				})
			}
			check(t, g.History, test.want)
		})
	}
}

// serveStale serves readers from a state on disk that nobody applies to any more.
func serveStale(t *testing.T, url, dir string, barrier func(context.Context) error) {
	t.Helper()
	m, err := streams.Open(dir, streams.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := jsapi.New(bustest.ConnectWith(t, bus.Options{Subjects: clustertest.Subjects, URLs: []string{url}}), stale{m}, jsapi.Options{Barrier: barrier, Log: bustest.Quiet()})
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Stop(), m.Close()); err != nil {
			t.Error(err)
		}
	})
}
