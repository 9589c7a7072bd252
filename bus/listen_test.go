package bus_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

func TestWhatIsPublishedIsHeard(t *testing.T) {
	s := bustest.Server(t)
	sender, receiver := bustest.Connect(t, s.URL()), bustest.Connect(t, s.URL())
	heard := listen(t, receiver)
	for n := range paxos.Slot(100) {
		publish(t, sender, heartbeat(n))
	}
	for n := range paxos.Slot(100) {
		if have := next(receive(t, heard)); have != n {
			t.Fatalf("heard message %d, want %d: out of order", have, n)
		}
	}
	sent, received := sender.Stats().Sent["heartbeat"], receiver.Stats().Received["heartbeat"]
	if sent.Messages != 100 || sent.Bytes == 0 || sent != received {
		t.Errorf("counted %+v sent and %+v received", sent, received)
	}
}

// TestALeaderHearsItself: by its own Heartbeats it tells a slow bus from silent acceptors.
func TestALeaderHearsItself(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t).URL())
	heard := make(chan paxos.Envelope, 1)
	if _, err := b.Listen(paxos.ProposerRole, "p1", func(e paxos.Envelope) { heard <- e }); err != nil {
		t.Fatal(err)
	}
	publish(t, b, heartbeat(7))
	if e := receive(t, heard); e.From.ID != "p1" || next(e) != 7 {
		t.Errorf("heard %+v, want its own Heartbeat", e)
	}
}

// TestMessagesForOthersAreSkipped: a Prepare may be for one acceptor, on the subject
// of all; a vote for a proposer is for the learners too.
func TestMessagesForOthersAreSkipped(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t).URL())
	heard := listen(t, b)
	ballot := paxos.Ballot{Round: 1, Proposer: "p1"}
	prepare := paxos.Envelope{From: paxos.Sender{Role: paxos.ProposerRole, ID: "p1"}, Msg: paxos.Prepare{Ballot: ballot}}
	for _, to := range []paxos.NodeID{"a2", "a1", ""} {
		prepare.To = to
		publish(t, b, prepare)
	}
	for _, want := range []paxos.NodeID{"a1", ""} {
		if have := receive(t, heard).To; have != want {
			t.Errorf("heard the message to %q, want that to %q", have, want)
		}
	}

	votes := make(chan paxos.Envelope, 1)
	l, err := b.Listen(paxos.LearnerRole, "l1", func(e paxos.Envelope) { votes <- e })
	if err != nil {
		t.Fatal(err)
	}
	publish(t, b, paxos.Envelope{
		From: paxos.Sender{Role: paxos.AcceptorRole, ID: "a1"}, To: "p1", Msg: paxos.Accepted{Ballot: ballot, Slots: []paxos.Slot{1}},
	})
	receive(t, votes)
	if err := errors.Join(l.Stop(), l.Stop()); err != nil {
		t.Error(err)
	}
}

// TestWhatIsNoHonestMessageIsDroppedAndCounted publishes past the bus.
func TestWhatIsNoHonestMessageIsDroppedAndCounted(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t).URL())
	heard := listen(t, b)
	raw := func(id string, data []byte) {
		if err := b.Conn().Publish("synod."+bustest.Cluster+".proposer."+id+".heartbeat", data); err != nil {
			t.Fatal(err)
		}
	}
	honest, err := bus.Encode(heartbeat(1))
	if err != nil {
		t.Fatal(err)
	}
	raw("p1", []byte("hello"))
	raw("p1", nil)          // no version
	raw("p1", []byte{8, 2}) // version 2
	raw("p2", honest)       // p2 says that it is p1
	raw("p1", honest)
	if have := next(receive(t, heard)); have != 1 {
		t.Errorf("heard %d", have)
	}
	dropped := b.Stats().Dropped
	if dropped["malformed"] != 1 || dropped["sender"] != 1 || dropped["version"] != 2 {
		t.Errorf("counted %v", dropped)
	}
}

