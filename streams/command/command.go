// Package command is the encoding of the typed commands that a client publishes to
// "synod.<cluster>.command.<stream>", and of their outcomes; and of the requests with
// which a process reads many messages at once (Reads). It imports nothing
// but the standard library, so that clients need not import the state machine.
//
// # Encoding
//
// A command and an outcome begin with the version of the encoding (one byte, 1)
// and a kind (one byte). Fields follow in the order of the Go fields: numbers are
// unsigned varints, times and durations are signed varints in nanoseconds, a bool
// is one byte 0 or 1, strings and byte slices are their length and their bytes,
// lists are their length and their elements. Nothing may follow the last field.
//
// An answer that is not an outcome is JSON in JetStream's form, {"error":{...}},
// and so begins with '{': the command was not applied.
package command

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// version is the first byte of everything that is encoded.
const version = 1

// A Command is what a client asks of one stream.
type Command struct {
	Session Session
	Op      Op
}

// A Session makes a command exactly-once. Its zero value means that the command is
// in no session.
type Session struct {
	ID     uint64 // from SessionOpened
	Number uint64 // of this command in the session, from 1; a retry keeps it

	// Awaited is the lowest number whose outcome the client still wants, at most
	// Number. Outcomes below it are forgotten, and commands below it refused.
	Awaited uint64
}

// MaxAwaited bounds the outcomes that are kept for one session: a command whose number is
// this much above Awaited may be refused.
const MaxAwaited = 1024

// An Op is one of the operations of this package.
type Op interface {
	kind() byte
	append(b []byte) []byte
}

// The kinds of commands. They are part of the encoding.
const (
	kindOpenSession  = 1
	kindKeepAlive    = 2
	kindCloseSession = 3
	kindTransaction  = 4
	kindPublish      = 5
	kindAcquire      = 6
	kindRenew        = 7
	kindRelease      = 8
	kindInspect      = 9
	kindLookup       = 10
	kindBundle       = 11
)

// OpenSession opens a session; the outcome is SessionOpened. It is never in a
// session itself.
type OpenSession struct {
	// Nonce is chosen at random by the client. While the session lives, opening
	// with the same nonce opens no other one, so a lost answer can be asked for
	// again.
	Nonce [16]byte

	// TTL is how long the session lives, in log time, after the last of its
	// commands. It is at least MinTTL and at most MaxTTL.
	TTL time.Duration
}

// MinTTL and MaxTTL bound the lives of sessions and leases.
const (
	MinTTL = time.Second
	MaxTTL = 24 * time.Hour
)

// KeepAlive renews the life of a session, as every command does; the outcome is
// Renewed. Its Number is 0: it may be repeated and lost freely.
type KeepAlive struct{}

// CloseSession ends a session; the outcome is Closed. Its Number is 0, and nothing
// of the session is applied after it.
type CloseSession struct{}

// Publish stores a message in the stream, as a publish to its subject does. The
// outcome is Published.
type Publish struct {
	Subject string // one of the stream's, "propose" for LEDGER
	Header  []byte // NATS wire form; empty for none
	Data    []byte
}

// Acquire takes a lease that nobody holds; the outcome is Lease. Acquiring again
// with the same owner, while it holds the lease, changes nothing and answers with
// the same token.
type Acquire struct {
	Name  string
	Owner []byte        // chosen by the client, different for every attempt to hold
	TTL   time.Duration // of log time, MinTTL to MaxTTL
}

// Renew lets a lease that is held with Token live for another TTL. It never makes
// one: a lease that has ended stays so. The outcome is Lease.
type Renew struct {
	Name  string
	Token uint64
	TTL   time.Duration
}

// Release ends a lease that is held with Token; the outcome is Lease.
type Release struct {
	Name  string
	Token uint64
}

// Inspect reads a lease; the outcome is Lease.
type Inspect struct {
	Name string
}

// Lookup asks what became of the message with the Nats-Msg-Id ID; the outcome is
// Looked. It is never in a session.
type Lookup struct {
	ID string

	// Since is a log time that the client knew before it first sent the message,
	// for instance that of an earlier outcome.
	Since int64
}

func (OpenSession) kind() byte  { return kindOpenSession }
func (KeepAlive) kind() byte    { return kindKeepAlive }
func (CloseSession) kind() byte { return kindCloseSession }
func (Transaction) kind() byte  { return kindTransaction }
func (Publish) kind() byte      { return kindPublish }
func (Acquire) kind() byte      { return kindAcquire }
func (Renew) kind() byte        { return kindRenew }
func (Release) kind() byte      { return kindRelease }
func (Inspect) kind() byte      { return kindInspect }
func (Lookup) kind() byte       { return kindLookup }

