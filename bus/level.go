package bus

import (
	"errors"
	"strconv"
	"strings"

	"github.com/synod-paxos/synod/paxos"
)

// ReadHeader is the request header with which a client asks a learner for a level
// of reading: "linearizable", as without it, "stale", or "at-least=" and a slot.
// Every answer says in SlotHeader which slot's state it shows.
const ReadHeader = "Synod-Read"

// A ReadLevel is how fresh the answer to a read must be. The zero ReadLevel is
// linearizable.
type ReadLevel struct {
	Stale   bool       // any state that was once current
	AtLeast paxos.Slot // a state that holds this slot; 0: does not apply
}

// ErrReadLevel is matched by the error of ParseReadLevel.
var ErrReadLevel = errors.New(`bus: ` + ReadHeader + `: want "linearizable", "stale", or "at-least=" and a slot`)

// ParseReadLevel reads the value of ReadHeader; empty is linearizable. What it
// does not know is an error: to read less fresh than was asked for must not happen
// by a slip.
func ParseReadLevel(value string) (ReadLevel, error) {
	switch {
	case value == "", value == "linearizable":
		return ReadLevel{}, nil
	case value == "stale":
		return ReadLevel{Stale: true}, nil
	}
	slot, ok := strings.CutPrefix(value, "at-least=")
	n, err := strconv.ParseUint(slot, 10, 64)
	if !ok || err != nil || n == 0 {
		return ReadLevel{}, ErrReadLevel
	}
	return ReadLevel{AtLeast: paxos.Slot(n)}, nil
}

// String is the value of ReadHeader; empty for linearizable.
func (l ReadLevel) String() string {
	switch {
	case l.Stale:
		return "stale"
	case l.AtLeast > 0:
		return "at-least=" + strconv.FormatUint(uint64(l.AtLeast), 10)
	default:
		return ""
	}
}
