package actors

import (
	"log/slog"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// Sender hands messages to the network. Delivery is best effort, so an error
// changes nothing: it is counted where it happens.
type Sender interface {
	Publish(e paxos.Envelope) error
}

// Store is the durable memory of an acceptor.
type Store interface {
	// Append makes the records durable, all or none, before it returns nil. After an
	// error the store must not be used again.
	Append(records []paxos.Record) error
	// Fill completes p with the votes of its range, of at most about maxBytes.
	Fill(p *paxos.Page, maxBytes int) error
	// SpaceLow reports whether the disk is down to its reserve.
	SpaceLow() bool
	// Failed is closed, or yields the reason, when the disk failed on its own.
	Failed() <-chan error
}

// AcceptorConfig is what an acceptor actor needs.
type AcceptorConfig struct {
	Self      paxos.Sender
	State     paxos.AcceptorState // as the store holds it
	Store     Store
	Send      Sender
	PageBytes int // most bytes of votes in one message
	// SupersededBy is the cluster that has taken the name of this one, as an earlier start
	// heard; zero for none. Superseded, if not nil, is called when one has.
	SupersededBy paxos.ClusterID
	Superseded   func(by paxos.ClusterID)
	Clock        *Clock
	Log          *slog.Logger
}

// Acceptor is a running acceptor.
type Acceptor struct {
	Handle
	actor *acceptor
}

// AcceptorStatus is the state of a running acceptor.
type AcceptorStatus struct {
	State  paxos.AcceptorState
	Writer WriterStats
	Inbox  int
	Rival  paxos.ClusterID // keeps it from voting; zero for none
}

// SpawnAcceptor starts an acceptor from what its disk holds.
func SpawnAcceptor(sys *System, c AcceptorConfig) (*Acceptor, error) {
	a := &Acceptor{}
	w := newWriter(c.Store, c.Send, c.Clock, c.PageBytes, a.fail)
	a.actor = &acceptor{config: c, handle: &a.Handle, writer: w}
	if err := spawn(sys, c.Self.ID, "acceptor-"+string(c.Self.ID), c.Clock, &a.Handle, a.actor); err != nil {
		return nil, err
	}
	go w.run()
	return a, nil
}

// Status asks the acceptor for its state; zero when it no longer answers.
func (a *Acceptor) Status() (s AcceptorStatus) {
	a.ask(func() { s.State, s.Rival = a.actor.role.State(), a.actor.role.Rival() })
	s.Writer, s.Inbox = a.actor.writer.stats(), a.inbox.len()
	return s
}

// Stop ends the acceptor once what it emitted is durable and sent, or failed. The
// store may be closed afterwards.
func (a *Acceptor) Stop() error {
	err := a.stop()
	a.actor.writer.close()
	return err
}

// acceptor is the actor.
type acceptor struct {
	config AcceptorConfig
	handle *Handle
	writer *writer
	role   *roles.Acceptor
	out    paxos.Effects
	rivals rivalry
}

func (a *acceptor) begin() {
	a.role = roles.RestoreAcceptor(a.config.Self, a.config.State, a.config.Clock.Now())
	a.role.Supersede(a.config.SupersededBy)
	a.rivals = rivalry{log: a.config.Log, marked: a.config.Superseded, higher: a.config.SupersededBy}
	go func() {
		select {
		case err := <-a.config.Store.Failed():
			a.handle.fail(err)
		case <-a.writer.done:
		}
	}()
}

func (a *acceptor) step(now paxos.Now, e paxos.Envelope) {
	sent := len(a.out.Send)
	a.role.Step(now, e, &a.out)
	// A page must show the disk as it was when the role wrote the message, so
	// nothing later may be written before it is filled in.
	for _, e := range a.out.Send[sent:] {
		if page, _ := paxos.Pending(e.Msg); page != nil {
			a.flush()
			return
		}
	}
}

func (a *acceptor) settle(now paxos.Now) {
	if now.Mono >= a.role.Wake() {
		a.role.SetNoSpace(a.config.Store.SpaceLow())
	}
	a.role.Tick(now, &a.out)
	a.rivals.see(a.role, a.role.Superseded())
	a.flush()
}

// flush gives the effects so far to the writer.
func (a *acceptor) flush() {
	a.handle.drops.note(a.out.Drop)
	if a.out.Stop != "" {
		panic(end(a.out.Stop))
	}
	if len(a.out.Persist) > 0 || len(a.out.Send) > 0 {
		a.writer.put(group{records: a.out.Persist, send: a.out.Send})
	}
	a.out = paxos.Effects{}
}

func (a *acceptor) wakeAt() paxos.Instant { return a.role.Wake() }

func (a *acceptor) end() {}
