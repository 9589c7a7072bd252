package bus

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/jsm.go/natscontext"
	"github.com/nats-io/nats.go"
)

// fromContext puts the servers of o's context of the nats command-line tool into o,
// unless o names its own, and returns the rest of the context as options. Credentials
// in o, of any sort, replace all of the context's, and its files the context's files.
func (o *Options) fromContext() ([]nats.Option, error) {
	c, err := natscontext.New(o.Context, true, o.inPlaceOfContext()...)
	switch {
	case errors.Is(err, natscontext.ErrNotFound):
		return nil, fmt.Errorf("no NATS context %q (`nats context ls` shows them)", o.Context)
	case err != nil:
		return nil, fmt.Errorf("NATS context %q: %w", o.Context, err)
	}
	options, err := c.NATSOptions()
	if err != nil {
		return nil, fmt.Errorf("NATS context %q: %w", o.Context, err)
	}
	if len(o.URLs) == 0 && c.ServerURL() != "" {
		o.URLs = strings.Split(c.ServerURL(), ",")
	}
	return append(options, o.inbox(c)...), nil
}

// inPlaceOfContext empties what o sets by itself.
func (o *Options) inPlaceOfContext() []natscontext.Option {
	var none []natscontext.Option
	if o.User != "" || o.Token != "" || o.Creds != "" || o.NKey != "" {
		none = append(none, natscontext.WithUser(""), natscontext.WithPassword(""), natscontext.WithToken(""),
			natscontext.WithCreds(""), natscontext.WithNKey(""), natscontext.WithUserJWT(""), natscontext.WithUserSeed(""))
	}
	if o.Cert != "" {
		none = append(none, natscontext.WithCertificate(""), natscontext.WithKey(""))
	}
	if o.CA != "" {
		none = append(none, natscontext.WithCA(""))
	}
	return none
}
