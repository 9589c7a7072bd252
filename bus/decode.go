package bus

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "github.com/synod-paxos/synod/bus/paxospb"
	"github.com/synod-paxos/synod/paxos"
)

// maxDepth is how deep messages may nest. Ours reach 5.
const maxDepth = 16

// Decode reads what Encode wrote. Its errors match ErrWire, and ErrWireVersion
// too when another version of Synod wrote data. It takes bytes from anybody: it
// does not panic, and allocates at most 128 times len(data).
// The result shares no memory with data. Empty slices come back as nil.
//
// Decode looks at the form of one message, and at who claims to send it. Whether
// the subject allows that sender is for [Subjects.CheckSender].
func Decode(data []byte) (paxos.Envelope, error) {
	if e, ok := readPlain(data, &plainHead{}); ok {
		if a, ok := e.Msg.(paxos.Accept); ok {
			a.Value.Body = slices.Clone(a.Value.Body)
			e.Msg = a
		}
		return e, nil
	}
	return decodeProtobuf(data)
}

// decodeOwned is Decode of bytes that nobody else uses: the result may keep them. h is the
// head of the sender's last message, and then of this one.
func decodeOwned(data []byte, h *plainHead) (paxos.Envelope, error) {
	if e, ok := readPlain(data, h); ok {
		return e, nil
	}
	return decodeProtobuf(data)
}

func decodeProtobuf(data []byte) (paxos.Envelope, error) {
	in := &pb.Envelope{}
	options := proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}
	if err := options.Unmarshal(data, in); err != nil {
		return paxos.Envelope{}, fmt.Errorf("%w: %w", ErrWire, err)
	}
	if in.Version != WireVersion {
		return paxos.Envelope{}, fmt.Errorf("%w: %w %d, this build reads %d", ErrWire, ErrWireVersion, in.Version, WireVersion)
	}
	e, err := decodeEnvelope(in)
	if err == nil {
		err = check(e)
	}
	if err != nil {
		return paxos.Envelope{}, err
	}
	return e, nil
}

// A decoder keeps the first error, so that every field reads as one line.
type decoder struct{ err error }

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = malformed(format, args...)
	}
}

func decodeEnvelope(in *pb.Envelope) (paxos.Envelope, error) {
	d := &decoder{}
	from := in.GetFrom()
	e := paxos.Envelope{
		Cluster: d.cluster(in.Cluster, in.Generation),
		Config:  in.Config,
		From: paxos.Sender{
			Role:     d.role(from.GetRole()),
			ID:       paxos.NodeID(from.GetId()),
			Disk:     d.uuid("disk", from.GetDisk()),
			Boot:     from.GetBoot(),
			Process:  from.GetProcess(),
			Promised: ballot(from.GetPromised()),
		},
		To:  paxos.NodeID(in.To),
		Msg: d.body(in),
	}
	return e, d.err
}

// body is nil for none, which check refuses.
func (d *decoder) body(in *pb.Envelope) paxos.Message {
	switch b := in.Body.(type) {
	case *pb.Envelope_Prepare:
		m := b.Prepare
		return paxos.Prepare{Ballot: ballot(m.GetBallot()), From: paxos.Slot(m.GetFrom()), To: paxos.Slot(m.GetTo())}
	case *pb.Envelope_Accept:
		m := b.Accept
		return paxos.Accept{Ballot: ballot(m.GetBallot()), Slot: paxos.Slot(m.GetSlot()), Value: d.value(m.GetValue()), Chosen: chosen(m.GetChosen())}
	case *pb.Envelope_Heartbeat:
		m := b.Heartbeat
		return paxos.Heartbeat{Ballot: ballot(m.GetBallot()), Chosen: chosen(m.GetChosen()), Next: paxos.Slot(m.GetNext())}
	case *pb.Envelope_LeaderQuery:
		return paxos.LeaderQuery{Nonce: b.LeaderQuery.GetNonce()}
	case *pb.Envelope_HandOver:
		return paxos.HandOver{Ballot: ballot(b.HandOver.GetBallot()), Chosen: chosen(b.HandOver.GetChosen())}
	case *pb.Envelope_Trim:
		return paxos.Trim{Ballot: ballot(b.Trim.GetBallot()), Below: paxos.Slot(b.Trim.GetBelow())}
	case *pb.Envelope_Hello:
		m := b.Hello
		return paxos.Hello{
			Genesis: d.genesis(m.GetGenesis()), Known: d.configurations(m.GetKnown()), Marks: marks(m.GetMarks()),
			Leading: ballot(m.GetLeading()), Priority: int(m.GetPriority()), NoSpace: m.GetNoSpace(),
		}
	case *pb.Envelope_ChangeReport:
		return d.changeReport(b.ChangeReport)
	default:
		if m := d.answer(in); m != nil {
			return m
		}
		return d.request(in)
	}
}

