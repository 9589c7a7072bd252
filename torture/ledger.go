//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/streams"
)

// ledger is what was proposed to the log, and what was acknowledged. Each proposer
// tries a proposal again with its id until it is acknowledged.
type ledger struct {
	*journal
	mu      sync.Mutex
	acked   map[string]uint64 // sequence, by proposal
	open    map[string]bool   // proposed and not acknowledged
	last    time.Time         // of an acknowledgement
	longest time.Duration     // between two
	more    chan struct{}     // closed and replaced with each acknowledgement
	done    sync.WaitGroup
}

// slowAfter is how long a proposal may take before the report tells of it.
const slowAfter = 400 * time.Millisecond

// A pace is how proposers propose.
type pace struct {
	proposers int
	rest      time.Duration // between two proposals of one, at most
	attempt   time.Duration // after which one is sent again
}

// startLedger lets proposers propose, each with a connection of its own, until ctx
// ends.
func startLedger(ctx context.Context, c *cluster, p pace) (*ledger, error) {
	l := &ledger{journal: c.journal, acked: map[string]uint64{}, open: map[string]bool{}, last: time.Now(), more: make(chan struct{})}
	for i := range p.proposers {
		nc, err := nats.Connect(c.url(), dial("")...)
		if err != nil {
			return nil, err
		}
		l.done.Go(func() {
			defer nc.Close()
			l.propose(ctx, nc, i, p)
		})
	}
	return l, nil
}

func (l *ledger) propose(ctx context.Context, nc *nats.Conn, proposer int, p pace) {
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("proposal-%d-%d", proposer, n)
		l.mu.Lock()
		l.open[id] = true
		l.mu.Unlock()
		began := time.Now()
		if seq, ok := proposeUntilDone(ctx, nc, id, p.attempt); ok {
			l.acknowledge(id, seq)
		}
		if took := time.Since(began); took > slowAfter {
			l.note("%s through %s took %s", id, nc.ConnectedAddr(), took.Round(time.Millisecond))
		}
		if p.rest > 0 {
			time.Sleep(rand.N(p.rest))
		}
	}
}

// proposeUntilDone tries until there is an acknowledgement, or ctx ends.
func proposeUntilDone(ctx context.Context, nc *nats.Conn, id string, each time.Duration) (seq uint64, ok bool) {
	m := &nats.Msg{Subject: "synod.main.propose", Data: []byte(id), Header: nats.Header{nats.MsgIdHdr: {id}}}
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, each)
		reply, err := nc.RequestMsgWithContext(attempt, m)
		cancel()
		if err == nil {
			if a, err := bus.ParseAck(reply.Data); err == nil && a.Error == nil {
				return a.Seq, true
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0, false
}

func (l *ledger) acknowledge(id string, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	delete(l.open, id)
	l.acked[id] = seq
	l.longest = max(l.longest, now.Sub(l.last))
	l.last = now
	close(l.more)
	l.more = make(chan struct{})
}

// await waits for n more acknowledgements.
func (l *ledger) await(ctx context.Context, n int) error {
	for ; n > 0; n-- {
		l.mu.Lock()
		more := l.more
		l.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("no acknowledgement: %w", ctx.Err())
		}
	}
	return nil
}

// gap is the longest time without an acknowledgement since the last call.
func (l *ledger) gap() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	gap := max(l.longest, time.Since(l.last))
	l.longest = 0
	return gap
}

// message is a message of a learner's log.
type message struct {
	seq  uint64
	data string
}

// readLog is the whole log of a learner that has stopped, from its disk, and the
// digest of its state.
func (c *cluster) readLog(learner string) (log []message, digest streams.Digest, err error) {
	m, err := streams.Open(filepath.Join(c.data(learner), "d", "state"), streams.Options{})
	if err != nil {
		return nil, digest, err
	}
	v := m.View()
	defer func() { err = errors.Join(err, v.Close(), m.Close()) }()
	for stored, err := range v.Messages(streams.Query{Stream: streams.Ledger}) {
		if err != nil {
			return nil, digest, err
		}
		log = append(log, message{stored.Seq, string(stored.Data)})
	}
	digest = m.Digest()
	return log, digest, nil
}

// check compares the logs of learners that have stopped with what clients were told:
// each acknowledged proposal is there exactly once, where it was said to be, none
// that nobody proposed, and all learners hold the same.
func (l *ledger) check(c *cluster) {
	var first []message
	var sum streams.Digest
	for i, id := range c.learners() {
		log, digest, err := c.readLog(id)
		if err != nil {
			c.fail("the state of %s: %v", id, err)
			return
		}
		if i == 0 {
			first, sum = log, digest
			l.checkOne(log)
			continue
		}
		if digest != sum {
			c.fail("%s ends with digest %v, %s with %v", id, digest, c.learners()[0], sum)
		}
		if len(log) != len(first) {
			c.fail("%s has %d messages, %s has %d", id, len(log), c.learners()[0], len(first))
		}
		for n := range min(len(log), len(first)) {
			if log[n] != first[n] {
				c.fail("%s has %v where %s has %v", id, log[n], c.learners()[0], first[n])
				break
			}
		}
	}
}

func (l *ledger) checkOne(log []message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := map[string]uint64{}
	for _, m := range log {
		if at[m.data] != 0 {
			l.fail("%s is in the log twice, at %d and %d", m.data, at[m.data], m.seq)
		}
		at[m.data] = m.seq
		if l.acked[m.data] == 0 && !l.open[m.data] {
			l.fail("%q is in the log, and nobody proposed it", m.data)
		}
	}
	for proposal, seq := range l.acked {
		if at[proposal] != seq {
			l.fail("%s was acknowledged at %d, and is at %d", proposal, seq, at[proposal])
		}
	}
}
