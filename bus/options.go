package bus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Options say how to reach NATS, and as whom. Only Subjects.Cluster has no default.
// At most one of Creds, NKey, Token and User names who connects.
type Options struct {
	Subjects Subjects
	Name     string   // of the connection, as NATS monitoring shows it: "acceptor a1"
	URLs     []string // servers of one NATS cluster; empty: those of Context, or nats.DefaultURL
	Context  string   // a context of the nats command-line tool; fields set here win over it

	User, Password string
	Token          string
	Creds          string // file with a user JWT and its nkey seed
	NKey           string // file with an nkey seed

	CA        string // file with the certificates that the server's must descend from; empty: the system's
	Cert, Key string // files with the client's certificate and key, for mutual TLS

	// Inbox is what the subjects of answers start with. Empty: InboxPrefix of the user's
	// public key with an nkey or credentials file, else the context's, else "_INBOX".
	Inbox string

	// Wait makes Connect wait until a server answers, and lets the connection outlive
	// refused credentials later on: for processes that may start before their server.
	// Without it Connect fails at once.
	Wait bool
	// AtOnce has whoever publishes a message write it to the socket. Otherwise another
	// goroutine does, with all that was published meanwhile: better for who has much to
	// send, and a wake-up more for who sends a message now and then.
	AtOnce bool
	// Log gets what happens to the connection; nil: slog.Default. No secret is logged.
	Log *slog.Logger
	// NATS are options that go before those of this package.
	NATS []nats.Option
}

const (
	dialTimeout  = 2 * time.Second
	pingInterval = 2 * time.Second // a server that is stopped, not dead, is left after three
	writeTimeout = 5 * time.Second // how long a publish may wait for the socket

	reconnectFirst = 20 * time.Millisecond // doubled with every round over the servers
	reconnectMost  = time.Second
)

// Check reports everything that is wrong with o, without reading a file.
func (o *Options) Check() error {
	return errors.Join(o.Subjects.Check(), o.checkCredentials())
}

func (o *Options) checkCredentials() error {
	var errs []error
	var who []string
	for _, w := range []struct{ name, value string }{
		{"a creds file", o.Creds}, {"an nkey file", o.NKey}, {"a token", o.Token}, {"a user", o.User},
	} {
		if w.value != "" {
			who = append(who, w.name)
		}
	}
	if len(who) > 1 {
		errs = append(errs, fmt.Errorf("credentials: %s are given, want one of them", strings.Join(who, " and ")))
	}
	if o.Password != "" && o.User == "" {
		errs = append(errs, errors.New("credentials: a password without a user"))
	}
	if strings.ContainsAny(o.Inbox, "*> \t\r\n") || strings.HasSuffix(o.Inbox, ".") || strings.HasPrefix(o.Inbox, "$") {
		errs = append(errs, fmt.Errorf("inbox prefix %q: want tokens with dots between, such as _INBOX.app", o.Inbox))
	}
	if (o.Cert == "") != (o.Key == "") {
		errs = append(errs, errors.New("TLS: want both a client certificate and its key, or neither"))
	}
	return errors.Join(errs...)
}

// servers is the URLs to try, comma-separated as nats.go takes them, and the
// connection options that o names. It fills o from its context.
func (o *Options) servers() (string, []nats.Option, error) {
	var options []nats.Option
	if o.Context != "" {
		var err error
		if options, err = o.fromContext(); err != nil {
			return "", nil, err
		}
	} else {
		options = o.inbox(nil)
	}
	if len(o.URLs) == 0 {
		o.URLs = []string{nats.DefaultURL}
	}
	if err := checkURLs(o.URLs); err != nil {
		return "", nil, err
	}
	own, err := o.credentials()
	return strings.Join(o.URLs, ","), append(options, own...), err
}

// Resolve returns the servers and the connection options that o stands for, read from
// its files and its context. bus/leaf connects with them in its own way.
func (o Options) Resolve() (urls []string, options []nats.Option, err error) {
	if err := o.checkCredentials(); err != nil {
		return nil, nil, err
	}
	_, options, err = o.servers()
	return o.URLs, append(options, o.NATS...), err
}

// checkURLs finds what is no address before an error of nats.go tells a password.
func checkURLs(urls []string) error {
	var errs []error
	for _, u := range urls {
		if !strings.Contains(u, "://") {
			u = "nats://" + u
		}
		var wrong *url.Error
		if _, err := url.Parse(u); errors.As(err, &wrong) {
			errs = append(errs, fmt.Errorf("NATS URL %s: %w", redact(u), wrong.Err))
		}
	}
	return errors.Join(errs...)
}

func (o *Options) credentials() ([]nats.Option, error) {
	for _, file := range []string{o.Creds, o.NKey, o.CA, o.Cert, o.Key} {
		if file == "" {
			continue
		}
		if _, err := os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("credentials: %w", err)
		}
	}
	var options []nats.Option
	switch {
	case o.Creds != "":
		options = append(options, nats.UserCredentials(o.Creds))
	case o.NKey != "":
		nkey, err := nats.NkeyOptionFromSeed(o.NKey)
		if err != nil {
			return nil, fmt.Errorf("nkey file %s: %w", o.NKey, err)
		}
		options = append(options, nkey)
	case o.Token != "":
		options = append(options, nats.Token(o.Token))
	case o.User != "":
		options = append(options, nats.UserInfo(o.User, o.Password))
	}
	if o.CA != "" {
		options = append(options, nats.RootCAs(o.CA))
	}
	if o.Cert != "" {
		if _, err := tls.LoadX509KeyPair(o.Cert, o.Key); err != nil {
			return nil, fmt.Errorf("client certificate %s with key %s: %w", o.Cert, o.Key, err)
		}
		options = append(options, nats.ClientCert(o.Cert, o.Key))
	}
	return options, nil
}

func (o *Options) log() *slog.Logger {
	if o.Log == nil {
		return slog.Default()
	}
	return o.Log
}