// answer is body for what an acceptor answers, and nil for the rest.
func (d *decoder) answer(in *pb.Envelope) paxos.Message {
	switch b := in.Body.(type) {
	case *pb.Envelope_Promise:
		m := b.Promise
		return paxos.Promise{Ballot: ballot(m.GetBallot()), Page: d.page(m.GetPage()), Marks: marks(m.GetMarks())}
	case *pb.Envelope_Accepted:
		return paxos.Accepted{Ballot: ballot(b.Accepted.GetBallot()), Slots: slots(b.Accepted.GetSlots())}
	case *pb.Envelope_Nack:
		return paxos.Nack{Ballot: ballot(b.Nack.GetBallot()), Promised: ballot(b.Nack.GetPromised())}
	case *pb.Envelope_LeaderReport:
		return paxos.LeaderReport{Nonce: b.LeaderReport.GetNonce(), Silent: paxos.Duration(b.LeaderReport.GetSilent())}
	case *pb.Envelope_Votes:
		return paxos.Votes{Page: d.page(b.Votes.GetPage()), Marks: marks(b.Votes.GetMarks())}
	case *pb.Envelope_ReadReport:
		return paxos.ReadReport{Nonce: b.ReadReport.GetNonce(), MaxVoted: paxos.Slot(b.ReadReport.GetMaxVoted())}
	case *pb.Envelope_GenesisReport:
		m := b.GenesisReport
		return paxos.GenesisReport{Genesis: d.genesis(m.GetGenesis()), Sealed: m.GetSealed(), Refused: m.GetRefused()}
	default:
		return nil
	}
}

