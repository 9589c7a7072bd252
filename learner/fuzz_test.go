package learner

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/paxos"
)

// keeps is a state machine that keeps its last command.
type keeps struct{ state []byte }

func (k *keeps) Apply(_ LogTime, commands []Command) [][]byte {
	replies := make([][]byte, len(commands))
	for _, c := range commands {
		k.state = bytes.Clone(c.Data)
	}
	return replies
}

func (k *keeps) Snapshot(w io.Writer) error {
	_, err := w.Write(k.state)
	return err
}

func (k *keeps) Restore(r io.Reader) (err error) {
	k.state, err = io.ReadAll(r)
	return err
}

func (k *keeps) Digest() [16]byte { return [16]byte{} }

// FuzzRestore: a snapshot, of the disk or of a fellow, is taken as it was written, or
// changes nothing.
func FuzzRestore(f *testing.F) {
	m := &machine{user: &keeps{state: []byte("state")}, applied: 1 << 40, time: -1}
	whole, err := m.snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	for end := range whole {
		f.Add(whole[:end])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &machine{user: &keeps{state: []byte("old")}, applied: 3}
		if err := m.restore(data); err != nil {
			if !errors.Is(err, actors.ErrBadSnapshot) || m.applied != paxos.Slot(3) || string(m.user.(*keeps).state) != "old" {
				t.Errorf("refused with %v, and changed the state to %+v", err, m)
			}
			return
		}
		again, err := m.snapshot()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x is written as %x, %v", data, again, err)
		}
	})
}
