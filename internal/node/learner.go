package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/bus/leaf"
	"github.com/synod-paxos/synod/consumers"
	"github.com/synod-paxos/synod/jsapi"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/streams"
)

// Learner is a running learner with its disk, its state and its connection.
type Learner struct {
	common
	dir     *storage.Dir
	machine Machine    // an overseer, or held
	streams *machine   // the machine below it, if it is the built-in one; else nil
	keeper  *keeper    // of copies of streams; else nil
	halt    halt       // why the machine is held; zero when it is not
	failed  chan error // gets why the disk below streams failed
	answers *answerer
	actor   *actors.Learner
	leaf    bool               // there is to be a leaf-node connection
	watch   *consumers.Service // nil without streams, as the next
	api     *jsapi.Server
}

// Where in a learner's data directory its state machine lives, and where snapshots
// are kept on their way from one learner to another.
const (
	stateDir      = "state"
	transferDir   = "transfer"
	checkpointDir = "checkpoint" // copies of the state to go back to
)

// StartLearner starts a learner. ctx bounds the wait for a NATS server.
func StartLearner(ctx context.Context, c Config) (*Learner, error) {
	l := &Learner{common: newCommon(paxos.LearnerRole, &c), failed: make(chan error, 1)}
	if err := l.start(ctx, c); err != nil {
		return nil, l.abandon(err)
	}
	l.log.Info("learner runs", "disk", l.self.Disk.String(), "boot", l.self.Boot, "applied", uint64(l.machine.Position().Applied))
	return l, nil
}

func (l *Learner) start(ctx context.Context, c Config) error {
	c.Bus.AtOnce = true // answers go by a connection of their own
	if err := l.connectFor(ctx, c); err != nil {
		return err
	}
	if err := l.openState(ctx, c); err != nil {
		return err
	}
	if err := l.spawn(c); err != nil {
		return err
	}
	if err := l.listen(l.actor, l.Report); err != nil {
		return err
	}
	l.wander(l.leaderUnheard())
	return nil
}

func (l *Learner) openState(ctx context.Context, c Config) error {
	dir, err := storage.OpenLearnerDir(c.Data, c.ID, c.Storage)
	if err != nil {
		return err
	}
	l.dir = dir
	l.stack.push("data directory", dir.Close)
	l.self.Disk, l.self.Boot = dir.Info().Disk, dir.Info().Boot
	if err := l.resolveDoubt(ctx, c); err != nil {
		return err
	}
	path, err := dir.Sub(stateDir)
	if err != nil {
		return err
	}
	if err := l.openMachine(c, path); err != nil {
		return err
	}
	l.stack.push("state", l.machine.Close)
	return nil
}

func (l *Learner) openMachine(c Config, path string) error {
	m, err := l.openOwn(c, path)
	if err != nil {
		return err
	}
	o, err := oversee(m, l.keeper, l.dir.Path(), l.log)
	if err == nil {
		l.machine, err = l.hold(o)
	}
	if err != nil {
		return errors.Join(err, m.Close())
	}
	return nil
}

