package leaf

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// maxBuffered is how many bytes wait for the socket at most: a few times what it takes
// at once, so that it is never idle, and not more.
const maxBuffered = 4 << 20

// conn is one connection, from the end of its handshake to its end.
type conn struct {
	link   *Link
	server string // its id
	net    net.Conn
	reader *bufio.Reader
	most   int // bytes of header and data

	unanswered atomic.Int32 // pings
	dead       atomic.Pointer[error]

	raw syscall.RawConn // nil: only the writer can write without waiting for the network

	mu      sync.Mutex
	out     []byte // that nobody writes yet
	spare   []byte // memory for out
	writing bool   // somebody writes what was in out
	closed  bool
	wake    chan struct{} // of capacity 1: out is not empty
	room    chan struct{} // closed, and replaced, whenever the writer has taken out
}

func newConn(l *Link, n net.Conn, info *serverInfo) *conn {
	return &conn{
		link: l, server: info.ServerID, net: n, reader: newReader(n), most: info.MaxPayload, raw: rawOf(n),
		wake: make(chan struct{}, 1), room: make(chan struct{}),
	}
}

// collect takes one message for the writer, which rest wakes.
func (c *conn) collect(inbox, reply string, header, data []byte) error {
	if len(header)+len(data) > c.most {
		return ErrTooLarge
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrDisconnected
	case len(c.out) >= maxBuffered:
		return ErrFull
	}
	c.out = appendMessage(c.out, c.link.beside != nil, inbox, reply, header, data)
	return nil
}

// rest writes what waits. What the socket does not take at once it leaves to the writer, as
// everything while somebody else writes.
func (c *conn) rest() {
	if !c.write() {
		c.wakeWriter()
	}
}

func (c *conn) wakeWriter() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write writes what waits without waiting for the network, and reports whether nothing is
// left to do.
func (c *conn) write() bool {
	if c.raw == nil {
		return false
	}
	buffer, ok := c.take()
	if !ok || len(buffer) == 0 {
		return ok
	}
	n := writeNow(c.raw, buffer)
	return c.wrote(buffer, n)
}

// take takes what waits, to write it; ok is false while somebody else writes, who looks
// once more afterwards.
func (c *conn) take() (buffer []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing || c.closed {
		return nil, false
	}
	buffer = c.out
	if len(buffer) > 0 {
		c.out, c.spare, c.writing = c.spare[:0], nil, true
	}
	return buffer, true
}

// wrote says that n bytes of what was taken are written, and reports whether nothing waits.
func (c *conn) wrote(buffer []byte, n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	switch {
	case c.closed:
		return true
	case n < len(buffer):
		c.out = append(buffer[n:], c.out...)
	case cap(buffer) <= maxBuffered/4: // else a burst is over
		c.spare = buffer
	}
	close(c.room)
	c.room = make(chan struct{})
	return len(c.out) == 0
}

// appendMessage appends a message as a leaf node, or a client, sends it.
func appendMessage(b []byte, plain bool, inbox, reply string, header, data []byte) []byte {
	verb, headerVerb := "LMSG ", "HMSG "
	if plain {
		verb, headerVerb = "PUB ", "HPUB "
	}
	if len(header) > 0 {
		verb = headerVerb
	}
	b = append(append(b, verb...), inbox...)
	if reply != "" {
		b = append(append(b, ' '), reply...)
	}
	if len(header) > 0 {
		b = strconv.AppendInt(append(b, ' '), int64(len(header)), 10)
	}
	b = strconv.AppendInt(append(b, ' '), int64(len(header)+len(data)), 10)
	b = append(append(append(b, "\r\n"...), header...), data...)
	return append(b, "\r\n"...)
}

// drained is closed when there is room, or no connection.
func (c *conn) drained() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.out) < maxBuffered {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return c.room
}

// drain waits until all that was pushed is written, for some time.
func (c *conn) drain(most time.Duration) {
	timeout := time.After(most)
	for {
		c.mu.Lock()
		empty, room := c.closed || len(c.out) == 0 && !c.writing, c.room
		c.mu.Unlock()
		if empty {
			return
		}
		select {
		case <-room:
		case <-timeout:
			return
		}
	}
}

// run reads and writes until either fails or ctx ends.
func (c *conn) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var work sync.WaitGroup
	work.Go(func() { c.runWriter(ctx) })
	work.Go(func() { c.runPings(ctx) })
	stop := context.AfterFunc(ctx, func() { _ = c.net.Close() })
	defer stop()
	err := parse(c.reader, c)
	if reason := c.dead.Load(); reason != nil {
		err = *reason
	}
	cancel()
	_ = c.net.Close() // the reason is known
	c.end()
	work.Wait()
	if errors.Is(err, io.EOF) {
		return errors.New("the server closed the connection")
	}
	return err
}

// end lets nobody wait for c any more.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.out = true, nil
	close(c.room)
	c.room = make(chan struct{})
}

// fail ends the connection for a reason.
func (c *conn) fail(reason error) {
	c.dead.CompareAndSwap(nil, &reason)
	_ = c.net.Close()
}

// runWriter writes what nobody could write at once.
func (c *conn) runWriter(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		buffer, ok := c.take()
		if !ok || len(buffer) == 0 {
			continue
		}
		_ = c.net.SetWriteDeadline(time.Now().Add(writeTimeout)) // a closed one fails below
		_, err := c.net.Write(buffer)
		_ = c.net.SetWriteDeadline(time.Time{}) // writeNow has none
		if err != nil {
			c.fail(fmt.Errorf("write: %w", err))
			return
		}
		if !c.wrote(buffer, len(buffer)) {
			c.wakeWriter()
		}
	}
}

// runPings finds out when the server does not answer any more.
func (c *conn) runPings(ctx context.Context) {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if c.unanswered.Add(1) > 3 {
			c.fail(errors.New("the server does not answer"))
			return
		}
		if c.left() {
			c.fail(errors.New("the connection that this one goes with is at another server"))
			return
		}
		c.control("PING\r\n")
	}
}

// left reports whether the connection that this one goes with has another server.
func (c *conn) left() bool {
	if c.link.beside == nil {
		return false
	}
	id := c.link.beside.Conn().ConnectedServerId()
	return id != "" && id != c.server
}

// control sends an operation, past the bound on messages.
func (c *conn) control(line string) {
	c.mu.Lock()
	if !c.closed {
		c.out = append(c.out, line...)
	}
	c.mu.Unlock()
	c.rest()
}

func (c *conn) ping() error { c.control("PONG\r\n"); return nil }
func (c *conn) pong() error { c.unanswered.Store(0); return nil }

// info is what the server says anew, such as that it will end.
func (c *conn) info([]byte) error { return nil }

func (c *conn) refused(text string) error {
	if strings.Contains(text, "Permissions Violation") {
		c.link.quiet.Do(func() { c.link.log.Error("NATS denies a push", "err", text) })
		return nil
	}
	return explain(text)
}

func (c *conn) interest(entry string, there bool) {
	c.link.changed(c.link.interest.set(entry, there))
}
