package jsapi_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/jsapi"
	"github.com/synod-paxos/synod/streams/command"
)

// askShared asks for many messages at once, and reads the answer.
func askShared(t *testing.T, nc *nats.Conn, stream string, header nats.Header, items ...command.Read) (command.ReadResults, *nats.Msg) {
	t.Helper()
	m, err := nc.RequestMsg(&nats.Msg{
		Subject: "synod.test.api.DIRECT.GET." + stream, Header: header, Data: command.Reads{Items: items}.Encode(),
	}, answerTimeout)
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Status") != "" {
		return nil, m
	}
	results, err := command.DecodeReadResults(m.Data)
	if err != nil {
		t.Fatal(err)
	}
	return results, m
}

// resultText is a result in a line.
func resultText(r *command.ReadResult) string {
	switch r.State {
	case command.ReadFound:
		return fmt.Sprintf("%d %q %q %q", r.Seq, r.Subject, r.Header, r.Data)
	case command.ReadNotFound:
		return "not found"
	default:
		return fmt.Sprintf("%d %s", r.Code, r.Why)
	}
}

// TestSharedReads: each read of a request has its own result, at every level, whether it is
// read for the first time or again.
func TestSharedReads(t *testing.T) {
	s := newState(t)
	s.apply("api.STREAM.CREATE.KV_b", nil, `{"name":"KV_b","subjects":["$KV.b.>"],"max_msgs_per_subject":2,"allow_direct":true}`)
	s.apply("api.$KV.b.k", nil, "one")
	s.apply("api.$KV.b.k", nil, "two")
	s.apply("api.$KV.b.gone", nats.Header{"KV-Operation": {"DEL"}}, "")
	_, nc := open(t, s, jsapi.Options{})
	items := []command.Read{{Subject: "$KV.b.k"}, {Subject: "$KV.b.none"}, {Seq: 1}, {Subject: "$KV.b.gone"}, {Seq: 9}, {Subject: "$KV.b.*"}, {Subject: "$KV.b.k"}, {}}
	want := []string{
		`2 "" "" "two"`, "not found", `1 "$KV.b.k" "" "one"`, `3 "" "NATS/1.0\r\nKV-Operation: DEL\r\n\r\n" ""`, "not found",
		"408 a subject with wildcards is not read with others", `2 "" "" "two"`, "not found",
	}
	for _, level := range []string{"", "", "linearizable", "stale", "at-least=1"} {
		header := nats.Header{}
		if level != "" {
			header.Set(bus.ReadHeader, level)
		}
		results, m := askShared(t, nc, "KV_b", header, items...)
		if len(results) != len(want) || m.Header.Get(bus.SlotHeader) != strconv.FormatUint(s.machine.Applied(), 10) {
			t.Fatalf("%q: %d results and %v, want %d", level, len(results), m.Header, len(want))
		}
		for i := range results {
			if have := resultText(&results[i]); have != want[i] {
				t.Errorf("%q: %v is %s, want %s", level, items[i], have, want[i])
			}
		}
	}
	if results, _ := askShared(t, nc, "NONE", nil, items...); len(results) != len(items) || resultText(&results[3]) != "404 stream not found" {
		t.Errorf("of a stream that is not there: %v", results)
	}
	broken := command.Reads{Items: items}.Encode()
	for _, data := range [][]byte{broken[:len(broken)-1], broken[:2], command.Reads{Items: make([]command.Read, command.MaxReads+1)}.Encode()} {
		if m, err := nc.Request("synod.test.api.DIRECT.GET.KV_b", data, answerTimeout); err != nil || m.Header.Get("Status") != "408" {
			t.Errorf("%.20v is answered %v, %v", data, m, err)
		}
	}
}

// TestSharedReadAgain: what is answered from memory shows what has become of it.
func TestSharedReadAgain(t *testing.T) {
	s := newState(t)
	create := `{"name":"S","subjects":["s.*"],"max_msgs_per_subject":1}`
	_, nc := open(t, s, jsapi.Options{})
	for _, c := range []struct{ subject, data, want string }{
		{"api.STREAM.CREATE.S", create, "not found"},
		{"api.s.a", "one", `1 "" "" "one"`},
		{"api.s.b", "other", `1 "" "" "one"`},
		{"api.s.a", "two", `3 "" "" "two"`},
		{"api.STREAM.PURGE.S", `{"filter":"s.a"}`, "not found"},
		{"api.s.a", "three", `4 "" "" "three"`},
		{"api.STREAM.DELETE.S", "", "404 stream not found"},
		{"api.STREAM.CREATE.S", create, "not found"},
	} {
		s.apply(c.subject, nil, c.data)
		for range 2 {
			if results, _ := askShared(t, nc, "S", nil, command.Read{Subject: "s.a"}); resultText(&results[0]) != c.want {
				t.Errorf("after %s %s: %s, want %s", c.subject, c.data, resultText(&results[0]), c.want)
			}
			m, err := nc.Request("synod.test.api.DIRECT.GET.S.s.a", nil, answerTimeout) // in the other form, which is kept beside
			if found := strings.HasPrefix(c.want, "1 ") || strings.HasPrefix(c.want, "3 ") || strings.HasPrefix(c.want, "4 "); err == nil && (m.Header.Get("Status") == "") != found {
				t.Errorf("after %s %s, read alone: %v", c.subject, c.data, m.Header)
			}
		}
	}
}

