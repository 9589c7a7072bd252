package clustertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

var small = Size{Acceptors: 3, Proposers: 2, Learners: 2}

// TestFiveAcceptorsLoseTwo and go on without a pause that a client would notice as
// an error.
func TestFiveAcceptorsLoseTwo(t *testing.T) {
	t.Parallel()
	c := Start(t, Size{Acceptors: 5, Proposers: 2, Learners: 2}, bustest.Server(t).URL())
	load := c.StartLoad(8)
	load.AwaitMore(200)
	c.Stop("a1")
	load.AwaitMore(200)
	c.Stop("a4")
	load.AwaitMore(500)
	c.StartRole("a1")
	load.AwaitMore(200)
	c.Stop("a2")
	load.AwaitMore(200)
	load.Stop()
	load.Check(1300, "l1", "l2")
}

// TestLeadersComeAndGo under load: one is cut off in the middle, one hands over.
func TestLeadersComeAndGo(t *testing.T) {
	t.Parallel()
	c := Start(t, Size{Acceptors: 3, Proposers: 3, Learners: 2}, bustest.Server(t).URL())
	load := c.StartLoad(8)
	load.AwaitMore(200)
	for i := range 4 {
		leader := c.AwaitLeader()
		if i%2 == 0 {
			c.Stop(leader)
		} else {
			c.Retire(leader)
		}
		load.AwaitMore(200)
		c.StartRole(leader)
	}
	load.Stop()
	load.Check(1000, "l1", "l2")
}

// TestAHandOverNeedsNoTimeout: clients of a leader that retires notice nothing
// that is as long as an election timeout.
func TestAHandOverNeedsNoTimeout(t *testing.T) {
	c := Start(t, small, bustest.Server(t).URL())
	load := c.StartLoad(4)
	load.AwaitMore(200)
	first := c.AwaitLeader()
	c.Retire(first)
	second := c.Leader()
	if second == "" || second == first {
		c.Await("the successor", func() bool { second = c.Leader(); return second != "" })
	}
	load.AwaitMore(100)
	t.Logf("the longest time between two acknowledgements: %v", load.Gap())
	load.Stop()
	load.Check(300, "l1", "l2")
}

// TestANATSServerDies: of a cluster of three, with roles and clients on each.
func TestANATSServerDies(t *testing.T) {
	t.Parallel()
	servers := bustest.NewCluster(t)
	c := Start(t, Size{Acceptors: 3, Proposers: 2, Learners: 2}, servers.URLs()...)
	load := c.StartLoad(8)
	for i := range 3 {
		load.AwaitMore(200)
		servers.Kill(i)
		load.AwaitMore(200)
		servers.Restart(i)
	}
	load.AwaitMore(200)
	load.Stop()
	load.Check(1400, "l1", "l2")
}

// TestAWipedLearnerCatchesUp from what the acceptors remember.
func TestAWipedLearnerCatchesUp(t *testing.T) {
	t.Parallel()
	c := Start(t, small, bustest.Server(t).URL())
	load := c.StartLoad(8)
	load.AwaitMore(500)
	c.Stop("l2")
	c.Wipe("l2")
	load.AwaitMore(200)
	c.StartRole("l2")
	load.AwaitMore(200)
	load.Stop()
	load.Check(900, "l1", "l2")
}

// TestTheNamedAnswererDies: others answer what it was to answer, soon, and nobody
// has to retry for that.
func TestTheNamedAnswererDies(t *testing.T) {
	t.Parallel()
	c := Start(t, small, bustest.Server(t).URL())
	c.AwaitLeader()
	nc := c.Connect().Conn()
	c.Await("the first answer", func() bool {
		_, err := nc.Request(Subjects.Propose(), []byte("warm"), time.Second)
		return err == nil
	})
	c.Stop("l1")
	var slowest time.Duration
	for range 50 {
		start := time.Now()
		if _, err := nc.Request(Subjects.Propose(), []byte("x"), 2*time.Second); err != nil {
			t.Fatalf("a proposal that the dead learner was to answer: %v", err)
		}
		slowest = max(slowest, time.Since(start))
	}
	t.Logf("the slowest answer took %v", slowest)
}

// TestJetStreamPublish: nats.go's JetStream client takes the answer for its own.
func TestJetStreamPublish(t *testing.T) {
	t.Parallel()
	c := Start(t, small, bustest.Server(t).URL())
	c.AwaitLeader()
	js, err := jetstream.New(c.Connect().Conn())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for n, want := range []jetstream.PubAck{{Stream: "LEDGER", Sequence: 1}, {Stream: "LEDGER", Sequence: 1, Duplicate: true}} {
		ack, err := publishOnce(ctx, js)
		if err != nil || *ack != want {
			t.Errorf("publish %d: %+v, %v, want %+v", n, ack, err, want)
		}
	}
}

// publishOnce publishes until the answer is another than that it was certainly not done, as on a
// busy machine, where a leader may lose its leadership.
func publishOnce(ctx context.Context, js jetstream.JetStream) (*jetstream.PubAck, error) {
	for {
		ack, err := js.Publish(ctx, Subjects.Propose(), []byte("hello"), jetstream.WithMsgID("once"), jetstream.WithRetryAttempts(50))
		if refusal := (*jetstream.APIError)(nil); !errors.As(err, &refusal) || refusal.Code != 503 || ctx.Err() != nil {
			return ack, err
		}
	}
}

// TestWithoutAcceptorsACommandIsNotDone: the answer comes by itself, and says so
// where that is certain.
func TestWithoutAcceptorsACommandIsNotDone(t *testing.T) {
	t.Parallel()
	c := Start(t, small, bustest.Server(t).URL())
	c.AwaitLeader()
	for _, id := range []paxos.NodeID{"a1", "a2", "a3"} {
		c.Stop(id)
	}
	c.Await("the leader to leave", func() bool { return c.Leader() == "" })
	_, err := c.Connect().Conn().Request(Subjects.Propose(), []byte("x"), 5*time.Second)
	if err != nats.ErrNoResponders {
		t.Errorf("proposing without a leader: %v, want %v", err, nats.ErrNoResponders)
	}
}

// TestTooLargeIsRefusedByName before it enters the log, with the limit.
func TestTooLargeIsRefusedByName(t *testing.T) {
	t.Parallel()
	c := Start(t, small, bustest.ServerWith(t, bus.ServerOptions{MaxPayload: 64 << 10}).URL())
	c.AwaitLeader()
	reply, err := c.Connect().Conn().Request(Subjects.Propose(), make([]byte, 64<<10), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := bus.ParseAck(reply.Data)
	if err != nil || ack.Error == nil || ack.Error.Code != bus.CodeTooLarge {
		t.Errorf("answer %s (%v), want too large", reply.Data, err)
	}
}
