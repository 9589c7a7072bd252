package bus

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "github.com/synod-paxos/synod/bus/paxospb"
	"github.com/synod-paxos/synod/paxos"
)

// Encode is the payload of the NATS message that carries e. It fails only for an
// e that no role may send, such as one without a sender; the error matches
// ErrWire. The result shares no memory with e.
func Encode(e paxos.Envelope) ([]byte, error) { return AppendEncode(nil, e) }

// AppendEncode appends what Encode returns to b.
func AppendEncode(b []byte, e paxos.Envelope) ([]byte, error) {
	if err := check(e); err != nil {
		return b, err
	}
	if out, ok := appendPlain(b, &e); ok {
		return out, nil
	}
	out, err := proto.MarshalOptions{}.MarshalAppend(b, encodeEnvelope(&e))
	if err != nil {
		return b, fmt.Errorf("%w: %w", ErrWire, err)
	}
	return out, nil
}

func encodeEnvelope(e *paxos.Envelope) *pb.Envelope {
	out := &pb.Envelope{
		Version:    WireVersion,
		Cluster:    encodeUUID(&e.Cluster.UUID),
		Generation: e.Cluster.Generation,
		Config:     e.Config,
		From: &pb.Sender{
			Role:     pb.Role(e.From.Role),
			Id:       string(e.From.ID),
			Disk:     encodeUUID(&e.From.Disk),
			Boot:     e.From.Boot,
			Process:  e.From.Process,
			Promised: encodeBallot(e.From.Promised),
		},
		To: string(e.To),
	}
	encodeBody(out, e.Msg)
	return out
}

// encodeBody sets the body that m becomes. check has seen m, so it is one of these.
func encodeBody(out *pb.Envelope, m paxos.Message) {
	switch m := m.(type) {
	case paxos.Prepare:
		out.Body = &pb.Envelope_Prepare{Prepare: &pb.Prepare{
			Ballot: encodeBallot(m.Ballot), From: uint64(m.From), To: uint64(m.To)}}
	case paxos.Accept:
		out.Body = &pb.Envelope_Accept{Accept: &pb.Accept{
			Ballot: encodeBallot(m.Ballot), Slot: uint64(m.Slot), Value: encodeValue(m.Value), Chosen: encodeChosen(m.Chosen)}}
	case paxos.Heartbeat:
		out.Body = &pb.Envelope_Heartbeat{Heartbeat: &pb.Heartbeat{
			Ballot: encodeBallot(m.Ballot), Chosen: encodeChosen(m.Chosen), Next: uint64(m.Next)}}
	case paxos.LeaderQuery:
		out.Body = &pb.Envelope_LeaderQuery{LeaderQuery: &pb.LeaderQuery{Nonce: m.Nonce}}
	case paxos.HandOver:
		out.Body = &pb.Envelope_HandOver{HandOver: &pb.HandOver{
			Ballot: encodeBallot(m.Ballot), Chosen: encodeChosen(m.Chosen)}}
	case paxos.Trim:
		out.Body = &pb.Envelope_Trim{Trim: &pb.Trim{Ballot: encodeBallot(m.Ballot), Below: uint64(m.Below)}}
	case paxos.Hello:
		out.Body = &pb.Envelope_Hello{Hello: &pb.Hello{
			Genesis: encodeGenesis(m.Genesis), Marks: encodeMarks(m.Marks), Leading: encodeBallot(m.Leading), NoSpace: m.NoSpace,
			Known: encodeConfigurations(m.Known), Priority: int32(m.Priority)}}
	case paxos.ChangeReport:
		out.Body = &pb.Envelope_ChangeReport{ChangeReport: &pb.ChangeReport{
			Newest: encodeConfiguration(&m.Newest), Chosen: uint64(m.Chosen), Next: uint64(m.Next),
			Waits: strings.ToValidUTF8(m.Waits, "?"), Refused: strings.ToValidUTF8(m.Refused, "?")}}
	case paxos.Promise, paxos.Accepted, paxos.Nack, paxos.LeaderReport, paxos.Votes, paxos.ReadReport, paxos.GenesisReport:
		encodeAnswer(out, m)
	default:
		encodeRequest(out, m)
	}
}

