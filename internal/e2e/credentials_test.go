package e2e

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/synod-paxos/synod/bus/bustest"
)

// The secrets of this test. None may be seen anywhere.
const (
	canary = "CANARY-s3cret"
	guess  = "CANARY-guess"
)

// A lock is a way in which a server demands credentials.
type lock struct {
	name, config string
	url          func(string) string        // of the server, as users write it; nil: as it is
	right        func(user string) []string // flags
	wrong        []string                   // flags
	want         string                     // what is said of wrong ones; empty: that they are refused
	env          []string                   // of everybody
}

func locks(t *testing.T) []lock {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	same := func(flags ...string) func(string) []string { return func(string) []string { return flags } }
	permissions := func(form string) (config, keys, others string) {
		keys, others = filepath.Join(dir, form), filepath.Join(dir, "other-"+form)
		call(t, "synod", "permissions", "--keys", others, "--form", form).must(t)
		return call(t, "synod", "permissions", "--keys", keys, "--form", form).must(t), keys, others
	}
	nkeys, seeds, otherSeeds := permissions("users")
	jwts, creds, otherCreds := permissions("jwt")
	certs := bustest.NewCertificates(t)
	tls := fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: %%v }\n", certs.ServerCert, certs.ServerKey, certs.CA)
	secure := func(url string) string { return strings.Replace(url, "nats://", "tls://", 1) }
	user := `authorization { user: synod, password: "` + canary + `" }` + "\n"
	file("config/nats/context/wrong.json", `{"user":"synod","password":"`+guess+`"}`)
	file("config/nats/context/right.json", `{"user":"synod","password":"`+canary+`"}`)
	return []lock{
		{name: "user and password", config: user, right: same("--user", "synod", "--password-file", file("password", canary+"\n")),
			wrong: []string{"--user", "synod", "--password-file", file("wrong-password", guess)}},
		{name: "password in the URL", config: user, wrong: []string{"--user", "synod", "--password-file", file("wrong-password", guess)}, right: same(),
			url: func(url string) string { return strings.Replace(url, "://", "://synod:"+canary+"@", 1) }},
		{name: "token", config: `authorization { token: "` + canary + `" }`, right: same("--token-file", file("token", canary)),
			wrong: []string{"--token-file", file("wrong-token", guess)}},
		{name: "nkey", config: nkeys, right: func(u string) []string { return []string{"--nkey", filepath.Join(seeds, u+".nk")} },
			wrong: []string{"--nkey", filepath.Join(otherSeeds, "operator-admin.nk")}},
		{name: "creds", config: jwts, right: func(u string) []string { return []string{"--creds", filepath.Join(creds, u+".creds")} },
			wrong: []string{"--creds", filepath.Join(otherCreds, "operator-admin.creds")}},
		{name: "TLS", config: user + fmt.Sprintf(tls, false), url: secure,
			right: same("--tls-ca", certs.CA, "--user", "synod", "--password-file", file("password", canary)),
			wrong: []string{"--tls-ca", certs.OtherCA, "--user", "synod", "--password-file", file("password", canary)}, want: "certificate does not verify"},
		{name: "mutual TLS", config: fmt.Sprintf(tls, true), url: secure,
			right: same("--tls-ca", certs.CA, "--tls-cert", certs.ClientCert, "--tls-key", certs.ClientKey),
			wrong: []string{"--tls-ca", certs.CA}, want: "refuses the TLS handshake"},
		{name: "context", config: user, right: same("--context", "right"), wrong: []string{"--context", "wrong"}, env: []string{"XDG_CONFIG_HOME=" + filepath.Join(dir, "config")}},
	}
}

// TestCredentialsOfEveryProgram: each program and subcommand gets in with the right
// credentials of every kind, and says what is wrong with others. No secret is in what any
// of them says at any level, in their arguments, in what they serve, and in their files;
// nobody but their owner reads those.
func TestCredentialsOfEveryProgram(t *testing.T) {
	t.Parallel()
	for _, k := range locks(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			k.try(t)
		})
	}
}

