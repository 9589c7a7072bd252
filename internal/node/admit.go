package node

import (
	"encoding/json"
	"strings"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
	typed "github.com/synod-paxos/synod/streams/command"
)

// Bounds on what one message may make every learner do, and remember. The state machine
// has no such rules: it applies what is in the log. So the leader refuses what would
// hold up all others, before it is in the log.
const (
	mostReads       = 1024     // in a transaction: each may be of a value of a message's size
	mostSubjects    = 256      // of a stream: each is compared with all others
	mostConfigBytes = 32 << 10 // of a stream's configuration, which learners keep in memory
	mostHeaderBytes = 64<<10 - 1
)

// admit refuses a command that asks for too much.
func admit(c *paxos.Command) *bus.Error {
	if n := len(c.Header); n > mostHeaderBytes {
		return bus.NewError(bus.CodeTooLarge, "headers of %d bytes are above the limit of %d bytes", n, mostHeaderBytes)
	}
	switch {
	case strings.HasPrefix(c.Subject, "command."):
		return admitTyped(c.Data)
	case strings.HasPrefix(c.Subject, "api.STREAM.CREATE."), strings.HasPrefix(c.Subject, "api.STREAM.UPDATE."):
		return admitConfig(c.Data)
	}
	return nil
}

func admitTyped(data []byte) *bus.Error {
	switch w := typed.Weigh(data); {
	case w.Reads > mostReads:
		return bus.NewError(bus.CodeTooLarge, "a transaction with more than %d conditions and actions that read a value", mostReads)
	case w.Header > mostHeaderBytes:
		return bus.NewError(bus.CodeTooLarge, "headers of %d bytes are above the limit of %d bytes", w.Header, mostHeaderBytes)
	}
	return nil
}

func admitConfig(data []byte) *bus.Error {
	if n := len(data); n > mostConfigBytes {
		return bus.NewError(bus.CodeTooLarge, "a stream's configuration of %d bytes is above the limit of %d bytes", n, mostConfigBytes)
	}
	var config struct {
		Subjects []json.RawMessage `json:"subjects"`
	}
	if json.Unmarshal(data, &config) == nil && len(config.Subjects) > mostSubjects {
		return bus.NewError(bus.CodeTooLarge, "a stream with %d subjects is above the limit of %d: use wildcards", len(config.Subjects), mostSubjects)
	}
	return nil
}
