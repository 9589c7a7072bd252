package bus

import "github.com/synod-paxos/synod/paxos"

// A Kind is a type of message, for counting. Its String is the word that the
// message's subject has for it.
type Kind uint8

// kindSpec says how a type of message travels.
type kindSpec struct {
	word string
	role paxos.Role // who sends it
	to   bool       // its subject ends in the one receiver
}

const (
	kindPrepare Kind = iota
	kindAccept
	kindHeartbeat
	kindLeaderQuery
	kindTrim
	kindHandOver
	kindPromise
	kindAccepted
	kindNack
	kindLeaderReport
	kindVotes
	kindReadReport
	kindGenesisReport
	kindFetch
	kindFill
	kindPosition
	kindReadQuery
	kindDigest
	kindSnapshotQuery
	kindSnapshotChunk
	kindHello
	kindInit // GenesisQuery, StoreGenesis, Seal, Abandon
	kindChange
	kindTransfer
	kindChangeReport
	kindNone
	kinds = int(kindNone)
)

var kindSpecs = [kinds]kindSpec{
	kindPrepare:       {"prepare", paxos.ProposerRole, false},
	kindAccept:        {"accept", paxos.ProposerRole, false},
	kindHeartbeat:     {"heartbeat", paxos.ProposerRole, false},
	kindLeaderQuery:   {"query", paxos.ProposerRole, false},
	kindTrim:          {"trim", paxos.ProposerRole, false},
	kindHandOver:      {"handover", paxos.ProposerRole, true},
	kindPromise:       {"promise", paxos.AcceptorRole, true},
	kindAccepted:      {"accepted", paxos.AcceptorRole, true},
	kindNack:          {"nack", paxos.AcceptorRole, true},
	kindLeaderReport:  {"report", paxos.AcceptorRole, true},
	kindVotes:         {"votes", paxos.AcceptorRole, true},
	kindReadReport:    {"read", paxos.AcceptorRole, true},
	kindGenesisReport: {"genesis", paxos.AcceptorRole, true},
	kindFetch:         {"fetch", paxos.LearnerRole, false},
	kindFill:          {"fill", paxos.LearnerRole, false},
	kindPosition:      {"applied", paxos.LearnerRole, false},
	kindReadQuery:     {"read", paxos.LearnerRole, false},
	kindDigest:        {"digest", paxos.LearnerRole, false},
	kindSnapshotQuery: {"snapshot", paxos.LearnerRole, true},
	kindSnapshotChunk: {"chunk", paxos.LearnerRole, true},
	kindHello:         {"hello", 0, false}, // every role but operators
	kindInit:          {"init", paxos.OperatorRole, true},
	kindChange:        {"member", paxos.OperatorRole, false},
	kindTransfer:      {"transfer", paxos.OperatorRole, false},
	kindChangeReport:  {"member", paxos.ProposerRole, true},
}

// KindOf is m's kind.
func KindOf(m paxos.Message) Kind {
	switch m.(type) {
	case paxos.Prepare:
		return kindPrepare
	case paxos.Accept:
		return kindAccept
	case paxos.Heartbeat:
		return kindHeartbeat
	case paxos.LeaderQuery:
		return kindLeaderQuery
	case paxos.Trim:
		return kindTrim
	case paxos.HandOver:
		return kindHandOver
	case paxos.Promise:
		return kindPromise
	case paxos.Accepted:
		return kindAccepted
	case paxos.Nack:
		return kindNack
	case paxos.LeaderReport:
		return kindLeaderReport
	case paxos.Votes:
		return kindVotes
	case paxos.ReadReport:
		return kindReadReport
	case paxos.GenesisReport:
		return kindGenesisReport
	case paxos.Fetch:
		return kindFetch
	case paxos.Fill:
		return kindFill
	case paxos.Position:
		return kindPosition
	case paxos.ReadQuery:
		return kindReadQuery
	case paxos.Digest:
		return kindDigest
	case paxos.SnapshotQuery:
		return kindSnapshotQuery
	case paxos.SnapshotChunk:
		return kindSnapshotChunk
	case paxos.Hello:
		return kindHello
	case paxos.GenesisQuery, paxos.StoreGenesis, paxos.Seal, paxos.Abandon:
		return kindInit
	case paxos.Change:
		return kindChange
	case paxos.Transfer:
		return kindTransfer
	case paxos.ChangeReport:
		return kindChangeReport
	default:
		return kindNone
	}
}

// String tells the acceptors' "read" from the learners', and the leader's "member"
// from the operators', as their subjects do.
func (k Kind) String() string {
	switch {
	case k == kindReadReport:
		return "read_report"
	case k == kindChangeReport:
		return "member_report"
	case int(k) < kinds:
		return kindSpecs[k].word
	default:
		return "none"
	}
}

// KindNames are the words of all kinds.
func KindNames() []string {
	names := make([]string, kinds)
	for k := range names {
		names[k] = Kind(k).String()
	}
	return names
}
