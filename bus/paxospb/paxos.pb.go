// Synod's messages: Multi-Paxos on NATS, as it is on the wire.
//
// One NATS message is one Envelope. Every arrow below is one NATS publish, and NATS
// fans it out to the columns that the arrow reaches. A label over an arrow is a
// message of this file and, in brackets, the end of its subject: a proposer p1
// publishes [accept] as synod.<cluster>.proposer.p1.accept. Arrows to one role end in
// its id: acceptor a1's Promise to p1 is synod.<cluster>.acceptor.a1.promise.p1.
// Messages may be lost, repeated, delayed and reordered, every one of them.
//
// NORMAL OPERATION. p1 leads in ballot b; one command takes four one-way messages and
// one disk sync. (PTP is "The Part-Time Parliament", PMS "Paxos Made Simple".)
//
//	client          proposer p1           acceptors a1 a2 a3         learners l1 l2
//	  | any bytes       |                        |                        |
//	  | [propose] ----->| batches what waits     |                        |
//	  |                 | Accept [accept] (2a)   |                        |
//	  |                 |----------------------->|----------------------->| keeps the value
//	  |                 |                        | votes, syncs its disk  |
//	  |                 | Accepted [accepted.p1] (2b)                     |
//	  |                 |<-----------------------|----------------------->| a quorum: chosen;
//	  |                 |                        |                        | applies in order
//	  |<------------------------------------------------------------------| answers
//
//	The next Accept tells what is chosen (Chosen). When none is due, a Heartbeat
//	does, and is the leader's sign of life to standbys, who do not hear Accepts:
//
//	proposer p1      standby p2           acceptors a1 a2 a3         learners l1 l2
//	  | Heartbeat [heartbeat]                    |                        |
//	  |---------------->|----------------------->|----------------------->|
//	  | Hello [hello]   |                        |                        |
//	  |<----------------|<-----------------------|----------------------->|
//
// ELECTION. p2 hears no leader for a while. It asks whether the acceptors do, so that
// a proposer that alone is cut off disturbs nobody.
//
//	proposer p2                            acceptors a1 a2 a3
//	  | LeaderQuery [query]                      |
//	  |----------------------------------------->|
//	  | LeaderReport [report.p2]                 | how long since a sign of life
//	  |<-----------------------------------------|
//	  a phase-1 quorum has heard none: phase 1 below. Anyone has: wait.
//
// RECOVERY, phase 1, once per leadership for all slots at once (PMS §3).
//
//	proposer p2                            acceptors a1 a2 a3
//	  | Prepare [prepare] (1a), From 57          |
//	  |----------------------------------------->| promises, syncs its disk
//	  | Promise [promise.p2] (1b), votes from 57 |
//	  |<-----------------------------------------|
//	  | Prepare, From 80, if Page.next was 80    | a long promise goes in pages
//	  |----------------------------------------->|
//	  | Promise, votes from 80                   |
//	  |<-----------------------------------------|
//	  a quorum: in each slot Accept the value of the highest ballot, or a noop.
//
// NACK. The acceptor promised another ballot. Speed only: silence is as safe.
//
//	proposer p1                            acceptor a1 (promised 9.p2)
//	  | Accept, Prepare or Heartbeat of 7.p1     |
//	  |----------------------------------------->|
//	  | Nack [nack.p1], promised 9.p2            |
//	  |<-----------------------------------------|
//
// HAND-OVER. A leader that is told to stop leaves no gap of an election timeout.
//
//	proposer p1                            proposer p2               acceptors
//	  | stops serving clients                    |                        |
//	  | HandOver [handover.p2]                   |                        |
//	  |----------------------------------------->| Prepare [prepare]      |
//	  |                                          |----------------------->|
//
// CATCHING UP. A learner lacks slots: it asks all acceptors for their votes and one of
// them for the values too, and assembles a quorum of votes of one ballot by itself.
// Where it cannot, it asks the leader to propose again.
//
//	learner l1                             acceptors a1 a2 a3        leader p1
//	  | Fetch [fetch], values from a2            |                        |
//	  |----------------------------------------->|                        |
//	  | Votes [votes.l1]                         |                        |
//	  |<-----------------------------------------|                        |
//	  | Fill [fill]                              |                        |
//	  |------------------------------------------------------------------>| re-proposes
//
// SNAPSHOT. The acceptors have trimmed what a learner lacks: it copies the state of a
// fellow learner, chunk by chunk, and goes on from there.
//
//	learner l2                             learner l1
//	  | SnapshotQuery [snapshot.l1], offset 0    |
//	  |----------------------------------------->|
//	  | SnapshotChunk [chunk.l2]                 |
//	  |<-----------------------------------------|
//	  | SnapshotQuery, offset 65536, and so on   |
//	  |----------------------------------------->|
//
// QUORUM READ, at any learner, without the leader or a clock.
//
//	client          learner l1                            acceptors a1 a2 a3
//	  | read ---------->| ReadQuery [read]                     |
//	  |                 |------------------------------------->|
//	  |                 | ReadReport [read.l1], highest slot   |
//	  |                 |<-------------------------------------|
//	  |                 | a phase-1 quorum: the maximum M; applies through M
//	  |<----------------| answers
//
// TRIMMING. Learners tell how far they are durable, and what their state is; the leader
// lets acceptors forget what enough learners hold and agree on.
//
//	learners l1 l2                         leader p1                 acceptors
//	  | Position [applied], Digest [digest]      |                        |
//	  |----------------------------------------->| Trim [trim]            |
//	  |                                          |----------------------->|
//
// GENESIS, from "synod init" and resumable at every step. Every request is answered
// with what the acceptor now holds.
//
//	operator o1                            acceptors a1 a2 a3
//	  | GenesisQuery [operator.init.o1.a1] each  |
//	  |----------------------------------------->|
//	  | GenesisReport [genesis.o1]               | its disk; any genesis it holds
//	  |<-----------------------------------------|
//	  | StoreGenesis                             |
//	  |----------------------------------------->| stores it; does not vote yet
//	  | GenesisReport                            |
//	  |<-----------------------------------------|
//	  | Seal, once every acceptor has stored it  |
//	  |----------------------------------------->| votes from now on
//	  | GenesisReport, sealed                    |
//	  |<-----------------------------------------|
//
// COMMON CONVENTIONS. Slots start at 1 and 0 means none. Ranges are half-open, [from,
// to), and to 0 is open. A node id is 1 to 63 of a-z, 0-9 and '-'. A UUID is 16 bytes,
// or no bytes for none. Times are nanoseconds. A field that a comment does not call
// optional may still be zero, which then means zero. A receiver drops, and counts, any
// message that it cannot read completely; unknown fields it skips.

// Code generated by protoc-gen-go. DO NOT EDIT.
// versions:
// 	protoc-gen-go v1.36.12
// 	protoc        (unknown)
// source: paxospb/paxos.proto

package paxospb

import (
	protoreflect "google.golang.org/protobuf/reflect/protoreflect"
	protoimpl "google.golang.org/protobuf/runtime/protoimpl"
	reflect "reflect"
	sync "sync"
	unsafe "unsafe"
)

const (
	// Verify that this generated code is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(20 - protoimpl.MinVersion)
	// Verify that runtime/protoimpl is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(protoimpl.MaxVersion - 20)
)

type Role int32

const (
	Role_ROLE_UNSPECIFIED Role = 0 // refused
	Role_ROLE_PROPOSER    Role = 1
	Role_ROLE_ACCEPTOR    Role = 2
	Role_ROLE_LEARNER     Role = 3
	Role_ROLE_OPERATOR    Role = 4
)

// Enum value maps for Role.
var (
	Role_name = map[int32]string{
		0: "ROLE_UNSPECIFIED",
		1: "ROLE_PROPOSER",
		2: "ROLE_ACCEPTOR",
		3: "ROLE_LEARNER",
		4: "ROLE_OPERATOR",
	}
	Role_value = map[string]int32{
		"ROLE_UNSPECIFIED": 0,
		"ROLE_PROPOSER":    1,
		"ROLE_ACCEPTOR":    2,
		"ROLE_LEARNER":     3,
		"ROLE_OPERATOR":    4,
	}
)

func (x Role) Enum() *Role {
	p := new(Role)
	*p = x
	return p
}

func (x Role) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (Role) Descriptor() protoreflect.EnumDescriptor {
	return file_paxospb_paxos_proto_enumTypes[0].Descriptor()
}

func (Role) Type() protoreflect.EnumType {
	return &file_paxospb_paxos_proto_enumTypes[0]
}

func (x Role) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use Role.Descriptor instead.
func (Role) EnumDescriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{0}
}

type ValueKind int32

const (
	ValueKind_VALUE_KIND_NOOP        ValueKind = 0 // fills a gap
	ValueKind_VALUE_KIND_BATCH       ValueKind = 1 // commands for the state machine
	ValueKind_VALUE_KIND_RECONFIGURE ValueKind = 2 // a configuration
)

// Enum value maps for ValueKind.
var (
	ValueKind_name = map[int32]string{
		0: "VALUE_KIND_NOOP",
		1: "VALUE_KIND_BATCH",
		2: "VALUE_KIND_RECONFIGURE",
	}
	ValueKind_value = map[string]int32{
		"VALUE_KIND_NOOP":        0,
		"VALUE_KIND_BATCH":       1,
		"VALUE_KIND_RECONFIGURE": 2,
	}
)

func (x ValueKind) Enum() *ValueKind {
	p := new(ValueKind)
	*p = x
	return p
}

func (x ValueKind) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (ValueKind) Descriptor() protoreflect.EnumDescriptor {
	return file_paxospb_paxos_proto_enumTypes[1].Descriptor()
}

func (ValueKind) Type() protoreflect.EnumType {
	return &file_paxospb_paxos_proto_enumTypes[1]
}

func (x ValueKind) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use ValueKind.Descriptor instead.
func (ValueKind) EnumDescriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{1}
}

type QuorumKind int32

const (
	QuorumKind_QUORUM_KIND_MAJORITY QuorumKind = 0 // any majority serves both phases (PTP §2.1)
	QuorumKind_QUORUM_KIND_SIZES    QuorumKind = 1 // any size1 acceptors promise, any size2 choose
	QuorumKind_QUORUM_KIND_GRID     QuorumKind = 2 // a whole row promises, one acceptor of every row chooses
)

// Enum value maps for QuorumKind.
var (
	QuorumKind_name = map[int32]string{
		0: "QUORUM_KIND_MAJORITY",
		1: "QUORUM_KIND_SIZES",
		2: "QUORUM_KIND_GRID",
	}
	QuorumKind_value = map[string]int32{
		"QUORUM_KIND_MAJORITY": 0,
		"QUORUM_KIND_SIZES":    1,
		"QUORUM_KIND_GRID":     2,
	}
)

func (x QuorumKind) Enum() *QuorumKind {
	p := new(QuorumKind)
	*p = x
	return p
}

func (x QuorumKind) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (QuorumKind) Descriptor() protoreflect.EnumDescriptor {
	return file_paxospb_paxos_proto_enumTypes[2].Descriptor()
}

func (QuorumKind) Type() protoreflect.EnumType {
	return &file_paxospb_paxos_proto_enumTypes[2]
}

func (x QuorumKind) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use QuorumKind.Descriptor instead.
func (QuorumKind) EnumDescriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{2}
}

