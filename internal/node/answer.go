package node

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// answerer sends the state machine's results to the clients that wait for them.
type answerer struct {
	bus   *bus.Bus
	log   *slog.Logger
	quiet rate.Sometimes
	lost  atomic.Uint64
}

func newAnswerer(b *bus.Bus, log *slog.Logger) *answerer {
	return &answerer{bus: b, log: log, quiet: rate.Sometimes{First: 1, Interval: 10 * time.Second}}
}

// Answer replies with the result's own headers and those that say where the
// command was decided.
func (a *answerer) Answer(inbox string, r actors.Result, slot paxos.Slot, ballot paxos.Ballot) {
	m := &nats.Msg{Subject: inbox, Data: r.Data}
	header, err := bus.DecodeHeader(r.Header)
	if err == nil {
		m.Header = header
		bus.SetDecision(m, slot, ballot)
		err = a.bus.Conn().PublishMsg(m)
	}
	if err != nil {
		a.lost.Add(1)
		a.quiet.Do(func() { a.log.Warn("answer not sent", "slot", uint64(slot), "err", err) })
	}
}