func TestObserversSeeAllOfTheProtocol(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t).URL())
	seen := make(chan string, 8)
	l, err := b.Observe(func(subject string, e paxos.Envelope) { seen <- subject })
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []paxos.Envelope{
		heartbeat(1),
		{From: paxos.Sender{Role: paxos.AcceptorRole, ID: "a1"}, To: "p1", Msg: paxos.LeaderReport{}},
		{From: paxos.Sender{Role: paxos.OperatorRole, ID: "o1"}, To: "a1", Msg: paxos.GenesisQuery{}},
	} {
		publish(t, b, e)
		want, err := b.Subjects().Subject(e)
		if err != nil {
			t.Fatal(err)
		}
		if have := receive(t, seen); have != want {
			t.Errorf("saw %q, want %q", have, want)
		}
	}
	if err := l.Stop(); err != nil {
		t.Error(err)
	}
}

// TestSlowConsumersAreCounted blocks a receiver, and sends more than is kept for it.
func TestSlowConsumersAreCounted(t *testing.T) {
	s := bustest.Server(t)
	log := newJournal()
	sender := bustest.Connect(t, s.URL())
	b := bustest.ConnectWith(t, bus.Options{URLs: []string{s.URL()}, Log: log.logger()})
	const kept = 16
	bus.LimitPending(b, kept)
	unblock := make(chan struct{})
	l, err := b.Listen(paxos.AcceptorRole, "a1", func(paxos.Envelope) { <-unblock })
	if err != nil {
		t.Fatal(err)
	}
	for range kept + 10 {
		publish(t, sender, heartbeat(1))
	}
	log.await(t, "this process does not keep up")
	if err := sender.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	if have := b.Stats(); have.SlowConsumers != 1 || have.Dropped["slow_consumer"] == 0 {
		t.Errorf("counted %d slow consumers, %d messages", have.SlowConsumers, have.Dropped["slow_consumer"])
	}
	close(unblock)
	if err := l.Stop(); err != nil {
		t.Error(err)
	}
	if have := b.Stats().Dropped["slow_consumer"]; have == 0 {
		t.Error("the count is gone with the subscription")
	}
}

// TestOneMemberOfTheQueueServes is leadership as clients see it: each request is
// answered once, and nobody who has stopped is asked.
func TestOneMemberOfTheQueueServes(t *testing.T) {
	s := bustest.Server(t)
	subject := bus.Subjects{Cluster: bustest.Cluster}.Propose()
	serve := func() *bus.Listener {
		b := bustest.Connect(t, s.URL())
		l, err := b.ServeClients("leader", []string{subject}, func(m *nats.Msg) {
			if err := m.Respond(nil); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	client := bustest.Connect(t, s.URL()).Conn()
	inbox := client.NewRespInbox()
	answers, err := client.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	first, second := serve(), serve()
	for range 20 {
		if err := client.PublishRequest(subject, inbox, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := answers.NextMsg(patience); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Request(subject, nil, patience); err != nil {
		t.Errorf("the second does not answer: %v", err)
	}
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Request(subject, nil, patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("have %v, want %v at once", err, nats.ErrNoResponders)
	}
	if n, _, err := answers.Pending(); n != 0 || err != nil {
		t.Errorf("%d answers too many, %v", n, err)
	}
}

func TestDeniedSubjectsAreNamed(t *testing.T) {
	s := bustest.Configured(t, `authorization { users: [
		{ user: a1, password: x, permissions: {
			publish: "synod.test.acceptor.a1.>"
			subscribe: { allow: ["synod.test.>"], deny: ["synod.test.learner.*.read"] }
		} } ] }`)
	log := newJournal()
	b := bustest.ConnectWith(t, bus.Options{URLs: []string{s.URL()}, User: "a1", Password: "x", Log: log.logger()})
	_, err := b.Listen(paxos.AcceptorRole, "a1", func(paxos.Envelope) {})
	if err == nil || !strings.Contains(err.Error(), "synod.test.learner.*.read") || !strings.Contains(err.Error(), "synod permissions") {
		t.Errorf("have %v", err)
	}
	publish(t, b, heartbeat(1)) // as p1, which NATS does not let pass
	log.await(t, "Permissions Violation for Publish to \"synod.test.proposer.p1.heartbeat\"")
	if have := b.Stats().AsyncErrors; have != 2 {
		t.Errorf("counted %d errors, want 2", have)
	}
}
