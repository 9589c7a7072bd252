package roles

import (
	"math"

	"github.com/synod-paxos/synod/paxos"
)

// chaos makes messages of bytes: any of the message types, with fields that are
// mostly plausible and otherwise as large, small or senseless as they can be. The
// same bytes make the same messages, so a fuzzer can work on them.
type chaos struct {
	data []byte
	role paxos.NodeID // whom the messages go to
	calm bool         // no extremes, and rounds that rise: something gets done
	made int          // messages
}

func (c *chaos) more() bool { return len(c.data) > 0 }

func (c *chaos) byte() byte {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return b
}

// one draws from [0, n).
func (c *chaos) one(n int) int { return int(c.byte()) % n }

func (c *chaos) bool() bool { return c.byte()%2 == 1 }

// extremes are numbers at which sums and comparisons go wrong.
var extremes = []uint64{
	0, 1, 7, 8, 9, 255, 256, 1024, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1 << 62, 1<<63 - 1, 1 << 63, math.MaxUint64 - 1, math.MaxUint64,
}

func (c *chaos) number() uint64 {
	b := c.byte()
	if int(b) < 2*len(extremes) {
		return extremes[b/2]
	}
	return uint64(b) % 12
}

func (c *chaos) slot() paxos.Slot { return paxos.Slot(c.number()) }

// near is most often one of few slots, or nothing would ever happen.
func (c *chaos) near() paxos.Slot {
	if b := c.byte(); b < 230 || c.calm {
		return paxos.Slot(b % 12)
	}
	return c.slot()
}

func (c *chaos) round() uint64 {
	if c.calm {
		return uint64(c.made/20) + uint64(c.one(3))
	}
	return uint64(c.near())
}

func (c *chaos) id() paxos.NodeID {
	ids := []paxos.NodeID{"a1", "a2", "a3", "p1", "p2", "p3", "l1", "l2", "l3", "operator", "a4", "", "x"}
	return ids[c.one(len(ids))]
}

func (c *chaos) ballot() paxos.Ballot {
	id := c.id()
	b := paxos.Ballot{Round: c.round(), Proposer: id, Incarnation: testProcess(id)}
	if c.one(8) == 0 {
		b.Incarnation = c.number()
	}
	return b
}

// own is most often a ballot that from may use.
func (c *chaos) own(from paxos.Sender) paxos.Ballot {
	if c.one(8) == 0 {
		return c.ballot()
	}
	return paxos.Ballot{Round: c.round(), Proposer: from.ID, Incarnation: from.Process}
}

func (c *chaos) value() paxos.Value {
	switch c.one(4) {
	case 0:
		return paxos.Value{}
	case 1:
		return paxos.Value{Kind: paxos.ValueKind(c.byte()), Stamp: paxos.LogTime(c.number()), Answerer: c.id(), Body: []byte{c.byte(), c.byte()}}
	default:
		v := testValue("x")
		v.Answerer = c.id()
		return v
	}
}

func (c *chaos) chosen() paxos.Chosen { return paxos.Chosen{From: c.near(), Below: c.near()} }

func (c *chaos) marks() paxos.Marks {
	return paxos.Marks{
		ChosenBelow: c.near(), TrimBelow: c.near(), MaxVoted: c.near(),
		MaxStamp: paxos.LogTime(c.number()), Clock: paxos.LogTime(c.number()),
	}
}

func (c *chaos) slots() []paxos.Slot {
	slots := make([]paxos.Slot, c.one(40))
	for i := range slots {
		slots[i] = c.near()
	}
	return slots
}

func (c *chaos) page() paxos.Page {
	p := paxos.Page{From: c.near(), To: c.near(), BallotsOnly: c.bool()}
	for range c.one(6) {
		p.Votes = append(p.Votes, paxos.Vote{Slot: c.near(), Ballot: c.ballot(), Value: c.value()})
	}
	if c.bool() {
		p.Next = c.near()
	}
	return p
}

func (c *chaos) digest() paxos.Digest {
	return paxos.Digest{Slot: 256 * c.near(), Sum: [16]byte{byte(c.one(3))}}
}

func (c *chaos) genesis() paxos.Genesis {
	g := testGenesis(1 + c.one(5))
	if c.one(4) == 0 {
		g.Cluster.Generation = c.number()
	}
	if c.one(4) == 0 {
		g.First.From, g.State = c.slot(), [16]byte{byte(c.one(2))}
	}
	if c.one(4) == 0 {
		g.Window = c.slot()
	}
	if c.one(4) == 0 {
		g.First.Acceptors[0] = paxos.Member{ID: c.id()}
	}
	if c.one(4) == 0 {
		g.First.Quorums = paxos.QuorumSystem{Kind: paxos.QuorumKind(c.one(5)), Size1: c.one(9) - 2, Size2: c.one(9) - 2, Rows: c.one(9) - 2}
	}
	return g
}

