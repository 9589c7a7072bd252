package bus

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/paxos"
)

// Observe delivers every message of the protocol, with its subject, in the order in
// which this connection received them: for people. It publishes nothing, so the right
// to subscribe is enough. What arrives faster than deliver returns is dropped past
// some thousands of messages, and counted as for any other listener.
func (b *Bus) Observe(deliver func(subject string, e paxos.Envelope)) (*Listener, error) {
	l := &Listener{bus: b, done: make(chan struct{})}
	// One channel for all subscriptions keeps the order among them.
	arrived := make(chan *nats.Msg, b.pending)
	subjects := b.subjects.Protocol()
	for _, subject := range subjects {
		s, err := b.nc.ChanSubscribe(subject, arrived)
		if err != nil {
			return l, errors.Join(fmt.Errorf("bus: subscribe %s: %w", subject, err), l.Stop())
		}
		b.mu.Lock()
		l.subs = append(l.subs, s)
		b.subs[s] = struct{}{}
		b.mu.Unlock()
	}
	l.live.Go(func() { l.observe(arrived, deliver) })
	if err := errors.Join(b.confirm(), b.denied(subjects)); err != nil {
		return l, errors.Join(err, l.Stop())
	}
	return l, nil
}

func (l *Listener) observe(arrived <-chan *nats.Msg, deliver func(subject string, e paxos.Envelope)) {
	heads := heads{}
	for {
		select {
		case <-l.done:
			return
		case m := <-arrived:
			if strings.HasSuffix(m.Subject, "."+consumersWord) {
				continue // JSON, see Subjects.Consumers
			}
			if e, ok := l.bus.receive(m, heads); ok {
				l.deliver(&e, len(m.Data), func(e paxos.Envelope) { deliver(m.Subject, e) })
			}
		}
	}
}

// Hear reports whether the role id takes a message e that was published to subject.
func (s Subjects) Hear(role paxos.Role, id paxos.NodeID, subject string, e paxos.Envelope) bool {
	if !reaches(&e, id) {
		return false
	}
	for _, pattern := range s.Hears(role, id) {
		if server.SubjectsCollide(pattern, subject) {
			return true
		}
	}
	return false
}
