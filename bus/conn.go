package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/synod-paxos/synod/paxos"
)

// Bus is one connection to NATS, on behalf of one cluster. Once connected it
// reconnects for ever, with its subscriptions; what is published meanwhile is
// dropped, never kept: an old protocol message does no good later. Its methods may
// be called from any goroutine.
type Bus struct {
	subjects Subjects
	nc       *nats.Conn
	log      *slog.Logger
	stats    stats
	quiet    [drops]rate.Sometimes // spare the log
	errors   rate.Sometimes
	clients  rate.Sometimes
	buffers  sync.Pool // *[]byte
	pending  int       // messages that a subscription holds at most

	mu   sync.Mutex
	subs map[*nats.Subscription]struct{}
}

// Connect connects to NATS. With Options.Wait it tries until ctx ends, and says in
// the log what it waits for; refused credentials and unreadable files end it at once
// all the same. The caller must Close the Bus.
func Connect(ctx context.Context, o Options) (*Bus, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	urls, options, err := o.servers()
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	b := &Bus{subjects: o.Subjects, log: o.log(), pending: pendingMessages, subs: map[*nats.Subscription]struct{}{}}
	for i := range b.quiet {
		b.quiet[i] = rate.Sometimes{First: 1, Interval: quietTime}
	}
	b.errors = rate.Sometimes{First: 3, Interval: quietTime}
	b.clients = rate.Sometimes{First: 1, Interval: quietTime}
	options = append(append(options, o.NATS...), b.options(&o)...)
	if b.nc, err = b.dial(ctx, urls, options, o.Wait); err != nil {
		return nil, err
	}
	if n := b.MaxPayload(); n < MinPayload {
		b.nc.Close()
		return nil, fmt.Errorf("bus: the NATS server at %s has a max_payload of %d bytes, want at least %d", redact(urls), n, MinPayload)
	}
	b.log.Info("connected to NATS", "server", b.nc.ConnectedUrlRedacted(), "max_payload_bytes", b.nc.MaxPayload())
	return b, nil
}

// quietTime is how long the log stays quiet about one more of the same.
const quietTime = 10 * time.Second

func (b *Bus) dial(ctx context.Context, urls string, options []nats.Option, wait bool) (*nats.Conn, error) {
	say := rate.Sometimes{First: 1, Interval: quietTime}
	for failed := 1; ; failed++ {
		nc, err := nats.Connect(urls, options...)
		if err == nil {
			return nc, nil
		}
		err = fmt.Errorf("bus: connect to NATS at %s: %w", redact(urls), err)
		if !wait || !Unreachable(err) {
			return nil, advise(err)
		}
		say.Do(func() {
			b.log.Warn("waiting for NATS: start a nats-server there, or give another address", "server", redact(urls), "err", err)
		})
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w; gave up: %w", err, context.Cause(ctx))
		case <-time.After(reconnectDelay(failed)):
		}
	}
}

func reconnectDelay(attempts int) time.Duration {
	d := min(reconnectMost, reconnectFirst<<min(attempts, 10))
	return d/2 + rand.N(d/2) // processes that lost one server do not return in step
}

// options are those that the protocol needs, whatever the user asks for.
func (b *Bus) options(o *Options) []nats.Option {
	options := []nats.Option{
		nats.Name(o.Name),
		nats.Timeout(dialTimeout),
		nats.FlusherTimeout(writeTimeout),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(2),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.ReconnectBufSize(-1), // keep nothing
		nats.DisconnectErrHandler(b.disconnected),
		nats.ReconnectHandler(b.reconnected),
		nats.ReconnectErrHandler(b.notReconnected),
		nats.ErrorHandler(b.asyncError),
	}
	if o.AtOnce {
		options = append(options, nats.WriteBufferSize(1))
	}
	if o.Wait {
		options = append(options, nats.IgnoreAuthErrorAbort())
	}
	return options
}

func (b *Bus) disconnected(_ *nats.Conn, err error) {
	if err == nil { // closed by us
		return
	}
	b.stats.disconnects.Add(1)
	b.log.Warn("lost the NATS server, reconnecting", "err", err)
}

func (b *Bus) reconnected(nc *nats.Conn) {
	b.stats.reconnects.Add(1)
	b.log.Info("reconnected to NATS", "server", nc.ConnectedUrlRedacted())
}

func (b *Bus) notReconnected(_ *nats.Conn, err error) {
	b.errors.Do(func() { b.log.Warn("not reconnected to NATS yet", "err", err) })
}

// asyncError hears of errors that belong to no call.
func (b *Bus) asyncError(_ *nats.Conn, sub *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		b.stats.slow.Add(1)
		b.errors.Do(func() {
			b.log.Warn("messages dropped: this process does not keep up", "subject", sub.Subject, "dropped", droppedBy(sub))
		})
		return
	}
	if b.fromClient(err) {
		b.clients.Do(func() {
			b.log.Warn("a client's message is malformed, or asks for an answer where this role may not publish", "err", err)
		})
		return
	}
	b.stats.errors.Add(1)
	text := "NATS reports an error"
	switch {
	case errors.Is(err, nats.ErrPermissionViolation):
		text = "NATS denies a subject: see `synod permissions` for what each role needs"
	case errors.Is(err, nats.ErrAuthorization):
		text = "NATS refuses these credentials now, trying again: mend them in the server"
	}
	b.errors.Do(func() { b.log.Error(text, "err", err) })
}

