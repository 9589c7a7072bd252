package jsapi_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/consumers"
	"github.com/synod-paxos/synod/jsapi"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// world is all that a client of the API sees, without consensus: one state, a leader
// that applies each command at once, and learners on it.
type world struct {
	*state
	server *bus.Server
	mu     sync.Mutex // of Apply

	startedMu sync.Mutex
	started   []paxos.NodeID // learners
}

// prefix is the API prefix of a world.
const prefix = "synod.test.api"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{state: newState(t), server: bustest.ServerWith(t, bus.ServerOptions{LeafNodes: "127.0.0.1:0"})}
	b := bustest.Connect(t, w.server.URL())
	var subjects []string
	for _, s := range []string{"$KV.>", "STREAM.CREATE.*", "STREAM.UPDATE.*", "STREAM.DELETE.*", "STREAM.PURGE.*", "STREAM.MSG.DELETE.*"} {
		subjects = append(subjects, b.Subjects().API(s))
	}
	subjects = append(subjects, b.Subjects().Root()+"publish.>", b.Subjects().Propose())
	l, err := b.ServeClients("leader", subjects, func(m *nats.Msg) { w.command(b, m) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// command applies what a client sent, and answers.
func (w *world) command(b *bus.Bus, m *nats.Msg) {
	relative, _ := b.Subjects().Relative(m.Subject)
	if subject, ok := strings.CutPrefix(relative, "publish."); ok {
		relative = "api." + subject
	}
	reply := w.do(relative, m.Header, m.Data)
	if m.Reply != "" {
		if err := m.Respond(reply.Data); err != nil {
			w.t.Error(err)
		}
	}
}

// do applies one command.
func (w *world) do(subject string, header nats.Header, data []byte) streams.Reply {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slot++
	replies, err := w.machine.Apply(w.slot, time.Now().UnixNano(), []streams.Message{{Subject: subject, Header: bus.EncodeHeader(header), Data: data}})
	if err != nil {
		w.t.Error(err)
		return streams.Reply{}
	}
	return replies[0]
}

// reach waits for a slot.
func (w *world) reach(ctx context.Context, slot paxos.Slot) error {
	for w.machine.Applied() < uint64(slot) {
		select {
		case <-w.machine.Advanced(uint64(slot) - 1):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// learner is one learner of a world.
type learner struct {
	*jsapi.Server
	watch *consumers.Service
	stop  func() error
}

// learner starts a learner that pushes over the leaf-node port unless it is to have none.
func (w *world) learner(t *testing.T, id string, withLeaf bool) *learner {
	t.Helper()
	b := bustest.Connect(t, w.server.URL())
	o := consumers.Options{Reach: w.reach, Log: bustest.Quiet()}
	link, err := leaf.Open(leaf.Options{Bus: bus.Options{URLs: []string{w.server.URL()}}, Beside: b, Name: id, Log: bustest.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	o.Plain = link
	if withLeaf {
		o.Leaf = &leaf.Options{Bus: bus.Options{URLs: []string{w.server.LeafURL()}}, Name: id}
	}
	c, err := consumers.New(b, w, o)
	if err != nil {
		t.Fatal(err)
	}
	l := &learner{watch: c, Server: jsapi.New(b, w, jsapi.Options{ID: paxos.NodeID(id), Reach: w.reach, Consumers: c, Link: link, Log: bustest.Quiet(), Fellows: w.fellows(id)})}
	l.stop = sync.OnceValue(func() error { return errors.Join(l.Stop(), c.Stop(), link.Close()) })
	t.Cleanup(func() {
		if err := l.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	if withLeaf {
		l.awaitPath(t)
	}
	return l
}

// fellows is what learner id takes for the others: those that were started before.
func (w *world) fellows(id string) func() []paxos.NodeID {
	w.startedMu.Lock()
	defer w.startedMu.Unlock()
	w.started = append(w.started, paxos.NodeID(id))
	return func() []paxos.NodeID {
		w.startedMu.Lock()
		defer w.startedMu.Unlock()
		return slices.DeleteFunc(slices.Clone(w.started), func(other paxos.NodeID) bool { return other == paxos.NodeID(id) })
	}
}

// awaitPath returns once the learner can push.
func (l *learner) awaitPath(t *testing.T) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(answerTimeout)
	for l.watch.Path() != nil {
		select {
		case <-ticker.C:
		case <-timeout:
			t.Fatalf("no path: %v", l.watch.Path())
		}
	}
}

// client is a client's connection.
func (w *world) client(t *testing.T) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(w.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
