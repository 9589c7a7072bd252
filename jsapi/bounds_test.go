package jsapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/consumers"
	"github.com/synod-paxos/synod/jsapi"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// TestReadsAheadLeaveRoom: who asks for a slot that does not come waits alone.
func TestReadsAheadLeaveRoom(t *testing.T) {
	s := newState(t)
	waits := make(chan struct{}, 8)
	_, nc := open(t, s, jsapi.Options{
		Concurrent: 8, Timeout: time.Minute,
		Reach: func(ctx context.Context, _ paxos.Slot) error {
			waits <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		},
	})
	ahead := nats.NewMsg("synod.test.api.STREAM.NAMES")
	ahead.Header.Set(bus.ReadHeader, bus.ReadLevel{AtLeast: 1 << 40}.String())
	ahead.Reply = nc.NewInbox()
	for range 2 {
		if err := nc.PublishMsg(ahead); err != nil {
			t.Fatal(err)
		}
		<-waits
	}
	m, err := nc.RequestMsg(ahead, answerTimeout)
	if err != nil || !strings.Contains(string(m.Data), fmt.Sprint(bus.CodeOverloaded)) {
		t.Errorf("the third is answered %v, %v, want overloaded", m, err)
	}
	if m, err := nc.Request("synod.test.api.STREAM.NAMES", nil, answerTimeout); err != nil || !strings.Contains(string(m.Data), "LEDGER") {
		t.Errorf("another read is answered %v, %v", m, err)
	}
}

// slow is a state whose first reads take until they are let go.
type slow struct {
	*state
	slow  atomic.Int64 // how many reads are still slow
	begun chan struct{}
	let   chan struct{}
}

func (s *slow) Read(read func(*streams.View) error) error {
	if s.slow.Add(-1) >= 0 {
		s.begun <- struct{}{}
		<-s.let
	}
	return s.state.Read(read)
}

// TestHeavyReadsLeaveRoom: reads that take long leave processors to others, and who waits
// for a turn among them leaves places.
func TestHeavyReadsLeaveRoom(t *testing.T) {
	s := &slow{state: newState(t), begun: make(chan struct{}, 64), let: make(chan struct{})}
	s.apply("propose", nil, "x")
	most := min(32, max(1, runtime.GOMAXPROCS(0)/2))
	s.slow.Store(int64(most))
	passed := make(chan struct{}, 64)
	const waiters = 16
	_, nc := open(t, s, jsapi.Options{Concurrent: 4 * waiters, Timeout: time.Minute, Barrier: func(context.Context) error {
		passed <- struct{}{}
		return nil
	}})
	answers, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	heavy := func() {
		if err := nc.PublishRequest("synod.test.api.STREAM.NAMES", answers.Subject, nil); err != nil {
			t.Fatal(err)
		}
		<-passed
	}
	for range most {
		heavy()
		<-s.begun
	}
	for range waiters + 1 {
		heavy()
	}
	m, err := answers.NextMsg(answerTimeout)
	if err != nil || !strings.Contains(string(m.Data), fmt.Sprint(bus.CodeOverloaded)) {
		t.Errorf("one too many that wait: %v, %v, want overloaded", m, err)
	}
	if m, err := nc.Request("synod.test.api.DIRECT.GET.LEDGER.propose", nil, answerTimeout); err != nil || string(m.Data) != "x" {
		t.Errorf("a message by name is answered %v, %v", m, err)
	}
	if n := len(s.begun); n != 0 {
		t.Errorf("%d more reads than %d are in work", n, most)
	}
	close(s.let)
	for range most + waiters {
		if m, err := answers.NextMsg(answerTimeout); err != nil || !strings.Contains(string(m.Data), "LEDGER") {
			t.Errorf("one that waited for its turn: %v, %v", m, err)
		}
	}
}

