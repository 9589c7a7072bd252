package bus

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/paxos"
)

// ErrCommand is matched by every refusal of CommandFrom. Nothing of the command was
// done.
var ErrCommand = errors.New("bus: malformed command")

// CommandFrom is the command that a client's message m asks for. Its Subject is
// relative to the cluster's. The command shares m.Data.
//
// A reply subject that is a subject of the cluster itself is refused: the answer
// would be a new command, or speak in the name of the role that answers. So are headers
// that cannot be read: without them the command might be another one, such as one that
// is done whatever the last revision is.
func (s Subjects) CommandFrom(m *nats.Msg) (paxos.Command, error) {
	if headerLost(m) {
		return paxos.Command{}, errHeader
	}
	subject, ok := s.Relative(m.Subject)
	if !ok {
		return paxos.Command{}, fmt.Errorf("%w: subject %q is not below %q", ErrCommand, m.Subject, s.Root())
	}
	if _, ours := s.Relative(m.Reply); ours {
		return paxos.Command{}, fmt.Errorf("%w: reply subject %q is one of Synod's own", ErrCommand, m.Reply)
	}
	if tail, ok := strings.CutPrefix(subject, publishPrefix); ok {
		return publish(tail, m)
	}
	return paxos.Command{Subject: subject, Reply: m.Reply, Header: EncodeHeader(m.Header), Data: m.Data}, nil
}

// PublishFrom is the command of a message that a client published to a stream's own
// subject.
func (s Subjects) PublishFrom(m *nats.Msg) (paxos.Command, error) {
	if headerLost(m) {
		return paxos.Command{}, errHeader
	}
	if _, ours := s.Relative(m.Reply); ours {
		return paxos.Command{}, fmt.Errorf("%w: reply subject %q is one of Synod's own", ErrCommand, m.Reply)
	}
	return publish(m.Subject, m)
}

var errHeader = fmt.Errorf("%w: its headers cannot be read", ErrCommand)

// headerLost reports whether m came with headers that nats.go could not read: it hands on
// what is left of the message.
func headerLost(m *nats.Msg) bool {
	return m.Header == nil && m.Size() > len(m.Subject)+len(m.Reply)+len(m.Data)
}

// publishPrefix is what a stream's subject follows where all of them can be published to.
const publishPrefix = "publish."

// requests are the first tokens of the API's requests: whoever may publish to streams
// may not manage them.
var requests = []string{"STREAM", "CONSUMER", "DIRECT", "INFO", "ACCOUNT", "META", "SERVER"}

func publish(subject string, m *nats.Msg) (paxos.Command, error) {
	if first, _, _ := strings.Cut(subject, "."); slices.Contains(requests, first) {
		return paxos.Command{}, fmt.Errorf("%w: %q is no subject of a stream", ErrCommand, subject)
	}
	return paxos.Command{Subject: "api." + subject, Reply: m.Reply, Header: EncodeHeader(m.Header), Data: m.Data}, nil
}

// Stream is the name of the stream that a command's relative subject writes to, as
// far as the subject tells: "LEDGER" for proposals. It is empty when it does not.
func Stream(relative string) string {
	if relative == "propose" {
		return ledger
	}
	if stream, ok := strings.CutPrefix(relative, "command."); ok {
		return stream
	}
	if key, ok := strings.CutPrefix(relative, "api.$KV."); ok {
		bucket, _, _ := strings.Cut(key, ".")
		return "KV_" + bucket
	}
	return ""
}
