package jsapi

import (
	"errors"
	"iter"
	"strconv"
	"strings"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams"
)

// Headers of messages that are read directly.
const (
	headerStream   = "Nats-Stream"
	headerSubject  = "Nats-Subject"
	headerSequence = "Nats-Sequence"
	headerTime     = "Nats-Time-Stamp"
	headerPending  = "Nats-Num-Pending"
	headerLast     = "Nats-Last-Sequence"
	headerUpTo     = "Nats-UpTo-Sequence"
)

// batchBytes is how much one request may read when it names no bound, and at most.
const batchBytes = 64 << 20

// maxLast is how many messages an answer to multi_last may hold, as in JetStream.
const maxLast = 1024

// statusOf is err as a status.
func statusOf(err error) (int, string) {
	var ours *bus.Error
	var theirs *streams.APIError
	switch {
	case errors.Is(err, streams.ErrMessageNotFound):
		return 404, "Message Not Found"
	case errors.Is(err, streams.ErrStreamNotFound):
		// NATS's own "no responders": there is nobody at a stream of JetStream's that is
		// gone, and clients take 404 for a stream without the message.
		return 503, "No Responders"
	case errors.As(err, &theirs):
		return theirs.Code, theirs.Description
	case errors.As(err, &ours):
		// Not 503: with an empty body that is NATS's own "no responders".
		return 500, ours.Description
	default:
		return 500, "the read failed"
	}
}

// direct answers DIRECT.GET.<stream>.
func (r *request) direct() error {
	if r.shared() {
		return r.answerShared(nil)
	}
	if len(r.msg.Data) == 0 {
		r.status(408, "Empty Request")
		return nil
	}
	var q getRequest
	if r.decode(&q) != nil {
		r.status(408, "Malformed Request")
		return nil
	}
	switch {
	case q.empty():
		r.status(408, "Empty Request")
		return nil
	case q.conflicts(), q.LastFor != "" && (q.Batch > 0 || len(q.MultiFor) > 0),
		q.NextFor != "" && len(q.MultiFor) > 0:
		r.status(408, "Bad Request")
		return nil
	case len(q.MultiFor) > 0:
		return r.directMulti(&q)
	case q.Batch > 0:
		return r.directBatch(&q)
	}
	return r.directOne(r.tail, &q)
}

// directLast answers DIRECT.GET.<stream>.<subject>.
func (r *request) directLast() error {
	stream, subject, _ := strings.Cut(r.tail, ".")
	var q getRequest
	if r.decode(&q) != nil {
		r.status(408, "Malformed Request")
		return nil
	}
	return r.directOne(stream, &getRequest{LastFor: subject, NoHeaders: q.NoHeaders})
}

func (r *request) directOne(stream string, q *getRequest) error {
	m, err := r.one(stream, q)
	if err != nil {
		return err
	}
	r.message(m, q.NoHeaders)
	return nil
}

// batch is a bounded answer of several messages.
type batch struct {
	request  *request
	query    *getRequest
	pending  uint64 // left after what was sent
	last     uint64 // sequence sent last
	sent     int
	bytes    int
	maxCount int
	maxBytes int
}

func (r *request) batch(q *getRequest, pending uint64, maxCount int) *batch {
	b := &batch{request: r, query: q, pending: pending, maxCount: maxCount, maxBytes: batchBytes}
	if q.MaxBytes > 0 {
		b.maxBytes = min(q.MaxBytes, batchBytes)
	}
	return b
}

// add sends m, and reports whether there is room for more.
func (b *batch) add(m *streams.StoredMessage) bool {
	if b.pending > 0 {
		b.pending--
	}
	b.request.message(m, b.query.NoHeaders, headerPending, strconv.FormatUint(b.pending, 10), headerLast, strconv.FormatUint(b.last, 10))
	b.last, b.sent = m.Seq, b.sent+1
	b.bytes += len(m.Subject) + len(m.Header) + len(m.Data)
	return b.sent < b.maxCount && b.bytes < b.maxBytes
}

// end marks the end of the answer.
func (b *batch) end(more ...string) {
	more = append(more, headerPending, strconv.FormatUint(b.pending, 10), headerLast, strconv.FormatUint(b.last, 10))
	b.request.status(204, "EOB", more...)
}

// directBatch answers with up to q.Batch messages and an end mark that tells how
// many are left.
func (r *request) directBatch(q *getRequest) error {
	query := streams.Query{Stream: r.tail, From: q.Seq}
	if q.NextFor != "" {
		query.Filters = []string{q.NextFor}
	}
	if q.StartTime != nil {
		at, err := r.view.SeqAt(r.tail, *q.StartTime)
		if err != nil {
			return err
		}
		query.From = at
	}
	pending, err := r.pending(query)
	if err != nil {
		return err
	}
	if pending == 0 {
		return streams.ErrMessageNotFound
	}
	b := r.batch(q, pending, q.Batch)
	if err := b.fill(r.view.Messages(query)); err != nil {
		return err
	}
	b.end()
	return nil
}

// pending is how many messages query chooses. For all of a stream without gaps that
// is arithmetic, which matters to those who read a long log a batch at a time.
func (r *request) pending(query streams.Query) (uint64, error) {
	info, err := r.view.Info(query.Stream)
	if err != nil {
		return 0, err
	}
	state := &info.State
	if len(query.Filters) > 0 || state.NumDeleted > 0 {
		return r.view.Pending(query)
	}
	from := max(query.From, state.FirstSeq)
	if state.Msgs == 0 || from > state.LastSeq {
		return 0, nil
	}
	return state.LastSeq - from + 1, nil
}

// fill sends messages as long as there is room.
func (b *batch) fill(messages iter.Seq2[*streams.StoredMessage, error]) error {
	for m, err := range messages {
		if err != nil {
			return err
		}
		if !b.add(m) {
			return nil
		}
	}
	return nil
}

// directMulti answers with the last message of each subject, the oldest first.
func (r *request) directMulti(q *getRequest) error {
	if q.UpToSeq > 0 || q.UpToTime != nil {
		r.status(408, "up_to_seq and up_to_time are not offered")
		return nil
	}
	info, err := r.view.Info(r.tail)
	if err != nil {
		return err
	}
	if len(q.MultiFor) > maxLast {
		r.status(413, "Too Many Filters")
		return nil
	}
	found, err := r.view.LastSeqs(r.tail, q.MultiFor, q.Seq, maxLast+1)
	switch {
	case err != nil:
		return err
	case len(found) > maxLast:
		r.status(413, "Too Many Results")
		return nil
	case len(found) == 0:
		r.status(404, "No Results")
		return nil
	}
	limit := len(found)
	if q.Batch > 0 {
		limit = q.Batch
	}
	b := r.batch(q, uint64(len(found)), limit)
	if err := b.fill(r.each(found)); err != nil {
		return err
	}
	b.end(headerUpTo, strconv.FormatUint(info.State.LastSeq, 10))
	return nil
}

// each is the messages with these sequences, one at a time: together they may be
// larger than memory.
func (r *request) each(seqs []uint64) iter.Seq2[*streams.StoredMessage, error] {
	return func(yield func(*streams.StoredMessage, error) bool) {
		for _, seq := range seqs {
			if m, err := r.view.Get(r.tail, seq); !yield(m, err) {
				return
			}
		}
	}
}
