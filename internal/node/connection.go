package node

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// Connection is the flags that say how a program reaches NATS, and which cluster
// it means. Passwords and tokens have no flag, since flags are seen by everybody
// on the machine: they come from files, or from SYNOD_PASSWORD and SYNOD_TOKEN.
type Connection struct {
	NATS    []string `name:"nats" env:"SYNOD_NATS" placeholder:"URL" group:"nats" help:"NATS servers, comma-separated (default nats://127.0.0.1:4222)."`
	Cluster string   `env:"SYNOD_CLUSTER" default:"main" group:"nats" help:"Name of the cluster."`
	Prefix  string   `env:"SYNOD_PREFIX" default:"synod" group:"nats" help:"What every subject of Synod starts with."`

	Context      string `env:"SYNOD_CONTEXT" placeholder:"NAME" group:"nats" help:"A context of the nats command-line tool; other flags win over it."`
	Creds        string `env:"SYNOD_CREDS" placeholder:"FILE" group:"nats" help:"Credentials file with a user JWT and its seed."`
	NKey         string `name:"nkey" env:"SYNOD_NKEY" placeholder:"FILE" group:"nats" help:"File with the seed of an nkey."`
	User         string `env:"SYNOD_USER" placeholder:"NAME" group:"nats" help:"User name."`
	PasswordFile string `env:"SYNOD_PASSWORD_FILE" placeholder:"FILE" group:"nats" help:"File with the user's password (or set SYNOD_PASSWORD)."`
	TokenFile    string `env:"SYNOD_TOKEN_FILE" placeholder:"FILE" group:"nats" help:"File with a token (or set SYNOD_TOKEN)."`
	Inbox        string `name:"inbox-prefix" env:"SYNOD_INBOX_PREFIX" placeholder:"PREFIX" group:"nats" help:"What subjects of answers start with (default with an nkey or credentials: _INBOX.PUBLIC-KEY)."`
	TLSCA        string `name:"tls-ca" env:"SYNOD_TLS_CA" placeholder:"FILE" group:"nats" help:"Certificates that the server's must descend from."`
	TLSCert      string `name:"tls-cert" env:"SYNOD_TLS_CERT" placeholder:"FILE" group:"nats" help:"The client's certificate, for mutual TLS."`
	TLSKey       string `name:"tls-key" env:"SYNOD_TLS_KEY" placeholder:"FILE" group:"nats" help:"The key of the client's certificate."`
}

// Check reports everything that is wrong with c, each problem with its flag. It
// reads no file.
func (c *Connection) Check() []error {
	var errs []error
	for _, server := range c.NATS {
		if err := checkURL(server); err != nil {
			errs = append(errs, fmt.Errorf("--nats: %w", err))
		}
	}
	if !paxos.NodeID(c.Cluster).Valid() {
		errs = append(errs, fmt.Errorf("--cluster %q: want 1 to %d of a-z, 0-9 and -", c.Cluster, paxos.MaxNodeID))
	}
	if err := (bus.Subjects{Prefix: c.Prefix, Cluster: "main"}).Check(); err != nil {
		errs = append(errs, fmt.Errorf("--prefix: %w", err))
	}
	if err := (&bus.Options{Subjects: bus.Subjects{Cluster: "main"}, Inbox: c.Inbox}).Check(); err != nil {
		errs = append(errs, fmt.Errorf("--inbox-prefix: %w", err))
	}
	return append(errs, c.checkCredentials()...)
}

// checkURL keeps user and password out of its error.
func checkURL(server string) error {
	if strings.TrimSpace(server) == "" {
		return errors.New("an empty address")
	}
	if !strings.Contains(server, "://") {
		server = "nats://" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return errors.New("not a URL such as nats://127.0.0.1:4222")
	}
	switch u.Scheme {
	case "nats", "tls", "ws", "wss":
	default:
		return fmt.Errorf("scheme %q: want nats, tls, ws or wss", u.Scheme)
	}
	if u.Host == "" {
		return fmt.Errorf("%s names no host", u.Redacted())
	}
	return nil
}

func (c *Connection) checkCredentials() []error {
	var errs []error
	var who []string
	for _, w := range []struct {
		flag string
		set  bool
	}{
		{"--creds", c.Creds != ""},
		{"--nkey", c.NKey != ""},
		{"--user", c.User != ""},
		{"--token-file", c.TokenFile != ""},
	} {
		if w.set {
			who = append(who, w.flag)
		}
	}
	if len(who) > 1 {
		errs = append(errs, fmt.Errorf("%s: want only one of them", strings.Join(who, ", ")))
	}
	if c.PasswordFile != "" && c.User == "" {
		errs = append(errs, errors.New("--password-file: needs --user"))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		errs = append(errs, errors.New("--tls-cert, --tls-key: want both or neither"))
	}
	return errs
}

// Options are c as the bus takes them. It reads the files with secrets.
func (c *Connection) Options() (bus.Options, error) {
	o, err := c.credentials("")
	if err != nil {
		return bus.Options{}, err
	}
	o.Subjects = bus.Subjects{Prefix: c.Prefix, Cluster: c.Cluster}
	o.URLs, o.Context, o.Inbox = c.NATS, c.Context, c.Inbox
	o.CA, o.Cert, o.Key = c.TLSCA, c.TLSCert, c.TLSKey
	return o, nil
}

// credentials says who connects. Environment variables with secrets are called
// SYNOD_, infix and the secret.
func (c *Connection) credentials(infix string) (bus.Options, error) {
	o := bus.Options{Creds: c.Creds, NKey: c.NKey, User: c.User}
	var err error
	if c.User != "" {
		if o.Password, err = secret("--password-file", c.PasswordFile, "SYNOD_"+infix+"PASSWORD"); err != nil {
			return bus.Options{}, err
		}
	}
	if c.User == "" && c.Creds == "" && c.NKey == "" {
		if o.Token, err = secret("--token-file", c.TokenFile, "SYNOD_"+infix+"TOKEN"); err != nil {
			return bus.Options{}, err
		}
	}
	return o, nil
}

// secret is what the file holds, or else the environment variable.
func secret(flag, file, variable string) (string, error) {
	if file == "" {
		return os.Getenv(variable), nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
