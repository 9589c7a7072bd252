package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/paxos"
)

const (
	// A subscription that holds more than this drops what comes, counted.
	pendingMessages = 64 << 10
	pendingBytes    = 256 << 20

	confirmTimeout = 5 * time.Second
	leaveTimeout   = time.Second // for handlers to end
)

// A Listener is a group of subscriptions that end together.
type Listener struct {
	bus  *Bus
	subs []*nats.Subscription
	turn sync.Mutex
	live sync.WaitGroup // subscriptions whose messages are being handled

	heard atomic.Uint64
	done  chan struct{} // if not nil, closed by the first Stop
}

// Listen delivers what the role id hears ([Subjects.Hears]). It returns once the
// server has confirmed: what is published there after that is not missed for want of
// a subscription. The other servers of a NATS cluster hear of it a moment later.
//
// Messages that do not decode, or are not of their subject's sender, are dropped,
// counted and logged. Messages to another node on a subject of all are skipped.
//
// deliver is called from NATS callbacks, one call at a time. Messages of one
// sender and subject come in the order in which they were published; others may
// overtake each other. It must not block: while it does, NATS queues, and then
// drops, what comes. The messages are deliver's to keep.
func (b *Bus) Listen(role paxos.Role, id paxos.NodeID, deliver func(paxos.Envelope)) (*Listener, error) {
	return b.ListenInBursts(role, id, deliver, func() {})
}

// ListenInBursts is Listen that also calls rest when no further message waits, and
// now and then while many do: whoever has work to do for many messages at once
// does it then. Calls of rest may overlap with each other and with deliver's.
func (b *Bus) ListenInBursts(role paxos.Role, id paxos.NodeID, deliver func(paxos.Envelope), rest func()) (*Listener, error) {
	if !id.Valid() {
		return nil, fmt.Errorf("bus: listen as %s %q: invalid id", role, id)
	}
	l := &Listener{bus: b}
	return l, l.subscribe(b.subjects.Hears(role, id), "", func() nats.MsgHandler {
		heads := heads{}
		return func(m *nats.Msg) {
			if e, ok := b.receive(m, heads); ok && reaches(&e, id) {
				l.deliver(&e, len(m.Data), deliver)
			}
			if Last(m) || l.heard.Add(1)%burst == 0 {
				rest()
			}
		}
	})
}

// ListenTo delivers what comes on these subjects, which are below Root and may have
// wildcards, for id and for all, and nothing else: for who plays no whole role.
func (b *Bus) ListenTo(id paxos.NodeID, subjects []string, deliver func(paxos.Envelope)) (*Listener, error) {
	l := &Listener{bus: b}
	return l, l.subscribe(b.subjects.rooted(subjects), "", func() nats.MsgHandler {
		heads := heads{}
		return func(m *nats.Msg) {
			if e, ok := b.receive(m, heads); ok && reaches(&e, id) {
				l.deliver(&e, len(m.Data), deliver)
			}
		}
	})
}

// heads are the heads of the last messages that came on one subscription, by subject.
type heads map[string]*plainHead

// maxHeads bounds what those may take who use many subjects.
const maxHeads = 256

func (hs heads) of(subject string) *plainHead {
	h := hs[subject]
	if h == nil {
		if len(hs) >= maxHeads {
			clear(hs)
		}
		h = &plainHead{}
		hs[subject] = h
	}
	return h
}

// burst is how many messages are delivered at most before rest is called.
const burst = 256

// Last reports, within the callback that got m, that its subscription has no further
// message right now.
func Last(m *nats.Msg) bool {
	n, _, err := m.Sub.Pending()
	return err != nil || n <= 1 // m itself counts until its callback returns
}

// ServeClients calls handle for the messages on subjects, as one member of the
// queue group: NATS gives each message to one member. An empty queue hears all. It
// returns once the server has confirmed, and from then on routes here. handle is
// called one call at a time per subject, and must not block.
func (b *Bus) ServeClients(queue string, subjects []string, handle func(*nats.Msg)) (*Listener, error) {
	l := &Listener{bus: b}
	return l, l.subscribe(subjects, queue, func() nats.MsgHandler { return handle })
}

// Stop ends l: the server, if there is one, has confirmed when it returns, and
// routes nothing here any more, not after a reconnect either. Messages that it sent
// before are still delivered, as long as the connection holds, and Stop waits for them
// for some seconds: see Wait. So a handler of l must not call it. A second Stop does
// nothing.
func (l *Listener) Stop() error {
	subs := l.bus.forget(l)
	if len(subs) == 0 {
		return nil
	}
	if l.done != nil {
		close(l.done)
	}
	for _, s := range subs {
		l.bus.stats.dropped[DropSlow].Add(droppedBy(s))
	}
	lost := l.bus.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	reconnects := l.bus.nc.Stats().Reconnects
	left := make(chan error, 1)
	go func() {
		defer l.bus.nc.RemoveStatusListener(lost)
		err := l.leave(subs, lost)
		if l.bus.nc.Stats().Reconnects != reconnects { // with subscriptions that were to end
			err = errors.Join(err, l.bus.renew())
		}
		left <- err
	}()
	select {
	case err := <-left:
		return err
	case <-time.After(confirmTimeout + leaveTimeout):
		return nil // the handlers are busy, and what is left to do is done behind them
	}
}