// TestQuestionsShareAnInbox: learners ask each other without a subscription for each
// question, for which the NATS server would route everybody's messages anew.
func TestQuestionsShareAnInbox(t *testing.T) {
	url := bustest.Server(t).URL()
	b, nc := bustest.Connect(t, url), bustest.Connect(t, url).Conn()
	server := jsapi.New(b, newState(t), jsapi.Options{ID: "l1", Log: bustest.Quiet()})
	if err := server.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	asked, err := nc.SubscribeSync(b.Subjects().Consumers("*"))
	if err != nil {
		t.Fatal(err)
	}
	answers, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	before := b.Conn().NumSubscriptions()
	const questions = 20
	for range questions {
		if err := nc.PublishRequest("synod.test.api.CONSUMER.INFO.LEDGER.none", answers.Subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i := range questions {
		q, err := asked.NextMsg(answerTimeout)
		if err != nil {
			t.Fatalf("%d questions: %v", i, err)
		}
		if i%2 == 0 { // one that has it
			if err := q.Respond([]byte(`{"from":"l2","infos":[{"name":"n"}]}`)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := b.Conn().NumSubscriptions(); n > before+1 {
		t.Errorf("%d subscriptions while %d questions are asked, %d before", n, questions, before)
	}
	found := 0
	for range questions {
		m, err := answers.NextMsg(answerTimeout)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(m.Data), `"name":"n"`) {
			found++
		} else if !strings.Contains(string(m.Data), "consumer not found") {
			t.Errorf("answered %s", m.Data)
		}
	}
	if found != questions/2 {
		t.Errorf("%d consumers were found, want %d", found, questions/2)
	}
}

// TestListsOfLargeStreams: however large configurations are, all streams can be listed.
func TestListsOfLargeStreams(t *testing.T) {
	s := newState(t)
	for i := range 200 {
		s.apply(fmt.Sprintf("api.STREAM.CREATE.S%d", i), nil, fmt.Sprintf(`{"name":"S%d","metadata":{"m":%q}}`, i, strings.Repeat("m", 30<<10)))
	}
	_, nc := open(t, s, jsapi.Options{})
	js, err := jetstream.NewWithAPIPrefix(nc, "synod.test.api")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	list := js.ListStreams(t.Context())
	for info := range list.Info() {
		seen[info.Config.Name] = true
	}
	if list.Err() != nil || len(seen) != 201 {
		t.Errorf("%d streams are listed, %v; want 201", len(seen), list.Err())
	}
}

// TestAnswersTakeBoundedMemory: the last messages of many subjects, and the names of
// many, are more than an answer takes; they are not collected first.
func TestAnswersTakeBoundedMemory(t *testing.T) {
	s := newState(t)
	s.apply("api.STREAM.CREATE.KV_b", nil, `{"name":"KV_b","subjects":["$KV.b.>"],"max_msgs_per_subject":1,"allow_direct":true}`)
	value, name := strings.Repeat("v", 256<<10), strings.Repeat("n", 4000)
	for i := range 400 {
		s.apply(fmt.Sprintf("api.$KV.b.%d.%s", i, name), nil, value)
	}
	_, nc := open(t, s, jsapi.Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 8 {
		all := askFor(t, nc, "synod.test.api.DIRECT.GET.KV_b", `{"multi_last":["$KV.b.>"],"batch":1000000,"max_bytes":1}`)
		if len(all) != 2 || !strings.HasPrefix(string(all[0].Data), "v") || all[1].Header.Get("Status") != "204" {
			t.Fatalf("answered with %d messages, want one and the end", len(all))
		}
		m, err := nc.Request("synod.test.api.STREAM.INFO.KV_b", []byte(`{"subjects_filter":">"}`), answerTimeout)
		if err != nil || !strings.Contains(string(m.Data), "does not fit one message") {
			t.Fatalf("answered %.200s, %v", m.Data, err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 200 {
		t.Errorf("8 pairs of reads took %d MiB, want at most 200: all of it is 100 MiB each", n)
	}
	filters, err := json.Marshal(make([]string, 1025))
	if err != nil {
		t.Fatal(err)
	}
	if all := askFor(t, nc, "synod.test.api.DIRECT.GET.KV_b", `{"multi_last":`+string(filters)+`}`); all[0].Header.Get("Status") != "413" {
		t.Errorf("1025 filters are answered %v", all[0].Header)
	}
}

// askFor returns all messages of an answer, up to a status.
func askFor(t *testing.T, nc *nats.Conn, subject, data string) (all []*nats.Msg) {
	t.Helper()
	inbox, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest(subject, inbox.Subject, []byte(data)); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := inbox.NextMsg(answerTimeout)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, m); m.Header.Get("Status") != "" {
			return all
		}
	}
}

// TestConsumersTakeBoundedMemory: what clients make a learner remember is bounded, and
// what they give back can be taken again.
func TestConsumersTakeBoundedMemory(t *testing.T) {
	w := newWorld(t)
	b := bustest.Connect(t, w.server.URL())
	c, err := consumers.New(b, w, consumers.Options{
		Leaf:  &leaf.Options{Bus: bus.Options{URLs: []string{w.server.LeafURL()}}, Name: "l1"},
		Reach: w.reach, Log: bustest.Quiet(), Bytes: 20 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &learner{watch: c, Server: jsapi.New(b, w, jsapi.Options{ID: "l1", Reach: w.reach, Consumers: c, Log: bustest.Quiet()})}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	l.awaitPath(t)
	nc := w.client(t)
	bucketOf(t, nc, jetstream.KeyValueConfig{Bucket: "b"})
	consumer := func(name, more string) string {
		m, err := nc.Request(prefix+".CONSUMER.CREATE.KV_b."+name, fmt.Appendf(nil, `{"stream_name":"KV_b","config":{"name":%q,"ack_policy":"none"%s}}`, name, more), answerTimeout)
		if err != nil {
			t.Fatal(err)
		}
		return string(m.Data)
	}
	pull := func(n int) (refused int) {
		inbox, err := nc.SubscribeSync(nc.NewInbox())
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if err := nc.PublishRequest(prefix+".CONSUMER.MSG.NEXT.KV_b.c", inbox.Subject, []byte(`{"batch":1,"expires":200000000}`)); err != nil {
				t.Fatal(err)
			}
		}
		for range n {
			m, err := inbox.NextMsg(answerTimeout)
			if err != nil {
				t.Fatal(err)
			}
			if m.Header.Get("Status") == "409" {
				refused++
			}
		}
		return refused
	}
	const large = `,"max_waiting":1000000,"inactive_threshold":60000000000`
	if answer := consumer("c", large); strings.Contains(answer, `"error"`) {
		t.Fatal(answer)
	}
	for range 2 { // the second time, the first are over
		if refused := pull(100); refused < 30 || refused == 100 {
			t.Errorf("%d of 100 requests are refused, want those above 16 KiB", refused)
		}
	}
	metadata := fmt.Sprintf(`,"metadata":{"m":%q}`, strings.Repeat("m", 14<<10))
	if answer := consumer("d", metadata); !strings.Contains(answer, "maximum consumers limit reached") {
		t.Errorf("a consumer above the bound: %.200s", answer)
	}
	if _, err := nc.Request(prefix+".CONSUMER.DELETE.KV_b.c", nil, answerTimeout); err != nil {
		t.Fatal(err)
	}
	for i := range 3 { // each is deleted before the next
		name := fmt.Sprint("e", i)
		if answer := consumer(name, metadata); strings.Contains(answer, `"error"`) {
			t.Errorf("a consumer after the others are gone: %.200s", answer)
		}
		if _, err := nc.Request(prefix+".CONSUMER.DELETE.KV_b."+name, nil, answerTimeout); err != nil {
			t.Fatal(err)
		}
	}
}
