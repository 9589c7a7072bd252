package leaf

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// Options say where a Link connects, and as whom.
type Options struct {
	// Bus has the credentials, and the files for TLS. Of its URLs those are tried that
	// have one of the schemes nats-leaf, nats and tls, with tls asking for TLS. A user
	// and a password in a URL win over the credentials.
	Bus bus.Options
	// Beside makes it a client connection instead of a leaf node's, to the server that
	// this one is connected to, whichever that is. Of Bus's URLs the first then says what
	// its address does not: the scheme, and a user.
	Beside *bus.Bus
	// Name is what the server calls it. It must be unique: a second leaf node of the
	// same name takes the place of the first.
	Name string
	// Changed is called when subscribers of subject, which may have wildcards, came or
	// went, and with "" when any may have: after a connection and after its loss. It
	// must not block.
	Changed func(subject string)
	Log     *slog.Logger // nil: slog.Default
}

// The time that steps of a connection may take.
const (
	dialTimeout      = 2 * time.Second
	handshakeTimeout = 5 * time.Second
	writeTimeout     = 10 * time.Second
	pingInterval     = 2 * time.Second // three unanswered end the connection

	reconnectFirst = 20 * time.Millisecond // doubled with every round over the servers
	reconnectMost  = time.Second
)

// defaultPort is where nats-server listens for leaf nodes, and for clients.
func (o *Options) defaultPort() string {
	if o.Beside != nil {
		return "4222"
	}
	return "7422"
}

// Check reports what is wrong with o, as Open would.
func (o Options) Check() error {
	_, _, err := o.parse()
	return err
}

// parse turns the options into addresses and the credentials as nats.go reads them.
func (o *Options) parse() ([]*url.URL, *nats.Options, error) {
	b := o.Bus
	servers, options, err := b.Resolve()
	if err != nil {
		return nil, nil, err
	}
	resolved := nats.GetDefaultOptions()
	for _, option := range options {
		if err := option(&resolved); err != nil {
			return nil, nil, err
		}
	}
	var urls []*url.URL
	var errs []error
	for _, s := range servers {
		u, err := o.address(s)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		urls = append(urls, u)
	}
	if len(urls) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("no address"))
	}
	return urls, &resolved, errors.Join(errs...)
}

// CheckURL refuses what is no address of a leaf-node port. Its error tells no password.
func CheckURL(server string) error {
	_, err := (&Options{}).address(server)
	return err
}

// address is server with a port. Its errors tell no password.
func (o *Options) address(server string) (*url.URL, error) {
	if !strings.Contains(server, "://") {
		server = "nats://" + server
	}
	u, err := url.Parse(strings.TrimSpace(server))
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("not a URL such as nats-leaf://127.0.0.1:7422")
	}
	switch u.Scheme {
	case "nats-leaf", "nats", "tls":
	default:
		return nil, fmt.Errorf("scheme %q: want nats-leaf, nats or tls", u.Scheme)
	}
	u.Host = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), o.defaultPort()))
	return u, nil
}
