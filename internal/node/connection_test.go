package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func valid() Connection { return Connection{Cluster: "main", Prefix: "synod"} }

func TestConnectionCheck(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Connection)
		want []string // the flag of each problem
	}{
		{"defaults", func(*Connection) {}, nil},
		{"several servers", func(c *Connection) { c.NATS = []string{"nats://a:4222", "tls://b", "c:4222"} }, nil},
		{"empty server", func(c *Connection) { c.NATS = []string{" "} }, []string{"--nats"}},
		{"http", func(c *Connection) { c.NATS = []string{"http://a"} }, []string{"--nats"}},
		{"no host", func(c *Connection) { c.NATS = []string{"nats://"} }, []string{"--nats"}},
		{"cluster", func(c *Connection) { c.Cluster = "a.b" }, []string{"--cluster"}},
		{"prefix", func(c *Connection) { c.Prefix = "a..b" }, []string{"--prefix"}},
		{"two ways to log in", func(c *Connection) { c.Creds, c.NKey = "f", "g" }, []string{"--creds, --nkey"}},
		{"a password for nobody", func(c *Connection) { c.PasswordFile = "f" }, []string{"--password-file"}},
		{"half of TLS", func(c *Connection) { c.TLSCert = "f" }, []string{"--tls-cert, --tls-key"}},
		{"everything", func(c *Connection) { c.Cluster, c.Prefix, c.TLSKey, c.NATS = "", "*", "k", []string{"x://y"} },
			[]string{"--nats", "--cluster", "--prefix", "--tls-cert, --tls-key"}},
	} {
		c := valid()
		test.edit(&c)
		errs := c.Check()
		if len(errs) != len(test.want) {
			t.Errorf("%s: %v, want %d problems", test.name, errs, len(test.want))
			continue
		}
		for i, want := range test.want {
			if !strings.HasPrefix(errs[i].Error(), want) {
				t.Errorf("%s: problem %q, want it to name %s", test.name, errs[i], want)
			}
		}
	}
}

// TestPasswordIsNotTold: a server's URL may hold one.
func TestPasswordIsNotTold(t *testing.T) {
	for _, server := range []string{"http://joe:hunter2@a", "nats://joe:hunter2@", "nats://joe:hunter2@a:port", "nats://joe:hunter2@a\x7f"} {
		c := valid()
		c.NATS = []string{server}
		err := errors.Join(c.Check()...)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want an error without the password", server, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SYNOD_PASSWORD", "from env")
	t.Setenv("SYNOD_TOKEN", "token from env")
	for _, test := range []struct {
		name            string
		edit            func(*Connection)
		password, token string
	}{
		{"a user's password", func(c *Connection) { c.User = "joe" }, "from env", ""},
		{"its file wins", func(c *Connection) { c.User, c.PasswordFile = "joe", file }, "from file", ""},
		{"nobody", func(*Connection) {}, "", "token from env"},
		{"token file", func(c *Connection) { c.TokenFile = file }, "", "from file"},
		{"credentials need no token", func(c *Connection) { c.Creds = "f" }, "", ""},
	} {
		c := valid()
		test.edit(&c)
		o, err := c.Options()
		if err != nil || o.Password != test.password || o.Token != test.token {
			t.Errorf("%s: password %q, token %q, %v; want %q and %q", test.name, o.Password, o.Token, err, test.password, test.token)
		}
	}
	c := valid()
	c.TokenFile = file + "-missing"
	if _, err := c.Options(); err == nil || !strings.Contains(err.Error(), "--token-file") {
		t.Errorf("a missing file: %v, want the flag named", err)
	}
}
