package bus_test

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

// TestWhoLeftBusyIsNotRoutedTo: nor does one who still handles what came when the
// connection is lost, though the server had confirmed that it left.
func TestWhoLeftBusyIsNotRoutedTo(t *testing.T) {
	s := bustest.Server(t)
	address := s.NATS().Addr().String()
	b := bustest.Connect(t, s.URL())
	busy, free := make(chan struct{}, 1), make(chan struct{})
	defer close(free)
	subject := b.Subjects().Propose()
	l, err := b.ServeClients("leader", []string{subject}, func(*nats.Msg) {
		select {
		case busy <- struct{}{}:
		default:
		}
		<-free
	})
	if err != nil {
		t.Fatal(err)
	}
	down, back := b.Conn().StatusChanged(nats.RECONNECTING), b.Conn().StatusChanged(nats.CONNECTED)
	client := bustest.Connect(t, s.URL()).Conn()
	if err := client.Publish(subject, nil); err != nil {
		t.Fatal(err)
	}
	receive(t, busy)
	stopped := make(chan error, 1)
	go func() { stopped <- l.Stop() }()
	for !errors.Is(err, nats.ErrNoResponders) { // until the server knows
		_, err = client.Request(subject, nil, patience/1000)
	}
	s.Stop()
	receive(t, down)
	if err := receive(t, stopped); err != nil {
		t.Error(err)
	}
	s = bustest.ServerWith(t, bus.ServerOptions{Listen: address})
	receive(t, back)
	if err := b.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := bustest.Connect(t, s.URL()).Conn().Request(subject, nil, patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a request gets %v, want %v: NATS routes to who has left", err, nats.ErrNoResponders)
	}
}

// TestWhoLeftIsNotRoutedTo: a member of the queue group that left while it had no
// server does not come back into the group with its connection, where nobody would
// answer what is routed to it.
func TestWhoLeftIsNotRoutedTo(t *testing.T) {
	for _, test := range []struct {
		what string
		stop func(s *bus.Server, l *bus.Listener, lost func())
	}{
		{"without a server", func(s *bus.Server, l *bus.Listener, lost func()) {
			s.Stop()
			lost()
			if err := l.Stop(); err != nil {
				t.Errorf("stop without a server: %v", err)
			}
		}},
		{"while the server goes", func(s *bus.Server, l *bus.Listener, lost func()) {
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				s.Stop()
			}()
			_ = l.Stop() // with luck the server still confirms
			<-stopped
			lost()
		}},
	} {
		t.Run(test.what, func(t *testing.T) {
			for range 5 {
				s := bustest.Server(t)
				address := s.NATS().Addr().String()
				b := bustest.Connect(t, s.URL())
				l, err := b.ServeClients("leader", []string{b.Subjects().Propose()}, func(*nats.Msg) {})
				if err != nil {
					t.Fatal(err)
				}
				down, back := b.Conn().StatusChanged(nats.RECONNECTING), b.Conn().StatusChanged(nats.CONNECTED)
				test.stop(s, l, func() { receive(t, down) })
				s = bustest.ServerWith(t, bus.ServerOptions{Listen: address})
				receive(t, back)
				if err := b.Conn().Flush(); err != nil {
					t.Fatal(err)
				}
				client := bustest.Connect(t, s.URL()).Conn()
				if _, err := client.Request(b.Subjects().Propose(), nil, patience); !errors.Is(err, nats.ErrNoResponders) {
					t.Fatalf("a request gets %v, want %v: NATS routes to who has left", err, nats.ErrNoResponders)
				}
				b.Close()
			}
		})
	}
}
