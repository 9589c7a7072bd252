package node

import (
	"bytes"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/paxos"
)

// answerer sends the state machine's results to the clients that wait for them. All
// answers come from one goroutine, a slot's one after the other.
type answerer struct {
	bus   *bus.Bus
	link  *leaf.Link // nil: there is none, and answers go by nats.go
	log   *slog.Logger
	quiet rate.Sometimes
	lost  atomic.Uint64

	generation atomic.Uint64 // of the cluster; 0: not known yet

	slot    paxos.Slot
	ballot  paxos.Ballot
	via     *leaf.Link // by which the answers of slot go; nil: nats.go
	decided []byte     // the end of their headers: where the commands were decided
	header  []byte     // scratch
}

func newAnswerer(b *bus.Bus, link *leaf.Link, log *slog.Logger) *answerer {
	return &answerer{bus: b, link: link, log: log, quiet: rate.Sometimes{First: 1, Interval: 10 * time.Second}}
}

// Answer replies with the result's own headers and those that say where the
// command was decided. Rest must follow.
func (a *answerer) Answer(inbox string, r actors.Result, slot paxos.Slot, ballot paxos.Ballot) {
	if a.decided == nil || slot != a.slot || ballot != a.ballot {
		a.decide(slot, ballot)
	}
	a.header = append(a.header[:0], "NATS/1.0\r\n"...)
	if own, ok := bytes.CutSuffix(r.Header, []byte("\r\n")); ok {
		a.header = append(a.header[:0], own...)
	}
	a.header = append(a.header, a.decided...)
	if err := a.send(inbox, r.Data); err != nil {
		a.lost.Add(1)
		a.quiet.Do(func() { a.log.Warn("answer not sent", "slot", uint64(slot), "err", err) })
	}
}

// decide prepares for the answers of a slot.
func (a *answerer) decide(slot paxos.Slot, ballot paxos.Ballot) {
	a.slot, a.ballot, a.via = slot, ballot, nil
	if a.link != nil && a.link.Together() {
		a.via = a.link
	}
	b := bus.AppendField(a.decided[:0], bus.BallotHeader, ballot.String())
	a.decided = append(bus.AppendPlace(b, slot, a.generation.Load()), "\r\n"...)
}

func (a *answerer) send(inbox string, data []byte) error {
	if a.via != nil && a.via.Collect(inbox, "", a.header, data) == nil {
		return nil
	}
	header, err := bus.DecodeHeader(a.header)
	if err != nil {
		return err
	}
	return a.bus.Conn().PublishMsg(&nats.Msg{Subject: inbox, Header: header, Data: data})
}

// Rest lets the answers go.
func (a *answerer) Rest() {
	if a.via != nil {
		a.via.Rest()
	}
}

// setGeneration has answers name the cluster's generation.
func (a *answerer) setGeneration(n uint64) { a.generation.Store(n) }
