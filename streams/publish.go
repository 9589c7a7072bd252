package streams

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Ledger is the stream that "propose" appends to. It exists from the start.
const Ledger = "LEDGER"

const (
	subjectPropose = "propose"
	prefixAPI      = "api."
	prefixCommand  = "command."
)

// command applies one command and answers it.
func (w *work) command(c *Message) Reply {
	if c.Skipped {
		return w.skip(c)
	}
	if w.wasSkipped(c) {
		return w.refusePublish(nil, errSkipped)
	}
	if c.Subject == subjectPropose {
		return w.publish(w.m.ledger, c.Subject, c)
	}
	if rest, ok := strings.CutPrefix(c.Subject, prefixAPI); ok {
		return w.api(rest, c)
	}
	if name, ok := strings.CutPrefix(c.Subject, prefixCommand); ok {
		return w.typed(name, c.Data)
	}
	if c.Subject == subjectUpgrade {
		return w.upgrade(c)
	}
	return w.refusePublish(nil, errBadRequest)
}

// api applies a command of JetStream's API: management, or a publish.
func (w *work) api(subject string, c *Message) Reply {
	if reply, ok := w.manage(subject, c); ok {
		return reply
	}
	if !validSubject([]byte(subject)) {
		return w.refusePublish(nil, errBadRequest)
	}
	s := w.m.routes.find([]byte(subject))
	if s == nil {
		return w.refusePublish(nil, ErrStreamNotFound)
	}
	return w.publish(s, subject, c)
}

// A publication is a publish on its way through the checks.
type publication struct {
	message
	h      headers
	known  knownID // of its id
	rollup byte    // 0, rollupSubject or rollupAll
}

const (
	rollupSubject = 's'
	rollupAll     = 'a'
)

// publish stores c in s, or refuses it, and answers as JetStream does.
func (w *work) publish(s *stream, subject string, c *Message) Reply {
	seq, duplicate, e := w.tryPublish(s, subject, c.Header, c.Data)
	if e != nil {
		return w.refusePublish(s, e)
	}
	return w.ack(s, seq, duplicate)
}

// tryPublish stores a message in s, unless it is a duplicate or refused. The checks
// come in JetStream's order, but for the id: the retry of a compare-and-set that
// was done is a duplicate, and not told that the sequence is wrong.
func (w *work) tryPublish(s *stream, subject string, header, data []byte) (seq uint64, duplicate bool, e *APIError) {
	p := publication{message: message{time: w.now, subject: []byte(subject), header: header, data: data}}
	if e := w.checkSize(s, &p); e != nil {
		return 0, false, e
	}
	if len(header) > 0 {
		p.h.parse(header)
		if e := checkStream(s, &p.h); e != nil {
			return 0, false, e
		}
		p.known = w.known(s, p.h.msgID)
		if p.known.duplicate() {
			if p.known.seq == 0 {
				return 0, false, errIDRefused
			}
			return p.known.seq, true, nil
		}
		if e := w.checkHeaders(s, &p); e != nil {
			return 0, false, e
		}
	}
	if e := w.checkLimits(s, &p); e != nil {
		return 0, false, e
	}
	return w.store(s, &p), false, nil
}

// store appends a message that passed every check, and does what follows from it.
func (w *work) store(s *stream, p *publication) uint64 {
	seq := w.appendTo(s, &p.message)
	w.rememberID(s, p.h.msgID, &p.known, seq)
	w.enforceLimits(s, p.subject)
	switch p.rollup {
	case rollupSubject:
		w.purge(s, purgeRequest{Filter: string(p.subject), Keep: 1})
	case rollupAll:
		w.purge(s, purgeRequest{Keep: 1})
	}
	return seq
}

func (w *work) checkSize(s *stream, p *publication) *APIError {
	switch {
	case s.config.Sealed:
		return errSealed
	case s.config.MaxMsgSize >= 0 && len(p.header)+len(p.data) > int(s.config.MaxMsgSize):
		return errTooLarge
	case len(p.header) > math.MaxUint16:
		return errHeaderTooLarge
	case !validHeader(p.header):
		return errBadRequest
	}
	return nil
}

