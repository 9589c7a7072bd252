package actors

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// Result is what the state machine says to one command.
type Result struct {
	Header []byte // NATS wire form; nil for none
	Data   []byte
}

// Machine is a learner's state machine. Apply is called by one goroutine at a time; the
// other methods may be called while it runs.
type Machine interface {
	// Apply applies the commands of a slot, in order, and returns a result for each.
	// Slots come without a gap. It need not be durable when Apply returns.
	Apply(slot paxos.Slot, stamp paxos.LogTime, commands []paxos.Command) ([]Result, error)
	// Position is how far the machine is.
	Position() paxos.Position
	// Sync makes durable what was applied before it was called. It may put that off,
	// but not once wanted is applied and not durable yet.
	Sync(wanted paxos.Slot) error
	// Digest sums up the state after the last Apply, and is never called while that runs.
	// Machines that applied the same slots have equal digests.
	Digest() [16]byte
}

// Snapshots hands a state machine's state from one learner to another.
type Snapshots interface {
	// Snapshot writes the state as it is after some slot, and names that slot. It may
	// be called while Apply runs.
	Snapshot(w io.Writer) (paxos.Slot, error)
	// Install replaces the state by what Snapshot wrote, durably, all or nothing. It
	// is never called while Apply runs. An error that matches ErrBadSnapshot means
	// that the state is as it was.
	Install(r io.Reader) error
}

// Answerer sends replies to clients.
type Answerer interface {
	// Answer replies to the inbox of a command that was applied in a slot, which the
	// learner learned in a ballot. An answer may be lost. It need not go before Rest.
	Answer(inbox string, r Result, slot paxos.Slot, ballot paxos.Ballot)
	// Rest says that no further answer comes right now.
	Rest()
}

// LearnerConfig is what a learner actor needs.
type LearnerConfig struct {
	Self    paxos.Sender
	Options roles.LearnerOptions
	Machine Machine
	Send    Sender
	Answer  Answerer
	// Joined is called once, when the learner knows its cluster, before it applies
	// anything. An error stops the learner.
	Joined func(*paxos.Genesis) error
	// Configured, if not nil, is called when the learner knows its cluster, and whenever it
	// hears of a newer configuration. An error stops the learner.
	Configured func(*paxos.Genesis, *paxos.Configuration) error
	// Doubted, if not nil, is called before the learner stops because its state differs
	// from others': whoever starts it again must not trust that state.
	Doubted func(Doubt)
	// Agreed, if not nil, is told the last slot after which enough fellows had the same
	// state, as roles.Learner.Agreed has it, whenever it rises.
	Agreed func(paxos.Slot)
	// Held is the slot that the state machine cannot apply; 0: there is none. Until it
	// can, the machine only looks at what is learned, and the learner is mute.
	Held paxos.Slot
	// Bound is the cluster that the disk belongs to; zero for a new one.
	Bound paxos.ClusterID
	// SupersededBy is the cluster that has taken the name of this one, as an earlier start
	// heard; zero for none. Superseded, if not nil, is called when one has.
	SupersededBy paxos.ClusterID
	Superseded   func(by paxos.ClusterID)
	// Readers is where clients read: it is open while this learner can serve them, and
	// closed while it cannot reach a quorum of acceptors or doubts its state. nil: nobody reads.
	Readers Door
	// Snapshots is the same machine once more. A learner without it can neither help
	// one that is far behind nor be helped.
	Snapshots Snapshots
	// Dir is for files of snapshots on their way in or out; what is in it besides is
	// left alone. ChunkBytes is the most bytes of a snapshot in one message.
	Dir        string
	ChunkBytes int
	// Failed yields why the machine's disk failed, which stops the learner even when
	// there is nothing to apply. nil: only Apply and Sync tell.
	Failed <-chan error
	Clock  *Clock
	Log    *slog.Logger
}

// Learner is a running learner.
type Learner struct {
	Handle
	actor *learner
}

// LearnerStatus is the state of a running learner.
type LearnerStatus struct {
	roles.LearnerStatus
	Genesis  *paxos.Genesis
	Known    paxos.Configurations // that it knows, the newest last
	Commands uint64               // applied since the start
	Batches  uint64               // applied since the start
	Answered uint64               // commands replied to since the start
	Apply    paxos.Durations      // of the state machine, for each slot
	Inbox    int
	Rival    paxos.ClusterID // keeps it from answering; zero for none
	Fellows  []paxos.NodeID  // other learners that were heard lately
	Snapshot *Progress       // of the one that it installs; nil: it installs none
}

// SpawnLearner starts a learner from what its state machine holds.
func SpawnLearner(sys *System, c LearnerConfig) (*Learner, error) {
	l := &Learner{}
	sweep(c.Dir)
	l.actor = &learner{
		config: c, handle: &l.Handle, stop: make(chan struct{}),
		readers: map[uint64]chan<- struct{}{},
		source:  &source{machine: c.Snapshots, dir: c.Dir, chunk: c.ChunkBytes, log: c.Log},
	}
	if c.Readers != nil {
		l.actor.gate = newGate(c.Readers, c.Log)
	}
	l.actor.applier = newApplier(c.Machine, c.Log, l.wake, l.fail)
	if err := spawn(sys, c.Self.ID, "learner-"+string(c.Self.ID), c.Clock, &l.Handle, l.actor); err != nil {
		return nil, err
	}
	l.actor.applier.start()
	if l.actor.gate != nil {
		go l.actor.gate.run()
	}
	return l, nil
}

