package learner

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/paxos"
)

// machine keeps a StateMachine on disk: as one file, written anew now and then. What
// a crash loses is learned again from the acceptors, who keep it until then.
type machine struct {
	file string

	saving  sync.Mutex // around every use of file; before mu
	mu      sync.Mutex // around every use of user
	user    StateMachine
	applied paxos.Slot
	time    paxos.LogTime
	durable paxos.Slot
	written time.Time
}

// A snapshot is a header, of format, slot, log time, length and checksum of what the
// user's machine wrote, which follows. Integers are big endian.
const (
	format      = 1
	headerBytes = 1 + 4*8
)

// How much may be applied, or how much time pass, before the file is written anew.
const (
	syncSlots = 4096
	syncEvery = 5 * time.Second
)

var table = crc64.MakeTable(crc64.ECMA)

func open(dir string, user StateMachine) (*machine, error) {
	m := &machine{file: filepath.Join(dir, "snapshot"), user: user, written: time.Now()}
	data, err := os.ReadFile(m.file)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, fmt.Errorf("learner: %w", err)
	}
	if err := m.restore(data); err != nil {
		return nil, fmt.Errorf("learner: %s: %w", m.file, err)
	}
	m.durable = m.applied
	return m, nil
}

// Apply applies a slot.
func (m *machine) Apply(slot paxos.Slot, stamp paxos.LogTime, commands []paxos.Command) ([]actors.Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.time = max(m.time, stamp)
	in := make([]Command, len(commands))
	for i, c := range commands {
		in[i] = Command{Subject: c.Subject, Header: c.Header, Data: c.Data}
	}
	replies := m.user.Apply(LogTime{Slot: uint64(slot), Time: time.Unix(0, int64(m.time))}, in)
	if len(replies) != len(commands) {
		return nil, fmt.Errorf("learner: the state machine gave %d replies to %d commands", len(replies), len(commands))
	}
	m.applied = slot
	results := make([]actors.Result, len(replies))
	for i, r := range replies {
		results[i].Data = r
	}
	return results, nil
}

// Position is how far the machine is.
func (m *machine) Position() paxos.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return paxos.Position{Applied: m.applied, Durable: m.durable}
}

// Digest sums up the state.
func (m *machine) Digest() [16]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.user.Digest()
}

// Sync writes the file, if enough was applied since the last time, or wanted was.
func (m *machine) Sync(wanted paxos.Slot) error {
	return m.save(func() bool {
		waits := m.durable < wanted && wanted <= m.applied
		return waits || m.applied >= m.durable+syncSlots || m.applied > m.durable && time.Since(m.written) >= syncEvery
	})
}

// Close writes the file.
func (m *machine) Close() error { return m.save(func() bool { return m.applied > m.durable }) }

// save writes the file, if it is due. The machine goes on while the disk is at work.
func (m *machine) save(due func() bool) error {
	m.saving.Lock()
	defer m.saving.Unlock()
	m.mu.Lock()
	if !due() {
		m.mu.Unlock()
		return nil
	}
	data, err := m.snapshot()
	slot := m.applied
	m.mu.Unlock()
	if err == nil {
		err = replace(m.file, data)
	}
	if err != nil {
		return fmt.Errorf("learner: keep the state: %w", err)
	}
	m.kept(slot)
	return nil
}

// kept notes that the file holds the state after slot.
func (m *machine) kept(slot paxos.Slot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.durable, m.written = slot, time.Now()
}

// replace writes a file durably, all or nothing.
func replace(file string, data []byte) error {
	f, err := os.Create(file + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// fromPanic makes an error of a panic of the user's machine.
func fromPanic(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the state machine panicked: %v\n%s", r, debug.Stack())
	}
}

// snapshot is the state, with its header.
func (m *machine) snapshot() (_ []byte, err error) {
	defer fromPanic(&err)
	b := bytes.NewBuffer(make([]byte, headerBytes))
	if err := m.user.Snapshot(b); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	data := b.Bytes()
	body := data[headerBytes:]
	h := binary.BigEndian.AppendUint64([]byte{format}, uint64(m.applied))
	h = binary.BigEndian.AppendUint64(h, uint64(m.time))
	h = binary.BigEndian.AppendUint64(h, uint64(len(body)))
	copy(data, binary.BigEndian.AppendUint64(h, checksum(h, body)))
	return data, nil
}

func checksum(header, body []byte) uint64 {
	return crc64.Update(crc64.Checksum(header, table), table, body)
}

// restore replaces the state. An error that matches actors.ErrBadSnapshot has
// changed nothing.
func (m *machine) restore(data []byte) (err error) {
	defer fromPanic(&err)
	if len(data) < headerBytes || data[0] != format {
		return fmt.Errorf("%w: no snapshot of format %d", actors.ErrBadSnapshot, format)
	}
	header, body := data[:headerBytes-8], data[headerBytes:]
	if binary.BigEndian.Uint64(header[17:]) != uint64(len(body)) || binary.BigEndian.Uint64(data[headerBytes-8:]) != checksum(header, body) {
		return fmt.Errorf("%w: its checksum is wrong", actors.ErrBadSnapshot)
	}
	if err := m.user.Restore(bytes.NewReader(body)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	m.applied = paxos.Slot(binary.BigEndian.Uint64(header[1:]))
	m.time = paxos.LogTime(binary.BigEndian.Uint64(header[9:]))
	return nil
}

// Snapshot writes the state for another learner.
func (m *machine) Snapshot(w io.Writer) (paxos.Slot, error) {
	m.mu.Lock()
	data, err := m.snapshot()
	slot := m.applied
	m.mu.Unlock()
	if err == nil {
		_, err = w.Write(data)
	}
	return slot, err
}

// Install replaces the state by another learner's.
func (m *machine) Install(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.saving.Lock()
	defer m.saving.Unlock()
	m.mu.Lock()
	err = m.restore(data)
	slot := m.applied
	m.mu.Unlock()
	if err != nil {
		return err
	}
	if err := replace(m.file, data); err != nil {
		return fmt.Errorf("learner: keep the state: %w", err)
	}
	m.kept(slot)
	return nil
}
