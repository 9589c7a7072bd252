package jsapi

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/leaf"
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
	shares  bool // of many messages by name, if it has that form
}

// operations is everything that is served. It is filled in by init, because the
// operations look at it themselves.
var operations []operation

func init() {
	operations = []operation{
		{"info", "INFO", "account_info_response", (*request).account, false, false},
		{"stream_names", "STREAM.NAMES", "stream_names_response", (*request).names, false, false},
		{"stream_list", "STREAM.LIST", "stream_list_response", (*request).list, false, false},
		{"stream_info", "STREAM.INFO.*", "stream_info_response", (*request).info, false, false},
		{"msg_get", "STREAM.MSG.GET.*", "stream_msg_get_response", (*request).get, false, false},
		{"direct_get", "DIRECT.GET.*", "", (*request).direct, false, true},
		{"direct_get", "DIRECT.GET.*.>", "", (*request).directLast, true, false},
		{"consumer_create", "CONSUMER.CREATE.*", "consumer_create_response", (*request).createConsumer, false, false},
		{"consumer_create", "CONSUMER.CREATE.*.*", "consumer_create_response", (*request).createConsumer, false, false},
		{"consumer_create", "CONSUMER.CREATE.*.*.>", "consumer_create_response", (*request).createConsumer, false, false},
		{"consumer_info", "CONSUMER.INFO.*.*", "consumer_info_response", (*request).consumerInfo, false, false},
		{"consumer_delete", "CONSUMER.DELETE.*.*", "consumer_delete_response", (*request).deleteConsumer, false, false},
		{"consumer_names", "CONSUMER.NAMES.*", "consumer_names_response", (*request).consumerNames, false, false},
		{"consumer_list", "CONSUMER.LIST.*", "consumer_list_response", (*request).consumerList, false, false},
	}
	for _, r := range refused {
		operations = append(operations, operation{"refused_by_name", r.subject, r.kind, func(q *request) error { return notOffered(r.what) }, false, false})
	}
}

// refused is what a JetStream has and Synod has not: it is refused by name.
var refused = []struct{ subject, kind, what string }{
	{"CONSUMER.DURABLE.CREATE.*.*", "consumer_create_response", "durable consumers"},
	{"CONSUMER.PAUSE.*.*", "consumer_pause_response", "paused consumers"},
	{"CONSUMER.LEADER.STEPDOWN.*.*", "consumer_leader_stepdown_response", "leaders of consumers"},
	{"STREAM.LEADER.STEPDOWN.*", "stream_leader_stepdown_response", "leaders of streams: one leader serves all of them"},
	{"STREAM.PEER.REMOVE.*", "stream_remove_peer_response", "peers of streams: see `synod member`"},
	{"STREAM.SNAPSHOT.*", "stream_snapshot_response", "snapshots of single streams: see `synod backup`"},
	{"STREAM.RESTORE.*", "stream_restore_response", "snapshots of single streams: see `synod backup`"},
}

func notOffered(what string) error {
	return &streams.APIError{Code: 400, ErrCode: 10052, Description: "synod does not offer " + what}
}

// matches reports whether o serves a subject below the API prefix, and what the
// subject says after o's fixed tokens.
func (o *operation) matches(subject string) (tail string, ok bool) {
	fixed, wild, _ := strings.Cut(o.subject, "*")
	if wild == "" && !strings.HasSuffix(o.subject, "*") {
		return "", subject == o.subject
	}
	tail, ok = strings.CutPrefix(subject, fixed)
	if !ok || tail == "" {
		return "", false
	}
	want, have := strings.Count(wild, "."), strings.Count(tail, ".")
	return tail, have == want || have > want && strings.HasSuffix(wild, ">")
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
		if tail, ok := operations[i].matches(rest); ok {
			return i, tail
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

	link   *leaf.Link // by which the answer goes; nil: nats.go's connection
	chosen bool       // link is
	sent   bool       // something of the answer
	// keep is told the answer's header, up to which state it shows, and data; nil: nobody.
	keep func(header, data []byte)

	// then goes on without a view, when the answer is elsewhere; nil: all is answered.
	then func(context.Context) error
}

// publish sends one message of the answer, with the slot that it shows.
func (r *request) publish(m *nats.Msg) {
	if r.slot > 0 {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		m.Header[bus.SlotHeader] = []string{strconv.FormatUint(uint64(r.slot), 10)}
		if g := r.server.generation.Load(); g != 0 {
			m.Header[bus.GenerationHeader] = []string{strconv.FormatUint(g, 10)}
		}
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

// slotHeaderBytes is how much longer an answer is for its slot and generation, at most.
const slotHeaderBytes = 128

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
