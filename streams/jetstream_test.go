package streams

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus/bustest"
)

var (
	seedFlag  = flag.Uint64("streams.seed", 1, "seed of the random histories")
	stepsFlag = flag.Int("streams.steps", 2500, "length of the random histories")
)

// A pair runs the same operations on a Machine and on a real JetStream.
type pair struct {
	t    *testing.T
	m    *Machine
	slot uint64
	nc   *nats.Conn
	log  []string
}

func newPair(t *testing.T) *pair {
	return &pair{t: t, nc: bustest.JetStream(t), m: openMem(t, vfs.NewMem())}
}

// do runs one command on both and compares the replies. It reports whether the
// command was done.
func (p *pair) do(subject string, header nats.Header, data []byte) bool {
	p.t.Helper()
	p.log = append(p.log, fmt.Sprintf("%s %v %.200s", subject, header, data))
	p.slot++
	replies, err := p.m.Apply(p.slot, time.Now().UnixNano(), []Message{{Subject: "api." + subject, Header: wireHeader(header), Data: data}})
	if err != nil {
		p.fatal(err)
	}
	remote := subject
	if strings.HasPrefix(subject, "STREAM.") {
		remote = "$JS.API." + subject
	}
	answer, err := p.nc.RequestMsg(&nats.Msg{Subject: remote, Header: header, Data: data}, 5*time.Second)
	want := `{"error":{"code":404,"err_code":10059,"description":"stream not found"}}`
	if err == nil {
		want = string(answer.Data)
	} else if !errors.Is(err, nats.ErrNoResponders) {
		p.fatal(err)
	}
	for _, text := range fileStoreTexts {
		// The file store tells in its own words that a sequence is not there.
		if strings.Contains(want, text) && strings.Contains(string(replies[0].Data), `"err_code":10043,`) {
			return false
		}
	}
	p.compare("reply", string(replies[0].Data), want)
	return !strings.Contains(want, `"error"`)
}

var fileStoreTexts = []string{`"description":"stream store EOF"`, `"err_code":10057,"description":"no message found"`}

func (p *pair) fatal(v any) {
	p.t.Helper()
	p.t.Fatalf("%v\nafter\n%s", v, strings.Join(p.log[max(0, len(p.log)-40):], "\n"))
}

func (p *pair) compare(what, got, want string) {
	p.t.Helper()
	g, w := normalize(p.t, got), normalize(p.t, want)
	if !reflect.DeepEqual(g, w) {
		p.fatal(fmt.Sprintf("%s\n got %s\nwant %s", what, got, want))
	}
}

// normalize drops what is different by nature: times and the server's own fields.
func normalize(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not JSON: %q", text)
	}
	return withoutTimes(v)
}

func withoutTimes(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for _, name := range []string{"created", "ts", "first_ts", "last_ts", "time", "metadata", "total", "offset", "limit", "cluster"} {
		delete(m, name)
	}
	for k := range m {
		m[k] = withoutTimes(m[k])
	}
	if hdrs, ok := m["hdrs"].(string); ok {
		// nats.go writes fields in any order.
		text, _ := base64.StdEncoding.DecodeString(hdrs)
		lines := strings.Split(string(text), "\r\n")
		slices.Sort(lines)
		m["hdrs"] = lines
	}
	return m
}

func wireHeader(h nats.Header) []byte {
	if len(h) == 0 {
		return nil
	}
	b := []byte("NATS/1.0\r\n")
	for _, name := range sortedKeys(h) {
		for _, value := range h[name] {
			b = fmt.Appendf(b, "%s: %s\r\n", name, value)
		}
	}
	return append(b, "\r\n"...)
}

// info compares the description of a stream.
func (p *pair) info(name string) {
	p.t.Helper()
	answer, err := p.nc.Request("$JS.API.STREAM.INFO."+name, nil, 5*time.Second)
	if err != nil {
		p.fatal(err)
	}
	v := p.m.View()
	defer v.Close()
	kind := `"type":"io.nats.jetstream.api.v1.stream_info_response"`
	got := fmt.Sprintf(`{%s,"error":{"code":404,"err_code":10059,"description":"stream not found"}}`, kind)
	if i, err := v.Info(name); err == nil {
		got = fmt.Sprintf(`{%s,%s`, kind, mustJSON(i)[1:])
	}
	p.compare("info of "+name, got, string(answer.Data))
}

