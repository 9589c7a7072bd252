package streams

import (
	"encoding/binary"
	"fmt"
)

// The versions of the rules by which commands change the state. The version in
// force is part of the state, so that all learners change from one to the next at
// the same command, however different their builds are. A state is made with the
// first; an upgrade in the log raises it, for ever. The log of a new cluster begins with one.
//
//	1  the first
//	2  a command that an operator had skipped is refused when it comes again
//	3  a message id whose duplicate window is over is new, also before expiry removes it
//	4  ids with neighbouring numbers share a pair
const (
	firstVersion = 1

	// MaxVersion is the highest version that this build can apply.
	MaxVersion = 4

	versionOfSkips    = 2
	versionOfExactIDs = 3
	versionOfIDGroups = 4
)

// A VersionError says that a state, or a command that would raise its version,
// needs a newer build.
type VersionError struct {
	Version  uint64 // needed
	Supports uint64 // highest that this build can apply
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("streams: the state machine's rules have version %d, and this build supports versions up to %d: install a newer one", e.Version, e.Supports)
}

// Version returns the version of the rules after the last slot, and the highest that
// this machine can apply.
func (m *Machine) Version() (inForce, supports uint64) { return m.version.Load(), m.supports }

// subjectUpgrade is the command that raises the version, to the unsigned varint that
// is its data.
const subjectUpgrade = "operator.upgrade"

// upgrade raises the version. A machine that cannot follow ends the slot unapplied:
// the log says what it cannot do.
func (w *work) upgrade(c *Message) Reply {
	to, n := binary.Uvarint(c.Data)
	if n <= 0 || n != len(c.Data) {
		return w.refusePublish(nil, errBadRequest)
	}
	m := w.m
	if to > m.supports {
		fail(&VersionError{to, m.supports})
	}
	if to > m.globals.version {
		old := m.globals
		m.globals.version = to
		w.writeGlobals(old)
	}
	return Reply{Data: fmt.Appendf(nil, `{"version":%d}`, m.globals.version)}
}

// maxSkips bounds the commands that are remembered as skipped.
const maxSkips = 1024

// codeSkipped is the err_code of a command that is refused because it was skipped.
const codeSkipped = 20008

var errSkipped = &APIError{500, codeSkipped, "the state machine failed on this command, and an operator had it skipped"}

// skip answers a command that is not to be applied, and remembers it: whoever sent it
// may send it again.
func (w *work) skip(c *Message) Reply {
	m := w.m
	if m.globals.version >= versionOfSkips && m.skips < maxSkips {
		key := w.skipKey(c)
		if !w.has(key) {
			w.insert(&w.sum, key, binary.AppendUvarint(nil, w.slot.slot))
			m.skips++
		}
	}
	return w.refusePublish(nil, errSkipped)
}

// wasSkipped reports whether c is the same as a command that was skipped, but for who
// waits for the answer.
func (w *work) wasSkipped(c *Message) bool {
	return w.m.skips > 0 && w.has(w.skipKey(c))
}

func (w *work) skipKey(c *Message) []byte {
	b := appendBytes(appendBytes(nil, []byte(c.Subject)), c.Header)
	return w.hash.pair(b, c.Data).append([]byte{tableSkip})
}

// loadSkips counts the commands that were skipped, and adds them to sum.
func (w *work) loadSkips(sum *Sum) {
	w.m.skips = 0
	it := w.between([]byte{tableSkip}, []byte{tableSkip + 1})
	for ok := it.First(); ok; ok = it.Next() {
		if !validSkip(it.Key(), it.Value()) {
			fail(damaged(it.Key(), "not a skipped command"))
		}
		sum.add(w.hash.pair(it.Key(), it.Value()))
		w.m.skips++
	}
	check(it)
}

func validSkip(key, value []byte) bool {
	slot, n := binary.Uvarint(value)
	return len(key) == 1+sumBytes && n == len(value) && slot > 0
}
