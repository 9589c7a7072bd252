package node

import (
	"errors"
	"fmt"
	"strings"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/leaf"
)

// Leaf is the flags of a learner's leaf-node connection, over which it pushes messages
// to watchers. It may have credentials of its own, for a user that may publish to
// inboxes and nothing else.
type Leaf struct {
	URLs         []string `name:"leaf" env:"SYNOD_LEAF" placeholder:"URL" group:"leaf" help:"The NATS server's port for leaf nodes, such as nats-leaf://127.0.0.1:7422, comma-separated. Without it everything but watching works."`
	Creds        string   `name:"leaf-creds" env:"SYNOD_LEAF_CREDS" placeholder:"FILE" group:"leaf" help:"Credentials file with a user JWT and its seed (default for all of these: as without leaf)."`
	NKey         string   `name:"leaf-nkey" env:"SYNOD_LEAF_NKEY" placeholder:"FILE" group:"leaf" help:"File with the seed of an nkey."`
	User         string   `name:"leaf-user" env:"SYNOD_LEAF_USER" placeholder:"NAME" group:"leaf" help:"User name."`
	PasswordFile string   `name:"leaf-password-file" env:"SYNOD_LEAF_PASSWORD_FILE" placeholder:"FILE" group:"leaf" help:"File with the user's password (or set SYNOD_LEAF_PASSWORD)."`
	TokenFile    string   `name:"leaf-token-file" env:"SYNOD_LEAF_TOKEN_FILE" placeholder:"FILE" group:"leaf" help:"File with a token (or set SYNOD_LEAF_TOKEN)."`
	TLSCA        string   `name:"leaf-tls-ca" env:"SYNOD_LEAF_TLS_CA" placeholder:"FILE" group:"leaf" help:"Certificates that the server's must descend from."`
	TLSCert      string   `name:"leaf-tls-cert" env:"SYNOD_LEAF_TLS_CERT" placeholder:"FILE" group:"leaf" help:"The learner's certificate, for mutual TLS."`
	TLSKey       string   `name:"leaf-tls-key" env:"SYNOD_LEAF_TLS_KEY" placeholder:"FILE" group:"leaf" help:"The key of that certificate."`
}

// Check reports everything that is wrong with l, each problem with its flag. It reads
// no file.
func (l *Leaf) Check() []error {
	var errs []error
	for _, u := range l.URLs {
		if err := leaf.CheckURL(u); err != nil {
			errs = append(errs, fmt.Errorf("--leaf: %w", err))
		}
	}
	c := l.connection()
	for _, err := range c.checkCredentials() {
		errs = append(errs, errors.New(strings.ReplaceAll(err.Error(), "--", "--leaf-")))
	}
	if len(l.URLs) == 0 && l.own() {
		errs = append(errs, errors.New("--leaf-creds and the like: need --leaf"))
	}
	return errs
}

// connection is l as flags of a connection.
func (l *Leaf) connection() *Connection {
	return &Connection{
		NATS: l.URLs, Creds: l.Creds, NKey: l.NKey, User: l.User, PasswordFile: l.PasswordFile, TokenFile: l.TokenFile,
		TLSCA: l.TLSCA, TLSCert: l.TLSCert, TLSKey: l.TLSKey,
	}
}

// own reports whether l has credentials.
func (l *Leaf) own() bool {
	return l.Creds != "" || l.NKey != "" || l.User != "" || l.TokenFile != ""
}

// Options are l as the learner takes them, nil when there is to be no such connection.
// What l does not say is as in o, the learner's other connection. It reads the files
// with secrets.
func (l *Leaf) Options(o *bus.Options) (*leaf.Options, error) {
	if len(l.URLs) == 0 {
		return nil, nil
	}
	out := *o
	out.URLs = l.URLs
	if l.own() {
		own, err := l.connection().credentials("LEAF_")
		if err != nil {
			return nil, errors.New(strings.ReplaceAll(err.Error(), "--", "--leaf-"))
		}
		out.Creds, out.NKey, out.User, out.Password, out.Token = own.Creds, own.NKey, own.User, own.Password, own.Token
	}
	if l.TLSCA != "" {
		out.CA = l.TLSCA
	}
	if l.TLSCert != "" {
		out.Cert, out.Key = l.TLSCert, l.TLSKey
	}
	return &leaf.Options{Bus: out}, nil
}
