package bus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus/bustest"
)

// TestWaitOutlivesWhatWasDelivered: who stops serving clients and then goes away
// must not leave one unanswered that had come.
func TestWaitOutlivesWhatWasDelivered(t *testing.T) {
	s := bustest.Server(t)
	server, client := bustest.Connect(t, s.URL()), bustest.Connect(t, s.URL())
	const requests = 20
	release, began, handled := make(chan struct{}), make(chan struct{}, requests), 0
	l, err := server.ServeClients("leader", []string{server.Subjects().Propose()}, func(*nats.Msg) {
		began <- struct{}{}
		<-release
		handled++
	})
	if err != nil {
		t.Fatal(err)
	}
	for range requests {
		if err := client.Conn().Publish(server.Subjects().Propose(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	<-began
	if err := l.Stop(); err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Wait(over); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait returned %v while requests were being handled, want the context's error", err)
	}
	close(release)
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if handled != requests {
		t.Errorf("%d of %d requests were handled when Wait returned", handled, requests)
	}
}
