package bus

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/synod-paxos/synod/paxos"
)

// Accept and Accepted, ReadQuery and ReadReport are nearly all that a busy cluster says.
// They are written and read here, by hand, to the byte as protobuf does it; the other
// messages, and the other ways to write these, are protobuf's.

// The numbers of the fields that are read and written here, as in paxos.proto.
const (
	envelopeVersion, envelopeCluster, envelopeGeneration, envelopeConfig, envelopeFrom, envelopeTo = 1, 2, 3, 4, 5, 6
	envelopeAccept, envelopeAccepted, envelopeReadQuery, envelopeReadReport                        = 8, 11, 14, 21

	senderRole, senderID, senderDisk, senderBoot, senderProcess, senderPromised = 1, 2, 3, 4, 5, 6
	ballotRound, ballotProposer, ballotIncarnation                              = 1, 2, 3
	acceptBallot, acceptSlot, acceptValue, acceptChosen                         = 1, 2, 3, 4
	valueKind, valueStamp, valueAnswerer, valueBody                             = 1, 2, 3, 4
	chosenFrom, chosenBelow                                                     = 1, 2
	acceptedBallot, acceptedSlots                                               = 1, 2
	readNonce, readMaxVoted                                                     = 1, 2
)

// plainReader takes fields off the front of a message that has each at most once and in
// the order of their numbers. Anything else is bad.
type plainReader struct {
	b   []byte
	bad bool
}

// next reports whether the field with this number and type comes now.
func (r *plainReader) next(number protowire.Number, t protowire.Type) bool {
	if r.bad || len(r.b) == 0 {
		return false
	}
	n, have, used := protowire.ConsumeTag(r.b)
	if used < 0 {
		r.bad = true
		return false
	}
	if n != number {
		return false
	}
	r.b, r.bad = r.b[used:], have != t
	return !r.bad
}

func (r *plainReader) varint(number protowire.Number) (v uint64) {
	if r.next(number, protowire.VarintType) {
		v = r.consumeVarint()
	}
	return v
}

func (r *plainReader) consumeVarint() uint64 {
	v, used := protowire.ConsumeVarint(r.b)
	if used < 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[used:]
	return v
}

func (r *plainReader) fixed64(number protowire.Number) (v uint64) {
	if !r.next(number, protowire.Fixed64Type) {
		return 0
	}
	v, used := protowire.ConsumeFixed64(r.b)
	if used < 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[used:]
	return v
}

// bytes is nil for a field that is not there. It shares memory with the message.
func (r *plainReader) bytes(number protowire.Number) (v []byte) {
	if !r.next(number, protowire.BytesType) {
		return nil
	}
	v, used := protowire.ConsumeBytes(r.b)
	if used < 0 {
		r.bad = true
		return nil
	}
	r.b = r.b[used:]
	return v
}

// id reads a node's id, which is often one that was read before.
func (r *plainReader) id(number protowire.Number, known paxos.NodeID) paxos.NodeID {
	b := r.bytes(number)
	if string(b) == string(known) {
		return known
	}
	return paxos.NodeID(b)
}

func (r *plainReader) uuid(number protowire.Number) (u paxos.UUID) {
	b := r.bytes(number)
	r.bad = r.bad || len(b) != 0 && len(b) != len(u)
	copy(u[:], b)
	return u
}

// within takes a message in this one, and reports whether it is there. done must follow.
func (r *plainReader) within(number protowire.Number) (m plainReader, there bool) {
	b := r.bytes(number)
	return plainReader{b: b}, b != nil
}

// done says that m, a message in this one, was read to its end.
func (r *plainReader) done(m plainReader) { r.bad = r.bad || m.bad || len(m.b) > 0 }

func (r *plainReader) ballot(number protowire.Number, known paxos.NodeID) (b paxos.Ballot) {
	if m, there := r.within(number); there {
		b = paxos.Ballot{Round: m.varint(ballotRound), Proposer: m.id(ballotProposer, known), Incarnation: m.fixed64(ballotIncarnation)}
		r.done(m)
	}
	return b
}

