package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// deputies asks every role, with every request that a user may make, to answer at a
// subject of the protocol: an answer there would be a message of the role, with what the
// user likes in it.
func (c *cluster) deputies() {
	c.t.Helper()
	observer := c.connectAs("observer-watch")
	protocol := make([]*nats.Subscription, 0, 3)
	for _, role := range []string{"proposer", "acceptor", "learner"} {
		s, err := observer.SubscribeSync("synod.main." + role + ".*.deputy")
		if err != nil {
			c.t.Fatal(err)
		}
		protocol = append(protocol, s)
	}
	requests := map[string][][2]string{
		"client-app": {
			{"propose", "x"}, {"publish.orders.new", "x"}, {"publish.nowhere", "x"}, {"command.LEDGER", "x"}, {"api.$KV.sessions.key", "x"},
			{"api.INFO", ""}, {"api.STREAM.NAMES", ""}, {"api.STREAM.LIST", ""}, {"api.STREAM.INFO.LEDGER", ""}, {"api.STREAM.CREATE.X", "{"},
			{"api.STREAM.MSG.GET.LEDGER", `{"seq":1}`}, {"api.DIRECT.GET.LEDGER", `{"seq":1}`}, {"api.DIRECT.GET.LEDGER", `{"seq":1,"batch":3}`},
			{"api.DIRECT.GET.LEDGER", string(command.Reads{Items: []command.Read{{Seq: 1}, {Subject: "propose"}}}.Encode())},
			{"api.DIRECT.GET.KV_sessions", `{"multi_last":["$KV.sessions.>"]}`}, {"api.DIRECT.GET.KV_sessions.$KV.sessions.key", ""},
			{"api.CONSUMER.NAMES.LEDGER", ""}, {"api.CONSUMER.INFO.LEDGER.none", ""}, {"api.CONSUMER.DELETE.LEDGER.none", ""},
			{"api.CONSUMER.CREATE.LEDGER", `{"stream_name":"LEDGER","config":{"ack_policy":"none"}}`}, {"api.CONSUMER.DURABLE.CREATE.LEDGER.x", ""},
		},
		"operator-admin": {{"operator.upgrade", "x"}, {"operator.skip", "x"}},
		"observer-watch": {{"operator.status", ""}, {"$SRV.PING", ""}, {"$SRV.STATS", ""}},
	}
	for _, id := range c.running() {
		requests["observer-watch"] = append(requests["observer-watch"], [2]string{"operator.status." + roleOf[id[0]] + "." + id, ""})
	}
	for user, list := range requests {
		nc := c.connectAs(user)
		for _, r := range list {
			subject := "synod.main." + r[0]
			if strings.HasPrefix(r[0], "$") {
				subject = r[0]
			}
			for _, id := range c.running() {
				if err := nc.PublishRequest(subject, "synod.main."+roleOf[id[0]]+"."+id+".deputy", []byte(r[1])); err != nil {
					c.t.Fatal(err)
				}
			}
			if _, err := nc.Request(subject, []byte(r[1]), patience); err != nil { // behind the others
				c.t.Errorf("%s: %s: %v", user, subject, err)
			}
		}
	}
	pushed := c.connectAs("client-app")
	for _, id := range c.running() {
		request := fmt.Sprintf(`{"stream_name":"LEDGER","config":{"ack_policy":"none","deliver_subject":"synod.main.%s.%s.deputy"}}`, roleOf[id[0]], id)
		if m, err := pushed.Request("synod.main.api.CONSUMER.CREATE.LEDGER", []byte(request), patience); err != nil || !strings.Contains(string(m.Data), `"error"`) {
			c.t.Errorf("a watcher at a subject of %s: %v", id, err)
		}
	}
	if err := observer.FlushTimeout(patience); err != nil {
		c.t.Fatal(err)
	}
	discovered := 0
	for _, s := range protocol {
		for m, err := s.NextMsg(100 * time.Millisecond); err == nil; m, err = s.NextMsg(100 * time.Millisecond) {
			// NATS's own discovery answers anywhere, with JSON.
			discovered++
			if _, err := bus.Decode(m.Data); err == nil || !strings.HasPrefix(string(m.Data), `{"name":"synod-`) {
				c.t.Errorf("%s: %q", m.Subject, m.Data)
			}
		}
	}
	if discovered == 0 {
		c.t.Error("nothing was heard at all: the observer is deaf")
	}
}

