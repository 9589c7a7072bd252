package node

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/jsapi"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// startFront opens the front of a proposer that puts what it takes on a channel.
func startFront(t *testing.T) (*front, *nats.Conn, chan paxos.Command) {
	t.Helper()
	url := bustest.Server(t).URL()
	f := newFront(bustest.Connect(t, url), bustest.Quiet())
	taken := make(chan paxos.Command, 16)
	f.propose, f.rest = func(c paxos.Command) { taken <- c }, func() {}
	if err := f.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, bustest.Connect(t, url).Conn(), taken
}

// TestFrontTakesWrites: every subject that changes the state, and none that reads
// it, reaches the leader.
func TestFrontTakesWrites(t *testing.T) {
	f, nc, taken := startFront(t)
	for _, subject := range []string{
		"propose", "command.LEDGER", "api.$KV.b.k", "api.$KV.b.deep.er.key", "api.STREAM.CREATE.S", "api.STREAM.UPDATE.S",
		"api.STREAM.DELETE.S", "api.STREAM.PURGE.S", "api.STREAM.MSG.DELETE.S",
		"operator.upgrade", "operator.skip",
	} {
		if err := nc.PublishRequest("synod.test."+subject, "inbox", []byte("x")); err != nil {
			t.Fatal(err)
		}
		select {
		case c := <-taken:
			if c.Subject != subject || c.Reply != "inbox" || string(c.Data) != "x" {
				t.Errorf("%s became %+v", subject, c)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("nobody takes %s", subject)
		}
	}
	for _, subject := range []string{"api.INFO", "api.STREAM.INFO.S", "api.STREAM.MSG.GET.S", "api.DIRECT.GET.S.k", "operator.status", "acceptor.a1.accepted"} {
		if _, err := nc.Request("synod.test."+subject, nil, time.Second); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("%s: %v, want that nobody serves it", subject, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request("synod.test.propose", nil, time.Second); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a closed front: %v, want no responders", err)
	}
}

// TestFrontRefuses: every refusal is JSON that says that nothing was done.
func TestFrontRefuses(t *testing.T) {
	f, nc, _ := startFront(t)
	for _, reason := range []paxos.RefusalReason{paxos.Overloaded, paxos.NotLeader, paxos.TooLarge, paxos.NoProgress} {
		inbox, err := nc.SubscribeSync(nc.NewInbox())
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		f.Refuse(paxos.Refusal{Command: paxos.Command{Subject: "propose", Reply: inbox.Subject}, Reason: reason, Limit: 99})
		m, err := inbox.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		ack, err := bus.ParseAck(m.Data)
		if err != nil || ack.Error == nil || ack.Error.Outcome != bus.NotDone || m.Header.Get(bus.OutcomeHeader) != "not-done" {
			t.Errorf("%s is answered %s %v", reason, m.Data, m.Header)
		}
	}
	f.Refuse(paxos.Refusal{Command: paxos.Command{Subject: "propose"}, Reason: paxos.Overloaded}) // nobody waits
}

// TestFrontKeepsOutOfTheProtocol: a request whose answer would be a message of the
// cluster is neither proposed nor answered.
func TestFrontKeepsOutOfTheProtocol(t *testing.T) {
	f, nc, taken := startFront(t)
	said, err := nc.SubscribeSync("synod.test.acceptor.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest("synod.test.propose", "synod.test.acceptor.a1.accepted.p1", nil); err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest("synod.test.propose", "inbox", []byte("fine")); err != nil {
		t.Fatal(err)
	}
	if c := <-taken; string(c.Data) != "fine" {
		t.Errorf("took %+v", c)
	}
	if f.malformed.Load() != 1 || f.requests.Load() != 2 {
		t.Errorf("%d of %d requests counted as malformed, want 1 of 2", f.malformed.Load(), f.requests.Load())
	}
	if err := errors.Join(f.bus.Conn().Flush(), nc.Flush()); err != nil {
		t.Fatal(err)
	}
	if n, _, err := said.Pending(); n != 0 || err != nil {
		t.Errorf("%d answers spoke as acceptor a1, %v", n, err)
	}
}

// TestNoSubjectIsServedTwice: a request that reached both the leader and a learner, or two
// of either, would be answered twice.
func TestNoSubjectIsServedTwice(t *testing.T) {
	ns := bustest.Server(t)
	root := bustest.Connect(t, ns.URL()).Subjects().Root()
	served := map[string][]string{}
	for range 2 {
		f := newFront(bustest.Connect(t, ns.URL()), bustest.Quiet())
		api := jsapi.New(bustest.Connect(t, ns.URL()), nothing{}, jsapi.Options{Log: bustest.Quiet()})
		if err := errors.Join(f.Open(), api.Open()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(f.Close(), api.Stop()); err != nil {
				t.Error(err)
			}
		})
	}
	all, err := ns.NATS().Subsz(&server.SubszOptions{Subscriptions: true, Limit: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all.Subs {
		if strings.HasPrefix(s.Subject, root) && !strings.HasPrefix(s.Subject, root+"learner.") {
			served[s.Queue] = append(served[s.Queue], s.Subject)
		}
	}
	if len(served) != 2 || len(served[leaderQueue]) != 2*len(leaderSubjects) || len(served[jsapi.Queue]) == 0 {
		t.Errorf("served by queue group: %v, want what the leader serves, and what learners serve", served)
	}
	for _, write := range served[leaderQueue] {
		for _, read := range served[jsapi.Queue] {
			if server.SubjectsCollide(write, read) {
				t.Errorf("the leader serves %s, and learners %s", write, read)
			}
		}
	}
}

// nothing is a state that nobody reads.
type nothing struct{}

func (nothing) Read(func(*streams.View) error) error { return errors.New("there is none") }
