package e2e

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/client"
)

// TestBadFlagsAreAllNamed: one run tells everything that is wrong.
func TestBadFlagsAreAllNamed(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"acceptor", nil, []string{"--id", "--data"}},
		{"acceptor", []string{"--id", "A b", "--data", "d", "--drain-timeout", "-1s", "--cluster", "X", "--creds", "c", "--user", "u", "--tls-key", "k", "--nats", "http://x", "--http", "8080"},
			[]string{"--id", "--drain-timeout", "--cluster", "--creds, --user", "--tls-cert, --tls-key", "--nats", "--http"}},
		{"proposer", []string{"--nope", "--drain-timeout", "soon", "--log-level", "loud"}, []string{"--nope", "--drain-timeout", "--log-level", "--id"}},
		{"learner", []string{"--id", "l1", "stray"}, []string{"stray"}},
		{"synod", []string{"nonsense"}, []string{"nonsense"}},
		{"synod", []string{"init", "--acceptors", "a1,A2", "--quorums", "most", "--copies", "-1", "--abandon", "x"}, []string{"A2", "--quorums", "--copies", "--abandon"}},
		{"synod", []string{"init", "--acceptors", "a1,a2,a3", "--quorums", "sizes:1,2"}, []string{"need not meet"}},
		{"synod", []string{"propose", "x", "--timeout", "0s"}, []string{"--timeout"}},
		{"synod", []string{"bench", "--callers", "0", "--reads", "101", "--log", "--duration", "0s"}, []string{"--callers", "--reads 101", "--log", "--duration"}},
		{"synod", []string{"dev", "--listen", "here", "--http", "there", "--learners", "0"}, []string{"--listen", "--http", "--learners"}},
	} {
		r := call(t, test.name, test.args...)
		if r.code != 2 {
			t.Errorf("%s %v: exit code %d, want 2", test.name, test.args, r.code)
		}
		for _, want := range test.want {
			if !containsAll(r.errors, want) {
				t.Errorf("%s %v does not name %q:\n%s", test.name, test.args, want, r.errors)
			}
		}
	}
}

// TestHelpAndVersion end well, and help shows what to type.
func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{
		{"acceptor"}, {"proposer"}, {"learner"}, {"synod"}, {"synod", "dev"}, {"synod", "init"}, {"synod", "propose"}, {"synod", "log"}, {"synod", "status"}, {"synod", "bench"},
	} {
		out := call(t, args[0], append(args[1:], "--help")...).must(t)
		if !strings.Contains(out, "Examples:") {
			t.Errorf("%v --help has no examples:\n%s", args, out)
		}
		if len(args) == 1 {
			version := call(t, args[0], "--version").must(t)
			if !regexp.MustCompile(`^` + args[0] + ` \d+\.\d+\.\d+`).MatchString(version) {
				t.Errorf("%v --version says %q", args, version)
			}
		}
	}
}

// TestNoServer: commands fail and say how to start one; roles wait for it, and stop
// when they are told to.
func TestNoServer(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"status"}, {"propose", "x"}, {"log"}, {"init", "--acceptors", "a1"}} {
		r := call(t, "synod", append(args, "--nats", "nats://127.0.0.1:1")...)
		if r.code != 1 || !containsAll(r.errors, "nats-server", "synod dev") {
			t.Errorf("synod %v: code %d, want 1 and what to do:\n%s", args, r.code, r.errors)
		}
	}
	for _, role := range []string{"acceptor", "proposer", "learner"} {
		args := []string{"--id", "x1", "--nats", "nats://127.0.0.1:1"}
		if role != "proposer" {
			args = append(args, "--data", t.TempDir())
		}
		p := startProcess(t, role, args...)
		p.await("waiting for NATS")
		if code := p.term(); code != 0 {
			t.Errorf("%s ended with code %d, want 0", role, code)
		}
	}
}

