package streams

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A model is the state machine written as simply as possible: everything in memory,
// every question answered by a walk over all messages.
type model struct {
	slot      uint64
	now       int64
	limits    Limits
	version   uint64
	streams   []*modelStream // in the order of creation
	sessionID uint64
	token     uint64
}

type modelStream struct {
	cfg         Config
	msgs        []modelMessage // by seq
	first, last uint64
	floor       uint64
	lastTime    int64
	lastID      string
	ids         []modelID // by time
	idFloor     int64
	created     int64
	owners      []*modelOwner
}

type modelMessage struct {
	message
	seq uint64
}

func newModel(limits Limits) *model {
	limits = limits.withDefaults()
	m := &model{limits: limits, version: 1}
	m.streams = []*modelStream{{cfg: *ledgerConfig()}}
	return m
}

// apply returns for each command its sequence or minus the error's code, as int64,
// or the bytes of an outcome.
func (m *model) apply(stamp int64, commands []Message) []any {
	m.slot++
	m.now = max(m.now, stamp)
	budget := m.limits.Expiries
	for _, s := range m.streams {
		m.endIDs(s)
		m.expire(s, &budget)
	}
	var results []any
	for _, c := range commands {
		if name, ok := strings.CutPrefix(c.Subject, "command."); ok {
			results = append(results, m.typed(name, c.Data))
		} else {
			results = append(results, m.command(c))
		}
	}
	return results
}

func (m *model) find(name string) *modelStream {
	for _, s := range m.streams {
		if s.cfg.Name == name {
			return s
		}
	}
	return nil
}

func (m *model) command(c Message) int64 {
	if c.Subject == subjectUpgrade {
		m.version = max(m.version, uint64(c.Data[0]))
		return 0
	}
	subject, isAPI := strings.CutPrefix(c.Subject, "api.")
	if c.Subject != "propose" && !isAPI {
		return -10003
	}
	words := strings.Split(subject, ".")
	if words[0] == "STREAM" {
		return m.manage(strings.Join(words[1:len(words)-1], "."), words[len(words)-1], c.Data)
	}
	if !validSubject([]byte(subject)) {
		return -10003
	}
	for _, s := range m.streams {
		for _, own := range s.cfg.Subjects {
			if matches([]byte(own), []byte(subject)) {
				return m.publish(s, subject, c)
			}
		}
	}
	return -10059
}

func (m *model) manage(call, name string, data []byte) int64 {
	s := m.find(name)
	switch call {
	case "CREATE":
		return m.create(s, name, data)
	case "UPDATE":
		return m.update(s, name, data)
	case "DELETE":
		switch {
		case s == nil:
			return -10059
		case name == Ledger:
			return -10050
		}
		m.streams = slices.DeleteFunc(m.streams, func(o *modelStream) bool { return o == s })
		return 0
	case "PURGE":
		var r purgeRequest
		if len(data) > 0 {
			if json.Unmarshal(data, &r) != nil {
				return -10025
			}
		}
		switch {
		case r.Sequence > 0 && r.Keep > 0:
			return -10003
		case s == nil:
			return -10059
		case s.cfg.DenyPurge:
			return -10110
		}
		return int64(s.purge(r))
	}
	return m.delete(s, data)
}

func (m *model) delete(s *modelStream, data []byte) int64 {
	var r struct{ Seq uint64 }
	switch {
	case len(data) == 0:
		return -10003
	case json.Unmarshal(data, &r) != nil:
		return -10025
	case s == nil:
		return -10059
	case s.cfg.DenyDelete:
		return -10057
	case !s.remove(r.Seq):
		return -10043
	}
	return 0
}

func (m *model) create(s *modelStream, name string, data []byte) int64 {
	var r configRequest
	if e := decode(data, &r); e != nil {
		return -int64(e.ErrCode)
	}
	c, e := r.completeNew(name)
	switch {
	case e != nil:
		return -int64(e.ErrCode)
	case s != nil && !bytes.Equal(mustJSON(c), mustJSON(s.cfg)):
		return -10058
	case s != nil:
		return 0
	}
	s = &modelStream{cfg: *c, created: m.now}
	if c.FirstSeq > 0 {
		s.first, s.last = c.FirstSeq, c.FirstSeq-1
	}
	m.streams = append(m.streams, s)
	return 0
}

func (m *model) update(s *modelStream, name string, data []byte) int64 {
	var r configRequest
	if e := decode(data, &r); e != nil {
		return -int64(e.ErrCode)
	}
	c, e := r.complete()
	switch {
	case e != nil:
		return -int64(e.ErrCode)
	case c.Name != name:
		return -10056
	case s == nil:
		return -10059
	case c.checkChange(&s.cfg) != "":
		return -10052
	}
	m.endIDs(s)
	if m.version >= 3 && c.Duplicates > s.cfg.Duplicates {
		s.idFloor = max(s.idFloor, m.now-int64(s.cfg.Duplicates))
	}
	s.cfg = *c
	s.trim("")
	for _, subject := range s.subjects() {
		s.trim(subject)
	}
	return 0
}

