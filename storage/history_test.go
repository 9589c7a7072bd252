package storage_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/storage"
	"github.com/synod-paxos/synod/storage/storagetest"
)

// history makes groups of records as an acceptor's life brings them, and some that
// it never should.
type history struct {
	*rand.Rand
	ballot paxos.Ballot
	head   paxos.Slot
	trim   paxos.Slot
	number uint64 // of configurations after the first
	body   int    // largest size of a value
}

func newHistory(seed uint64, body int) *history {
	return &history{Rand: rand.New(rand.NewPCG(seed, 1)), ballot: paxos.Ballot{Round: 1, Proposer: "p1"}, head: 1, body: body}
}

// group is up to n records.
func (h *history) group(n int) []paxos.Record {
	var group []paxos.Record
	for range 1 + h.IntN(n) {
		group = append(group, h.record())
	}
	return group
}

func (h *history) record() paxos.Record {
	switch h.IntN(20) {
	case 0:
		h.ballot = paxos.Ballot{
			Round: h.ballot.Round + h.Uint64N(3), Proposer: paxos.NodeID(fmt.Sprintf("p%d", h.IntN(3))), Incarnation: h.Uint64(),
		}
		return paxos.Promised{Ballot: h.ballot}
	case 1:
		h.trim += paxos.Slot(h.Uint64N(uint64(h.head-min(h.trim, h.head-1)) + 1))
		return paxos.Trimmed{Below: h.trim - min(h.trim, paxos.Slot(h.IntN(3)))} // some trim nothing
	case 2:
		return h.genesis()
	case 4:
		return h.configured()
	case 3:
		return h.vote(1 + paxos.Slot(h.Uint64N(uint64(h.head)))) // again, or below the trim point
	default:
		h.head += paxos.Slot(h.IntN(3))
		return h.vote(h.head)
	}
}

func (h *history) vote(slot paxos.Slot) paxos.Record {
	v := paxos.Value{Kind: paxos.ValueKind(h.IntN(3)), Stamp: paxos.LogTime(h.Int64N(1e6) - 100), Answerer: "l1"}
	if h.IntN(5) > 0 {
		v.Body = make([]byte, h.IntN(h.body))
		for i := range v.Body {
			v.Body[i] = byte(h.Uint32())
		}
	}
	return paxos.Voted{
		Vote:        paxos.Vote{Slot: slot, Ballot: h.ballot, Value: v},
		ChosenBelow: h.head - min(h.head, paxos.Slot(h.IntN(9))),
	}
}

// configured is the next configurations, after a gap now and then, or one that is in use.
func (h *history) configured() paxos.Record {
	if h.IntN(3) == 0 {
		return paxos.Reached{Below: h.head - min(h.head, paxos.Slot(h.IntN(9)))}
	}
	h.number += 1 + h.Uint64N(2)*h.Uint64N(2)
	return paxos.Configured{Known: []paxos.Configuration{{
		Number: 1 + h.number, From: h.head + paxos.Slot(h.number), Copies: 1, Acceptors: []paxos.Member{{ID: "a9", Disk: paxos.UUID{9}}},
	}}}
}

func (h *history) genesis() paxos.Record {
	if h.IntN(2) == 0 {
		return paxos.Abandoned{}
	}
	g := paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: paxos.UUID{byte(h.IntN(256))}, Generation: 1 + h.Uint64N(3)}, Window: 256,
		First: paxos.Configuration{
			Number: 1, From: 1, Copies: 2, Quorums: paxos.QuorumSystem{Kind: paxos.Sizes, Size1: 2, Size2: 2},
			Acceptors: []paxos.Member{{ID: "a1", Disk: paxos.UUID{1}}, {ID: "a2", Disk: paxos.UUID{2}}},
		},
	}
	return paxos.Founded{Genesis: g, Sealed: h.IntN(4) == 0}
}

// contents is all that an acceptor answers from.
type contents struct {
	state paxos.AcceptorState
	votes []paxos.Vote
}

func (c contents) equal(o contents) bool {
	if len(c.votes) != len(o.votes) || !reflect.DeepEqual(c.state, o.state) {
		return false
	}
	for i, v := range c.votes {
		w := o.votes[i]
		if v.Slot != w.Slot || v.Ballot != w.Ballot || !v.Value.Equal(w.Value) {
			return false
		}
	}
	return true
}

func (c contents) String() string {
	s := fmt.Sprintf("promised %s, marks %+v, genesis %+v, sealed %t, %d votes:", c.state.Promised, c.state.Marks, c.state.Genesis, c.state.Sealed, len(c.votes))
	for _, v := range c.votes {
		s += fmt.Sprintf(" %d@%s/%d", v.Slot, v.Ballot, len(v.Value.Body))
	}
	return s
}

// text is all of c, one fact a line.
func (c contents) text() string {
	s := fmt.Sprintf("promised %s\nmarks %+v\nsealed %t\n", c.state.Promised, c.state.Marks, c.state.Sealed)
	if c.state.Genesis != nil {
		s += fmt.Sprintf("genesis %+v\n", *c.state.Genesis)
	}
	for _, known := range c.state.Known {
		s += fmt.Sprintf("knows %+v\n", *known)
	}
	for _, v := range c.votes {
		s += fmt.Sprintf("vote %d %s %s %d %s %x\n", v.Slot, v.Ballot, v.Value.Kind, v.Value.Stamp, v.Value.Answerer, v.Value.Body)
	}
	return s
}

const everything = 1 << 40 // bytes

// held is what the acceptor's disk held when it was opened, and votes since.
func held(a *storage.Acceptor) (contents, error) {
	p := paxos.Page{From: 1}
	err := a.Fill(&p, everything)
	return contents{a.State(), p.Votes}, err
}

// expected is the model's contents.
func expected(l *paxos.Ledger) contents {
	p := paxos.Page{From: 1}
	l.Fill(&p, everything)
	return contents{l.State, p.Votes}
}

// small are options under which segments turn over quickly.
func small(d *storagetest.Disk) storage.Options {
	return storage.Options{FS: d.FS(), Segment: 16 << 10, CoverAfter: -1, HungAfter: -1}
}

func mustOpen(t testing.TB, dir string, o storage.Options) *storage.Acceptor {
	t.Helper()
	a, err := storage.OpenAcceptor(dir, "a1", o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mustClose(t testing.TB, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// look opens the acceptor on d, reads all it has, and closes it.
func look(d *storagetest.Disk) (contents, error) {
	a, err := storage.OpenAcceptor("/a1", "a1", small(d))
	if err != nil {
		return contents{}, err
	}
	c, err := held(a)
	if err != nil {
		_ = a.Close()
		return contents{}, err
	}
	return c, a.Close()
}
