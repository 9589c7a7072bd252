package bus_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/bustest"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func publicKey(t *testing.T, k nkeys.KeyPair) string { return must[string](t)(k.PublicKey()) }

// userKey is an nkey: its public half, and a file with its seed.
func userKey(t *testing.T) (public, file string) {
	t.Helper()
	k := must[nkeys.KeyPair](t)(nkeys.CreateUser())
	return publicKey(t, k), writeFile(t, "user.nk", must[[]byte](t)(k.Seed()))
}

// issuer is an operator with one account, and the configuration of its servers.
type issuer struct {
	config  string
	account nkeys.KeyPair
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	operator := must[nkeys.KeyPair](t)(nkeys.CreateOperator())
	account := must[nkeys.KeyPair](t)(nkeys.CreateAccount())
	operatorJWT := must[string](t)(jwt.NewOperatorClaims(publicKey(t, operator)).Encode(operator))
	accountJWT := must[string](t)(jwt.NewAccountClaims(publicKey(t, account)).Encode(operator))
	return issuer{account: account, config: fmt.Sprintf(
		"operator: %s\nresolver: MEMORY\nresolver_preload: { %s: %s }", operatorJWT, publicKey(t, account), accountJWT)}
}

// creds is a file with a user JWT and its seed.
func (i issuer) creds(t *testing.T) string {
	t.Helper()
	user := must[nkeys.KeyPair](t)(nkeys.CreateUser())
	userJWT := must[string](t)(jwt.NewUserClaims(publicKey(t, user)).Encode(i.account))
	text := must[[]byte](t)(jwt.FormatUserConfig(userJWT, must[[]byte](t)(user.Seed())))
	return writeFile(t, "user.creds", text)
}

// a credentialCase is a server, who may connect to it, and who may not.
type credentialCase struct {
	name, config string
	right        bus.Options
	wrong        map[string]bus.Options
}

func credentialCases(t *testing.T) []credentialCase {
	public, seedFile := userKey(t)
	_, otherSeedFile := userKey(t)
	mine, other := newIssuer(t), newIssuer(t)
	return []credentialCase{{
		"user and password", `authorization { user: u, password: s3cret }`,
		bus.Options{User: "u", Password: "s3cret"},
		map[string]bus.Options{"password": {User: "u", Password: "s3cretive"}, "user": {User: "s3cret", Password: "s3cret"}, "nobody": {}},
	}, {
		"token", `authorization { token: s3cret }`,
		bus.Options{Token: "s3cret"},
		map[string]bus.Options{"token": {Token: "s3cretive"}, "nobody": {}},
	}, {
		"nkey", `authorization { users: [ { nkey: ` + public + ` } ] }`,
		bus.Options{NKey: seedFile},
		map[string]bus.Options{"nkey": {NKey: otherSeedFile}, "nobody": {}},
	}, {
		"creds", mine.config,
		bus.Options{Creds: mine.creds(t)},
		map[string]bus.Options{"issuer": {Creds: other.creds(t)}, "nobody": {}},
	}}
}

func TestCredentials(t *testing.T) {
	for _, c := range credentialCases(t) {
		t.Run(c.name, func(t *testing.T) {
			s := bustest.Configured(t, c.config)
			c.right.URLs = []string{s.URL()}
			b := bustest.ConnectWith(t, c.right)
			heard := listen(t, b)
			publish(t, b, heartbeat(1))
			receive(t, heard)
			for name, o := range c.wrong {
				o.URLs, o.Wait = []string{s.URL()}, true
				refused(t, name, o, "the server refuses these credentials")
			}
		})
	}
}

// refused wants Connect to fail at once, although it may wait, and to say want and
// no secret.
func refused(t *testing.T, name string, o bus.Options, want string) {
	t.Helper()
	log := newJournal()
	o.Subjects.Cluster, o.Log = "main", log.logger()
	b, err := bus.Connect(t.Context(), o)
	if err == nil {
		b.Close()
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("wrong %s: have %v, want it to say %q", name, err, want)
	}
	if text, _ := log.text(); strings.Contains(text+fmt.Sprint(err), "s3cret") {
		t.Errorf("wrong %s: a secret is told: %v\n%s", name, err, text)
	}
}

func TestUnreadableCredentialsAreNamed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	garbage := writeFile(t, "garbage", []byte("hello"))
	url := []string{bustest.Server(t).URL()}
	for _, o := range []bus.Options{
		{Creds: missing}, {NKey: missing}, {CA: missing}, {Cert: missing, Key: garbage}, {Cert: garbage, Key: missing},
	} {
		o.URLs = url
		refused(t, "file", o, missing)
	}
	for _, o := range []bus.Options{{NKey: garbage}, {CA: garbage}, {Cert: garbage, Key: garbage}, {Creds: garbage}} {
		o.URLs, o.Wait = url, true
		refused(t, "contents", o, "garbage")
	}
}

