package jsapi

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// An operation is one kind of request.
type operation struct {
	name    string // for counting
	subject string // below the API prefix, as it is subscribed
	kind    string // type of the JSON answer; empty: answered with headers
	answer  func(*request) error
	simple  bool // of one message by name, unless there are wildcards
}

// operations is everything that is served. It is filled in by init, because the
// operations look at it themselves.
var operations []operation

func init() {
	operations = []operation{
		{"info", "INFO", "account_info_response", (*request).account, false},
		{"stream_names", "STREAM.NAMES", "stream_names_response", (*request).names, false},
		{"stream_list", "STREAM.LIST", "stream_list_response", (*request).list, false},
		{"stream_info", "STREAM.INFO.*", "stream_info_response", (*request).info, false},
		{"msg_get", "STREAM.MSG.GET.*", "stream_msg_get_response", (*request).get, false},
		{"direct_get", "DIRECT.GET.*", "", (*request).direct, false},
		{"direct_get", "DIRECT.GET.*.>", "", (*request).directLast, true},
	}
}

// find is the operation that serves subject, and what the subject says after the
// operation's fixed tokens; -1 for none.
func find(s bus.Subjects, subject string) (int, string) {
	relative, _ := s.Relative(subject)
	rest, ok := strings.CutPrefix(relative, "api.")
	if !ok {
		return -1, ""
	}
	for i := range operations {
		fixed, wild := strings.CutSuffix(operations[i].subject, "*.>")
		if wild {
			if tail, ok := strings.CutPrefix(rest, fixed); ok && strings.Contains(tail, ".") {
				return i, tail
			}
			continue
		}
		if fixed, wild = strings.CutSuffix(fixed, "*"); wild {
			if tail, ok := strings.CutPrefix(rest, fixed); ok && tail != "" && !strings.Contains(tail, ".") {
				return i, tail
			}
			continue
		}
		if rest == fixed {
			return i, ""
		}
	}
	return -1, ""
}

// request is one request on its way.
type request struct {
	server *Server
	op     *operation
	tail   string // the subject after the operation's fixed tokens: stream, and subject for the last form
	msg    *nats.Msg
	came   time.Time
	view   *streams.View
	slot   paxos.Slot // whose state the view shows; 0 without a view
}

// publish sends one message of the answer, with the slot that it shows.
func (r *request) publish(m *nats.Msg) {
	if r.slot > 0 {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		m.Header[bus.SlotHeader] = []string{strconv.FormatUint(uint64(r.slot), 10)}
	}
	r.server.publish(m)
}

// JetStream's errors of requests.
var (
	errBadRequest = &streams.APIError{Code: 400, ErrCode: 10003, Description: "bad request"}
	errTooLarge   = &streams.APIError{Code: 500, ErrCode: 10054, Description: "the answer does not fit one message of the NATS server: ask for less"}
)

func invalidJSON(err error) error {
	return &streams.APIError{Code: 400, ErrCode: 10025, Description: "invalid JSON: " + err.Error()}
}

// decode reads the request's JSON. No data at all is an empty request.
func (r *request) decode(v any) error {
	if len(r.msg.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.msg.Data, v); err != nil {
		return invalidJSON(err)
	}
	return nil
}

// failure is the error of an answer, in JetStream's form.
type failure struct {
	Type  string `json:"type,omitempty"`
	Error any    `json:"error"`
}

// typePrefix is what the type of every JSON answer starts with.
const typePrefix = "io.nats.jetstream.api.v1."

func (r *request) typeName() string { return typePrefix + r.op.kind }

// slotHeaderBytes is how much longer an answer is for its slot, at most.
const slotHeaderBytes = 64

// respond sends v as JSON.
func (r *request) respond(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(data)+slotHeaderBytes > r.server.bus.MaxPayload() {
		return errTooLarge
	}
	r.publish(&nats.Msg{Subject: r.msg.Reply, Data: data})
	return nil
}

// fail answers with err: as JSON, or where the answer is the message itself, as a
// status.
func (r *request) fail(err error) {
	var ours *bus.Error
	if r.op.kind == "" {
		code, description := statusOf(err)
		if errors.As(err, &ours) {
			r.status(code, description, bus.OutcomeHeader, string(ours.Outcome))
			return
		}
		r.status(code, description)
		return
	}
	f := failure{Type: r.typeName()}
	var theirs *streams.APIError
	switch {
	case errors.As(err, &ours):
		f.Error = ours
	case errors.As(err, &theirs):
		f.Error = theirs
	default:
		r.server.options.Log.Error("a read failed", "subject", r.msg.Subject, "err", err)
		f.Error = bus.NewError(bus.CodeFailed, "the read failed: see this learner's log")
	}
	data, err := json.Marshal(f)
	if err != nil {
		panic("jsapi: an error has no JSON: " + err.Error()) // strings and numbers always have
	}
	m := &nats.Msg{Subject: r.msg.Reply, Data: data}
	if ours != nil && ours.Outcome != "" {
		m.Header = nats.Header{bus.OutcomeHeader: {string(ours.Outcome)}}
	}
	r.publish(m)
}