// contents compares every message of a stream.
func (p *pair) contents(name string) {
	p.t.Helper()
	v := p.m.View()
	defer v.Close()
	i, err := v.Info(name)
	if err != nil {
		return
	}
	for seq := max(i.State.FirstSeq, 1) - 1; seq <= i.State.LastSeq+1; seq++ {
		p.message(v, name, fmt.Sprintf(`{"seq":%d}`, seq), func() (*StoredMessage, error) { return v.Get(name, seq) })
	}
	for _, subject := range pairSubjects {
		p.message(v, name, fmt.Sprintf(`{"last_by_subj":%q}`, subject), func() (*StoredMessage, error) { return v.Last(name, subject) })
		for seq := max(i.State.FirstSeq, 1); seq <= i.State.LastSeq; seq += 3 {
			p.message(v, name, fmt.Sprintf(`{"next_by_subj":%q,"seq":%d}`, subject, seq), func() (*StoredMessage, error) { return v.Next(name, subject, seq) })
		}
	}
}

func (p *pair) message(v *View, name, request string, read func() (*StoredMessage, error)) {
	p.t.Helper()
	if request == `{"seq":0}` {
		return
	}
	answer, err := p.nc.Request("$JS.API.STREAM.MSG.GET."+name, []byte(request), 5*time.Second)
	if err != nil {
		p.fatal(err)
	}
	kind := `"type":"io.nats.jetstream.api.v1.stream_msg_get_response"`
	got := ""
	m, err := read()
	if err != nil {
		got = fmt.Sprintf(`{%s,"error":%s}`, kind, mustJSON(err))
	} else {
		hdrs, data := "", ""
		if len(m.Header) > 0 {
			hdrs = `,"hdrs":"` + base64.StdEncoding.EncodeToString(m.Header) + `"`
		}
		if len(m.Data) > 0 {
			data = `,"data":"` + base64.StdEncoding.EncodeToString(m.Data) + `"`
		}
		got = fmt.Sprintf(`{%s,"message":{"subject":%q,"seq":%d%s%s}}`, kind, m.Subject, m.Seq, hdrs, data)
	}
	p.compare("message "+request+" of "+name, got, string(answer.Data))
}

var (
	pairStreams  = []string{"KV_a", "KV_b", "ORDERS"}
	pairSubjects = []string{"$KV.a.x", "$KV.a.y", "$KV.a.z.z", "$KV.b.x", "$KV.b.y", "orders.1", "orders.2.x", "nowhere", "$KV.a.*", "$KV.>", "orders.*"}
)

