package actors

import (
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// pass lets d go by in a synctest bubble, and everything that is due in it happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// sent is a Sender that remembers.
type sent struct {
	mu  sync.Mutex
	got []paxos.Envelope
}

func (s *sent) Publish(e paxos.Envelope) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, e)
	return errors.New("the network loses everything, which changes nothing")
}

func (s *sent) envelopes() []paxos.Envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// of returns the messages of one type that were sent.
func of[M paxos.Message](s *sent) []M {
	s.mu.Lock()
	defer s.mu.Unlock()
	var of []M
	for _, e := range s.got {
		if m, ok := e.Msg.(M); ok {
			of = append(of, m)
		}
	}
	return of
}

// memory is a Store on a paxos.Ledger, whose syncs can be held up and can fail.
type memory struct {
	mu     sync.Mutex
	ledger paxos.Ledger
	hold   chan struct{} // when not nil, each Append waits for one token
	broken error
	groups [][]paxos.Record
	failed chan error
	filled []paxos.Page
	low    bool
}

func newMemory() *memory { return &memory{failed: make(chan error, 1)} }

func (m *memory) Append(records []paxos.Record) error {
	if m.hold != nil {
		<-m.hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	m.groups = append(m.groups, records)
	m.ledger.Append(records...)
	return nil
}

func (m *memory) Fill(p *paxos.Page, maxBytes int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ledger.Fill(p, maxBytes)
	m.filled = append(m.filled, *p)
	return m.broken
}

func (m *memory) SpaceLow() bool       { return m.low }
func (m *memory) Failed() <-chan error { return m.failed }

func (m *memory) appended() [][]paxos.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.groups
}

var (
	disk    = paxos.UUID{1}
	genesis = paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: paxos.UUID{9}, Generation: 1}, Window: 16,
		First: paxos.Configuration{Number: 1, From: 1, Copies: 1, Acceptors: []paxos.Member{{ID: "a1", Disk: disk}}},
	}
	leader = paxos.Sender{Role: paxos.ProposerRole, ID: "p1", Process: 7}
	ballot = paxos.Ballot{Round: 1, Proposer: "p1", Incarnation: 7}
)

// from is an envelope of the test's cluster.
func from(s paxos.Sender, m paxos.Message) paxos.Envelope {
	return paxos.Envelope{Cluster: genesis.Cluster, Config: 1, From: s, Msg: m}
}

func acceptFor(slot paxos.Slot, text string) paxos.Envelope {
	return from(leader, paxos.Accept{
		Ballot: ballot, Slot: slot, Chosen: paxos.Chosen{From: 1, Below: 1},
		Value: paxos.Value{Kind: paxos.Batch, Body: paxos.EncodeBatch(paxos.Command{Subject: "propose", Reply: "inbox." + text, Data: []byte(text)})},
	})
}
