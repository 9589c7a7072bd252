package jsapi_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/jsapi"
	"github.com/synod-paxos/synod/streams"
)

// state is a machine in memory that a test fills.
type state struct {
	t       *testing.T
	machine *streams.Machine
	slot    uint64
}

func newState(t *testing.T) *state {
	t.Helper()
	m, err := streams.Open("state", streams.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return &state{t: t, machine: m}
}

func (s *state) Read(read func(*streams.View) error) error {
	v := s.machine.View()
	return errors.Join(read(v), v.Close())
}

// apply applies one command.
func (s *state) apply(subject string, header nats.Header, data string) {
	s.t.Helper()
	s.slot++
	replies, err := s.machine.Apply(s.slot, time.Now().UnixNano(), []streams.Message{
		{Subject: subject, Header: bus.EncodeHeader(header), Data: []byte(data)},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.Contains(string(replies[0].Data), `"error"`) {
		s.t.Fatalf("%s: %s", subject, replies[0].Data)
	}
}

// pair is the same streams here and in a real JetStream.
type pair struct {
	t      *testing.T
	state  *state
	ours   *nats.Conn
	theirs *nats.Conn
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, state: newState(t)}
	b := bustest.Connect(t, bustest.Server(t).URL())
	s := jsapi.New(b, p.state, jsapi.Options{Log: bustest.Quiet()})
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	p.ours = b.Conn()
	p.theirs = bustest.JetStream(t)
	return p
}

// fill makes two streams and a few messages in both, and LEDGER in JetStream.
func (p *pair) fill() {
	v := p.state.machine.View()
	ledger, err := v.Config(streams.Ledger)
	if err != nil {
		p.t.Fatal(err)
	}
	config, err := json.Marshal(ledger)
	if err := errors.Join(err, v.Close()); err != nil {
		p.t.Fatal(err)
	}
	p.ask(p.theirs, "$JS.API.STREAM.CREATE.LEDGER", string(config))
	p.manage("STREAM.CREATE.KV_b", `{"name":"KV_b","subjects":["$KV.b.>"],"max_msgs_per_subject":3,"discard":"new","allow_direct":true,"allow_rollup_hdrs":true}`)
	p.manage("STREAM.CREATE.OTHER", `{"name":"OTHER","subjects":["other.*"],"allow_direct":true}`)
	for i := range 12 {
		header := nats.Header{}
		if i%3 == 0 {
			header.Set("Kind", "third")
			header.Set("Empty", "")
		}
		p.publish(fmt.Sprintf("$KV.b.k%d", i%4), header, fmt.Sprintf("value %d", i))
	}
	p.publish("$KV.b.deep.er", nil, "")
	p.publish("other.x", nil, string([]byte{0xff, 0, 1}))
	p.manage("STREAM.MSG.DELETE.KV_b", `{"seq":6}`)
}

func (p *pair) manage(subject, data string) {
	p.t.Helper()
	p.state.apply("api."+subject, nil, data)
	p.ask(p.theirs, "$JS.API."+subject, data)
}

func (p *pair) publish(subject string, header nats.Header, data string) {
	p.t.Helper()
	p.state.apply("api."+subject, header, data)
	if _, err := p.theirs.RequestMsg(&nats.Msg{Subject: subject, Header: header, Data: []byte(data)}, 5*time.Second); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) ask(nc *nats.Conn, subject, data string) []*nats.Msg {
	p.t.Helper()
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.PublishRequest(subject, inbox, []byte(data)); err != nil {
		p.t.Fatal(err)
	}
	var answers []*nats.Msg
	for {
		m, err := sub.NextMsg(5 * time.Second)
		if err != nil {
			p.t.Fatalf("%s %s: %v after %d messages", subject, data, err, len(answers))
		}
		answers = append(answers, m)
		if batch := strings.Contains(data, `"batch"`) || strings.Contains(data, `"multi_last"`); !batch || m.Header.Get("Status") != "" {
			return answers
		}
	}
}

// requests is what both are asked, below their prefixes.
func requests() [][2]string {
	r := [][2]string{
		{"STREAM.NAMES", ""}, {"STREAM.NAMES", `{"offset":1}`}, {"STREAM.NAMES", `{"subject":"$KV.*.>"}`}, {"STREAM.NAMES", `{"subject":"none"}`},
		{"STREAM.LIST", ""}, {"STREAM.LIST", `{"subject":"other.x"}`}, {"STREAM.LIST", `{"offset":5}`},
		{"STREAM.INFO.KV_b", ""}, {"STREAM.INFO.KV_b", `{"subjects_filter":">"}`}, {"STREAM.INFO.KV_b", `{"subjects_filter":"$KV.b.k1"}`},
		{"STREAM.INFO.NONE", ""}, {"STREAM.INFO.OTHER", ""},
		{"STREAM.MSG.GET.NONE", `{"seq":1}`},
		{"DIRECT.GET.KV_b.$KV.b.k1", ""}, {"DIRECT.GET.KV_b.$KV.b.deep.er", ""}, {"DIRECT.GET.KV_b.$KV.b.none", ""}, {"DIRECT.GET.KV_b.$KV.b.*", ""},
	}
	for _, body := range []string{
		`{"seq":1}`, `{"seq":2}`, `{"seq":6}`, `{"seq":99}`, `{"last_by_subj":"$KV.b.k1"}`, `{"last_by_subj":"$KV.b.>"}`, `{"last_by_subj":"none"}`,
		`{"next_by_subj":"$KV.b.k2","seq":4}`, `{"next_by_subj":"$KV.b.k2"}`, `{"next_by_subj":"$KV.b.k2","seq":90}`, `{"next_by_subj":"none"}`,
		``, `{}`, `{`, `{"seq":1,"last_by_subj":"$KV.b.k1"}`, `{"last_by_subj":"a","next_by_subj":"b"}`,
		`{"seq":1,"start_time":"2020-01-01T00:00:00Z"}`, `{"start_time":"2020-01-01T00:00:00Z"}`, `{"start_time":"2020-01-01T00:00:00Z","next_by_subj":"$KV.b.k3"}`,
		`{"start_time":"2100-01-01T00:00:00Z"}`,
	} {
		r = append(r, [2]string{"STREAM.MSG.GET.KV_b", body}, [2]string{"DIRECT.GET.KV_b", body})
	}
	for _, body := range []string{
		`{"seq":1,"batch":3}`, `{"seq":1,"batch":100}`, `{"seq":5,"batch":3}`, `{"seq":1,"batch":100,"max_bytes":30}`, `{"seq":99,"batch":3}`,
		`{"next_by_subj":"$KV.b.k1","batch":5}`, `{"next_by_subj":"$KV.b.k1","seq":6,"batch":1}`, `{"next_by_subj":"none","batch":5}`, `{"seq":1,"batch":2,"last_by_subj":"x"}`,
		`{"multi_last":["$KV.b.k1","$KV.b.k2"]}`, `{"multi_last":["$KV.b.>"]}`, `{"multi_last":["$KV.b.>"],"batch":2}`, `{"multi_last":["none"]}`, `{"multi_last":["a"],"last_by_subj":"b"}`,
		`{"start_time":"2020-01-01T00:00:00Z","batch":2}`,
	} {
		r = append(r, [2]string{"DIRECT.GET.KV_b", body})
	}
	return r
}

// TestReadsLikeJetStream: each answer is that of a real JetStream, but for times
// and what only the real one has.
func TestReadsLikeJetStream(t *testing.T) {
	p := newPair(t)
	p.fill()
	for _, r := range requests() {
		t.Run(r[0]+" "+r[1], func(t *testing.T) {
			p.t = t
			ours := p.ask(p.ours, "synod.test.api."+r[0], r[1])
			theirs := p.ask(p.theirs, "$JS.API."+r[0], r[1])
			if len(ours) != len(theirs) {
				t.Fatalf("%d messages, JetStream sends %d", len(ours), len(theirs))
			}
			for i := range ours {
				compare(t, ours[i], theirs[i])
			}
		})
	}
}

func compare(t *testing.T, ours, theirs *nats.Msg) {
	t.Helper()
	have, want := normalHeader(ours.Header), normalHeader(theirs.Header)
	if !reflect.DeepEqual(have, want) {
		t.Errorf("headers %v\nJetStream's %v", have, want)
	}
	if a, b := normalBody(ours.Data), normalBody(theirs.Data); !reflect.DeepEqual(a, b) {
		t.Errorf("body %s\nJetStream's %s", ours.Data, theirs.Data)
	}
}

// normalHeader drops times, which differ, and keeps that there was one.
func normalHeader(h nats.Header) nats.Header {
	h = maps.Clone(h)
	delete(h, bus.SlotHeader)
	if h.Get("Nats-Time-Stamp") != "" {
		h.Set("Nats-Time-Stamp", "some time")
	}
	if len(h) == 0 {
		return nil
	}
	return h
}

func normalBody(data []byte) any {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return string(data)
	}
	return withoutTimes(v)
}

func withoutTimes(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range []string{"created", "ts", "first_ts", "last_ts", "time", "metadata", "cluster"} {
			delete(v, name)
		}
		if header, ok := v["hdrs"].(string); ok {
			v["hdrs"] = sorted(header)
		}
		if text, ok := v["description"].(string); ok && strings.HasPrefix(text, "invalid JSON: ") {
			v["description"] = "invalid JSON" // the decoders differ in what they say
		}
		for _, inner := range v {
			withoutTimes(inner)
		}
	case []any:
		for _, inner := range v {
			withoutTimes(inner)
		}
	}
	return v
}

// sorted is an encoded header with its lines sorted: their order has no meaning.
func sorted(header string) string {
	data, err := base64.StdEncoding.DecodeString(header)
	if err != nil {
		return header
	}
	lines := strings.Split(string(data), "\r\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