// openOwn opens the machine that the configuration asks for.
func (l *Learner) openOwn(c Config, path string) (Machine, error) {
	if c.OpenMachine != nil {
		return c.OpenMachine(path)
	}
	m, err := openMachine(path, streams.Options{Logger: l.log, Supports: c.Supports, Failed: l.diskFailed, MemTableBytes: uint64(c.MemTable)})
	if err != nil {
		return nil, err
	}
	l.streams = m
	kept, err := l.dir.Sub(checkpointDir)
	if err == nil {
		l.keeper, err = openKeeper(kept, m, c.CheckpointEvery)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (l *Learner) spawn(c Config) error {
	transfer, err := l.dir.Sub(transferDir)
	if err != nil {
		return err
	}
	superseded, err := readSuperseded(l.dir.Path())
	if err != nil {
		return err
	}
	link, err := l.linkAnswers(c)
	if err != nil {
		return err
	}
	l.answers = newAnswerer(l.bus, link, l.log)
	var readers actors.Door
	if l.streams != nil {
		if err := l.serve(c, link); err != nil {
			return err
		}
		readers = l.api
	}
	a := actors.LearnerConfig{
		Self: l.self, Options: roles.DefaultLearnerOptions(), Machine: l.machine, Snapshots: l.machine,
		Dir: transfer, ChunkBytes: bus.MaxChunkBytes(l.bus.MaxPayload()),
		Send: l.bus, Answer: l.answers, Readers: readers, Joined: l.joined, Configured: l.configured, Doubted: l.doubt,
		Agreed: l.agreed, Held: l.halt.Slot, Failed: l.failed,
		Bound: l.dir.Info().Cluster, SupersededBy: superseded, Superseded: markSuperseded(l.dir.Path(), l.log), Clock: actors.NewClock(), Log: l.log,
	}
	if c.Tracers != nil {
		l.tracing(c.Tracers, &a)
	}
	l.actor, err = actors.SpawnLearner(actors.NewSystem(l.log), a)
	if err == nil {
		l.stack.push("actor", l.actor.Stop)
	}
	return err
}

// serve makes what answers JetStream's clients. Its door is opened by messages that
// arrive later, so it always finds the actor.
func (l *Learner) serve(c Config, link *leaf.Link) (err error) {
	l.leaf = c.Leaf != nil
	o := consumers.Options{Leaf: c.Leaf, Plain: link, Reach: l.streams.reach, Log: l.log}
	if o.Leaf != nil {
		link := *o.Leaf
		link.Name = c.Bus.Name
		o.Leaf = &link
	}
	if l.watch, err = consumers.New(l.bus, l.streams, o); err != nil {
		return err
	}
	l.stack.push("consumers", l.watch.Stop)
	l.api = jsapi.New(l.bus, l.streams, jsapi.Options{
		Barrier: l.Barrier, Reach: l.streams.reach, Consumers: l.watch, Link: link, ID: c.ID, Log: l.log,
		Fellows: func() []paxos.NodeID { return l.actor.Status().Fellows },
	})
	l.stack.push("reads", l.api.Stop)
	return nil
}

// linkAnswers opens a connection for answers; nil: none, over a websocket.
func (l *Learner) linkAnswers(c Config) (*leaf.Link, error) {
	o := leaf.Options{Bus: c.Bus, Beside: l.bus, Name: c.Bus.Name + " answers", Log: l.log}
	if o.Check() != nil {
		return nil, nil
	}
	link, err := leaf.Open(o)
	if err == nil {
		l.stack.push("answers", link.Close)
	}
	return link, err
}

// Barrier returns nil once the state machine holds every command that was answered
// anywhere before the call, and ctx's error when that takes too long.
func (l *Learner) Barrier(ctx context.Context) error { return l.actor.Barrier(ctx) }

// diskFailed hears what is wrong with the disk of the built-in state machine.
func (l *Learner) diskFailed(err error) {
	select {
	case l.failed <- err:
	default: // one is enough: the state that was in place before a snapshot
	}
}

// agreed notes after which slot fellows were found to have the same state.
func (l *Learner) agreed(slot paxos.Slot) {
	if l.keeper != nil {
		l.keeper.agreed.Store(uint64(slot))
	}
}

// joined binds the directory to the cluster that the learner found, for ever: a
// state of one cluster never gets another one's log.
func (l *Learner) joined(g *paxos.Genesis) error {
	l.log.Info("joined the cluster", "uuid", g.Cluster.UUID.String(), "generation", g.Cluster.Generation)
	if err := l.dir.Bind(g.Cluster); err != nil {
		return err
	}
	l.answers.setGeneration(g.Cluster.Generation)
	if l.streams != nil {
		l.api.SetGeneration(g.Cluster.Generation)
		l.streams.setGeneration(g.Cluster.Generation)
	}
	return nil
}

// configured keeps the newest configuration for backups of the directory.
func (l *Learner) configured(g *paxos.Genesis, newest *paxos.Configuration) error {
	return writeConfiguration(l.dir.Path(), g, newest)
}

// Failed yields why the learner stopped by itself.
func (l *Learner) Failed() <-chan error { return l.actor.Failed() }

// Stop ends the learner once what it learned is applied and durable.
func (l *Learner) Stop(context.Context) error { return l.stack.stop() }

// Report is the learner's present state.
func (l *Learner) Report() Report {
	r := l.report(l.actor)
	s := l.actor.Status()
	r.Inbox = s.Inbox
	r.setGenesis(s.Genesis, s.Known)
	digest, reads := streams.Digest{}, map[string]uint64(nil)
	if l.streams != nil {
		digest, reads = l.streams.present(), l.api.Counts()
	}
	r.Learner = &LearnerReport{
		Learned: s.Learned, Applied: s.Position.Applied, Durable: s.Position.Durable, ChosenBelow: s.ChosenBelow,
		TrimBelow: s.TrimBelow, Lag: lag(s.Position.Applied, s.ChosenBelow), Leader: ballotText(s.Leader),
		Open: s.Open, Unanswered: s.Unanswered, Fetching: s.Fetching,
		CanRead: l.canRead(s), Commands: s.Commands, Batches: s.Batches, Apply: newDurations(s.Apply), Answered: s.Answered, AnswersLost: l.answers.lost.Load(),
		Digest: DigestReport{Slot: paxos.Slot(digest.Slot), Sum: digest.Sum.String()}, Reads: reads,
	}
	if l.watch != nil {
		r.Learner.Watch = watchReport(l.watch, l.leaf)
	}
	l.reportState(r.Learner, s.Position)
	r.setRival(s.Rival)
	r.setReady(l.notReady(s, r.Learner.CanRead))
	return r
}

// reportState is what a report says of versions, of the copy of the state that is kept
// and of what the state machine fails on.
func (l *Learner) reportState(r *LearnerReport, p paxos.Position) {
	if l.keeper != nil {
		r.Kept, r.Durable = l.keeper.slot(), paxos.Slot(l.streams.durable())
	}
	r.StateVersion, r.Supports = p.Version, p.Supports
	r.HeldAt, r.HeldWhy = l.halt.Slot, l.halt.Reason
}

// readPatience is how long the read that shows whether reads are possible may take.
const readPatience = 500 * time.Millisecond

// behindPatience is the same of one that is behind, and will hardly answer in time: whoever
// asks for reports does not wait longer for the last (see askQuiet), and is not to miss it.
const behindPatience = 100 * time.Millisecond

// canRead tries whether a linearizable read is possible: a quorum of acceptors answers,
// and what they voted for gets chosen and applied.
func (l *Learner) canRead(s actors.LearnerStatus) bool {
	if !l.bus.Connected() || s.Genesis == nil || s.Rival != (paxos.ClusterID{}) || s.Snapshot != nil {
		return false
	}
	patience := readPatience
	if s.Behind {
		patience = behindPatience
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return l.Barrier(ctx) == nil
}

// watchReport tells of what is pushed to clients.
func watchReport(s *consumers.Service, leaf bool) *WatchReport {
	w := &WatchReport{Leaf: leaf}
	w.Consumers, w.Delivered = s.Counts()
	if err := s.Path(); err != nil {
		w.Problem = err.Error()
	}
	return w
}

// lag is how many chosen slots are not applied.
func lag(applied, chosenBelow paxos.Slot) paxos.Slot {
	if chosenBelow <= applied+1 {
		return 0
	}
	return chosenBelow - applied - 1
}

// notReady is why the learner cannot answer; nil when it can.
func (l *Learner) notReady(s actors.LearnerStatus, canRead bool) error {
	switch {
	case !l.bus.Connected():
		return errNotConnected
	case s.Rival != (paxos.ClusterID{}):
		return notAlone(s.Genesis, s.Rival)
	case l.halt.Slot != 0:
		return fmt.Errorf("it is held at slot %d, on which its state machine fails: %s; a newer build may do better, else make an error of it with `synod skip --slot %d`",
			l.halt.Slot, l.halt.Reason, l.halt.Slot)
	case s.Genesis == nil:
		return errNoCluster
	case s.Snapshot != nil:
		return errors.New(s.Snapshot.String())
	case s.Learned+1 < s.TrimBelow:
		return errors.New("it is below the trim point and needs a snapshot")
	case s.Behind:
		return fmt.Errorf("it is %d slots behind", lag(s.Position.Applied, s.ChosenBelow))
	case !canRead:
		return errCannotRead
	default:
		return nil
	}
}

var errCannotRead = errors.New("it reaches no quorum of acceptors, or nobody leads: nothing can be read from it")