// checkStream refuses what a stream configured like s never does.
func checkStream(s *stream, h *headers) *APIError {
	switch {
	case len(h.increment) > 0:
		return counterError(h.increment)
	case len(h.batch) > 0:
		return errBatchDisabled
	case len(h.expectedStream) > 0 && string(h.expectedStream) != s.config.Name:
		return errOtherStream
	case len(h.ttl) > 0 && !s.config.AllowMsgTTL:
		if seconds, _ := parseTTL(h.ttl); seconds != 0 {
			return errTTLDisabled
		}
	}
	return nil
}

// checkHeaders checks what the header asks for, and sets expiry and roll-up.
func (w *work) checkHeaders(s *stream, p *publication) *APIError {
	if e := w.checkExpected(s, p); e != nil {
		return e
	}
	if e := checkSchedule(p); e != nil {
		return e
	}
	if h := p.h.expectedLastMsgID; len(h) > 0 && !bytes.Equal(h, s.state.lastID) {
		return wrongLastMsgID(s.state.lastID)
	}
	if e := checkRollup(s, p); e != nil {
		return e
	}
	seconds, ok := parseTTL(p.h.ttl)
	if !ok {
		return errTTLInvalid
	}
	s.setExpiry(p, seconds)
	return nil
}

// counterError refuses a counter, which no stream here is.
func counterError(increment []byte) *APIError {
	if _, ok := new(big.Int).SetString(string(increment), 10); !ok {
		return errCounterInvalid
	}
	return errCounterDisabled
}

// checkSchedule refuses schedules and sourced messages, which no stream here has.
func checkSchedule(p *publication) *APIError {
	h := &p.h
	switch {
	case len(h.schedule) > 0:
		return errScheduleDisabled
	case len(h.scheduleNext) > 0:
		if string(h.scheduleNext) != "purge" || !validSubject(h.scheduler) || bytes.Equal(h.scheduler, p.subject) {
			return errSchedulerInvalid
		}
		return errScheduleDisabled
	case len(h.scheduler) > 0:
		return errSchedulerInvalid
	case len(h.source) > 0:
		return errSourceHeader
	}
	return nil
}

// checkExpected is compare-and-set: the publish counts only if the stream is
// where its author believes it to be.
func (w *work) checkExpected(s *stream, p *publication) *APIError {
	h := &p.h
	if len(h.expectedSubjectSeq) > 0 {
		subject := p.subject
		if len(h.expectedSubjectSubject) > 0 {
			subject = h.expectedSubjectSubject
		}
		last := w.lastSeqOf(s, subject)
		if parseSequence(h.expectedSubjectSeq) != last {
			return wrongLastSequence(last)
		}
	} else if len(h.expectedSubjectSubject) > 0 {
		return errSubjectSeq
	}
	if len(h.expectedLastSeq) > 0 && parseSequence(h.expectedLastSeq) != s.state.last {
		return wrongLastSequence(s.state.last)
	}
	return nil
}

func checkRollup(s *stream, p *publication) *APIError {
	if len(p.h.rollup) == 0 {
		return nil
	}
	if !s.config.AllowRollup || s.config.DenyPurge {
		return rollupFailed("rollup not permitted")
	}
	switch value := strings.ToLower(string(p.h.rollup)); value {
	case "sub":
		p.rollup = rollupSubject
	case "all":
		p.rollup = rollupAll
	default:
		return rollupFailed(fmt.Sprintf("rollup value invalid: %q", value))
	}
	return nil
}

// setExpiry sets when the message ends. A message of a subject that may keep
// older ones lives at least as long as a delete marker, or it could vanish and
// leave an older marker behind; the header then says the longer time.
func (s *stream) setExpiry(p *publication, seconds int64) {
	least := int64(s.config.SubjectDeleteMarkerTTL / time.Second)
	if seconds > 0 && seconds < least && s.config.MaxMsgsPer != 1 {
		seconds = least
		p.header = replaceField(p.header, "Nats-TTL", strconv.FormatInt(seconds, 10))
	}
	p.expires = expiryAfter(p.time, seconds)
}
