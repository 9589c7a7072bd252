package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
)

// A Role is a running acceptor, proposer or learner.
type Role interface {
	// Name is the role and its id, such as "acceptor a1".
	Name() string
	// Failed yields why the role stopped by itself, at most once. It must not be
	// started again in this process.
	Failed() <-chan error
	// Report is the role's present state. It may take some hundred milliseconds.
	Report() Report
	// Alive is nil as long as the role goes on working, and else why only a new start can
	// help. It returns at once.
	Alive() error
	// Stop ends the role: a leader hands over first, unless ctx ends. Everything
	// that was promised is durable, and the data directory free, when it returns nil.
	Stop(ctx context.Context) error
}

// common is what the roles have in common.
type common struct {
	self    paxos.Sender
	cluster string
	log     *slog.Logger
	started time.Time
	bus     *bus.Bus
	stack   stack
	handle  actorHandle           // once the role listens
	heard   func(*paxos.Envelope) // if not nil, told of every message before the actor is
}

// actorHandle is what every actor of a role offers.
type actorHandle interface {
	Collect(paxos.Envelope)
	Rest()
	Failed() <-chan error
	Overflow() uint64
	Drops() map[string]uint64
	LastDrops() map[string]actors.LastDrop
	Busy() time.Duration
	Gone() bool
}

// hungTime is how long an actor may work on one thing before it is taken to hang.
const hungTime = 10 * time.Second

// Alive is nil unless the role's actor hangs or has failed.
func (n *common) Alive() error {
	switch h := n.handle; {
	case h == nil:
		return nil // it starts
	case h.Gone():
		return errors.New("it has failed: see its log")
	case h.Busy() > hungTime:
		return fmt.Errorf("it has hung for %s", h.Busy().Round(time.Second))
	default:
		return nil
	}
}

func newCommon(role paxos.Role, c *Config) common {
	c.prepare(role)
	return common{
		self:    paxos.Sender{Role: role, ID: c.ID, Process: newProcess()},
		cluster: c.Bus.Subjects.Cluster, log: c.Log, started: time.Now(),
	}
}

// connect connects to NATS, and waits for a server if there is none yet.
func (n *common) connect(ctx context.Context, o bus.Options) error {
	o.Wait = true
	b, err := bus.Connect(ctx, o)
	if err != nil {
		return err
	}
	n.bus = b
	n.stack.push("connection", func() error { b.Close(); return nil })
	return nil
}

// connectFor connects a role that has a disk, before it opens it: credentials that are
// refused leave no trace there. A directory that is another node's is refused first.
func (n *common) connectFor(ctx context.Context, c Config) error {
	if err := storage.Expect(c.Data, n.self.Role, n.self.ID, c.Storage); err != nil {
		return err
	}
	if err := n.connect(ctx, c.Bus); err != nil {
		return err
	}
	return n.introduce()
}

// introduce says Hello, as a newcomer does, to learn whether the role may speak. A
// server that is lost meanwhile is no reason not to start.
func (n *common) introduce() error {
	err := n.bus.PublishConfirmed(paxos.Envelope{From: n.self, Msg: paxos.Hello{}})
	if errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	return nil
}

// listen lets the actor hear the protocol, and the role be asked how it does.
func (n *common) listen(h actorHandle, report func() Report) error {
	n.handle = h
	collect := h.Collect
	if n.heard != nil {
		collect = func(e paxos.Envelope) {
			n.heard(&e)
			h.Collect(e)
		}
	}
	l, err := n.bus.ListenInBursts(n.self.Role, n.self.ID, collect, h.Rest)
	if err != nil {
		return err
	}
	n.stack.push("listening", l.Stop)
	return n.answerStatus(report)
}

// Name is the role and its id.
func (n *common) Name() string { return fmt.Sprintf("%s %s", n.self.Role, n.self.ID) }

// abandon stops what a failed start left, and returns why it failed.
func (n *common) abandon(err error) error { return errors.Join(err, n.stack.stop()) }

// report is what every role tells. h may be nil while the role starts.
func (n *common) report(h actorHandle) Report {
	host, _ := os.Hostname() // no name is as good an answer as any
	r := Report{
		Role: n.self.Role.String(), ID: n.self.ID, Version: Version(), Cluster: n.cluster,
		Process: fmt.Sprintf("%016x", n.self.Process), Boot: n.self.Boot,
		Host: host, PID: os.Getpid(), Started: n.started.UTC().Truncate(time.Millisecond), Clock: time.Unix(0, int64(actors.NewClock().Now().Wall)).UTC(),
		Connected: n.bus.Connected(), Overflow: h.Overflow(), Ignored: h.Drops(), Bus: n.bus.Stats(),
		MaxPayload: n.bus.MaxPayload(),
	}
	for reason, d := range h.LastDrops() {
		if r.IgnoredLast == nil {
			r.IgnoredLast = map[string]LastIgnored{}
		}
		r.IgnoredLast[reason] = LastIgnored{From: d.From.Role.String() + " " + string(d.From.ID), Disk: d.From.Disk.String(), Boot: d.From.Boot, Ago: time.Since(d.At).Seconds()}
	}
	if !n.self.Disk.IsZero() {
		r.Disk = n.self.Disk.String()
	}
	return r
}