// attacked: who has the credentials of a client floods the cluster with all that it may
// publish. Others are served meanwhile, no role takes much memory or fills its log, and
// what would hold up everybody is refused by name.
func (c *cluster) attacked() {
	c.t.Helper()
	spoken := map[string]int{}
	for id, p := range c.roles {
		spoken[id] = len(p.output())
	}
	began := time.Now()
	honest := startLoad(c.t, c.connectAs("client-shop"), 2)
	honest.await(10)
	nc := c.connectAs("client-app")
	maximum := int(nc.MaxPayload())
	large := strings.Repeat("v", maximum)
	ask := func(subject, data string) string {
		m, err := nc.Request("synod.main."+subject, []byte(data), patience)
		if err != nil {
			c.t.Errorf("%s: %v", subject, err)
			return ""
		}
		return string(m.Data)
	}
	flood := func(n int, subject, data string, header nats.Header) {
		for i := range n {
			m := &nats.Msg{Subject: strings.ReplaceAll("synod.main."+subject, "%", strconv.Itoa(i)), Reply: nc.NewInbox(), Header: header, Data: []byte(data)}
			if err := nc.PublishMsg(m); err != nil {
				c.t.Error(subject, err)
			}
		}
		if err := nc.FlushTimeout(patience); err != nil {
			c.t.Error(err)
		}
	}
	for _, refused := range []struct{ subject, data, want string }{
		{"propose", large, "above the limit"},
		{"command.KV_sessions", string(command.Command{Op: command.Transaction{If: manyConditions(20_000)}}.Encode()), "1024 conditions"},
		{"api.STREAM.CREATE.WIDE", wideStream(20_000), "above the limit"},
		{"api.STREAM.CREATE.DEEP", strings.Repeat(`{"a":`, 6000), `"error"`},
		{"api.DIRECT.GET.LEDGER", "x", ""},
	} {
		if answer := ask(refused.subject, refused.data); !strings.Contains(answer, refused.want) {
			c.t.Errorf("%s is answered %.200q, want %q", refused.subject, answer, refused.want)
		}
	}
	open := command.OpenSession{TTL: time.Hour}
	open.Nonce[2] = 1
	outcome, err := command.DecodeOutcome([]byte(ask("command.KV_sessions", string(command.Command{Op: open}.Encode()))))
	opened, ok := outcome.Value.(command.SessionOpened)
	if err != nil || !ok {
		c.t.Fatalf("a session opens with %+v, %v", outcome, err)
	}
	ask("api.$KV.sessions.large", large[:500_000])
	var attack sync.WaitGroup
	for _, wave := range []func(){
		func() { flood(10_000, "propose", "x", nil) },
		func() { flood(16, "propose", large[:maximum-10_000], nil) },
		func() { flood(16, "propose", large, nil) },
		func() { flood(300, "api.$KV.sessions.%."+strings.Repeat("k", 3900), "x", nil) },
		func() {
			flood(300, "propose", "x", nats.Header{"Nats-Msg-Id": {strings.Repeat("i", 60_000)}, "traceparent": {"00-" + strings.Repeat("a", 32) + "-" + strings.Repeat("b", 16) + "-01"}})
		},
		func() {
			flood(300, "propose", "x", nats.Header{"Nats-Expected-Last-Sequence": {"\x00\xff-1"}, "Nats-Rollup": {"all"}, "x": {strings.Repeat(":", 1000)}, "Nats-TTL": {"9999999999999999999h"}})
		},
		func() { flood(300, "api.STREAM.CREATE.S%", `{"name":"S%","metadata":{"m":"`+large[:20_000]+`"}}`, nil) },
		func() {
			flood(1000, "api.CONSUMER.CREATE.KV_sessions", `{"stream_name":"KV_sessions","config":{"ack_policy":"none","inactive_threshold":9000000000000000000,"metadata":{"m":"`+large[:4_000]+`"}}}`, nil)
		},
		func() { // more headers than any client has, short ones
			many := nats.Header{}
			for i := range 5000 {
				many[strconv.Itoa(i)] = []string{""}
			}
			flood(300, "propose", "x", many)
		},
		func() { // subjects that are patterns, or are in no alphabet
			for _, subject := range []string{"publish.orders.*", "publish.>", "api.$KV.sessions.>", "api.$KV.*.key", "api.$KV.sessions.ключ.\u202e", "api.$KV.sessions.\xff\xfe", "command.*", "command.>", "api.STREAM.INFO.*", "api.>"} {
				flood(50, subject, "x", nil)
			}
		},
		func() { // transactions of as many actions as are allowed, in one message
			actions := make([]command.Action, 1024)
			for i := range actions {
				actions[i] = command.Action{Kind: command.Put, Subject: fmt.Sprintf("$KV.sessions.giant.%d", i), Data: []byte(large[:maximum/1024-100])}
			}
			flood(16, "command.KV_sessions", string(command.Command{Op: command.Transaction{Then: actions}}.Encode()), nil)
		},
		func() { // a session that keeps every outcome, each of half a megabyte
			for n := range uint64(100) {
				flood(1, "command.KV_sessions", string(command.Command{
					Session: command.Session{ID: opened.ID, Number: n + 1, Awaited: 1},
					Op:      command.Transaction{Then: []command.Action{{Kind: command.Get, Subject: "$KV.sessions.large"}}},
				}.Encode()), nil)
			}
		},
		func() { flood(2000, "api.STREAM.INFO.KV_sessions", `{"subjects_filter":">"}`, nil) },
		func() { flood(2000, "api.STREAM.NAMES", "", nats.Header{bus.ReadHeader: {"at-least=1000000000"}}) },
		func() {
			for i := range 300 {
				open := command.OpenSession{TTL: time.Hour}
				open.Nonce[0], open.Nonce[1] = byte(i), byte(i>>8)
				flood(1, "command.LEDGER", string(command.Command{Op: open}.Encode()), nil)
				flood(1, "command.LEDGER", string(command.Command{Op: command.Acquire{Name: strconv.Itoa(i), Owner: []byte(large[:10_000]), TTL: time.Hour}}.Encode()), nil)
			}
		},
	} {
		attack.Go(wave)
	}
	for range 20 {
		crowd := c.connectAs("client-app")
		attack.Go(func() {
			for range 500 {
				if err := crowd.PublishRequest("synod.main.propose", crowd.NewInbox(), []byte("x")); err != nil {
					c.t.Error(err)
				}
			}
		})
	}
	attack.Wait()
	honest.await(10)
	c.t.Logf("an attack of %v: others wait for at most %v", time.Since(began), honest.gap()) // how fast is no matter of a test
	kv, err := nc.Request("synod.main.api.DIRECT.GET.KV_sessions.$KV.sessions.key", nil, patience)
	if err != nil || kv.Header.Get("Status") != "" {
		c.t.Errorf("a read after the attack: %v %v", kv, err)
	}
	honest.stop()
	for id, p := range c.roles {
		if m := memory(p.cmd.Process.Pid); m > 700<<20 {
			c.t.Errorf("%s takes %d MiB", id, m>>20)
		}
		if said := p.output()[spoken[id]:]; strings.Count(said, "\n") > 200 {
			c.t.Errorf("%s said %d lines", id, strings.Count(said, "\n"))
		}
	}
	poll(c.t, "learners that are equal and a cluster that is well", func() bool {
		r := c.synodAs("observer-watch", "status", "--json", "--wait", "500ms")
		var s struct {
			Learners []struct {
				ID      string
				Applied uint64
			}
		}
		return r.code == 0 && json.Unmarshal([]byte(r.out), &s) == nil && len(s.Learners) == 2 && s.Learners[0].Applied == s.Learners[1].Applied
	})
}

func manyConditions(n int) []command.Condition {
	conditions := make([]command.Condition, n)
	for i := range conditions {
		conditions[i] = command.Condition{Kind: command.Exists, Subject: "$KV.sessions.key"}
	}
	return conditions
}

func wideStream(n int) string {
	subjects := make([]string, n)
	for i := range subjects {
		subjects[i] = strconv.Quote(fmt.Sprintf("wide.%d", i))
	}
	return `{"name":"WIDE","subjects":[` + strings.Join(subjects, ",") + `]}`
}

// memory is how many bytes of memory a process takes; 0 where the system does not say.
func memory(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindStringSubmatch(string(text))
	if m == nil {
		return 0
	}
	kb, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return kb << 10
}