// Envelope is one message on its way.
type Envelope struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// 1. A receiver refuses every version that it does not know. Fields that an old
	// receiver may skip need no new version.
	Version uint32 `protobuf:"varint,1,opt,name=version,proto3" json:"version,omitempty"`
	// UUID of the cluster; none before the sender knows its cluster.
	Cluster []byte `protobuf:"bytes,2,opt,name=cluster,proto3" json:"cluster,omitempty"`
	// Raised by restore and by a forced new cluster. The first is 1.
	Generation uint64 `protobuf:"varint,3,opt,name=generation,proto3" json:"generation,omitempty"`
	// Newest configuration number that the sender knows; 0 for none.
	Config uint64 `protobuf:"varint,4,opt,name=config,proto3" json:"config,omitempty"`
	// Required. Its role and id are tokens of the subject too, which NATS permissions
	// guard; a receiver drops what does not agree.
	From *Sender `protobuf:"bytes,5,opt,name=from,proto3" json:"from,omitempty"`
	// Node id of the one receiver; empty for every receiver that the subject reaches.
	To string `protobuf:"bytes,6,opt,name=to,proto3" json:"to,omitempty"`
	// Required.
	//
	// Types that are valid to be assigned to Body:
	//
	//	*Envelope_Prepare
	//	*Envelope_Accept
	//	*Envelope_Heartbeat
	//	*Envelope_LeaderQuery
	//	*Envelope_HandOver
	//	*Envelope_Trim
	//	*Envelope_ChangeReport
	//	*Envelope_Promise
	//	*Envelope_Accepted
	//	*Envelope_Nack
	//	*Envelope_LeaderReport
	//	*Envelope_Votes
	//	*Envelope_ReadReport
	//	*Envelope_GenesisReport
	//	*Envelope_Fetch
	//	*Envelope_Fill
	//	*Envelope_Position
	//	*Envelope_ReadQuery
	//	*Envelope_Digest
	//	*Envelope_SnapshotQuery
	//	*Envelope_SnapshotChunk
	//	*Envelope_GenesisQuery
	//	*Envelope_StoreGenesis
	//	*Envelope_Seal
	//	*Envelope_Abandon
	//	*Envelope_Change
	//	*Envelope_Transfer
	//	*Envelope_Hello
	Body          isEnvelope_Body `protobuf_oneof:"body"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Envelope) Reset() {
	*x = Envelope{}
	mi := &file_paxospb_paxos_proto_msgTypes[0]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Envelope) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Envelope) ProtoMessage() {}

func (x *Envelope) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[0]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Envelope.ProtoReflect.Descriptor instead.
func (*Envelope) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{0}
}

func (x *Envelope) GetVersion() uint32 {
	if x != nil {
		return x.Version
	}
	return 0
}

func (x *Envelope) GetCluster() []byte {
	if x != nil {
		return x.Cluster
	}
	return nil
}

func (x *Envelope) GetGeneration() uint64 {
	if x != nil {
		return x.Generation
	}
	return 0
}

func (x *Envelope) GetConfig() uint64 {
	if x != nil {
		return x.Config
	}
	return 0
}

func (x *Envelope) GetFrom() *Sender {
	if x != nil {
		return x.From
	}
	return nil
}

func (x *Envelope) GetTo() string {
	if x != nil {
		return x.To
	}
	return ""
}

func (x *Envelope) GetBody() isEnvelope_Body {
	if x != nil {
		return x.Body
	}
	return nil
}

func (x *Envelope) GetPrepare() *Prepare {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Prepare); ok {
			return x.Prepare
		}
	}
	return nil
}

func (x *Envelope) GetAccept() *Accept {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Accept); ok {
			return x.Accept
		}
	}
	return nil
}

func (x *Envelope) GetHeartbeat() *Heartbeat {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Heartbeat); ok {
			return x.Heartbeat
		}
	}
	return nil
}

func (x *Envelope) GetLeaderQuery() *LeaderQuery {
	if x != nil {
		if x, ok := x.Body.(*Envelope_LeaderQuery); ok {
			return x.LeaderQuery
		}
	}
	return nil
}

func (x *Envelope) GetHandOver() *HandOver {
	if x != nil {
		if x, ok := x.Body.(*Envelope_HandOver); ok {
			return x.HandOver
		}
	}
	return nil
}

func (x *Envelope) GetTrim() *Trim {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Trim); ok {
			return x.Trim
		}
	}
	return nil
}

func (x *Envelope) GetChangeReport() *ChangeReport {
	if x != nil {
		if x, ok := x.Body.(*Envelope_ChangeReport); ok {
			return x.ChangeReport
		}
	}
	return nil
}

func (x *Envelope) GetPromise() *Promise {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Promise); ok {
			return x.Promise
		}
	}
	return nil
}

func (x *Envelope) GetAccepted() *Accepted {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Accepted); ok {
			return x.Accepted
		}
	}
	return nil
}

func (x *Envelope) GetNack() *Nack {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Nack); ok {
			return x.Nack
		}
	}
	return nil
}

func (x *Envelope) GetLeaderReport() *LeaderReport {
	if x != nil {
		if x, ok := x.Body.(*Envelope_LeaderReport); ok {
			return x.LeaderReport
		}
	}
	return nil
}

func (x *Envelope) GetVotes() *Votes {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Votes); ok {
			return x.Votes
		}
	}
	return nil
}

func (x *Envelope) GetReadReport() *ReadReport {
	if x != nil {
		if x, ok := x.Body.(*Envelope_ReadReport); ok {
			return x.ReadReport
		}
	}
	return nil
}

func (x *Envelope) GetGenesisReport() *GenesisReport {
	if x != nil {
		if x, ok := x.Body.(*Envelope_GenesisReport); ok {
			return x.GenesisReport
		}
	}
	return nil
}

func (x *Envelope) GetFetch() *Fetch {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Fetch); ok {
			return x.Fetch
		}
	}
	return nil
}

func (x *Envelope) GetFill() *Fill {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Fill); ok {
			return x.Fill
		}
	}
	return nil
}

func (x *Envelope) GetPosition() *Position {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Position); ok {
			return x.Position
		}
	}
	return nil
}

func (x *Envelope) GetReadQuery() *ReadQuery {
	if x != nil {
		if x, ok := x.Body.(*Envelope_ReadQuery); ok {
			return x.ReadQuery
		}
	}
	return nil
}

func (x *Envelope) GetDigest() *Digest {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Digest); ok {
			return x.Digest
		}
	}
	return nil
}

func (x *Envelope) GetSnapshotQuery() *SnapshotQuery {
	if x != nil {
		if x, ok := x.Body.(*Envelope_SnapshotQuery); ok {
			return x.SnapshotQuery
		}
	}
	return nil
}

func (x *Envelope) GetSnapshotChunk() *SnapshotChunk {
	if x != nil {
		if x, ok := x.Body.(*Envelope_SnapshotChunk); ok {
			return x.SnapshotChunk
		}
	}
	return nil
}

func (x *Envelope) GetGenesisQuery() *GenesisQuery {
	if x != nil {
		if x, ok := x.Body.(*Envelope_GenesisQuery); ok {
			return x.GenesisQuery
		}
	}
	return nil
}

func (x *Envelope) GetStoreGenesis() *StoreGenesis {
	if x != nil {
		if x, ok := x.Body.(*Envelope_StoreGenesis); ok {
			return x.StoreGenesis
		}
	}
	return nil
}

func (x *Envelope) GetSeal() *Seal {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Seal); ok {
			return x.Seal
		}
	}
	return nil
}

func (x *Envelope) GetAbandon() *Abandon {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Abandon); ok {
			return x.Abandon
		}
	}
	return nil
}

func (x *Envelope) GetChange() *Change {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Change); ok {
			return x.Change
		}
	}
	return nil
}

func (x *Envelope) GetTransfer() *Transfer {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Transfer); ok {
			return x.Transfer
		}
	}
	return nil
}

func (x *Envelope) GetHello() *Hello {
	if x != nil {
		if x, ok := x.Body.(*Envelope_Hello); ok {
			return x.Hello
		}
	}
	return nil
}

type isEnvelope_Body interface {
	isEnvelope_Body()
}

type Envelope_Prepare struct {
	// From proposers.
	Prepare *Prepare `protobuf:"bytes,7,opt,name=prepare,proto3,oneof"`
}

type Envelope_Accept struct {
	Accept *Accept `protobuf:"bytes,8,opt,name=accept,proto3,oneof"`
}

type Envelope_Heartbeat struct {
	Heartbeat *Heartbeat `protobuf:"bytes,9,opt,name=heartbeat,proto3,oneof"`
}

type Envelope_LeaderQuery struct {
	LeaderQuery *LeaderQuery `protobuf:"bytes,16,opt,name=leader_query,json=leaderQuery,proto3,oneof"`
}

type Envelope_HandOver struct {
	HandOver *HandOver `protobuf:"bytes,17,opt,name=hand_over,json=handOver,proto3,oneof"`
}

type Envelope_Trim struct {
	Trim *Trim `protobuf:"bytes,18,opt,name=trim,proto3,oneof"`
}

type Envelope_ChangeReport struct {
	ChangeReport *ChangeReport `protobuf:"bytes,33,opt,name=change_report,json=changeReport,proto3,oneof"`
}

type Envelope_Promise struct {
	// From acceptors.
	Promise *Promise `protobuf:"bytes,10,opt,name=promise,proto3,oneof"`
}

type Envelope_Accepted struct {
	Accepted *Accepted `protobuf:"bytes,11,opt,name=accepted,proto3,oneof"`
}

type Envelope_Nack struct {
	Nack *Nack `protobuf:"bytes,12,opt,name=nack,proto3,oneof"`
}

type Envelope_LeaderReport struct {
	LeaderReport *LeaderReport `protobuf:"bytes,19,opt,name=leader_report,json=leaderReport,proto3,oneof"`
}

type Envelope_Votes struct {
	Votes *Votes `protobuf:"bytes,20,opt,name=votes,proto3,oneof"`
}

type Envelope_ReadReport struct {
	ReadReport *ReadReport `protobuf:"bytes,21,opt,name=read_report,json=readReport,proto3,oneof"`
}

type Envelope_GenesisReport struct {
	GenesisReport *GenesisReport `protobuf:"bytes,22,opt,name=genesis_report,json=genesisReport,proto3,oneof"`
}

type Envelope_Fetch struct {
	// From learners.
	Fetch *Fetch `protobuf:"bytes,23,opt,name=fetch,proto3,oneof"`
}

type Envelope_Fill struct {
	Fill *Fill `protobuf:"bytes,24,opt,name=fill,proto3,oneof"`
}

type Envelope_Position struct {
	Position *Position `protobuf:"bytes,13,opt,name=position,proto3,oneof"`
}

type Envelope_ReadQuery struct {
	ReadQuery *ReadQuery `protobuf:"bytes,14,opt,name=read_query,json=readQuery,proto3,oneof"`
}

type Envelope_Digest struct {
	Digest *Digest `protobuf:"bytes,29,opt,name=digest,proto3,oneof"`
}

type Envelope_SnapshotQuery struct {
	SnapshotQuery *SnapshotQuery `protobuf:"bytes,30,opt,name=snapshot_query,json=snapshotQuery,proto3,oneof"`
}

type Envelope_SnapshotChunk struct {
	SnapshotChunk *SnapshotChunk `protobuf:"bytes,31,opt,name=snapshot_chunk,json=snapshotChunk,proto3,oneof"`
}

type Envelope_GenesisQuery struct {
	// From operators.
	GenesisQuery *GenesisQuery `protobuf:"bytes,25,opt,name=genesis_query,json=genesisQuery,proto3,oneof"`
}

type Envelope_StoreGenesis struct {
	StoreGenesis *StoreGenesis `protobuf:"bytes,26,opt,name=store_genesis,json=storeGenesis,proto3,oneof"`
}

type Envelope_Seal struct {
	Seal *Seal `protobuf:"bytes,27,opt,name=seal,proto3,oneof"`
}

type Envelope_Abandon struct {
	Abandon *Abandon `protobuf:"bytes,28,opt,name=abandon,proto3,oneof"`
}

type Envelope_Change struct {
	Change *Change `protobuf:"bytes,32,opt,name=change,proto3,oneof"`
}

type Envelope_Transfer struct {
	Transfer *Transfer `protobuf:"bytes,34,opt,name=transfer,proto3,oneof"`
}

type Envelope_Hello struct {
	// From every role but operators.
	Hello *Hello `protobuf:"bytes,15,opt,name=hello,proto3,oneof"`
}

func (*Envelope_Prepare) isEnvelope_Body() {}

func (*Envelope_Accept) isEnvelope_Body() {}

func (*Envelope_Heartbeat) isEnvelope_Body() {}

func (*Envelope_LeaderQuery) isEnvelope_Body() {}

func (*Envelope_HandOver) isEnvelope_Body() {}

func (*Envelope_Trim) isEnvelope_Body() {}

func (*Envelope_ChangeReport) isEnvelope_Body() {}

func (*Envelope_Promise) isEnvelope_Body() {}

func (*Envelope_Accepted) isEnvelope_Body() {}

func (*Envelope_Nack) isEnvelope_Body() {}

func (*Envelope_LeaderReport) isEnvelope_Body() {}

func (*Envelope_Votes) isEnvelope_Body() {}

func (*Envelope_ReadReport) isEnvelope_Body() {}

func (*Envelope_GenesisReport) isEnvelope_Body() {}

func (*Envelope_Fetch) isEnvelope_Body() {}

func (*Envelope_Fill) isEnvelope_Body() {}

func (*Envelope_Position) isEnvelope_Body() {}

func (*Envelope_ReadQuery) isEnvelope_Body() {}

func (*Envelope_Digest) isEnvelope_Body() {}

func (*Envelope_SnapshotQuery) isEnvelope_Body() {}

func (*Envelope_SnapshotChunk) isEnvelope_Body() {}

func (*Envelope_GenesisQuery) isEnvelope_Body() {}

func (*Envelope_StoreGenesis) isEnvelope_Body() {}

func (*Envelope_Seal) isEnvelope_Body() {}

func (*Envelope_Abandon) isEnvelope_Body() {}

func (*Envelope_Change) isEnvelope_Body() {}

func (*Envelope_Transfer) isEnvelope_Body() {}

func (*Envelope_Hello) isEnvelope_Body() {}

// Sender says who sent a message, precisely enough to tell a process from its
// restarts, its restored copies and its twins.
type Sender struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Role  Role                   `protobuf:"varint,1,opt,name=role,proto3,enum=synod.paxos.v1.Role" json:"role,omitempty"`
	// Node id.
	Id string `protobuf:"bytes,2,opt,name=id,proto3" json:"id,omitempty"`
	// UUID of the data directory; none for proposers and operators.
	Disk []byte `protobuf:"bytes,3,opt,name=disk,proto3" json:"disk,omitempty"`
	// How often that directory was opened, durably counted; 0 for proposers.
	Boot uint64 `protobuf:"varint,4,opt,name=boot,proto3" json:"boot,omitempty"`
	// Random, drawn once per process start.
	Process uint64 `protobuf:"fixed64,5,opt,name=process,proto3" json:"process,omitempty"`
	// Acceptors: the promise that is durable when the message leaves.
	Promised      *Ballot `protobuf:"bytes,6,opt,name=promised,proto3" json:"promised,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Sender) Reset() {
	*x = Sender{}
	mi := &file_paxospb_paxos_proto_msgTypes[1]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Sender) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Sender) ProtoMessage() {}

