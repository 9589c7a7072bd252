//go:build linux

package main

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// A liar is on the bus with every right. It hears all that is said, and says what no
// honest role would: in the true name of each, of its true disk and cluster, with a
// number beyond all bounds; but of acceptors, only in the name of as many as the cluster
// can lose. What it does not do is what nobody can survive: two values in one ballot,
// a vote that was never cast, or the word of a majority of acceptors.
type liar struct {
	*rand.Rand
	nc       *nats.Conn
	subjects bus.Subjects
	lost     []paxos.NodeID // acceptors in whose name it lies

	mu      sync.Mutex
	cluster paxos.ClusterID
	selves  map[paxos.Role]map[paxos.NodeID]paxos.Sender // by role and id, as heard last
	ballot  paxos.Ballot                                 // of the leader
	below   paxos.Slot
	nonce   uint64 // of the last question
	archive []*nats.Msg
	next    int            // in the archive, once it is full
	told    int            // messages of all acts
	lies    map[string]int // forged messages, by kind
}

// archiveSize is how many messages are kept to be said again.
const archiveSize = 50_000

func newLiar(nc *nats.Conn, g *rand.Rand, lost ...paxos.NodeID) (*liar, error) {
	l := &liar{
		Rand: g, nc: nc, lost: lost, subjects: bus.Subjects{Cluster: "main"},
		selves: map[paxos.Role]map[paxos.NodeID]paxos.Sender{}, lies: map[string]int{},
	}
	for _, r := range []paxos.Role{paxos.ProposerRole, paxos.AcceptorRole, paxos.LearnerRole} {
		l.selves[r] = map[paxos.NodeID]paxos.Sender{}
	}
	for _, subject := range l.subjects.Protocol() {
		if _, err := nc.Subscribe(subject, l.hear); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *liar) hear(m *nats.Msg) {
	e, err := bus.Decode(m.Data)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if m.Header.Get(lie) != "" {
		return
	}
	if !e.Cluster.UUID.IsZero() && l.cluster.UUID.IsZero() {
		l.cluster = e.Cluster
	}
	if known, ok := l.selves[e.From.Role]; ok {
		known[e.From.ID] = e.From
	}
	switch msg := e.Msg.(type) {
	case paxos.Heartbeat:
		if l.ballot.Less(msg.Ballot) {
			l.ballot = msg.Ballot
		}
		l.below = max(l.below, msg.Chosen.Below)
	case paxos.ReadQuery:
		l.nonce = msg.Nonce
	}
	if len(l.archive) < archiveSize {
		l.archive = append(l.archive, m)
	} else if l.archive[l.next%archiveSize] = m; l.IntN(10) == 0 { // old ones stay long
		l.next++
	}
}

// lie is the header of what the liar says, by which it tells its own words.
const lie = "Torture-Lie"

// say reports whether the message was sent; there are always more.
func (l *liar) say(subject string, data []byte) bool {
	if l.nc.PublishMsg(&nats.Msg{Subject: subject, Data: data, Header: nats.Header{lie: {"1"}}}) != nil {
		return false
	}
	l.told++
	return true
}

// noise says random bytes on a random subject of the cluster, those of clients
// included, but not on those where random bytes are a good proposal.
func (l *liar) noise() {
	l.mu.Lock()
	defer l.mu.Unlock()
	data := make([]byte, l.IntN(1<<l.IntN(16)))
	for i := range data {
		data[i] = byte(l.Uint32())
	}
	if len(l.archive) == 0 {
		return
	}
	subject := l.archive[l.IntN(len(l.archive))].Subject
	if l.IntN(4) == 0 {
		subject = l.subjects.Root() + []string{
			"command.LEDGER", "command.KV_torture", "command.none", "api.STREAM.CREATE.x", "api.STREAM.UPDATE.KV_torture",
			"api.STREAM.INFO.KV_torture", "api.DIRECT.GET.LEDGER", "api.CONSUMER.CREATE.LEDGER", "operator.init.op._all", "operator.status",
		}[l.IntN(10)]
	}
	l.say(subject, data)
}

// repeat says again what was said, as a network may.
func (l *liar) repeat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.archive) > 0 {
		m := l.archive[l.IntN(len(l.archive))]
		l.say(m.Subject, m.Data)
	}
}

