package node

import (
	"context"
	"fmt"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/internal/backup"
	"github.com/synod-paxos/synod/paxos"
)

// Holding says which learners hold what a cluster was restored from.
type Holding struct {
	Holders []paxos.NodeID // those that hold it durably
	Wanted  int            // how many must
}

// restorePositions is how often learners hear that the state can be had.
const restorePositions = 75 * time.Millisecond

// Serve gives the state in file to the learners of the cluster that g founded on it, as
// if it were a fellow of theirs, until as many as the cluster's copies hold it durably.
// They start with empty disks. It is no learner: it applies nothing, answers nobody,
// and counts for no copy.
func Serve(ctx context.Context, b *bus.Bus, g *paxos.Genesis, file *backup.File, progress Progress, holding func(Holding)) error {
	s := &serving{
		bus: b, genesis: g, file: file, progress: progress, id: newProcess(), holders: map[paxos.UUID]paxos.NodeID{},
		self:  paxos.Sender{Role: paxos.LearnerRole, ID: bus.RestoreID, Boot: 1, Process: newProcess()},
		heard: make(chan paxos.Envelope, 256),
	}
	listener, err := b.ListenTo(s.self.ID, []string{"learner.*.snapshot." + string(s.self.ID), "learner.*.applied"}, func(e paxos.Envelope) {
		select {
		case s.heard <- e:
		default: // it is said again
		}
	})
	if err != nil {
		return err
	}
	defer func() { _ = listener.Stop() }() // the connection is about to end
	if err := b.PublishConfirmed(s.envelope("", paxos.Hello{})); err != nil {
		return err
	}
	return s.run(ctx, holding)
}

type serving struct {
	bus      *bus.Bus
	genesis  *paxos.Genesis
	file     *backup.File
	progress Progress
	self     paxos.Sender
	id       uint64 // of the snapshot
	heard    chan paxos.Envelope
	holders  map[paxos.UUID]paxos.NodeID // by disk
}

func (s *serving) envelope(to paxos.NodeID, m paxos.Message) paxos.Envelope {
	return paxos.Envelope{Cluster: s.genesis.Cluster, Config: s.genesis.First.Number, From: s.self, To: to, Msg: m}
}

func (s *serving) run(ctx context.Context, holding func(Holding)) error {
	ticker := time.NewTicker(restorePositions)
	defer ticker.Stop()
	holding(s.holding())
	for len(s.holders) < s.genesis.First.Copies {
		select {
		case e := <-s.heard:
			before := len(s.holders)
			s.step(e)
			if len(s.holders) != before {
				holding(s.holding())
			}
		case <-ticker.C:
			at := s.file.Info.Slot
			_ = s.bus.Publish(s.envelope("", paxos.Position{Applied: at, Inherited: at})) // the next one may get there
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (s *serving) holding() Holding {
	h := Holding{Wanted: s.genesis.First.Copies}
	for _, id := range s.holders {
		h.Holders = append(h.Holders, id)
	}
	return h
}

func (s *serving) step(e paxos.Envelope) {
	if e.Cluster != s.genesis.Cluster || e.From.Role != paxos.LearnerRole || e.From.ID == s.self.ID {
		return
	}
	switch m := e.Msg.(type) {
	case paxos.Position:
		// The log starts after that slot, so who has applied it has installed a snapshot of
		// it, which is durable as a whole or not there. Durable says less: it is how far a
		// learner could go back by itself, too.
		if m.Applied >= s.file.Info.Slot && !e.From.Disk.IsZero() {
			s.holders[e.From.Disk] = e.From.ID
		}
	case paxos.SnapshotQuery:
		if e.To == s.self.ID {
			_ = s.bus.Publish(s.envelope(e.From.ID, s.chunk(e.From.ID, m))) // who misses it asks again
		}
	}
}

// chunk is the part of the snapshot that q asks for.
func (s *serving) chunk(to paxos.NodeID, q paxos.SnapshotQuery) paxos.SnapshotChunk {
	total := uint64(s.file.Snapshot.Size())
	if q.ID == 0 {
		q = paxos.SnapshotQuery{ID: s.id}
	}
	if q.ID != s.id || q.Offset > total {
		return paxos.SnapshotChunk{}
	}
	data := make([]byte, min(uint64(bus.MaxChunkBytes(s.bus.MaxPayload())), total-q.Offset))
	if n, _ := s.file.Snapshot.ReadAt(data, int64(q.Offset)); n < len(data) {
		return paxos.SnapshotChunk{} // the learner hears that it is gone, and asks anew
	}
	s.progress(to, q.Offset+uint64(len(data)), total)
	return paxos.SnapshotChunk{ID: s.id, Applied: s.file.Info.Slot, Total: total, Offset: q.Offset, Data: data}
}

// Elsewhere is the cluster of this name that acceptors other than these belong to, of
// the highest generation; nil for none. Acceptors that are down are not heard.
func Elsewhere(ctx context.Context, b *bus.Bus, but []paxos.NodeID) (*paxos.Genesis, error) {
	o, err := startOperator(b)
	if err != nil {
		return nil, err
	}
	defer o.stop()
	var found *paxos.Genesis
	until := o.clock.Now().Mono + paxos.Instant(surveyTime)
	o.send([]paxos.Envelope{{From: o.self, Msg: paxos.GenesisQuery{}}})
	for {
		e, ok := o.next(ctx, until)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("look for other clusters: %w", context.Cause(ctx))
		}
		if !ok {
			return found, nil
		}
		m, is := e.Msg.(paxos.GenesisReport)
		if !is || m.Genesis == nil || !m.Sealed || among(m.Genesis, but) {
			continue
		}
		if found == nil || m.Genesis.Cluster.Generation > found.Cluster.Generation {
			found = m.Genesis
		}
	}
}

// surveyTime is how long Elsewhere waits for acceptors to say what they belong to.
const surveyTime = 500 * time.Millisecond

func among(g *paxos.Genesis, ids []paxos.NodeID) bool {
	for _, id := range ids {
		if g.First.Index(id) >= 0 {
			return true
		}
	}
	return false
}