// A plainHead is what a sender said last before the message itself, sound as check has it:
// mostly it says the same again.
type plainHead struct {
	bytes    []byte
	envelope paxos.Envelope // without its message
	answerer paxos.NodeID   // of the last value
}

// startsLike reports whether data begins with the same head, and goes on with a message.
func (h *plainHead) startsLike(data []byte) bool {
	n := len(h.bytes)
	if n == 0 || len(data) <= n || string(data[:n]) != string(h.bytes) {
		return false
	}
	number, _, _ := protowire.ConsumeTag(data[n:])
	switch number {
	case envelopeAccept, envelopeAccepted, envelopeReadQuery, envelopeReadReport:
		return true
	default:
		return false
	}
}

// readPlain reads one of those messages. ok is false for what is none, for what is
// written in another way, and for what is malformed: protobuf then tells. The body of a
// value shares memory with data. h is the head of an earlier message, and then of this one.
func readPlain(data []byte, h *plainHead) (e paxos.Envelope, ok bool) {
	r := plainReader{b: data}
	known := h.startsLike(data)
	if known {
		e, r.b = h.envelope, data[len(h.bytes):]
	} else if !r.readHead(&e) {
		return paxos.Envelope{}, false
	}
	head := data[:len(data)-len(r.b)]
	if m, there := r.within(envelopeAccept); there {
		a := readAccept(&m, e.From.ID, h.answerer)
		h.answerer = a.Value.Answerer
		e.Msg = a
		r.done(m)
	} else if m, there := r.within(envelopeAccepted); there {
		e.Msg = readAccepted(&m, e.To)
		r.done(m)
	} else if m, there := r.within(envelopeReadQuery); there {
		e.Msg = paxos.ReadQuery{Nonce: m.fixed64(readNonce)}
		r.done(m)
	} else if m, there := r.within(envelopeReadReport); there {
		e.Msg = paxos.ReadReport{Nonce: m.fixed64(readNonce), MaxVoted: paxos.Slot(m.varint(readMaxVoted))}
		r.done(m)
	}
	if r.bad || len(r.b) > 0 || e.Msg == nil {
		return paxos.Envelope{}, false
	}
	if known {
		return e, checkMessage(e.Msg) == nil
	}
	if check(e) != nil {
		return paxos.Envelope{}, false
	}
	h.bytes, h.envelope = append(h.bytes[:0], head...), e
	h.envelope.Msg = nil
	return e, true
}

// readHead reads what comes before the message.
func (r *plainReader) readHead(e *paxos.Envelope) bool {
	if r.varint(envelopeVersion) != WireVersion {
		return false
	}
	e.Cluster.UUID = r.uuid(envelopeCluster)
	e.Cluster.Generation = r.varint(envelopeGeneration)
	e.Config = r.varint(envelopeConfig)
	if m, there := r.within(envelopeFrom); there {
		e.From = readSender(&m)
		r.done(m)
	}
	e.To = r.id(envelopeTo, e.From.Promised.Proposer)
	return !r.bad
}

func readSender(m *plainReader) paxos.Sender {
	role := m.varint(senderRole)
	m.bad = m.bad || role > uint64(paxos.OperatorRole)
	return paxos.Sender{
		Role: paxos.Role(role), ID: m.id(senderID, ""), Disk: m.uuid(senderDisk), Boot: m.varint(senderBoot),
		Process: m.fixed64(senderProcess), Promised: m.ballot(senderPromised, ""),
	}
}

