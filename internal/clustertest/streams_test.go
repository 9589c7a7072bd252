package clustertest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

// TestStreamsThroughTheirOwnSubjects: nats.go makes a stream, publishes to it with all
// that PubAck and expectations offer, reads, deletes, purges and tails it, on a cluster.
func TestStreamsThroughTheirOwnSubjects(t *testing.T) {
	t.Parallel()
	server := bustest.ServerWith(t, bus.ServerOptions{LeafNodes: "127.0.0.1:0"})
	c := Start(t, Size{Acceptors: 3, Proposers: 1, Learners: 2, Leaf: []string{server.LeafURL()}}, server.URL())
	c.AwaitLeader()
	c.awaitPaths()
	ctx, nc := t.Context(), c.Connect().Conn()
	js, err := jetstream.NewWithAPIPrefix(nc, strings.TrimSuffix(Subjects.API(""), "."))
	if err != nil {
		t.Fatal(err)
	}
	var stream jetstream.Stream
	c.Await("a stream", func() bool {
		stream, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}, MaxMsgs: 10, AllowDirect: true})
		return err == nil
	})
	c.Await("the stream's subjects", func() bool {
		_, err := js.Publish(ctx, "orders.first", []byte("1"), jetstream.WithMsgID("first"))
		return err == nil
	})
	ack, err := js.Publish(ctx, "orders.first", []byte("1"), jetstream.WithMsgID("first"))
	if err != nil || ack.Sequence != 1 || !ack.Duplicate || ack.Stream != "ORDERS" {
		t.Errorf("the same id again: %+v, %v", ack, err)
	}
	if _, err := js.Publish(ctx, "orders.x", nil, jetstream.WithExpectLastSequence(7)); !isAPIError(err, jetstream.JSErrCodeStreamWrongLastSequence) {
		t.Errorf("a wrong expectation: %v", err)
	}
	if ack, err := js.Publish(ctx, "orders.x", []byte("2"), jetstream.WithExpectLastSequence(1)); err != nil || ack.Sequence != 2 {
		t.Errorf("a right expectation: %+v, %v", ack, err)
	}
	if ack, err := js.Publish(ctx, "orders.x", []byte("3"), jetstream.WithExpectLastSequencePerSubject(2)); err != nil || ack.Sequence != 3 {
		t.Errorf("a right expectation of the subject: %+v, %v", ack, err)
	}
	// Below the cluster's own root it goes without a subject of the stream's.
	if m, err := nc.Request(Subjects.Root()+"publish.orders.y", []byte("4"), 5*time.Second); err != nil || !strings.Contains(string(m.Data), `"seq":4`) {
		t.Errorf("published below the root: %v, %v", m, err)
	}
	if m, err := nc.Request(Subjects.Root()+"publish.STREAM.DELETE.ORDERS", nil, 5*time.Second); err != nil || !strings.Contains(string(m.Data), `"error"`) {
		t.Errorf("a request in the place of a subject: %v, %v", m, err)
	}
	tail, err := js.OrderedConsumer(ctx, "ORDERS", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := tail.Fetch(4, jetstream.FetchMaxWait(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var seen string
	for m := range batch.Messages() {
		seen += m.Subject() + "=" + string(m.Data()) + " "
	}
	if want := "orders.first=1 orders.x=2 orders.x=3 orders.y=4 "; seen != want || batch.Error() != nil {
		t.Errorf("the stream has %q, want %q, %v", seen, want, batch.Error())
	}
	if m, err := stream.GetLastMsgForSubject(ctx, "orders.x"); err != nil || m.Sequence != 3 {
		t.Errorf("the last of a subject: %+v, %v", m, err)
	}
	if err := stream.DeleteMsg(ctx, 3); err != nil {
		t.Error(err)
	}
	if _, err := stream.GetMsg(ctx, 3); !errors.Is(err, jetstream.ErrMsgNotFound) {
		t.Errorf("a deleted message: %v", err)
	}
	if err := stream.Purge(ctx, jetstream.WithPurgeSubject("orders.x")); err != nil {
		t.Error(err)
	}
	for range 12 {
		if _, err := js.Publish(ctx, "orders.z", nil); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := stream.Info(ctx); err != nil || info.State.Msgs != 10 || info.State.LastSeq != 16 {
		t.Errorf("after its limit: %+v, %v", info, err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "Q", Retention: jetstream.WorkQueuePolicy}); err == nil || !strings.Contains(err.Error(), "workqueue") {
		t.Errorf("a work queue: %v", err)
	}
	_, err = stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "d", AckPolicy: jetstream.AckExplicitPolicy})
	if err == nil || !strings.Contains(err.Error(), "durable") {
		t.Errorf("a durable consumer: %v", err)
	}
	if err := js.DeleteStream(ctx, "ORDERS"); err != nil {
		t.Error(err)
	}
	c.Await("nobody at the subjects of a deleted stream", func() bool {
		_, err := nc.Request("orders.x", nil, time.Second)
		return errors.Is(err, nats.ErrNoResponders)
	})
}

func isAPIError(err error, code jetstream.ErrorCode) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && e.ErrorCode == code
}
