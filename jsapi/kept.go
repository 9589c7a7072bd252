package jsapi

import (
	"bytes"
	"strings"

	"github.com/synod-paxos/synod/streams"
)

// kept is answers to simple reads, so that a subject that is read again and has not
// changed is not looked up again. It belongs to the goroutine that answers groups.
type kept struct {
	// All answers of young were used since old was young. When young is full it becomes
	// old, and what was old and not used meanwhile is gone.
	young, old map[string]*keptAnswer // by stream and subject, as a request names them
	bytes      int                    // of young
}

// keptAnswer is an answer, up to the fields that tell which state it shows.
type keptAnswer struct {
	mark         streams.Mark
	header, data []byte
}

// The most bytes of young, and of one answer in it.
const (
	keptBytes    = 16 << 20
	keptBytesOne = 64 << 10
)

func (k *kept) get(name string) *keptAnswer {
	if a := k.young[name]; a != nil {
		return a
	}
	a := k.old[name]
	if a != nil {
		k.put(name, a)
	}
	return a
}

func (k *kept) put(name string, a *keptAnswer) {
	const around = 200 // bytes of an entry besides
	size := len(name) + len(a.header) + len(a.data) + around
	if size > keptBytesOne {
		return
	}
	if k.young == nil || k.bytes+size > keptBytes {
		k.young, k.old, k.bytes = map[string]*keptAnswer{}, k.young, 0
	}
	k.young[name] = a
	k.bytes += size
}

// answerKept answers r, which is simple, from memory if its subject has not changed, and
// keeps the answer otherwise.
func (s *Server) answerKept(r *request, k *kept) error {
	if len(r.msg.Data) > 0 {
		return r.op.answer(r)
	}
	stream, subject, _ := strings.Cut(r.tail, ".")
	mark, ok := r.view.Mark(stream, subject)
	if !ok {
		return r.op.answer(r)
	}
	if a := k.get(r.tail); a != nil && a.mark == mark {
		s.header = r.appendState(append(s.header[:0], a.header...))
		r.send(s.header, a.data)
		return nil
	}
	r.keep = func(header, data []byte) { k.put(r.tail, &keptAnswer{mark, bytes.Clone(header), data}) }
	return r.op.answer(r)
}
