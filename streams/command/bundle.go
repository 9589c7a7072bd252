package command

import "encoding/binary"

// A Bundle publishes messages to the subjects of one stream, in order, each with a
// reply of its own: what a client that has many to send puts into one. The outcome
// is Bundled. A bundle that has a subject of another stream is refused as a whole,
// and nothing of it is published. It is never in a session.
type Bundle struct {
	Messages []Message // 1 to MaxMessages
}

// MaxMessages bounds the messages of a bundle.
const MaxMessages = 4096

// A Message is one message of a bundle. Its own Nats-Msg-Id, expectations and other
// headers mean what they mean in a message published alone.
type Message struct {
	Subject string // one of the stream's, "propose" for LEDGER
	Header  []byte // NATS wire form; empty for none
	Data    []byte

	// Since makes the message safe to repeat at any time: it is a log time that the
	// client knew before it first sent the message, and the message is refused with
	// CodeTooLate where its id may have been seen and forgotten since. 0: it is not.
	Since int64
}

// Bundled is the outcome of a Bundle.
type Bundled struct {
	Replies [][]byte // by message: JetStream's JSON, success or {"error":{...}}
}

func (Bundle) kind() byte     { return kindBundle }
func (Bundled) outcome() byte { return kindBundled }

func (o Bundle) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(o.Messages)))
	for i := range o.Messages {
		m := &o.Messages[i]
		b = appendBytes(appendBytes(appendBytes(b, m.Subject), m.Header), m.Data)
		b = binary.AppendVarint(b, m.Since)
	}
	return b
}

// MessageBytes is the most that a message with these lengths adds to a bundle, and
// BundleBytes the most that the bundle has besides its messages.
func MessageBytes(subject, header, data int) int {
	return subject + header + data + 4*binary.MaxVarintLen64
}

// BundleBytes is the size of a bundle without messages, at most.
const BundleBytes = 2 + 4*binary.MaxVarintLen64

func (d *decoder) bundle() Bundle {
	n := d.count()
	if n == 0 || n > MaxMessages {
		d.fail("bundle of %d messages, want 1 to %d", n, MaxMessages)
		return Bundle{}
	}
	o := Bundle{Messages: make([]Message, 0, n)}
	for ; n > 0 && d.err == nil; n-- {
		o.Messages = append(o.Messages, Message{Subject: d.string(), Header: d.bytes(), Data: d.bytes(), Since: d.varint()})
	}
	return o
}

func (v Bundled) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(v.Replies)))
	for _, r := range v.Replies {
		b = appendBytes(b, r)
	}
	return b
}

func (d *decoder) bundled() Bundled {
	var v Bundled
	for n := d.count(); n > 0 && d.err == nil; n-- {
		v.Replies = append(v.Replies, d.bytes())
	}
	return v
}
