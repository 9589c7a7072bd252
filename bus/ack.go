package bus

import (
	stdbytes "bytes"
	"encoding/json"
	"fmt"
)

// ParseAck reads an answer. An Ack with an Error is not an error of ParseAck, whose
// errors mean that something else than Synod answered.
func ParseAck(data []byte) (Ack, error) {
	if a, ok := parsePlainAck(data); ok {
		return a, nil
	}
	var a Ack
	if err := json.Unmarshal(data, &a); err != nil {
		return Ack{}, fmt.Errorf("bus: answer of %d bytes: %w", len(data), err)
	}
	if a.Error == nil && a.Stream == "" {
		return Ack{}, fmt.Errorf("bus: answer of %d bytes names no stream and no error", len(data))
	}
	return a, nil
}

// parsePlainAck reads the one form in which learners write that a command was done,
// {"stream":"NAME","seq":123}, with ,"duplicate":true or without. Whatever else is
// JSON too is left to the JSON decoder, which takes ten times as long.
func parsePlainAck(data []byte) (a Ack, ok bool) {
	rest, ok := stdbytes.CutPrefix(data, []byte(`{"stream":"`))
	if !ok {
		return a, false
	}
	end := stdbytes.IndexByte(rest, '"')
	if end < 1 || !plain(rest[:end]) {
		return a, false
	}
	name := rest[:end]
	if rest, ok = stdbytes.CutPrefix(rest[end:], []byte(`","seq":`)); !ok {
		return a, false
	}
	n := 0
	for n < len(rest) && n < plainDigits && rest[n] >= '0' && rest[n] <= '9' {
		a.Seq = a.Seq*10 + uint64(rest[n]-'0')
		n++
	}
	if n == 0 || n > 1 && rest[0] == '0' {
		return Ack{}, false
	}
	switch string(rest[n:]) {
	case "}":
	case `,"duplicate":true}`:
		a.Duplicate = true
	default:
		return Ack{}, false
	}
	a.Stream = streamName(name)
	return a, true
}

// plainDigits is how many digits fit a uint64, whatever they are.
const plainDigits = 19

// streamName is name without a new string for the stream that most answers name.
func streamName(name []byte) string {
	if string(name) == ledger {
		return ledger
	}
	return string(name)
}

// ledger is the stream that proposals are appended to.
const ledger = "LEDGER"

// plain reports whether text means itself between the quotes of JSON.
func plain(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c >= 0x7f || c == '\\' || c == '"' {
			return false
		}
	}
	return true
}
