package bus

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
)

// natsContext is a context of the nats command-line tool, as far as it concerns a
// connection. The tool keeps it in $XDG_CONFIG_HOME/nats/context/<name>.json, with
// ~/.config for want of that variable.
type natsContext struct {
	URL         string `json:"url"`
	User        string `json:"user"`
	Password    string `json:"password"`
	Token       string `json:"token"`
	Creds       string `json:"creds"`
	NKey        string `json:"nkey"`
	UserJWT     string `json:"user_jwt"`
	UserSeed    string `json:"user_seed"`
	CA          string `json:"ca"`
	Cert        string `json:"cert"`
	Key         string `json:"key"`
	TLSFirst    bool   `json:"tls_first"`
	InboxPrefix string `json:"inbox_prefix"`

	// Refused, rather than left out quietly.
	SocksProxy string `json:"socks_proxy"`
	NSC        string `json:"nsc"`
	CertStore  string `json:"windows_cert_store"`
}

func loadContext(name string) (*natsContext, error) {
	if name == "" || strings.Contains(name, "..") || strings.ContainsAny(name, `/\`) {
		return nil, fmt.Errorf("NATS context %q: not the name of one", name)
	}
	dir, err := contextDir()
	if err != nil {
		return nil, fmt.Errorf("NATS context %q: %w", name, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no NATS context %q in %s (`nats context ls` shows them)", name, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("NATS context %q: %w", name, err)
	}
	c := &natsContext{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("NATS context %q: %w", name, err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("NATS context %q: %w", name, err)
	}
	return c, nil
}

func contextDir() (string, error) {
	root := os.Getenv("XDG_CONFIG_HOME")
	if root == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		root = filepath.Join(home, ".config")
	}
	return filepath.Join(root, "nats", "context"), nil
}

// check refuses what the tool understands and this package does not.
func (c *natsContext) check() error {
	var errs []error
	for _, f := range []struct{ field, value string }{
		{"socks_proxy", c.SocksProxy}, {"nsc", c.NSC}, {"windows_cert_store", c.CertStore},
	} {
		if f.value != "" {
			errs = append(errs, fmt.Errorf("%s is not supported", f.field))
		}
	}
	for _, f := range []struct{ field, value string }{
		{"password", c.Password}, {"token", c.Token}, {"creds", c.Creds}, {"nkey", c.NKey},
		{"user_jwt", c.UserJWT}, {"user_seed", c.UserSeed}, {"ca", c.CA}, {"cert", c.Cert}, {"key", c.Key},
	} {
		for _, scheme := range []string{"op://", "nsc://", "env://", "data:"} {
			if strings.HasPrefix(f.value, scheme) {
				errs = append(errs, fmt.Errorf("%s refers to %s..., which is not supported: name a file", f.field, scheme))
			}
		}
	}
	return errors.Join(errs...)
}

// fill puts c into the fields that o leaves open, and returns what has no field.
// Credentials in o, of any sort, replace all of c's.
func (c *natsContext) fill(o *Options) []nats.Option {
	if len(o.URLs) == 0 && c.URL != "" {
		o.URLs = strings.Split(c.URL, ",")
	}
	var options []nats.Option
	if c.TLSFirst {
		options = append(options, nats.TLSHandshakeFirst())
	}
	if c.InboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(c.InboxPrefix))
	}
	o.CA = cmp.Or(o.CA, expand(c.CA))
	if o.Cert == "" {
		o.Cert, o.Key = expand(c.Cert), expand(c.Key)
	}
	if o.User == "" && o.Token == "" && o.Creds == "" && o.NKey == "" {
		options = append(options, c.identify(o)...)
	}
	return options
}

// identify takes one way to say who connects, in the order of the nats tool.
func (c *natsContext) identify(o *Options) []nats.Option {
	switch {
	case c.User != "":
		o.User, o.Password = c.User, c.Password
	case c.Creds != "":
		o.Creds = expand(c.Creds)
	case c.NKey != "":
		o.NKey = expand(c.NKey)
	case c.UserJWT != "":
		return []nats.Option{nats.UserJWTAndSeed(c.UserJWT, c.UserSeed)}
	default:
		o.Token = c.Token
	}
	return nil
}

// expand knows ~, $VARIABLE and file:// in the name of a file.
func expand(file string) string {
	file = os.ExpandEnv(strings.TrimPrefix(file, "file://"))
	if rest, ok := strings.CutPrefix(file, "~"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return home + rest
		}
	}
	return file
}
