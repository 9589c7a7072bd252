package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/streams"
)

// machine is the built-in state machine as a learner drives it. Apply and Install
// belong to one goroutine; everything else may be called by any.
type machine struct {
	dir     string
	options streams.Options

	// mu is held for reading by whoever uses streams but Apply, and for writing while
	// Install puts another one in its place.
	mu       sync.RWMutex
	streams  *streams.Machine  // closed, once broken is set
	broken   error             // why there is no state any more
	commands []streams.Message // reused from slot to slot
}

func openMachine(dir string, o streams.Options) (*machine, error) {
	s, err := streams.Open(dir, o)
	if err != nil {
		return nil, err
	}
	return &machine{dir: dir, options: o, streams: s}, nil
}

// setGeneration is what the tokens of leases and the numbers of sessions start from. It
// is called before the first Apply.
func (m *machine) setGeneration(n uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.options.Generation = n
	m.streams.SetGeneration(n)
}

// Close makes everything applied durable.
func (m *machine) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return nil // it is closed, and who uses it was told
	}
	return m.streams.Close()
}

// Apply applies the commands of a slot, and returns what to answer each.
func (m *machine) Apply(slot paxos.Slot, stamp paxos.LogTime, commands []paxos.Command) ([]actors.Result, error) {
	m.commands = m.commands[:0]
	for i := range commands {
		c := &commands[i]
		subject, skipped := strings.CutPrefix(c.Subject, skippedPrefix)
		m.commands = append(m.commands, streams.Message{Subject: subject, Header: c.Header, Data: c.Data, Skipped: skipped})
	}
	replies, err := m.streams.Apply(uint64(slot), int64(stamp), m.commands)
	clear(m.commands)
	if err != nil {
		return nil, err
	}
	results := make([]actors.Result, len(replies))
	for i, r := range replies {
		results[i] = actors.Result(r)
	}
	return results, nil
}

// Position is how far the state is.
func (m *machine) Position() paxos.Position {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return paxos.Position{
		Applied:    paxos.Slot(m.streams.Applied()),
		Durable:    paxos.Slot(m.streams.Durable()),
		NextExpiry: paxos.LogTime(m.streams.NextExpiry()),
	}
}

// Version is the version of the rules in force, and the highest that this build has.
func (m *machine) Version() (inForce, supports uint64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.streams.Version()
}

// Checkpoint copies the state into a new directory.
func (m *machine) Checkpoint(dir string) (from, to uint64, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.broken != nil {
		return 0, 0, m.broken
	}
	return m.streams.Checkpoint(dir)
}

// durable is the last slot that survives a loss of power, for people: 0 while a snapshot
// is put in place.
func (m *machine) durable() uint64 {
	if !m.mu.TryRLock() {
		return 0
	}
	defer m.mu.RUnlock()
	return m.streams.Durable()
}

// Sync makes durable what was applied before the call.
func (m *machine) Sync(paxos.Slot) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.broken != nil {
		return m.broken
	}
	_, err := m.streams.Sync()
	return err
}

// Digest sums up the state after the last Apply.
func (m *machine) Digest() (sum [16]byte) {
	d := m.streams.Digest().Sum
	binary.BigEndian.PutUint64(sum[:8], d.Hi)
	binary.BigEndian.PutUint64(sum[8:], d.Lo)
	return sum
}

// present is the digest for people: zero while a snapshot is put in place.
func (m *machine) present() streams.Digest {
	if !m.mu.TryRLock() {
		return streams.Digest{}
	}
	defer m.mu.RUnlock()
	return m.streams.Digest()
}

// Read calls read with a view of the state.
func (m *machine) Read(read func(*streams.View) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.broken != nil {
		return m.broken
	}
	view := m.streams.View()
	err := read(view)
	if closeErr := view.Close(); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("close the view: %w", closeErr))
	}
	return err
}

// reach returns once slot is applied, or ctx's error.
func (m *machine) reach(ctx context.Context, slot paxos.Slot) error {
	for m.Position().Applied < slot {
		m.mu.RLock()
		advanced, broken := m.streams.Advanced(uint64(slot)-1), m.broken
		m.mu.RUnlock()
		if broken != nil {
			return broken
		}
		select {
		case <-advanced: // also when a snapshot takes this state's place
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Snapshot writes the state as it is after some slot, and names that slot.
func (m *machine) Snapshot(w io.Writer) (paxos.Slot, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.broken != nil {
		return 0, m.broken
	}
	s, err := m.streams.Snapshot()
	if err != nil {
		return 0, err
	}
	_, err = s.WriteTo(w)
	return paxos.Slot(s.Digest().Slot), errors.Join(err, s.Close())
}

// Install replaces the state by what Snapshot wrote. One that is damaged changes
// nothing.
func (m *machine) Install(r io.Reader) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.streams.Close(); err != nil {
		m.broken = err
		return err
	}
	restored, err := streams.Restore(m.dir, r, m.options)
	if err == nil {
		m.streams = restored
		return nil
	}
	return m.reopen(err)
}

// reopen takes up the old state again after a snapshot could not be installed.
func (m *machine) reopen(why error) error {
	old, err := streams.Open(m.dir, m.options)
	if err != nil {
		m.broken = errors.Join(why, err)
		return m.broken
	}
	m.streams = old
	var errno syscall.Errno
	var version *streams.VersionError
	if errors.As(why, &errno) || errors.As(why, &version) {
		return why // the disk, or this build; not the snapshot
	}
	return fmt.Errorf("%w: %w", actors.ErrBadSnapshot, why)
}
