package node

import (
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// answerer sends the state machine's results to the clients that wait for them. All
// answers come from one goroutine, a slot's one after the other.
type answerer struct {
	bus   *bus.Bus
	log   *slog.Logger
	quiet rate.Sometimes
	lost  atomic.Uint64

	generation atomic.Pointer[[]string] // of the cluster, as a header's value; nil: not known yet

	slot     paxos.Slot
	ballot   paxos.Ballot
	decision nats.Header // where the commands of slot were decided
	message  nats.Msg    // the present answer
}

func newAnswerer(b *bus.Bus, log *slog.Logger) *answerer {
	return &answerer{bus: b, log: log, quiet: rate.Sometimes{First: 1, Interval: 10 * time.Second}}
}

// Answer replies with the result's own headers and those that say where the
// command was decided.
func (a *answerer) Answer(inbox string, r actors.Result, slot paxos.Slot, ballot paxos.Ballot) {
	err := a.compose(inbox, r, slot, ballot)
	if err == nil {
		err = a.bus.Conn().PublishMsg(&a.message)
	}
	if err != nil {
		a.lost.Add(1)
		a.quiet.Do(func() { a.log.Warn("answer not sent", "slot", uint64(slot), "err", err) })
	}
}

// compose makes message the answer. Most results have no header of their own, and
// all of a slot then share one.
func (a *answerer) compose(inbox string, r actors.Result, slot paxos.Slot, ballot paxos.Ballot) error {
	a.message = nats.Msg{Subject: inbox, Data: r.Data}
	if len(r.Header) > 0 {
		header, err := bus.DecodeHeader(r.Header)
		if err != nil {
			return err
		}
		a.message.Header = header
		a.setDecision(slot, ballot)
		return nil
	}
	if a.decision == nil || slot != a.slot || ballot != a.ballot {
		a.setDecision(slot, ballot)
		a.slot, a.ballot, a.decision = slot, ballot, a.message.Header
	}
	a.message.Header = a.decision
	return nil
}

func (a *answerer) setDecision(slot paxos.Slot, ballot paxos.Ballot) {
	bus.SetDecision(&a.message, slot, ballot)
	if g := a.generation.Load(); g != nil {
		a.message.Header[bus.GenerationHeader] = *g
	}
}

// setGeneration has answers name the cluster's generation.
func (a *answerer) setGeneration(n uint64) {
	a.generation.Store(&[]string{strconv.FormatUint(n, 10)})
}
