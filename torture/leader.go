//go:build linux

package main

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// leaderWatch hears who leads, from heartbeats.
type leaderWatch struct {
	journal *journal
	mu      sync.Mutex
	ballot  paxos.Ballot // the highest that leads
	changes int          // of the leader, the first one included
	chosen  paxos.Slot
	grew    time.Time // when it last did
}

func watchLeader(j *journal, nc *nats.Conn) (*leaderWatch, error) {
	w := &leaderWatch{journal: j}
	_, err := nc.Subscribe("synod.main.proposer.*.heartbeat", func(m *nats.Msg) {
		e, err := bus.Decode(m.Data)
		if err != nil || m.Header.Get(lie) != "" {
			return
		}
		if h, ok := e.Msg.(paxos.Heartbeat); ok && bus.Subjects.CheckSender(bus.Subjects{Cluster: "main"}, m.Subject, e) == nil {
			w.hear(h)
		}
	})
	return w, err
}

func (w *leaderWatch) hear(h paxos.Heartbeat) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ballot.Less(h.Ballot) {
		w.ballot = h.Ballot
		w.changes++
		w.journal.note("%s leads (ballot %s)", h.Ballot.Proposer, h.Ballot)
	}
	if h.Chosen.Below > w.chosen {
		if took := time.Since(w.grew); took > slowAfter && w.chosen > 0 {
			w.journal.note("nothing was chosen for %s, after slot %d", took.Round(time.Millisecond), w.chosen-1)
		}
		w.chosen, w.grew = h.Chosen.Below, time.Now()
	}
}

// leader is who led last.
func (w *leaderWatch) leader() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.ballot.Proposer)
}

func (w *leaderWatch) seen() (changes int, chosen paxos.Slot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changes, w.chosen
}