// fromClient reports whether any client could have caused err: by headers that cannot be
// read, or by a reply subject that is neither an inbox nor the cluster's.
func (b *Bus) fromClient(err error) bool {
	if errors.Is(err, nats.ErrBadHeaderMsg) {
		return true
	}
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return false
	}
	_, subject, publish := strings.Cut(err.Error(), `Publish to "`)
	_, ours := b.subjects.Relative(subject)
	return publish && !ours && !strings.HasPrefix(subject, nats.InboxPrefix)
}

// Publish sends e. It never waits for a receiver: delivery is best effort, and an
// error, which is counted and logged too, says only that e certainly left for
// nobody. While a server's socket is blocked it may wait for up to 5 s.
func (b *Bus) Publish(e paxos.Envelope) error {
	var room [192]byte
	subject, err := b.subjects.appendSubject(room[:0], &e)
	if err != nil {
		return b.unsent(&e, err)
	}
	buffer := b.buffer()
	defer b.buffers.Put(buffer)
	data, err := AppendEncode((*buffer)[:0], e)
	if err != nil {
		return b.unsent(&e, err)
	}
	*buffer = data
	if err := b.send(string(subject), e.Trace, data); err != nil {
		return b.unsent(&e, err)
	}
	b.stats.sent[KindOf(e.Msg)].add(len(data))
	return nil
}

// PublishConfirmed is Publish that waits until the server has seen e, and returns its
// refusal when the credentials do not let e's sender speak.
func (b *Bus) PublishConfirmed(e paxos.Envelope) error {
	subject, err := b.subjects.Subject(e)
	if err != nil {
		return b.unsent(&e, err)
	}
	if err := b.Publish(e); err != nil {
		return err
	}
	if err := b.confirm(); err != nil {
		return err
	}
	if err := b.nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), `Publish to "`+subject+`"`) {
		return fmt.Errorf("bus: these credentials may not speak as %s %s: %w (see `synod permissions` for what each role needs)", e.From.Role, e.From.ID, err)
	}
	return nil
}

// TraceHeader is the header with the W3C trace context of a message.
const TraceHeader = "traceparent"

// traceBytes is more than a header with nothing but a trace context takes.
const traceBytes = 128

// send publishes data, with its trace context if there is one and room for it.
func (b *Bus) send(subject, trace string, data []byte) error {
	if trace == "" || len(trace) > traceBytes/2 || len(data)+traceBytes > b.MaxPayload() {
		return b.nc.Publish(subject, data)
	}
	return b.nc.PublishMsg(&nats.Msg{Subject: subject, Data: data, Header: nats.Header{TraceHeader: {trace}}})
}

func (b *Bus) buffer() *[]byte {
	if buffer, ok := b.buffers.Get().(*[]byte); ok {
		return buffer
	}
	return new([]byte)
}

func (b *Bus) unsent(e *paxos.Envelope, err error) error {
	reason := DropUnsendable
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		reason = DropDisconnected
	case errors.Is(err, nats.ErrMaxPayload):
		reason = DropTooLarge
	}
	b.stats.dropped[reason].Add(1)
	b.quiet[reason].Do(func() {
		b.log.Warn("message not sent", "reason", reason.String(), "kind", KindOf(e.Msg).String(), "err", err)
	})
	return fmt.Errorf("bus: publish %T: %w", e.Msg, err)
}

// MaxPayload is the most bytes, headers included, that the server takes in one
// message. It may change with a reconnect.
func (b *Bus) MaxPayload() int { return int(b.nc.MaxPayload()) }

// Subjects are those of the cluster that b is connected for.
func (b *Bus) Subjects() Subjects { return b.subjects }

// Connected reports whether there is a server right now.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// Conn is the NATS connection, for requests, replies and micro services. Who
// closes it breaks b.
func (b *Bus) Conn() *nats.Conn { return b.nc }

// Move leaves the present server for another one of those that are known, with all
// subscriptions, and reports whether there is another. Messages are lost meanwhile.
func (b *Bus) Move() bool {
	return len(b.nc.Servers()) > 1 && b.nc.IsConnected() && b.nc.ForceReconnect() == nil
}

// Close sends what is published, if it goes within a second, and ends the
// connection and every subscription. Callbacks may still run when it returns.
func (b *Bus) Close() {
	if b.nc.IsConnected() {
		if err := b.nc.FlushTimeout(time.Second); err != nil {
			b.log.Warn("last messages may not have left", "err", err)
		}
	}
	b.nc.Close()
}
