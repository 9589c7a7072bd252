package bus

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/paxos"
)

// Headers of answers to clients.
const (
	SlotHeader   = "Synod-Slot"   // slot in which the command was applied
	BallotHeader = "Synod-Ballot" // one ballot in which that slot was chosen
	// GenerationHeader is the generation of the cluster that answers. Who has seen a higher
	// one must not believe it: that cluster was restored elsewhere, or given up.
	GenerationHeader = "Synod-Generation"
	OutcomeHeader    = "Synod-Outcome" // of a command that is answered with an error: an Outcome
)

// Said is what an answer says in a header. A message that is read directly comes with
// the headers of whoever wrote it, first, and these may have any name.
func Said(h nats.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// StatusOf is the status of an answer to a direct read; empty when it is a message,
// which may have a header of that name itself.
func StatusOf(h nats.Header) string {
	if Said(h, "Nats-Sequence") != "" {
		return ""
	}
	return h.Get("Status")
}

// An Outcome says what became of a command that is answered with an error.
type Outcome string

const (
	// NotDone: this attempt was certainly not carried out, and will not be. It says
	// nothing of an earlier attempt with the same id.
	NotDone Outcome = "not-done"
	// Unknown: it may have been carried out, or may still be. Trying again with the
	// same id tells, and does it at most once.
	Unknown Outcome = "unknown"
)

// A Code is Synod's own err_code, beside those of JetStream, which are below 20000.
type Code int

// The codes, with the code in the manner of HTTP that goes with them and what became of the
// command. A client decides by Outcome whether it may try again without an id; by
// Code, whether that could help.
const (
	CodeOverloaded Code = 20001 // 503 not done: the leader's queue is full; try again later
	CodeNotLeader  Code = 20002 // 503 not done: leadership ended first; try again at once
	CodeTooLarge   Code = 20003 // 413 not done, never will be: it does not fit a message
	CodeNoProgress Code = 20004 // 503 not done: no quorum of acceptors, or no learner, answers in time
	CodeMalformed  Code = 20005 // 400 not done, never will be: no command
	CodeUnknown    Code = 20006 // 503 unknown: it was proposed, and no result is known
	CodeNotFresh   Code = 20007 // 503 not done: a read that could not be made linearizable in time
	CodeFailed     Code = 20008 // 500 not done: the state machine failed on it, and skipped it
	CodeNotAllowed Code = 20009 // 409 not done: an operator's order that would do harm now
	CodeNoPush     Code = 20010 // 503 not done: no learner can push messages to clients
)

var codes = map[Code]struct {
	status  int
	outcome Outcome
}{
	CodeOverloaded: {503, NotDone},
	CodeNotLeader:  {503, NotDone},
	CodeTooLarge:   {413, NotDone},
	CodeNoProgress: {503, NotDone},
	CodeMalformed:  {400, NotDone},
	CodeUnknown:    {503, Unknown},
	CodeNotFresh:   {503, NotDone},
	CodeFailed:     {500, NotDone},
	CodeNotAllowed: {409, NotDone},
	CodeNoPush:     {503, NotDone},
}

// Error is an error as JetStream's clients read it, with one field more.
type Error struct {
	Status      int     `json:"code"` // in the manner of HTTP
	Code        Code    `json:"err_code"`
	Description string  `json:"description"`
	Outcome     Outcome `json:"outcome,omitempty"` // empty in JetStream's own errors
}

// NewError is an error with the status and outcome that belong to code. The
// description is for people.
func NewError(code Code, format string, args ...any) *Error {
	c := codes[code]
	return &Error{Status: c.status, Code: code, Description: fmt.Sprintf(format, args...), Outcome: c.outcome}
}

func (e *Error) Error() string {
	if e.Outcome == "" {
		return e.Description
	}
	return fmt.Sprintf("%s (%s)", e.Description, e.Outcome)
}

// Ack is the JSON of an answer to a command: JetStream's PubAck, or its error form.
type Ack struct {
	Stream    string `json:"stream"`
	Seq       uint64 `json:"seq"`                 // 0 with an error
	Duplicate bool   `json:"duplicate,omitempty"` // the id was seen; Seq is that of the first
	Error     *Error `json:"error,omitempty"`
}

// Message is the answer a, for the inbox reply.
func (a Ack) Message(reply string) *nats.Msg {
	data, err := json.Marshal(a)
	if err != nil {
		panic("bus: an Ack has no JSON: " + err.Error()) // strings and numbers always have
	}
	m := &nats.Msg{Subject: reply, Data: data, Header: nats.Header{}}
	if a.Error != nil && a.Error.Outcome != "" {
		m.Header.Set(OutcomeHeader, string(a.Error.Outcome))
	}
	return m
}

// RefusalError is the error that tells a client of r.
func RefusalError(r paxos.Refusal) *Error {
	switch r.Reason {
	case paxos.Overloaded:
		return NewError(CodeOverloaded, "overloaded: the leader's queue is full, try again later")
	case paxos.NotLeader:
		return NewError(CodeNotLeader, "leadership ended before the command was proposed, try again")
	case paxos.TooLarge:
		return NewError(CodeTooLarge, "command of %d bytes is above the limit of %d bytes, which follows from the NATS server's max_payload",
			r.Command.Size(), r.Limit)
	case paxos.NoProgress:
		return NewError(CodeNoProgress, "no quorum of acceptors, or no learner, answers the leader in time")
	case paxos.NotAllowed:
		return NewError(CodeNotAllowed, "%s", r.Why)
	default:
		return NewError(CodeUnknown, "refused: %s", r.Reason)
	}
}

// refusals are what the JSON of an answer says after the name of the stream, by reason:
// of what a leader with too much to do says by the thousand.
var refusals = func() map[paxos.RefusalReason][]byte {
	tails := map[paxos.RefusalReason][]byte{}
	for _, reason := range []paxos.RefusalReason{paxos.Overloaded, paxos.NotLeader, paxos.NoProgress} {
		m := Ack{Error: RefusalError(paxos.Refusal{Reason: reason})}.Message("")
		tails[reason] = m.Data[len(refusalHead+`""`):]
	}
	return tails
}()

const refusalHead = `{"stream":`

// notDone is the header of all of them, which nobody changes.
var notDone = nats.Header{OutcomeHeader: {string(NotDone)}}

// RefusalMessage answers r's command; nil when nobody waits for an answer. Its header is
// shared with others.
func RefusalMessage(r paxos.Refusal) *nats.Msg {
	if r.Command.Reply == "" {
		return nil
	}
	stream := Stream(r.Command.Subject)
	tail, ok := refusals[r.Reason]
	if !ok {
		return Ack{Stream: stream, Error: RefusalError(r)}.Message(r.Command.Reply)
	}
	name, err := json.Marshal(stream)
	if err != nil {
		panic("bus: a stream's name has no JSON: " + err.Error()) // strings always have
	}
	return &nats.Msg{Subject: r.Command.Reply, Header: notDone, Data: slices.Concat([]byte(refusalHead), name, tail)}
}
