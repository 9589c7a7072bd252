package bustest_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// numbered is some message, told apart by n.
func numbered(n paxos.Slot) paxos.Envelope {
	return paxos.Envelope{From: paxos.Sender{Role: paxos.LearnerRole, ID: "l1"}, Msg: paxos.Position{Applied: n}}
}

// A recorder notes the numbers of what is published.
type recorder struct{ numbers []paxos.Slot }

func (r *recorder) Publish(e paxos.Envelope) error {
	r.numbers = append(r.numbers, e.Msg.(paxos.Position).Applied)
	return nil
}

func through(t *testing.T, seed uint64, fate func(paxos.Envelope, *rand.Rand) bustest.Fate) (at, released []paxos.Slot) {
	t.Helper()
	r := &recorder{}
	f := bustest.NewFaulty(r, seed, fate)
	for n := range paxos.Slot(1000) {
		if err := f.Publish(numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	at = slices.Clone(r.numbers)
	if n := f.Release(); n != len(r.numbers)-len(at) {
		t.Errorf("released %d, sent %d", n, len(r.numbers)-len(at))
	}
	return at, r.numbers[len(at):]
}

func TestFaulty(t *testing.T) {
	at, released := through(t, 1, nil)
	if len(at) != 1000 || len(released) != 0 {
		t.Errorf("without faults: %d and %d messages", len(at), len(released))
	}
	at, released = through(t, 1, bustest.Chance(1, 1, 1))
	if len(at)+len(released) != 0 {
		t.Errorf("all lost: %d and %d messages", len(at), len(released))
	}
	at, released = through(t, 1, bustest.Chance(0, 1, 1))
	if len(at) != 0 || len(released) != 2000 || slices.IsSorted(released) {
		t.Errorf("all twice and held: %d and %d messages, sorted %t", len(at), len(released), slices.IsSorted(released))
	}
	at, released = through(t, 7, bustest.Chance(0.1, 0.1, 0.1))
	again, releasedAgain := through(t, 7, bustest.Chance(0.1, 0.1, 0.1))
	other, _ := through(t, 8, bustest.Chance(0.1, 0.1, 0.1))
	if !slices.Equal(at, again) || !slices.Equal(released, releasedAgain) || slices.Equal(at, other) {
		t.Error("the seed does not decide")
	}
	if total := len(at) + len(released); total < 900 || total > 1100 || len(released) < 50 {
		t.Errorf("%d and %d messages", len(at), len(released))
	}
}

func TestProxyFreezesAndCuts(t *testing.T) {
	s := bustest.Server(t)
	p := bustest.Proxy(t, s)
	b := bustest.ConnectWith(t, bus.Options{URLs: []string{p.URL()}, NATS: []nats.Option{nats.IgnoreDiscoveredServers()}})
	heard := make(chan paxos.Envelope, 1)
	l, err := bustest.Connect(t, s.URL()).Listen(paxos.ProposerRole, "p1", func(e paxos.Envelope) { heard <- e })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
	}()

	p.Freeze()
	if err := b.Publish(numbered(1)); err != nil {
		t.Fatal(err)
	}
	if err := b.Conn().FlushTimeout(50 * time.Millisecond); !errors.Is(err, nats.ErrTimeout) || len(heard) != 0 {
		t.Errorf("frozen: %v, %d messages heard", err, len(heard))
	}
	p.Thaw()
	await(t, heard)

	back := b.Conn().StatusChanged(nats.CONNECTED)
	p.Cut()
	await(t, back)
	if err := b.Publish(numbered(2)); err != nil {
		t.Fatal(err)
	}
	await(t, heard)
}

func await[T any](t *testing.T, c <-chan T) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
}

// TestClusterIsOne: once it is there, a request reaches a responder at any server,
// also after a server was gone.
func TestClusterIsOne(t *testing.T) {
	c := bustest.NewCluster(t)
	c.Kill(1)
	if c.Server(1) != nil || len(c.URLs()) != 3 {
		t.Errorf("server 1 is %v of %v", c.Server(1), c.URLs())
	}
	c.Restart(1)
	for i := range 3 {
		b := bustest.Connect(t, c.URLs()[i])
		if have := c.ServerOf(b); have != i {
			t.Errorf("connected to server %d, want %d", have, i)
		}
	}
}

func TestRestartKeepsTheAddress(t *testing.T) {
	s := bustest.Server(t)
	b := bustest.Connect(t, s.URL())
	back := b.Conn().StatusChanged(nats.CONNECTED)
	again := bustest.Restart(t, s, bus.ServerOptions{MaxPayload: 2 << 20})
	await(t, back)
	if again.URL() != s.URL() || b.MaxPayload() != 2<<20 {
		t.Errorf("at %s with max_payload %d", again.URL(), b.MaxPayload())
	}
}