func (k *lock) try(t *testing.T) {
	server := bustest.Configured(t, k.config)
	c := &cluster{t: t, url: server.URL(), dir: t.TempDir(), roles: map[string]*process{}, flags: k.right, env: k.env}
	bare := c.url
	if k.url != nil {
		c.url = k.url(c.url)
		bare = c.url[:strings.Index(c.url, "://")+3] + c.url[strings.LastIndexAny(c.url, "@/")+1:]
	}
	c.extra = func(string) []string { return []string{"--log-level", "debug", "--http", "127.0.0.1:0"} }
	var said strings.Builder // by all
	spans := c.collector()
	right := func(user string, args ...string) {
		r := callWith(t, c.env, "synod", append(append(args, "--nats", c.url), k.right(user)...)...)
		if r.code != 0 {
			t.Errorf("synod %v: code %d\n%s%s", args, r.code, r.out, r.errors)
		}
		said.WriteString(r.out + r.errors)
	}
	wrong := func(program string, args ...string) {
		r := callWith(t, c.env, program, append(append(args, "--nats", bare), k.wrong...)...)
		want := k.want
		if want == "" {
			want = "refuses these credentials"
		}
		if r.code != 1 || !containsAll(r.errors, want) || containsAll(r.errors, "nats-server`") {
			t.Errorf("%s %v with wrong credentials: code %d, want 1 and %q alone\n%s", program, args, r.code, want, r.errors)
		}
		said.WriteString(r.out + r.errors)
	}

	for _, id := range []string{"a1", "p1", "l1"} {
		c.start(id)
	}
	c.roles["a1"].await("acceptor runs")
	file := filepath.Join(c.dir, "main.backup")
	right("operator-admin", "init", "--acceptors", "a1", "--copies", "1")
	right("client-app", "propose", "let in", "--timeout", "20s")
	right("operator-admin", "backup", file)
	right("observer-watch", "status", "--json", "--wait", "200ms")
	right("observer-watch", "trace", "--json", "--kind", "all", "--limit", "3", "--for", "5s")
	c.unreachable(&said)
	poll(t, "spans of a role", func() bool { return strings.Contains(spans(), "acceptor vote") })
	said.WriteString(spans())
	commands := [][]string{
		{"init", "--acceptors", "a1"}, {"status"}, {"propose", "x"}, {"log"}, {"trace"}, {"bench"}, {"backup", file + "2"}, {"restore", file, "--acceptors", "b1"},
		{"member", "list"}, {"member", "add", "a2"}, {"member", "remove", "a1"}, {"member", "replace", "a1"}, {"member", "set", "--copies", "2"},
		{"member", "force-new-cluster", "--acceptors", "b1"}, {"leader", "transfer"}, {"upgrade"}, {"skip", "--slot", "7"},
	}
	if k.name == "creds" { // each connects by the same code
		right("client-app", "log")
		right("observer-watch", "status", "--wait", "200ms")
		right("observer-watch", "trace", "--kind", "all", "--limit", "3", "--for", "5s")
		right("client-app", "bench", "--callers", "2", "--warm", "0s", "--duration", "50ms")
		right("operator-admin", "member", "list")
		right("operator-admin", "upgrade")
	} else {
		commands = commands[:2]
	}
	for _, args := range commands {
		wrong("synod", args...)
	}
	wrong("acceptor", "--id", "x1", "--data", filepath.Join(c.dir, "x1"))
	wrong("learner", "--id", "x2", "--data", filepath.Join(c.dir, "x2"))
	wrong("proposer", "--id", "x3")

	for id, p := range c.roles {
		address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(p.await("HTTP serves"))
		for _, path := range []string{"metrics", "healthz", "readyz"} {
			_, text := get(t, address, path)
			said.WriteString(text)
		}
		if arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid)); err == nil && k.name != "password in the URL" {
			said.Write(arguments) // who writes a password into a URL has it there
		}
		if code := p.stop(syscall.SIGQUIT); code != 2 { // every goroutine's stack, as in a panic
			t.Errorf("%s ends by SIGQUIT with code %d", id, code)
		}
		said.WriteString(p.output())
	}
	c.private(said.String())
}

// collector takes the spans of all programs, and returns what came. It demands a secret of
// its own, which goes to nobody else.
func (c *cluster) collector() func() string {
	var mu sync.Mutex
	var got strings.Builder
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("api-key") == canary {
			_, _ = io.Copy(&got, r.Body) // what is lost is missed
		}
	}))
	c.t.Cleanup(s.Close)
	c.env = append(c.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+s.URL, "OTEL_EXPORTER_OTLP_COMPRESSION=none",
		"OTEL_EXPORTER_OTLP_HEADERS=api-key="+canary, "OTEL_BSP_SCHEDULE_DELAY=100")
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return got.String()
	}
}

// unreachable: nobody is at the address of the server, nor of the collector, and both have
// a password in them.
func (c *cluster) unreachable(said *strings.Builder) {
	c.t.Helper()
	env := append(slices.Clone(c.env), "OTEL_EXPORTER_OTLP_ENDPOINT=http://tracer:"+canary+"@127.0.0.1:1")
	for _, args := range [][]string{{"propose", "x", "--nats", "nats://synod:" + canary + "@127.0.0.1:1"}, {"status", "--nats", "nats://" + canary + "@127.0.0.1:1,nats://synod:" + canary + "@:x"}} {
		r := callWith(c.t, env, "synod", args...)
		if r.code == 0 || r.errors == "" {
			c.t.Errorf("synod %v: code %d\n%s%s", args, r.code, r.out, r.errors)
		}
		said.WriteString(r.out + r.errors)
	}
}

// private holds that no secret is in what was said, nor in any file of the cluster, and that
// its files are their owner's.
func (c *cluster) private(said string) {
	c.t.Helper()
	if len(said) < 10_000 {
		c.t.Errorf("only %d bytes were said at the level of debugging", len(said))
	}
	seeds := regexp.MustCompile(canary + `|` + guess + `|\bSU[A-Z2-7]{56}\b`)
	if i := seeds.FindStringIndex(said); i != nil {
		c.t.Errorf("a secret was said: %q", said[max(0, i[0]-200):min(len(said), i[1]+50)])
	}
	files := 0
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == c.dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = fs.ModeDir | 0o700
		}
		if info.Mode() != want {
			c.t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
		if d.IsDir() {
			return nil
		}
		files++
		data, err := os.ReadFile(path)
		if seeds.Match(data) {
			c.t.Errorf("a secret is in %s", path)
		}
		return err
	})
	if err != nil || files < 10 {
		c.t.Errorf("%d files were looked at, %v", files, err)
	}
}