func TestTLS(t *testing.T) {
	c := bustest.NewCertificates(t)
	server := func(more string) []string {
		s := bustest.Configured(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q %s }", c.ServerCert, c.ServerKey, more))
		return []string{strings.Replace(s.URL(), "nats://", "tls://", 1)}
	}
	plain, mutual := server(""), server(fmt.Sprintf(", ca_file: %q, verify: true", c.CA))
	for _, o := range []bus.Options{
		{URLs: plain, CA: c.CA}, {URLs: mutual, CA: c.CA, Cert: c.ClientCert, Key: c.ClientKey},
	} {
		b := bustest.ConnectWith(t, o)
		if _, err := b.Conn().TLSConnectionState(); err != nil {
			t.Error(err)
		}
	}
	refused(t, "authority", bus.Options{URLs: plain, CA: c.OtherCA, Wait: true}, "certificate does not verify")
	refused(t, "no authority", bus.Options{URLs: plain, Wait: true}, "certificate does not verify")
	refused(t, "no client certificate", bus.Options{URLs: mutual, CA: c.CA, Wait: true}, "check the client's certificate")
	refused(t, "client certificate", bus.Options{URLs: mutual, CA: c.CA, Cert: c.ServerCert, Key: c.ServerKey, Wait: true}, "check the client's certificate")
	refused(t, "server without TLS", bus.Options{URLs: []string{bustest.Server(t).URL()}, CA: c.CA, Wait: true}, "one side wants TLS")
}

// natsContext stores a context of the nats command-line tool.
func natsContext(t *testing.T, fields map[string]any) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	dir := filepath.Join(home, "nats", "context")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text := must[[]byte](t)(json.Marshal(fields))
	if err := os.WriteFile(filepath.Join(dir, "mine.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return "mine"
}

func TestContexts(t *testing.T) {
	for _, c := range credentialCases(t) {
		t.Run(c.name, func(t *testing.T) {
			s := bustest.Configured(t, c.config)
			o := c.right
			name := natsContext(t, map[string]any{
				"description": "of the tests", "url": s.URL(),
				"user": o.User, "password": o.Password, "token": o.Token, "nkey": o.NKey, "creds": o.Creds,
			})
			bustest.ConnectWith(t, bus.Options{Context: name})
			if o.User != "" { // what is set beside the context wins
				refused(t, "user", bus.Options{Context: name, User: "other"}, "refuses these credentials")
			}
		})
	}
}

func TestContextWithTLSAndFiles(t *testing.T) {
	c := bustest.NewCertificates(t)
	s := bustest.Configured(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true, handshake_first: true }",
		c.ServerCert, c.ServerKey, c.CA))
	t.Setenv("CERTS", filepath.Dir(c.CA))
	name := natsContext(t, map[string]any{
		"url": s.URL(), "ca": c.CA, "cert": "$CERTS/client.pem", "key": "file://" + c.ClientKey, "tls_first": true,
		"inbox_prefix": "_INBOX_mine",
	})
	b := bustest.ConnectWith(t, bus.Options{Context: name})
	if inbox := b.Conn().NewInbox(); !strings.HasPrefix(inbox, "_INBOX_mine.") {
		t.Errorf("inboxes are called %s", inbox)
	}
}

func TestContextWithAUserJWT(t *testing.T) {
	i := newIssuer(t)
	s := bustest.Configured(t, i.config)
	text := must[[]byte](t)(os.ReadFile(i.creds(t)))
	key := must[nkeys.KeyPair](t)(nkeys.ParseDecoratedNKey(text))
	name := natsContext(t, map[string]any{
		"url":       s.URL(),
		"user_jwt":  must[string](t)(nkeys.ParseDecoratedJWT(text)),
		"user_seed": string(must[[]byte](t)(key.Seed())),
	})
	bustest.ConnectWith(t, bus.Options{Context: name})
}

func TestContextsThatCannotBeUsed(t *testing.T) {
	name := natsContext(t, map[string]any{"creds": "/no/such/file.creds"})
	for want, c := range map[string]string{
		"no/such/file.creds": name, "no NATS context \"other\"": "other", "NATS context \"../mine\"": "../mine",
	} {
		refused(t, "context", bus.Options{Context: c}, want)
	}
}
