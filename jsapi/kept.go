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
	young, old map[keptName]*keptAnswer
	bytes      int // of young

	scratch []byte // for an answer to a shared request
}

// keptName is what a request asks for.
type keptName struct {
	stream, subject string
	shared          bool // with others: data is a command.ReadResult
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

func (k *kept) get(name keptName) *keptAnswer {
	if a := k.young[name]; a != nil {
		return a
	}
	a := k.old[name]
	if a != nil {
		k.put(name, a)
	}
	return a
}

// keep puts a copy of an answer.
func (k *kept) keep(name keptName, mark streams.Mark, header, data []byte) {
	if len(header)+len(data) > keptBytesOne {
		return
	}
	name.stream, name.subject = strings.Clone(name.stream), strings.Clone(name.subject)
	k.put(name, &keptAnswer{mark, bytes.Clone(header), bytes.Clone(data)})
}

func (k *kept) put(name keptName, a *keptAnswer) {
	const around = 200 // bytes of an entry besides
	size := len(name.stream) + len(name.subject) + len(a.header) + len(a.data) + around
	if size > keptBytesOne {
		return
	}
	if k.young == nil || k.bytes+size > keptBytes {
		k.young, k.old, k.bytes = map[keptName]*keptAnswer{}, k.young, 0
	}
	k.young[name] = a
	k.bytes += size
}

// answerKept answers r, which is simple, from memory where its subjects have not changed,
// and keeps the answer otherwise.
func (s *Server) answerKept(r *request, k *kept) error {
	if r.shared() {
		return r.answerShared(k)
	}
	if len(r.msg.Data) > 0 {
		return r.op.answer(r)
	}
	name := keptName{}
	name.stream, name.subject, _ = strings.Cut(r.tail, ".")
	mark, ok := r.view.Mark(name.stream, name.subject)
	if !ok {
		return r.op.answer(r)
	}
	if a := k.get(name); a != nil && a.mark == mark {
		s.header = r.appendState(append(s.header[:0], a.header...))
		r.send(s.header, a.data)
		return nil
	}
	r.keep = func(header, data []byte) { k.keep(name, mark, header, data) }
	return r.op.answer(r)
}
