package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
)

// load is clients that propose without end, each one proposal after the other, and
// try every proposal again with its id until it is acknowledged.
type load struct {
	t      *testing.T
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	acked   map[string]uint64 // sequence, by id
	open    map[string]bool   // proposed and not acknowledged
	longest time.Duration     // between two acknowledgements
	last    time.Time
	more    chan struct{} // closed and replaced with each acknowledgement
}

func startLoad(t *testing.T, nc *nats.Conn, clients int) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{
		t: t, cancel: cancel, acked: map[string]uint64{}, open: map[string]bool{}, last: time.Now(), more: make(chan struct{}),
	}
	for i := range clients {
		l.done.Go(func() { l.client(ctx, nc, i) })
	}
	t.Cleanup(l.stop)
	return l
}

// stop ends the load and returns when no client proposes any more.
func (l *load) stop() {
	l.cancel()
	l.done.Wait()
}

func (l *load) client(ctx context.Context, nc *nats.Conn, client int) {
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("client-%d-%d", client, n)
		l.note(func() { l.open[id] = true })
		if seq, ok := propose(ctx, nc, id); ok {
			l.note(func() { l.acknowledge(id, seq) })
		}
	}
}

// propose tries until there is an acknowledgement, or ctx ends.
func propose(ctx context.Context, nc *nats.Conn, id string) (seq uint64, ok bool) {
	m := &nats.Msg{Subject: "synod.main.propose", Data: []byte(id), Header: nats.Header{nats.MsgIdHdr: {id}}}
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		reply, err := nc.RequestMsgWithContext(attempt, m)
		if err == nil {
			if ack, err := bus.ParseAck(reply.Data); err == nil && ack.Error == nil {
				cancel()
				return ack.Seq, true
			}
		}
		select {
		case <-attempt.Done():
		case <-time.After(5 * time.Millisecond): // nobody leads: it was refused at once
		}
		cancel()
	}
	return 0, false
}

func (l *load) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *load) acknowledge(id string, seq uint64) {
	delete(l.open, id)
	l.acked[id] = seq
	l.longest = max(l.longest, time.Since(l.last))
	l.last = time.Now()
	close(l.more)
	l.more = make(chan struct{})
}

// await waits until n more proposals are acknowledged.
func (l *load) await(n int) {
	l.t.Helper()
	timeout := time.After(patience)
	l.mu.Lock()
	want := len(l.acked) + n
	for len(l.acked) < want {
		more := l.more
		l.mu.Unlock()
		select {
		case <-more:
		case <-timeout:
			l.t.Fatalf("no %d more acknowledgements: there are %d", n, len(l.acked))
		}
		l.mu.Lock()
	}
	l.mu.Unlock()
}

// gap is the longest time without an acknowledgement since the last call.
func (l *load) gap() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	gap := max(l.longest, time.Since(l.last))
	l.longest = 0
	return gap
}