// randomConfig is a configuration that JetStream may or may not accept.
func randomConfig(r *rand.Rand, name string) []byte {
	c := map[string]any{"name": name, "storage": map[bool]string{true: "file", false: "memory"}[name == "KV_b"], "num_replicas": 1}
	switch name {
	case "KV_a":
		c["subjects"] = []string{"$KV.a.>"}
	case "KV_b":
		c["subjects"] = []string{"$KV.b.>"}
	case "ORDERS":
		c["subjects"] = []string{"orders.*", "orders.2.>"}
	}
	maybe := func(field string, values ...any) {
		if r.IntN(3) == 0 {
			c[field] = values[r.IntN(len(values))]
		}
	}
	maybe("max_msgs_per_subject", 1, 2, 3, 0, -7)
	maybe("max_msgs", 3, 5, 10, -1)
	maybe("max_bytes", 200, 500, 1000)
	maybe("max_msg_size", 40, 100)
	maybe("discard", "old", "new", "NEW")
	maybe("allow_rollup_hdrs", true)
	maybe("deny_purge", false, false, true)
	maybe("allow_direct", true)
	maybe("allow_msg_ttl", true)
	maybe("subject_delete_marker_ttl", int64(time.Minute))
	maybe("max_age", int64(time.Hour))
	maybe("duplicate_window", int64(time.Minute))
	if c["discard"] == "new" && c["max_msgs_per_subject"] == 2 {
		c["discard_new_per_subject"] = true
	}
	if r.IntN(8) == 0 {
		maybe("max_age", int64(time.Millisecond), -5)
		maybe("duplicate_window", int64(2*time.Hour), int64(time.Millisecond), -1)
		maybe("subject_delete_marker_ttl", int64(time.Millisecond), -1)
		maybe("discard_new_per_subject", true)
		maybe("deny_delete", true)
	}
	if r.IntN(20) == 0 {
		maybe("nonsense", 1)
		maybe("storage", "paper")
		maybe("first_seq", 100)
		maybe("sealed", true)
		maybe("subjects", []string{"$KV.>"}, []string{"a", "a"}, []string{"a.*", "a.b"}, []string{"$JS.API.x"}, []string{">"}, []string{"a..b"}, []string{"a b"})
		maybe("name", "other", "a.b", "a b", "")
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return b
}

// randomHeader is a header of a publish. A message id comes without expected
// sequences and the like: a single nats-server looks at those first, which would
// refuse the retry of a compare-and-set that was done.
func randomHeader(r *rand.Rand) nats.Header {
	h := nats.Header{}
	maybe := func(field string, values ...string) {
		if r.IntN(6) == 0 {
			h[field] = []string{values[r.IntN(len(values))]}
		}
	}
	maybe("Nats-Rollup", "sub", "all", "SUB", "other")
	maybe("KV-Operation", "DEL", "PURGE")
	maybe("Nats-Expected-Stream", "KV_a", "ORDERS")
	if r.IntN(4) == 0 {
		h["Nats-Msg-Id"] = []string{fmt.Sprint("id", r.IntN(30))}
	} else {
		maybe("Nats-Expected-Last-Subject-Sequence", "0", "1", "5", "x", fmt.Sprint(r.IntN(60)))
		maybe("Nats-Expected-Last-Sequence", "0", fmt.Sprint(r.IntN(60)))
		maybe("Nats-Expected-Last-Subject-Sequence-Subject", "$KV.a.x", "$KV.a.*", "orders.1")
		maybe("Nats-Expected-Last-Msg-Id", "id1", "id2")
	}
	if r.IntN(3) == 0 && h["Nats-Msg-Id"] == nil {
		maybe("Nats-TTL", "1h", "100", "never", "x", "1ms", "-3", "0")
		maybe("Nats-Incr", "1", "x")
		maybe("Nats-Schedule", "@every 1h")
		maybe("Nats-Schedule-Next", "purge", "other")
		maybe("Nats-Scheduler", "a.b")
		maybe("Nats-Stream-Source", "a b")
	}
	return h
}

// step runs one random operation.
func (p *pair) step(r *rand.Rand) {
	name := pairStreams[r.IntN(len(pairStreams))]
	data := []byte(strings.Repeat("v", r.IntN(60)))
	subject := pairSubjects[r.IntN(8)]
	switch n := r.IntN(100); {
	case n < 70:
		p.do(subject, randomHeader(r), data)
	case n < 78:
		p.do("STREAM.CREATE."+name, nil, randomConfig(r, name))
	case n < 85:
		p.do("STREAM.UPDATE."+name, nil, randomConfig(r, name))
	case n < 87 && name != "KV_b":
		// The server may find a file stream's old messages in a new one of the name.
		p.do("STREAM.DELETE."+name, nil, []byte([]string{"", "{}", "x"}[r.IntN(3)]))
	case n < 92:
		seq := r.IntN(40)
		p.do("STREAM.MSG.DELETE."+name, nil, []byte([]string{fmt.Sprintf(`{"seq":%d,"no_erase":true}`, seq), fmt.Sprintf(`{"seq":%d}`, seq), "", "{"}[r.IntN(4)]))
	default:
		p.do("STREAM.PURGE."+name, nil, randomPurge(r))
	}
}

func randomPurge(r *rand.Rand) []byte {
	filter := pairSubjects[r.IntN(len(pairSubjects))]
	switch r.IntN(8) {
	case 0:
		return nil
	case 1:
		return fmt.Appendf(nil, `{"keep":%d}`, r.IntN(5))
	case 2:
		return fmt.Appendf(nil, `{"seq":%d}`, r.IntN(60))
	case 3:
		return fmt.Appendf(nil, `{"filter":%q}`, filter)
	case 4:
		return fmt.Appendf(nil, `{"filter":%q,"keep":%d}`, filter, r.IntN(4))
	case 5:
		return fmt.Appendf(nil, `{"filter":%q,"seq":%d}`, filter, r.IntN(60))
	case 6:
		return []byte(`{"seq":3,"keep":3}`)
	}
	return []byte(`{"filter":`)
}

// TestSameAsJetStream compares replies, states and contents with a real JetStream
// over random operations.
func TestSameAsJetStream(t *testing.T) {
	p := newPair(t)
	defer closeMachine(t, p.m)
	t.Logf("replay with -streams.seed %d", *seedFlag)
	r := rand.New(rand.NewPCG(*seedFlag, 0))
	for i := range *stepsFlag {
		p.step(r)
		if i%10 == 0 {
			for _, name := range pairStreams {
				p.info(name)
			}
		}
		if i%250 == 0 {
			for _, name := range pairStreams {
				p.contents(name)
			}
			scrubbedDigest(t, p.m)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// TestBadInputLikeJetStream sends everything that a client can do wrong to both, and
// compares the errors; neither may have stored anything.
func TestBadInputLikeJetStream(t *testing.T) {
	p := newPair(t)
	defer closeMachine(t, p.m)
	create := func(name, rest string) {
		t.Helper()
		if !p.do("STREAM.CREATE."+name, nil, fmt.Appendf(nil, `{"name":%q,"storage":"file","num_replicas":1,"retention":"limits",%s}`, name, rest)) {
			p.fatal("not created")
		}
	}
	create("KV_b", `"subjects":["$KV.b.>"],"max_msgs_per_subject":1,"max_msg_size":100,"discard":"new","deny_delete":true`)
	create("FULL", `"subjects":["full.>"],"max_msgs":1,"max_bytes":200,"discard":"new"`)
	create("EACH", `"subjects":["each.>"],"max_msgs_per_subject":1,"discard":"new","discard_new_per_subject":true`)
	for _, subject := range []string{"$KV.b.k", "full.a", "each.a"} {
		p.do(subject, nil, []byte("v"))
	}
	field := func(name, value string) nats.Header { return nats.Header{name: {value}} }
	for _, bad := range []struct {
		subject string
		header  nats.Header
		data    string
	}{
		{"$KV.b.k", nil, strings.Repeat("v", 101)},
		{"$KV.b.k", field("Nats-Expected-Last-Subject-Sequence", "7"), "v"},
		{"$KV.b.k", field("Nats-Expected-Last-Subject-Sequence", "0"), "v"},
		{"$KV.b.k", field("Nats-Expected-Last-Subject-Sequence", "one"), "v"},
		{"$KV.b.k", field("Nats-Expected-Last-Sequence", "9"), "v"},
		{"$KV.b.k", field("Nats-Expected-Last-Msg-Id", "x"), "v"},
		{"$KV.b.k", field("Nats-Expected-Stream", "OTHER"), "v"},
		{"$KV.b.k", field("Nats-TTL", "1s"), "v"},
		{"$KV.b.k", field("Nats-TTL", "soon"), "v"},
		{"$KV.b.k", field("Nats-Rollup", "sub"), "v"},
		{"$KV.b.k", field("Nats-Incr", "+1"), "v"},
		{"$KV.b.k", field("Nats-Incr", "much"), "v"},
		{"$KV.b.k", nats.Header{"Nats-Batch-Id": {"b"}, "Nats-Batch-Sequence": {"1"}}, "v"},
		{"$KV.b.k", nats.Header{"Nats-Batch-Id": {"b"}, "Nats-Batch-Sequence": {"1"}, "Nats-Batch-Commit": {"1"}}, "v"},
		{"full.b", nil, "v"},
		{"full.b", nil, strings.Repeat("v", 300)},
		{"each.a", nil, "w"},
		{"nowhere", nil, "v"},
		{"STREAM.CREATE.T", nil, `{"name":"T"`},
		{"STREAM.CREATE.T", nil, `{"name":"U"}`},
		{"STREAM.CREATE.T", nil, `{"name":"T","subjects":["a..b"]}`},
		{"STREAM.CREATE.T", nil, `{"name":"T","subjects":["full.x"]}`},
		{"STREAM.CREATE.FULL", nil, `{"name":"FULL","subjects":["full.>"],"max_msgs":2}`},
		{"STREAM.UPDATE.NONE", nil, `{"name":"NONE"}`},
		{"STREAM.UPDATE.FULL", nil, `{"name":"FULL","subjects":["full.>"],"storage":"memory"}`},
		{"STREAM.DELETE.NONE", nil, ""},
		{"STREAM.DELETE.FULL", nil, "x"},
		{"STREAM.PURGE.NONE", nil, ""},
		{"STREAM.PURGE.FULL", nil, `{"seq":3,"keep":3}`},
		{"STREAM.PURGE.FULL", nil, `{"filter":`},
		{"STREAM.MSG.DELETE.KV_b", nil, `{"seq":1}`},
		{"STREAM.MSG.DELETE.FULL", nil, ""},
		{"STREAM.MSG.DELETE.FULL", nil, `{"seq"`},
	} {
		before := p.m.Digest().Sum
		if p.do(bad.subject, bad.header, []byte(bad.data)) {
			t.Errorf("%s %v %.20s is done", bad.subject, bad.header, bad.data)
		}
		if after := p.m.Digest().Sum; after != before {
			t.Errorf("%s %v %.20s is refused, and changed the state", bad.subject, bad.header, bad.data)
		}
	}
	for _, name := range []string{"KV_b", "FULL", "EACH"} {
		p.info(name)
		p.contents(name)
	}
}