func (x *Sender) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[1]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Sender.ProtoReflect.Descriptor instead.
func (*Sender) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{1}
}

func (x *Sender) GetRole() Role {
	if x != nil {
		return x.Role
	}
	return Role_ROLE_UNSPECIFIED
}

func (x *Sender) GetId() string {
	if x != nil {
		return x.Id
	}
	return ""
}

func (x *Sender) GetDisk() []byte {
	if x != nil {
		return x.Disk
	}
	return nil
}

func (x *Sender) GetBoot() uint64 {
	if x != nil {
		return x.Boot
	}
	return 0
}

func (x *Sender) GetProcess() uint64 {
	if x != nil {
		return x.Process
	}
	return 0
}

func (x *Sender) GetPromised() *Ballot {
	if x != nil {
		return x.Promised
	}
	return nil
}

// Ballot orders proposals (PTP §2.3 "ballot number", PMS §2.2 "proposal number"), by
// round, then proposer, then incarnation. An absent Ballot is below all others.
type Ballot struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Round uint64                 `protobuf:"varint,1,opt,name=round,proto3" json:"round,omitempty"`
	// Node id.
	Proposer string `protobuf:"bytes,2,opt,name=proposer,proto3" json:"proposer,omitempty"`
	// Random, drawn once per start of the proposer: no two starts share a ballot.
	Incarnation   uint64 `protobuf:"fixed64,3,opt,name=incarnation,proto3" json:"incarnation,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Ballot) Reset() {
	*x = Ballot{}
	mi := &file_paxospb_paxos_proto_msgTypes[2]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Ballot) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Ballot) ProtoMessage() {}

func (x *Ballot) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[2]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Ballot.ProtoReflect.Descriptor instead.
func (*Ballot) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{2}
}

func (x *Ballot) GetRound() uint64 {
	if x != nil {
		return x.Round
	}
	return 0
}

func (x *Ballot) GetProposer() string {
	if x != nil {
		return x.Proposer
	}
	return ""
}

func (x *Ballot) GetIncarnation() uint64 {
	if x != nil {
		return x.Incarnation
	}
	return 0
}

// Value is what a slot holds: PTP's decree. It is proposed again as it is, to the byte.
type Value struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Kind  ValueKind              `protobuf:"varint,1,opt,name=kind,proto3,enum=synod.paxos.v1.ValueKind" json:"kind,omitempty"`
	// The leader's clock when it made the value, nanoseconds since the Unix epoch.
	Stamp int64 `protobuf:"fixed64,2,opt,name=stamp,proto3" json:"stamp,omitempty"`
	// Node id of the learner that answers the commands; empty for every learner.
	Answerer string `protobuf:"bytes,3,opt,name=answerer,proto3" json:"answerer,omitempty"`
	// Opaque to proposers and acceptors.
	Body          []byte `protobuf:"bytes,4,opt,name=body,proto3" json:"body,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Value) Reset() {
	*x = Value{}
	mi := &file_paxospb_paxos_proto_msgTypes[3]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Value) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Value) ProtoMessage() {}

func (x *Value) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[3]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Value.ProtoReflect.Descriptor instead.
func (*Value) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{3}
}

func (x *Value) GetKind() ValueKind {
	if x != nil {
		return x.Kind
	}
	return ValueKind_VALUE_KIND_NOOP
}

func (x *Value) GetStamp() int64 {
	if x != nil {
		return x.Stamp
	}
	return 0
}

func (x *Value) GetAnswerer() string {
	if x != nil {
		return x.Answerer
	}
	return ""
}

func (x *Value) GetBody() []byte {
	if x != nil {
		return x.Body
	}
	return nil
}

// Vote is the last ballot in which an acceptor voted in a slot, and for what (PTP §2.3
// "LastVote", PMS §2.2 "highest-numbered proposal accepted").
type Vote struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Slot  uint64                 `protobuf:"varint,1,opt,name=slot,proto3" json:"slot,omitempty"`
	// Required.
	Ballot *Ballot `protobuf:"bytes,2,opt,name=ballot,proto3" json:"ballot,omitempty"`
	// Required, and absent on a page of ballots only.
	Value         *Value `protobuf:"bytes,3,opt,name=value,proto3" json:"value,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Vote) Reset() {
	*x = Vote{}
	mi := &file_paxospb_paxos_proto_msgTypes[4]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Vote) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Vote) ProtoMessage() {}

func (x *Vote) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[4]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Vote.ProtoReflect.Descriptor instead.
func (*Vote) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{4}
}

func (x *Vote) GetSlot() uint64 {
	if x != nil {
		return x.Slot
	}
	return 0
}

func (x *Vote) GetBallot() *Ballot {
	if x != nil {
		return x.Ballot
	}
	return nil
}

func (x *Vote) GetValue() *Value {
	if x != nil {
		return x.Value
	}
	return nil
}

// Page is the votes of one acceptor in [from, to), in ascending order of slots.
type Page struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	From  uint64                 `protobuf:"varint,1,opt,name=from,proto3" json:"from,omitempty"`
	To    uint64                 `protobuf:"varint,2,opt,name=to,proto3" json:"to,omitempty"`
	// The values are left out, to save the bus.
	BallotsOnly bool    `protobuf:"varint,3,opt,name=ballots_only,json=ballotsOnly,proto3" json:"ballots_only,omitempty"`
	Votes       []*Vote `protobuf:"bytes,4,rep,name=votes,proto3" json:"votes,omitempty"`
	// The first slot left out for want of room; 0 when the page is the last.
	Next          uint64 `protobuf:"varint,5,opt,name=next,proto3" json:"next,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Page) Reset() {
	*x = Page{}
	mi := &file_paxospb_paxos_proto_msgTypes[5]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Page) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Page) ProtoMessage() {}

func (x *Page) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[5]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Page.ProtoReflect.Descriptor instead.
func (*Page) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{5}
}

func (x *Page) GetFrom() uint64 {
	if x != nil {
		return x.From
	}
	return 0
}

func (x *Page) GetTo() uint64 {
	if x != nil {
		return x.To
	}
	return 0
}

func (x *Page) GetBallotsOnly() bool {
	if x != nil {
		return x.BallotsOnly
	}
	return false
}

func (x *Page) GetVotes() []*Vote {
	if x != nil {
		return x.Votes
	}
	return nil
}

func (x *Page) GetNext() uint64 {
	if x != nil {
		return x.Next
	}
	return 0
}

// Marks are the positions of one acceptor.
type Marks struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The highest that a leader claimed to it. May lag behind what is chosen.
	ChosenBelow uint64 `protobuf:"varint,1,opt,name=chosen_below,json=chosenBelow,proto3" json:"chosen_below,omitempty"`
	// Votes below are forgotten: chosen, and held by enough learners.
	TrimBelow uint64 `protobuf:"varint,2,opt,name=trim_below,json=trimBelow,proto3" json:"trim_below,omitempty"`
	// Highest slot ever voted in; 0 for none. Trimming does not lower it.
	MaxVoted uint64 `protobuf:"varint,3,opt,name=max_voted,json=maxVoted,proto3" json:"max_voted,omitempty"`
	// Highest stamp ever voted for. Trimming does not lower it.
	MaxStamp int64 `protobuf:"fixed64,4,opt,name=max_stamp,json=maxStamp,proto3" json:"max_stamp,omitempty"`
	// Its wall clock when it answered.
	Clock         int64 `protobuf:"fixed64,5,opt,name=clock,proto3" json:"clock,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Marks) Reset() {
	*x = Marks{}
	mi := &file_paxospb_paxos_proto_msgTypes[6]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Marks) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Marks) ProtoMessage() {}

func (x *Marks) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[6]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Marks.ProtoReflect.Descriptor instead.
func (*Marks) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{6}
}

func (x *Marks) GetChosenBelow() uint64 {
	if x != nil {
		return x.ChosenBelow
	}
	return 0
}

func (x *Marks) GetTrimBelow() uint64 {
	if x != nil {
		return x.TrimBelow
	}
	return 0
}

func (x *Marks) GetMaxVoted() uint64 {
	if x != nil {
		return x.MaxVoted
	}
	return 0
}

func (x *Marks) GetMaxStamp() int64 {
	if x != nil {
		return x.MaxStamp
	}
	return 0
}

func (x *Marks) GetClock() int64 {
	if x != nil {
		return x.Clock
	}
	return 0
}

// Chosen is what a leader claims to be chosen: all slots below `below`; those of [from,
// below) in the ballot of the message that carries this.
type Chosen struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	From          uint64                 `protobuf:"varint,1,opt,name=from,proto3" json:"from,omitempty"`
	Below         uint64                 `protobuf:"varint,2,opt,name=below,proto3" json:"below,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Chosen) Reset() {
	*x = Chosen{}
	mi := &file_paxospb_paxos_proto_msgTypes[7]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Chosen) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Chosen) ProtoMessage() {}

func (x *Chosen) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[7]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Chosen.ProtoReflect.Descriptor instead.
func (*Chosen) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{7}
}

func (x *Chosen) GetFrom() uint64 {
	if x != nil {
		return x.From
	}
	return 0
}

func (x *Chosen) GetBelow() uint64 {
	if x != nil {
		return x.Below
	}
	return 0
}

// Prepare is phase 1a for all slots in [from, to) at once (PTP §3.1, PMS §3). It is
// repeated with a later `from` to get the next page of a long promise.
type Prepare struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Ballot        *Ballot                `protobuf:"bytes,1,opt,name=ballot,proto3" json:"ballot,omitempty"` // required
	From          uint64                 `protobuf:"varint,2,opt,name=from,proto3" json:"from,omitempty"`
	To            uint64                 `protobuf:"varint,3,opt,name=to,proto3" json:"to,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Prepare) Reset() {
	*x = Prepare{}
	mi := &file_paxospb_paxos_proto_msgTypes[8]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Prepare) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Prepare) ProtoMessage() {}

func (x *Prepare) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[8]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Prepare.ProtoReflect.Descriptor instead.
func (*Prepare) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{8}
}

func (x *Prepare) GetBallot() *Ballot {
	if x != nil {
		return x.Ballot
	}
	return nil
}

func (x *Prepare) GetFrom() uint64 {
	if x != nil {
		return x.From
	}
	return 0
}

func (x *Prepare) GetTo() uint64 {
	if x != nil {
		return x.To
	}
	return 0
}

// Promise is phase 1b: the acceptor will vote in no ballot below `ballot`, and page is
// what it voted for (PMS §2.2).
type Promise struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Ballot        *Ballot                `protobuf:"bytes,1,opt,name=ballot,proto3" json:"ballot,omitempty"` // required
	Page          *Page                  `protobuf:"bytes,2,opt,name=page,proto3" json:"page,omitempty"`
	Marks         *Marks                 `protobuf:"bytes,3,opt,name=marks,proto3" json:"marks,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Promise) Reset() {
	*x = Promise{}
	mi := &file_paxospb_paxos_proto_msgTypes[9]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Promise) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Promise) ProtoMessage() {}

func (x *Promise) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[9]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Promise.ProtoReflect.Descriptor instead.
func (*Promise) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{9}
}

func (x *Promise) GetBallot() *Ballot {
	if x != nil {
		return x.Ballot
	}
	return nil
}

func (x *Promise) GetPage() *Page {
	if x != nil {
		return x.Page
	}
	return nil
}

func (x *Promise) GetMarks() *Marks {
	if x != nil {
		return x.Marks
	}
	return nil
}

