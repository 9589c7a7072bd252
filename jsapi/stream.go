package jsapi

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/synod-paxos/synod/streams"
)

// apiLevel is the level of JetStream's API that the streams have.
const apiLevel = 1

// How much one page of an answer holds, as in JetStream.
const (
	namesLimit   = 1024
	listLimit    = 256
	subjectLimit = 100_000
)

// pageBytes is more than what a page has beside its items.
const pageBytes = 1 << 10

// page says which part of a list an answer holds.
type page struct {
	Total  int `json:"total"`
	Offset int `json:"offset"`
	Limit  int `json:"limit"`
}

// cut is the part of items that starts at offset.
func cut[T any](items []T, offset, limit int) ([]T, page) {
	at := min(max(offset, 0), len(items))
	return items[at:min(at+limit, len(items))], page{Total: len(items), Offset: at, Limit: limit}
}

type accountLimits struct {
	MaxMemory            int  `json:"max_memory"`
	MaxStorage           int  `json:"max_storage"`
	MaxStreams           int  `json:"max_streams"`
	MaxConsumers         int  `json:"max_consumers"`
	MaxAckPending        int  `json:"max_ack_pending"`
	MemoryMaxStreamBytes int  `json:"memory_max_stream_bytes"`
	StoreMaxStreamBytes  int  `json:"storage_max_stream_bytes"`
	MaxBytesRequired     bool `json:"max_bytes_required"`
}

type apiStats struct {
	Level  int    `json:"level"`
	Total  uint64 `json:"total"`
	Errors uint64 `json:"errors"`
}

// account answers INFO.
func (r *request) account() error {
	var storage uint64
	names := r.view.Names("")
	for _, name := range names {
		info, err := r.view.Info(name)
		if err != nil {
			return err
		}
		storage += info.State.Bytes
	}
	var total uint64
	for _, n := range r.server.Counts() {
		total += n
	}
	return r.respond(struct {
		Type            string        `json:"type"`
		Memory          uint64        `json:"memory"`
		Storage         uint64        `json:"storage"`
		ReservedMemory  uint64        `json:"reserved_memory"`
		ReservedStorage uint64        `json:"reserved_storage"`
		Streams         int           `json:"streams"`
		Consumers       int           `json:"consumers"`
		Limits          accountLimits `json:"limits"`
		API             apiStats      `json:"api"`
	}{
		Type: r.typeName(), Storage: storage, Streams: len(names),
		Limits: accountLimits{-1, -1, -1, -1, -1, -1, -1, false},
		API:    apiStats{Level: apiLevel, Total: total, Errors: r.server.refused.Load()},
	})
}

// listRequest asks for a page of the streams with a subject that overlaps Subject.
type listRequest struct {
	Offset  int    `json:"offset"`
	Subject string `json:"subject"`
}

// names answers STREAM.NAMES.
func (r *request) names() error {
	var q listRequest
	if err := r.decode(&q); err != nil {
		return err
	}
	part, p := cut(r.view.Names(q.Subject), q.Offset, namesLimit)
	return r.respond(struct {
		Type string `json:"type"`
		page
		Streams []string `json:"streams"`
	}{r.typeName(), p, slices.Concat([]string{}, part)})
}

// list answers STREAM.LIST.
func (r *request) list() error {
	var q listRequest
	if err := r.decode(&q); err != nil {
		return err
	}
	part, p := cut(r.view.Names(q.Subject), q.Offset, listLimit)
	infos, room := make([]json.RawMessage, 0, len(part)), r.server.bus.MaxPayload()-pageBytes
	for _, name := range part {
		info, err := r.view.Info(name)
		if err != nil {
			return err
		}
		data, err := json.Marshal(info)
		if err != nil {
			return err
		}
		if room -= len(data) + 1; room < 0 && len(infos) > 0 {
			break // whoever lists goes on where this page ends
		}
		infos = append(infos, data)
	}
	return r.respond(struct {
		Type string `json:"type"`
		page
		Streams []json.RawMessage `json:"streams"`
	}{r.typeName(), p, infos})
}

// infoRequest asks for more than a stream's state.
type infoRequest struct {
	Offset         int    `json:"offset"`
	SubjectsFilter string `json:"subjects_filter"`
	DeletedDetails bool   `json:"deleted_details"` // the number of deleted messages is told, not which
}

