package bus

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// A maker makes random messages that every role could send. Its numbers are often
// extreme.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 1))} }

// makers has an entry for every message type.
var makers = map[string]func(m maker) paxos.Message{
	"Prepare": func(m maker) paxos.Message {
		return paxos.Prepare{Ballot: m.ballot(), From: m.slot(), To: m.slot()}
	},
	"Promise": func(m maker) paxos.Message {
		return paxos.Promise{Ballot: m.ballot(), Page: m.page(), Marks: m.marks()}
	},
	"Accept": func(m maker) paxos.Message {
		return paxos.Accept{Ballot: m.ballot(), Slot: 1 + m.slot()/2, Value: m.value(), Chosen: m.chosen()}
	},
	"Accepted": func(m maker) paxos.Message { return paxos.Accepted{Ballot: m.ballot(), Slots: m.ascending()} },
	"Nack":     func(m maker) paxos.Message { return paxos.Nack{Ballot: m.ballot(), Promised: m.ballot()} },
	"Heartbeat": func(m maker) paxos.Message {
		return paxos.Heartbeat{Ballot: m.ballot(), Chosen: m.chosen(), Next: m.slot()}
	},
	"LeaderQuery": func(m maker) paxos.Message {
		return paxos.LeaderQuery{Nonce: m.number()}
	},
	"LeaderReport": func(m maker) paxos.Message {
		return paxos.LeaderReport{Nonce: m.number(), Silent: paxos.Duration(m.number())}
	},
	"HandOver": func(m maker) paxos.Message { return paxos.HandOver{Ballot: m.ballot(), Chosen: m.chosen()} },
	"Trim":     func(m maker) paxos.Message { return paxos.Trim{Ballot: m.ballot(), Below: m.slot()} },
	"Hello": func(m maker) paxos.Message {
		return paxos.Hello{
			Genesis: m.maybeGenesis(), Known: m.configurations(), Marks: m.marks(), Leading: m.maybeBallot(),
			Priority: m.IntN(200) - 100, NoSpace: m.coin(),
		}
	},
	"Fetch": func(m maker) paxos.Message {
		return paxos.Fetch{From: m.slot(), To: m.slot(), Values: m.maybeID()}
	},
	"Votes": func(m maker) paxos.Message { return paxos.Votes{Page: m.page(), Marks: m.marks()} },
	"Fill":  func(m maker) paxos.Message { return paxos.Fill{From: m.slot(), To: m.slot()} },
	"Position": func(m maker) paxos.Message {
		return paxos.Position{Applied: m.slot(), Durable: m.slot(), NextExpiry: m.time(), Inherited: m.slot(), Version: m.number(), Supports: m.number()}
	},
	"Digest": func(m maker) paxos.Message {
		return paxos.Digest{Slot: m.slot(), Sum: m.uuid()}
	},
	"SnapshotQuery": func(m maker) paxos.Message { return paxos.SnapshotQuery{ID: m.number(), Offset: m.number()} },
	"SnapshotChunk": func(m maker) paxos.Message {
		return paxos.SnapshotChunk{ID: m.number(), Applied: m.slot(), Total: m.number(), Offset: m.number(), Data: m.value().Body}
	},
	"ReadQuery":    func(m maker) paxos.Message { return paxos.ReadQuery{Nonce: m.number()} },
	"ReadReport":   func(m maker) paxos.Message { return paxos.ReadReport{Nonce: m.number(), MaxVoted: m.slot()} },
	"GenesisQuery": func(m maker) paxos.Message { return paxos.GenesisQuery{} },
	"StoreGenesis": func(m maker) paxos.Message { return paxos.StoreGenesis{Genesis: m.genesis()} },
	"Seal":         func(m maker) paxos.Message { return paxos.Seal{Cluster: m.cluster()} },
	"Abandon":      func(m maker) paxos.Message { return paxos.Abandon{Cluster: m.cluster()} },
	"GenesisReport": func(m maker) paxos.Message {
		return paxos.GenesisReport{Genesis: m.maybeGenesis(), Sealed: m.coin(), Refused: m.text()}
	},
	"Change": func(m maker) paxos.Message {
		if m.coin() {
			return paxos.Change{}
		}
		c := m.configuration()
		return paxos.Change{Next: &c}
	},
	"ChangeReport": func(m maker) paxos.Message {
		return paxos.ChangeReport{Newest: m.configuration(), Chosen: m.slot(), Next: m.slot(), Waits: m.text(), Refused: m.text()}
	},
	"Transfer": func(m maker) paxos.Message { return paxos.Transfer{To: m.maybeID()} },
}