func readAccept(m *plainReader, sender, answerer paxos.NodeID) paxos.Accept {
	a := paxos.Accept{Ballot: m.ballot(acceptBallot, sender), Slot: paxos.Slot(m.varint(acceptSlot))}
	v, there := m.within(acceptValue)
	kind := v.varint(valueKind)
	m.bad = m.bad || !there || kind > uint64(paxos.Reconfigure)
	a.Value = paxos.Value{
		Kind: paxos.ValueKind(kind), Stamp: paxos.LogTime(v.fixed64(valueStamp)), Answerer: v.id(valueAnswerer, answerer), Body: bytes(v.bytes(valueBody)),
	}
	m.done(v)
	if c, there := m.within(acceptChosen); there {
		a.Chosen = paxos.Chosen{From: paxos.Slot(c.varint(chosenFrom)), Below: paxos.Slot(c.varint(chosenBelow))}
		m.done(c)
	}
	return a
}

func readAccepted(m *plainReader, to paxos.NodeID) paxos.Accepted {
	a := paxos.Accepted{Ballot: m.ballot(acceptedBallot, to)}
	packed := plainReader{b: m.bytes(acceptedSlots)}
	n := 0
	for _, b := range packed.b {
		if b < 0x80 { // the last of a number
			n++
		}
	}
	if n > 0 {
		a.Slots = make([]paxos.Slot, 0, n)
	}
	for len(packed.b) > 0 && !packed.bad {
		a.Slots = append(a.Slots, paxos.Slot(packed.consumeVarint()))
	}
	m.bad = m.bad || packed.bad
	return a
}

// appendPlain appends e, which check has seen, if it is one of those messages.
func appendPlain(b []byte, e *paxos.Envelope) (out []byte, ok bool) {
	var number protowire.Number
	var size int
	switch m := e.Msg.(type) {
	case paxos.Accept:
		number, size = envelopeAccept, sizeAccept(&m)
	case paxos.Accepted:
		number, size = envelopeAccepted, sizeAccepted(&m)
	case paxos.ReadQuery:
		number, size = envelopeReadQuery, sizeFixed64(m.Nonce)
	case paxos.ReadReport:
		number, size = envelopeReadReport, sizeFixed64(m.Nonce)+sizeVarint(uint64(m.MaxVoted))
	default:
		return b, false
	}
	b = slices.Grow(b, size+headRoom)
	b = appendVarint(b, envelopeVersion, WireVersion)
	b = appendUUID(b, envelopeCluster, &e.Cluster.UUID)
	b = appendVarint(b, envelopeGeneration, e.Cluster.Generation)
	b = appendVarint(b, envelopeConfig, e.Config)
	b = appendSender(b, &e.From)
	b = appendText(b, envelopeTo, e.To)
	b = appendHead(b, number, size)
	switch m := e.Msg.(type) {
	case paxos.Accept:
		b = appendAccept(b, &m)
	case paxos.Accepted:
		b = appendAccepted(b, &m)
	case paxos.ReadQuery:
		b = appendFixed64(b, readNonce, m.Nonce)
	case paxos.ReadReport:
		b = appendVarint(appendFixed64(b, readNonce, m.Nonce), readMaxVoted, uint64(m.MaxVoted))
	}
	return b, true
}

// headRoom is more than an envelope takes beside its message.
const headRoom = 512

func appendHead(b []byte, number protowire.Number, size int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.BytesType), uint64(size))
}

func appendVarint(b []byte, number protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), v)
}

func appendFixed64(b []byte, number protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendFixed64(protowire.AppendTag(b, number, protowire.Fixed64Type), v)
}

func appendText[T ~string | ~[]byte](b []byte, number protowire.Number, v T) []byte {
	if len(v) == 0 {
		return b
	}
	return append(appendHead(b, number, len(v)), v...)
}

func appendUUID(b []byte, number protowire.Number, u *paxos.UUID) []byte {
	if u.IsZero() {
		return b
	}
	return appendText(b, number, u[:])
}

func appendBallot(b []byte, number protowire.Number, x paxos.Ballot) []byte {
	if x.IsZero() {
		return b
	}
	b = appendHead(b, number, sizeBallot(x))
	b = appendVarint(b, ballotRound, x.Round)
	b = appendText(b, ballotProposer, x.Proposer)
	return appendFixed64(b, ballotIncarnation, x.Incarnation)
}