// request is body for what learners and operators ask and tell.
func (d *decoder) request(in *pb.Envelope) paxos.Message {
	switch b := in.Body.(type) {
	case *pb.Envelope_Fetch:
		m := b.Fetch
		return paxos.Fetch{From: paxos.Slot(m.GetFrom()), To: paxos.Slot(m.GetTo()), Values: paxos.NodeID(m.GetValues())}
	case *pb.Envelope_Fill:
		return paxos.Fill{From: paxos.Slot(b.Fill.GetFrom()), To: paxos.Slot(b.Fill.GetTo())}
	case *pb.Envelope_Position:
		m := b.Position
		return paxos.Position{
			Applied: paxos.Slot(m.GetApplied()), Durable: paxos.Slot(m.GetDurable()),
			NextExpiry: paxos.LogTime(m.GetNextExpiry()), Inherited: paxos.Slot(m.GetInherited()),
			Version: m.GetVersion(), Supports: m.GetSupports(),
		}
	case *pb.Envelope_Digest:
		return paxos.Digest{Slot: paxos.Slot(b.Digest.GetSlot()), Sum: d.sum(b.Digest.GetSum())}
	case *pb.Envelope_SnapshotQuery:
		return paxos.SnapshotQuery{ID: b.SnapshotQuery.GetId(), Offset: b.SnapshotQuery.GetOffset()}
	case *pb.Envelope_SnapshotChunk:
		m := b.SnapshotChunk
		return paxos.SnapshotChunk{
			ID: m.GetId(), Applied: paxos.Slot(m.GetApplied()), Total: m.GetTotal(), Offset: m.GetOffset(), Data: bytes(m.GetData()),
		}
	case *pb.Envelope_ReadQuery:
		return paxos.ReadQuery{Nonce: b.ReadQuery.GetNonce()}
	case *pb.Envelope_GenesisQuery:
		return paxos.GenesisQuery{}
	case *pb.Envelope_Change:
		if c := b.Change.GetNext(); c != nil {
			next := d.configuration(c)
			return paxos.Change{Next: &next}
		}
		return paxos.Change{}
	case *pb.Envelope_Transfer:
		return paxos.Transfer{To: paxos.NodeID(b.Transfer.GetTo())}
	case *pb.Envelope_StoreGenesis:
		return d.storeGenesis(b.StoreGenesis)
	case *pb.Envelope_Seal:
		return paxos.Seal{Cluster: d.cluster(b.Seal.GetCluster(), b.Seal.GetGeneration())}
	case *pb.Envelope_Abandon:
		return paxos.Abandon{Cluster: d.cluster(b.Abandon.GetCluster(), b.Abandon.GetGeneration())}
	default:
		return nil
	}
}

func (d *decoder) storeGenesis(m *pb.StoreGenesis) paxos.Message {
	g := d.genesis(m.GetGenesis())
	if g == nil {
		d.fail("no genesis in StoreGenesis")
		return nil
	}
	return paxos.StoreGenesis{Genesis: *g}
}

func (d *decoder) uuid(what string, b []byte) (u paxos.UUID) {
	if len(b) != 0 && len(b) != len(u) {
		d.fail("%s UUID of %d bytes", what, len(b))
		return u
	}
	copy(u[:], b)
	return u
}

func (d *decoder) sum(b []byte) (sum [16]byte) {
	if len(b) != len(sum) {
		d.fail("digest of %d bytes", len(b))
	}
	copy(sum[:], b)
	return sum
}

func (d *decoder) cluster(uuid []byte, generation uint64) paxos.ClusterID {
	return paxos.ClusterID{UUID: d.uuid("cluster", uuid), Generation: generation}
}

func (d *decoder) role(r pb.Role) paxos.Role {
	if r < pb.Role_ROLE_PROPOSER || r > pb.Role_ROLE_OPERATOR {
		d.fail("sender of unknown role %d", r)
	}
	return paxos.Role(r)
}

func (d *decoder) value(v *pb.Value) paxos.Value {
	if v == nil {
		d.fail("no value")
		return paxos.Value{}
	}
	if v.Kind < pb.ValueKind_VALUE_KIND_NOOP || v.Kind > pb.ValueKind_VALUE_KIND_RECONFIGURE {
		d.fail("value of unknown kind %d", v.Kind)
	}
	return paxos.Value{
		Kind: paxos.ValueKind(v.Kind), Stamp: paxos.LogTime(v.Stamp), Answerer: paxos.NodeID(v.Answerer), Body: bytes(v.Body),
	}
}

func (d *decoder) page(p *pb.Page) paxos.Page {
	out := paxos.Page{
		From: paxos.Slot(p.GetFrom()), To: paxos.Slot(p.GetTo()), BallotsOnly: p.GetBallotsOnly(), Next: paxos.Slot(p.GetNext()),
	}
	if len(p.GetVotes()) == 0 {
		return out
	}
	for _, v := range p.Votes { // before memory is spent on them
		if v.GetBallot() == nil || out.BallotsOnly == (v.GetValue() != nil) {
			d.fail("vote without ballot, without value, or with a value on a page of ballots")
			return out
		}
	}
	out.Votes = make([]paxos.Vote, len(p.Votes))
	for i, v := range p.Votes {
		out.Votes[i] = paxos.Vote{Slot: paxos.Slot(v.Slot), Ballot: ballot(v.Ballot)}
		if !out.BallotsOnly {
			out.Votes[i].Value = d.value(v.Value)
		}
	}
	return out
}