// Accept is phase 2a: vote for value in slot (PTP §2.3 "BeginBallot").
type Accept struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Ballot        *Ballot                `protobuf:"bytes,1,opt,name=ballot,proto3" json:"ballot,omitempty"` // required
	Slot          uint64                 `protobuf:"varint,2,opt,name=slot,proto3" json:"slot,omitempty"`
	Value         *Value                 `protobuf:"bytes,3,opt,name=value,proto3" json:"value,omitempty"` // required
	Chosen        *Chosen                `protobuf:"bytes,4,opt,name=chosen,proto3" json:"chosen,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Accept) Reset() {
	*x = Accept{}
	mi := &file_paxospb_paxos_proto_msgTypes[10]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Accept) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Accept) ProtoMessage() {}

func (x *Accept) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[10]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Accept.ProtoReflect.Descriptor instead.
func (*Accept) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{10}
}

func (x *Accept) GetBallot() *Ballot {
	if x != nil {
		return x.Ballot
	}
	return nil
}

func (x *Accept) GetSlot() uint64 {
	if x != nil {
		return x.Slot
	}
	return 0
}

func (x *Accept) GetValue() *Value {
	if x != nil {
		return x.Value
	}
	return nil
}

func (x *Accept) GetChosen() *Chosen {
	if x != nil {
		return x.Chosen
	}
	return nil
}

// Accepted is phase 2b for each of slots: "I voted in ballot there". It never carries
// the value.
type Accepted struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Ballot        *Ballot                `protobuf:"bytes,1,opt,name=ballot,proto3" json:"ballot,omitempty"`       // required
	Slots         []uint64               `protobuf:"varint,2,rep,packed,name=slots,proto3" json:"slots,omitempty"` // ascending
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Accepted) Reset() {
	*x = Accepted{}
	mi := &file_paxospb_paxos_proto_msgTypes[11]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Accepted) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Accepted) ProtoMessage() {}

func (x *Accepted) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[11]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Accepted.ProtoReflect.Descriptor instead.
func (*Accepted) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{11}
}

func (x *Accepted) GetBallot() *Ballot {
	if x != nil {
		return x.Ballot
	}
	return nil
}

func (x *Accepted) GetSlots() []uint64 {
	if x != nil {
		return x.Slots
	}
	return nil
}

// Nack refuses a Prepare, an Accept or a Heartbeat of `ballot`, because of the promise
// to `promised` (PMS §2.5: "informs the proposer").
type Nack struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Ballot        *Ballot                `protobuf:"bytes,1,opt,name=ballot,proto3" json:"ballot,omitempty"`     // required
	Promised      *Ballot                `protobuf:"bytes,2,opt,name=promised,proto3" json:"promised,omitempty"` // required
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Nack) Reset() {
	*x = Nack{}
	mi := &file_paxospb_paxos_proto_msgTypes[12]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Nack) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Nack) ProtoMessage() {}

func (x *Nack) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[12]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Nack.ProtoReflect.Descriptor instead.
func (*Nack) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{12}
}

func (x *Nack) GetBallot() *Ballot {
	if x != nil {
		return x.Ballot
	}
	return nil
}

func (x *Nack) GetPromised() *Ballot {
	if x != nil {
		return x.Promised
	}
	return nil
}

// Heartbeat is a leader's sign of life, and tells what is chosen when no Accept does.
// Acceptors answer with Hello.
type Heartbeat struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Ballot *Ballot                `protobuf:"bytes,1,opt,name=ballot,proto3" json:"ballot,omitempty"` // required
	Chosen *Chosen                `protobuf:"bytes,2,opt,name=chosen,proto3" json:"chosen,omitempty"`
	// First slot that the leader has not used.
	Next          uint64 `protobuf:"varint,3,opt,name=next,proto3" json:"next,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Heartbeat) Reset() {
	*x = Heartbeat{}
	mi := &file_paxospb_paxos_proto_msgTypes[13]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Heartbeat) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Heartbeat) ProtoMessage() {}

func (x *Heartbeat) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[13]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Heartbeat.ProtoReflect.Descriptor instead.
func (*Heartbeat) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{13}
}

func (x *Heartbeat) GetBallot() *Ballot {
	if x != nil {
		return x.Ballot
	}
	return nil
}

func (x *Heartbeat) GetChosen() *Chosen {
	if x != nil {
		return x.Chosen
	}
	return nil
}

func (x *Heartbeat) GetNext() uint64 {
	if x != nil {
		return x.Next
	}
	return 0
}

// LeaderQuery asks the acceptors whether they hear a leader.
type LeaderQuery struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Nonce         uint64                 `protobuf:"fixed64,1,opt,name=nonce,proto3" json:"nonce,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *LeaderQuery) Reset() {
	*x = LeaderQuery{}
	mi := &file_paxospb_paxos_proto_msgTypes[14]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *LeaderQuery) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*LeaderQuery) ProtoMessage() {}

func (x *LeaderQuery) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[14]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use LeaderQuery.ProtoReflect.Descriptor instead.
func (*LeaderQuery) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{14}
}

func (x *LeaderQuery) GetNonce() uint64 {
	if x != nil {
		return x.Nonce
	}
	return 0
}

// LeaderReport answers LeaderQuery, and a Heartbeat with nonce 0.
type LeaderReport struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Nonce uint64                 `protobuf:"fixed64,1,opt,name=nonce,proto3" json:"nonce,omitempty"`
	// Nanoseconds since the last sign of life of a ballot not below the promise.
	Silent        int64 `protobuf:"varint,2,opt,name=silent,proto3" json:"silent,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *LeaderReport) Reset() {
	*x = LeaderReport{}
	mi := &file_paxospb_paxos_proto_msgTypes[15]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *LeaderReport) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*LeaderReport) ProtoMessage() {}

func (x *LeaderReport) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[15]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use LeaderReport.ProtoReflect.Descriptor instead.
func (*LeaderReport) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{15}
}

func (x *LeaderReport) GetNonce() uint64 {
	if x != nil {
		return x.Nonce
	}
	return 0
}

func (x *LeaderReport) GetSilent() int64 {
	if x != nil {
		return x.Silent
	}
	return 0
}

// HandOver asks the proposer that it is sent to to lead at once: the sender led in
// ballot, and has left.
type HandOver struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Ballot        *Ballot                `protobuf:"bytes,1,opt,name=ballot,proto3" json:"ballot,omitempty"` // required
	Chosen        *Chosen                `protobuf:"bytes,2,opt,name=chosen,proto3" json:"chosen,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *HandOver) Reset() {
	*x = HandOver{}
	mi := &file_paxospb_paxos_proto_msgTypes[16]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *HandOver) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*HandOver) ProtoMessage() {}

func (x *HandOver) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[16]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use HandOver.ProtoReflect.Descriptor instead.
func (*HandOver) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{16}
}

func (x *HandOver) GetBallot() *Ballot {
	if x != nil {
		return x.Ballot
	}
	return nil
}

func (x *HandOver) GetChosen() *Chosen {
	if x != nil {
		return x.Chosen
	}
	return nil
}

// Trim lets acceptors forget their votes below `below`: chosen, and durable at enough
// learners with agreeing digests.
type Trim struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Ballot        *Ballot                `protobuf:"bytes,1,opt,name=ballot,proto3" json:"ballot,omitempty"` // required
	Below         uint64                 `protobuf:"varint,2,opt,name=below,proto3" json:"below,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Trim) Reset() {
	*x = Trim{}
	mi := &file_paxospb_paxos_proto_msgTypes[17]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Trim) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Trim) ProtoMessage() {}

func (x *Trim) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[17]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Trim.ProtoReflect.Descriptor instead.
func (*Trim) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{17}
}

func (x *Trim) GetBallot() *Ballot {
	if x != nil {
		return x.Ballot
	}
	return nil
}

func (x *Trim) GetBelow() uint64 {
	if x != nil {
		return x.Below
	}
	return 0
}

// Hello makes a role known when it starts, periodically, and when it is asked: by a
// Heartbeat, or by a message of a role that knows no cluster or an older configuration.
type Hello struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Acceptors, once sealed, and proposers, once they know it: the cluster.
	Genesis *Genesis `protobuf:"bytes,1,opt,name=genesis,proto3" json:"genesis,omitempty"`
	// Acceptors.
	Marks *Marks `protobuf:"bytes,2,opt,name=marks,proto3" json:"marks,omitempty"`
	// Proposers: the ballot they lead in; absent else.
	Leading *Ballot `protobuf:"bytes,3,opt,name=leading,proto3" json:"leading,omitempty"`
	// Acceptors: the disk is down to its reserve; no more values, please.
	NoSpace bool `protobuf:"varint,4,opt,name=no_space,json=noSpace,proto3" json:"no_space,omitempty"`
	// The configurations after the genesis that the sender knows, by number and without a
	// gap; of an acceptor at least those that govern from its trim point on.
	Known []*Configuration `protobuf:"bytes,5,rep,name=known,proto3" json:"known,omitempty"`
	// Proposers: a leader hands over to one whose priority is higher.
	Priority      int32 `protobuf:"zigzag32,6,opt,name=priority,proto3" json:"priority,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Hello) Reset() {
	*x = Hello{}
	mi := &file_paxospb_paxos_proto_msgTypes[18]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Hello) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Hello) ProtoMessage() {}

func (x *Hello) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[18]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Hello.ProtoReflect.Descriptor instead.
func (*Hello) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{18}
}

func (x *Hello) GetGenesis() *Genesis {
	if x != nil {
		return x.Genesis
	}
	return nil
}

func (x *Hello) GetMarks() *Marks {
	if x != nil {
		return x.Marks
	}
	return nil
}

func (x *Hello) GetLeading() *Ballot {
	if x != nil {
		return x.Leading
	}
	return nil
}

func (x *Hello) GetNoSpace() bool {
	if x != nil {
		return x.NoSpace
	}
	return false
}

func (x *Hello) GetKnown() []*Configuration {
	if x != nil {
		return x.Known
	}
	return nil
}

func (x *Hello) GetPriority() int32 {
	if x != nil {
		return x.Priority
	}
	return 0
}

// Fetch asks the acceptors for their votes in [from, to).
type Fetch struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	From  uint64                 `protobuf:"varint,1,opt,name=from,proto3" json:"from,omitempty"`
	To    uint64                 `protobuf:"varint,2,opt,name=to,proto3" json:"to,omitempty"`
	// Node id of the only acceptor that answers with the values too, the others with the
	// ballots of their votes; empty for none.
	Values        string `protobuf:"bytes,3,opt,name=values,proto3" json:"values,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Fetch) Reset() {
	*x = Fetch{}
	mi := &file_paxospb_paxos_proto_msgTypes[19]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Fetch) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Fetch) ProtoMessage() {}

func (x *Fetch) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[19]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Fetch.ProtoReflect.Descriptor instead.
func (*Fetch) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{19}
}

func (x *Fetch) GetFrom() uint64 {
	if x != nil {
		return x.From
	}
	return 0
}

func (x *Fetch) GetTo() uint64 {
	if x != nil {
		return x.To
	}
	return 0
}

func (x *Fetch) GetValues() string {
	if x != nil {
		return x.Values
	}
	return ""
}

// Votes answers Fetch.
type Votes struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Page          *Page                  `protobuf:"bytes,1,opt,name=page,proto3" json:"page,omitempty"`
	Marks         *Marks                 `protobuf:"bytes,2,opt,name=marks,proto3" json:"marks,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Votes) Reset() {
	*x = Votes{}
	mi := &file_paxospb_paxos_proto_msgTypes[20]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Votes) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Votes) ProtoMessage() {}

func (x *Votes) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[20]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Votes.ProtoReflect.Descriptor instead.
func (*Votes) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{20}
}

func (x *Votes) GetPage() *Page {
	if x != nil {
		return x.Page
	}
	return nil
}

func (x *Votes) GetMarks() *Marks {
	if x != nil {
		return x.Marks
	}
	return nil
}

// Fill asks the leader to propose again what it finds in the slots [from, to): the
// learner could not assemble a quorum of votes of one ballot there.
type Fill struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	From          uint64                 `protobuf:"varint,1,opt,name=from,proto3" json:"from,omitempty"`
	To            uint64                 `protobuf:"varint,2,opt,name=to,proto3" json:"to,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Fill) Reset() {
	*x = Fill{}
	mi := &file_paxospb_paxos_proto_msgTypes[21]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Fill) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Fill) ProtoMessage() {}

func (x *Fill) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[21]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Fill.ProtoReflect.Descriptor instead.
func (*Fill) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{21}
}

func (x *Fill) GetFrom() uint64 {
	if x != nil {
		return x.From
	}
	return 0
}

func (x *Fill) GetTo() uint64 {
	if x != nil {
		return x.To
	}
	return 0
}

