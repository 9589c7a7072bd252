package bus

import (
	"errors"
	"fmt"
	"strings"

	"github.com/synod-paxos/synod/paxos"
)

// DefaultPrefix is the prefix of Subjects that name none.
const DefaultPrefix = "synod"

// Subjects names every NATS subject of one cluster, all of them below
// "<prefix>.<cluster>.":
//
//	proposer.<id>.prepare|accept|heartbeat|query|trim     proposer id to acceptors; accepts to learners too
//	proposer.<id>.handover.<to>                           proposer id to proposer to
//	proposer.<id>.member.<to>                             leader id to operator to
//	acceptor.<id>.promise|nack|report.<to>                acceptor id to proposer to
//	acceptor.<id>.accepted.<to>                           acceptor id to the ballot's proposer and all learners
//	acceptor.<id>.votes|read.<to>                         acceptor id to learner to
//	acceptor.<id>.genesis.<to>                            acceptor id to operator to
//	learner.<id>.fetch|read                               learner id to acceptors
//	learner.<id>.fill|applied|digest                      learner id to proposers; the last two to learners too
//	learner.<id>.snapshot|chunk.<to>                      learner id to learner to
//	learner.<id>.consumers                                learner id to learners, request-reply, JSON
//	<role>.<id>.hello                                     role id to those it works with
//	operator.init.<id>.<to>                               operator id to acceptor to, or to "_all"
//	operator.member|transfer.<id>                         operator id to proposers
//	operator.status                                       operators to every role, request-reply
//	publish.<subject>                                     clients to the leader: to the stream with this subject
//	propose, command.<stream>, api.>                      clients to the leader or the learners, request-reply
//
// So a permission to publish "<prefix>.<cluster>.acceptor.a1.>" is exactly the
// permission to speak as acceptor a1.
type Subjects struct {
	Prefix  string // may have dots; empty: DefaultPrefix
	Cluster string // 1 to 63 of a-z, 0-9 and '-'
}

// Ids of learners that are none, and that no learner may have: what an operator asks
// for a state as, and gives one to learners as.
const (
	BackupID  paxos.NodeID = "backup"
	RestoreID paxos.NodeID = "restore"
)

// allAcceptors stands for every acceptor; '_' is in no node id.
const allAcceptors = "_all"

// Check reports everything that is wrong with s.
func (s Subjects) Check() error {
	var errs []error
	if !validPrefix(s.prefix()) {
		errs = append(errs, fmt.Errorf("subject prefix %q: want tokens with dots between, without blanks, wildcards and NATS's own $ and _INBOX", s.Prefix))
	}
	if !paxos.NodeID(s.Cluster).Valid() {
		errs = append(errs, fmt.Errorf("cluster %q: want 1 to %d of a-z, 0-9 and -", s.Cluster, paxos.MaxNodeID))
	}
	return errors.Join(errs...)
}

func validPrefix(prefix string) bool {
	if strings.HasPrefix(prefix, "$") || strings.HasPrefix(prefix, "_INBOX") {
		return false
	}
	for token := range strings.SplitSeq(prefix, ".") {
		if token == "" || strings.ContainsAny(token, "*> \t\r\n\x00") {
			return false
		}
	}
	return true
}

func (s Subjects) prefix() string {
	if s.Prefix == "" {
		return DefaultPrefix
	}
	return s.Prefix
}

// Root is "<prefix>.<cluster>.", which every subject of the cluster starts with.
func (s Subjects) Root() string { return s.prefix() + "." + s.Cluster + "." }

// Propose is where clients send any bytes, to be appended to the stream LEDGER.
func (s Subjects) Propose() string { return s.Root() + "propose" }

// Command is where clients send typed commands for a stream; "*" for all.
func (s Subjects) Command(stream string) string { return s.Root() + "command." + stream }

// API is the JetStream API prefix of the cluster followed by rest, such as ">".
func (s Subjects) API(rest string) string { return s.Root() + "api." + rest }

// Consumers is where learner id asks the other learners about consumers of the
// JetStream API, which live in one learner each; "*" for all. It is no message of the
// protocol.
func (s Subjects) Consumers(id paxos.NodeID) string {
	return s.Root() + "learner." + string(id) + "." + consumersWord
}

const consumersWord = "consumers"

// Status is where operators ask every role for its state.
func (s Subjects) Status() string { return s.Root() + "operator.status" }

// Relative is subject without Root, and false for a subject of something else.
func (s Subjects) Relative(subject string) (string, bool) {
	rest, ok := strings.CutPrefix(subject, s.prefix())
	if !ok {
		return "", false
	}
	if rest, ok = strings.CutPrefix(rest, "."+s.Cluster); !ok {
		return "", false
	}
	return strings.CutPrefix(rest, ".")
}

// Subject is where e is published. It refuses, with an error that matches ErrWire,
// a message that e.From's role does not send, and one that lacks its receiver.
func (s Subjects) Subject(e paxos.Envelope) (string, error) {
	b, err := s.appendSubject(nil, &e)
	return string(b), err
}

