package paxos

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// orderPrefix begins the subject of every command that is an order. Only operators
// may publish there.
const orderPrefix = "operator."

// The subjects of the orders, relative to the cluster's.
const (
	UpgradeSubject = orderPrefix + "upgrade"
	SkipSubject    = orderPrefix + "skip"
)

// Order is an operator's command to the learners: Upgrade or Skip. It is decided in
// the log, so every learner carries it out at the same slot.
type Order interface{ order() }

// Upgrade makes the state machine apply the rules of Version from here on.
type Upgrade struct {
	Version uint64
}

// Skip makes an error of what a slot asked for and no learner can apply. Learners
// that stopped there read ahead to find it.
type Skip struct {
	Slot    Slot
	Command int // its number in the slot, from 1; 0: every command of the slot
}

func (Upgrade) order() {}
func (Skip) order()    {}

// Of reports whether s skips the command with this number in a slot.
func (s Skip) Of(slot Slot, command int) bool {
	return s.Slot == slot && (s.Command == 0 || s.Command == command)
}

// IsOrder reports whether c gives an order, if perhaps one that cannot be read.
func IsOrder(c Command) bool { return strings.HasPrefix(c.Subject, orderPrefix) }

// OrderCommand is the command that gives o, answered at reply. Its data is the
// numbers of o, each as encoding/binary writes an unsigned varint.
func OrderCommand(o Order, reply string) Command {
	c := Command{Reply: reply}
	switch o := o.(type) {
	case Upgrade:
		c.Subject, c.Data = UpgradeSubject, binary.AppendUvarint(nil, o.Version)
	case Skip:
		c.Subject, c.Data = SkipSubject, binary.AppendUvarint(binary.AppendUvarint(nil, uint64(o.Slot)), uint64(o.Command))
	}
	return c
}

// ParseOrder is the order that c gives; nil when c is a client's command. An order
// that cannot be read is an error.
func ParseOrder(c Command) (Order, error) {
	if !IsOrder(c) {
		return nil, nil
	}
	switch c.Subject {
	case UpgradeSubject:
		if n, ok := parseNumbers(c.Data, 1); ok && n[0] > 0 {
			return Upgrade{Version: n[0]}, nil
		}
	case SkipSubject:
		if n, ok := parseNumbers(c.Data, 2); ok && n[0] > 0 && n[1] <= maxCommand {
			return Skip{Slot: Slot(n[0]), Command: int(n[1])}, nil
		}
	}
	return nil, fmt.Errorf("paxos: %d bytes to %s are no order of this build", len(c.Data), c.Subject)
}

// maxCommand is far above the number of any command in a slot.
const maxCommand = 1 << 31

// parseNumbers reads exactly so many numbers, each in its shortest form.
func parseNumbers(data []byte, count int) (numbers []uint64, ok bool) {
	for range count {
		n, size := binary.Uvarint(data)
		if size <= 0 || size > 1 && data[size-1] == 0 {
			return nil, false
		}
		numbers, data = append(numbers, n), data[size:]
	}
	return numbers, len(data) == 0
}