// TestDataDirectory: it belongs to one process, of one role and id.
func TestDataDirectory(t *testing.T) {
	t.Parallel()
	c := startNATS(t)
	c.start("a1").await("acceptor runs")
	c.start("l1").await("learner runs")
	for _, test := range []struct {
		role, id, data, want string
	}{
		{"acceptor", "a1", "a1", "in use by another process"},
		{"learner", "l1", "l1", "in use by another process"},
	} {
		r := call(t, test.role, "--id", test.id, "--nats", c.url, "--data", c.data(test.data))
		if r.code != 1 || !containsAll(r.errors, test.want) {
			t.Errorf("%s %s on %s: code %d, want 1 and %q:\n%s", test.role, test.id, test.data, r.code, test.want, r.errors)
		}
	}
	c.term("a1")
	c.term("l1")
	for _, test := range []struct {
		role, id, data, want string
	}{
		{"learner", "l1", "a1", "belongs to another role"},
		{"acceptor", "a2", "a1", "belongs to another node"},
	} {
		r := call(t, test.role, "--id", test.id, "--nats", c.url, "--data", c.data(test.data))
		if r.code != 1 || !containsAll(r.errors, test.want) {
			t.Errorf("%s %s on %s: code %d, want 1 and %q:\n%s", test.role, test.id, test.data, r.code, test.want, r.errors)
		}
	}
}

// TestOneClusterManyCommands: what a newcomer does, against separate processes.
func TestOneClusterManyCommands(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	t.Run("propose and log", c.proposeAndLog)
	t.Run("follow", c.follow)
	t.Run("JetStream publish", c.jetStreamPublish)
	t.Run("init again", c.initAgain)
	t.Run("health", c.health)
	t.Run("table", c.table)
	t.Run("trace", c.trace)
	t.Run("bench", c.bench)
	t.Run("micro service", c.microService)
	t.Run("clock far off", c.clockFarOff)
	t.Run("unknown cluster", c.unknownCluster)
	t.Run("plan", c.plan)
	t.Run("transfer", c.transfer)
	t.Run("twin", c.twin)
}