func (c *chaos) maybeGenesis() *paxos.Genesis {
	if c.bool() {
		return nil
	}
	g := c.genesis()
	return &g
}

// envelope is a message that is likely of the role's cluster and to it.
func (c *chaos) envelope() paxos.Envelope {
	c.made++
	from := c.id()
	if c.calm && c.one(3) > 0 {
		from = []paxos.NodeID{"p1", "p2", "p3"}[c.one(3)]
	}
	e := heard(testSender(from), nil)
	switch c.one(16) {
	case 0:
		e.Cluster.Generation = 0 // a higher one, or another UUID, ends all: see rival_test.go
		if !c.calm {
			e.Cluster.Generation = c.number()
		}
	case 1:
		e.Cluster = paxos.ClusterID{}
	case 2:
		e.Config = c.number()
	case 3:
		e.From.Boot = c.number()
	case 4:
		e.From.Process = c.number()
	case 5:
		e.From.Disk = paxos.UUID{1}
	case 6:
		e.From.Role = paxos.Role(c.byte())
	}
	e.From.Promised = c.ballot()
	if to := c.one(4); to == 0 {
		e.To = c.role
	} else if to == 1 {
		e.To = c.id()
	}
	e.Msg = c.message(e.From)
	return e
}

// message is any message, and for the last case none.
func (c *chaos) message(from paxos.Sender) paxos.Message {
	switch c.one(26) {
	case 0:
		return paxos.Prepare{Ballot: c.own(from), From: c.near(), To: c.near()}
	case 1:
		return paxos.Promise{Ballot: c.ballot(), Page: c.page(), Marks: c.marks()}
	case 2, 3:
		return paxos.Accept{Ballot: c.own(from), Slot: c.near(), Value: c.value(), Chosen: c.chosen()}
	case 4, 5:
		return paxos.Accepted{Ballot: c.ballot(), Slots: c.slots()}
	case 6:
		return paxos.Nack{Ballot: c.ballot(), Promised: c.ballot()}
	case 7:
		return paxos.Heartbeat{Ballot: c.own(from), Chosen: c.chosen(), Next: c.near()}
	case 8:
		return paxos.LeaderQuery{Nonce: c.number()}
	case 9:
		return paxos.LeaderReport{Nonce: c.number(), Silent: paxos.Duration(c.number())}
	case 10:
		return paxos.HandOver{Ballot: c.own(from), Chosen: c.chosen()}
	case 11:
		return paxos.Trim{Ballot: c.own(from), Below: c.near()}
	case 12:
		return paxos.Hello{Genesis: c.maybeGenesis(), Marks: c.marks(), Leading: c.ballot(), NoSpace: c.bool()}
	case 13:
		return paxos.Fetch{From: c.near(), To: c.near(), Values: c.id()}
	case 14:
		return paxos.Votes{Page: c.page(), Marks: c.marks()}
	case 15:
		return paxos.Fill{From: c.near(), To: c.near()}
	case 16:
		return paxos.Position{Applied: c.near(), Durable: c.near(), NextExpiry: paxos.LogTime(c.number())}
	case 17:
		return c.digest()
	}
	return c.rareMessage()
}

func (c *chaos) rareMessage() paxos.Message {
	switch c.one(9) {
	case 0:
		return paxos.SnapshotQuery{ID: c.number(), Offset: c.number()}
	case 1:
		return paxos.SnapshotChunk{ID: c.number(), Applied: c.slot(), Total: c.number(), Offset: c.number()}
	case 2:
		return paxos.ReadQuery{Nonce: c.number()}
	case 3:
		return paxos.ReadReport{Nonce: c.number(), MaxVoted: c.near()}
	case 4:
		return paxos.GenesisQuery{}
	case 5:
		return paxos.StoreGenesis{Genesis: c.genesis()}
	case 6:
		return paxos.Seal{Cluster: c.genesis().Cluster}
	case 7:
		return paxos.Abandon{Cluster: c.genesis().Cluster}
	default:
		return paxos.GenesisReport{Genesis: c.maybeGenesis(), Sealed: c.bool(), Refused: string(c.id())}
	}
}