// forge says one message of a true sender with a number beyond all bounds.
func (l *liar) forge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	roles := []paxos.Role{paxos.ProposerRole, paxos.AcceptorRole, paxos.LearnerRole}
	from, ok := l.anyOf(roles[l.IntN(len(roles))])
	if from.Role == paxos.AcceptorRole && !slices.Contains(l.lost, from.ID) {
		return
	}
	if !ok || l.ballot.IsZero() {
		return
	}
	e := paxos.Envelope{Cluster: l.cluster, Config: 1, From: from}
	if l.IntN(4) == 0 {
		e.Config = l.huge()
	}
	switch from.Role {
	case paxos.ProposerRole:
		e.Msg = l.proposerLie(from)
	case paxos.AcceptorRole:
		e.Msg = l.acceptorLie(&e.From)
	case paxos.LearnerRole:
		e.Msg = l.learnerLie()
	}
	if l.IntN(20) == 0 {
		e.From, e.Msg = paxos.Sender{Role: paxos.OperatorRole, ID: "op", Process: l.huge()}, l.operatorLie()
	}
	e.To = l.receiver(e.Msg)
	l.publish(e)
}

func (l *liar) publish(e paxos.Envelope) {
	subject, err := l.subjects.Subject(e)
	if err != nil {
		return // what has no subject reaches nobody
	}
	if data, err := bus.Encode(e); err == nil && l.say(subject, data) {
		l.lies[bus.KindOf(e.Msg).String()]++
	}
}

func (l *liar) anyOf(r paxos.Role) (paxos.Sender, bool) {
	n := l.IntN(max(1, len(l.selves[r])))
	for _, s := range l.selves[r] {
		if n--; n < 0 {
			return s, true
		}
	}
	return paxos.Sender{}, false
}

// receiver is somebody who would take m, where it is for one alone.
func (l *liar) receiver(m paxos.Message) paxos.NodeID {
	role := paxos.Role(0)
	switch m.(type) {
	case paxos.HandOver, paxos.Promise, paxos.Nack, paxos.LeaderReport:
		role = paxos.ProposerRole
	case paxos.Votes, paxos.ReadReport, paxos.SnapshotQuery, paxos.SnapshotChunk:
		role = paxos.LearnerRole
	case paxos.GenesisReport, paxos.ChangeReport:
		return "op"
	}
	to, _ := l.anyOf(role)
	return to.ID
}

// huge is a number that no honest counter reaches.
func (l *liar) huge() uint64 {
	return []uint64{1 << 36, 1 << 40, 1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 1}[l.IntN(6)]
}

func own(from paxos.Sender, round uint64) paxos.Ballot {
	return paxos.Ballot{Round: round, Proposer: from.ID, Incarnation: from.Process}
}

func (l *liar) proposerLie(from paxos.Sender) paxos.Message {
	n, s, fine := l.huge(), paxos.Slot(l.huge()), paxos.Chosen{From: l.below, Below: l.below}
	far, b := own(from, n), own(from, l.ballot.Round)
	messages := []paxos.Message{
		paxos.Prepare{Ballot: far, From: 1}, paxos.Prepare{Ballot: far, From: s, To: 1},
		paxos.Accept{Ballot: far, Slot: l.below, Chosen: fine},
		paxos.Accept{Ballot: b, Slot: s, Chosen: fine},
		paxos.Accept{Ballot: b, Slot: s, Chosen: paxos.Chosen{From: 1, Below: s}},
		paxos.Heartbeat{Ballot: far, Chosen: fine, Next: s},
		paxos.Heartbeat{Ballot: b, Chosen: paxos.Chosen{From: 1, Below: s}, Next: s},
		paxos.Heartbeat{Ballot: b, Chosen: paxos.Chosen{From: s, Below: l.below}},
		paxos.Trim{Ballot: b, Below: s}, paxos.Trim{Ballot: far, Below: s},
		paxos.LeaderQuery{Nonce: n},
		paxos.HandOver{Ballot: far, Chosen: paxos.Chosen{From: s, Below: s}},
		paxos.Hello{Leading: far, Marks: l.marks(), Genesis: l.genesis()},
		paxos.ChangeReport{Newest: l.genesis().First, Chosen: s, Next: s, Waits: "for ever", Refused: "no"},
	}
	return messages[l.IntN(len(messages))]
}