func (o OpenSession) append(b []byte) []byte {
	return binary.AppendVarint(append(b, o.Nonce[:]...), int64(o.TTL))
}

func (KeepAlive) append(b []byte) []byte    { return b }
func (CloseSession) append(b []byte) []byte { return b }

func (o Publish) append(b []byte) []byte {
	return appendBytes(appendBytes(appendBytes(b, o.Subject), o.Header), o.Data)
}

func (o Acquire) append(b []byte) []byte {
	return binary.AppendVarint(appendBytes(appendBytes(b, o.Name), o.Owner), int64(o.TTL))
}

func (o Renew) append(b []byte) []byte {
	b = binary.AppendUvarint(appendBytes(b, o.Name), o.Token)
	return binary.AppendVarint(b, int64(o.TTL))
}

func (o Release) append(b []byte) []byte {
	return binary.AppendUvarint(appendBytes(b, o.Name), o.Token)
}

func (o Inspect) append(b []byte) []byte { return appendBytes(b, o.Name) }

func (o Lookup) append(b []byte) []byte {
	return binary.AppendVarint(appendBytes(b, o.ID), o.Since)
}

func appendBytes[T string | []byte](b []byte, v T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// Encode returns the bytes of a command. Op must not be nil.
func (c Command) Encode() []byte {
	b := []byte{version, c.Op.kind()}
	b = binary.AppendUvarint(b, c.Session.ID)
	b = binary.AppendUvarint(b, c.Session.Number)
	b = binary.AppendUvarint(b, c.Session.Awaited)
	return c.Op.append(b)
}

// ErrMalformed is matched by every error of Decode and DecodeOutcome.
var ErrMalformed = errors.New("malformed")

// Decode reads a command. The result shares the bytes of data.
func Decode(data []byte) (Command, error) {
	d := &decoder{b: data}
	kind := d.head()
	c := Command{Session: Session{ID: d.uvarint(), Number: d.uvarint(), Awaited: d.uvarint()}}
	switch kind {
	case kindOpenSession:
		o := OpenSession{}
		copy(o.Nonce[:], d.take(uint64(len(o.Nonce))))
		o.TTL = d.duration()
		c.Op = o
	case kindKeepAlive:
		c.Op = KeepAlive{}
	case kindCloseSession:
		c.Op = CloseSession{}
	case kindTransaction:
		c.Op = d.transaction()
	case kindPublish:
		c.Op = Publish{Subject: d.string(), Header: d.bytes(), Data: d.bytes()}
	case kindAcquire:
		c.Op = Acquire{Name: d.string(), Owner: d.bytes(), TTL: d.duration()}
	case kindRenew:
		c.Op = Renew{Name: d.string(), Token: d.uvarint(), TTL: d.duration()}
	case kindRelease:
		c.Op = Release{Name: d.string(), Token: d.uvarint()}
	case kindInspect:
		c.Op = Inspect{Name: d.string()}
	case kindLookup:
		c.Op = Lookup{ID: d.string(), Since: d.varint()}
	case kindBundle:
		c.Op = d.bundle()
	default:
		d.fail("kind %d of command", kind)
	}
	return c, d.done()
}

// A decoder takes fields off the front of b. After the first malformed field it
// yields zeros.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("command: %w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	d.b = nil
}

// done returns what was wrong, also with what is left.
func (d *decoder) done() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d bytes too many", len(d.b))
	}
	return d.err
}

// head reads the version and returns the kind.
func (d *decoder) head() byte {
	if v := d.byte(); v != version {
		d.fail("version %d of the encoding, want %d", v, version)
	}
	return d.byte()
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail("it ends early")
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if v := d.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (d *decoder) bool() bool {
	v := d.byte()
	if v > 1 {
		d.fail("bool %d", v)
	}
	return v == 1
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) duration() time.Duration { return time.Duration(d.varint()) }
func (d *decoder) string() string          { return string(d.bytes()) }

// bytes returns nil for a slice of length 0.
func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n == 0 {
		return nil
	}
	return d.take(n)
}

// count reads the length of a list, each element of which takes a byte or more.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail("list of %d elements", n)
		return 0
	}
	return int(n)
}
