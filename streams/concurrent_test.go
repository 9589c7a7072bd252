package streams

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/streams/command"
)

// TestReadersSeeWholeSlots moves an amount between two keys while readers add them
// up, make the state durable and wait for the next slot.
func TestReadersSeeWholeSlots(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	const slots = 400
	put := func(a, b int) Message {
		return Message{Subject: "command.S", Data: command.Command{Op: command.Transaction{Then: []command.Action{
			{Kind: command.Put, Subject: "s.a", Data: fmt.Append(nil, a)},
			{Kind: command.Put, Subject: "s.b", Data: fmt.Append(nil, b)},
		}}}.Encode()}
	}
	if _, err := m.Apply(1, 0, []Message{{Subject: "api.STREAM.CREATE.S", Data: []byte(`{"name":"S","subjects":["s.*"],"max_msgs_per_subject":1}`)}, put(0, slots)}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			for slot := uint64(0); slot < slots; {
				next, err := sumOf(m)
				if err == nil && i == 0 {
					_, err = m.Sync()
				}
				if err != nil {
					t.Error(err)
					return
				}
				<-m.Advanced(max(next, slot) - 1)
				slot = max(next, slot)
			}
		})
	}
	for slot := uint64(2); slot <= slots; slot++ {
		if _, err := m.Apply(slot, 0, []Message{put(int(slot), slots-int(slot))}); err != nil {
			t.Error(err)
			break
		}
	}
	wg.Wait()
}

// sumOf reads both keys in one view, and returns its slot.
func sumOf(m *Machine) (slot uint64, err error) {
	v := m.View()
	defer v.Close()
	d, err := v.Digest()
	if err != nil {
		return 0, err
	}
	sum := 0
	for _, subject := range []string{"s.a", "s.b"} {
		got, err := v.Last("S", subject)
		if err != nil {
			return 0, err
		}
		n := 0
		if _, err := fmt.Sscan(string(got.Data), &n); err != nil {
			return 0, err
		}
		sum += n
	}
	if sum != 400 {
		return 0, fmt.Errorf("slot %d: the keys sum up to %d, want 400", d.Slot, sum)
	}
	return d.Slot, nil
}

// TestAdvancedWakes waits for a slot that comes, one that is there, and the end.
func TestAdvancedWakes(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	coming := m.Advanced(m.Applied())
	select {
	case <-coming:
		t.Error("woken before the slot")
	default:
	}
	if _, err := m.Apply(1, 0, nil); err != nil {
		t.Fatal(err)
	}
	<-coming
	<-m.Advanced(0)
	last := m.Advanced(1)
	closeMachine(t, m)
	<-last
	<-m.Advanced(1)
}