// Position tells how far a learner is.
type Position struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// All slots up to and including it are applied.
	Applied uint64 `protobuf:"varint,1,opt,name=applied,proto3" json:"applied,omitempty"`
	// And up to this one survive a power loss.
	Durable uint64 `protobuf:"varint,2,opt,name=durable,proto3" json:"durable,omitempty"`
	// When the state next changes by itself, in log time; 0 for never.
	NextExpiry int64 `protobuf:"fixed64,3,opt,name=next_expiry,json=nextExpiry,proto3" json:"next_expiry,omitempty"`
	// The slots up to this one it has from its disk or from a snapshot, and may have
	// answered nothing there.
	Inherited uint64 `protobuf:"varint,4,opt,name=inherited,proto3" json:"inherited,omitempty"`
	// Of the rules that its state machine applies; 0: it has none.
	Version uint64 `protobuf:"varint,5,opt,name=version,proto3" json:"version,omitempty"`
	// Highest version that its build can apply.
	Supports      uint64 `protobuf:"varint,6,opt,name=supports,proto3" json:"supports,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Position) Reset() {
	*x = Position{}
	mi := &file_paxospb_paxos_proto_msgTypes[22]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Position) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Position) ProtoMessage() {}

func (x *Position) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[22]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Position.ProtoReflect.Descriptor instead.
func (*Position) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{22}
}

func (x *Position) GetApplied() uint64 {
	if x != nil {
		return x.Applied
	}
	return 0
}

func (x *Position) GetDurable() uint64 {
	if x != nil {
		return x.Durable
	}
	return 0
}

func (x *Position) GetNextExpiry() int64 {
	if x != nil {
		return x.NextExpiry
	}
	return 0
}

func (x *Position) GetInherited() uint64 {
	if x != nil {
		return x.Inherited
	}
	return 0
}

func (x *Position) GetVersion() uint64 {
	if x != nil {
		return x.Version
	}
	return 0
}

func (x *Position) GetSupports() uint64 {
	if x != nil {
		return x.Supports
	}
	return 0
}

// Digest tells what a learner's state is after slot. Learners that applied the same
// slots have the same state, to the byte.
type Digest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Slot          uint64                 `protobuf:"varint,1,opt,name=slot,proto3" json:"slot,omitempty"`
	Sum           []byte                 `protobuf:"bytes,2,opt,name=sum,proto3" json:"sum,omitempty"` // 16 bytes
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Digest) Reset() {
	*x = Digest{}
	mi := &file_paxospb_paxos_proto_msgTypes[23]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Digest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Digest) ProtoMessage() {}

func (x *Digest) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[23]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Digest.ProtoReflect.Descriptor instead.
func (*Digest) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{23}
}

func (x *Digest) GetSlot() uint64 {
	if x != nil {
		return x.Slot
	}
	return 0
}

func (x *Digest) GetSum() []byte {
	if x != nil {
		return x.Sum
	}
	return nil
}

// SnapshotQuery asks the learner that it is sent to for the part of a snapshot that
// starts at offset.
type SnapshotQuery struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Id            uint64                 `protobuf:"fixed64,1,opt,name=id,proto3" json:"id,omitempty"`        // 0 asks for a new snapshot, from its start
	Offset        uint64                 `protobuf:"varint,2,opt,name=offset,proto3" json:"offset,omitempty"` // bytes
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SnapshotQuery) Reset() {
	*x = SnapshotQuery{}
	mi := &file_paxospb_paxos_proto_msgTypes[24]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SnapshotQuery) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SnapshotQuery) ProtoMessage() {}

func (x *SnapshotQuery) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[24]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SnapshotQuery.ProtoReflect.Descriptor instead.
func (*SnapshotQuery) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{24}
}

func (x *SnapshotQuery) GetId() uint64 {
	if x != nil {
		return x.Id
	}
	return 0
}

func (x *SnapshotQuery) GetOffset() uint64 {
	if x != nil {
		return x.Offset
	}
	return 0
}

// SnapshotChunk answers SnapshotQuery.
type SnapshotChunk struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Id            uint64                 `protobuf:"fixed64,1,opt,name=id,proto3" json:"id,omitempty"`          // 0: the snapshot asked for is gone, or none can be made now
	Applied       uint64                 `protobuf:"varint,2,opt,name=applied,proto3" json:"applied,omitempty"` // the state is that after this slot
	Total         uint64                 `protobuf:"varint,3,opt,name=total,proto3" json:"total,omitempty"`     // bytes of the whole snapshot
	Offset        uint64                 `protobuf:"varint,4,opt,name=offset,proto3" json:"offset,omitempty"`   // bytes
	Data          []byte                 `protobuf:"bytes,5,opt,name=data,proto3" json:"data,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SnapshotChunk) Reset() {
	*x = SnapshotChunk{}
	mi := &file_paxospb_paxos_proto_msgTypes[25]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SnapshotChunk) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SnapshotChunk) ProtoMessage() {}

func (x *SnapshotChunk) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[25]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SnapshotChunk.ProtoReflect.Descriptor instead.
func (*SnapshotChunk) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{25}
}

func (x *SnapshotChunk) GetId() uint64 {
	if x != nil {
		return x.Id
	}
	return 0
}

func (x *SnapshotChunk) GetApplied() uint64 {
	if x != nil {
		return x.Applied
	}
	return 0
}

func (x *SnapshotChunk) GetTotal() uint64 {
	if x != nil {
		return x.Total
	}
	return 0
}

func (x *SnapshotChunk) GetOffset() uint64 {
	if x != nil {
		return x.Offset
	}
	return 0
}

func (x *SnapshotChunk) GetData() []byte {
	if x != nil {
		return x.Data
	}
	return nil
}

// ReadQuery asks the acceptors for the highest slot they voted in, for a quorum read
// (Charapko, Ailijiang and Demirbas, "Linearizable Quorum Reads in Paxos", HotStorage
// 2019).
type ReadQuery struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Nonce         uint64                 `protobuf:"fixed64,1,opt,name=nonce,proto3" json:"nonce,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ReadQuery) Reset() {
	*x = ReadQuery{}
	mi := &file_paxospb_paxos_proto_msgTypes[26]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ReadQuery) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ReadQuery) ProtoMessage() {}

func (x *ReadQuery) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[26]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ReadQuery.ProtoReflect.Descriptor instead.
func (*ReadQuery) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{26}
}

func (x *ReadQuery) GetNonce() uint64 {
	if x != nil {
		return x.Nonce
	}
	return 0
}

// ReadReport answers ReadQuery.
type ReadReport struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	Nonce uint64                 `protobuf:"fixed64,1,opt,name=nonce,proto3" json:"nonce,omitempty"`
	// Never below the trim point minus one.
	MaxVoted      uint64 `protobuf:"varint,2,opt,name=max_voted,json=maxVoted,proto3" json:"max_voted,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ReadReport) Reset() {
	*x = ReadReport{}
	mi := &file_paxospb_paxos_proto_msgTypes[27]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ReadReport) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ReadReport) ProtoMessage() {}

func (x *ReadReport) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[27]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ReadReport.ProtoReflect.Descriptor instead.
func (*ReadReport) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{27}
}

func (x *ReadReport) GetNonce() uint64 {
	if x != nil {
		return x.Nonce
	}
	return 0
}

func (x *ReadReport) GetMaxVoted() uint64 {
	if x != nil {
		return x.MaxVoted
	}
	return 0
}

// GenesisQuery asks an acceptor what it knows of its cluster. It is answered with
// GenesisReport, as are StoreGenesis, Seal and Abandon.
type GenesisQuery struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *GenesisQuery) Reset() {
	*x = GenesisQuery{}
	mi := &file_paxospb_paxos_proto_msgTypes[28]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *GenesisQuery) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*GenesisQuery) ProtoMessage() {}

func (x *GenesisQuery) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[28]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use GenesisQuery.ProtoReflect.Descriptor instead.
func (*GenesisQuery) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{28}
}

// StoreGenesis asks an acceptor to store a genesis, durably. It does not vote yet.
type StoreGenesis struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Genesis       *Genesis               `protobuf:"bytes,1,opt,name=genesis,proto3" json:"genesis,omitempty"` // required
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *StoreGenesis) Reset() {
	*x = StoreGenesis{}
	mi := &file_paxospb_paxos_proto_msgTypes[29]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *StoreGenesis) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*StoreGenesis) ProtoMessage() {}

func (x *StoreGenesis) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[29]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use StoreGenesis.ProtoReflect.Descriptor instead.
func (*StoreGenesis) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{29}
}

func (x *StoreGenesis) GetGenesis() *Genesis {
	if x != nil {
		return x.Genesis
	}
	return nil
}

// Seal lets an acceptor vote: every acceptor has stored the genesis of this cluster.
type Seal struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// UUID.
	Cluster       []byte `protobuf:"bytes,1,opt,name=cluster,proto3" json:"cluster,omitempty"`
	Generation    uint64 `protobuf:"varint,2,opt,name=generation,proto3" json:"generation,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Seal) Reset() {
	*x = Seal{}
	mi := &file_paxospb_paxos_proto_msgTypes[30]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Seal) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Seal) ProtoMessage() {}

func (x *Seal) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[30]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Seal.ProtoReflect.Descriptor instead.
func (*Seal) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{30}
}

func (x *Seal) GetCluster() []byte {
	if x != nil {
		return x.Cluster
	}
	return nil
}

func (x *Seal) GetGeneration() uint64 {
	if x != nil {
		return x.Generation
	}
	return 0
}

// Abandon asks an acceptor to drop the unsealed genesis of this cluster.
type Abandon struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// UUID.
	Cluster       []byte `protobuf:"bytes,1,opt,name=cluster,proto3" json:"cluster,omitempty"`
	Generation    uint64 `protobuf:"varint,2,opt,name=generation,proto3" json:"generation,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Abandon) Reset() {
	*x = Abandon{}
	mi := &file_paxospb_paxos_proto_msgTypes[31]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Abandon) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Abandon) ProtoMessage() {}

func (x *Abandon) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[31]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Abandon.ProtoReflect.Descriptor instead.
func (*Abandon) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{31}
}

func (x *Abandon) GetCluster() []byte {
	if x != nil {
		return x.Cluster
	}
	return nil
}

func (x *Abandon) GetGeneration() uint64 {
	if x != nil {
		return x.Generation
	}
	return 0
}

// GenesisReport says what an acceptor holds after the request it answers.
type GenesisReport struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Absent for none.
	Genesis *Genesis `protobuf:"bytes,1,opt,name=genesis,proto3" json:"genesis,omitempty"`
	// It votes.
	Sealed bool `protobuf:"varint,2,opt,name=sealed,proto3" json:"sealed,omitempty"`
	// Why the request was not carried out; empty when it was.
	Refused       string `protobuf:"bytes,3,opt,name=refused,proto3" json:"refused,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *GenesisReport) Reset() {
	*x = GenesisReport{}
	mi := &file_paxospb_paxos_proto_msgTypes[32]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *GenesisReport) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*GenesisReport) ProtoMessage() {}

func (x *GenesisReport) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[32]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use GenesisReport.ProtoReflect.Descriptor instead.
func (*GenesisReport) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{32}
}

func (x *GenesisReport) GetGenesis() *Genesis {
	if x != nil {
		return x.Genesis
	}
	return nil
}

func (x *GenesisReport) GetSealed() bool {
	if x != nil {
		return x.Sealed
	}
	return false
}

func (x *GenesisReport) GetRefused() string {
	if x != nil {
		return x.Refused
	}
	return ""
}

// Change asks the leader to propose a configuration, and tells how things stand.
type Change struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Its first slot is the leader's to set. Absent only asks.
	Next          *Configuration `protobuf:"bytes,1,opt,name=next,proto3" json:"next,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Change) Reset() {
	*x = Change{}
	mi := &file_paxospb_paxos_proto_msgTypes[33]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Change) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Change) ProtoMessage() {}

func (x *Change) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[33]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Change.ProtoReflect.Descriptor instead.
func (*Change) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{33}
}

func (x *Change) GetNext() *Configuration {
	if x != nil {
		return x.Next
	}
	return nil
}

// ChangeReport answers Change and Transfer, from the leader.
type ChangeReport struct {
	state  protoimpl.MessageState `protogen:"open.v1"`
	Newest *Configuration         `protobuf:"bytes,1,opt,name=newest,proto3" json:"newest,omitempty"`  // required
	Chosen uint64                 `protobuf:"varint,2,opt,name=chosen,proto3" json:"chosen,omitempty"` // all slots below are chosen
	Next   uint64                 `protobuf:"varint,3,opt,name=next,proto3" json:"next,omitempty"`     // first slot that the leader has not used
	// What the newest change waits for; empty when it is finished.
	Waits string `protobuf:"bytes,4,opt,name=waits,proto3" json:"waits,omitempty"`
	// Why the request is not carried out; empty when it is.
	Refused       string `protobuf:"bytes,5,opt,name=refused,proto3" json:"refused,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ChangeReport) Reset() {
	*x = ChangeReport{}
	mi := &file_paxospb_paxos_proto_msgTypes[34]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ChangeReport) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ChangeReport) ProtoMessage() {}

func (x *ChangeReport) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[34]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ChangeReport.ProtoReflect.Descriptor instead.
func (*ChangeReport) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{34}
}

func (x *ChangeReport) GetNewest() *Configuration {
	if x != nil {
		return x.Newest
	}
	return nil
}

func (x *ChangeReport) GetChosen() uint64 {
	if x != nil {
		return x.Chosen
	}
	return 0
}

func (x *ChangeReport) GetNext() uint64 {
	if x != nil {
		return x.Next
	}
	return 0
}

func (x *ChangeReport) GetWaits() string {
	if x != nil {
		return x.Waits
	}
	return ""
}

func (x *ChangeReport) GetRefused() string {
	if x != nil {
		return x.Refused
	}
	return ""
}

// Transfer asks the leader to hand over.
type Transfer struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Node id of the proposer that shall lead; empty for any.
	To            string `protobuf:"bytes,1,opt,name=to,proto3" json:"to,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Transfer) Reset() {
	*x = Transfer{}
	mi := &file_paxospb_paxos_proto_msgTypes[35]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Transfer) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Transfer) ProtoMessage() {}

func (x *Transfer) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[35]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Transfer.ProtoReflect.Descriptor instead.
func (*Transfer) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{35}
}

func (x *Transfer) GetTo() string {
	if x != nil {
		return x.To
	}
	return ""
}

