package authority_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/authority"
)

var main = bus.Subjects{Cluster: "main"}

func users() []authority.User {
	return []authority.User{
		{Kind: authority.Acceptor, ID: "a1"}, {Kind: authority.Acceptor, ID: "a2"},
		{Kind: authority.Proposer, ID: "p1", Bare: []string{"orders.>"}}, {Kind: authority.Proposer, ID: "p2"},
		{Kind: authority.Learner, ID: "l1"}, {Kind: authority.Learner, ID: "l2"}, {Kind: authority.Leaf, ID: "l1"},
		{Kind: authority.Client, ID: "app"}, {Kind: authority.Client, ID: "shop", Bare: []string{"orders.>"}}, {Kind: authority.Bucket, ID: "web", Bucket: "sessions"},
		{Kind: authority.Operator, ID: "admin"}, {Kind: authority.Observer, ID: "watch"},
	}
}

// A crossing is a subject, and all who may use it.
type crossing struct{ subject, who string }

const (
	acceptors = "acceptor-a1 acceptor-a2 "
	proposers = "proposer-p1 proposer-p2 "
	learners  = "learner-l1 learner-l2 "
	clients   = "client-app client-shop "
	operator  = "operator-admin "
	observer  = "observer-watch "
)

// publishing is who may publish what. INBOX-x is the inbox of x.
var publishing = []crossing{
	// The protocol: each as itself.
	{"synod.main.acceptor.a1.accepted.p1", "acceptor-a1"},
	{"synod.main.acceptor.a1.promise.p2", "acceptor-a1"},
	{"synod.main.acceptor.a1.hello", "acceptor-a1"},
	{"synod.main.acceptor.a2.votes.l1", "acceptor-a2"},
	{"synod.main.acceptor.a3.accepted.p1", ""},
	{"synod.main.proposer.p1.prepare", "proposer-p1"},
	{"synod.main.proposer.p1.accept", "proposer-p1"},
	{"synod.main.proposer.p2.handover.p1", "proposer-p2"},
	{"synod.main.learner.l1.applied", "learner-l1"},
	{"synod.main.learner.l2.chunk.l1", "learner-l2"},
	{"synod.main.learner.backup.snapshot.l1", operator},
	{"synod.main.learner.restore.applied", operator},
	{"synod.main.operator.init.o1.a1", operator},
	{"synod.main.operator.member.o1", operator},
	{"synod.main.operator.transfer.o1", operator},
	{"synod.main.operator.upgrade", operator},
	{"synod.main.operator.skip", operator},
	{"synod.main.operator.status", operator + observer},
	{"synod.main.operator.status.acceptor.a1", operator + observer},
	{"$SRV.PING", operator + observer},
	{"$SRV.STATS.synod-acceptor", operator + observer},

	// The API: clients, each bucket for its own.
	{"synod.main.propose", clients},
	{"synod.main.publish.orders.new", clients},
	{"orders.new", "client-shop"},
	{"synod.main.command.LEDGER", clients},
	{"synod.main.command.KV_sessions", clients + "bucket-web"},
	{"synod.main.command.KV_config", clients},
	{"synod.main.api.$KV.sessions.key", clients + "bucket-web"},
	{"synod.main.api.$KV.config.key", clients},
	{"synod.main.api.STREAM.INFO.KV_sessions", clients + "bucket-web"},
	{"synod.main.api.STREAM.INFO.KV_config", clients},
	{"synod.main.api.STREAM.LIST", clients + "proposer-p1"},
	{"synod.main.api.STREAM.NAMES", clients},
	{"synod.main.api.STREAM.PURGE.KV_sessions", clients + "bucket-web"},
	{"synod.main.api.STREAM.PURGE.KV_config", clients},
	{"synod.main.api.STREAM.MSG.GET.KV_sessions", clients + "bucket-web"},
	{"synod.main.api.STREAM.MSG.GET.KV_config", clients},
	{"synod.main.api.STREAM.CREATE.KV_sessions", clients},
	{"synod.main.api.STREAM.UPDATE.KV_sessions", clients},
	{"synod.main.api.STREAM.DELETE.KV_sessions", clients},
	{"synod.main.api.STREAM.MSG.DELETE.KV_sessions", clients},
	{"synod.main.api.DIRECT.GET.KV_sessions.$KV.sessions.key", clients + "bucket-web"},
	{"synod.main.api.DIRECT.GET.KV_config.$KV.config.key", clients},
	{"synod.main.api.DIRECT.GET.KV_sessions", clients + "bucket-web"},
	{"synod.main.api.DIRECT.GET.KV_config", clients},
	{"synod.main.api.DIRECT.GET.LEDGER", clients},
	{"synod.main.api.CONSUMER.CREATE.KV_sessions.c.$KV.sessions.>", clients + "bucket-web"},
	{"synod.main.api.CONSUMER.CREATE.KV_config.c.$KV.config.>", clients},
	{"synod.main.api.CONSUMER.INFO.KV_sessions.c", clients + "bucket-web"},
	{"synod.main.api.CONSUMER.INFO.KV_config.c", clients},
	{"synod.main.api.CONSUMER.NAMES.KV_config", clients},
	{"synod.main.api.CONSUMER.MSG.NEXT.KV_sessions.c", clients + "bucket-web"},
	{"synod.main.api.CONSUMER.MSG.NEXT.KV_config.c", clients},
	{"synod.main.api.FLOW.KV_sessions.c.x", clients + "bucket-web"},
	{"synod.main.api.FLOW.KV_config.c.x", clients},

	// Inboxes: whoever answers.
	{"INBOX-client-app.x", proposers + learners + "leaf-l1"},
	{"INBOX-operator-admin.x", acceptors + proposers + learners + "leaf-l1"},
	{"INBOX-observer-watch.x", acceptors + proposers + learners + "leaf-l1"},
	{"INBOX-acceptor-a1.x", proposers + learners + "leaf-l1"},

	// Everything else.
	{"synod.other.propose", ""},
	{"synod.main", ""},
	{"synod.main.unheardof", ""},
	{"anything.else", ""},
	{"$SYS.REQ.SERVER.PING", ""},
}

