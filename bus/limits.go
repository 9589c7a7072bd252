package bus

import (
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/synod-paxos/synod/paxos"
)

// MinPayload is the least max_payload of a NATS server that Synod works with, in
// bytes: a genesis of paxos.MaxAcceptors and all configurations that govern slots not
// trimmed must fit one message. Connect refuses less.
const MinPayload = 64 << 10

// The overheads count every field at its largest: the longest ids, the highest
// numbers, the message that nests deepest. So the limits depend on nothing but
// max_payload, and every proposer refuses the same commands.
var messageOverhead, voteOverhead = overheads()

// overheads is, in bytes, all of a Promise but its votes, and all of one vote on
// its page but the value's body. Accept and Votes have less.
func overheads() (message, vote int) {
	page := paxos.Page{From: math.MaxUint64, To: math.MaxUint64, Next: math.MaxUint64}
	message = promiseSize(page)
	page.Votes = []paxos.Vote{{
		Slot: math.MaxUint64 - 1, Ballot: worstBallot(),
		Value: paxos.Value{Kind: paxos.Reconfigure, Stamp: -1, Answerer: worstID, Body: []byte{0}},
	}}
	vote = promiseSize(page) - message
	return message + lengths(3), vote + lengths(3)
}

// lengths is by how much n nested length prefixes may grow: from 1 byte to 5.
func lengths(n int) int { return n * 4 }

const worstID paxos.NodeID = "---------------------------------------------------------------"

func worstBallot() paxos.Ballot {
	return paxos.Ballot{Round: math.MaxUint64, Proposer: worstID, Incarnation: math.MaxUint64}
}

// promiseSize is the size in bytes of the largest Promise with this page.
func promiseSize(page paxos.Page) int {
	uuid := paxos.UUID{0: 1}
	return proto.Size(encodeEnvelope(&paxos.Envelope{
		Cluster: paxos.ClusterID{UUID: uuid, Generation: math.MaxUint64},
		Config:  math.MaxUint64,
		From: paxos.Sender{
			Role: paxos.AcceptorRole, ID: worstID, Disk: uuid,
			Boot: math.MaxUint64, Process: math.MaxUint64, Promised: worstBallot(),
		},
		To: worstID,
		Msg: paxos.Promise{
			Ballot: worstBallot(), Page: page,
			Marks: paxos.Marks{
				ChosenBelow: math.MaxUint64, TrimBelow: math.MaxUint64, MaxVoted: math.MaxUint64, MaxStamp: -1, Clock: -1,
			},
		},
	}))
}

// MaxValueBytes is the longest Body of a Value such that every message that may
// carry the Value fits maxPayload bytes: its Accept, and a Promise or Votes with
// one vote for it. It is 0 when nothing fits.
func MaxValueBytes(maxPayload int) int {
	return max(0, maxPayload-messageOverhead-voteOverhead)
}

// MaxCommandBytes is the largest paxos.Command.Size that can be proposed: alone in
// a batch. It is 0 when nothing fits.
func MaxCommandBytes(maxPayload int) int {
	return max(0, MaxValueBytes(maxPayload)-len(paxos.EncodeBatch()))
}

// MaxPageBytes is the room to fill a page of votes with, as paxos.Page.Add counts
// it, such that the message fits maxPayload bytes. Add counts a little less for a
// vote than the longest ids take on the wire, so this is lower in proportion. A
// page with one vote may take more room, and fits: see MaxValueBytes.
func MaxPageBytes(maxPayload int) int {
	counted := math.MaxInt
	empty := paxos.Page{}
	empty.Add(paxos.Vote{}, &counted)
	counted = math.MaxInt - counted
	return max(0, (maxPayload-messageOverhead)*counted/max(counted, voteOverhead))
}

// MaxChunkBytes is the longest Data of a SnapshotChunk that fits maxPayload bytes.
func MaxChunkBytes(maxPayload int) int { return max(0, maxPayload-messageOverhead) }
