package leaf_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
	"github.com/synod-paxos/synod/bus/leaf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// open opens a link, and its events.
func open(t *testing.T, o leaf.Options) (*leaf.Link, <-chan string) {
	t.Helper()
	changed := make(chan string, 1000)
	o.Changed = func(subject string) { changed <- subject }
	if o.Log == nil {
		o.Log = bustest.Quiet()
	}
	l := must[*leaf.Link](t)(leaf.Open(o))
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, changed
}

func to(urls ...string) leaf.Options { return leaf.Options{Bus: bus.Options{URLs: urls}} }

// await waits until ok, which is asked anew with every event.
func await(t *testing.T, changed <-chan string, what string, ok func() bool) {
	t.Helper()
	for timeout := time.After(patience); !ok(); {
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func up(t *testing.T, l *leaf.Link) {
	t.Helper()
	select {
	case <-l.Up():
	case <-time.After(patience):
		_, err := l.Connected()
		t.Fatalf("not connected: %v", err)
	}
}

const ack = "$JS.ACK.KV_b.c.1.7.1.1700000000000000000.0"

// TestPush: a message appears under the subject of the stored one, with a reply that
// no client may send, and with its headers or a status as they are.
func TestPush(t *testing.T) {
	s := bustest.ServerWith(t, bus.ServerOptions{LeafNodes: "127.0.0.1:0"})
	l, changed := open(t, to(s.LeafURL()))
	nc := bustest.Connect(t, s.URL()).Conn()
	inbox := nc.NewInbox()
	if l.Listens(inbox) {
		t.Error("somebody listens before anybody does")
	}
	sub := must[*nats.Subscription](t)(nc.SubscribeSync(inbox))
	up(t, l)
	await(t, changed, "interest in the inbox", func() bool { return l.Listens(inbox) })
	for _, m := range []struct{ reply, header, data, subject string }{
		{ack + "@$KV.b.k", "", "value", "$KV.b.k"},
		{ack + "@$KV.b.k", "NATS/1.0\r\nA: b\r\n\r\n", "value", "$KV.b.k"},
		{"", "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 3\r\n\r\n", "", inbox},
		{"some.reply", "NATS/1.0 100 FlowControl Request\r\n\r\n", "", inbox},
	} {
		if err := l.Push(inbox, m.reply, []byte(m.header), []byte(m.data)); err != nil {
			t.Fatal(err)
		}
		have := must[*nats.Msg](t)(sub.NextMsg(patience))
		reply, _, _ := strings.Cut(m.reply, "@")
		if have.Subject != m.subject || have.Reply != reply || string(have.Data) != m.data {
			t.Errorf("pushed %q, came %q %q %q", m, have.Subject, have.Reply, have.Data)
		}
		if strings.Contains(m.header, "100") != (have.Header.Get("Status") == "100") {
			t.Errorf("pushed %q, came headers %v", m.header, have.Header)
		}
	}
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	await(t, changed, "the loss of interest", func() bool { return !l.Listens(inbox) })
}

// TestInterestOfOthers: subscriptions with wildcards and in queue groups count, and
// only the last one that goes takes the interest away.
func TestInterestOfOthers(t *testing.T) {
	c := bustest.NewCluster(t)
	s := bustest.Configured(t, fmt.Sprintf(`leafnodes { listen: "127.0.0.1:-1" }
cluster { name: bustest, listen: "127.0.0.1:-1", routes: ["nats://%s"] }`, c.Server(0).NATS().ClusterAddr()))
	l, changed := open(t, to(s.LeafURL()))
	far := bustest.Connect(t, c.URLs()[1]).Conn() // behind a route
	near := bustest.Connect(t, s.URL()).Conn()
	a := must[*nats.Subscription](t)(far.SubscribeSync("_INBOX.x.*"))
	b := must[*nats.Subscription](t)(near.QueueSubscribeSync("_INBOX.x.1", "q"))
	up(t, l)
	await(t, changed, "interest", func() bool { return l.Listens("_INBOX.x.1") && l.Listens("_INBOX.x.2") })
	if l.Listens("_INBOX.x") || l.Listens("_INBOX.x.1.y") {
		t.Error("interest in what nobody subscribed")
	}
	if err := l.Push("_INBOX.x.2", ack+"@far", nil, []byte("data")); err != nil {
		t.Fatal(err)
	}
	if m := must[*nats.Msg](t)(a.NextMsg(patience)); m.Subject != "far" || m.Reply != ack {
		t.Errorf("behind a route came %q %q", m.Subject, m.Reply)
	}
	if err := a.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	await(t, changed, "the loss of one interest", func() bool { return !l.Listens("_INBOX.x.2") })
	if !l.Listens("_INBOX.x.1") {
		t.Error("the queue group's interest went with the other")
	}
	if err := b.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	await(t, changed, "the loss of all interest", func() bool { return !l.Listens("_INBOX.x.1") })
}

// TestReconnect goes to another server when one dies, forgets what the first told, and
// learns it anew.
func TestReconnect(t *testing.T) {
	one := bustest.ServerWith(t, bus.ServerOptions{LeafNodes: "127.0.0.1:0"})
	two := bustest.ServerWith(t, bus.ServerOptions{LeafNodes: "127.0.0.1:0"})
	nc := bustest.Connect(t, two.URL()).Conn()
	sub := must[*nats.Subscription](t)(nc.SubscribeSync("_INBOX.two"))
	gone := bustest.Connect(t, one.URL()).Conn()
	must[*nats.Subscription](t)(gone.SubscribeSync("_INBOX.one"))
	l, changed := open(t, to(one.LeafURL(), two.LeafURL()))
	await(t, changed, "interest at the first server", func() bool { return l.Listens("_INBOX.one") })
	one.Stop()
	await(t, changed, "interest at the second server", func() bool { return l.Listens("_INBOX.two") })
	up(t, l)
	if l.Listens("_INBOX.one") {
		t.Error("the first server's interest is remembered")
	}
	if err := l.Push("_INBOX.two", ack+"@s", nil, nil); err != nil {
		t.Fatal(err)
	}
	must[*nats.Msg](t)(sub.NextMsg(patience))
	if server, err := l.Connected(); err != nil || !strings.Contains(two.LeafURL(), strings.TrimPrefix(server, "nats-leaf://")) {
		t.Errorf("connected to %s, %v; want %s", server, err, two.LeafURL())
	}
	two.Stop()
	await(t, changed, "the loss of both", func() bool { _, err := l.Connected(); return err != nil })
	if err := l.Push("_INBOX.two", "", nil, nil); !errors.Is(err, leaf.ErrDisconnected) {
		t.Errorf("a push to nobody: %v", err)
	}
}

// TestBounded: a server that reads nothing does not fill the memory.
func TestBounded(t *testing.T) {
	s := bustest.ServerWith(t, bus.ServerOptions{LeafNodes: "127.0.0.1:0"})
	p := bustest.ProxyTo(t, s.LeafURL())
	l, _ := open(t, to(strings.Replace(p.URL(), "nats://", "nats-leaf://", 1)))
	up(t, l)
	if err := l.Push("_INBOX.x", "", nil, make([]byte, 2<<20)); !errors.Is(err, leaf.ErrTooLarge) {
		t.Errorf("above max_payload: %v", err)
	}
	p.Freeze()
	data := make([]byte, 512<<10)
	sent := 0
	for err := error(nil); err == nil; sent++ {
		if err = l.Push("_INBOX.x", "", nil, data); err != nil && !errors.Is(err, leaf.ErrFull) {
			t.Fatal(err)
		}
		if sent > 200 {
			t.Fatal("100 MiB are taken for a server that reads nothing")
		}
	}
	room := l.Drained()
	p.Thaw()
	select {
	case <-room:
	case <-time.After(patience):
		t.Fatal("no room although the server reads")
	}
	if err := l.Push("_INBOX.x", "", nil, data); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestWrongPort says so.
func TestWrongPort(t *testing.T) {
	s := bustest.ServerWith(t, bus.ServerOptions{LeafNodes: "127.0.0.1:0"})
	l, _ := open(t, to(s.URL()))
	awaitProblem(t, l, "another kind of connection")
}

// awaitProblem waits until the link says why it is not up. Attempts have no event of
// their own, so it asks for as long as it takes.
func awaitProblem(t *testing.T, l *leaf.Link, want string) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(patience)
	for {
		_, err := l.Connected()
		if err != nil && strings.Contains(err.Error(), want) {
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("a secret is told: %v", err)
			}
			return
		}
		select {
		case <-ticker.C:
		case <-timeout:
			t.Fatalf("the link says %v, want %q", err, want)
		}
	}
}

// TestBeside: an ordinary connection sends statuses as leaf nodes do, once what was
// collected is let go.
func TestBeside(t *testing.T) {
	s := bustest.Configured(t, "authorization { user: u, password: s3cret }")
	o := bus.Options{URLs: []string{s.URL()}, User: "u", Password: "s3cret"}
	b := bustest.ConnectWith(t, o)
	nc := b.Conn()
	sub := must[*nats.Subscription](t)(nc.SubscribeSync("_INBOX.x"))
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	l, _ := open(t, leaf.Options{Beside: b, Bus: o})
	up(t, l)
	for range 2 {
		if err := l.Collect("_INBOX.x", "", []byte("NATS/1.0 404 Message Not Found\r\n\r\n"), nil); err != nil {
			t.Fatal(err)
		}
	}
	l.Rest()
	for range 2 {
		if m := must[*nats.Msg](t)(sub.NextMsg(patience)); m.Header.Get("Status") != "404" || m.Header.Get("Description") != "Message Not Found" {
			t.Errorf("came %v", m.Header)
		}
	}
}

// TestBesideFollows: a link goes to the server to which the other connection went, and
// says meanwhile that it is not there.
func TestBesideFollows(t *testing.T) {
	one := bustest.ServerWith(t, bus.ServerOptions{})
	two := bustest.ServerWith(t, bus.ServerOptions{})
	o := bus.Options{URLs: []string{one.URL(), two.URL()}, NATS: []nats.Option{nats.DontRandomize()}}
	b := bustest.ConnectWith(t, o)
	l, changed := open(t, leaf.Options{Beside: b, Bus: o})
	await(t, changed, "a connection to the first server", l.Together)
	moved := make(chan struct{}, 1)
	b.Conn().SetReconnectHandler(func(*nats.Conn) { moved <- struct{}{} })
	if !b.Move() {
		t.Fatal("the other connection does not move")
	}
	select {
	case <-moved:
	case <-time.After(patience):
		t.Fatal("the other connection did not move")
	}
	if b.Conn().ConnectedServerId() != two.NATS().ID() {
		t.Fatal("the other connection is where it was")
	}
	await(t, changed, "a connection to the second server", l.Together)
}

// a credentialCase is a server's configuration, who may connect, and who may not.
type credentialCase struct {
	name, config string
	right, wrong bus.Options
}

func credentialCases(t *testing.T) []credentialCase {
	user := must[nkeys.KeyPair](t)(nkeys.CreateUser())
	public := must[string](t)(user.PublicKey())
	seed := file(t, "user.nk", must[[]byte](t)(user.Seed()))
	other := file(t, "other.nk", must[[]byte](t)(must[nkeys.KeyPair](t)(nkeys.CreateUser()).Seed()))
	config, creds := operatorMode(t)
	_, otherCreds := operatorMode(t)
	return []credentialCase{
		{"user and password", `leafnodes { listen: "127.0.0.1:-1", authorization { user: u, password: s3cret } }`,
			bus.Options{User: "u", Password: "s3cret"}, bus.Options{User: "u", Password: "s3cretive"}},
		{"token", `authorization { token: s3cret }
leafnodes { listen: "127.0.0.1:-1" }`, bus.Options{Token: "s3cret"}, bus.Options{Token: "s3cretive"}},
		{"nkey", `authorization { users: [ { nkey: ` + public + ` } ] }
leafnodes { listen: "127.0.0.1:-1" }`, bus.Options{NKey: seed}, bus.Options{NKey: other}},
		{"creds", config + `
leafnodes { listen: "127.0.0.1:-1" }`, bus.Options{Creds: creds}, bus.Options{Creds: otherCreds}},
	}
}

func file(t *testing.T, name string, data []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// operatorMode is a server's configuration with an account, and the credentials file
// of a user in it.
func operatorMode(t *testing.T) (config, creds string) {
	operator := must[nkeys.KeyPair](t)(nkeys.CreateOperator())
	account := must[nkeys.KeyPair](t)(nkeys.CreateAccount())
	public := must[string](t)(account.PublicKey())
	claims := jwt.NewAccountClaims(public)
	claims.Limits.LeafNodeConn = -1
	operatorJWT := must[string](t)(jwt.NewOperatorClaims(must[string](t)(operator.PublicKey())).Encode(operator))
	accountJWT := must[string](t)(claims.Encode(operator))
	user := must[nkeys.KeyPair](t)(nkeys.CreateUser())
	userJWT := must[string](t)(jwt.NewUserClaims(must[string](t)(user.PublicKey())).Encode(account))
	text := must[[]byte](t)(jwt.FormatUserConfig(userJWT, must[[]byte](t)(user.Seed())))
	return fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: { %s: %s }", operatorJWT, public, accountJWT),
		file(t, "user.creds", text)
}

func TestCredentials(t *testing.T) {
	for _, c := range credentialCases(t) {
		t.Run(c.name, func(t *testing.T) {
			s := bustest.Configured(t, c.config)
			c.right.URLs, c.wrong.URLs = []string{s.LeafURL()}, []string{s.LeafURL()}
			l, _ := open(t, leaf.Options{Bus: c.right})
			up(t, l)
			for _, o := range []bus.Options{c.wrong, {URLs: []string{s.LeafURL()}}} {
				l, _ := open(t, leaf.Options{Bus: o})
				awaitProblem(t, l, "refuses these credentials")
			}
		})
	}
}

// TestUserInURL: what a URL says wins.
func TestUserInURL(t *testing.T) {
	s := bustest.Configured(t, `leafnodes { listen: "127.0.0.1:-1", authorization { user: u, password: s3cret } }`)
	at := strings.TrimPrefix(s.LeafURL(), "nats-leaf://")
	l, _ := open(t, leaf.Options{Bus: bus.Options{URLs: []string{"nats-leaf://u:s3cret@" + at}, User: "other", Password: "other"}})
	up(t, l)
	if server, _ := l.Connected(); strings.Contains(server, "s3cret") {
		t.Errorf("a secret is told: %s", server)
	}
	wrong, _ := open(t, to("nats-leaf://u:s3cretive@"+at))
	awaitProblem(t, wrong, "refuses these credentials")
}

func TestTLS(t *testing.T) {
	c := bustest.NewCertificates(t)
	server := func(more string) []string {
		return []string{bustest.Configured(t, fmt.Sprintf(`leafnodes { listen: "127.0.0.1:-1", tls { cert_file: %q, key_file: %q %s } }`,
			c.ServerCert, c.ServerKey, more)).LeafURL()}
	}
	plain, mutual, first := server(""), server(fmt.Sprintf(", ca_file: %q, verify: true", c.CA)), server(", handshake_first: true")
	for _, o := range []bus.Options{
		{URLs: plain, CA: c.CA},
		{URLs: mutual, CA: c.CA, Cert: c.ClientCert, Key: c.ClientKey},
		{URLs: first, CA: c.CA, NATS: []nats.Option{nats.TLSHandshakeFirst()}},
	} {
		l, _ := open(t, leaf.Options{Bus: o})
		up(t, l)
	}
	insecure := []string{bustest.ServerWith(t, bus.ServerOptions{LeafNodes: "127.0.0.1:0"}).LeafURL()}
	for want, o := range map[string]bus.Options{
		"unknown authority":    {URLs: plain, CA: c.OtherCA},
		"certificate required": {URLs: mutual, CA: c.CA},
		"only one side":        {URLs: insecure, CA: c.CA, User: "u", Password: "s3cret"},
	} {
		l, _ := open(t, leaf.Options{Bus: o})
		awaitProblem(t, l, want)
	}
}

// TestNarrowUser: a user that may publish to inboxes, and nothing else, suffices. A
// push elsewhere reaches nobody, and ends nothing.
func TestNarrowUser(t *testing.T) {
	s := bustest.Configured(t, `authorization { users: [
	{ user: client, password: c },
	{ user: leaf, password: l, permissions: { publish: { allow: ["_INBOX.>"] }, subscribe: { deny: [">"] } } } ] }
leafnodes { listen: "127.0.0.1:-1" }`)
	nc := bustest.ConnectWith(t, bus.Options{URLs: []string{s.URL()}, User: "client", Password: "c"}).Conn()
	elsewhere := must[*nats.Subscription](t)(nc.SubscribeSync("elsewhere"))
	sub := must[*nats.Subscription](t)(nc.SubscribeSync("_INBOX.x"))
	l, changed := open(t, leaf.Options{Bus: bus.Options{URLs: []string{s.LeafURL()}, User: "leaf", Password: "l"}})
	up(t, l)
	await(t, changed, "interest", func() bool { return l.Listens("_INBOX.x") })
	if l.Listens("elsewhere") {
		t.Error("the leaf hears of what it may not publish to")
	}
	lost := l.Lost()
	for _, to := range []string{"_INBOX.x", "elsewhere"} {
		if err := l.Push(to, ack+"@s", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	must[*nats.Msg](t)(sub.NextMsg(patience))
	select {
	case <-lost: // the server ends it: what came after would be lost
	case <-time.After(patience):
		t.Error("the server takes what the leaf may not publish to")
	}
	if n, _, err := elsewhere.Pending(); n != 0 || err != nil {
		t.Errorf("%d messages came elsewhere, %v", n, err)
	}
}

// TestWrongOptions are told at once.
func TestWrongOptions(t *testing.T) {
	for want, o := range map[string]bus.Options{
		"scheme":      {URLs: []string{"ws://127.0.0.1"}},
		"not a URL":   {URLs: []string{"nats-leaf://"}},
		"missing":     {URLs: []string{"nats-leaf://h"}, Creds: "/missing"},
		"one of them": {URLs: []string{"nats-leaf://h"}, Token: "t", User: "u"},
	} {
		if _, err := leaf.Open(leaf.Options{Bus: o, Log: bustest.Quiet()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have %v, want %q", err, want)
		}
	}
}