func (s Subjects) appendSubject(b []byte, e *paxos.Envelope) ([]byte, error) {
	k := KindOf(e.Msg)
	if k == kindNone {
		return b, malformed("no subject for %T", e.Msg)
	}
	spec := &kindSpecs[k]
	if !mayStart(k, e.From.Role) {
		return b, malformed("%s sends no %T", e.From.Role, e.Msg)
	}
	to, err := receiver(e)
	if err != nil {
		return b, err
	}
	b = append(append(append(append(b, s.prefix()...), '.'), s.Cluster...), '.')
	if e.From.Role == paxos.OperatorRole {
		b = append(append(append(b, "operator."...), spec.word...), '.')
		b = append(b, e.From.ID...)
	} else {
		b = append(append(b, e.From.Role.String()...), '.')
		b = append(append(b, e.From.ID...), '.')
		b = append(b, spec.word...)
	}
	if spec.to {
		b = append(append(b, '.'), to...)
	}
	return b, nil
}

func mayStart(k Kind, role paxos.Role) bool {
	if k == kindHello {
		return role == paxos.ProposerRole || role == paxos.AcceptorRole || role == paxos.LearnerRole
	}
	return kindSpecs[k].role == role
}

// receiver is the last token of e's subject, if that has one.
func receiver(e *paxos.Envelope) (paxos.NodeID, error) {
	switch m := e.Msg.(type) {
	case paxos.Accepted:
		return m.Ballot.Proposer, nil
	case paxos.GenesisQuery, paxos.StoreGenesis, paxos.Seal, paxos.Abandon:
		if e.To == "" {
			return allAcceptors, nil
		}
	default:
		if e.To == "" && kindSpecs[KindOf(e.Msg)].to {
			return "", malformed("%T to nobody", e.Msg)
		}
	}
	return e.To, nil
}

// CheckSender refuses e, with an error that matches ErrSender, unless it may have
// been published to subject: the subject's role, id, word and receiver are those of
// e, and a proposer speaks only in ballots of its own.
func (s Subjects) CheckSender(subject string, e paxos.Envelope) error {
	var room [192]byte
	want, err := s.appendSubject(room[:0], &e)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSender, err)
	}
	if string(want) != subject {
		return fmt.Errorf("%w: %T of %s %s came on %q, want %q", ErrSender, e.Msg, e.From.Role, e.From.ID, subject, string(want))
	}
	if b := ownBallot(e.Msg); !b.IsZero() && b.Proposer != e.From.ID {
		return fmt.Errorf("%w: %T of proposer %s in ballot %s", ErrSender, e.Msg, e.From.ID, b)
	}
	return nil
}

// ErrSender is matched by the errors of CheckSender.
var ErrSender = errors.New("bus: message of another sender than its subject's")

// ownBallot is the ballot in which a proposer speaks with m; zero when in none.
func ownBallot(m paxos.Message) paxos.Ballot {
	switch m := m.(type) {
	case paxos.Prepare:
		return m.Ballot
	case paxos.Accept:
		return m.Ballot
	case paxos.Heartbeat:
		return m.Ballot
	case paxos.HandOver:
		return m.Ballot
	case paxos.Trim:
		return m.Ballot
	case paxos.Hello:
		return m.Leading
	default:
		return paxos.Ballot{}
	}
}

// Hears is what the role id subscribes to, to receive what it needs and as little
// else as subjects can tell apart. Each role hears its own hello too, to notice
// another process under its id.
func (s Subjects) Hears(role paxos.Role, id paxos.NodeID) []string {
	var words []string
	switch role {
	case paxos.AcceptorRole:
		words = []string{
			"proposer.*.*", // all but hand-overs
			"learner.*.fetch", "learner.*.read", "learner.*.hello",
			"acceptor.*.hello", // of another cluster too, which may have nothing else
			"operator.init.*." + string(id), "operator.init.*." + allAcceptors,
		}
	case paxos.ProposerRole:
		words = []string{
			"proposer.*.heartbeat", "proposer.*.hello", "proposer.*.handover." + string(id),
			"operator.member.*", "operator.transfer.*",
			"acceptor.*.*." + string(id), // promise, accepted, nack, report
			"acceptor.*.hello",
			"learner.*.fill", "learner.*.applied", "learner.*.digest", "learner.*.hello",
		}
	case paxos.LearnerRole:
		words = []string{
			"proposer.*.accept", "proposer.*.heartbeat",
			"acceptor.*.accepted.*", "acceptor.*.votes." + string(id), "acceptor.*.read." + string(id), "acceptor.*.hello",
			"learner.*.applied", "learner.*.digest", "learner.*.hello",
			"learner.*.*." + string(id), // snapshot, chunk
		}
	case paxos.OperatorRole:
		words = []string{"acceptor.*.genesis." + string(id), "proposer.*.member." + string(id)}
	}
	return s.rooted(words)
}

// Protocol is what an observer subscribes to, to see every message of the protocol
// and nothing of the clients.
func (s Subjects) Protocol() []string {
	return s.rooted([]string{"proposer.>", "acceptor.>", "learner.>", "operator.init.>", "operator.member.>", "operator.transfer.>"})
}

func (s Subjects) rooted(words []string) []string {
	for i, w := range words {
		words[i] = s.Root() + w
	}
	return words
}
