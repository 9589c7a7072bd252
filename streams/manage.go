package streams

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// apiLevel is the level of JetStream's API that streams here have: per-message
// TTLs and delete markers are level 1.
const apiLevel = 1

// maxSequence bounds the sequences that a client may set, far below an overflow.
const maxSequence = 1 << 62

// A managementCall applies one management request to a stream, whose name comes
// from the subject.
type managementCall struct {
	subject string // up to the name of the stream
	kind    string // of the reply
	apply   func(w *work, name string, data []byte) Reply
}

// prefixManage is what each of their subjects begins with.
const prefixManage = prefixAPI + "STREAM."

var managementCalls = [...]managementCall{
	{"STREAM.CREATE.", typeCreate, (*work).createStream},
	{"STREAM.UPDATE.", typeUpdate, (*work).updateStream},
	{"STREAM.DELETE.", typeDelete, (*work).deleteStream},
	{"STREAM.PURGE.", typePurge, (*work).purgeStream},
	{"STREAM.MSG.DELETE.", typeRemove, (*work).deleteMessage},
}

// manage applies a management request, and reports whether subject is one.
func (w *work) manage(subject string, c *Message) (Reply, bool) {
	for i := range managementCalls {
		call := &managementCalls[i]
		name, ok := strings.CutPrefix(subject, call.subject)
		if !ok || strings.Contains(name, ".") {
			continue
		}
		var h headers
		h.parse(c.Header)
		if len(h.apiLevel) > 0 {
			if level, err := strconv.Atoi(string(h.apiLevel)); err != nil || level > apiLevel {
				return refuse(call.kind, errAPILevel), true
			}
		}
		return call.apply(w, name, c.Data), true
	}
	return Reply{}, false
}

// decode reads a request strictly: an unknown field is an error. No data at all is
// an empty request.
func decode(data []byte, v any) *APIError {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	for {
		err := d.Decode(v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return invalidJSON(err)
		}
	}
}

// isEmptyRequest reports whether data is no request at all: nothing, or {}.
func isEmptyRequest(data []byte) bool {
	if len(data) == 0 {
		return true
	}
	var v map[string]json.RawMessage
	return json.Unmarshal(data, &v) == nil && v != nil && len(v) == 0
}

func isJSONObjectOrArray(data []byte) bool {
	data = bytes.TrimLeft(data, " \t\r\n")
	return len(data) > 0 && (data[0] == '{' || data[0] == '[')
}

// State is JetStream's state of a stream.
type State struct {
	Msgs        uint64            `json:"messages"`
	Bytes       uint64            `json:"bytes"`
	FirstSeq    uint64            `json:"first_seq"`
	FirstTime   time.Time         `json:"first_ts"` // zero when there is no message
	LastSeq     uint64            `json:"last_seq"`
	LastTime    time.Time         `json:"last_ts"` // zero when there never was a message
	NumSubjects uint64            `json:"num_subjects,omitempty"`
	Subjects    map[string]uint64 `json:"subjects,omitempty"` // filled by readers that ask for it
	NumDeleted  uint64            `json:"num_deleted,omitempty"`
	Consumers   int               `json:"consumer_count"`
}

// publicState returns s in JetStream's form. firstTime is that of the first
// message, 0 when there is none.
func (s *streamState) publicState(firstTime int64) State {
	p := State{Msgs: s.msgs, Bytes: s.bytes, FirstSeq: s.first, LastSeq: s.last, NumSubjects: s.subjects}
	if s.msgs > 0 {
		p.FirstTime = toTime(firstTime)
		p.NumDeleted = s.last - s.first + 1 - s.msgs
	}
	if s.lastTime != 0 {
		p.LastTime = toTime(s.lastTime)
	}
	return p
}

