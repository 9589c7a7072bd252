package bus

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/paxos"
)

const headerLine = "NATS/1.0\r\n"

var noNewline = strings.NewReplacer("\r", " ", "\n", " ")

// EncodeHeader is h in NATS's wire form. The same h has the same bytes everywhere:
// keys are sorted, the values of one key keep their order. A line break in a value
// becomes a blank, as nats.go does it. nil stands for no headers.
func EncodeHeader(h nats.Header) []byte {
	if len(h) > 1 {
		return encodeSorted(h)
	}
	for k, values := range h { // as of most commands: an id
		size := len(headerLine) + len("\r\n")
		for _, v := range values {
			size += len(k) + len(": \r\n") + len(v)
		}
		return append(appendFields(append(make([]byte, 0, size), headerLine...), k, values), "\r\n"...)
	}
	return nil
}

func encodeSorted(h nats.Header) []byte {
	b := []byte(headerLine)
	for _, k := range slices.Sorted(maps.Keys(h)) {
		b = appendFields(b, k, h[k])
	}
	return append(b, "\r\n"...)
}

func appendFields(b []byte, name string, values []string) []byte {
	for _, v := range values {
		b = AppendField(b, name, noNewline.Replace(v))
	}
	return b
}

// AppendField appends one field of a header in NATS's wire form, which starts with
// "NATS/1.0" and ends with an empty line. The value has no line break.
func AppendField(b []byte, name, value string) []byte {
	return append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
}

// AppendPlace appends the fields that say which state an answer shows: the slot, and the
// generation of the cluster unless that is 0.
func AppendPlace(b []byte, slot paxos.Slot, generation uint64) []byte {
	b = strconv.AppendUint(append(b, SlotHeader+": "...), uint64(slot), 10)
	if b = append(b, "\r\n"...); generation == 0 {
		return b
	}
	b = strconv.AppendUint(append(b, GenerationHeader+": "...), generation, 10)
	return append(b, "\r\n"...)
}

// DecodeHeader reads what EncodeHeader wrote. No bytes are no headers.
func DecodeHeader(b []byte) (nats.Header, error) {
	if len(b) == 0 {
		return nil, nil
	}
	h, err := nats.DecodeHeadersMsg(b)
	if err != nil {
		return nil, fmt.Errorf("bus: headers of %d bytes: %w", len(b), err)
	}
	return h, nil
}
