package jsapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/jsapi"
)

const answerTimeout = 10 * time.Second

// open serves s and returns a client's connection.
func open(t *testing.T, s jsapi.Source, o jsapi.Options) (*jsapi.Server, *nats.Conn) {
	t.Helper()
	url := bustest.Server(t).URL()
	b := bustest.Connect(t, url)
	o.Log = bustest.Quiet()
	server := jsapi.New(b, s, o)
	if err := server.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server, bustest.Connect(t, url).Conn()
}

// TestJetStreamClientReads: nats.go's own client, told only the prefix.
func TestJetStreamClientReads(t *testing.T) {
	s := newState(t)
	for i := range 5 {
		s.apply("propose", nil, fmt.Sprintf("message %d", i))
	}
	_, nc := open(t, s, jsapi.Options{})
	js, err := jetstream.NewWithAPIPrefix(nc, "synod.test.api")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), answerTimeout)
	defer cancel()
	if account, err := js.AccountInfo(ctx); err != nil || account.Streams != 1 || account.Limits.MaxStreams != -1 {
		t.Errorf("account %+v, %v", account, err)
	}
	ledger, err := js.Stream(ctx, "LEDGER")
	if err != nil {
		t.Fatal(err)
	}
	if state := ledger.CachedInfo().State; state.Msgs != 5 || state.LastSeq != 5 {
		t.Errorf("state %+v, want 5 messages", state)
	}
	if m, err := ledger.GetMsg(ctx, 3); err != nil || string(m.Data) != "message 2" {
		t.Errorf("message 3 is %+v, %v", m, err)
	}
	if m, err := ledger.GetLastMsgForSubject(ctx, "propose"); err != nil || m.Sequence != 5 {
		t.Errorf("the last message is %+v, %v", m, err)
	}
	if _, err := ledger.GetMsg(ctx, 6); !errors.Is(err, jetstream.ErrMsgNotFound) {
		t.Errorf("message 6: %v, want that it is not found", err)
	}
	if _, err := js.Stream(ctx, "NONE"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("stream NONE: %v, want that it is not found", err)
	}
	// Clients that check replies by their schema take no null for a list.
	for _, subject := range []string{"CONSUMER.LIST.LEDGER", "CONSUMER.NAMES.LEDGER"} {
		if m, err := nc.RequestWithContext(ctx, "synod.test.api."+subject, nil); err != nil || !strings.Contains(string(m.Data), `"consumers":[]`) {
			t.Errorf("%s without any is answered %s, %v", subject, m.Data, err)
		}
	}
}

// TestBarrierComesFirst: no read looks at the state before the barrier is passed.
func TestBarrierComesFirst(t *testing.T) {
	s := newState(t)
	s.apply("propose", nil, "old")
	barrier := func(context.Context) error { s.apply("propose", nil, "new"); return nil }
	_, nc := open(t, s, jsapi.Options{Barrier: barrier})
	for i := range 3 {
		m, err := nc.Request("synod.test.api.STREAM.MSG.GET.LEDGER", []byte(`{"last_by_subj":"propose"}`), answerTimeout)
		if want := fmt.Sprintf(`"seq":%d,`, i+2); err != nil || !strings.Contains(string(m.Data), want) {
			t.Fatalf("read %d: %v %v, want %s", i, m, err, want)
		}
	}
	for i := range 3 { // these pass it in groups
		m, err := nc.Request("synod.test.api.DIRECT.GET.LEDGER.propose", nil, answerTimeout)
		if want := strconv.Itoa(i + 5); err != nil || m.Header.Get("Nats-Sequence") != want {
			t.Fatalf("direct read %d: %v %v, want sequence %s", i, m, err, want)
		}
	}
}

