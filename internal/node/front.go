package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/tracing"
	"github.com/synod-paxos/synod/paxos"
)

// leaderQueue is the queue group of the leader. It has one member, and for the
// moment of a change none or two.
const leaderQueue = "leader"

// leaderSubjects are what the leader alone serves, below the cluster's root: all
// that changes the state. What only reads it is served by the learners, and no
// subject is in both lists.
var leaderSubjects = []string{
	"propose",
	"command.*",
	"publish.>",
	"api.$KV.>",
	"api.STREAM.CREATE.*",
	"api.STREAM.UPDATE.*",
	"api.STREAM.DELETE.*",
	"api.STREAM.PURGE.*",
	"api.STREAM.MSG.DELETE.*",
	paxos.UpgradeSubject,
	paxos.SkipSubject,
}

// front is where clients reach a proposer while it leads. Nobody subscribed is
// how NATS tells a client at once that there is no leader.
type front struct {
	bus     *bus.Bus
	log     *slog.Logger
	propose func(paxos.Command) // collects
	rest    func()              // lets the proposer work on what was collected
	quiet   rate.Sometimes
	trace   *tracing.Proposer // nil: off

	withBare bool // serve the streams' own subjects too

	mu       sync.Mutex
	listener *bus.Listener
	bare     atomic.Pointer[bare]

	open      atomic.Bool
	requests  atomic.Uint64
	malformed atomic.Uint64
}

func newFront(b *bus.Bus, log *slog.Logger) *front {
	return &front{bus: b, log: log, quiet: rate.Sometimes{First: 1, Interval: 10 * time.Second}}
}

// Open makes NATS route the clients here; it has when Open returns.
func (f *front) Open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var subjects []string
	for _, s := range leaderSubjects {
		subjects = append(subjects, f.bus.Subjects().Root()+s)
	}
	l, err := f.bus.ServeClients(leaderQueue, subjects, f.take)
	if err != nil {
		return err
	}
	f.listener = l
	if f.withBare {
		f.bare.Store(newBare(f))
	}
	f.open.Store(true)
	return nil
}

// Close makes NATS route no more clients here, and returns once those that came
// are with the proposer, which answers them. A second Close does nothing.
func (f *front) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open.Store(false)
	if f.listener == nil {
		return nil
	}
	if b := f.bare.Swap(nil); b != nil {
		if err := b.close(); err != nil {
			return err
		}
	}
	if err := f.listener.Stop(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), handleTimeout)
	defer cancel()
	if err := f.listener.Wait(ctx); err != nil {
		f.log.Warn("requests may have been left unanswered", "err", err)
	}
	f.listener = nil
	return nil
}

// handleTimeout bounds how long Close waits for requests that have come.
const handleTimeout = time.Second

// burst is how many requests the proposer gets at most before it goes to work.
const burst = 256

// take hands a client's request to the proposer. Requests that wait already go
// with it.
func (f *front) take(m *nats.Msg) { f.takeAs(m, f.bus.Subjects().CommandFrom) }

// takeAs is take for a message that read makes a command of.
func (f *front) takeAs(m *nats.Msg, read func(*nats.Msg) (paxos.Command, error)) {
	n := f.requests.Add(1)
	if c, err := read(m); err != nil {
		f.refuse(m, bus.NewError(bus.CodeMalformed, "%v", err))
	} else if excess := admit(&c); excess != nil {
		f.refuse(m, excess)
	} else {
		if b := f.bare.Load(); b != nil {
			b.changed(c.Subject)
		}
		if f.trace != nil && m.Header != nil {
			f.trace.Taken(m.Header.Get(bus.TraceHeader), &c)
		}
		f.propose(c)
	}
	if bus.Last(m) || n%burst == 0 {
		f.rest()
	}
}

// refuse answers what is no command, or asks for too much, unless the answer itself
// would speak on one of the cluster's own subjects.
func (f *front) refuse(m *nats.Msg, err *bus.Error) {
	f.malformed.Add(1)
	f.quiet.Do(func() { f.log.Warn("request refused", "subject", m.Subject, "err", err) })
	if _, ours := f.bus.Subjects().Relative(m.Reply); m.Reply == "" || ours {
		return
	}
	f.send(bus.Ack{Error: err}.Message(m.Reply))
}

// Refuse tells a client that its command was certainly not done.
func (f *front) Refuse(r paxos.Refusal) {
	if f.trace != nil {
		f.trace.Refused(&r)
	}
	if m := bus.RefusalMessage(r); m != nil {
		f.send(m)
	}
}

// send publishes an answer. One that is lost is an unknown outcome to the client,
// whose retry with the same id tells.
func (f *front) send(m *nats.Msg) {
	if err := f.bus.Conn().PublishMsg(m); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		f.quiet.Do(func() { f.log.Warn("answer not sent", "err", err) })
	}
}