// encodeAnswer is encodeBody for what an acceptor answers.
func encodeAnswer(out *pb.Envelope, m paxos.Message) {
	switch m := m.(type) {
	case paxos.Promise:
		out.Body = &pb.Envelope_Promise{Promise: &pb.Promise{
			Ballot: encodeBallot(m.Ballot), Page: encodePage(&m.Page), Marks: encodeMarks(m.Marks)}}
	case paxos.Accepted:
		out.Body = &pb.Envelope_Accepted{Accepted: &pb.Accepted{
			Ballot: encodeBallot(m.Ballot), Slots: encodeSlots(m.Slots)}}
	case paxos.Nack:
		out.Body = &pb.Envelope_Nack{Nack: &pb.Nack{
			Ballot: encodeBallot(m.Ballot), Promised: encodeBallot(m.Promised)}}
	case paxos.LeaderReport:
		out.Body = &pb.Envelope_LeaderReport{LeaderReport: &pb.LeaderReport{Nonce: m.Nonce, Silent: int64(m.Silent)}}
	case paxos.Votes:
		out.Body = &pb.Envelope_Votes{Votes: &pb.Votes{Page: encodePage(&m.Page), Marks: encodeMarks(m.Marks)}}
	case paxos.ReadReport:
		out.Body = &pb.Envelope_ReadReport{ReadReport: &pb.ReadReport{Nonce: m.Nonce, MaxVoted: uint64(m.MaxVoted)}}
	case paxos.GenesisReport:
		out.Body = &pb.Envelope_GenesisReport{GenesisReport: &pb.GenesisReport{
			Genesis: encodeGenesis(m.Genesis), Sealed: m.Sealed, Refused: strings.ToValidUTF8(m.Refused, "?")}}
	}
}

// encodeRequest is encodeBody for what learners and operators ask and tell.
func encodeRequest(out *pb.Envelope, m paxos.Message) {
	switch m := m.(type) {
	case paxos.Fetch:
		out.Body = &pb.Envelope_Fetch{Fetch: &pb.Fetch{From: uint64(m.From), To: uint64(m.To), Values: string(m.Values)}}
	case paxos.Fill:
		out.Body = &pb.Envelope_Fill{Fill: &pb.Fill{From: uint64(m.From), To: uint64(m.To)}}
	case paxos.Position:
		out.Body = &pb.Envelope_Position{Position: &pb.Position{
			Applied: uint64(m.Applied), Durable: uint64(m.Durable), NextExpiry: int64(m.NextExpiry), Inherited: uint64(m.Inherited),
			Version: m.Version, Supports: m.Supports}}
	case paxos.Digest:
		out.Body = &pb.Envelope_Digest{Digest: &pb.Digest{Slot: uint64(m.Slot), Sum: m.Sum[:]}}
	case paxos.SnapshotQuery:
		out.Body = &pb.Envelope_SnapshotQuery{SnapshotQuery: &pb.SnapshotQuery{Id: m.ID, Offset: m.Offset}}
	case paxos.SnapshotChunk:
		out.Body = &pb.Envelope_SnapshotChunk{SnapshotChunk: &pb.SnapshotChunk{
			Id: m.ID, Applied: uint64(m.Applied), Total: m.Total, Offset: m.Offset, Data: m.Data}}
	case paxos.ReadQuery:
		out.Body = &pb.Envelope_ReadQuery{ReadQuery: &pb.ReadQuery{Nonce: m.Nonce}}
	case paxos.GenesisQuery:
		out.Body = &pb.Envelope_GenesisQuery{GenesisQuery: &pb.GenesisQuery{}}
	case paxos.StoreGenesis:
		out.Body = &pb.Envelope_StoreGenesis{StoreGenesis: &pb.StoreGenesis{Genesis: encodeGenesis(&m.Genesis)}}
	case paxos.Seal:
		out.Body = &pb.Envelope_Seal{Seal: &pb.Seal{
			Cluster: encodeUUID(&m.Cluster.UUID), Generation: m.Cluster.Generation}}
	case paxos.Change:
		c := &pb.Change{}
		if m.Next != nil {
			c.Next = encodeConfiguration(m.Next)
		}
		out.Body = &pb.Envelope_Change{Change: c}
	case paxos.Transfer:
		out.Body = &pb.Envelope_Transfer{Transfer: &pb.Transfer{To: string(m.To)}}
	case paxos.Abandon:
		out.Body = &pb.Envelope_Abandon{Abandon: &pb.Abandon{
			Cluster: encodeUUID(&m.Cluster.UUID), Generation: m.Cluster.Generation}}
	}
}

