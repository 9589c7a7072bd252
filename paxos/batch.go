package paxos

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Command is one NATS message that every learner's state machine gets in the
// same order. Its meaning belongs to the state machine.
type Command struct {
	Subject string // below "synod.<cluster>.": "propose", "api.$KV.bucket.key"
	Reply   string // the inbox that waits for the outcome; empty when none does
	Header  []byte // NATS wire form, "NATS/1.0\r\nKey: value\r\n\r\n"; empty for none
	Data    []byte
}

// The encoding of a batch is one format byte and then the commands. A command is
// its four fields in the order of the struct, each a uvarint length and bytes.
// Commands can be appended one by one, so a leader never copies what waits.
const batchFormat = 1

// ErrBatch is matched by every error that means a batch's bytes are not what
// AppendCommand wrote.
var ErrBatch = errors.New("paxos: malformed batch")

// maxLengths is the most that the four lengths of a command take.
const maxLengths = 4 * binary.MaxVarintLen32

// Size is at least how many bytes AppendCommand adds for c, and at most a few more.
func (c Command) Size() int {
	return maxLengths + len(c.Subject) + len(c.Reply) + len(c.Header) + len(c.Data)
}

// AppendCommand adds c to the body of a Batch value; an empty body starts one.
func AppendCommand(body []byte, c Command) []byte {
	if len(body) == 0 {
		body = append(body, batchFormat)
	}
	body = appendField(body, c.Subject)
	body = appendField(body, c.Reply)
	body = appendField(body, c.Header)
	return appendField(body, c.Data)
}

func appendField[T string | []byte](b []byte, field T) []byte {
	b = binary.AppendUvarint(b, uint64(len(field)))
	return append(b, field...)
}

// EncodeBatch is the body of a Batch value with these commands.
func EncodeBatch(commands ...Command) []byte {
	body := []byte{batchFormat}
	for _, c := range commands {
		body = AppendCommand(body, c)
	}
	return body
}

// maxExpected is for how many commands DecodeBatch makes room at most before they are
// there, when the first one is as small as the body is large.
const maxExpected = 4096

// DecodeBatch returns the commands of a Batch value's body, in order. Header and
// Data share memory with body. An empty body holds no commands. Its errors match
// ErrBatch.
func DecodeBatch(body []byte) ([]Command, error) {
	if len(body) == 0 {
		return nil, nil
	}
	if body[0] != batchFormat {
		return nil, fmt.Errorf("%w: format %d, this build reads %d", ErrBatch, body[0], batchFormat)
	}
	var commands []Command
	subject := "" // of the command before: most are the same
	for rest := body[1:]; len(rest) > 0; {
		before := len(rest)
		var fields [4][]byte
		for i := range fields {
			n, used := binary.Uvarint(rest)
			if used <= 0 || n > uint64(len(rest)-used) {
				return nil, fmt.Errorf("%w: command %d breaks off", ErrBatch, len(commands))
			}
			fields[i], rest = rest[used:used+int(n)], rest[used+int(n):]
		}
		if commands == nil { // most are of about one size
			commands = make([]Command, 0, min(before/(before-len(rest))+1, maxExpected))
		}
		if subject != string(fields[0]) {
			subject = string(fields[0])
		}
		commands = append(commands, Command{
			Subject: subject, Reply: string(fields[1]), Header: fields[2], Data: fields[3],
		})
	}
	return commands, nil
}
