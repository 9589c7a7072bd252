package command

import "encoding/binary"

// Reads asks for messages of one stream: what a client that has many to ask for puts
// into one request to "api.DIRECT.GET.<stream>". It is no command: learners answer it,
// with ReadResults, and each with the state after one slot.
type Reads struct {
	Items []Read // 1 to MaxReads
}

// MaxReads bounds the messages that one request asks for.
const MaxReads = 1024

// A Read asks for one message.
type Read struct {
	Subject string // whose last message it is, without wildcards; empty: Seq says which
	Seq     uint64 // of the message, if Subject is empty
}

// ReadResults is the answer to Reads: the results of the first of its Items, at least one.
// For those that are left the answer had no room, and they are to be asked for again.
type ReadResults []ReadResult

// A ReadState is what became of a Read.
type ReadState byte

// The states. They are part of the encoding.
const (
	ReadFound    ReadState = 1
	ReadNotFound ReadState = 2 // there is no such message
	ReadRefused  ReadState = 3
)

// A ReadResult is that of one Read.
type ReadResult struct {
	State ReadState

	// Of ReadFound.
	Seq     uint64
	Time    int64  // log time of the message
	Subject string // empty: the one that was asked for
	Header  []byte // NATS wire form; empty for none
	Data    []byte

	// Of ReadRefused.
	Code uint64 // in the manner of HTTP
	Why  string
}

// The kinds of what is read. They are part of the encoding, and no kinds of commands.
const (
	kindReads       = 128
	kindReadResults = 129
)

// IsReads reports whether data begins like Reads, as no JSON does.
func IsReads(data []byte) bool { return len(data) > 1 && data[0] == version && data[1] == kindReads }

// Encode returns the bytes of r.
func (r Reads) Encode() []byte {
	size := ReadsBytes
	for i := range r.Items {
		size += ReadBytes(len(r.Items[i].Subject))
	}
	b := binary.AppendUvarint(append(make([]byte, 0, size), version, kindReads), uint64(len(r.Items)))
	for i := range r.Items {
		b = binary.AppendUvarint(appendBytes(b, r.Items[i].Subject), r.Items[i].Seq)
	}
	return b
}

// ReadBytes is the most that a Read with a subject of this length adds to Reads, and
// ReadsBytes the most that Reads have besides.
func ReadBytes(subject int) int { return subject + 2*binary.MaxVarintLen64 }

// ReadsBytes is the size of Reads without items, at most.
const ReadsBytes = 2 + binary.MaxVarintLen64

// CountReads is how many items the beginning of data promises, at most MaxReads.
func CountReads(data []byte) int {
	d := &decoder{b: data}
	d.head()
	return int(min(d.uvarint(), MaxReads))
}

// DecodeReads reads Reads. Its subjects share one string.
func DecodeReads(data []byte) (Reads, error) {
	d := &decoder{b: data}
	if kind := d.head(); kind != kindReads {
		d.fail("kind %d of reads", kind)
	}
	n := d.count()
	if n == 0 || n > MaxReads {
		d.fail("reads of %d messages, want 1 to %d", n, MaxReads)
		return Reads{}, d.done()
	}
	r, text := Reads{Items: make([]Read, 0, n)}, string(d.b)
	for all := len(d.b); n > 0 && d.err == nil; n-- {
		subject := len(d.bytes())
		end := all - len(d.b)
		r.Items = append(r.Items, Read{Subject: text[end-subject : end], Seq: d.uvarint()})
	}
	if err := d.done(); err != nil {
		return Reads{}, err
	}
	return r, nil
}

// AppendReadHead begins ReadResults, whose results are appended one after the other.
func AppendReadHead(b []byte) []byte { return append(b, version, kindReadResults) }

// Append appends r.
func (r *ReadResult) Append(b []byte) []byte {
	b = append(b, byte(r.State))
	switch r.State {
	case ReadFound:
		b = binary.AppendVarint(binary.AppendUvarint(b, r.Seq), r.Time)
		b = appendBytes(appendBytes(appendBytes(b, r.Subject), r.Header), r.Data)
	case ReadRefused:
		b = appendBytes(binary.AppendUvarint(b, r.Code), r.Why)
	}
	return b
}

// DecodeReadResults reads ReadResults, which share the bytes of data.
func DecodeReadResults(data []byte) (ReadResults, error) {
	d := &decoder{b: data}
	if kind := d.head(); kind != kindReadResults {
		d.fail("kind %d of results", kind)
	}
	var results ReadResults
	for len(d.b) > 0 && d.err == nil {
		if len(results) == MaxReads {
			d.fail("more than %d results", MaxReads)
			break
		}
		r := ReadResult{State: ReadState(d.byte())}
		switch r.State {
		case ReadFound:
			r.Seq, r.Time, r.Subject, r.Header, r.Data = d.uvarint(), d.varint(), d.string(), d.bytes(), d.bytes()
		case ReadNotFound:
		case ReadRefused:
			r.Code, r.Why = d.uvarint(), d.string()
		default:
			d.fail("state %d of a read", r.State)
		}
		results = append(results, r)
	}
	if len(results) == 0 {
		d.fail("no results")
	}
	if err := d.done(); err != nil {
		return nil, err
	}
	return results, nil
}
