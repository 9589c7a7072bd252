package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
	users := call(t, "synod", "permissions", "--keys", keys, "--form", form, "--clients", "app,shop", "--bucket-clients", "web=sessions", "--stream-subjects", "orders.>,$KV.>").must(t)
	certs := bustest.NewCertificates(t)
	config := filepath.Join(dir, "server.conf")
	tls := fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }\n", certs.ServerCert, certs.ServerKey, certs.CA)
	text := users + tls + "leafnodes { listen: \"127.0.0.1:-1\", " + tls + "}\n"
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
	leaf := "nats-leaf://" + regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(c.nats.await("Listening for leafnode connections on "))
	c.extra = func(id string) []string {
		switch {
		case id[0] == 'p':
			return []string{"--bare-subjects"}
		case id[0] == 'l' && form == "jwt":
			return []string{"--leaf", leaf, "--leaf-creds", filepath.Join(keys, "leaf-"+id+".creds")}
		case id[0] == 'l':
			return []string{"--leaf", leaf, "--leaf-nkey", filepath.Join(keys, "leaf-"+id+".nk")}
		}
		return nil
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
	t.Parallel()
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
			c.watcher()
			c.observer()
			c.saved()
			c.changes()
			c.term(c.leader())
			c.synodAs("client-app", "propose", "after the leader left").must(t)
			for id, p := range c.roles {
				if strings.Contains(p.output(), "denies") {
					t.Errorf("%s needs a permission that it lacks:\n%s", id, p.output())
				}
			}
			c.denied()
			if form == "users" {
				c.deputies()
				c.garbled()
				c.attacked()
			}
		})
	}
}

// changes replaces an acceptor that lost its disk, and moves leadership, as an operator.
func (c *cluster) changes() {
	c.t.Helper()
	c.kill("a1")
	if err := os.RemoveAll(c.data("a1")); err != nil {
		c.t.Fatal(err)
	}
	c.start("a1").await("acceptor runs")
	for _, args := range [][]string{{"member", "replace", "a1"}, {"member", "list"}, {"leader", "transfer"}} {
		c.synod(args...).must(c.t)
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

// watcher is told of each change of the one bucket that it may use, and a stream's own
// subject can be published to.
func (c *cluster) watcher() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	one, err := jetstream.NewWithAPIPrefix(c.connectAs("bucket-web"), "synod.main.api")
	if err != nil {
		c.t.Fatal(err)
	}
	kv, err := one.KeyValue(ctx, "sessions")
	if err != nil {
		c.t.Fatal(err)
	}
	var w jetstream.KeyWatcher
	poll(c.t, "a learner that can push", func() bool {
		w, err = kv.WatchAll(ctx)
		return err == nil
	})
	defer w.Stop()
	if _, err := kv.Put(ctx, "watched", []byte("news")); err != nil {
		c.t.Fatal(err)
	}
	for seen := ""; seen != "watched"; {
		select {
		case e := <-w.Updates():
			if e != nil {
				seen = e.Key()
			}
		case <-ctx.Done():
			c.t.Fatal("a watcher hears nothing of a put")
		}
	}
	nc := c.connectAs("client-app")
	all, err := jetstream.NewWithAPIPrefix(nc, "synod.main.api")
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := all.CreateStream(ctx, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}}); err != nil {
		c.t.Fatal(err)
	}
	poll(c.t, "an order that is taken", func() bool {
		_, err := all.Publish(ctx, "orders.new", []byte("1"))
		return err == nil
	})
	if m, err := nc.RequestWithContext(ctx, "synod.main.publish.orders.new", []byte("2")); err != nil || !strings.Contains(string(m.Data), `"stream":"ORDERS"`) {
		c.t.Errorf("publish below the prefix: %v", err)
	}
}

// saved: the operator saves the state, and nobody else can.
func (c *cluster) saved() {
	c.t.Helper()
	file := filepath.Join(c.t.TempDir(), "main.backup")
	if out := c.synodAs("operator-admin", "backup", file).must(c.t); !strings.Contains(out, "Saved") {
		c.t.Errorf("backup says %q", out)
	}
	if r := c.synodAs("observer-watch", "backup", file+"2", "--timeout", "2s"); r.code != 1 {
		c.t.Errorf("an observer's backup: code %d\n%s%s", r.code, r.out, r.errors)
	}
}

// observer sees how the cluster does, and its protocol, with its own credentials.
func (c *cluster) observer() {
	c.t.Helper()
	if out := c.synodAs("observer-watch", "status").must(c.t); !containsAll(out, "No problems", "leading") {
		c.t.Errorf("status says\n%s", out)
	}
	if out := c.synodAs("observer-watch", "trace", "--for", "10s", "--kind", "heartbeat", "--limit", "1").must(c.t); !strings.Contains(out, "heartbeat") {
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
		if r := c.synodAs(test.user, test.args...); r.code != 1 || !containsAll(r.errors, test.want) {
			c.t.Errorf("%s: synod %v: code %d, want 1 and %q:\n%s%s", test.user, test.args, r.code, test.want, r.out, r.errors)
		}
	}
	r := call(c.t, "acceptor", append([]string{"--id", "b1", "--data", c.data("b1"), "--nats", c.url}, c.flags("acceptor-a1")...)...)
	if r.code != 1 || !containsAll(r.errors, "synod permissions") {
		c.t.Errorf("acceptor b1 with the key of a1: code %d, want 1 and what to do:\n%s", r.code, r.errors)
	}
}