// TestNotFresh: a read that cannot be made fresh is refused, never answered with an
// old state.
func TestNotFresh(t *testing.T) {
	s := newState(t)
	s.apply("propose", nil, "old")
	_, nc := open(t, s, jsapi.Options{
		Barrier: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		Timeout: time.Millisecond,
	})
	m, err := nc.Request("synod.test.api.STREAM.INFO.LEDGER", nil, answerTimeout)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Error *bus.Error }
	if err := json.Unmarshal(m.Data, &answer); err != nil || answer.Error == nil || answer.Error.Code != bus.CodeNotFresh || !strings.Contains(answer.Error.Description, "no quorum of acceptors") {
		t.Errorf("answered %s, want error %d and why", m.Data, bus.CodeNotFresh)
	}
	if m.Header.Get(bus.OutcomeHeader) != string(bus.NotDone) {
		t.Errorf("headers %v, want the outcome", m.Header)
	}
	m, err = nc.Request("synod.test.api.DIRECT.GET.LEDGER", []byte(`{"seq":1}`), answerTimeout)
	if err != nil || m.Header.Get("Status") != "500" || len(m.Data) > 0 {
		t.Errorf("a direct read is answered %v, %v, want status 500", m, err)
	}
	m, err = nc.Request("synod.test.api.DIRECT.GET.LEDGER.propose", nil, answerTimeout)
	if err != nil || m.Header.Get("Status") != "500" || len(m.Data) > 0 {
		t.Errorf("a direct read in a group is answered %v, %v, want status 500", m, err)
	}
}

// TestTooManyReads: what is above the bound is refused at once, by name.
func TestTooManyReads(t *testing.T) {
	s := newState(t)
	began, release := make(chan struct{}), make(chan struct{})
	server, nc := open(t, s, jsapi.Options{
		Concurrent: 1,
		Barrier: func(context.Context) error {
			began <- struct{}{}
			<-release
			return nil
		},
	})
	inbox, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest("synod.test.api.STREAM.NAMES", inbox.Subject, nil); err != nil {
		t.Fatal(err)
	}
	<-began
	m, err := nc.Request("synod.test.api.STREAM.NAMES", nil, answerTimeout)
	if err != nil || !strings.Contains(string(m.Data), fmt.Sprint(bus.CodeOverloaded)) {
		t.Errorf("a second read is answered %v, %v, want overloaded", m, err)
	}
	close(release)
	if m, err := inbox.NextMsg(answerTimeout); err != nil || !strings.Contains(string(m.Data), "LEDGER") {
		t.Errorf("the first read is answered %v, %v", m, err)
	}
	if counts := server.Counts(); counts["stream_names"] != 2 || counts["refused"] != 1 {
		t.Errorf("counted %v, want 2 requests and 1 refused", counts)
	}
}

// TestClosedDoor: readers go elsewhere, and come back.
func TestClosedDoor(t *testing.T) {
	server, nc := open(t, newState(t), jsapi.Options{})
	for range 2 {
		if err := errors.Join(server.Close(), server.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Request("synod.test.api.STREAM.NAMES", nil, answerTimeout); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("with a closed door: %v, want no responders", err)
		}
		if err := errors.Join(server.Open(), server.Open()); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Request("synod.test.api.STREAM.NAMES", nil, answerTimeout); err != nil {
			t.Errorf("with an open door: %v", err)
		}
	}
}

// TestAnswersStayOutOfTheProtocol: a reply subject of the cluster's own would make
// the learner speak in another's name.
func TestAnswersStayOutOfTheProtocol(t *testing.T) {
	_, nc := open(t, newState(t), jsapi.Options{})
	heard, err := nc.SubscribeSync("synod.test.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest("synod.test.api.STREAM.NAMES", "synod.test.propose", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request("synod.test.api.STREAM.NAMES", nil, answerTimeout); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m, err := heard.NextMsg(answerTimeout)
		if err != nil || m.Subject != "synod.test.api.STREAM.NAMES" {
			t.Fatalf("heard %v, %v, want only the two requests", m, err)
		}
	}
	if n, _, err := heard.Pending(); err != nil || n != 0 {
		t.Errorf("%d more messages on the cluster's subjects, %v", n, err)
	}
}