// subscribing is who may subscribe to what.
var subscribing = []crossing{
	{"synod.main.acceptor.>", acceptors + proposers + learners + operator + observer},
	{"synod.main.proposer.*.accept", acceptors + proposers + learners + operator + observer},
	{"synod.main.learner.*.applied", acceptors + proposers + learners + operator + observer},
	{"synod.main.operator.status", acceptors + proposers + learners + operator + observer},
	{"$SRV.PING", acceptors + proposers + learners},
	{"synod.main.propose", proposers},
	{"synod.main.publish.>", proposers},
	{"orders.>", "proposer-p1"},
	{"synod.main.command.*", proposers},
	{"synod.main.api.$KV.>", proposers + learners},
	{"synod.main.api.>", proposers + learners},
	{"synod.main.>", ""},
	{"synod.>", ""},
	{"synod.other.propose", ""},
	{">", ""},
	{"_INBOX.>", ""},
	{"_INBOX.*.x", ""},
	{"INBOX-client-app.>", "client-app"},
	{"INBOX-client-shop.x.*", "client-shop"},
	{"INBOX-bucket-web.>", "bucket-web"},
	{"INBOX-operator-admin.>", "operator-admin"},
	{"INBOX-learner-l1.>", "learner-l1"},
	{"INBOX-leaf-l1.>", ""},
}

// TestEveryCrossing: a server with exactly what is printed lets pass what should, and
// nothing else, for every user and in every form.
func TestEveryCrossing(t *testing.T) {
	for form, config := range map[string]func([]authority.User, string) (string, error){
		"users":   func(u []authority.User, _ string) (string, error) { return authority.Authorization(main, u), nil },
		"account": func(u []authority.User, _ string) (string, error) { return authority.Account(main, u, "SYNOD"), nil },
		"jwt": func(u []authority.User, dir string) (string, error) {
			return authority.JWTs(main, u, "SYNOD", dir)
		},
	} {
		t.Run(form, func(t *testing.T) {
			dir, all := t.TempDir(), users()
			if err := authority.Equip(all, nil, dir); err != nil {
				t.Fatal(err)
			}
			text, err := config(all, dir)
			if err != nil {
				t.Fatal(err)
			}
			url := serve(t, text)
			for i := range all {
				name := all[i].Name()
				nc := connect(t, url, dir, name, form == "jwt")
				cross(t, nc, name, all)
			}
			_, err = nats.Connect(url)
			if err == nil || !strings.Contains(err.Error(), "Authorization") {
				t.Errorf("without a key: %v, want a refusal", err)
			}
		})
	}
}

