package authority

import (
	"fmt"

	"github.com/synod-paxos/synod/bus"
)

// A Kind is what a NATS user is for.
type Kind string

const (
	Acceptor Kind = "acceptor"
	Proposer Kind = "proposer"
	Learner  Kind = "learner"
	Leaf     Kind = "leaf"     // a learner's second connection, which pushes messages to clients' inboxes
	Client   Kind = "client"   // uses all that the cluster offers to applications
	Bucket   Kind = "bucket"   // a client of one key-value bucket
	Operator Kind = "operator" // founds, changes, saves and restores the cluster
	Observer Kind = "observer" // sees the protocol and asks roles how they do, and changes nothing
)

// A User is a NATS user of one cluster.
type User struct {
	Kind   Kind
	ID     string   // of the node, or a name among its kind
	Bucket string   // for Bucket
	Bare   []string // for Proposer and Client: the streams' own subjects, served with --bare-subjects
	Key    string   // public nkey
	Seed   []byte   // nil: only its owner has it
}

// Name is what the user's files are called: "acceptor-a1".
func (u *User) Name() string { return string(u.Kind) + "-" + u.ID }

// Permissions are subjects, with NATS's wildcards. What is not named is denied.
type Permissions struct{ Publish, Subscribe []string }

// Permit is what u may do among users of the cluster.
func Permit(s bus.Subjects, u *User, users []User) Permissions {
	p := Permissions{Subscribe: []string{inbox(u)}}
	root := s.Root()
	switch u.Kind {
	case Acceptor, Proposer, Learner:
		p.permitRole(root, u, users)
	case Leaf:
		return Permissions{Publish: []string{"_INBOX.>"}}
	case Client:
		p.Publish = append([]string{root + "propose", root + "publish.>", root + "command.*", root + "api.>"}, u.Bare...)
	case Bucket:
		p.permitBucket(root, u.Bucket)
	case Operator:
		p.Publish = append(discovery(">"), root+"operator.>", root+"learner."+string(bus.BackupID)+".>", root+"learner."+string(bus.RestoreID)+".>")
		p.Subscribe = append(p.Subscribe, protocol(root)...)
	case Observer:
		p.Publish = append(discovery(">"), s.Status(), s.Status()+".>")
		p.Subscribe = append(p.Subscribe, protocol(root)...)
	}
	return p
}

// inbox is where answers to u arrive.
func inbox(u *User) string { return bus.InboxPrefix(u.Key) + ".>" }

// permitRole is a role's part: it speaks under its own id, and answers those who ask.
// Only the roles that answer clients reach the clients' inboxes, and only the role
// that serves a subject of theirs may subscribe to it.
func (p *Permissions) permitRole(root string, u *User, users []User) {
	p.Publish = []string{root + string(u.Kind) + "." + u.ID + ".>"}
	p.Subscribe = append(append(p.Subscribe, protocol(root)...), discovery("synod-"+string(u.Kind))...)
	switch u.Kind {
	case Acceptor:
		for i := range users {
			if k := users[i].Kind; k == Operator || k == Observer {
				p.Publish = append(p.Publish, inbox(&users[i]))
			}
		}
	case Proposer:
		p.Publish = append(p.Publish, "_INBOX.>")
		p.Subscribe = append(p.Subscribe, root+"propose", root+"publish.>", root+"command.*", root+"api.>", root+"operator.upgrade", root+"operator.skip")
		if len(u.Bare) > 0 { // it asks for the streams
			p.Publish, p.Subscribe = append(p.Publish, root+"api.STREAM.LIST"), append(p.Subscribe, u.Bare...)
		}
	case Learner:
		p.Publish = append(p.Publish, "_INBOX.>")
		p.Subscribe = append(p.Subscribe, root+"api.>")
	}
}

// permitBucket is what one bucket's clients publish: its keys, its typed commands, and
// what reads it. They cannot make, change or remove a bucket, not even this one.
func (p *Permissions) permitBucket(root, bucket string) {
	stream := "KV_" + bucket
	p.Publish = []string{root + "command." + stream, root + "api.$KV." + bucket + ".>"}
	for _, what := range []string{
		"STREAM.INFO.", "STREAM.PURGE.", "STREAM.MSG.GET.", "DIRECT.GET.",
	} {
		p.Publish = append(p.Publish, root+"api."+what+stream)
	}
	for _, what := range []string{"DIRECT.GET.%s.>", "CONSUMER.*.%s", "CONSUMER.*.%s.>", "CONSUMER.MSG.NEXT.%s.*", "FLOW.%s.>"} {
		p.Publish = append(p.Publish, root+"api."+fmt.Sprintf(what, stream))
	}
}

// protocol is all that roles say to each other.
func protocol(root string) []string {
	return []string{root + "proposer.>", root + "acceptor.>", root + "learner.>", root + "operator.>"}
}

// discovery is NATS's own subjects of micro services, of that name or of all.
func discovery(name string) []string {
	var subjects []string
	for _, verb := range []string{"PING", "INFO", "STATS"} {
		subjects = append(subjects, "$SRV."+verb)
		if name == ">" {
			subjects = append(subjects, "$SRV."+verb+".>")
			continue
		}
		subjects = append(subjects, "$SRV."+verb+"."+name, "$SRV."+verb+"."+name+".*")
	}
	return subjects
}
