package command

import "encoding/binary"

// A Transaction does Then if every condition holds, and Else if one does not: all
// of the list, in order, or nothing. The outcome is TransactionDone. Its size is bounded
// by a message's; leaders also refuse one of which more than 1024 steps read a value.
//
// All subjects belong to the one stream. A transaction without conditions does
// Then.
type Transaction struct {
	If   []Condition
	Then []Action
	Else []Action
}

// A ConditionKind says what a condition compares.
type ConditionKind byte

// The kinds of conditions. They are part of the encoding.
const (
	RevisionIs ConditionKind = 1 // the last message of Subject has the sequence Number; 0: it has none
	Exists     ConditionKind = 2 // the last message of Subject is a value, no delete marker
	Absent     ConditionKind = 3 // Subject has no message, or its last one is a delete marker
	ValueIs    ConditionKind = 4 // the last message of Subject is a value, and equal to Value
	LeaseIs    ConditionKind = 5 // the lease Subject is held with the token Number
)

// Reads reports whether such a condition reads a value, which may be as large as a message.
func (k ConditionKind) Reads() bool { return k == Exists || k == Absent || k == ValueIs }

// A Condition is a fact about one subject or lease, before the transaction.
type Condition struct {
	Kind    ConditionKind
	Subject string
	Number  uint64
	Value   []byte
}

// An ActionKind says what an action does.
type ActionKind byte

// The kinds of actions. They are part of the encoding.
const (
	Put    ActionKind = 1 // store Data with Header
	Delete ActionKind = 2 // store a delete marker
	Purge  ActionKind = 3 // store a purge marker and remove what the subject had
	Get    ActionKind = 4 // read the last message, after the actions before
)

// Reads reports whether such an action reads a value for the client.
func (k ActionKind) Reads() bool { return k == Get }

// An Action is one step of a transaction.
type Action struct {
	Kind    ActionKind
	Subject string
	Header  []byte // of Put: NATS wire form; may have Nats-TTL, no ids and no expectations
	Data    []byte // of Put
}

func (o Transaction) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(o.If)))
	for _, c := range o.If {
		b = appendBytes(append(b, byte(c.Kind)), c.Subject)
		b = appendBytes(binary.AppendUvarint(b, c.Number), c.Value)
	}
	return appendActions(appendActions(b, o.Then), o.Else)
}

func appendActions(b []byte, actions []Action) []byte {
	b = binary.AppendUvarint(b, uint64(len(actions)))
	for _, a := range actions {
		b = appendBytes(append(b, byte(a.Kind)), a.Subject)
		b = appendBytes(appendBytes(b, a.Header), a.Data)
	}
	return b
}

func (d *decoder) transaction() Transaction {
	var o Transaction
	for n := d.count(); n > 0 && d.err == nil; n-- {
		c := Condition{Kind: ConditionKind(d.byte()), Subject: d.string(), Number: d.uvarint(), Value: d.bytes()}
		if c.Kind < RevisionIs || c.Kind > LeaseIs {
			d.fail("kind %d of condition", c.Kind)
		}
		o.If = append(o.If, c)
	}
	o.Then, o.Else = d.actions(), d.actions()
	return o
}

func (d *decoder) actions() []Action {
	var actions []Action
	for n := d.count(); n > 0 && d.err == nil; n-- {
		a := Action{Kind: ActionKind(d.byte()), Subject: d.string(), Header: d.bytes(), Data: d.bytes()}
		if a.Kind < Put || a.Kind > Get {
			d.fail("kind %d of action", a.Kind)
		}
		actions = append(actions, a)
	}
	return actions
}