// leave ends subscriptions, and waits until the connection has forgotten them, which it
// does once what came is handled. Where it is lost before, they are abandoned.
func (l *Listener) leave(subs []*nats.Subscription, lost <-chan nats.Status) error {
	if !l.bus.Connected() {
		return l.bus.abandon(subs)
	}
	var errs []error
	for _, s := range subs {
		if err := s.Drain(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
			errs = append(errs, fmt.Errorf("bus: stop listening on %s: %w", s.Subject, err))
		}
	}
	err := l.bus.confirm()
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) { // lost just now: nothing is routed here either
		errs = append(errs, err)
	}
	if err == nil {
		select {
		case <-l.ended():
			return errors.Join(errs...)
		case <-lost:
		}
	}
	return errors.Join(append(errs, l.bus.abandon(subs))...)
}

// abandon ends subscriptions of which no server confirms that they have ended, and
// forgets what waits in them. One that is drained while there is no server would be
// made again with the next connection, for nobody: NATS would go on routing a share of
// the requests here.
func (b *Bus) abandon(subs []*nats.Subscription) error {
	for _, s := range subs {
		if err := s.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
			return fmt.Errorf("bus: stop listening on %s: %w", s.Subject, err)
		}
	}
	return nil
}

// renew makes another connection, with no subscription but the present ones, if
// there is one that may have more.
func (b *Bus) renew() error {
	if !b.Connected() {
		return nil
	}
	if err := b.nc.ForceReconnect(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("bus: reconnect: %w", err)
	}
	return nil
}

// Wait waits, after Stop, until everything that was delivered has been handled, and
// returns ctx's error when that takes too long.
func (l *Listener) Wait(ctx context.Context) error {
	select {
	case <-l.ended():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ended is closed once everything that was delivered has been handled.
func (l *Listener) ended() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		l.live.Wait()
		close(done)
	}()
	return done
}

func (b *Bus) forget(l *Listener) []*nats.Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	subs := l.subs
	l.subs = nil
	for _, s := range subs {
		delete(b.subs, s)
	}
	return subs
}

// subscribe gives each subscription a handler of its own, whose calls come one at a time.
func (l *Listener) subscribe(subjects []string, queue string, handler func() nats.MsgHandler) error {
	for _, subject := range subjects {
		if err := l.add(subject, queue, handler()); err != nil {
			return errors.Join(fmt.Errorf("bus: subscribe %s: %w", subject, err), l.Stop())
		}
	}
	err := l.bus.confirm()
	if err == nil {
		err = l.bus.denied(subjects)
	}
	if err != nil {
		return errors.Join(err, l.Stop())
	}
	return nil
}

func (l *Listener) add(subject, queue string, handle nats.MsgHandler) error {
	s, err := l.bus.nc.QueueSubscribe(subject, queue, handle)
	if err != nil {
		return err
	}
	l.live.Add(1)
	s.SetClosedHandler(func(string) { l.live.Done() })
	l.bus.mu.Lock()
	l.subs = append(l.subs, s)
	l.bus.subs[s] = struct{}{}
	l.bus.mu.Unlock()
	return s.SetPendingLimits(l.bus.pending, pendingBytes)
}

// confirm waits until the server has seen all that was asked of it.
func (b *Bus) confirm() error {
	if err := b.nc.FlushTimeout(confirmTimeout); err != nil {
		return fmt.Errorf("bus: the NATS server does not confirm: %w", err)
	}
	return nil
}

// denied finds the refusal of one of subjects, which arrives before the
// confirmation.
func (b *Bus) denied(subjects []string) error {
	err := b.nc.LastError()
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	for _, subject := range subjects {
		if strings.Contains(err.Error(), `Subscription to "`+subject+`"`) {
			return fmt.Errorf("bus: subscribe %s: %w (see `synod permissions` for what each role needs)", subject, err)
		}
	}
	return nil
}

func (b *Bus) receive(m *nats.Msg, heads heads) (paxos.Envelope, bool) {
	e, err := decodeOwned(m.Data, heads.of(m.Subject)) // nats.go makes each message its own
	reason := DropMalformed
	if errors.Is(err, ErrWireVersion) {
		reason = DropVersion
	}
	if err == nil {
		if err = b.subjects.CheckSender(m.Subject, e); err == nil {
			if m.Header != nil {
				e.Trace = m.Header.Get(TraceHeader)
			}
			return e, true
		}
		reason = DropSender
	}
	b.stats.dropped[reason].Add(1)
	b.quiet[reason].Do(func() {
		b.log.Warn("message dropped", "reason", reason.String(), "subject", m.Subject, "bytes", len(m.Data), "err", err)
	})
	return paxos.Envelope{}, false
}

func (l *Listener) deliver(e *paxos.Envelope, bytes int, deliver func(paxos.Envelope)) {
	l.bus.stats.received[KindOf(e.Msg)].add(bytes)
	l.turn.Lock()
	defer l.turn.Unlock()
	deliver(*e)
}

// reaches reports whether e is for id. Learners count the votes that are addressed
// to the proposer.
func reaches(e *paxos.Envelope, id paxos.NodeID) bool {
	if _, vote := e.Msg.(paxos.Accepted); vote {
		return true
	}
	return e.To == "" || e.To == id
}