// info answers STREAM.INFO.
func (r *request) info() error {
	var q infoRequest
	if err := r.decode(&q); err != nil {
		return err
	}
	info, err := r.view.Info(r.tail)
	if err != nil {
		return r.notFound(err)
	}
	p := page{}
	if q.SubjectsFilter != "" {
		if p, err = r.subjects(info, q); err != nil {
			return err
		}
	}
	return r.respond(struct {
		Type string `json:"type"`
		page
		*streams.StreamInfo
	}{r.typeName(), p, info})
}

// subjects fills in how many messages each subject has, as far as fits an answer.
func (r *request) subjects(info *streams.StreamInfo, q infoRequest) (page, error) {
	p := page{Offset: max(q.Offset, 0), Limit: subjectLimit}
	info.State.Subjects = map[string]uint64{}
	room := r.server.bus.MaxPayload()
	for s, err := range r.view.Subjects(r.tail, q.SubjectsFilter) {
		if err != nil {
			return p, err
		}
		if p.Total >= p.Offset && len(info.State.Subjects) < p.Limit {
			if room -= len(s.Name); room < 0 {
				return p, errTooLarge
			}
			info.State.Subjects[s.Name] = s.Msgs
		}
		p.Total++
	}
	return p, nil
}

// notFound is the answer that JetStream gives: it names pages that there are none of.
func (r *request) notFound(err error) error {
	if !errors.Is(err, streams.ErrStreamNotFound) {
		return err
	}
	return r.respond(struct {
		failure
		page
	}{failure{r.typeName(), streams.ErrStreamNotFound}, page{}})
}

// getRequest chooses messages, in the words of JetStream.
type getRequest struct {
	Seq       uint64     `json:"seq"`
	LastFor   string     `json:"last_by_subj"`
	NextFor   string     `json:"next_by_subj"`
	StartTime *time.Time `json:"start_time"`
	NoHeaders bool       `json:"no_hdr"`

	Batch    int      `json:"batch"`
	MaxBytes int      `json:"max_bytes"`
	MultiFor []string `json:"multi_last"`
	UpToSeq  uint64   `json:"up_to_seq"`

	UpToTime *time.Time `json:"up_to_time"`
}

// conflicts reports whether q asks for things that exclude each other.
func (q *getRequest) conflicts() bool {
	last := q.LastFor != ""
	return q.Seq > 0 && last || q.Seq > 0 && q.StartTime != nil || q.StartTime != nil && last || last && q.NextFor != ""
}

func (q *getRequest) empty() bool {
	return q.Seq == 0 && q.LastFor == "" && q.NextFor == "" && q.StartTime == nil && len(q.MultiFor) == 0
}

// one finds the message that q chooses.
func (r *request) one(stream string, q *getRequest) (*streams.StoredMessage, error) {
	seq := q.Seq
	if q.StartTime != nil {
		at, err := r.view.SeqAt(stream, *q.StartTime)
		if err != nil {
			return nil, err
		}
		return r.view.Next(stream, q.NextFor, at)
	}
	switch {
	case q.LastFor != "":
		return r.view.Last(stream, q.LastFor)
	case q.NextFor != "":
		return r.view.Next(stream, q.NextFor, seq)
	default:
		return r.view.Get(stream, seq)
	}
}

// storedMessage is a message in the answer to STREAM.MSG.GET.
type storedMessage struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Header  []byte    `json:"hdrs,omitempty"`
	Data    []byte    `json:"data,omitempty"`
	Time    time.Time `json:"time"`
}

// get answers STREAM.MSG.GET.
func (r *request) get() error {
	var q getRequest
	if err := r.decode(&q); err != nil {
		return err
	}
	if q.empty() || q.conflicts() || q.Batch > 0 || q.MaxBytes > 0 || len(q.MultiFor) > 0 {
		return errBadRequest
	}
	m, err := r.one(r.tail, &q)
	if err != nil {
		return err
	}
	out := storedMessage{Subject: m.Subject, Seq: m.Seq, Data: m.Data, Time: m.Time}
	if !q.NoHeaders {
		out.Header = m.Header
	}
	return r.respond(struct {
		Type    string        `json:"type"`
		Message storedMessage `json:"message"`
	}{r.typeName(), out})
}
