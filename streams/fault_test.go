package streams

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/synod-paxos/synod/storage/storagetest"
)

// TestEveryCallFailsOnce has each call on the disk fail with EIO, one in each life. A change
// that fails stops the machine, for good, and it says so; what was said to be durable is
// there afterwards, as part of a state after a whole slot.
func TestEveryCallFailsOnce(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	const slots = 24
	want := lived(t, slots)
	calls, stopped := 0, 0
	for n := 1; ; n++ {
		l := &life{t: t, disk: storagetest.NewDisk()}
		hit := l.disk.FailAt(n, syscall.EIO)
		err := l.live(slots)
		if hit().N == 0 {
			break
		}
		calls++
		what := fmt.Sprintf("%s fails", hit())
		if err == nil {
			err = l.failure()
		}
		switch {
		case errors.Is(err, syscall.EIO):
			stopped++
		case err != nil || hit().Changes():
			t.Errorf("%s: stopped by %v, want %v", what, err, syscall.EIO)
		}
		l.disk.Before(nil)
		l.check(what, 0, 0, want)
	}
	t.Logf("%d calls failed, %d of them stopped the machine", calls, stopped)
	if stopped < calls/2 || calls < 50 {
		t.Errorf("%d of %d failures were noticed: too few to test anything", stopped, calls)
	}
}

// TestAFailureIsForGood: after a change failed, nothing is applied, called durable or
// copied, and each says why.
func TestAFailureIsForGood(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	l := &life{t: t, disk: storagetest.NewDisk()}
	m, err := Open("state", l.options())
	if err == nil {
		err = l.apply(m, 7)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.disk.Before(func(o storagetest.Op) error {
		if o.Kind == storagetest.Sync {
			return syscall.EIO
		}
		return nil
	})
	durable := m.Durable()
	_, syncErr := m.Sync()
	l.disk.Before(nil)
	_, applyErr := m.Apply(m.Applied()+1, 0, nil)
	_, again := m.Sync()
	_, _, copyErr := m.Checkpoint("copy")
	for what, err := range map[string]error{
		"Sync": syncErr, "Apply": applyErr, "a second Sync": again, "Checkpoint": copyErr, "Close": m.Close(), "Failed": l.failure(),
	} {
		if !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "state/state-000001") {
			t.Errorf("%s: %v, want EIO and the directory", what, err)
		}
	}
	if m.Durable() != durable {
		t.Errorf("slot %d is durable after a failed sync, want %d", m.Durable(), durable)
	}
}

// TestEveryCallFailsOnceDuringRestore has each call fail while a snapshot takes the place of
// a state: afterwards it is one of the two.
func TestEveryCallFailsOnceDuringRestore(t *testing.T) {
	if !storagetest.Alone(t) {
		return
	}
	const slots = 12
	old, snapshot := storagetest.NewDisk(), new(bytes.Buffer)
	for i, disk := range []*storagetest.Disk{old, storagetest.NewDisk()} {
		m, err := Open("state", often(disk))
		if err != nil {
			t.Fatal(err)
		}
		if err := (&life{t: t, disk: disk}).apply(m, slots*(i+1)); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			writeSnapshot(t, m, snapshot)
		}
		closeMachine(t, m)
	}
	failed := 0
	for n := 1; ; n++ {
		l := &life{t: t, disk: old.Crash(0, 0)}
		hit := l.disk.FailAt(n, syscall.EIO)
		m, err := Restore("state", bytes.NewReader(snapshot.Bytes()), l.options())
		l.disk.Before(nil)
		if hit().N == 0 {
			closeMachine(t, m)
			break
		}
		if err == nil {
			err = errors.Join(l.failure(), m.Close())
		}
		if err != nil {
			failed++
		} else if hit().Changes() && (hit().Kind != storagetest.Remove || !strings.Contains(hit().Path, "marker.")) {
			t.Errorf("%s fails: nobody noticed", hit()) // an obsolete marker is removed by the next opening
		}
		again, err := Open("state", often(l.disk.Crash(0, 0)))
		if err != nil {
			t.Errorf("%s fails: afterwards: %v", hit(), err)
			continue
		}
		if d := scrubbedDigest(t, again); d.Slot != slots && d.Slot != 2*slots {
			t.Errorf("%s fails: afterwards slot %d is applied", hit(), d.Slot)
		}
		closeMachine(t, again)
	}
	if failed < 20 {
		t.Errorf("only %d failures were noticed", failed)
	}
}

func writeSnapshot(t *testing.T, m *Machine, to *bytes.Buffer) {
	t.Helper()
	s, err := m.Snapshot()
	if err == nil {
		_, err = s.WriteTo(to)
		err = errors.Join(err, s.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// told is the first failure that a machine told of.
type told struct{ first atomic.Pointer[error] }

func (f *told) tell(err error) { f.first.CompareAndSwap(nil, &err) }

func (f *told) failure() error {
	if p := f.first.Load(); p != nil {
		return *p
	}
	return nil
}
