package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

// startGuarded starts a cluster behind a nats-server that demands client certificates
// and has the users that synod permissions prints, and no others.
func startGuarded(t *testing.T, form string) *cluster {
	t.Helper()
	keys, dir := filepath.Join(t.TempDir(), "keys"), t.TempDir()
	users := call(t, "synod", "permissions", "--keys", keys, "--form", form, "--bucket-clients", "web=sessions").must(t)
	certs := bustest.NewCertificates(t)
	config := filepath.Join(dir, "server.conf")
	text := users + fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }\n", certs.ServerCert, certs.ServerKey, certs.CA)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startNATS(t, "-c", config)
	c.url = strings.Replace(c.url, "nats://", "tls://", 1)
	c.flags = func(user string) []string {
		flags := []string{"--tls-ca", certs.CA, "--tls-cert", certs.ClientCert, "--tls-key", certs.ClientKey}
		if form == "jwt" {
			return append(flags, "--creds", filepath.Join(keys, user+".creds"))
		}
		return append(flags, "--nkey", filepath.Join(keys, user+".nk"))
	}
	c.found()
	return c
}

// synodAs runs a subcommand as a user.
func (c *cluster) synodAs(user string, args ...string) result {
	c.t.Helper()
	return call(c.t, "synod", append(append(args, "--nats", c.url), c.flags(user)...)...)
}

// connectAs is a user's connection, as a program with the bus makes it.
func (c *cluster) connectAs(user string) *nats.Conn {
	c.t.Helper()
	flags := c.flags(user)
	o := bus.Options{Subjects: bus.Subjects{Cluster: "main"}, URLs: []string{c.url}, CA: flags[1], Cert: flags[3], Key: flags[5]}
	if o.NKey = flags[7]; flags[6] == "--creds" {
		o.NKey, o.Creds = "", flags[7]
	}
	b, err := bus.Connect(c.t.Context(), o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(b.Close)
	return b.Conn()
}

// TestAWholeClusterUnderItsPermissions: everything that works without permissions works
// with exactly those that synod permissions prints, and client certificates.
func TestAWholeClusterUnderItsPermissions(t *testing.T) {
	for _, form := range []string{"users", "jwt"} {
		t.Run(form, func(t *testing.T) {
			c := startGuarded(t, form)
			for i := range 3 {
				c.synodAs("client-app", "propose", fmt.Sprintf("entry %d", i)).must(t)
			}
			if out := c.synodAs("client-app", "log").must(t); !containsAll(out, "entry 0", "entry 2") {
				t.Errorf("the log says %q", out)
			}
			c.buckets()
			c.observer()
			c.term(c.leader())
			c.synodAs("client-app", "propose", "after the leader left").must(t)
			for id, p := range c.roles {
				if strings.Contains(p.output(), "denies") {
					t.Errorf("%s needs a permission that it lacks:\n%s", id, p.output())
				}
			}
			c.denied()
		})
	}
}

// buckets makes one as a client, and uses it as the client of one bucket.
func (c *cluster) buckets() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	all, err := jetstream.NewWithAPIPrefix(c.connectAs("client-app"), "synod.main.api")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, name := range []string{"sessions", "config"} {
		if _, err := all.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: name}); err != nil {
			c.t.Fatal(err)
		}
	}
	one, err := jetstream.NewWithAPIPrefix(c.connectAs("bucket-web"), "synod.main.api")
	if err != nil {
		c.t.Fatal(err)
	}
	kv, err := one.KeyValue(ctx, "sessions")
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := kv.Put(ctx, "key", []byte("value")); err != nil {
		c.t.Fatal(err)
	}
	if e, err := kv.Get(ctx, "key"); err != nil || string(e.Value()) != "value" {
		c.t.Errorf("get: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := one.KeyValue(short, "config"); err == nil {
		c.t.Error("the client of one bucket opens another")
	}
}

// observer sees how the cluster does, and its protocol, with its own credentials.
func (c *cluster) observer() {
	c.t.Helper()
	if out := c.synodAs("observer-watch", "status").must(c.t); !containsAll(out, "No problems", "leading") {
		c.t.Errorf("status says\n%s", out)
	}
	if out := c.synodAs("observer-watch", "trace", "--for", "1s", "--kind", "all", "--limit", "5").must(c.t); !strings.Contains(out, "heartbeat") {
		c.t.Errorf("trace says\n%s", out)
	}
}

// denied: who has the wrong credentials hears what to do, and changes nothing.
func (c *cluster) denied() {
	c.t.Helper()
	for _, test := range []struct {
		user string
		args []string
		want string
	}{
		{"client-app", []string{"init", "--acceptors", "a1,a2,a3", "--timeout", "1s"}, "synod permissions"},
		{"observer-watch", []string{"propose", "x", "--timeout", "1s"}, "synod permissions"},
		{"client-app", []string{"status", "--wait", "500ms"}, "synod permissions"},
	} {
		if r := c.synodAs(test.user, test.args...); r.code != 1 || !strings.Contains(r.errors, test.want) {
			c.t.Errorf("%s: synod %v: code %d, want 1 and %q:\n%s%s", test.user, test.args, r.code, test.want, r.out, r.errors)
		}
	}
	r := call(c.t, "acceptor", append([]string{"--id", "b1", "--data", c.data("b1"), "--nats", c.url}, c.flags("acceptor-a1")...)...)
	if r.code != 1 || !strings.Contains(r.errors, "synod permissions") {
		c.t.Errorf("acceptor b1 with the key of a1: code %d, want 1 and what to do:\n%s", r.code, r.errors)
	}
}
