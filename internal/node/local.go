package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/paxos"
)

// LocalConfig describes a whole cluster in one process.
type LocalConfig struct {
	Cluster string
	Listen  string // of the embedded NATS server, host:port; port 0 is a random one
	Leaf    string // of the same for leaf nodes
	Data    string // directory; each role with a disk gets its own below it
	Log     *slog.Logger
	Tracers trace.TracerProvider // nil: off

	Acceptors, Proposers, Learners int
}

// Local is a cluster in this process: an embedded NATS server, and every role with
// a connection of its own. It is for trying and for development: the roles share
// the machine's fate.
type Local struct {
	config  LocalConfig
	server  *bus.Server
	genesis *paxos.Genesis
	failed  chan error
	stopped chan struct{} // closed by Stop
	stop    sync.Once

	acceptors []*Acceptor
	proposers []*Proposer
	learners  []*Learner
}

// StartLocal starts the cluster, and founds it unless its acceptors' disks belong
// to one. It returns once a proposal would succeed.
func StartLocal(ctx context.Context, c LocalConfig) (*Local, error) {
	l := &Local{config: c, failed: make(chan error, 1), stopped: make(chan struct{})}
	if err := l.start(ctx); err != nil {
		stopCtx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return nil, errors.Join(err, l.Stop(stopCtx))
	}
	return l, nil
}

func (l *Local) start(ctx context.Context) (err error) {
	l.server, err = bus.StartServer(bus.ServerOptions{
		Name: "synod-dev", Listen: l.config.Listen, LeafNodes: l.config.Leaf, Log: l.config.Log,
	})
	if err != nil {
		return err
	}
	if err := l.startRoles(ctx); err != nil {
		return err
	}
	for _, r := range l.Roles() {
		go l.watch(r)
	}
	return l.awaitReady(ctx)
}

func (l *Local) startRoles(ctx context.Context) error {
	var ids []paxos.NodeID
	for i := range l.config.Acceptors {
		c := l.node("a", i)
		a, err := StartAcceptor(ctx, c)
		if err != nil {
			return err
		}
		l.acceptors, ids = append(l.acceptors, a), append(ids, c.ID)
	}
	if err := l.found(ctx, ids); err != nil {
		return err
	}
	for i := range l.config.Learners {
		c := l.node("l", i)
		if u := l.server.LeafURL(); u != "" {
			c.Leaf = &leaf.Options{Bus: bus.Options{URLs: []string{u}}}
		}
		n, err := StartLearner(ctx, c)
		if err != nil {
			return err
		}
		l.learners = append(l.learners, n)
	}
	for i := range l.config.Proposers {
		c := l.node("p", i)
		c.BareSubjects = true // the embedded server has no JetStream
		p, err := StartProposer(ctx, c)
		if err != nil {
			return err
		}
		l.proposers = append(l.proposers, p)
	}
	return nil
}

// node is what the role with this letter and number is told.
func (l *Local) node(letter string, i int) Config {
	id := fmt.Sprintf("%s%d", letter, i+1)
	return Config{ID: paxos.NodeID(id), Data: filepath.Join(l.config.Data, id), Bus: l.BusOptions(), Tracers: l.config.Tracers, Log: l.config.Log}
}

// BusOptions are how to connect to the cluster's server.
func (l *Local) BusOptions() bus.Options {
	return bus.Options{Subjects: bus.Subjects{Cluster: l.config.Cluster}, URLs: []string{l.server.URL()}, Log: l.config.Log}
}

func (l *Local) found(ctx context.Context, acceptors []paxos.NodeID) error {
	o := l.BusOptions()
	o.Name = "init"
	b, err := bus.Connect(ctx, o)
	if err != nil {
		return err
	}
	defer b.Close()
	f, err := Found(ctx, b, Plan{Acceptors: acceptors}, nil)
	if err != nil {
		return err
	}
	l.genesis = f.Genesis
	return nil
}

func (l *Local) watch(r Role) {
	var err error
	var failed bool
	select {
	case err, failed = <-r.Failed():
	case <-l.stopped:
	}
	if !failed {
		return
	}
	select {
	case l.failed <- fmt.Errorf("%s failed: %w", r.Name(), err):
	default: // another failed first
	}
}

// readyPoll is how often a starting cluster is looked at.
const readyPoll = 10 * time.Millisecond

func (l *Local) awaitReady(ctx context.Context) error {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for !l.ready() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster is not ready: %w", context.Cause(ctx))
		case err := <-l.failed:
			return err
		case <-ticker.C:
		}
	}
	return nil
}

// ready reports whether a leader reaches its clients, and every learner has what
// it says is chosen.
func (l *Local) ready() bool {
	for _, n := range l.learners {
		if r := n.Report(); !r.Ready || r.Learner.Lag > 0 || r.Learner.Watch.Leaf && r.Learner.Watch.Problem != "" {
			return false
		}
	}
	for _, p := range l.proposers {
		if r := p.Report(); r.Ready && r.Proposer.Serving && r.Proposer.InFlight == 0 {
			return true
		}
	}
	return false
}

// URL is where clients connect.
func (l *Local) URL() string { return l.server.URL() }

// LeafURL is where leaf nodes connect.
func (l *Local) LeafURL() string { return l.server.LeafURL() }

// Genesis is the founding of the cluster.
func (l *Local) Genesis() *paxos.Genesis { return l.genesis }

// Failed yields why the first role that failed did.
func (l *Local) Failed() <-chan error { return l.failed }

// Roles are all roles.
func (l *Local) Roles() []Role {
	var roles []Role
	for _, a := range l.acceptors {
		roles = append(roles, a)
	}
	for _, p := range l.proposers {
		roles = append(roles, p)
	}
	for _, n := range l.learners {
		roles = append(roles, n)
	}
	return roles
}

// Stop stops the cluster: first what takes new work, last what remembers.
func (l *Local) Stop(ctx context.Context) error {
	l.stop.Do(func() { close(l.stopped) })
	var errs []error
	for _, p := range l.proposers {
		errs = append(errs, p.Stop(ctx))
	}
	for _, n := range l.learners {
		errs = append(errs, n.Stop(ctx))
	}
	errs = append(errs, stopAll(ctx, l.acceptors))
	if l.server != nil {
		l.server.Stop()
	}
	return errors.Join(errs...)
}

// stopAll stops all at once: each waits for a disk of its own.
func stopAll(ctx context.Context, acceptors []*Acceptor) error {
	errs := make([]error, len(acceptors))
	var wait sync.WaitGroup
	for i, a := range acceptors {
		wait.Go(func() { errs[i] = a.Stop(ctx) })
	}
	wait.Wait()
	return errors.Join(errs...)
}
