package jsapi

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/streams"
)

// Answers with headers are put together in NATS's wire form, and go by a connection
// that takes them as they are. A map of headers for each, which nats.go makes bytes of,
// costs more than to find the message.

// way chooses how the messages of the next answers go: all by one connection, so that
// none overtakes another. nil is nats.go's.
func (s *Server) way() *leaf.Link {
	if l := s.options.Link; l != nil && l.Together() {
		return l
	}
	return nil
}

// send sends one message of the answer. rest must follow the last.
func (r *request) send(header, data []byte) {
	if !r.chosen {
		r.chosen, r.link = true, r.server.way()
	}
	if r.link == nil {
		r.sendByNATS(header, data)
		return
	}
	err := r.link.Collect(r.msg.Reply, "", header, data)
	for errors.Is(err, leaf.ErrFull) {
		r.link.Rest()
		select {
		case <-r.link.Drained():
			err = r.link.Collect(r.msg.Reply, "", header, data)
		case <-r.server.ctx.Done():
			return
		}
	}
	if err != nil && !r.sent { // nothing that it could overtake
		r.link = nil
		r.sendByNATS(header, data)
	}
	r.sent = true
}

// rest lets what was sent go.
func (r *request) rest() {
	if r.link != nil {
		r.link.Rest()
	}
}

func (r *request) sendByNATS(header, data []byte) {
	h, err := bus.DecodeHeader(header)
	if err != nil {
		r.fail(err)
		return
	}
	r.server.publish(&nats.Msg{Subject: r.msg.Reply, Header: h, Data: data})
}

// own are the fields that answers have, whatever the stored message says in them.
var own = []string{headerStream, headerSubject, headerSequence, headerTime, headerPending, headerLast, bus.SlotHeader, bus.GenerationHeader}

// appendMessageHeader appends the header of an answer with m, up to the fields that
// tell which state it shows.
func appendMessageHeader(b []byte, m *streams.StoredMessage) []byte {
	stored := m.Header
	if len(stored) == 0 {
		stored = []byte("NATS/1.0\r\n\r\n")
	}
	for rest := stored; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, _, _ := bytes.Cut(line, []byte(":"))
		if len(line) > 0 && !slices.Contains(own, string(name)) {
			b = append(append(b, line...), "\r\n"...)
		}
	}
	b = bus.AppendField(b, headerStream, m.Stream)
	b = bus.AppendField(b, headerSubject, m.Subject)
	b = strconv.AppendUint(append(b, headerSequence+": "...), m.Seq, 10)
	b = m.Time.UTC().AppendFormat(append(b, "\r\n"+headerTime+": "...), time.RFC3339Nano)
	return append(b, "\r\n"...)
}

// appendState ends a header with which state it shows.
func (r *request) appendState(b []byte) []byte {
	if r.slot > 0 {
		b = bus.AppendPlace(b, r.slot, r.server.generation.Load())
	}
	return append(b, "\r\n"...)
}

// message sends m as it was published. Without headers nothing says which message it
// is: that is what no_hdr asks for. more is names and values of fields.
func (r *request) message(m *streams.StoredMessage, noHeaders bool, more ...string) {
	if noHeaders {
		r.send(nil, m.Data)
		return
	}
	b := appendMessageHeader(make([]byte, 0, 256+len(m.Header)), m)
	if r.keep != nil {
		r.keep(b, m.Data)
	}
	for i := 0; i+1 < len(more); i += 2 {
		b = bus.AppendField(b, more[i], more[i+1])
	}
	r.send(r.appendState(b), m.Data)
}

var breaks = strings.NewReplacer("\r", " ", "\n", " ")

// status answers with a status instead of a message. more is names and values of
// fields.
func (r *request) status(code int, description string, more ...string) {
	b := append(strconv.AppendInt([]byte("NATS/1.0 "), int64(code), 10), ' ')
	b = append(append(b, breaks.Replace(description)...), "\r\n"...)
	for i := 0; i+1 < len(more); i += 2 {
		b = bus.AppendField(b, more[i], more[i+1])
	}
	r.send(r.appendState(b), nil)
}