func serve(t *testing.T, config string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := bus.StartServer(bus.ServerOptions{ConfigFile: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s.URL()
}

// connect connects as the programs do.
func connect(t *testing.T, url, dir, name string, creds bool) *nats.Conn {
	t.Helper()
	o := bus.Options{Subjects: main, Name: name, URLs: []string{url}, NKey: filepath.Join(dir, name+".nk")}
	if creds {
		o.NKey, o.Creds = "", filepath.Join(dir, name+".creds")
	}
	b, err := bus.Connect(t.Context(), o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(b.Close)
	return b.Conn()
}

func cross(t *testing.T, nc *nats.Conn, name string, all []authority.User) {
	t.Helper()
	for _, c := range publishing {
		subject := expand(c.subject, all)
		if err := nc.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		judge(t, nc, name, "publish", `Publish to "`+subject+`"`, c)
	}
	for _, c := range subscribing {
		subject := expand(c.subject, all)
		s, err := nc.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		judge(t, nc, name, "subscribe to", `Subscription to "`+subject+`"`, c)
		_ = s.Unsubscribe() // a denied one has ended
	}
	if inbox := nc.NewInbox(); !strings.HasPrefix(inbox, bus.InboxPrefix(keyOf(name, all))+".") {
		t.Errorf("%s has the inbox %s", name, inbox)
	}
}

// judge compares what the server said to the last request with what it should say.
func judge(t *testing.T, nc *nats.Conn, name, verb, violation string, c crossing) {
	t.Helper()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	err := nc.LastError()
	denied := err != nil && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(violation))
	if may := slices.Contains(strings.Fields(c.who), name); may == denied {
		t.Errorf("%s: may %s %s: %v, want %v", name, verb, c.subject, !denied, may)
	}
}

func expand(subject string, all []authority.User) string {
	rest, ok := strings.CutPrefix(subject, "INBOX-")
	if !ok {
		return subject
	}
	name, rest, _ := strings.Cut(rest, ".")
	return bus.InboxPrefix(keyOf(name, all)) + "." + rest
}

func keyOf(name string, all []authority.User) string {
	for i := range all {
		if all[i].Name() == name {
			return all[i].Key
		}
	}
	return "UNKNOWN"
}

// TestKeys: seeds are made once, for their owner only; given keys leave no seed.
func TestKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "keys")
	first, again := users(), users()
	if err := authority.Equip(first, nil, dir); err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"client-app": first[8].Key}
	if err := authority.Equip(again, given, dir); err != nil {
		t.Fatal(err)
	}
	for i := range first {
		if name := first[i].Name(); name == "client-app" {
			if again[i].Key != first[8].Key || again[i].Seed != nil {
				t.Errorf("%s does not have the key that was given", name)
			}
		} else if again[i].Key != first[i].Key {
			t.Errorf("%s has another key after the second call", name)
		}
		info, err := os.Stat(filepath.Join(dir, first[i].Name()+".nk"))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("the seed of %s: %v, mode %v, want 0600", first[i].Name(), err, info.Mode())
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v, want 0700", err, info.Mode())
	}
	wrong := filepath.Join(dir, "client-app.nk")
	for text, users := range map[string][]authority.User{
		"is no public user nkey": {{Kind: authority.Client, ID: "x"}},
		"which is no user":       {{Kind: authority.Client, ID: "app"}},
		"named twice":            {{Kind: authority.Client, ID: "app"}, {Kind: authority.Client, ID: "app"}},
		wrong:                    {{Kind: authority.Client, ID: "app"}},
	} {
		given := map[string]string{"client-x": "UNONSENSE"}
		if text == wrong {
			given = nil
			if err := os.WriteFile(wrong, []byte("hello"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if text == "which is no user" || text == "named twice" {
			given = map[string]string{"client-y": first[0].Key}
		}
		if err := authority.Equip(users, given, dir); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want it to say %q", err, text)
		}
		if err := os.Remove(wrong); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
