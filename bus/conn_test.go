package bus_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

// freeAddress is where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func options(urls ...string) bus.Options {
	return bus.Options{Subjects: bus.Subjects{Cluster: "main"}, URLs: urls, Log: bustest.Quiet()}
}

func TestConnectFailsAtOnceAndSaysWhy(t *testing.T) {
	address := freeAddress(t)
	_, err := bus.Connect(t.Context(), options("nats://user:s3cret@"+address))
	if err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "is a nats-server running there?") {
		t.Errorf("have %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error tells the password: %v", err)
	}
}

func TestAddressesThatAreNoneAreNamedWithoutTheirSecret(t *testing.T) {
	o := options("nats://user:s3cret@127.0.0.1:port", "127.0.0.1:4222", "user:s3cret@[::1")
	o.Wait = true
	_, err := bus.Connect(t.Context(), o)
	for _, want := range []string{"nats://xxxxx@127.0.0.1:port", `invalid port ":port"`, "nats://xxxxx@[::1: missing ']'"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("have %v, want it to say %q and no secret", err, want)
		}
	}
}

// TestRolesWaitForTheirServer starts the server after the role.
func TestRolesWaitForTheirServer(t *testing.T) {
	address := freeAddress(t)
	log := newJournal()
	o := options("nats://user:s3cret@" + address)
	o.Wait, o.Log = true, log.logger()
	connected := make(chan error)
	go func() {
		b, err := bus.Connect(context.Background(), o)
		if err == nil {
			b.Close()
		}
		connected <- err
	}()
	log.await(t, "start a nats-server there, or give another address")
	bustest.ServerWith(t, bus.ServerOptions{Listen: address})
	if err := receive(t, connected); err != nil {
		t.Fatal(err)
	}
	if text, _ := log.text(); strings.Contains(text, "s3cret") {
		t.Errorf("the log tells the password:\n%s", text)
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	log := newJournal()
	o := options("nats://" + freeAddress(t))
	o.Wait, o.Log = true, log.logger()
	why := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	failed := make(chan error)
	go func() {
		_, err := bus.Connect(ctx, o)
		failed <- err
	}()
	log.await(t, "waiting for NATS")
	cancel(why)
	if err := receive(t, failed); !errors.Is(err, why) {
		t.Errorf("have %v, want %v", err, why)
	}
}

func TestOptionsCheckReportsEverything(t *testing.T) {
	o := bus.Options{
		Subjects: bus.Subjects{Prefix: "*", Cluster: "Main"},
		Password: "x", Token: "t", Creds: "c", NKey: "n", Cert: "only",
	}
	_, err := bus.Connect(t.Context(), o)
	for _, want := range []string{`prefix "*"`, `cluster "Main"`, "a creds file and an nkey file and a token", "a password without a user", "client certificate"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have %v, want it to say %q", err, want)
		}
	}
}

// TestNothingStaleIsSentAfterAReconnect: what is published while there is no server
// is lost, and said to be. Subscriptions come back by themselves.
func TestNothingStaleIsSentAfterAReconnect(t *testing.T) {
	s := bustest.Server(t)
	log := newJournal()
	b := bustest.ConnectWith(t, bus.Options{URLs: []string{s.URL()}, Log: log.logger()})
	heard := listen(t, b)
	publish(t, b, heartbeat(1))
	if have := next(receive(t, heard)); have != 1 {
		t.Fatalf("heard %d", have)
	}
	lost := b.Conn().StatusChanged(nats.RECONNECTING)
	back := b.Conn().StatusChanged(nats.CONNECTED)
	address := s.NATS().Addr().String()
	s.Stop()
	receive(t, lost)
	if err := b.Publish(heartbeat(2)); !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("have %v", err)
	}
	if b.Connected() {
		t.Error("still connected")
	}
	bustest.ServerWith(t, bus.ServerOptions{Listen: address})
	receive(t, back)
	publish(t, b, heartbeat(3))
	if have := next(receive(t, heard)); have != 3 {
		t.Errorf("heard %d after the reconnect, want 3", have)
	}
	log.await(t, "reconnected to NATS")
	stats := b.Stats()
	if stats.Disconnects != 1 || stats.Reconnects != 1 || stats.Dropped["disconnected"] != 1 {
		t.Errorf("counted %+v", stats)
	}
}

func TestCutConnectionsComeBack(t *testing.T) {
	s := bustest.Server(t)
	b := bustest.Connect(t, s.URL())
	heard := listen(t, b)
	back := b.Conn().StatusChanged(nats.CONNECTED)
	bustest.Cut(t, s, b)
	receive(t, back)
	publish(t, b, heartbeat(1))
	receive(t, heard)
}

// TestAServerThatRefusesLaterIsTriedAgain: an operator who breaks the server's user
// list and mends it must not have to restart every role.
func TestAServerThatRefusesLaterIsTriedAgain(t *testing.T) {
	const right = `authorization { user: u, password: right }`
	s := bustest.Configured(t, right)
	log := newJournal()
	b := bustest.ConnectWith(t, bus.Options{
		URLs: []string{s.URL()}, User: "u", Password: "right", Wait: true, Log: log.logger(),
	})
	address := s.NATS().Addr().String()
	s.Stop()
	wrong := bustest.Configured(t, `listen: "`+address+`"`+"\n"+`authorization { user: u, password: wrong }`)
	log.await(t, "NATS refuses these credentials now")
	back := b.Conn().StatusChanged(nats.CONNECTED)
	wrong.Stop()
	bustest.Configured(t, `listen: "`+address+`"`+"\n"+right)
	receive(t, back)
}

func TestCloseSendsWhatWasPublished(t *testing.T) {
	s := bustest.Server(t)
	heard := listen(t, bustest.Connect(t, s.URL()))
	b := bustest.Connect(t, s.URL())
	publish(t, b, heartbeat(1))
	b.Close()
	receive(t, heard)
	if err := b.Publish(heartbeat(2)); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("have %v", err)
	}
	if _, err := b.Listen(1, "p1", nil); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("have %v", err)
	}
	if have := b.Stats().Dropped["unsendable"]; have != 1 {
		t.Errorf("counted %d", have)
	}
}

func TestSilentServersAreLeftSoon(t *testing.T) {
	o := bustest.Connect(t, bustest.Server(t).URL()).Conn().Opts
	if o.PingInterval.Seconds()*float64(o.MaxPingsOut+1) > 6 || o.FlusherTimeout.Seconds() > 5 || o.MaxReconnect != -1 {
		t.Errorf("pings every %s, %d may be out, writes wait %s, reconnects %d", o.PingInterval, o.MaxPingsOut, o.FlusherTimeout, o.MaxReconnect)
	}
}

func TestRolesSurviveALostServerOfACluster(t *testing.T) {
	c := bustest.NewCluster(t)
	sender, receiver := bustest.Connect(t, c.URLs()...), bustest.Connect(t, c.URLs()...)
	heard := listen(t, receiver)
	for round := range 2 {
		i := c.ServerOf(receiver)
		back := receiver.Conn().StatusChanged(nats.CONNECTED)
		senderToo := c.ServerOf(sender) == i
		senderBack := sender.Conn().StatusChanged(nats.CONNECTED)
		c.Kill(i)
		receive(t, back)
		if senderToo {
			receive(t, senderBack)
		}
		if err := receiver.Conn().Flush(); err != nil {
			t.Fatal(err)
		}
		c.Restart(i)
		publish(t, sender, heartbeat(1))
		receive(t, heard)
		t.Logf("round %d: server %d was lost", round, i)
	}
}