// Status asks the learner for its state; zero when it no longer answers.
func (l *Learner) Status() (s LearnerStatus) {
	l.ask(func() {
		s.LearnerStatus, s.Genesis, s.Answered = l.actor.role.Status(), l.actor.role.Genesis(), l.actor.answered
		s.Known = l.actor.role.Known()
		s.Rival = l.actor.role.Rival()
		s.Fellows = l.actor.role.Fellows(l.actor.config.Clock.Now())
	})
	s.Commands, s.Batches, s.Apply = l.actor.applier.counts()
	s.Inbox, s.Snapshot = l.inbox.len(), l.actor.progress.Load()
	return s
}

// Stop ends the learner once its state machine has applied what was learned. The
// machine may be closed afterwards.
func (l *Learner) Stop() error {
	if l.actor.gate != nil {
		l.actor.gate.close()
	}
	err := l.stop()
	close(l.actor.stop)
	l.actor.work.Wait()
	l.actor.applier.close()
	l.actor.source.close()
	return err
}

// learner is the actor.
type learner struct {
	config   LearnerConfig
	handle   *Handle
	applier  *applier
	role     *roles.Learner
	position paxos.Position // that the role knows
	agreed   paxos.Slot     // that Agreed was told
	told     uint64         // the number of the configuration that Configured was told
	out      paxos.Effects
	joined   bool
	answered uint64
	rivals   rivalry

	readers  map[uint64]chan<- struct{} // by read: closed when it may be served
	lastRead uint64
	gate     *gate
	caughtUp bool          // since it started, or last needed a snapshot
	nearly   paxos.Instant // since when it is not behind, before that; 0: it is

	source   *source
	serving  bool      // source is at work
	transfer *Transfer // of a snapshot on its way in, until it is installed; else nil
	progress atomic.Pointer[Progress]
	stop     chan struct{}
	work     sync.WaitGroup // goroutines of the two, and the one that waits for Failed
}

func (l *learner) begin() {
	l.work.Go(func() {
		select {
		case err := <-l.config.Failed:
			l.handle.fail(err)
		case <-l.handle.gone:
		}
	})
	l.position = l.config.Machine.Position()
	l.role = roles.NewLearner(l.config.Self, l.config.Options, l.position, l.config.Clock.Now())
	if l.config.Held != 0 {
		l.role.Hold(l.config.Held)
	}
	l.role.Bind(l.config.Bound)
	l.role.Supersede(l.config.SupersededBy)
	l.rivals = rivalry{log: l.config.Log, marked: l.config.Superseded, higher: l.config.SupersededBy}
}

func (l *learner) step(now paxos.Now, e paxos.Envelope) {
	switch m := e.Msg.(type) {
	case paxos.SnapshotQuery:
		l.serve(e, m)
	case paxos.SnapshotChunk:
		l.receive(e, m)
	default:
		l.role.Step(now, e, &l.out)
	}
}

func (l *learner) settle(now paxos.Now) {
	l.applied(now)
	l.install(now)
	l.role.Tick(now, &l.out)
	if !l.joined && l.role.Genesis() != nil {
		if err := l.config.Joined(l.role.Genesis()); err != nil {
			panic(end(err.Error()))
		}
		l.joined = true
	}
	l.configured()
	if l.out.Stop == "" && l.applier.here(l.out.Learn) {
		l.out.Learn = l.out.Learn[:0]
		l.applied(now)
		l.role.Tick(now, &l.out)
	}
	if a := l.role.Agreed(); a > l.agreed && l.config.Agreed != nil {
		l.agreed = a
		l.config.Agreed(a)
		l.applier.hurry()
	}
	l.applier.want(l.role.Wanted())
	l.rivals.see(l.role, l.role.Superseded())
	l.flush()
}

// applied tells the role what the state machine has done since.
func (l *learner) applied(now paxos.Now) {
	for _, d := range l.applier.takeDigests() {
		l.role.Digested(now, d, &l.out)
	}
	if p := l.applier.position(); p != l.position {
		l.position = p
		l.role.Applied(now, p, &l.out)
	}
}

// flush carries out the effects. Answers go before the Position that tells the
// others that they went.
func (l *learner) flush() {
	if l.out.Stop != "" {
		l.halt()
	}
	l.handle.drops.note(l.out.Drop)
	l.applier.put(l.out.Learn)
	for _, slot := range l.out.Answer {
		l.answer(slot)
	}
	if len(l.out.Answer) > 0 {
		l.config.Answer.Rest()
	}
	for _, slot := range l.out.Forget {
		l.applier.results(slot)
	}
	if l.out.Digest {
		l.applier.sum()
	}
	for _, read := range l.out.Read {
		if done := l.readers[read]; done != nil {
			close(done)
			delete(l.readers, read)
		}
	}
	if l.gate != nil {
		l.gate.set(l.mayServe())
	}
	for _, e := range l.out.Send {
		_ = l.config.Send.Publish(e) // lost messages are normal; the bus counts them
	}
	l.out.Reset()
}