func toTime(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// StreamInfo is JetStream's description of a stream.
type StreamInfo struct {
	Config  Config    `json:"config"`
	Created time.Time `json:"created"`
	State   State     `json:"state"`
	Time    time.Time `json:"ts"` // log time of the state
}

// describe answers a request that made or changed s.
func (w *work) describe(kind string, s *stream) Reply {
	var firstTime int64
	if s.state.msgs > 0 {
		m, ok := w.load(s, w.firstSeq(s))
		invariant(ok, "a stream's first message is in the message table")
		firstTime = m.time
	}
	return Reply{Data: mustJSON(struct {
		Type string `json:"type"`
		StreamInfo
		DidCreate bool `json:"did_create,omitempty"`
	}{
		typePrefix + kind,
		StreamInfo{Config: *s.config, Created: toTime(s.created), State: s.state.publicState(firstTime), Time: toTime(w.now)},
		kind == typeCreate,
	})}
}

func (w *work) createStream(name string, data []byte) Reply {
	var r configRequest
	if e := decode(data, &r); e != nil {
		return refuse(typeCreate, e)
	}
	c, e := r.completeNew(name)
	if e != nil {
		return refuse(typeCreate, e)
	}
	if s := w.m.byName[name]; s != nil {
		if !bytes.Equal(mustJSON(c), mustJSON(s.config)) {
			return refuse(typeCreate, errNameInUse)
		}
		return w.describe(typeCreate, s)
	}
	switch {
	case uint64(len(w.m.order)) >= w.m.globals.limits.Streams:
		return refuse(typeCreate, errTooManyStreams)
	case w.overlaps(c, nil):
		return refuse(typeCreate, errOverlap)
	}
	return w.describe(typeCreate, w.addStream(c))
}

// completeNew is complete for a stream that is to be called name.
func (r *configRequest) completeNew(name string) (*Config, *APIError) {
	switch {
	case r.Name != name:
		return nil, errMismatch
	case strings.ContainsAny(name, `\/`):
		return nil, errPathSeparator
	case r.Sealed:
		return nil, invalidConfig("stream configuration for create can not be sealed")
	case r.MirrorDirect && !isSet(r.Mirror):
		return nil, invalidConfig("stream has no mirror but does have mirror direct")
	}
	return r.complete()
}

// overlaps reports whether a subject of c belongs to another stream than self.
func (w *work) overlaps(c *Config, self *stream) bool {
	var ours routes
	ours.add(&stream{config: c})
	return w.m.routes.meet(&ours, self)
}

// addStream makes the stream of a checked configuration.
func (w *work) addStream(c *Config) *stream {
	m := w.m
	old := m.globals
	m.globals.nextStream++
	w.writeGlobals(old)
	s := newStream(old.nextStream, c, w.now)
	if c.FirstSeq > 0 {
		s.state.first, s.state.last = c.FirstSeq, c.FirstSeq-1
	}
	m.order = append(m.order, s)
	m.byName[c.Name] = s
	m.routes.add(s)
	w.writeConfig(s)
	w.touch(s)
	return s
}

// writeConfig replaces the stored configuration of s.
func (w *work) writeConfig(s *stream) {
	w.catalog = true
	w.key = appendPrefix(w.key[:0], tableConfig, s.id)
	w.record = appendConfig(w.record[:0], s.created, s.config)
	w.sum.sub(s.configSum)
	w.set(w.key, w.record)
	s.configSum = w.hash.pair(w.key, w.record)
	w.sum.add(s.configSum)
}

func (w *work) deleteStream(name string, data []byte) Reply {
	s := w.m.byName[name]
	switch {
	case !isEmptyRequest(data):
		return refuse(typeDelete, errNotEmptyRequest)
	case s == nil:
		return refuse(typeDelete, ErrStreamNotFound)
	case name == Ledger:
		return refuse(typeDelete, &APIError{500, 10050, Ledger + " can not be deleted"})
	}
	w.dropStream(s)
	return success(typeDelete)
}

func success(kind string) Reply {
	return Reply{Data: []byte(`{"type":"` + typePrefix + kind + `","success":true}`)}
}

// dropStream removes s and everything in it, without reading it.
func (w *work) dropStream(s *stream) {
	m := w.m
	w.catalog, s.dropped = true, true
	for _, table := range []byte{tableConfig, tableState} {
		w.key = appendPrefix(w.key[:0], table, s.id)
		w.delete(w.key)
	}
	w.removeRange(messageTables, s.id)
	w.removeRange(idTables, s.id)
	w.removeRange(ownerTables, s.id)
	w.sum.sub(s.configSum)
	w.sum.sub(s.stateSum)
	m.routes.remove(s)
	delete(m.byName, s.config.Name)
	for i := range m.order {
		if m.order[i] == s {
			m.order = append(m.order[:i:i], m.order[i+1:]...)
			break
		}
	}
}

func (w *work) purgeStream(name string, data []byte) Reply {
	var r purgeRequest
	if isJSONObjectOrArray(data) {
		if e := decode(data, &r); e != nil {
			return refuse(typePurge, e)
		}
		if r.Sequence > 0 && r.Keep > 0 || r.Sequence > maxSequence {
			return refuse(typePurge, errBadRequest)
		}
	}
	s := w.m.byName[name]
	switch {
	case s == nil:
		return refuse(typePurge, ErrStreamNotFound)
	case s.config.Sealed:
		return refuse(typePurge, errSealed)
	case s.config.DenyPurge:
		return refuse(typePurge, &APIError{500, 10110, "stream purge not permitted"})
	}
	var purged uint64
	w.inParts(job{kind: jobPurge, stream: s.id, purge: r}, func() { purged = w.purge(s, r) })
	return Reply{Data: fmt.Appendf(nil, `{"type":"%s","success":true,"purged":%d}`, typePrefix+typePurge, purged)}
}

func (w *work) deleteMessage(name string, data []byte) Reply {
	if isEmptyRequest(data) {
		return refuse(typeRemove, errBadRequest)
	}
	var r struct {
		Seq     uint64 `json:"seq"`
		NoErase bool   `json:"no_erase"` // erased bytes are not overwritten here
	}
	if e := decode(data, &r); e != nil {
		return refuse(typeRemove, e)
	}
	s := w.m.byName[name]
	switch {
	case s == nil:
		return refuse(typeRemove, ErrStreamNotFound)
	case s.config.Sealed:
		return refuse(typeRemove, errSealed)
	case s.config.DenyDelete:
		return refuse(typeRemove, &APIError{500, 10057, "message delete not permitted"})
	case !w.removeSeq(s, r.Seq):
		return refuse(typeRemove, sequenceNotFound(r.Seq))
	}
	return success(typeRemove)
}