// bench does some of what it is asked, and leaves no bucket behind.
func (c *cluster) bench(t *testing.T) {
	plot := filepath.Join(t.TempDir(), "plot.svg")
	out := c.synod("bench", "--callers", "4", "--reads", "50", "--keys", "10", "--warm", "0s", "--duration", "300ms", "--json", "--plot", plot).must(t)
	var r struct {
		Done, Failed int
		Latency      []struct {
			Kind string
			Done int
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Latency) != 2 || r.Failed != 0 || r.Done != r.Latency[0].Done+r.Latency[1].Done || r.Latency[0].Done == 0 || r.Latency[1].Done == 0 {
		t.Errorf("want writes and reads, none failed: %s", out)
	}
	if picture, err := os.ReadFile(plot); err != nil || !strings.Contains(string(picture), "write 50 %: ") {
		t.Errorf("the plot lacks the median of writes (%v):\n%s", err, picture)
	}
	if out := c.synod("bench", "--callers", "4", "--log", "--together", "--warm", "0s", "--duration", "1s").must(t); !strings.Contains(out, "write ") {
		t.Errorf("appending to the log is not reported:\n%s", out)
	}
	nc, err := nats.Connect(c.url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.NewWithAPIPrefix(nc, "synod.main.api")
	if err != nil {
		t.Fatal(err)
	}
	names := js.StreamNames(t.Context())
	for name := range names.Name() {
		if strings.HasPrefix(name, "KV_synod-bench") {
			t.Errorf("the bucket %s is left", name)
		}
	}
}

func (c *cluster) proposeAndLog(t *testing.T) {
	first := c.synod("propose", "one", "--id", "id-1").must(t)
	again := c.synod("propose", "one", "--id", "id-1").must(t)
	if !strings.HasPrefix(first, "LEDGER 1 ") || !strings.HasPrefix(again, "LEDGER 1 ") || !strings.Contains(again, "appended before") {
		t.Errorf("proposed twice with one id: %q and %q, want the same sequence", first, again)
	}
	c.synod("propose", "two").must(t)
	out := c.synod("log", "--from", "2", "--json").must(t)
	var e struct {
		Seq  uint64
		Text string
	}
	if err := json.Unmarshal([]byte(out), &e); err != nil || e.Seq != 2 || e.Text != "two" {
		t.Errorf("log --from 2 says %q (%v), want the second message", out, err)
	}
	big := c.synod("propose", strings.Repeat("x", 100_000)).must(t)
	if !strings.HasPrefix(big, "LEDGER 3 ") {
		t.Errorf("a large proposal is answered %q", big)
	}
}

// follow reads what is appended while it reads.
func (c *cluster) follow(t *testing.T) {
	p := startProcess(t, "synod", "log", "--follow", "--from", "1", "--nats", c.url)
	p.await("two")
	c.synod("propose", "while you read").must(t)
	p.await("while you read")
	if code := p.stop(syscall.SIGINT); code != 0 {
		t.Errorf("log --follow ended with code %d, want 0", code)
	}
}

func (c *cluster) jetStreamPublish(t *testing.T) {
	js, err := jetstream.New(c.connect())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var seqs []uint64
	for _, duplicate := range []bool{false, true} {
		ack, err := js.Publish(ctx, "synod.main.propose", []byte("by jetstream"), jetstream.WithMsgID("js-1"))
		if err != nil {
			t.Fatal(err)
		}
		if ack.Stream != "LEDGER" || ack.Duplicate != duplicate {
			t.Errorf("acknowledged with %+v, want LEDGER and duplicate %v", ack, duplicate)
		}
		seqs = append(seqs, ack.Sequence)
	}
	if seqs[0] == 0 || seqs[0] != seqs[1] {
		t.Errorf("sequences %v, want twice the same", seqs)
	}
}

func (c *cluster) initAgain(t *testing.T) {
	if out := c.synod("init", "--acceptors", "a1,a2,a3").must(t); !strings.Contains(out, "nothing to do") {
		t.Errorf("the same init again says %q", out)
	}
	for _, args := range [][]string{
		{"--acceptors", "a1,a2"},
		{"--acceptors", "a1,a2,a3", "--quorums", "sizes:2,3"},
		{"--acceptors", "a1,a2,a3", "--copies", "1"},
		{"--acceptors", "a1,a2,a3", "--abandon", c.status().UUID},
	} {
		if r := c.synod(append([]string{"init"}, args...)...); r.code != 1 {
			t.Errorf("init %v: code %d, want 1:\n%s%s", args, r.code, r.out, r.errors)
		}
	}
	if s := c.status(); len(s.Problems) > 0 || s.Configuration.Copies != 2 {
		t.Errorf("afterwards: %+v", s.Problems)
	}
}

func (c *cluster) health(t *testing.T) {
	for _, id := range []string{"l1", "p1", "a1"} {
		c.term(id)
		p := c.start(id, "--http", "127.0.0.1:0")
		address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(p.await("HTTP serves"))
		poll(t, id+" ready", func() bool { code, _ := get(t, address, "readyz"); return code == http.StatusOK })
		if code, text := get(t, address, "healthz"); code != http.StatusOK {
			t.Errorf("%s /healthz: %d %s", id, code, text)
		}
		want := `synod_ready{cluster="main",id="` + id + `",role="` + roleOf[id[0]] + `"} 1`
		if _, text := get(t, address, "metrics"); !strings.Contains(text, want) {
			t.Errorf("%s /metrics lacks %s", id, want)
		}
	}
	c.awaitReady()
}

func get(t *testing.T, address, path string) (int, string) {
	t.Helper()
	r, err := http.Get("http://" + address + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// table fits a narrow terminal.
func (c *cluster) table(t *testing.T) {
	out := c.synod("status").must(t)
	for _, line := range strings.Split(out, "\n") {
		if len(line) > 80 {
			t.Errorf("%d columns wide: %s", len(line), line)
		}
	}
	if !containsAll(out, "a1", "a2", "a3", "p1", "p2", "l1", "l2", "leading", "standby") || !strings.Contains(out, "No problems") && !strings.Contains(out, "has a slow disk") {
		t.Errorf("status says:\n%s", out)
	}
}

// microService finds every role as NATS's own tools do.
func (c *cluster) microService(t *testing.T) {
	nc := c.connect()
	inbox, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest("$SRV.PING", inbox.Subject, nil); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for len(seen) < 7 {
		m, err := inbox.NextMsg(patience)
		if err != nil {
			t.Fatalf("only %v are NATS micro services: %v", seen, err)
		}
		var ping struct {
			Name     string
			Metadata map[string]string
		}
		if err := json.Unmarshal(m.Data, &ping); err != nil {
			t.Fatal(err)
		}
		seen[ping.Name+" "+ping.Metadata["id"]] = true
	}
	if !seen["synod-acceptor a1"] || !seen["synod-proposer p2"] || !seen["synod-learner l2"] {
		t.Errorf("micro services are %v", seen)
	}
	m, err := nc.Request("synod.main.operator.status.acceptor.a2", nil, patience)
	if err != nil || !strings.Contains(string(m.Data), `"id":"a2"`) {
		t.Errorf("a2's own endpoint says %v, %v", m, err)
	}
}

// clockFarOff: status names the acceptor whose clock is wrong, and nothing ends early.
func (c *cluster) clockFarOff(t *testing.T) {
	if err := build("-tags=torture", "-o", program("skewed-acceptor"), stamp("v1.2.3-rc.1"), module+"/cmd/acceptor"); err != nil {
		t.Fatal(err)
	}
	skew := filepath.Join(t.TempDir(), "skew")
	hours := binary.NativeEndian.AppendUint64(nil, uint64(26*time.Hour))
	if err := os.WriteFile(skew, hours, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	bucket, err := c.client().CreateBucket(ctx, "clock", client.BucketConfig{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(ctx, "key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Mutex("lock", time.Hour).Lock(ctx); err != nil {
		t.Fatal(err)
	}
	c.term("a1")
	c.build, c.env = "skewed-", []string{"SYNOD_TORTURE_SKEW=" + skew}
	c.start("a1")
	c.build, c.env = "", nil
	c.awaitProblem("clock of acceptor a1 is 26h0m0s ahead of the others'", "synchronize it")
	for range 2 { // proposers that learn the time anew
		id := c.leader()
		c.term(id)
		c.start(id)
		if _, err := bucket.Put(ctx, "other", nil); err != nil {
			t.Fatal(err)
		}
	}
	if e, err := bucket.Get(ctx, "key"); err != nil || string(e.Value) != "value" {
		t.Errorf("a key that lives for an hour: %v", err)
	}
	if token, err := bucket.Mutex("lock", time.Hour).TryLock(ctx); err == nil {
		t.Errorf("a lock of an hour is taken twice, now with token %d", token.Number())
	}
	c.term("a1")
	c.start("a1")
	c.awaitReady()
}

// unknownCluster: whoever asks for another one hears which are there.
func (c *cluster) unknownCluster(t *testing.T) {
	for _, args := range [][]string{{"status", "--wait", "300ms"}, {"init", "--acceptors", "b1", "--timeout", "2s"}} {
		if r := c.synod(append(args, "--cluster", "mian")...); r.code != 1 || !containsAll(r.out+r.errors, "mian", "main") {
			t.Errorf("synod %v --cluster mian: code %d\n%s%s", args, r.code, r.out, r.errors)
		}
	}
}

// twin runs a copy of an acceptor's directory: the copy and its original may not
// both go on.
func (c *cluster) twin(t *testing.T) {
	c.kill("a3")
	copied := c.data("a3-copy")
	if err := os.CopyFS(copied, os.DirFS(c.data("a3"))); err != nil {
		t.Fatal(err)
	}
	original := c.start("a3")
	original.await("acceptor runs")
	twin := startProcess(t, "acceptor", "--id", "a3", "--nats", c.url, "--data", copied)
	select {
	case <-original.done:
	case <-twin.done:
	}
	for _, p := range []*process{original, twin} {
		select {
		case <-p.done:
			if p.wait() != 1 || !strings.Contains(p.output(), "another process runs acceptor a3") {
				t.Errorf("a twin ended with code %d:\n%s", p.code, p.output())
			}
		default:
		}
	}
}
