package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/paxos"
)

func TestRefusalsNameTheirOutcome(t *testing.T) {
	command := paxos.Command{Subject: "propose", Reply: "_INBOX.1", Data: make([]byte, 900)}
	for _, c := range []struct {
		reason paxos.RefusalReason
		limit  int
		want   string
	}{
		{paxos.Overloaded, 0, `{"stream":"LEDGER","seq":0,"error":{"code":503,"err_code":20001,"description":"overloaded: the leader's queue is full, try again later","outcome":"not-done"}}`},
		{paxos.NotLeader, 0, `{"stream":"LEDGER","seq":0,"error":{"code":503,"err_code":20002,"description":"leadership ended before the command was proposed, try again","outcome":"not-done"}}`},
		{paxos.TooLarge, 800, `{"stream":"LEDGER","seq":0,"error":{"code":413,"err_code":20003,"description":"command of 935 bytes is above the limit of 800 bytes, which follows from the NATS server's max_payload","outcome":"not-done"}}`},
		{paxos.NoProgress, 0, `{"stream":"LEDGER","seq":0,"error":{"code":503,"err_code":20004,"description":"no quorum of acceptors, or no learner, answers the leader in time","outcome":"not-done"}}`},
		{paxos.NotAllowed, 0, `{"stream":"LEDGER","seq":0,"error":{"code":409,"err_code":20009,"description":"why not","outcome":"not-done"}}`},
		{99, 0, `{"stream":"LEDGER","seq":0,"error":{"code":503,"err_code":20006,"description":"refused: reason99","outcome":"unknown"}}`},
	} {
		m := bus.RefusalMessage(paxos.Refusal{Command: command, Reason: c.reason, Limit: c.limit, Why: "why not"})
		if have := string(m.Data); have != c.want {
			t.Errorf("%s: have %s, want %s", c.reason, have, c.want)
		}
		var ack bus.Ack
		if err := json.Unmarshal(m.Data, &ack); err != nil {
			t.Fatal(err)
		}
		if have := m.Header.Get(bus.OutcomeHeader); m.Subject != "_INBOX.1" || have != string(ack.Error.Outcome) {
			t.Errorf("%s: header %q to %q", c.reason, have, m.Subject)
		}
	}
	if m := bus.RefusalMessage(paxos.Refusal{Reason: paxos.Overloaded}); m != nil {
		t.Errorf("an answer to nobody: %+v", m)
	}
}

func TestEveryCodeHasStatusAndOutcome(t *testing.T) {
	doc, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for code := bus.CodeOverloaded; code <= bus.CodeNoPush; code++ {
		e := bus.NewError(code, "x")
		row := fmt.Sprintf("| %d | %s", code, strings.ReplaceAll(string(e.Outcome), "-", " "))
		if !strings.Contains(string(doc), "\n"+row) {
			t.Errorf("docs/PROTOCOL.md has no row that begins with %q", row)
		}
		if e.Status < 400 || e.Outcome == "" || (code == bus.CodeUnknown) != (e.Outcome == bus.Unknown) {
			t.Errorf("code %d: %+v", code, e)
		}
	}
}