func (l *liar) acceptorLie(from *paxos.Sender) paxos.Message {
	n, s, b := l.huge(), paxos.Slot(l.huge()), from.Promised
	far := paxos.Ballot{Round: n, Proposer: "p1", Incarnation: n}
	if l.IntN(8) == 0 {
		from.Boot = n
	}
	page := paxos.Page{From: s, Next: s, Votes: []paxos.Vote{{Slot: s, Ballot: far}}}
	messages := []paxos.Message{
		paxos.Accepted{Ballot: l.ballot, Slots: []paxos.Slot{s}},
		paxos.Accepted{Ballot: far, Slots: []paxos.Slot{s - 1, s}},
		paxos.Promise{Ballot: far, Page: page, Marks: l.marks()},
		paxos.Promise{Ballot: b, Page: paxos.Page{From: s, Next: s}, Marks: l.marks()},
		paxos.Votes{Page: page, Marks: l.marks()},
		paxos.Nack{Ballot: l.ballot, Promised: far}, paxos.Nack{Ballot: far, Promised: far},
		paxos.LeaderReport{Nonce: n, Silent: paxos.Duration(n)},
		paxos.ReadReport{Nonce: l.nonce, MaxVoted: s}, paxos.ReadReport{Nonce: n, MaxVoted: s},
		paxos.Hello{Marks: l.marks(), Genesis: l.genesis()},
		paxos.GenesisReport{Genesis: l.genesis(), Refused: string(make([]byte, l.IntN(1000)))},
	}
	return messages[l.IntN(len(messages))]
}

func (l *liar) learnerLie() paxos.Message {
	n, s := l.huge(), paxos.Slot(l.huge())
	messages := []paxos.Message{
		paxos.Fetch{From: s, To: 1}, paxos.Fetch{From: 1, To: s, Values: "a1"}, paxos.Fetch{From: s},
		paxos.Fill{From: s, To: s + 1}, paxos.Fill{From: 1, To: s}, paxos.Fill{From: s, To: 1},
		paxos.Position{Applied: s, Durable: s, NextExpiry: paxos.LogTime(n), Inherited: s},
		paxos.Digest{Slot: s, Sum: [16]byte{1}},
		paxos.ReadQuery{Nonce: n},
		paxos.SnapshotQuery{ID: n, Offset: n},
		paxos.SnapshotChunk{ID: n, Applied: s, Total: n, Offset: n, Data: make([]byte, l.IntN(1<<16))},
	}
	return messages[l.IntN(len(messages))]
}

func (l *liar) operatorLie() paxos.Message {
	g := l.genesis()
	messages := []paxos.Message{
		paxos.GenesisQuery{}, paxos.StoreGenesis{Genesis: *g}, paxos.Seal{Cluster: g.Cluster}, paxos.Abandon{Cluster: l.cluster},
		paxos.Change{}, paxos.Change{Next: &g.First}, paxos.Transfer{To: "nobody"},
	}
	return messages[l.IntN(len(messages))]
}

func (l *liar) marks() paxos.Marks {
	s := paxos.Slot(l.huge())
	return []paxos.Marks{{ChosenBelow: s}, {TrimBelow: s}, {ChosenBelow: s, TrimBelow: s, MaxVoted: s}}[l.IntN(3)]
}

// genesis is that of a cluster that nobody founded.
func (l *liar) genesis() *paxos.Genesis {
	g := &paxos.Genesis{
		Cluster: paxos.ClusterID{Generation: l.huge()}, Window: paxos.Slot(l.huge()),
		First: paxos.Configuration{Number: l.huge(), From: paxos.Slot(l.huge()), Copies: 1},
	}
	for i := range g.Cluster.UUID {
		g.Cluster.UUID[i] = byte(l.Uint32())
	}
	return g
}
