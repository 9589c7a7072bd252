package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/tracing"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
)

// Acceptor is a running acceptor with its disk and its connection.
type Acceptor struct {
	common
	store *storage.Acceptor
	data  string // its directory
	count *countingStore
	actor *actors.Acceptor
}

// StartAcceptor starts an acceptor. ctx bounds the wait for a NATS server.
func StartAcceptor(ctx context.Context, c Config) (*Acceptor, error) {
	a := &Acceptor{common: newCommon(paxos.AcceptorRole, &c)}
	if err := a.start(ctx, c); err != nil {
		return nil, a.abandon(err)
	}
	a.log.Info("acceptor runs", "disk", a.self.Disk.String(), "boot", a.self.Boot, "sealed", a.store.State().Sealed)
	return a, nil
}

func (a *Acceptor) start(ctx context.Context, c Config) error {
	c.Bus.AtOnce = true
	if err := a.connectFor(ctx, c); err != nil {
		return err
	}
	if err := a.openStore(c); err != nil {
		return err
	}
	if err := a.spawn(c); err != nil {
		return err
	}
	if err := a.listen(a.actor, a.Report); err != nil {
		return err
	}
	unheard := a.leaderUnheard()
	a.wander(func() bool { return unheard() && a.actor.Status().State.Sealed })
	return nil
}

func (a *Acceptor) openStore(c Config) error {
	store, err := storage.OpenAcceptor(c.Data, c.ID, c.Storage)
	if err != nil {
		return err
	}
	a.data = c.Data
	a.store, a.count = store, &countingStore{Acceptor: store}
	a.stack.push("storage", store.Close)
	a.self.Disk, a.self.Boot = store.Disk(), store.Boot()
	return nil
}

func (a *Acceptor) spawn(c Config) error {
	superseded, err := readSuperseded(a.data)
	if err != nil {
		return err
	}
	var send actors.Sender = a.bus
	if c.Tracers != nil {
		t := tracing.NewAcceptor(c.Tracers, a.cluster, a.self.ID, a.bus)
		send, a.heard, a.count.trace = t, t.Heard, t.Append
	}
	a.actor, err = actors.SpawnAcceptor(actors.NewSystem(a.log), actors.AcceptorConfig{
		Self: a.self, State: a.store.State(), Store: a.count, Send: send,
		PageBytes: bus.MaxPageBytes(a.bus.MaxPayload()), Clock: actors.NewClock(), Log: a.log,
		SupersededBy: superseded, Superseded: markSuperseded(a.data, a.log),
	})
	if err == nil {
		a.stack.push("actor", a.actor.Stop)
	}
	return err
}

// Failed yields why the acceptor stopped by itself.
func (a *Acceptor) Failed() <-chan error { return a.actor.Failed() }

// Stop ends the acceptor once what it emitted is durable and sent.
func (a *Acceptor) Stop(context.Context) error { return a.stack.stop() }

// Report is the acceptor's present state.
func (a *Acceptor) Report() Report {
	r := a.report(a.actor)
	s := a.actor.Status()
	r.Inbox = s.Inbox
	r.setGenesis(s.State.Genesis, s.State.Known)
	r.Acceptor = &AcceptorReport{
		Sealed: s.State.Sealed, Promised: ballotText(s.State.Promised),
		ChosenBelow: s.State.Marks.ChosenBelow, TrimBelow: s.State.Marks.TrimBelow, MaxVoted: s.State.Marks.MaxVoted,
		Syncs: s.Writer.Syncs, Records: s.Writer.Records, Votes: s.Writer.Votes, Messages: s.Writer.Messages,
		Commands: a.count.commands.Load(), SpaceLow: a.store.SpaceLow(), SyncPending: milliseconds(s.Writer.Pending),
	}
	r.Acceptor.setStorage(a.store.Metrics())
	r.setRival(s.Rival)
	r.setReady(a.notReady(s))
	return r
}

// setStorage adds what the store counts.
func (a *AcceptorReport) setStorage(m storage.Metrics) {
	a.Sync, a.Written, a.SlowCalls = newLatency(m.Latency), m.Bytes, m.SlowCalls
	a.Segments, a.Reclaims, a.DiskBytes, a.FreeBytes = m.Segments, m.Reclaims, m.DiskBytes, m.FreeBytes
}

// notReady is why the acceptor cannot vote; nil when it can.
func (a *Acceptor) notReady(s actors.AcceptorStatus) error {
	switch {
	case !a.bus.Connected():
		return errNotConnected
	case s.Rival != (paxos.ClusterID{}):
		return notAlone(s.State.Genesis, s.Rival)
	case s.State.Genesis == nil:
		return errors.New("it belongs to no cluster yet: found one with `synod init`, or take it into one with `synod member`")
	case !s.State.Sealed:
		return fmt.Errorf("the founding of its cluster %s did not finish: run `synod init` again", s.State.Genesis.Cluster)
	case s.Writer.Pending > hungSync:
		return fmt.Errorf("its disk hangs: a sync has taken %s so far", s.Writer.Pending.Round(time.Millisecond))
	default:
		return nil
	}
}

// hungSync is how long a sync may take before the acceptor is of no use to a leader:
// an election timeout or more.
const hungSync = time.Second
