package streams

import (
	"bytes"
	"math"
	"strings"
	"time"
)

// headers are the values of the header fields that change what a publish does.
// They point into the header; nil and empty both mean that the field is absent.
type headers struct {
	msgID                  []byte
	expectedStream         []byte
	expectedLastSeq        []byte
	expectedSubjectSeq     []byte
	expectedSubjectSubject []byte
	expectedLastMsgID      []byte
	rollup                 []byte
	ttl                    []byte
	increment              []byte
	batch                  []byte
	source                 []byte
	schedule               []byte
	scheduleNext           []byte
	scheduler              []byte
	apiLevel               []byte
	marker                 []byte
	operation              []byte
}

// validHeader reports whether header has the wire form of a NATS header.
func validHeader(header []byte) bool {
	return len(header) == 0 ||
		bytes.HasPrefix(header, []byte("NATS/1.0")) && bytes.HasSuffix(header, []byte("\r\n\r\n"))
}

// parse sets h from header. As in JetStream field names are case-sensitive and
// the first of several equal ones counts.
func (h *headers) parse(header []byte) {
	*h = headers{}
	_, rest, _ := bytes.Cut(header, crlf)
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, crlf)
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok {
			continue
		}
		if field := h.field(name); field != nil && *field == nil {
			*field = bytes.TrimLeft(value, " ")
		}
	}
}

var crlf = []byte("\r\n")

// field returns where the value of a field belongs, nil for one without effect.
func (h *headers) field(name []byte) *[]byte {
	switch string(name) {
	case "Nats-Msg-Id":
		return &h.msgID
	case "Nats-Expected-Stream":
		return &h.expectedStream
	case "Nats-Expected-Last-Sequence":
		return &h.expectedLastSeq
	case "Nats-Expected-Last-Subject-Sequence":
		return &h.expectedSubjectSeq
	case "Nats-Expected-Last-Subject-Sequence-Subject":
		return &h.expectedSubjectSubject
	case "Nats-Expected-Last-Msg-Id":
		return &h.expectedLastMsgID
	case "Nats-Rollup":
		return &h.rollup
	case "Nats-TTL":
		return &h.ttl
	case "Nats-Required-Api-Level":
		return &h.apiLevel
	case "Nats-Marker-Reason":
		return &h.marker
	case "KV-Operation":
		return &h.operation
	}
	return h.refusedField(name)
}

// refusedField is field for features that no stream here has.
func (h *headers) refusedField(name []byte) *[]byte {
	switch string(name) {
	case "Nats-Incr":
		return &h.increment
	case "Nats-Batch-Id":
		return &h.batch
	case "Nats-Stream-Source":
		return &h.source
	case "Nats-Schedule":
		return &h.schedule
	case "Nats-Schedule-Next":
		return &h.scheduleNext
	case "Nats-Scheduler":
		return &h.scheduler
	}
	return nil
}

// isMarker reports whether the message tells that its subject has no value.
func (h *headers) isMarker() bool {
	return len(h.marker) > 0 || string(h.operation) == "PURGE"
}

// parseSequence reads a decimal number. Anything else becomes the largest one,
// which no stream reaches, so that an expectation that cannot be read fails.
func parseSequence(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' || n > math.MaxUint64/100 {
			return math.MaxUint64
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// parseTTL reads a Nats-TTL: seconds, a Go duration of at least one second, or
// "never". The result is in whole seconds, never (-1), or 0 for none and for what
// can not be read.
func parseTTL(b []byte) (seconds int64, ok bool) {
	if len(b) == 0 {
		return 0, true
	}
	text := string(b)
	if strings.EqualFold(text, "never") {
		return never, true
	}
	if d, err := time.ParseDuration(text); err == nil {
		if d < time.Second {
			return 0, false
		}
		return int64(d / time.Second), true
	}
	n := parseSequence(b)
	if n > math.MaxInt64 {
		return 0, false
	}
	return int64(n), true
}

// expiryAfter returns when something with a TTL ends that is stored at now.
func expiryAfter(now, seconds int64) int64 {
	switch {
	case seconds == never:
		return never
	case seconds == 0:
		return 0
	case seconds > math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	}
	return saturate(now, seconds*int64(time.Second))
}

// replaceField returns header with all fields called name replaced by one.
func replaceField(header []byte, name, value string) []byte {
	var out []byte
	for rest := header; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, crlf)
		field, _, _ := bytes.Cut(line, []byte{':'})
		if len(line) > 0 && string(field) != name {
			out = append(append(out, line...), crlf...)
		}
	}
	out = append(append(append(out, name...), ": "...), value...)
	return append(out, "\r\n\r\n"...)
}
