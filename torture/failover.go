//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"time"
)

// small is the cluster whose failover is measured: what the handbook advises.
var small = shape{servers: 3, acceptors: 3, proposers: 3, learners: 3}

// What the handbook promises, and what fails the measurement.
const (
	electionTimeout = 300 * time.Millisecond // the shortest; it is drawn up to twice as long
	medianMost      = 3 * electionTimeout
	learnerMost     = 200 * time.Millisecond
)

// failover measures for how long clients go without an acknowledgement when a
// process is killed.
func failover(ctx context.Context, o *options, screen io.Writer) (failures []string, err error) {
	j, err := prepare(o, screen)
	if err != nil {
		return nil, err
	}
	defer j.close()
	w, err := newWorld(ctx, o, j, small)
	if err != nil {
		return nil, err
	}
	playing, stop := context.WithCancel(ctx)
	defer stop()
	// An attempt is short, so that one that died with the leader hides nothing.
	if w.ledger, err = startLedger(playing, w.cluster, pace{proposers: 8, rest: 4 * time.Millisecond, attempt: 100 * time.Millisecond}); err != nil {
		return nil, err
	}
	m := &measurement{world: w, ctx: ctx, gaps: map[string][]time.Duration{}}
	for range o.kills / 5 {
		m.measure("nobody", nil)
	}
	for range o.kills {
		m.measure("the leader", []string{w.leader.leader()})
	}
	for range o.kills / 5 {
		m.measure("a standby", m.notLeading())
		m.measure("an acceptor", w.acceptors())
		m.measure("a learner", w.learners())
	}
	for range o.kills / 15 {
		m.hang()
	}
	stop()
	w.ledger.done.Wait()
	w.settle()
	w.stop()
	w.ledger.check(w.cluster)
	m.conclude()
	return j.failed(), ctx.Err()
}

// measurement is how long clients waited, by who was killed.
type measurement struct {
	*world
	ctx  context.Context
	gaps map[string][]time.Duration
}

// measure kills one of victims, or nobody, and notes the longest time between two
// acknowledgements from then on, the time after its next start included.
func (m *measurement) measure(what string, victims []string) {
	if m.ctx.Err() != nil || len(m.failed()) > 0 {
		return
	}
	within, cancel := context.WithTimeout(m.ctx, time.Minute)
	defer cancel()
	if err := m.ledger.await(within, 50); err != nil {
		m.fail("before the death of %s: %v", what, err)
		return
	}
	m.ledger.gap()
	name := ""
	if len(victims) > 0 {
		name = victims[len(m.gaps[what])%len(victims)]
		if err := m.all[name].kill(); err != nil {
			m.fail("%v", err)
			return
		}
	}
	pause(m.ctx, time.Second) // longer than any election takes
	if err := m.ledger.await(within, 10); err != nil {
		m.fail("after the death of %s: %v", name, err)
		return
	}
	gap := m.ledger.gap()
	if name != "" {
		if err := m.start(name); err != nil {
			m.fail("%v", err)
			return
		}
		if err := m.health.await(within, ready(name, time.Minute)); err != nil {
			m.fail("%v", err)
			return
		}
		pause(m.ctx, 500*time.Millisecond)
		if what != "the leader" {
			gap = max(gap, m.ledger.gap())
		}
	}
	m.gaps[what] = append(m.gaps[what], gap)
	m.note("killed %s (%s): no acknowledgement for %s", what, name, gap.Round(time.Millisecond))
}

// hang lets the leader's machine stand still for longer than every timeout: nobody is
// told that it is gone, and NATS goes on routing clients to it until it notices.
func (m *measurement) hang() {
	if m.ctx.Err() != nil || len(m.failed()) > 0 {
		return
	}
	name := m.leader.leader()
	m.ledger.gap()
	if err := m.all[name].signal(syscall.SIGSTOP); err != nil {
		m.fail("%v", err)
		return
	}
	pause(m.ctx, longMost)
	if err := m.all[name].signal(syscall.SIGCONT); err != nil {
		m.fail("%v", err)
	}
	if err := m.health.await(m.ctx, ready(name, time.Minute)); err != nil {
		m.fail("%v", err)
	}
	m.gaps[hung] = append(m.gaps[hung], m.ledger.gap())
}

// hung is the leader whose machine stands still.
const hung = "a hung leader"

// notLeading are the proposers that stand by.
func (m *measurement) notLeading() []string {
	return slices.DeleteFunc(m.proposers(), func(n string) bool { return n == m.leader.leader() })
}

// conclude shows the figures, and fails those that break a promise.
func (m *measurement) conclude() {
	var b strings.Builder
	b.WriteString("\nLongest time without an acknowledgement, of 8 clients, when somebody is killed with kill -9:\n")
	for _, what := range []string{"nobody", "the leader", "a standby", "an acceptor", "a learner", hung} {
		gaps := m.gaps[what]
		if len(gaps) == 0 {
			m.fail("nothing was measured for %s", what)
			continue
		}
		fmt.Fprintf(&b, "  %-14s %3d times  %s\n", what, len(gaps), spread(gaps))
	}
	m.summary(b.String())
	if median := middle(m.gaps["the leader"]); median > medianMost {
		m.fail("the death of a leader costs %s in the middle, want less than %s", median, medianMost)
	}
	for _, what := range []string{"a standby", "an acceptor", "a learner"} {
		// One of many may meet a pause of the machine.
		if median := middle(m.gaps[what]); median > learnerMost {
			m.fail("the death of %s costs %s in the middle, want at most %s", what, median, learnerMost)
		}
	}
}

// middle is the median of times; spread has sorted them.
func middle(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[len(times)/2]
}