// answerWith answers every proposal with a.
func answerWith(t *testing.T, b *bus.Bus, a bus.Ack) {
	t.Helper()
	l, err := b.ServeClients("leader", []string{b.Subjects().Propose()}, func(m *nats.Msg) {
		answer := a.Message(m.Reply)
		answer.Header.Set(bus.SlotHeader, "9")
		answer.Header.Set(bus.BallotHeader, paxos.Ballot{Round: 3, Proposer: "p1", Incarnation: 0xab}.String())
		if err := b.Conn().PublishMsg(answer); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestJetStreamClientsUnderstandAnswers asks with both of nats.go's JetStream
// clients, as if the cluster's propose subject were in a stream.
func TestJetStreamClientsUnderstandAnswers(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t).URL())
	answerWith(t, b, bus.Ack{Stream: "LEDGER", Seq: 57, Duplicate: true})
	js, err := jetstream.New(b.Conn())
	if err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(t.Context(), b.Subjects().Propose(), []byte("hello"))
	if err != nil || ack.Stream != "LEDGER" || ack.Sequence != 57 || !ack.Duplicate {
		t.Errorf("have %+v, %v", ack, err)
	}
	old, err := b.Conn().JetStream()
	if err != nil {
		t.Fatal(err)
	}
	oldAck, err := old.Publish(b.Subjects().Propose(), []byte("hello"))
	if err != nil || oldAck.Stream != "LEDGER" || oldAck.Sequence != 57 || !oldAck.Duplicate {
		t.Errorf("have %+v, %v", oldAck, err)
	}
	m, err := b.Conn().RequestWithContext(t.Context(), b.Subjects().Propose(), nil)
	if err != nil || m.Header.Get(bus.SlotHeader) != "9" || m.Header.Get(bus.BallotHeader) != "3.p1.ab" || m.Header.Get(bus.OutcomeHeader) != "" {
		t.Errorf("have %+v, %v", m, err)
	}
}

func TestJetStreamClientsUnderstandRefusals(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t).URL())
	answerWith(t, b, bus.Ack{Stream: "LEDGER", Error: bus.NewError(bus.CodeOverloaded, "overloaded")})
	js, err := jetstream.New(b.Conn())
	if err != nil {
		t.Fatal(err)
	}
	var apiError *jetstream.APIError
	_, err = js.Publish(t.Context(), b.Subjects().Propose(), []byte("hello"), jetstream.WithRetryAttempts(0))
	if !errors.As(err, &apiError) || apiError.Code != 503 || apiError.ErrorCode != 20001 || apiError.Description != "overloaded" {
		t.Errorf("have %v", err)
	}
	old, err := b.Conn().JetStream()
	if err != nil {
		t.Fatal(err)
	}
	var oldError *nats.APIError
	_, err = old.Publish(b.Subjects().Propose(), nil, nats.RetryAttempts(0))
	if !errors.As(err, &oldError) || oldError.Code != 503 || oldError.ErrorCode != 20001 {
		t.Errorf("have %v", err)
	}
}

func TestParseAck(t *testing.T) {
	want := bus.Ack{Stream: "S", Seq: 4, Duplicate: true}
	if have, err := bus.ParseAck(want.Message("r").Data); err != nil || have != want {
		t.Errorf("have %+v, %v", have, err)
	}
	refused, err := bus.ParseAck(bus.Ack{Error: bus.NewError(bus.CodeUnknown, "no result after %d s", 5)}.Message("r").Data)
	if err != nil || refused.Error == nil || refused.Error.Error() != "no result after 5 s (unknown)" {
		t.Errorf("have %+v, %v", refused, err)
	}
	for _, bad := range []string{"", "hello", "{}", `{"stream":3}`} {
		if have, err := bus.ParseAck([]byte(bad)); err == nil {
			t.Errorf("%q: have %+v", bad, have)
		}
	}
}

func TestHeadersHaveOneWireForm(t *testing.T) {
	h := nats.Header{"B": {"2", "1"}, "a": {"x\r\ny"}, "Nats-Msg-Id": {"id"}}
	want := "NATS/1.0\r\nB: 2\r\nB: 1\r\nNats-Msg-Id: id\r\na: x  y\r\n\r\n"
	have := bus.EncodeHeader(h)
	if string(have) != want {
		t.Errorf("have %q, want %q", have, want)
	}
	back, err := bus.DecodeHeader(have)
	h["a"] = []string{"x  y"}
	if err != nil || !reflect.DeepEqual(back, h) {
		t.Errorf("have %v, %v", back, err)
	}
	if none := bus.EncodeHeader(nil); none != nil {
		t.Errorf("have %q for no headers", none)
	}
	if none, err := bus.DecodeHeader(nil); none != nil || err != nil {
		t.Errorf("have %v, %v for no bytes", none, err)
	}
	if _, err := bus.DecodeHeader([]byte("HTTP/1.0\r\n\r\n")); err == nil {
		t.Error("other bytes are headers")
	}
}

