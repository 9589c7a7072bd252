package actors

import (
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// TestALotIsAppendedInParts, in order and whole, so that the store's copy is no larger than
// a part, or than one value.
func TestALotIsAppendedInParts(t *testing.T) {
	var records []paxos.Record
	for slot, mib := range []int{1, 1, 7, 5, 3, 1, 9, 9, 8, 2} {
		v := paxos.Vote{Slot: paxos.Slot(slot + 1), Ballot: ballot, Value: paxos.Value{Body: make([]byte, mib<<20)}}
		records = append(records, paxos.Voted{Vote: v}, paxos.Reached{Below: paxos.Slot(slot)})
	}
	store := newMemory()
	w := newWriter(store, nil, NewClock(), 0, nil)
	if err := w.persist(records); err != nil {
		t.Fatal(err)
	}
	var slots []paxos.Slot
	for _, group := range store.appended() {
		bytes, values := 0, 0
		for _, r := range group {
			if v, ok := r.(paxos.Voted); ok {
				slots, bytes, values = append(slots, v.Vote.Slot), bytes+len(v.Vote.Value.Body), values+1
			}
		}
		if bytes > appendBytes && values > 1 {
			t.Errorf("%d bytes at once", bytes)
		}
	}
	for i, slot := range slots {
		if slot != paxos.Slot(i+1) {
			t.Errorf("slots %v", slots)
		}
	}
	if n := len(store.appended()); len(slots) != 10 || n != 8 {
		t.Errorf("%d votes in %d parts", len(slots), n)
	}
}