// envelope is msg from somebody who may send it.
func (m maker) envelope(msg paxos.Message) paxos.Envelope {
	role := kindSpecs[KindOf(msg)].role
	if role == 0 {
		role = paxos.ProposerRole + paxos.Role(m.IntN(3))
	}
	return paxos.Envelope{
		Cluster: m.cluster(), Config: m.number(), To: m.id(), Msg: msg,
		From: paxos.Sender{
			Role: role, ID: m.id(), Disk: m.uuid(), Boot: m.number(), Process: m.number(), Promised: m.maybeBallot(),
		},
	}
}

func (m maker) coin() bool { return m.IntN(2) == 0 }

func (m maker) number() uint64 {
	switch m.IntN(4) {
	case 0:
		return 0
	case 1:
		return math.MaxUint64 - m.Uint64N(2)
	case 2:
		return m.Uint64()
	default:
		return m.Uint64N(300)
	}
}

func (m maker) slot() paxos.Slot    { return paxos.Slot(m.number()) }
func (m maker) time() paxos.LogTime { return paxos.LogTime(m.number()) }

func (m maker) id() paxos.NodeID {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-"
	id := make([]byte, 1+m.IntN(paxos.MaxNodeID))
	for i := range id {
		id[i] = letters[m.IntN(len(letters))]
	}
	return paxos.NodeID(id)
}

func (m maker) maybeID() paxos.NodeID {
	if m.coin() {
		return ""
	}
	return m.id()
}

func (m maker) uuid() (u paxos.UUID) {
	if m.coin() {
		for i := range u {
			u[i] = byte(m.IntN(256))
		}
	}
	return u
}

func (m maker) cluster() paxos.ClusterID {
	return paxos.ClusterID{UUID: m.uuid(), Generation: m.number()}
}

func (m maker) ballot() paxos.Ballot {
	return paxos.Ballot{Round: m.number(), Proposer: m.id(), Incarnation: m.number()}
}

func (m maker) maybeBallot() paxos.Ballot {
	if m.coin() {
		return paxos.Ballot{}
	}
	return m.ballot()
}

func (m maker) chosen() paxos.Chosen { return paxos.Chosen{From: m.slot(), Below: m.slot()} }

func (m maker) marks() paxos.Marks {
	return paxos.Marks{ChosenBelow: m.slot(), TrimBelow: m.slot(), MaxVoted: m.slot(), MaxStamp: m.time(), Clock: m.time()}
}

func (m maker) value() paxos.Value {
	v := paxos.Value{Kind: paxos.ValueKind(m.IntN(3)), Stamp: m.time(), Answerer: m.maybeID()}
	if m.coin() {
		v.Body = make([]byte, 1+m.IntN(100))
		for i := range v.Body {
			v.Body[i] = byte(m.IntN(256))
		}
	}
	return v
}

// ascending is nil or some slots without 0.
func (m maker) ascending() []paxos.Slot {
	var slots []paxos.Slot
	for range m.IntN(6) {
		slots = append(slots, 1+m.slot()/2)
	}
	slices.Sort(slots)
	return slices.Compact(slots)
}

func (m maker) page() paxos.Page {
	p := paxos.Page{BallotsOnly: m.coin(), Next: m.slot()}
	for _, s := range m.ascending() {
		v := paxos.Vote{Slot: s, Ballot: m.ballot()}
		if !p.BallotsOnly {
			v.Value = m.value()
		}
		p.Votes = append(p.Votes, v)
	}
	if n := len(p.Votes); n > 0 && m.coin() {
		p.From, p.To = p.Votes[0].Slot, p.Votes[n-1].Slot+1
	}
	return p
}

func (m maker) genesis() paxos.Genesis {
	return paxos.Genesis{Cluster: m.cluster(), Window: m.slot(), State: m.uuid(), First: m.configuration()}
}

func (m maker) configuration() paxos.Configuration {
	c := paxos.Configuration{
		Number: m.number(), From: m.slot(), Copies: m.IntN(maxCount),
		Quorums: paxos.QuorumSystem{
			Kind: paxos.QuorumKind(m.IntN(3)), Size1: m.IntN(64), Size2: m.IntN(64), Rows: m.IntN(maxCount + 1),
		},
	}
	for range m.IntN(5) {
		c.Acceptors = append(c.Acceptors, paxos.Member{ID: m.id(), Disk: m.uuid()})
	}
	return c
}

func (m maker) configurations() []paxos.Configuration {
	var cs []paxos.Configuration
	for range m.IntN(3) {
		cs = append(cs, m.configuration())
	}
	return cs
}

func (m maker) maybeGenesis() *paxos.Genesis {
	if m.coin() {
		return nil
	}
	g := m.genesis()
	return &g
}

func (m maker) text() string {
	return []string{"", "no", "größer als erlaubt", "holds another genesis"}[m.IntN(4)]
}
