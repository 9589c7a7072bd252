package bus

import (
	"errors"
	"fmt"
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
// would be a new command, or speak in the name of the role that answers.
func (s Subjects) CommandFrom(m *nats.Msg) (paxos.Command, error) {
	subject, ok := s.Relative(m.Subject)
	if !ok {
		return paxos.Command{}, fmt.Errorf("%w: subject %q is not below %q", ErrCommand, m.Subject, s.Root())
	}
	if _, ours := s.Relative(m.Reply); ours {
		return paxos.Command{}, fmt.Errorf("%w: reply subject %q is one of Synod's own", ErrCommand, m.Reply)
	}
	return paxos.Command{Subject: subject, Reply: m.Reply, Header: EncodeHeader(m.Header), Data: m.Data}, nil
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
