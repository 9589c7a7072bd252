package client

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

// TestAnOlderGenerationIsRefused: a client that heard of a cluster's successor believes
// nothing that the old one says, and forgets positions that mean nothing any more.
func TestAnOlderGenerationIsRefused(t *testing.T) {
	t.Parallel()
	c := &Client{}
	c.generation.Store(2) // as Options.Generation has it
	answer := func(generation string) error {
		m := &nats.Msg{Header: nats.Header{}}
		if generation != "" {
			m.Header.Set(bus.GenerationHeader, generation)
		}
		return c.current(m)
	}
	c.seen.Store(100)
	for _, g := range []string{"2", "", "2"} {
		if err := answer(g); err != nil || c.Position() != 100 {
			t.Errorf("generation %q: %v, position %d", g, err, c.Position())
		}
	}
	if err := answer("1"); !errors.Is(err, ErrSuperseded) {
		t.Errorf("generation 1 after 2: %v, want it refused", err)
	}
	if err := answer("3"); err != nil || c.Position() != 0 || c.Generation() != 3 {
		t.Errorf("generation 3: %v, position %d, generation %d", err, c.Position(), c.Generation())
	}
	if err := answer("2"); !errors.Is(err, ErrSuperseded) {
		t.Errorf("generation 2 after 3: %v, want it refused", err)
	}
}

// TestAnswersOfAnOldClusterDoNotCount, as a client that starts late knows from its options.
func TestAnswersOfAnOldClusterDoNotCount(t *testing.T) {
	s := bustest.Server(t)
	cluster := bustest.Connect(t, s.URL()).Conn()
	generations := make(chan string, 2)
	_, err := cluster.Subscribe("synod.main.propose", func(m *nats.Msg) {
		_ = cluster.PublishMsg(&nats.Msg{Subject: m.Reply, Header: nats.Header{bus.GenerationHeader: {<-generations}}})
	})
	if err == nil {
		err = cluster.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := Connect(t.Context(), Options{NATS: bus.Options{URLs: []string{s.URL()}, Log: bustest.Quiet()}, Generation: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, test := range []struct {
		generation string
		want       error
	}{{"1", ErrSuperseded}, {"2", nil}} {
		generations <- test.generation
		answer := make(chan error, 1)
		if _, err := c.caller.send(&nats.Msg{Subject: "synod.main.propose"}, func(_ *nats.Msg, err error) { answer <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-answer; !errors.Is(err, test.want) {
			t.Errorf("an answer of generation %s: %v, want %v", test.generation, err, test.want)
		}
	}
}
