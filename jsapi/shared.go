package jsapi

import (
	"errors"
	"strings"

	"github.com/synod-paxos/synod/streams"
	"github.com/synod-paxos/synod/streams/command"
)

// A request to DIRECT.GET.<stream> may ask for many messages, by name, in the form of
// command.Reads: what a process whose callers read at once sends for all of them. One
// message answers it, as far as it has room, from one state.

// sharedBytes is how much such an answer holds at most, but for one message that is
// larger alone.
const sharedBytes = 1 << 20

// shared reports whether r is such a request.
func (r *request) shared() bool { return r.op.shares && command.IsReads(r.msg.Data) }

// weight is how many messages r asks for by name.
func (r *request) weight() int {
	if !r.shared() {
		return 1
	}
	return max(1, command.CountReads(r.msg.Data))
}

// answerShared answers r, which is shared. k is nil, or of the goroutine that calls.
func (r *request) answerShared(k *kept) error {
	asked, err := command.DecodeReads(r.msg.Data)
	if err != nil {
		r.status(408, "Malformed Request")
		return nil
	}
	if _, err := r.view.Config(r.tail); err != nil {
		return r.answerNoStream(asked)
	}
	if k == nil {
		k = &kept{}
	}
	most := r.server.bus.MaxPayload() - slotHeaderBytes
	b := command.AppendReadHead(k.scratch[:0])
	for i := range asked.Items {
		before := len(b)
		if b, err = r.appendResult(b, &asked.Items[i], k); err != nil {
			return err
		}
		if i > 0 && len(b) > min(most, sharedBytes) {
			b = b[:before]
			break
		}
		if len(b) > most {
			b = refusal(errTooLarge.Code, errTooLarge.Description).Append(b[:before])
		}
	}
	k.scratch = b
	r.send(r.appendState([]byte("NATS/1.0\r\n")), b)
	return nil
}

// answerNoStream is the answer where there is no such stream. A status would be taken for
// NATS's own, that nobody answers.
func (r *request) answerNoStream(asked command.Reads) error {
	b := command.AppendReadHead(nil)
	for range asked.Items {
		b = refusal(404, streams.ErrStreamNotFound.Description).Append(b)
	}
	r.send(r.appendState([]byte("NATS/1.0\r\n")), b)
	return nil
}

func refusal(code int, why string) *command.ReadResult {
	return &command.ReadResult{State: command.ReadRefused, Code: uint64(code), Why: why}
}

// appendResult appends what became of one of the reads of r.
func (r *request) appendResult(b []byte, read *command.Read, k *kept) ([]byte, error) {
	if read.Subject == "" {
		m, err := r.view.Get(r.tail, read.Seq)
		return appendFound(b, m, err, true)
	}
	if strings.ContainsAny(read.Subject, "*>") {
		return refusal(408, "a subject with wildcards is not read with others").Append(b), nil
	}
	name := keptName{r.tail, read.Subject, true}
	mark, ok := r.view.Mark(name.stream, name.subject)
	if a := k.get(name); ok && a != nil && a.mark == mark {
		return append(b, a.data...), nil
	}
	before := len(b)
	m, err := r.view.Last(name.stream, name.subject)
	b, err = appendFound(b, m, err, false)
	if ok && err == nil {
		k.keep(name, mark, nil, b[before:])
	}
	return b, err
}

// appendFound appends that m was found, or that there is no such message.
func appendFound(b []byte, m *streams.StoredMessage, err error, named bool) ([]byte, error) {
	switch {
	case errors.Is(err, streams.ErrMessageNotFound):
		return (&command.ReadResult{State: command.ReadNotFound}).Append(b), nil
	case err != nil:
		return b, err
	}
	found := command.ReadResult{State: command.ReadFound, Seq: m.Seq, Time: m.Time.UnixNano(), Header: m.Header, Data: m.Data}
	if named {
		found.Subject = m.Subject
	}
	return found.Append(b), nil
}