// Genesis founds a cluster: every acceptor stores it before any of them votes.
type Genesis struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// UUID.
	Cluster    []byte `protobuf:"bytes,1,opt,name=cluster,proto3" json:"cluster,omitempty"`
	Generation uint64 `protobuf:"varint,2,opt,name=generation,proto3" json:"generation,omitempty"`
	// Alpha: at most this many slots are undecided at once (PTP §3.3.7, PMS §3).
	Window uint64 `protobuf:"varint,3,opt,name=window,proto3" json:"window,omitempty"`
	// Required. Governs from the slot at which the log starts: 1, or that after the state
	// which a restored cluster goes on from.
	First *Configuration `protobuf:"bytes,4,opt,name=first,proto3" json:"first,omitempty"`
	// Digest of that state, 16 bytes; none for the empty one.
	State         []byte `protobuf:"bytes,5,opt,name=state,proto3" json:"state,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Genesis) Reset() {
	*x = Genesis{}
	mi := &file_paxospb_paxos_proto_msgTypes[36]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Genesis) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Genesis) ProtoMessage() {}

func (x *Genesis) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[36]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Genesis.ProtoReflect.Descriptor instead.
func (*Genesis) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{36}
}

func (x *Genesis) GetCluster() []byte {
	if x != nil {
		return x.Cluster
	}
	return nil
}

func (x *Genesis) GetGeneration() uint64 {
	if x != nil {
		return x.Generation
	}
	return 0
}

func (x *Genesis) GetWindow() uint64 {
	if x != nil {
		return x.Window
	}
	return 0
}

func (x *Genesis) GetFirst() *Configuration {
	if x != nil {
		return x.First
	}
	return nil
}

func (x *Genesis) GetState() []byte {
	if x != nil {
		return x.State
	}
	return nil
}

// Configuration is who votes, and how votes are counted, in the slots that it governs:
// from `from` until the next configuration's `from`.
type Configuration struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// 1 is the genesis configuration, each change adds one.
	Number uint64 `protobuf:"varint,1,opt,name=number,proto3" json:"number,omitempty"`
	From   uint64 `protobuf:"varint,2,opt,name=from,proto3" json:"from,omitempty"`
	// In the order that grids and vote counters go by.
	Acceptors []*Member `protobuf:"bytes,3,rep,name=acceptors,proto3" json:"acceptors,omitempty"`
	Quorums   *Quorums  `protobuf:"bytes,4,opt,name=quorums,proto3" json:"quorums,omitempty"`
	// Durable learner copies that a slot needs before acceptors may forget it.
	Copies        uint32 `protobuf:"varint,5,opt,name=copies,proto3" json:"copies,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Configuration) Reset() {
	*x = Configuration{}
	mi := &file_paxospb_paxos_proto_msgTypes[37]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Configuration) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Configuration) ProtoMessage() {}

func (x *Configuration) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[37]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Configuration.ProtoReflect.Descriptor instead.
func (*Configuration) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{37}
}

func (x *Configuration) GetNumber() uint64 {
	if x != nil {
		return x.Number
	}
	return 0
}

func (x *Configuration) GetFrom() uint64 {
	if x != nil {
		return x.From
	}
	return 0
}

func (x *Configuration) GetAcceptors() []*Member {
	if x != nil {
		return x.Acceptors
	}
	return nil
}

func (x *Configuration) GetQuorums() *Quorums {
	if x != nil {
		return x.Quorums
	}
	return nil
}

func (x *Configuration) GetCopies() uint32 {
	if x != nil {
		return x.Copies
	}
	return 0
}