func TestCommandFrom(t *testing.T) {
	s := bus.Subjects{Cluster: "main"}
	have, err := s.CommandFrom(&nats.Msg{
		Subject: "synod.main.api.$KV.b.k", Reply: "_INBOX.1", Header: nats.Header{"A": {"b"}}, Data: []byte("d"),
	})
	want := paxos.Command{Subject: "api.$KV.b.k", Reply: "_INBOX.1", Header: []byte("NATS/1.0\r\nA: b\r\n\r\n"), Data: []byte("d")}
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("have %+v, %v, want %+v", have, err, want)
	}
	for name, m := range map[string]*nats.Msg{
		"another cluster":          {Subject: "synod.other.propose"},
		"an answer that proposes":  {Subject: "synod.main.propose", Reply: "synod.main.propose"},
		"an answer in a role name": {Subject: "synod.main.propose", Reply: "synod.main.learner.l1.applied"},
		"a request as a message":   {Subject: "synod.main.publish.STREAM.DELETE.S"},
	} {
		if have, err := s.CommandFrom(m); !errors.Is(err, bus.ErrCommand) {
			t.Errorf("%s: have %+v, %v", name, have, err)
		}
	}
	for name, m := range map[string]*nats.Msg{
		"an answer in a role name": {Subject: "orders.new", Reply: "synod.main.learner.l1.applied"},
		"a request as a message":   {Subject: "STREAM.DELETE.S"},
	} {
		if have, err := s.PublishFrom(m); !errors.Is(err, bus.ErrCommand) {
			t.Errorf("%s at a stream's own subject: have %+v, %v", name, have, err)
		}
	}
}

func TestStream(t *testing.T) {
	for relative, want := range map[string]string{
		"propose": "LEDGER", "command.orders": "orders", "api.$KV.cfg.a.b": "KV_cfg", "api.STREAM.INFO.x": "", "": "",
	} {
		if have := bus.Stream(relative); have != want {
			t.Errorf("%q: have %q, want %q", relative, have, want)
		}
	}
}

// TestMessagesAtTheLimitPass sends the largest value through a server with a small
// max_payload, and one byte more than max_payload.
func TestMessagesAtTheLimitPass(t *testing.T) {
	s := bustest.ServerWith(t, bus.ServerOptions{MaxPayload: bus.MinPayload})
	b := bustest.Connect(t, s.URL())
	if b.MaxPayload() != bus.MinPayload {
		t.Fatalf("max_payload is %d", b.MaxPayload())
	}
	got := make(chan paxos.Envelope, 2)
	l, err := b.Listen(paxos.ProposerRole, "p1", func(e paxos.Envelope) { got <- e })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	ballot := paxos.Ballot{Round: 1, Proposer: "p1"}
	promise := func(body int) paxos.Envelope {
		vote := paxos.Vote{Slot: 1, Ballot: ballot, Value: paxos.Value{Body: []byte(strings.Repeat("x", body))}}
		return paxos.Envelope{
			From: paxos.Sender{Role: paxos.AcceptorRole, ID: "a1"}, To: "p1",
			Msg: paxos.Promise{Ballot: ballot, Page: paxos.Page{Votes: []paxos.Vote{vote}}},
		}
	}
	if err := b.Publish(promise(bus.MaxValueBytes(b.MaxPayload()))); err != nil {
		t.Fatal(err)
	}
	if have := len((<-got).Msg.(paxos.Promise).Page.Votes[0].Value.Body); have != bus.MaxValueBytes(b.MaxPayload()) {
		t.Errorf("the body has %d bytes", have)
	}
	if err := b.Publish(promise(bus.MinPayload)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("have %v, want %v", err, nats.ErrMaxPayload)
	}
	if have := b.Stats().Dropped["too_large"]; have != 1 {
		t.Errorf("%d too large messages counted", have)
	}
}

func TestAServerWithTooSmallAMaxPayloadIsRefused(t *testing.T) {
	s := bustest.ServerWith(t, bus.ServerOptions{MaxPayload: bus.MinPayload - 1})
	_, err := bus.Connect(context.Background(), bus.Options{
		Subjects: bus.Subjects{Cluster: "main"}, URLs: []string{s.URL()}, Log: bustest.Quiet(),
	})
	if err == nil || !strings.Contains(err.Error(), "max_payload of 65535 bytes, want at least 65536") {
		t.Errorf("have %v", err)
	}
}
