package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/authority"
	"github.com/synod-paxos/synod/internal/node/cli"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// permissionsCommand prints what nats-server needs to hold each to its part.
type permissionsCommand struct {
	Acceptors []string `env:"SYNOD_ACCEPTORS" placeholder:"ID" default:"a1,a2,a3" help:"Acceptors (${default})."`
	Proposers []string `env:"SYNOD_PROPOSERS" placeholder:"ID" default:"p1,p2" help:"Proposers (${default})."`
	Learners  []string `env:"SYNOD_LEARNERS" placeholder:"ID" default:"l1,l2" help:"Learners; each gets a leaf user too (${default})."`
	Clients   []string `env:"SYNOD_CLIENTS" placeholder:"NAME" default:"app" help:"Applications (${default})."`
	Buckets   []string `env:"SYNOD_BUCKET_CLIENTS" name:"bucket-clients" placeholder:"NAME=BUCKET" help:"Applications that use one bucket and nothing else."`
	Bare      []string `env:"SYNOD_STREAM_SUBJECTS" name:"stream-subjects" placeholder:"SUBJECT" help:"Subjects of streams that clients publish to directly, and proposers with --bare-subjects serve: orders.>"`
	Operators []string `env:"SYNOD_OPERATORS" placeholder:"NAME" default:"admin" help:"Operators (${default})."`
	Observers []string `env:"SYNOD_OBSERVERS" placeholder:"NAME" default:"watch" help:"Who sees everything and changes nothing (${default})."`

	Keys    string            `env:"SYNOD_KEYS" placeholder:"DIR" required:"" help:"Directory for the seeds: those that are there are used, the others made."`
	Public  map[string]string `env:"SYNOD_PUBLIC_KEYS" mapsep:"," placeholder:"USER=KEY" help:"Public nkeys of users who keep their seeds: acceptor-a1=UABC..."`
	Form    string            `env:"SYNOD_PERMISSIONS_FORM" enum:"users,account,jwt" default:"users" help:"${enum}: the server's users, an account of their own, or user JWTs (${default})."`
	Account string            `env:"SYNOD_ACCOUNT" default:"SYNOD" help:"Name of the account, for --form account and jwt (${default})."`

	Cluster string `env:"SYNOD_CLUSTER" default:"main" help:"Name of the cluster (${default})."`
	Prefix  string `env:"SYNOD_PREFIX" default:"synod" help:"What every subject of Synod starts with (${default})."`
}

// Help shows what to do with it.
func (c *permissionsCommand) Help() string {
	return `Prints a part of nats-server's configuration with one user for each role and each kind of client. With it a role speaks as itself only, clients reach the cluster's API only, and nobody reads another's answers. The seeds are files that only their owner reads, one for each user; give each process its own with --nkey (or --creds, with --form jwt). Run it again with more names to add users: nothing else changes.

Other programs of a user, such as nats, must use its inbox prefix: _INBOX. and its public key.

Examples:
  synod permissions --keys keys > permissions.conf
  synod permissions --keys keys --clients shop --bucket-clients web=sessions
  synod permissions --keys keys --stream-subjects 'orders.>,$KV.>'
  synod permissions --keys keys --form jwt > operator.conf
  acceptor --id a1 --data /var/lib/synod/a1 --nkey keys/acceptor-a1.nk
  nats --nkey keys/client-app.nk --inbox-prefix _INBOX.UABC... \
    req synod.main.propose hello`
}

// Check reports everything that is wrong with the flags.
func (c *permissionsCommand) Check() []error {
	var errs []error
	if err := c.subjects().Check(); err != nil {
		errs = append(errs, fmt.Errorf("--cluster, --prefix: %w", err))
	}
	for _, l := range c.lists() {
		for _, name := range l.names {
			if !paxos.NodeID(name).Valid() || l.kind == authority.Learner && slices.Contains(reserved, name) {
				errs = append(errs, fmt.Errorf("--%s %q: want 1 to %d of a-z, 0-9 and - (and no learner called %s)",
					l.flag, name, paxos.MaxNodeID, strings.Join(reserved, " or ")))
			}
		}
	}
	for _, b := range c.Buckets {
		name, bucket, ok := strings.Cut(b, "=")
		if !ok || !paxos.NodeID(name).Valid() || !validBucket(bucket) {
			errs = append(errs, fmt.Errorf("--bucket-clients %q: want NAME=BUCKET", b))
		}
	}
	for _, s := range c.Bare {
		if !streams.ValidFilter(s) || strings.ContainsAny(s, "\"\\") || streams.Collide(s, c.subjects().Root()+">") || streams.Collide(s, "_INBOX.>") || streams.Collide(s, "$SYS.>") || streams.Collide(s, "$SRV.>") {
			errs = append(errs, fmt.Errorf("--stream-subjects %q: want subjects of streams, none of Synod's or NATS's own", s))
		}
	}
	if c.Account == "" || strings.ContainsAny(c.Account, " \t\r\n\"") {
		errs = append(errs, fmt.Errorf("--account %q: want a name without blanks", c.Account))
	}
	return errs
}

var reserved = []string{string(bus.BackupID), string(bus.RestoreID)}

// validBucket is what JetStream takes for the name of a bucket.
func validBucket(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

func (c *permissionsCommand) subjects() bus.Subjects {
	return bus.Subjects{Prefix: c.Prefix, Cluster: c.Cluster}
}

// userList is one flag with names of users of a kind.
type userList struct {
	flag  string
	kind  authority.Kind
	names []string
}

func (c *permissionsCommand) lists() []userList {
	return []userList{
		{"acceptors", authority.Acceptor, c.Acceptors},
		{"proposers", authority.Proposer, c.Proposers},
		{"learners", authority.Learner, c.Learners},
		{"learners", authority.Leaf, c.Learners},
		{"clients", authority.Client, c.Clients},
		{"operators", authority.Operator, c.Operators},
		{"observers", authority.Observer, c.Observers},
	}
}

func (c *permissionsCommand) users() []authority.User {
	var users []authority.User
	for _, l := range c.lists() {
		for _, name := range l.names {
			u := authority.User{Kind: l.kind, ID: name}
			if l.kind == authority.Proposer || l.kind == authority.Client {
				u.Bare = c.Bare
			}
			users = append(users, u)
		}
	}
	for _, b := range c.Buckets {
		name, bucket, _ := strings.Cut(b, "=")
		users = append(users, authority.User{Kind: authority.Bucket, ID: name, Bucket: bucket})
	}
	return users
}

// Run makes the keys that are missing and prints the configuration.
func (c *permissionsCommand) Run(_ context.Context, s cli.Streams) error {
	users := c.users()
	if err := authority.Equip(users, c.Public, c.Keys); err != nil {
		return err
	}
	var text string
	var err error
	switch c.Form {
	case "jwt":
		text, err = authority.JWTs(c.subjects(), users, c.Account, c.Keys)
	case "account":
		text = authority.Account(c.subjects(), users, c.Account)
	default:
		text = authority.Authorization(c.subjects(), users)
	}
	if err == nil {
		_, err = fmt.Fprintf(s.Out, "# Users of the Synod cluster %q, below %q. Made by synod permissions.\n%s", c.Cluster, c.subjects().Root(), text)
	}
	return err
}
