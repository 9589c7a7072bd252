package client

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams/command"
)

// publishes is the freight of a lane to a stream: bundles of messages.
type publishes struct{ stream string }

func (publishes) fit(waiting []*item, payload, most int) (n int) {
	size := min(bus.MaxCommandBytes(payload)-command.BundleBytes-envelopeBytes, most)
	reply := payload - envelopeBytes
	for n < len(waiting) && n < command.MaxMessages {
		it := waiting[n]
		size -= it.size()
		reply -= it.replySize()
		if n > 0 && (size < 0 || reply < 0 || it.mustGoAlone() || waiting[0].mustGoAlone()) {
			break
		}
		n++
	}
	return n
}

// pack sends a message alone as any NATS client sends it, unless it must say since when it
// may have been sent.
func (p publishes) pack(f *flight) *nats.Msg {
	root := f.lane.client.bus.Subjects().Root()
	if it := f.items[0]; len(f.items) == 1 && !(it.again && it.repeatable()) {
		return &nats.Msg{Subject: root + it.subject, Header: it.header, Data: it.data}
	}
	b := command.Bundle{Messages: make([]command.Message, len(f.items))}
	for i, it := range f.items {
		b.Messages[i] = command.Message{Subject: it.inStream(), Header: it.encoded(), Data: it.data, Since: it.since}
	}
	data := command.Command{Op: b}.Encode()
	f.bytes = len(data)
	return &nats.Msg{Subject: root + "command." + p.stream, Header: f.trace(), Data: data}
}

func (publishes) unpack(f *flight, r result) {
	o, err := command.DecodeOutcome(r.data)
	done, ok := o.Value.(command.Bundled)
	switch {
	case err == nil && ok && len(done.Replies) == len(f.items):
	case codeOf(r.data) == command.CodeMalformed:
		// One message spoils it for all; each shows alone whether it is the one.
		f.apart()
		f.land(result{verdict: refused, err: errors.New("a bundle was refused")})
		return
	case codeOf(r.data) != 0:
		f.land(r) // such as: there is no such stream
		return
	default:
		f.land(result{verdict: unsettled, err: fmt.Errorf("an answer that is none: %w", err)})
		return
	}
	f.lane.client.setClock(o.LogTime)
	f.end(len(f.items), func(i int) result {
		return result{verdict: answered, data: done.Replies[i], position: r.position}
	})
}
