package ladder

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/synod-paxos/synod/paxos"
)

// Filter says which messages to show. The zero Filter shows all.
type Filter struct {
	Kinds []string       // nil: all
	Nodes []paxos.NodeID // sender or receiver is one of them; nil: all
	Slots Slots
	Busy  bool // not what goes on while nothing happens
}

// quiet are the kinds of messages that go on while nothing happens.
var quiet = []string{"heartbeat", "hello", "applied", "digest", "trim", "read", "read_report"}

// Slots are the slots from First up to and including Last. The zero Slots are all,
// and let messages pass that speak of none.
type Slots struct{ First, Last paxos.Slot }

// ParseSlots reads "17", "17-20", "17-" and "-20".
func ParseSlots(text string) (Slots, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	s := Slots{First: 1, Last: ^paxos.Slot(0)}
	var err1, err2 error
	if first != "" {
		s.First, err1 = slot(first)
	}
	if last != "" {
		s.Last, err2 = slot(last)
	}
	if err1 != nil || err2 != nil || s.First > s.Last || (first == "" && last == "") {
		return Slots{}, fmt.Errorf("slots %q: want a slot such as 17, or a range such as 17-20 or 17-", text)
	}
	return s, nil
}

func slot(text string) (paxos.Slot, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err == nil && n == 0 {
		err = strconv.ErrRange
	}
	return paxos.Slot(n), err
}

// isQuiet reports whether v goes on while nothing happens.
func (v *Event) isQuiet() bool { return v.sign || slices.Contains(quiet, v.Kind) }

func (f *Filter) shows(v *Event) bool {
	if f.Busy && v.isQuiet() {
		return false
	}
	if f.Kinds != nil && !slices.Contains(f.Kinds, v.Kind) {
		return false
	}
	if f.Nodes != nil && !slices.ContainsFunc(f.Nodes, func(id paxos.NodeID) bool { return id == v.From || slices.Contains(v.To, id) }) {
		return false
	}
	return f.Slots.show(v)
}

func (s Slots) show(v *Event) bool {
	if s == (Slots{}) {
		return true
	}
	if v.FromSlot != 0 {
		return v.FromSlot <= s.Last && (v.ToSlot == 0 || v.ToSlot > s.First)
	}
	return slices.ContainsFunc(v.Slots, func(slot paxos.Slot) bool { return s.First <= slot && slot <= s.Last })
}
