package actors

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/synod-paxos/synod/paxos"
)

// System is the actors of one process.
type System struct {
	actors *actor.ActorSystem
	log    *slog.Logger
}

// NewSystem makes a system that logs to log.
func NewSystem(log *slog.Logger) *System {
	warnings := slog.New(least{log.With("lib", "protoactor").Handler()})
	s := &System{actors: actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return warnings })), log: log}
	shrink(s.actors.ProcessRegistry.LocalPIDs)
	return s
}

// least takes warnings and errors alone. What protoactor tells beside them, such as that
// a role which failed is told something no more, would stand after the reason of a failure.
type least struct{ slog.Handler }

func (h least) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h least) WithAttrs(a []slog.Attr) slog.Handler { return least{h.Handler.WithAttrs(a)} }

func (h least) WithGroup(name string) slog.Handler { return least{h.Handler.WithGroup(name)} }

// shrink leaves one of the 1024 maps of a system's actors, which has a handful. The
// others are 63,000 objects that every garbage collection would look at.
func shrink(all *actor.SliceMap) {
	one := all.LocalPIDs[0]
	for _, m := range all.LocalPIDs[1:] {
		m.IterCb(one.Set) // Items would start a goroutine for each of the 32 shards of each map
	}
	all.LocalPIDs = append(all.LocalPIDs[:0:0], one)
}

// Handle is a running role.
type Handle struct {
	id     paxos.NodeID
	sys    *System
	pid    *actor.PID
	inbox  inbox[input]
	drops  dropLog
	failed chan error
	gone   chan struct{} // closed once the role has failed or stopped
	once   sync.Once
	ended  sync.Once
	busy   span // the present run
}

// input is one thing for a role to do: a message off the bus, or a call.
type input struct {
	envelope paxos.Envelope
	call     func()
}

// Bounds of the inbox of protocol messages. What does not fit is lost, as on the
// network, and counted.
const (
	inboxItems = 1 << 16
	inboxBytes = 256 << 20
)

// wake tells an actor that something waits in its inbox, or that a timer is due.
type wake struct{}

var wakeUp = &wake{}

// role is what the actor of a role must be able to do.
type role interface {
	begin()                               // once, inside the actor
	step(now paxos.Now, e paxos.Envelope) // one message
	settle(now paxos.Now)                 // carry out the effects of all steps since the last
	wakeAt() paxos.Instant                // when settle is next due without a message
	end()                                 // once, when nothing more is stepped
}

// spawn starts r as an actor that is stopped, never restarted, when it panics.
func spawn(sys *System, id paxos.NodeID, name string, clock *Clock, h *Handle, r role) error {
	h.id, h.sys, h.failed, h.gone = id, sys, make(chan error, 1), make(chan struct{})
	h.busy.clock = clock
	h.inbox.maxItems, h.inbox.maxBytes = inboxItems, inboxBytes
	h.drops.log = sys.log
	failStop := actor.NewOneForOneStrategy(0, time.Minute, func(reason any) actor.Directive {
		h.fail(fmt.Errorf("%v", reason))
		return actor.StopDirective
	})
	w := &worker{runs: make(chan func()), gone: h.gone}
	go w.run()
	props := actor.PropsFromProducer(func() actor.Actor {
		return &host{handle: h, clock: clock, role: r}
	}, actor.WithGuardian(failStop), actor.WithDispatcher(w))
	// The inbox wakes nobody before SpawnNamed has returned: protoactor registers a
	// mailbox before it can take messages.
	h.inbox.wake = func() {}
	pid, err := sys.actors.Root.SpawnNamed(props, name)
	if err != nil {
		close(h.gone)
		return fmt.Errorf("actors: spawn %s: %w", name, err)
	}
	h.inbox.mu.Lock()
	h.pid = pid
	h.inbox.wake = h.wake
	h.inbox.mu.Unlock()
	h.wake()
	return nil
}

// worker runs an actor in one goroutine of its own. protoactor's usual dispatcher
// starts a goroutine whenever something waits, and growing a new stack for each
// message was 7 % of the CPU time at one client.
type worker struct {
	runs chan func()
	gone <-chan struct{}
}

// Schedule hands over what protoactor wants to run; once the role is gone it runs
// elsewhere. It waits for the end of an earlier run, which is over but for its return.
func (w *worker) Schedule(run func()) {
	select {
	case w.runs <- run:
	case <-w.gone:
		go run()
	}
}

// Throughput is how many messages protoactor takes before it yields.
func (w *worker) Throughput() int { return 300 }

func (w *worker) run() {
	for {
		select {
		case run := <-w.runs:
			run()
		case <-w.gone:
			return
		}
	}
}

// wake makes the actor look at its inbox and its timers. A role that is gone is
// left alone: protoactor would log each message to it as a dead letter.
func (h *Handle) wake() {
	select {
	case <-h.gone:
	default:
		h.sys.actors.Root.Send(h.pid, wakeUp)
	}
}

