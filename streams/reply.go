package streams

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/synod-paxos/synod/streams/command"
)

// An APIError is an error in JetStream's form. Codes and texts are those of
// nats-server's errors.json wherever JetStream has the error.
type APIError struct {
	Code        int    `json:"code"` // as in HTTP
	ErrCode     int    `json:"err_code,omitempty"`
	Description string `json:"description,omitempty"`
}

// Error returns the description.
func (e *APIError) Error() string { return e.Description }

// ErrStreamNotFound and ErrMessageNotFound say that there is nothing to read.
var (
	ErrStreamNotFound  = &APIError{404, 10059, "stream not found"}
	ErrMessageNotFound = &APIError{404, 10037, "no message found"}
)

var (
	errBadRequest       = &APIError{400, 10003, "bad request"}
	errNotEmptyRequest  = &APIError{400, 10038, "expected an empty request payload"}
	errTooManyStreams   = &APIError{400, 10027, "maximum number of streams reached"}
	errTooLarge         = &APIError{400, 10054, "message size exceeds maximum allowed"}
	errMismatch         = &APIError{400, 10056, "stream name in subject does not match request"}
	errNameInUse        = &APIError{400, 10058, "stream name already in use with a different configuration"}
	errOtherStream      = &APIError{400, 10060, "expected stream does not match"}
	errOverlap          = &APIError{400, 10065, "subjects overlap with an existing stream"}
	errHeaderTooLarge   = &APIError{400, 10097, "header size exceeds maximum allowed of 64k"}
	errSealed           = &APIError{400, 10109, "invalid operation on sealed stream"}
	errPathSeparator    = &APIError{400, 10128, "Stream name can not contain path separators"}
	errTTLInvalid       = &APIError{400, 10165, "invalid per-message TTL"}
	errTTLDisabled      = &APIError{400, 10166, "per-message TTL is disabled"}
	errCounterDisabled  = &APIError{400, 10168, "message counters is disabled"}
	errCounterInvalid   = &APIError{400, 10171, "message counter increment is invalid"}
	errBatchDisabled    = &APIError{400, 10174, "atomic publish is disabled"}
	errIDRefused        = &APIError{409, command.CodeIDRefused, "message id was refused by an outcome lookup"}
	errAPILevel         = &APIError{412, 10185, "JetStream minimum api level required"}
	errScheduleDisabled = &APIError{400, 10188, "message schedules is disabled"}
	errSubjectSeq       = &APIError{400, 10193, "missing sequence for expected last sequence per subject"}
	errSchedulerInvalid = &APIError{400, 10212, "message schedules invalid scheduler"}
	errSourceHeader     = &APIError{400, 10227, "message stream source header is not allowed"}
)

func wrongLastSequence(seq uint64) *APIError {
	return &APIError{400, 10071, "wrong last sequence: " + strconv.FormatUint(seq, 10)}
}

func wrongLastMsgID(id []byte) *APIError {
	return &APIError{400, 10070, "wrong last msg ID: " + string(id)}
}

func storeFailed(text string) *APIError   { return &APIError{503, 10077, text} }
func rollupFailed(text string) *APIError  { return &APIError{500, 10111, text} }
func invalidConfig(text string) *APIError { return &APIError{500, 10052, text} }
func invalidJSON(err error) *APIError     { return &APIError{400, 10025, "invalid JSON: " + err.Error()} }
func sequenceNotFound(seq uint64) *APIError {
	return &APIError{400, 10043, fmt.Sprintf("sequence %d not found", seq)}
}

// idTableFull is JetStream's "insufficient resources", with the reason.
func idTableFull(stream string, limit uint64) *APIError {
	return &APIError{503, 10023, fmt.Sprintf("insufficient resources: the duplicate window of %s holds its limit of %d message ids", stream, limit)}
}

// mustJSON encodes a value of this package, which always can be encoded.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("streams: invariant broken: replies can be encoded: " + err.Error())
	}
	return b
}

// appendJSONString appends text as a JSON string.
func appendJSONString(b []byte, text string) []byte { return append(b, mustJSON(text)...) }

// reply returns a reply whose data is b, which must be the end of w.replyBytes.
func (w *work) reply(b []byte, start int) Reply {
	w.replyBytes = b
	return Reply{Data: b[start:len(b):len(b)]}
}

// ack answers a publish that is stored as seq.
func (w *work) ack(s *stream, seq uint64, duplicate bool) Reply {
	b, start := w.replyBytes, len(w.replyBytes)
	b = append(b, s.ackPrefix...)
	b = strconv.AppendUint(b, seq, 10)
	if duplicate {
		b = append(b, `,"duplicate":true`...)
	}
	return w.reply(append(b, '}'), start)
}

// refusePublish answers a publish to s, which may be nil, that stored nothing.
func (w *work) refusePublish(s *stream, e *APIError) Reply {
	b, start := w.replyBytes, len(w.replyBytes)
	b = append(append(b, `{"error":`...), mustJSON(e)...)
	if s != nil {
		b = append(append(append(b, ','), s.ackPrefix[1:]...), '0')
	}
	return w.reply(append(b, '}'), start)
}

// The types of the replies of the management API, after this prefix.
const (
	typePrefix = "io.nats.jetstream.api.v1."
	typeCreate = "stream_create_response"
	typeUpdate = "stream_update_response"
	typeDelete = "stream_delete_response"
	typePurge  = "stream_purge_response"
	typeRemove = "stream_msg_delete_response"
)

// refuse answers a management request that changed nothing.
func refuse(kind string, e *APIError) Reply {
	b := fmt.Appendf(nil, `{"type":"%s%s","error":%s`, typePrefix, kind, mustJSON(e))
	if kind == typePurge {
		b = append(b, `,"purged":0`...)
	}
	return Reply{Data: append(b, '}')}
}