func encodeUUID(u *paxos.UUID) []byte {
	if u.IsZero() {
		return nil
	}
	return u[:]
}

func encodeBallot(b paxos.Ballot) *pb.Ballot {
	if b.IsZero() {
		return nil
	}
	return &pb.Ballot{Round: b.Round, Proposer: string(b.Proposer), Incarnation: b.Incarnation}
}

func encodeValue(v paxos.Value) *pb.Value {
	return &pb.Value{Kind: pb.ValueKind(v.Kind), Stamp: int64(v.Stamp), Answerer: string(v.Answerer), Body: v.Body}
}

func encodeChosen(c paxos.Chosen) *pb.Chosen {
	if c == (paxos.Chosen{}) {
		return nil
	}
	return &pb.Chosen{From: uint64(c.From), Below: uint64(c.Below)}
}

func encodeMarks(m paxos.Marks) *pb.Marks {
	if m == (paxos.Marks{}) {
		return nil
	}
	return &pb.Marks{
		ChosenBelow: uint64(m.ChosenBelow), TrimBelow: uint64(m.TrimBelow), MaxVoted: uint64(m.MaxVoted),
		MaxStamp: int64(m.MaxStamp), Clock: int64(m.Clock),
	}
}

func encodeSlots(slots []paxos.Slot) []uint64 {
	out := make([]uint64, len(slots))
	for i, s := range slots {
		out[i] = uint64(s)
	}
	return out
}

func encodePage(p *paxos.Page) *pb.Page {
	out := &pb.Page{
		From: uint64(p.From), To: uint64(p.To), BallotsOnly: p.BallotsOnly, Next: uint64(p.Next),
		Votes: make([]*pb.Vote, len(p.Votes)),
	}
	for i, v := range p.Votes {
		vote := &pb.Vote{Slot: uint64(v.Slot), Ballot: encodeBallot(v.Ballot)}
		if !p.BallotsOnly {
			vote.Value = encodeValue(v.Value)
		}
		out.Votes[i] = vote
	}
	return out
}

func encodeGenesis(g *paxos.Genesis) *pb.Genesis {
	if g == nil {
		return nil
	}
	return &pb.Genesis{
		Cluster: encodeUUID(&g.Cluster.UUID), Generation: g.Cluster.Generation,
		Window: uint64(g.Window), First: encodeConfiguration(&g.First), State: encodeUUID((*paxos.UUID)(&g.State)),
	}
}

func encodeConfigurations(cs []paxos.Configuration) []*pb.Configuration {
	var out []*pb.Configuration
	for i := range cs {
		out = append(out, encodeConfiguration(&cs[i]))
	}
	return out
}

func encodeConfiguration(c *paxos.Configuration) *pb.Configuration {
	out := &pb.Configuration{
		Number: c.Number, From: uint64(c.From), Copies: uint32(c.Copies),
		Quorums: &pb.Quorums{
			Kind:  pb.QuorumKind(c.Quorums.Kind),
			Size1: uint32(c.Quorums.Size1), Size2: uint32(c.Quorums.Size2), Rows: uint32(c.Quorums.Rows),
		},
	}
	for i := range c.Acceptors {
		m := &c.Acceptors[i]
		out.Acceptors = append(out.Acceptors, &pb.Member{Id: string(m.ID), Disk: encodeUUID(&m.Disk)})
	}
	return out
}