func (s *modelStream) subjects() []string {
	var names []string
	for _, m := range s.msgs {
		names = append(names, string(m.subject))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// of returns the messages that a subject, which may have wildcards, matches.
func (s *modelStream) of(filter string) []modelMessage {
	var found []modelMessage
	for _, m := range s.msgs {
		if filter == "" || matches([]byte(filter), m.subject) {
			found = append(found, m)
		}
	}
	return found
}

func (s *modelStream) lastOf(subject string) uint64 {
	if found := s.of(subject); len(found) > 0 {
		return found[len(found)-1].seq
	}
	return 0
}

func (s *modelStream) size(m *message) uint64 {
	n := uint64(len(m.subject) + len(m.header) + len(m.data))
	switch {
	case s.cfg.Storage == "memory":
		return n + 16
	case len(m.header) > 0:
		return n + 34
	}
	return n + 30
}

func (s *modelStream) bytes() (n uint64) {
	for _, m := range s.msgs {
		n += s.size(&m.message)
	}
	return n
}

func (s *modelStream) remove(seq uint64) bool {
	i := slices.IndexFunc(s.msgs, func(m modelMessage) bool { return m.seq == seq })
	if i < 0 {
		return false
	}
	s.msgs = slices.Delete(slices.Clone(s.msgs), i, i+1)
	s.fixFirst()
	return true
}

func (s *modelStream) fixFirst() {
	if len(s.msgs) > 0 {
		s.first = s.msgs[0].seq
	} else {
		s.first = s.last + 1
	}
}

func (s *modelStream) append(m message) uint64 {
	s.last++
	s.lastTime = m.time
	s.msgs = append(s.msgs, modelMessage{m, s.last})
	s.fixFirst()
	return s.last
}

// trim removes what the limits do not allow, of one subject and of all.
func (s *modelStream) trim(subject string) {
	if per := s.cfg.MaxMsgsPer; per > 0 && subject != "" {
		for found := s.of(subject); len(found) > int(per); found = found[1:] {
			s.remove(found[0].seq)
		}
	}
	if s.cfg.Discard == "old" {
		for s.cfg.MaxMsgs > 0 && len(s.msgs) > int(s.cfg.MaxMsgs) || s.cfg.MaxBytes > 0 && s.bytes() > uint64(s.cfg.MaxBytes) {
			s.remove(s.first)
		}
	}
}

func (s *modelStream) purge(r purgeRequest) int {
	before := len(s.msgs)
	all := r.Filter == "" || r.Filter == ">"
	if r.Sequence == 1 {
		return 0
	}
	if all && r.Sequence > s.last {
		s.msgs = nil
		s.first, s.last = r.Sequence, r.Sequence-1
		return before
	}
	found := s.of(r.Filter)
	for i, m := range found {
		if (r.Sequence == 0 || m.seq < r.Sequence) && len(found)-i > int(r.Keep) {
			s.remove(m.seq)
		}
	}
	if all && r.Sequence == 0 && r.Keep == 0 {
		s.fixFirst()
	}
	return before - len(s.msgs)
}

func (m *model) publish(s *modelStream, subject string, c Message) int64 {
	p := message{time: m.now, subject: []byte(subject), header: c.Header, data: c.Data}
	var h headers
	h.parse(c.Header)
	seconds, validTTL := parseTTL(h.ttl)
	switch {
	case s.cfg.MaxMsgSize >= 0 && len(c.Header)+len(c.Data) > int(s.cfg.MaxMsgSize):
		return -10054
	case len(h.expectedStream) > 0 && string(h.expectedStream) != s.cfg.Name:
		return -10060
	case len(h.ttl) > 0 && seconds != 0 && !s.cfg.AllowMsgTTL:
		return -10166
	}
	if id := m.known(s, string(h.msgID)); id != nil && !id.ended {
		if id.seq == 0 {
			return -10158
		}
		return int64(id.seq)
	}
	if e := m.expected(s, subject, &h); e != 0 {
		return e
	}
	rollup := strings.ToLower(string(h.rollup))
	switch {
	case rollup != "" && (!s.cfg.AllowRollup || s.cfg.DenyPurge || rollup != "sub" && rollup != "all"):
		return -10111
	case !validTTL:
		return -10165
	}
	if least := int64(s.cfg.SubjectDeleteMarkerTTL / time.Second); seconds > 0 && seconds < least && s.cfg.MaxMsgsPer != 1 {
		seconds = least
		p.header = replaceField(p.header, "Nats-TTL", strconv.FormatInt(least, 10))
	}
	p.expires = expiryAfter(m.now, seconds)
	if len(h.msgID) > 0 && len(s.ids) >= int(m.limits.MessageIDs) {
		return -10023
	}
	if !s.hasRoom(&p, rollup) {
		return -10077
	}
	seq := s.append(p)
	s.lastID = string(h.msgID)
	if s.lastID != "" {
		s.ids = append(s.ids, modelID{id: s.lastID, seq: seq, time: m.now})
	}
	s.trim(subject)
	switch rollup {
	case "sub":
		s.purge(purgeRequest{Filter: subject, Keep: 1})
	case "all":
		s.purge(purgeRequest{Keep: 1})
	}
	return int64(seq)
}

func (m *model) expected(s *modelStream, subject string, h *headers) int64 {
	switch {
	case len(h.expectedSubjectSeq) > 0:
		if len(h.expectedSubjectSubject) > 0 {
			subject = string(h.expectedSubjectSubject)
		}
		if s.lastOf(subject) != parseSequence(h.expectedSubjectSeq) {
			return -10071
		}
	case len(h.expectedSubjectSubject) > 0:
		return -10193
	}
	switch {
	case len(h.expectedLastSeq) > 0 && parseSequence(h.expectedLastSeq) != s.last:
		return -10071
	case len(h.expectedLastMsgID) > 0 && string(h.expectedLastMsgID) != s.lastID:
		return -10070
	}
	return 0
}

func (s *modelStream) hasRoom(p *message, rollup string) bool {
	if s.cfg.Discard != "new" {
		return true
	}
	found := s.of(string(p.subject))
	replaces := s.cfg.MaxMsgsPer > 0 && len(found) >= int(s.cfg.MaxMsgsPer)
	switch {
	case replaces && s.cfg.DiscardNewPer && rollup == "":
		return false
	case s.cfg.MaxMsgs > 0 && len(s.msgs) >= int(s.cfg.MaxMsgs) && !replaces:
		return false
	case s.cfg.MaxBytes > 0 && s.bytes()+s.size(p) > uint64(s.cfg.MaxBytes):
		return replaces && s.size(&found[0].message) >= s.size(p)
	}
	return true
}

// expire does what is due, as long as the budget lasts.
func (m *model) expire(s *modelStream, budget *uint64) {
	for len(s.ids) > 0 && (s.ids[0].ended || s.ids[0].time+int64(s.cfg.Duplicates) <= m.now) && *budget > 0 {
		s.idFloor = max(s.idFloor, s.ids[0].time)
		s.ids = s.ids[1:]
		*budget--
	}
	m.expireOwners(s, budget)
	for s.cfg.MaxAge > 0 && *budget > 0 {
		i := slices.IndexFunc(s.msgs, func(x modelMessage) bool { return x.seq >= s.floor })
		if i < 0 || s.msgs[i].time+int64(s.cfg.MaxAge) > m.now {
			break
		}
		*budget--
		if s.msgs[i].expires == never {
			s.floor = s.msgs[i].seq + 1
			continue
		}
		m.end(s, s.msgs[i])
	}
	for *budget > 0 {
		due := slices.DeleteFunc(slices.Clone(s.msgs), func(x modelMessage) bool { return x.expires <= 0 || x.expires > m.now })
		if len(due) == 0 {
			break
		}
		slices.SortStableFunc(due, func(a, b modelMessage) int { return cmp.Compare(a.expires, b.expires) })
		*budget--
		m.end(s, due[0])
	}
}

// end expires one message.
func (m *model) end(s *modelStream, x modelMessage) {
	var h headers
	h.parse(x.header)
	ttl := s.cfg.SubjectDeleteMarkerTTL.Truncate(time.Second)
	marker := ttl > 0 && len(s.of(string(x.subject))) == 1 && !h.isMarker()
	s.remove(x.seq)
	if marker {
		header := fmt.Sprintf("NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: %s\r\nNats-Rollup: sub\r\n\r\n", ttl)
		s.append(message{time: m.now, expires: m.now + int64(ttl), subject: x.subject, header: []byte(header)})
		s.lastID = ""
	}
}

// nextDue returns when something is next due, 0 for nothing.
func (m *model) nextDue() int64 {
	var next int64
	earlier := func(at int64) {
		if next == 0 || at < next {
			next = at
		}
	}
	for _, s := range m.streams {
		if len(s.ids) > 0 && s.ids[0].ended {
			earlier(s.ids[0].time)
		} else if len(s.ids) > 0 {
			earlier(s.ids[0].time + int64(s.cfg.Duplicates))
		}
		for _, o := range s.owners {
			earlier(o.queued)
		}
		for _, x := range s.msgs {
			if s.cfg.MaxAge > 0 && x.expires != never {
				earlier(x.time + int64(s.cfg.MaxAge))
			}
			if x.expires > 0 {
				earlier(x.expires)
			}
		}
	}
	return next
}