// TestSharedReadsPassTheBarrier, and together: at the usual level no answer shows a state
// from before, and one that cannot be made fresh is refused as a whole.
func TestSharedReadsPassTheBarrier(t *testing.T) {
	s := newState(t)
	s.apply("propose", nil, "old")
	var stuck error
	_, nc := open(t, s, jsapi.Options{Barrier: func(context.Context) error { s.apply("propose", nil, "new"); return stuck }})
	items := []command.Read{{Subject: "propose"}, {Subject: "propose"}}
	for i := range 3 {
		results, _ := askShared(t, nc, "LEDGER", nil, items...)
		if want := uint64(i + 2); results[0].Seq != want || results[1].Seq != want {
			t.Errorf("read %d shows %v, want sequence %d", i, results, want)
		}
	}
	stuck = context.DeadlineExceeded
	for _, level := range []string{"", "linearizable"} {
		_, m := askShared(t, nc, "LEDGER", nats.Header{bus.ReadHeader: {level}}, items...)
		if m.Header.Get("Status") != "500" || m.Header.Get(bus.OutcomeHeader) != string(bus.NotDone) {
			t.Errorf("level %q without a quorum: %v %q", level, m.Header, m.Data)
		}
	}
	if results, _ := askShared(t, nc, "LEDGER", nats.Header{bus.ReadHeader: {"stale"}}, items...); len(results) != 2 {
		t.Errorf("a stale read without a quorum: %v", results)
	}
}

// TestSharedReadsAreBounded: an answer holds what fits a message, and takes no memory for
// the rest.
func TestSharedReadsAreBounded(t *testing.T) {
	s := newState(t)
	s.apply("api.STREAM.CREATE.KV_b", nil, `{"name":"KV_b","subjects":["$KV.b.>"],"max_msgs_per_subject":1,"allow_direct":true}`)
	large := strings.Repeat("v", 300<<10)
	items := make([]command.Read, command.MaxReads)
	for i := range items {
		items[i].Subject = fmt.Sprintf("$KV.b.%d", i%64)
		if i < 64 {
			s.apply("api."+items[i].Subject, nil, large)
		}
	}
	_, nc := open(t, s, jsapi.Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 8 {
		results, m := askShared(t, nc, "KV_b", nil, items...)
		if len(results) != 3 || string(results[2].Data) != large {
			t.Fatalf("%d results in %d bytes, want 3 of 300 KiB", len(results), len(m.Data))
		}
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 100 {
		t.Errorf("8 requests took %d MiB, want at most 100: all that they ask for is 2,400 MiB", n)
	}
}

// TestSharedReadOfWhatDoesNotFit: a message that no answer has room for is refused, and does not
// hold up the others.
func TestSharedReadOfWhatDoesNotFit(t *testing.T) {
	s := newState(t)
	s.apply("propose", nil, strings.Repeat("v", 64<<10))
	s.apply("propose", nil, "small")
	url := bustest.ServerWith(t, bus.ServerOptions{MaxPayload: 64 << 10}).URL()
	server := jsapi.New(bustest.Connect(t, url), s, jsapi.Options{Log: bustest.Quiet()})
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := server.Open(); err != nil {
		t.Fatal(err)
	}
	nc := bustest.Connect(t, url).Conn()
	results, _ := askShared(t, nc, "LEDGER", nil, command.Read{Seq: 1}, command.Read{Seq: 2})
	if len(results) != 2 || !strings.Contains(resultText(&results[0]), "does not fit") || resultText(&results[1]) != `2 "propose" "" "small"` {
		t.Errorf("answered %.200v", results)
	}
	if results, _ := askShared(t, nc, "LEDGER", nil, command.Read{Seq: 2}, command.Read{Seq: 1}); len(results) != 1 {
		t.Errorf("%d results, want that what does not fit is left", len(results))
	}
}

// TestTooManySharedReads: what waits is bounded by messages, not by requests.
func TestTooManySharedReads(t *testing.T) {
	s := newState(t)
	began, release := make(chan struct{}), make(chan struct{})
	server, nc := open(t, s, jsapi.Options{Barrier: func(context.Context) error {
		began <- struct{}{}
		<-release
		return nil
	}})
	inbox, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	publish := func(n int) {
		data := command.Reads{Items: make([]command.Read, n)}.Encode()
		if err := nc.PublishRequest("synod.test.api.DIRECT.GET.LEDGER", inbox.Subject, data); err != nil {
			t.Fatal(err)
		}
	}
	publish(1)
	<-began // it alone passes the barrier, and all others wait
	const most = 64 << 10
	for range most/command.MaxReads + 1 {
		publish(command.MaxReads)
	}
	m, err := inbox.NextMsg(answerTimeout)
	if err != nil || m.Header.Get("Status") != "500" || !strings.Contains(m.Header.Get("Description"), "too many reads") {
		t.Errorf("one more than may wait is answered %v, %v", m, err)
	}
	groups := 0
	go func() {
		defer close(release)
		release <- struct{}{}
		for range most / command.MaxReads {
			<-began
			groups++
			release <- struct{}{}
		}
	}()
	for range most/command.MaxReads + 1 {
		if m, err := inbox.NextMsg(answerTimeout); err != nil || m.Header.Get("Status") != "" {
			t.Fatalf("one that may wait is answered %v, %v", m, err)
		}
	}
	<-release
	if groups != most/command.MaxReads {
		t.Errorf("they were read from %d views, want one for each", groups)
	}
	if n := server.Counts()["refused"]; n != 1 {
		t.Errorf("%d are counted as refused, want 1", n)
	}
}