func (d *decoder) genesis(g *pb.Genesis) *paxos.Genesis {
	if g == nil {
		return nil
	}
	if g.First == nil {
		d.fail("genesis without a configuration")
		return nil
	}
	return &paxos.Genesis{
		Cluster: d.cluster(g.Cluster, g.Generation), Window: paxos.Slot(g.Window), First: d.configuration(g.First),
		State: d.uuid("digest of the first state", g.State),
	}
}

func (d *decoder) changeReport(m *pb.ChangeReport) paxos.Message {
	if m.GetNewest() == nil {
		d.fail("no configuration in ChangeReport")
		return nil
	}
	return paxos.ChangeReport{
		Newest: d.configuration(m.Newest), Chosen: paxos.Slot(m.Chosen), Next: paxos.Slot(m.Next), Waits: m.Waits, Refused: m.Refused,
	}
}

// configurations are at most as many as any role tells.
func (d *decoder) configurations(in []*pb.Configuration) []paxos.Configuration {
	if len(in) > maxTold {
		d.fail("%d configurations", len(in))
		return nil
	}
	var out []paxos.Configuration
	for _, c := range in {
		out = append(out, d.configuration(c))
	}
	return out
}

func (d *decoder) configuration(c *pb.Configuration) paxos.Configuration {
	q := c.GetQuorums()
	if q.GetKind() < pb.QuorumKind_QUORUM_KIND_MAJORITY || q.GetKind() > pb.QuorumKind_QUORUM_KIND_GRID {
		d.fail("unknown quorum kind %d", q.GetKind())
	}
	out := paxos.Configuration{
		Number: c.Number, From: paxos.Slot(c.From), Copies: int(c.Copies),
		Quorums: paxos.QuorumSystem{
			Kind:  paxos.QuorumKind(q.GetKind()),
			Size1: int(q.GetSize1()), Size2: int(q.GetSize2()), Rows: int(q.GetRows()),
		},
	}
	if len(c.Acceptors) > paxos.MaxAcceptors {
		d.fail("%d acceptors", len(c.Acceptors))
		return out
	}
	for _, m := range c.Acceptors {
		out.Acceptors = append(out.Acceptors, paxos.Member{ID: paxos.NodeID(m.GetId()), Disk: d.uuid("disk", m.GetDisk())})
	}
	return out
}

// ballot is the zero ballot for none.
func ballot(b *pb.Ballot) paxos.Ballot {
	return paxos.Ballot{Round: b.GetRound(), Proposer: paxos.NodeID(b.GetProposer()), Incarnation: b.GetIncarnation()}
}

func chosen(c *pb.Chosen) paxos.Chosen {
	return paxos.Chosen{From: paxos.Slot(c.GetFrom()), Below: paxos.Slot(c.GetBelow())}
}

func marks(m *pb.Marks) paxos.Marks {
	return paxos.Marks{
		ChosenBelow: paxos.Slot(m.GetChosenBelow()), TrimBelow: paxos.Slot(m.GetTrimBelow()), MaxVoted: paxos.Slot(m.GetMaxVoted()),
		MaxStamp: paxos.LogTime(m.GetMaxStamp()), Clock: paxos.LogTime(m.GetClock()),
	}
}

func slots(in []uint64) []paxos.Slot {
	if len(in) == 0 {
		return nil
	}
	out := make([]paxos.Slot, len(in))
	for i, s := range in {
		out[i] = paxos.Slot(s)
	}
	return out
}

// bytes makes the two ways to write no bytes one.
func bytes(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
