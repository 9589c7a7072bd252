package bus

import (
	"os"

	"github.com/nats-io/jsm.go/natscontext"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// InboxPrefix is what the inboxes of the user with this public nkey start with. A NATS
// user that may subscribe below it and below no other inbox reads nobody else's
// answers; all programs use it once they connect with an nkey or a credentials file.
func InboxPrefix(publicKey string) string { return "_INBOX." + publicKey }

// inbox makes the connection's inboxes those of Options.Inbox, of the user that o
// names, or of c, the context of o, if there is one; in this order.
func (o *Options) inbox(c *natscontext.Context) []nats.Option {
	prefix := o.Inbox
	if prefix == "" {
		prefix = inboxOf(o.Creds, o.NKey)
	}
	if prefix == "" && c != nil {
		prefix = c.InboxPrefix()
	}
	if prefix == "" && c != nil {
		prefix = inboxOf(c.Creds(), c.NKey())
	}
	if prefix == "" && c != nil {
		if key, err := nkeys.FromSeed([]byte(c.UserSeed())); err == nil {
			prefix = inboxOfKey(key)
		}
	}
	if prefix == "" {
		return nil
	}
	return []nats.Option{nats.CustomInboxPrefix(prefix)}
}

// inboxOf is the prefix of the user whose seed is in the first file that has one.
func inboxOf(files ...string) string {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // whoever reads it for what it is says what is wrong
		}
		if key, err := nkeys.ParseDecoratedNKey(text); err == nil {
			return inboxOfKey(key)
		}
	}
	return ""
}

func inboxOfKey(key nkeys.KeyPair) string {
	public, err := key.PublicKey()
	if err != nil {
		return ""
	}
	return InboxPrefix(public)
}
