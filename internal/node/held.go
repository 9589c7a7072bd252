package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/paxos"
)

const (
	// haltFile is in the data directory of a learner whose state machine panicked on a
	// slot. While it is there, a learner of the same build does not try that slot again.
	haltFile = "HALT"
	// skipsFile has what operators ordered to be skipped.
	skipsFile = "skips.json"
)

// halt says where a state machine panicked.
type halt struct {
	Slot   paxos.Slot `json:"slot"`
	Reason string     `json:"reason"`
	Build  string     `json:"build"`
}

// held is the state machine of a learner that is not to try a slot again. It applies
// nothing, and looks for the order to skip that slot in what comes after. When it has
// found it, or taken the state of a fellow that applied the slot, the learner ends: the
// next start goes on.
type held struct {
	Machine
	halt    halt
	dir     string
	scanned atomic.Uint64
}

// hold is the learner's machine, held back if it was halted.
func (l *Learner) hold(o *overseer) (Machine, error) {
	path := filepath.Join(l.dir.Path(), haltFile)
	h := halt{}
	if err := readJSON(path, &h); err != nil || h.Slot == 0 {
		return o, err
	}
	switch at := o.Position().Applied; {
	case h.Build != Version() || at >= h.Slot || o.skipsAny(h.Slot):
		l.log.Info("going on where the state machine had failed", "slot", uint64(h.Slot), "build", h.Build, "reason", h.Reason)
		return o, removeDurably(path)
	case at+1 < h.Slot:
		o.halt = h // a crash lost what came before that slot; it is applied again first
		return o, nil
	}
	l.log.Error("held: the state machine fails on a slot, and an order to skip it is awaited", "slot", uint64(h.Slot), "reason", h.Reason)
	l.halt = h
	m := &held{Machine: o, halt: h, dir: l.dir.Path()}
	m.scanned.Store(uint64(o.Position().Applied))
	return m, nil
}

func (o *overseer) skipsAny(slot paxos.Slot) bool {
	for _, s := range o.skips {
		if s.Slot == slot {
			return true
		}
	}
	return false
}

// errStartAgain ends a learner that is held no longer.
var errStartAgain = errors.New("start this learner again")

// Apply looks for the order.
func (h *held) Apply(slot paxos.Slot, _ paxos.LogTime, commands []paxos.Command) ([]actors.Result, error) {
	for i := range commands {
		s, ok := skipOf(&commands[i])
		if !ok || s.Slot != h.halt.Slot || slot <= s.Slot {
			continue
		}
		var skips []paxos.Skip
		path := filepath.Join(h.dir, skipsFile)
		err := readJSON(path, &skips)
		if err == nil {
			err = writeJSON(path, append(skips, s))
		}
		if err == nil {
			err = removeDurably(filepath.Join(h.dir, haltFile))
		}
		return nil, errors.Join(fmt.Errorf("slot %d orders that slot %d is skipped: %w", slot, s.Slot, errStartAgain), err)
	}
	h.scanned.Store(uint64(slot))
	return make([]actors.Result, len(commands)), nil
}

// Position is how far it has looked.
func (h *held) Position() paxos.Position {
	return paxos.Position{Applied: paxos.Slot(h.scanned.Load())}
}

// Sync has nothing to do.
func (h *held) Sync(paxos.Slot) error { return nil }

// Install takes the state of a fellow that applied the slot.
func (h *held) Install(r io.Reader) error {
	if err := h.Machine.Install(r); err != nil {
		return err
	}
	at := h.Machine.Position().Applied
	if at < h.halt.Slot {
		return fmt.Errorf("a fellow's state after slot %d is installed, and slot %d is next: %w", at, at+1, errStartAgain)
	}
	return errors.Join(fmt.Errorf("a fellow's state after slot %d is installed: %w", at, errStartAgain), removeDurably(filepath.Join(h.dir, haltFile)))
}

// readJSON reads a file that writeJSON wrote; one that does not exist leaves v as it is.
func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeDurably(path, string(data)+"\n")
}

// removeDurably removes a file, if there is one.
func removeDurably(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}