// Member is one acceptor of a configuration. The same process with another disk has
// forgotten what it promised, and is somebody else.
type Member struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Node id.
	Id string `protobuf:"bytes,1,opt,name=id,proto3" json:"id,omitempty"`
	// UUID of its data directory.
	Disk          []byte `protobuf:"bytes,2,opt,name=disk,proto3" json:"disk,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Member) Reset() {
	*x = Member{}
	mi := &file_paxospb_paxos_proto_msgTypes[38]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Member) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Member) ProtoMessage() {}

func (x *Member) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[38]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Member.ProtoReflect.Descriptor instead.
func (*Member) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{38}
}

func (x *Member) GetId() string {
	if x != nil {
		return x.Id
	}
	return ""
}

func (x *Member) GetDisk() []byte {
	if x != nil {
		return x.Disk
	}
	return nil
}

// Quorums says which sets of acceptors may promise and which may choose (Howard, Malkhi
// and Spiegelman, "Flexible Paxos", 2016). Absent is majority.
type Quorums struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	Kind          QuorumKind             `protobuf:"varint,1,opt,name=kind,proto3,enum=synod.paxos.v1.QuorumKind" json:"kind,omitempty"`
	Size1         uint32                 `protobuf:"varint,2,opt,name=size1,proto3" json:"size1,omitempty"` // for sizes
	Size2         uint32                 `protobuf:"varint,3,opt,name=size2,proto3" json:"size2,omitempty"` // for sizes
	Rows          uint32                 `protobuf:"varint,4,opt,name=rows,proto3" json:"rows,omitempty"`   // for grid: acceptors fill the rows one by one
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Quorums) Reset() {
	*x = Quorums{}
	mi := &file_paxospb_paxos_proto_msgTypes[39]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Quorums) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Quorums) ProtoMessage() {}

func (x *Quorums) ProtoReflect() protoreflect.Message {
	mi := &file_paxospb_paxos_proto_msgTypes[39]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Quorums.ProtoReflect.Descriptor instead.
func (*Quorums) Descriptor() ([]byte, []int) {
	return file_paxospb_paxos_proto_rawDescGZIP(), []int{39}
}

func (x *Quorums) GetKind() QuorumKind {
	if x != nil {
		return x.Kind
	}
	return QuorumKind_QUORUM_KIND_MAJORITY
}

func (x *Quorums) GetSize1() uint32 {
	if x != nil {
		return x.Size1
	}
	return 0
}

func (x *Quorums) GetSize2() uint32 {
	if x != nil {
		return x.Size2
	}
	return 0
}

func (x *Quorums) GetRows() uint32 {
	if x != nil {
		return x.Rows
	}
	return 0
}

var File_paxospb_paxos_proto protoreflect.FileDescriptor

const file_paxospb_paxos_proto_rawDesc = "" +
	"\n" +
	"\x13paxospb/paxos.proto\x12\x0esynod.paxos.v1\"\xf1\r\n" +
	"\bEnvelope\x12\x18\n" +
	"\aversion\x18\x01 \x01(\rR\aversion\x12\x18\n" +
	"\acluster\x18\x02 \x01(\fR\acluster\x12\x1e\n" +
	"\n" +
	"generation\x18\x03 \x01(\x04R\n" +
	"generation\x12\x16\n" +
	"\x06config\x18\x04 \x01(\x04R\x06config\x12*\n" +
	"\x04from\x18\x05 \x01(\v2\x16.synod.paxos.v1.SenderR\x04from\x12\x0e\n" +
	"\x02to\x18\x06 \x01(\tR\x02to\x123\n" +
	"\aprepare\x18\a \x01(\v2\x17.synod.paxos.v1.PrepareH\x00R\aprepare\x120\n" +
	"\x06accept\x18\b \x01(\v2\x16.synod.paxos.v1.AcceptH\x00R\x06accept\x129\n" +
	"\theartbeat\x18\t \x01(\v2\x19.synod.paxos.v1.HeartbeatH\x00R\theartbeat\x12@\n" +
	"\fleader_query\x18\x10 \x01(\v2\x1b.synod.paxos.v1.LeaderQueryH\x00R\vleaderQuery\x127\n" +
	"\thand_over\x18\x11 \x01(\v2\x18.synod.paxos.v1.HandOverH\x00R\bhandOver\x12*\n" +
	"\x04trim\x18\x12 \x01(\v2\x14.synod.paxos.v1.TrimH\x00R\x04trim\x12C\n" +
	"\rchange_report\x18! \x01(\v2\x1c.synod.paxos.v1.ChangeReportH\x00R\fchangeReport\x123\n" +
	"\apromise\x18\n" +
	" \x01(\v2\x17.synod.paxos.v1.PromiseH\x00R\apromise\x126\n" +
	"\baccepted\x18\v \x01(\v2\x18.synod.paxos.v1.AcceptedH\x00R\baccepted\x12*\n" +
	"\x04nack\x18\f \x01(\v2\x14.synod.paxos.v1.NackH\x00R\x04nack\x12C\n" +
	"\rleader_report\x18\x13 \x01(\v2\x1c.synod.paxos.v1.LeaderReportH\x00R\fleaderReport\x12-\n" +
	"\x05votes\x18\x14 \x01(\v2\x15.synod.paxos.v1.VotesH\x00R\x05votes\x12=\n" +
	"\vread_report\x18\x15 \x01(\v2\x1a.synod.paxos.v1.ReadReportH\x00R\n" +
	"readReport\x12F\n" +
	"\x0egenesis_report\x18\x16 \x01(\v2\x1d.synod.paxos.v1.GenesisReportH\x00R\rgenesisReport\x12-\n" +
	"\x05fetch\x18\x17 \x01(\v2\x15.synod.paxos.v1.FetchH\x00R\x05fetch\x12*\n" +
	"\x04fill\x18\x18 \x01(\v2\x14.synod.paxos.v1.FillH\x00R\x04fill\x126\n" +
	"\bposition\x18\r \x01(\v2\x18.synod.paxos.v1.PositionH\x00R\bposition\x12:\n" +
	"\n" +
	"read_query\x18\x0e \x01(\v2\x19.synod.paxos.v1.ReadQueryH\x00R\treadQuery\x120\n" +
	"\x06digest\x18\x1d \x01(\v2\x16.synod.paxos.v1.DigestH\x00R\x06digest\x12F\n" +
	"\x0esnapshot_query\x18\x1e \x01(\v2\x1d.synod.paxos.v1.SnapshotQueryH\x00R\rsnapshotQuery\x12F\n" +
	"\x0esnapshot_chunk\x18\x1f \x01(\v2\x1d.synod.paxos.v1.SnapshotChunkH\x00R\rsnapshotChunk\x12C\n" +
	"\rgenesis_query\x18\x19 \x01(\v2\x1c.synod.paxos.v1.GenesisQueryH\x00R\fgenesisQuery\x12C\n" +
	"\rstore_genesis\x18\x1a \x01(\v2\x1c.synod.paxos.v1.StoreGenesisH\x00R\fstoreGenesis\x12*\n" +
	"\x04seal\x18\x1b \x01(\v2\x14.synod.paxos.v1.SealH\x00R\x04seal\x123\n" +
	"\aabandon\x18\x1c \x01(\v2\x17.synod.paxos.v1.AbandonH\x00R\aabandon\x120\n" +
	"\x06change\x18  \x01(\v2\x16.synod.paxos.v1.ChangeH\x00R\x06change\x126\n" +
	"\btransfer\x18\" \x01(\v2\x18.synod.paxos.v1.TransferH\x00R\btransfer\x12-\n" +
	"\x05hello\x18\x0f \x01(\v2\x15.synod.paxos.v1.HelloH\x00R\x05helloB\x06\n" +
	"\x04body\"\xb8\x01\n" +
	"\x06Sender\x12(\n" +
	"\x04role\x18\x01 \x01(\x0e2\x14.synod.paxos.v1.RoleR\x04role\x12\x0e\n" +
	"\x02id\x18\x02 \x01(\tR\x02id\x12\x12\n" +
	"\x04disk\x18\x03 \x01(\fR\x04disk\x12\x12\n" +
	"\x04boot\x18\x04 \x01(\x04R\x04boot\x12\x18\n" +
	"\aprocess\x18\x05 \x01(\x06R\aprocess\x122\n" +
	"\bpromised\x18\x06 \x01(\v2\x16.synod.paxos.v1.BallotR\bpromised\"\\\n" +
	"\x06Ballot\x12\x14\n" +
	"\x05round\x18\x01 \x01(\x04R\x05round\x12\x1a\n" +
	"\bproposer\x18\x02 \x01(\tR\bproposer\x12 \n" +
	"\vincarnation\x18\x03 \x01(\x06R\vincarnation\"|\n" +
	"\x05Value\x12-\n" +
	"\x04kind\x18\x01 \x01(\x0e2\x19.synod.paxos.v1.ValueKindR\x04kind\x12\x14\n" +
	"\x05stamp\x18\x02 \x01(\x10R\x05stamp\x12\x1a\n" +
	"\banswerer\x18\x03 \x01(\tR\banswerer\x12\x12\n" +
	"\x04body\x18\x04 \x01(\fR\x04body\"w\n" +
	"\x04Vote\x12\x12\n" +
	"\x04slot\x18\x01 \x01(\x04R\x04slot\x12.\n" +
	"\x06ballot\x18\x02 \x01(\v2\x16.synod.paxos.v1.BallotR\x06ballot\x12+\n" +
	"\x05value\x18\x03 \x01(\v2\x15.synod.paxos.v1.ValueR\x05value\"\x8d\x01\n" +
	"\x04Page\x12\x12\n" +
	"\x04from\x18\x01 \x01(\x04R\x04from\x12\x0e\n" +
	"\x02to\x18\x02 \x01(\x04R\x02to\x12!\n" +
	"\fballots_only\x18\x03 \x01(\bR\vballotsOnly\x12*\n" +
	"\x05votes\x18\x04 \x03(\v2\x14.synod.paxos.v1.VoteR\x05votes\x12\x12\n" +
	"\x04next\x18\x05 \x01(\x04R\x04next\"\x99\x01\n" +
	"\x05Marks\x12!\n" +
	"\fchosen_below\x18\x01 \x01(\x04R\vchosenBelow\x12\x1d\n" +
	"\n" +
	"trim_below\x18\x02 \x01(\x04R\ttrimBelow\x12\x1b\n" +
	"\tmax_voted\x18\x03 \x01(\x04R\bmaxVoted\x12\x1b\n" +
	"\tmax_stamp\x18\x04 \x01(\x10R\bmaxStamp\x12\x14\n" +
	"\x05clock\x18\x05 \x01(\x10R\x05clock\"2\n" +
	"\x06Chosen\x12\x12\n" +
	"\x04from\x18\x01 \x01(\x04R\x04from\x12\x14\n" +
	"\x05below\x18\x02 \x01(\x04R\x05below\"]\n" +
	"\aPrepare\x12.\n" +
	"\x06ballot\x18\x01 \x01(\v2\x16.synod.paxos.v1.BallotR\x06ballot\x12\x12\n" +
	"\x04from\x18\x02 \x01(\x04R\x04from\x12\x0e\n" +
	"\x02to\x18\x03 \x01(\x04R\x02to\"\x90\x01\n" +
	"\aPromise\x12.\n" +
	"\x06ballot\x18\x01 \x01(\v2\x16.synod.paxos.v1.BallotR\x06ballot\x12(\n" +
	"\x04page\x18\x02 \x01(\v2\x14.synod.paxos.v1.PageR\x04page\x12+\n" +
	"\x05marks\x18\x03 \x01(\v2\x15.synod.paxos.v1.MarksR\x05marks\"\xa9\x01\n" +
	"\x06Accept\x12.\n" +
	"\x06ballot\x18\x01 \x01(\v2\x16.synod.paxos.v1.BallotR\x06ballot\x12\x12\n" +
	"\x04slot\x18\x02 \x01(\x04R\x04slot\x12+\n" +
	"\x05value\x18\x03 \x01(\v2\x15.synod.paxos.v1.ValueR\x05value\x12.\n" +
	"\x06chosen\x18\x04 \x01(\v2\x16.synod.paxos.v1.ChosenR\x06chosen\"P\n" +
	"\bAccepted\x12.\n" +
	"\x06ballot\x18\x01 \x01(\v2\x16.synod.paxos.v1.BallotR\x06ballot\x12\x14\n" +
	"\x05slots\x18\x02 \x03(\x04R\x05slots\"j\n" +
	"\x04Nack\x12.\n" +
	"\x06ballot\x18\x01 \x01(\v2\x16.synod.paxos.v1.BallotR\x06ballot\x122\n" +
	"\bpromised\x18\x02 \x01(\v2\x16.synod.paxos.v1.BallotR\bpromised\"\x7f\n" +
	"\tHeartbeat\x12.\n" +
	"\x06ballot\x18\x01 \x01(\v2\x16.synod.paxos.v1.BallotR\x06ballot\x12.\n" +
	"\x06chosen\x18\x02 \x01(\v2\x16.synod.paxos.v1.ChosenR\x06chosen\x12\x12\n" +
	"\x04next\x18\x03 \x01(\x04R\x04next\"#\n" +
	"\vLeaderQuery\x12\x14\n" +
	"\x05nonce\x18\x01 \x01(\x06R\x05nonce\"<\n" +
	"\fLeaderReport\x12\x14\n" +
	"\x05nonce\x18\x01 \x01(\x06R\x05nonce\x12\x16\n" +
	"\x06silent\x18\x02 \x01(\x03R\x06silent\"j\n" +
	"\bHandOver\x12.\n" +
	"\x06ballot\x18\x01 \x01(\v2\x16.synod.paxos.v1.BallotR\x06ballot\x12.\n" +
	"\x06chosen\x18\x02 \x01(\v2\x16.synod.paxos.v1.ChosenR\x06chosen\"L\n" +
	"\x04Trim\x12.\n" +
	"\x06ballot\x18\x01 \x01(\v2\x16.synod.paxos.v1.BallotR\x06ballot\x12\x14\n" +
	"\x05below\x18\x02 \x01(\x04R\x05below\"\x85\x02\n" +
	"\x05Hello\x121\n" +
	"\agenesis\x18\x01 \x01(\v2\x17.synod.paxos.v1.GenesisR\agenesis\x12+\n" +
	"\x05marks\x18\x02 \x01(\v2\x15.synod.paxos.v1.MarksR\x05marks\x120\n" +
	"\aleading\x18\x03 \x01(\v2\x16.synod.paxos.v1.BallotR\aleading\x12\x19\n" +
	"\bno_space\x18\x04 \x01(\bR\anoSpace\x123\n" +
	"\x05known\x18\x05 \x03(\v2\x1d.synod.paxos.v1.ConfigurationR\x05known\x12\x1a\n" +
	"\bpriority\x18\x06 \x01(\x11R\bpriority\"C\n" +
	"\x05Fetch\x12\x12\n" +
	"\x04from\x18\x01 \x01(\x04R\x04from\x12\x0e\n" +
	"\x02to\x18\x02 \x01(\x04R\x02to\x12\x16\n" +
	"\x06values\x18\x03 \x01(\tR\x06values\"^\n" +
	"\x05Votes\x12(\n" +
	"\x04page\x18\x01 \x01(\v2\x14.synod.paxos.v1.PageR\x04page\x12+\n" +
	"\x05marks\x18\x02 \x01(\v2\x15.synod.paxos.v1.MarksR\x05marks\"*\n" +
	"\x04Fill\x12\x12\n" +
	"\x04from\x18\x01 \x01(\x04R\x04from\x12\x0e\n" +
	"\x02to\x18\x02 \x01(\x04R\x02to\"\xb3\x01\n" +
	"\bPosition\x12\x18\n" +
	"\aapplied\x18\x01 \x01(\x04R\aapplied\x12\x18\n" +
	"\adurable\x18\x02 \x01(\x04R\adurable\x12\x1f\n" +
	"\vnext_expiry\x18\x03 \x01(\x10R\n" +
	"nextExpiry\x12\x1c\n" +
	"\tinherited\x18\x04 \x01(\x04R\tinherited\x12\x18\n" +
	"\aversion\x18\x05 \x01(\x04R\aversion\x12\x1a\n" +
	"\bsupports\x18\x06 \x01(\x04R\bsupports\".\n" +
	"\x06Digest\x12\x12\n" +
	"\x04slot\x18\x01 \x01(\x04R\x04slot\x12\x10\n" +
	"\x03sum\x18\x02 \x01(\fR\x03sum\"7\n" +
	"\rSnapshotQuery\x12\x0e\n" +
	"\x02id\x18\x01 \x01(\x06R\x02id\x12\x16\n" +
	"\x06offset\x18\x02 \x01(\x04R\x06offset\"{\n" +
	"\rSnapshotChunk\x12\x0e\n" +
	"\x02id\x18\x01 \x01(\x06R\x02id\x12\x18\n" +
	"\aapplied\x18\x02 \x01(\x04R\aapplied\x12\x14\n" +
	"\x05total\x18\x03 \x01(\x04R\x05total\x12\x16\n" +
	"\x06offset\x18\x04 \x01(\x04R\x06offset\x12\x12\n" +
	"\x04data\x18\x05 \x01(\fR\x04data\"!\n" +
	"\tReadQuery\x12\x14\n" +
	"\x05nonce\x18\x01 \x01(\x06R\x05nonce\"?\n" +
	"\n" +
	"ReadReport\x12\x14\n" +
	"\x05nonce\x18\x01 \x01(\x06R\x05nonce\x12\x1b\n" +
	"\tmax_voted\x18\x02 \x01(\x04R\bmaxVoted\"\x0e\n" +
	"\fGenesisQuery\"A\n" +
	"\fStoreGenesis\x121\n" +
	"\agenesis\x18\x01 \x01(\v2\x17.synod.paxos.v1.GenesisR\agenesis\"@\n" +
	"\x04Seal\x12\x18\n" +
	"\acluster\x18\x01 \x01(\fR\acluster\x12\x1e\n" +
	"\n" +
	"generation\x18\x02 \x01(\x04R\n" +
	"generation\"C\n" +
	"\aAbandon\x12\x18\n" +
	"\acluster\x18\x01 \x01(\fR\acluster\x12\x1e\n" +
	"\n" +
	"generation\x18\x02 \x01(\x04R\n" +
	"generation\"t\n" +
	"\rGenesisReport\x121\n" +
	"\agenesis\x18\x01 \x01(\v2\x17.synod.paxos.v1.GenesisR\agenesis\x12\x16\n" +
	"\x06sealed\x18\x02 \x01(\bR\x06sealed\x12\x18\n" +
	"\arefused\x18\x03 \x01(\tR\arefused\";\n" +
	"\x06Change\x121\n" +
	"\x04next\x18\x01 \x01(\v2\x1d.synod.paxos.v1.ConfigurationR\x04next\"\xa1\x01\n" +
	"\fChangeReport\x125\n" +
	"\x06newest\x18\x01 \x01(\v2\x1d.synod.paxos.v1.ConfigurationR\x06newest\x12\x16\n" +
	"\x06chosen\x18\x02 \x01(\x04R\x06chosen\x12\x12\n" +
	"\x04next\x18\x03 \x01(\x04R\x04next\x12\x14\n" +
	"\x05waits\x18\x04 \x01(\tR\x05waits\x12\x18\n" +
	"\arefused\x18\x05 \x01(\tR\arefused\"\x1a\n" +
	"\bTransfer\x12\x0e\n" +
	"\x02to\x18\x01 \x01(\tR\x02to\"\xa6\x01\n" +
	"\aGenesis\x12\x18\n" +
	"\acluster\x18\x01 \x01(\fR\acluster\x12\x1e\n" +
	"\n" +
	"generation\x18\x02 \x01(\x04R\n" +
	"generation\x12\x16\n" +
	"\x06window\x18\x03 \x01(\x04R\x06window\x123\n" +
	"\x05first\x18\x04 \x01(\v2\x1d.synod.paxos.v1.ConfigurationR\x05first\x12\x14\n" +
	"\x05state\x18\x05 \x01(\fR\x05state\"\xbc\x01\n" +
	"\rConfiguration\x12\x16\n" +
	"\x06number\x18\x01 \x01(\x04R\x06number\x12\x12\n" +
	"\x04from\x18\x02 \x01(\x04R\x04from\x124\n" +
	"\tacceptors\x18\x03 \x03(\v2\x16.synod.paxos.v1.MemberR\tacceptors\x121\n" +
	"\aquorums\x18\x04 \x01(\v2\x17.synod.paxos.v1.QuorumsR\aquorums\x12\x16\n" +
	"\x06copies\x18\x05 \x01(\rR\x06copies\",\n" +
	"\x06Member\x12\x0e\n" +
	"\x02id\x18\x01 \x01(\tR\x02id\x12\x12\n" +
	"\x04disk\x18\x02 \x01(\fR\x04disk\"y\n" +
	"\aQuorums\x12.\n" +
	"\x04kind\x18\x01 \x01(\x0e2\x1a.synod.paxos.v1.QuorumKindR\x04kind\x12\x14\n" +
	"\x05size1\x18\x02 \x01(\rR\x05size1\x12\x14\n" +
	"\x05size2\x18\x03 \x01(\rR\x05size2\x12\x12\n" +
	"\x04rows\x18\x04 \x01(\rR\x04rows*g\n" +
	"\x04Role\x12\x14\n" +
	"\x10ROLE_UNSPECIFIED\x10\x00\x12\x11\n" +
	"\rROLE_PROPOSER\x10\x01\x12\x11\n" +
	"\rROLE_ACCEPTOR\x10\x02\x12\x10\n" +
	"\fROLE_LEARNER\x10\x03\x12\x11\n" +
	"\rROLE_OPERATOR\x10\x04*R\n" +
	"\tValueKind\x12\x13\n" +
	"\x0fVALUE_KIND_NOOP\x10\x00\x12\x14\n" +
	"\x10VALUE_KIND_BATCH\x10\x01\x12\x1a\n" +
	"\x16VALUE_KIND_RECONFIGURE\x10\x02*S\n" +
	"\n" +
	"QuorumKind\x12\x18\n" +
	"\x14QUORUM_KIND_MAJORITY\x10\x00\x12\x15\n" +
	"\x11QUORUM_KIND_SIZES\x10\x01\x12\x14\n" +
	"\x10QUORUM_KIND_GRID\x10\x02B*Z(github.com/synod-paxos/synod/bus/paxospbb\x06proto3"

var (
	file_paxospb_paxos_proto_rawDescOnce sync.Once
	file_paxospb_paxos_proto_rawDescData []byte
)

func file_paxospb_paxos_proto_rawDescGZIP() []byte {
	file_paxospb_paxos_proto_rawDescOnce.Do(func() {
		file_paxospb_paxos_proto_rawDescData = protoimpl.X.CompressGZIP(unsafe.Slice(unsafe.StringData(file_paxospb_paxos_proto_rawDesc), len(file_paxospb_paxos_proto_rawDesc)))
	})
	return file_paxospb_paxos_proto_rawDescData
}

var file_paxospb_paxos_proto_enumTypes = make([]protoimpl.EnumInfo, 3)
var file_paxospb_paxos_proto_msgTypes = make([]protoimpl.MessageInfo, 40)
var file_paxospb_paxos_proto_goTypes = []any{
	(Role)(0),             // 0: synod.paxos.v1.Role
	(ValueKind)(0),        // 1: synod.paxos.v1.ValueKind
	(QuorumKind)(0),       // 2: synod.paxos.v1.QuorumKind
	(*Envelope)(nil),      // 3: synod.paxos.v1.Envelope
	(*Sender)(nil),        // 4: synod.paxos.v1.Sender
	(*Ballot)(nil),        // 5: synod.paxos.v1.Ballot
	(*Value)(nil),         // 6: synod.paxos.v1.Value
	(*Vote)(nil),          // 7: synod.paxos.v1.Vote
	(*Page)(nil),          // 8: synod.paxos.v1.Page
	(*Marks)(nil),         // 9: synod.paxos.v1.Marks
	(*Chosen)(nil),        // 10: synod.paxos.v1.Chosen
	(*Prepare)(nil),       // 11: synod.paxos.v1.Prepare
	(*Promise)(nil),       // 12: synod.paxos.v1.Promise
	(*Accept)(nil),        // 13: synod.paxos.v1.Accept
	(*Accepted)(nil),      // 14: synod.paxos.v1.Accepted
	(*Nack)(nil),          // 15: synod.paxos.v1.Nack
	(*Heartbeat)(nil),     // 16: synod.paxos.v1.Heartbeat
	(*LeaderQuery)(nil),   // 17: synod.paxos.v1.LeaderQuery
	(*LeaderReport)(nil),  // 18: synod.paxos.v1.LeaderReport
	(*HandOver)(nil),      // 19: synod.paxos.v1.HandOver
	(*Trim)(nil),          // 20: synod.paxos.v1.Trim
	(*Hello)(nil),         // 21: synod.paxos.v1.Hello
	(*Fetch)(nil),         // 22: synod.paxos.v1.Fetch
	(*Votes)(nil),         // 23: synod.paxos.v1.Votes
	(*Fill)(nil),          // 24: synod.paxos.v1.Fill
	(*Position)(nil),      // 25: synod.paxos.v1.Position
	(*Digest)(nil),        // 26: synod.paxos.v1.Digest
	(*SnapshotQuery)(nil), // 27: synod.paxos.v1.SnapshotQuery
	(*SnapshotChunk)(nil), // 28: synod.paxos.v1.SnapshotChunk
	(*ReadQuery)(nil),     // 29: synod.paxos.v1.ReadQuery
	(*ReadReport)(nil),    // 30: synod.paxos.v1.ReadReport
	(*GenesisQuery)(nil),  // 31: synod.paxos.v1.GenesisQuery
	(*StoreGenesis)(nil),  // 32: synod.paxos.v1.StoreGenesis
	(*Seal)(nil),          // 33: synod.paxos.v1.Seal
	(*Abandon)(nil),       // 34: synod.paxos.v1.Abandon
	(*GenesisReport)(nil), // 35: synod.paxos.v1.GenesisReport
	(*Change)(nil),        // 36: synod.paxos.v1.Change
	(*ChangeReport)(nil),  // 37: synod.paxos.v1.ChangeReport
	(*Transfer)(nil),      // 38: synod.paxos.v1.Transfer
	(*Genesis)(nil),       // 39: synod.paxos.v1.Genesis
	(*Configuration)(nil), // 40: synod.paxos.v1.Configuration
	(*Member)(nil),        // 41: synod.paxos.v1.Member
	(*Quorums)(nil),       // 42: synod.paxos.v1.Quorums
}
var file_paxospb_paxos_proto_depIdxs = []int32{
	4,  // 0: synod.paxos.v1.Envelope.from:type_name -> synod.paxos.v1.Sender
	11, // 1: synod.paxos.v1.Envelope.prepare:type_name -> synod.paxos.v1.Prepare
	13, // 2: synod.paxos.v1.Envelope.accept:type_name -> synod.paxos.v1.Accept
	16, // 3: synod.paxos.v1.Envelope.heartbeat:type_name -> synod.paxos.v1.Heartbeat
	17, // 4: synod.paxos.v1.Envelope.leader_query:type_name -> synod.paxos.v1.LeaderQuery
	19, // 5: synod.paxos.v1.Envelope.hand_over:type_name -> synod.paxos.v1.HandOver
	20, // 6: synod.paxos.v1.Envelope.trim:type_name -> synod.paxos.v1.Trim
	37, // 7: synod.paxos.v1.Envelope.change_report:type_name -> synod.paxos.v1.ChangeReport
	12, // 8: synod.paxos.v1.Envelope.promise:type_name -> synod.paxos.v1.Promise
	14, // 9: synod.paxos.v1.Envelope.accepted:type_name -> synod.paxos.v1.Accepted
	15, // 10: synod.paxos.v1.Envelope.nack:type_name -> synod.paxos.v1.Nack
	18, // 11: synod.paxos.v1.Envelope.leader_report:type_name -> synod.paxos.v1.LeaderReport
	23, // 12: synod.paxos.v1.Envelope.votes:type_name -> synod.paxos.v1.Votes
	30, // 13: synod.paxos.v1.Envelope.read_report:type_name -> synod.paxos.v1.ReadReport
	35, // 14: synod.paxos.v1.Envelope.genesis_report:type_name -> synod.paxos.v1.GenesisReport
	22, // 15: synod.paxos.v1.Envelope.fetch:type_name -> synod.paxos.v1.Fetch
	24, // 16: synod.paxos.v1.Envelope.fill:type_name -> synod.paxos.v1.Fill
	25, // 17: synod.paxos.v1.Envelope.position:type_name -> synod.paxos.v1.Position
	29, // 18: synod.paxos.v1.Envelope.read_query:type_name -> synod.paxos.v1.ReadQuery
	26, // 19: synod.paxos.v1.Envelope.digest:type_name -> synod.paxos.v1.Digest
	27, // 20: synod.paxos.v1.Envelope.snapshot_query:type_name -> synod.paxos.v1.SnapshotQuery
	28, // 21: synod.paxos.v1.Envelope.snapshot_chunk:type_name -> synod.paxos.v1.SnapshotChunk
	31, // 22: synod.paxos.v1.Envelope.genesis_query:type_name -> synod.paxos.v1.GenesisQuery
	32, // 23: synod.paxos.v1.Envelope.store_genesis:type_name -> synod.paxos.v1.StoreGenesis
	33, // 24: synod.paxos.v1.Envelope.seal:type_name -> synod.paxos.v1.Seal
	34, // 25: synod.paxos.v1.Envelope.abandon:type_name -> synod.paxos.v1.Abandon
	36, // 26: synod.paxos.v1.Envelope.change:type_name -> synod.paxos.v1.Change
	38, // 27: synod.paxos.v1.Envelope.transfer:type_name -> synod.paxos.v1.Transfer
	21, // 28: synod.paxos.v1.Envelope.hello:type_name -> synod.paxos.v1.Hello
	0,  // 29: synod.paxos.v1.Sender.role:type_name -> synod.paxos.v1.Role
	5,  // 30: synod.paxos.v1.Sender.promised:type_name -> synod.paxos.v1.Ballot
	1,  // 31: synod.paxos.v1.Value.kind:type_name -> synod.paxos.v1.ValueKind
	5,  // 32: synod.paxos.v1.Vote.ballot:type_name -> synod.paxos.v1.Ballot
	6,  // 33: synod.paxos.v1.Vote.value:type_name -> synod.paxos.v1.Value
	7,  // 34: synod.paxos.v1.Page.votes:type_name -> synod.paxos.v1.Vote
	5,  // 35: synod.paxos.v1.Prepare.ballot:type_name -> synod.paxos.v1.Ballot
	5,  // 36: synod.paxos.v1.Promise.ballot:type_name -> synod.paxos.v1.Ballot
	8,  // 37: synod.paxos.v1.Promise.page:type_name -> synod.paxos.v1.Page
	9,  // 38: synod.paxos.v1.Promise.marks:type_name -> synod.paxos.v1.Marks
	5,  // 39: synod.paxos.v1.Accept.ballot:type_name -> synod.paxos.v1.Ballot
	6,  // 40: synod.paxos.v1.Accept.value:type_name -> synod.paxos.v1.Value
	10, // 41: synod.paxos.v1.Accept.chosen:type_name -> synod.paxos.v1.Chosen
	5,  // 42: synod.paxos.v1.Accepted.ballot:type_name -> synod.paxos.v1.Ballot
	5,  // 43: synod.paxos.v1.Nack.ballot:type_name -> synod.paxos.v1.Ballot
	5,  // 44: synod.paxos.v1.Nack.promised:type_name -> synod.paxos.v1.Ballot
	5,  // 45: synod.paxos.v1.Heartbeat.ballot:type_name -> synod.paxos.v1.Ballot
	10, // 46: synod.paxos.v1.Heartbeat.chosen:type_name -> synod.paxos.v1.Chosen
	5,  // 47: synod.paxos.v1.HandOver.ballot:type_name -> synod.paxos.v1.Ballot
	10, // 48: synod.paxos.v1.HandOver.chosen:type_name -> synod.paxos.v1.Chosen
	5,  // 49: synod.paxos.v1.Trim.ballot:type_name -> synod.paxos.v1.Ballot
	39, // 50: synod.paxos.v1.Hello.genesis:type_name -> synod.paxos.v1.Genesis
	9,  // 51: synod.paxos.v1.Hello.marks:type_name -> synod.paxos.v1.Marks
	5,  // 52: synod.paxos.v1.Hello.leading:type_name -> synod.paxos.v1.Ballot
	40, // 53: synod.paxos.v1.Hello.known:type_name -> synod.paxos.v1.Configuration
	8,  // 54: synod.paxos.v1.Votes.page:type_name -> synod.paxos.v1.Page
	9,  // 55: synod.paxos.v1.Votes.marks:type_name -> synod.paxos.v1.Marks
	39, // 56: synod.paxos.v1.StoreGenesis.genesis:type_name -> synod.paxos.v1.Genesis
	39, // 57: synod.paxos.v1.GenesisReport.genesis:type_name -> synod.paxos.v1.Genesis
	40, // 58: synod.paxos.v1.Change.next:type_name -> synod.paxos.v1.Configuration
	40, // 59: synod.paxos.v1.ChangeReport.newest:type_name -> synod.paxos.v1.Configuration
	40, // 60: synod.paxos.v1.Genesis.first:type_name -> synod.paxos.v1.Configuration
	41, // 61: synod.paxos.v1.Configuration.acceptors:type_name -> synod.paxos.v1.Member
	42, // 62: synod.paxos.v1.Configuration.quorums:type_name -> synod.paxos.v1.Quorums
	2,  // 63: synod.paxos.v1.Quorums.kind:type_name -> synod.paxos.v1.QuorumKind
	64, // [64:64] is the sub-list for method output_type
	64, // [64:64] is the sub-list for method input_type
	64, // [64:64] is the sub-list for extension type_name
	64, // [64:64] is the sub-list for extension extendee
	0,  // [0:64] is the sub-list for field type_name
}

func init() { file_paxospb_paxos_proto_init() }
func file_paxospb_paxos_proto_init() {
	if File_paxospb_paxos_proto != nil {
		return
	}
	file_paxospb_paxos_proto_msgTypes[0].OneofWrappers = []any{
		(*Envelope_Prepare)(nil),
		(*Envelope_Accept)(nil),
		(*Envelope_Heartbeat)(nil),
		(*Envelope_LeaderQuery)(nil),
		(*Envelope_HandOver)(nil),
		(*Envelope_Trim)(nil),
		(*Envelope_ChangeReport)(nil),
		(*Envelope_Promise)(nil),
		(*Envelope_Accepted)(nil),
		(*Envelope_Nack)(nil),
		(*Envelope_LeaderReport)(nil),
		(*Envelope_Votes)(nil),
		(*Envelope_ReadReport)(nil),
		(*Envelope_GenesisReport)(nil),
		(*Envelope_Fetch)(nil),
		(*Envelope_Fill)(nil),
		(*Envelope_Position)(nil),
		(*Envelope_ReadQuery)(nil),
		(*Envelope_Digest)(nil),
		(*Envelope_SnapshotQuery)(nil),
		(*Envelope_SnapshotChunk)(nil),
		(*Envelope_GenesisQuery)(nil),
		(*Envelope_StoreGenesis)(nil),
		(*Envelope_Seal)(nil),
		(*Envelope_Abandon)(nil),
		(*Envelope_Change)(nil),
		(*Envelope_Transfer)(nil),
		(*Envelope_Hello)(nil),
	}
	type x struct{}
	out := protoimpl.TypeBuilder{
		File: protoimpl.DescBuilder{
			GoPackagePath: reflect.TypeOf(x{}).PkgPath(),
			RawDescriptor: unsafe.Slice(unsafe.StringData(file_paxospb_paxos_proto_rawDesc), len(file_paxospb_paxos_proto_rawDesc)),
			NumEnums:      3,
			NumMessages:   40,
			NumExtensions: 0,
			NumServices:   0,
		},
		GoTypes:           file_paxospb_paxos_proto_goTypes,
		DependencyIndexes: file_paxospb_paxos_proto_depIdxs,
		EnumInfos:         file_paxospb_paxos_proto_enumTypes,
		MessageInfos:      file_paxospb_paxos_proto_msgTypes,
	}.Build()
	File_paxospb_paxos_proto = out.File
	file_paxospb_paxos_proto_goTypes = nil
	file_paxospb_paxos_proto_depIdxs = nil
}