// mayServe reports whether clients are to read here. Before a learner has caught up, it
// would let its share of the reads wait. Later it serves on while it is behind for a
// moment.
func (l *learner) mayServe() bool {
	l.caughtUp = l.joined && (l.caughtUp && !l.role.NeedsSnapshot() || l.catchesUp())
	return l.caughtUp && !l.role.Mute() && !l.role.CannotRead(l.config.Clock.Now(), readPatience)
}

// A learner has caught up once it lacks so few slots that reads hardly wait for them, or
// not more than a window for so long that it will not lack less.
const (
	fewSlots   = 8
	nearlyTime = paxos.Duration(1e9)
)

func (l *learner) catchesUp() bool {
	now := l.config.Clock.Now().Mono
	if l.role.Behind() {
		l.nearly = 0
		return false
	}
	if l.nearly == 0 {
		l.nearly = now
	}
	return l.role.Lacks() <= fewSlots || now-l.nearly >= paxos.Instant(nearlyTime)
}

// halt ends the learner. What it said before the others hear.
func (l *learner) halt() {
	for _, e := range l.out.Send {
		_ = l.config.Send.Publish(e)
	}
	if l.role.Diverged() && l.config.Doubted != nil {
		slot, outvoted := l.role.Doubt()
		l.config.Doubted(Doubt{Slot: slot, Outvoted: outvoted, Reason: l.out.Stop})
	}
	panic(end(l.out.Stop))
}

// A Doubt is why a learner stopped whose state differs from others'.
type Doubt struct {
	Slot     paxos.Slot `json:"slot"`     // after which the states were found to differ
	Outvoted bool       `json:"outvoted"` // a strict majority of three or more has another state
	Reason   string     `json:"reason"`
}

// readPatience is how long a round of reads may lack a quorum of acceptors before
// the learner leaves its readers to others.
const readPatience = paxos.Duration(500e6)

// maxReaders is how many reads may wait at once.
const maxReaders = 1 << 16

// ErrTooManyReads refuses a read because so many wait already.
var ErrTooManyReads = errors.New("actors: too many reads wait")

// Barrier returns nil once the state machine holds every command that was answered
// anywhere before the call: what is read then is linearizable. It returns ctx's
// error when that takes too long, as it does without a quorum of acceptors.
func (l *Learner) Barrier(ctx context.Context) error {
	done := make(chan struct{})
	refused := make(chan error, 1)
	var read uint64
	if !l.call(func() { read = l.actor.read(done, refused) }) {
		return ErrTooManyReads
	}
	select {
	case <-done:
		return nil
	case err := <-refused:
		return err
	case <-l.gone:
		return errors.New("actors: the learner has failed or stopped")
	case <-ctx.Done():
		l.call(func() { delete(l.actor.readers, read) })
		return ctx.Err()
	}
}

func (l *learner) read(done chan<- struct{}, refused chan<- error) uint64 {
	if len(l.readers) >= maxReaders {
		refused <- ErrTooManyReads
		return 0
	}
	l.lastRead++
	l.readers[l.lastRead] = done
	l.role.Read(l.config.Clock.Now(), l.lastRead, &l.out)
	return l.lastRead
}

func (l *learner) answer(slot paxos.Slot) {
	outcome := l.applier.results(slot)
	for i, inbox := range outcome.inboxes {
		if inbox != "" {
			l.config.Answer.Answer(inbox, outcome.results[i], slot, outcome.ballot)
			l.answered++
		}
	}
}

// serve answers a fellow that needs a snapshot, one question at a time: whoever
// asks while another is served asks again, and hears that it must wait if a snapshot is
// being made, which may take long.
func (l *learner) serve(e paxos.Envelope, q paxos.SnapshotQuery) {
	g := l.role.Genesis()
	if g == nil || e.Cluster != g.Cluster || e.To != l.config.Self.ID || l.role.Mute() || l.config.Snapshots == nil {
		return
	}
	if l.serving {
		if making, ok := l.source.making(); ok {
			l.role.Tell(e.From.ID, making, &l.out)
		}
		return
	}
	l.serving = true
	fresh := uint64(l.config.Clock.Now().Mono)
	l.spawn(func() {
		chunk := l.source.answer(e.From.ID, q, fresh)
		l.handle.call(func() {
			l.serving = false
			l.role.Tell(e.From.ID, chunk, &l.out)
		})
	})
}

func (l *learner) spawn(f func()) {
	l.work.Add(1)
	go func() {
		defer l.work.Done()
		f()
	}()
}

func (l *learner) wakeAt() paxos.Instant { return l.role.Wake() }

func (l *learner) end() {}