// Deliver hands the role a message off the bus. It never blocks; a message that
// finds the inbox full is lost and counted.
func (h *Handle) Deliver(e paxos.Envelope) { h.inbox.push(input{envelope: e}, size(e.Msg)) }

// Collect is Deliver for one of several messages that the role had better see
// together. Rest must follow.
func (h *Handle) Collect(e paxos.Envelope) { h.inbox.collect(input{envelope: e}, size(e.Msg)) }

// Rest lets the role go to work on what was collected.
func (h *Handle) Rest() { h.inbox.rest() }

// call runs f inside the actor, between two messages.
func (h *Handle) call(f func()) bool { return h.inbox.push(input{call: f}, 0) }

// ask runs f inside the actor and waits until it has run, or the actor is gone.
func (h *Handle) ask(f func()) {
	done := make(chan struct{})
	if !h.call(func() { f(); close(done) }) {
		return
	}
	select {
	case <-done:
	case <-h.gone:
	case <-time.After(time.Second):
	}
}

// Busy is how long the role has been at one piece of work: a few milliseconds at most,
// unless it hangs.
func (h *Handle) Busy() time.Duration { return h.busy.age() }

// Gone reports whether the role has failed or stopped.
func (h *Handle) Gone() bool {
	select {
	case <-h.gone:
		return true
	default:
		return false
	}
}

// Failed yields why the role had to stop, at most once. The process must exit.
func (h *Handle) Failed() <-chan error { return h.failed }

// fail ends the role: whoever hears of it wakes it no more.
func (h *Handle) fail(err error) {
	h.ended.Do(func() { close(h.gone) })
	h.once.Do(func() { h.failed <- err })
}

// Overflow is how many messages were lost because the inbox was full.
func (h *Handle) Overflow() uint64 { return h.inbox.overflow.Load() }

// Drops is how many messages the role did not take, by reason.
func (h *Handle) Drops() map[string]uint64 { return h.drops.counts() }

// LastDrops is the last of these, by reason.
func (h *Handle) LastDrops() map[string]LastDrop { return h.drops.lasts() }

// stop ends the actor after what waits in its mailbox.
func (h *Handle) stop() error {
	defer h.ended.Do(func() { close(h.gone) })
	if err := h.sys.actors.Root.PoisonFuture(h.pid).Wait(); err != nil {
		return fmt.Errorf("actors: stop %s: %w", h.id, err)
	}
	return nil
}

// host is the protoactor actor around a role.
type host struct {
	handle *Handle
	clock  *Clock
	role   role
	timer  *time.Timer
	armed  paxos.Instant // when timer fires; 0: it does not
	taken  []sized[input]
	dead   bool
}

func (h *host) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		h.timer = time.AfterFunc(time.Hour, h.handle.wake)
		h.timer.Stop()
		h.role.begin()
	case *wake:
		h.run()
	case *actor.Stopping:
		h.timer.Stop()
		if !h.dead {
			h.role.end()
		}
	}
}

// run steps the role with all that waits.
func (h *host) run() {
	if h.dead {
		return
	}
	defer h.die()
	now := h.clock.Now()
	h.handle.busy.begin(now.Mono)
	defer h.handle.busy.end()
	h.taken, _ = h.handle.inbox.take(h.taken)
	for i, in := range h.taken {
		if i > 0 {
			now = h.clock.Now()
		}
		if in.item.call != nil {
			in.item.call()
			now = h.clock.Now()
			continue
		}
		h.role.step(now, in.item.envelope)
	}
	h.role.settle(now)
	h.arm(now.Mono)
}

// An end is why a role ends itself: it panics with it, and that is no fault of the program.
type end string

// die turns a panic into the end of the role, and logs where one came from that
// nobody meant. The reason stays one line: the last of a process.
func (h *host) die() {
	r := recover()
	if r == nil {
		return
	}
	h.dead = true
	h.timer.Stop()
	if _, meant := r.(end); !meant {
		h.handle.sys.log.Error("panic", "reason", r, "stack", string(debug.Stack()))
	}
	panic(r)
}

// minTimer keeps a role that wants to be woken in the past from spinning.
const minTimer = 200 * time.Microsecond

// arm sets the timer for what the role is due to do next. A timer that fires too
// early is harmless, so it is only moved to an earlier time.
func (h *host) arm(now paxos.Instant) {
	at := h.role.wakeAt()
	if at == 0 || (h.armed > now && h.armed <= at) {
		return
	}
	h.armed = max(at, now+paxos.Instant(minTimer))
	h.timer.Reset(time.Duration(h.armed - now))
}

// size is about how many bytes a message holds on to.
func size(m paxos.Message) int {
	const small = 128
	switch m := m.(type) {
	case paxos.Accept:
		return small + m.Value.Size()
	case paxos.Promise:
		return small + pageSize(m.Page)
	case paxos.Votes:
		return small + pageSize(m.Page)
	case paxos.Accepted:
		return small + 8*len(m.Slots)
	default:
		return small
	}
}

func pageSize(p paxos.Page) int {
	n := 0
	for _, v := range p.Votes {
		n += v.Value.Size()
	}
	return n
}