func appendSender(b []byte, s *paxos.Sender) []byte {
	size := sizeVarint(uint64(s.Role)) + sizeText(len(s.ID)) + sizeVarint(s.Boot) + sizeFixed64(s.Process)
	if !s.Disk.IsZero() {
		size += sizeText(len(s.Disk))
	}
	if !s.Promised.IsZero() {
		size += sizeText(sizeBallot(s.Promised))
	}
	b = appendHead(b, envelopeFrom, size)
	b = appendVarint(b, senderRole, uint64(s.Role))
	b = appendText(b, senderID, s.ID)
	b = appendUUID(b, senderDisk, &s.Disk)
	b = appendVarint(b, senderBoot, s.Boot)
	b = appendFixed64(b, senderProcess, s.Process)
	return appendBallot(b, senderPromised, s.Promised)
}

func appendAccept(b []byte, m *paxos.Accept) []byte {
	b = appendBallot(b, acceptBallot, m.Ballot)
	b = appendVarint(b, acceptSlot, uint64(m.Slot))
	b = appendHead(b, acceptValue, sizeValue(&m.Value))
	b = appendVarint(b, valueKind, uint64(m.Value.Kind))
	b = appendFixed64(b, valueStamp, uint64(m.Value.Stamp))
	b = appendText(b, valueAnswerer, m.Value.Answerer)
	b = appendText(b, valueBody, m.Value.Body)
	if m.Chosen == (paxos.Chosen{}) {
		return b
	}
	b = appendHead(b, acceptChosen, sizeChosen(m.Chosen))
	b = appendVarint(b, chosenFrom, uint64(m.Chosen.From))
	return appendVarint(b, chosenBelow, uint64(m.Chosen.Below))
}

func appendAccepted(b []byte, m *paxos.Accepted) []byte {
	b = appendBallot(b, acceptedBallot, m.Ballot)
	if len(m.Slots) == 0 {
		return b
	}
	b = appendHead(b, acceptedSlots, sizeSlots(m.Slots))
	for _, s := range m.Slots {
		b = protowire.AppendVarint(b, uint64(s))
	}
	return b
}

// The sizes of fields, tag included; all field numbers of messages in messages are below
// 16, so a tag is one byte.
func sizeText(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + protowire.SizeBytes(n)
}

func sizeVarint(v uint64) int {
	if v == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(v)
}

func sizeFixed64(v uint64) int {
	if v == 0 {
		return 0
	}
	return 1 + protowire.SizeFixed64()
}

// The sizes of messages.
func sizeBallot(b paxos.Ballot) int {
	return sizeVarint(b.Round) + sizeText(len(b.Proposer)) + sizeFixed64(b.Incarnation)
}

func sizeValue(v *paxos.Value) int {
	return sizeVarint(uint64(v.Kind)) + sizeFixed64(uint64(v.Stamp)) + sizeText(len(v.Answerer)) + sizeText(len(v.Body))
}

func sizeChosen(c paxos.Chosen) int { return sizeVarint(uint64(c.From)) + sizeVarint(uint64(c.Below)) }

func sizeAccept(m *paxos.Accept) int {
	size := sizeText(sizeBallot(m.Ballot)) + sizeVarint(uint64(m.Slot)) + 1 + protowire.SizeBytes(sizeValue(&m.Value))
	if m.Chosen != (paxos.Chosen{}) {
		size += sizeText(sizeChosen(m.Chosen))
	}
	return size
}

func sizeAccepted(m *paxos.Accepted) int {
	return sizeText(sizeBallot(m.Ballot)) + sizeText(sizeSlots(m.Slots))
}

func sizeSlots(slots []paxos.Slot) (n int) {
	for _, s := range slots {
		n += protowire.SizeVarint(uint64(s))
	}
	return n
}
