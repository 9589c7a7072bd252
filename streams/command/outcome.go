package command

import "encoding/binary"

// An Outcome is the answer to a command that was applied.
type Outcome struct {
	LogTime int64 // log time of the slot that applied the command
	Value   Value
}

// A Value is one of the outcomes of this package.
type Value interface {
	outcome() byte
	append(b []byte) []byte
}

// The kinds of outcomes. They are part of the encoding.
const (
	kindSessionOpened   = 1
	kindRenewed         = 2
	kindClosed          = 3
	kindTransactionDone = 4
	kindPublished       = 5
	kindLease           = 6
	kindLooked          = 7
	kindBundled         = 8
)

// SessionOpened is the outcome of OpenSession.
type SessionOpened struct {
	ID      uint64
	Expires int64 // log time
}

// Renewed is the outcome of KeepAlive.
type Renewed struct {
	Expires int64 // log time
}

// Closed is the outcome of CloseSession.
type Closed struct{}

// TransactionDone is the outcome of a Transaction.
type TransactionDone struct {
	Held    bool     // every condition held: Then was done
	Results []Result // of the list that was done, in its order
}

// A Result is that of one action.
type Result struct {
	Revision uint64 // sequence of the message stored, or found by Get; 0: Get found none
	Found    bool   // Get found a value: not nothing, no delete marker

	// Omitted tells that the outcome had no room for Header and Data, which are
	// to be read by Revision.
	Omitted bool

	Time   int64  // of Get: log time of the message
	Header []byte // of Get
	Data   []byte // of Get
}

// Published is the outcome of Publish.
type Published struct {
	Seq       uint64
	Duplicate bool // the message's id was known, and Seq is that of the first
}

// Lease is the outcome of Acquire, Renew, Release and Inspect: the lease as it is
// after the command.
type Lease struct {
	// Done: Acquire, Renew or Release did what it was asked, or Inspect found the
	// lease held.
	Done bool

	// Token is that of the holder, 0 when nobody holds the lease. Tokens rise for
	// ever, over all leases of a cluster.
	Token   uint64
	Expires int64 // log time; 0 when nobody holds the lease
	Owner   []byte
}

// A LookupState is what became of a message.
type LookupState byte

// The states. They are part of the encoding.
const (
	Unknown LookupState = 1 // nothing is known: its time in the duplicate window may be over
	Done    LookupState = 2 // it was stored
	NotDone LookupState = 3 // it was not stored and never will be: its id is refused now
)

// Looked is the outcome of Lookup.
type Looked struct {
	State LookupState
	Seq   uint64 // of Done
}

func (SessionOpened) outcome() byte   { return kindSessionOpened }
func (Renewed) outcome() byte         { return kindRenewed }
func (Closed) outcome() byte          { return kindClosed }
func (TransactionDone) outcome() byte { return kindTransactionDone }
func (Published) outcome() byte       { return kindPublished }
func (Lease) outcome() byte           { return kindLease }
func (Looked) outcome() byte          { return kindLooked }

func (v SessionOpened) append(b []byte) []byte {
	return binary.AppendVarint(binary.AppendUvarint(b, v.ID), v.Expires)
}

func (v Renewed) append(b []byte) []byte { return binary.AppendVarint(b, v.Expires) }
func (Closed) append(b []byte) []byte    { return b }

func (v TransactionDone) append(b []byte) []byte {
	b = binary.AppendUvarint(appendBool(b, v.Held), uint64(len(v.Results)))
	for _, r := range v.Results {
		b = appendBool(appendBool(binary.AppendUvarint(b, r.Revision), r.Found), r.Omitted)
		b = appendBytes(appendBytes(binary.AppendVarint(b, r.Time), r.Header), r.Data)
	}
	return b
}

func (v Published) append(b []byte) []byte {
	return appendBool(binary.AppendUvarint(b, v.Seq), v.Duplicate)
}

func (v Lease) append(b []byte) []byte {
	b = binary.AppendUvarint(appendBool(b, v.Done), v.Token)
	return appendBytes(binary.AppendVarint(b, v.Expires), v.Owner)
}

func (v Looked) append(b []byte) []byte {
	return binary.AppendUvarint(append(b, byte(v.State)), v.Seq)
}

// Encode returns the bytes of an outcome. Value must not be nil.
func (o Outcome) Encode() []byte {
	return o.Value.append(binary.AppendVarint([]byte{version, o.Value.outcome()}, o.LogTime))
}

// DecodeOutcome reads an outcome. The result shares the bytes of data.
func DecodeOutcome(data []byte) (Outcome, error) {
	d := &decoder{b: data}
	kind := d.head()
	o := Outcome{LogTime: d.varint()}
	switch kind {
	case kindSessionOpened:
		o.Value = SessionOpened{ID: d.uvarint(), Expires: d.varint()}
	case kindRenewed:
		o.Value = Renewed{Expires: d.varint()}
	case kindClosed:
		o.Value = Closed{}
	case kindTransactionDone:
		o.Value = d.transactionDone()
	case kindPublished:
		o.Value = Published{Seq: d.uvarint(), Duplicate: d.bool()}
	case kindLease:
		o.Value = Lease{Done: d.bool(), Token: d.uvarint(), Expires: d.varint(), Owner: d.bytes()}
	case kindLooked:
		v := Looked{State: LookupState(d.byte()), Seq: d.uvarint()}
		if v.State < Unknown || v.State > NotDone {
			d.fail("state %d of a lookup", v.State)
		}
		o.Value = v
	case kindBundled:
		o.Value = d.bundled()
	default:
		d.fail("kind %d of outcome", kind)
	}
	return o, d.done()
}

func (d *decoder) transactionDone() TransactionDone {
	v := TransactionDone{Held: d.bool()}
	for n := d.count(); n > 0 && d.err == nil; n-- {
		v.Results = append(v.Results, Result{
			Revision: d.uvarint(), Found: d.bool(), Omitted: d.bool(),
			Time: d.varint(), Header: d.bytes(), Data: d.bytes(),
		})
	}
	return v
}

// The err_code of an answer to a command that was not applied, where it is not one
// of JetStream's for a publish.
const (
	CodeMalformed       = 40001 // the command can not be read, or is not allowed as it is
	CodeSessionUnknown  = 40002 // the session never was, has ended, or is another stream's
	CodeAcknowledged    = 40003 // the number is below what the session awaits
	CodeTooManyAwaited  = 40004 // too many commands of the session have outcomes that are awaited
	CodeTooManySessions = 40005 // the stream has as many sessions as it may
	CodeTooManyLeases   = 40006 // the stream has as many leases as it may
	CodeTooLate         = 40007 // of a bundle's message: it may have been stored, and its id forgotten
	CodeIDRefused       = 10158 // the message's id was refused by a Lookup; also to a plain publish
)
