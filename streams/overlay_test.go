package streams

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestOverlayIsLikeAMap does the same to a map and to overlays above a database, which
// takes them now and then, at once or by and by: one key after the other, in the order of the
// keys, and at the end.
func TestOverlayIsLikeAMap(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	w := &m.work
	var held chan struct{}
	arrives := func() {
		if held != nil {
			close(held)
			held = nil
		}
	}
	defer arrives()
	w.begin(0)
	r := rand.New(rand.NewPCG(1, 2))
	want := map[string]string{}
	ended := func() {
		t.Helper()
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		arrives()
		if r.IntN(3) > 0 {
			w.write()
			return
		}
		m.pending.Store(true)
		w.arrive()
		until := make(chan struct{})
		m.departs, held = func() error { <-until; return nil }, until
		w.depart()
		w.begin(0)
	}
	apart := 0 // reads while a group was on its way
	gone := 0  // pairs that came and went without the database
	for range 50_000 {
		table, stream := messageTables[r.IntN(2)], 7+r.Uint64N(2)
		key := appendSeqKey(nil, table, stream, r.Uint64N(300))
		old, there := want[string(key)]
		switch n := r.IntN(1000); {
		case n < 400:
			value := fmt.Appendf(nil, "%0*d", r.IntN(20), n)
			if there {
				w.set(key, value)
			} else {
				w.create(&w.sum, key, value)
			}
			want[string(key)] = string(value)
		case n < 700:
			w.delete(key)
			delete(want, string(key))
		case n < 702:
			w.removeRange([]byte{table}, stream)
			maps.DeleteFunc(want, func(k, _ string) bool { return k[0] == table && k[prefixBytes-1] == byte(stream) })
		case n < 720:
			arrives()
			compareTable(t, w, table, want)
		case n < 730:
			for i := range w.pending.entries {
				if e := &w.pending.entries[i]; e.fresh && !e.present {
					gone++
				}
			}
			ended()
		default:
			if w.departed() {
				apart++
			}
			got, ok := w.get(key)
			if n%2 == 0 {
				got, ok = w.lookup(key)
			}
			if ok != there || string(got) != old || w.has(key) != there {
				t.Fatalf("key %x: %q, %v, want %q, %v", key, got, ok, old, there)
			}
		}
	}
	ended()
	arrives()
	for _, table := range messageTables[:2] {
		compareTable(t, w, table, want)
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	if gone < 100 || apart < 1000 {
		t.Errorf("only %d pairs came and went between two commits, only %d reads while a group was on its way", gone, apart)
	}
}

func compareTable(t *testing.T, w *work, table byte, want map[string]string) {
	t.Helper()
	it := w.between([]byte{table}, []byte{table + 1})
	ok := it.First()
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if key[0] != table {
			continue
		}
		if !ok || string(it.Key()) != key || string(it.Value()) != want[key] {
			t.Fatalf("the iterator is at another pair than %x %q", key, want[key])
		}
		ok = it.Next()
	}
	if ok {
		t.Fatalf("the iterator has one more key: %x", it.Key())
	}
}

// TestOverlayIsWrittenInOrder: what a batch has in the order of the keys costs the
// database least.
func TestOverlayIsWrittenInOrder(t *testing.T) {
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r := rand.New(rand.NewPCG(3, 4))
	var o overlay
	o.reset(1)
	for range 2000 {
		table := messageTables[r.IntN(len(messageTables))]
		o.set(fmt.Appendf(appendPrefix(nil, table, 1+r.Uint64N(300)), "%d", r.IntN(1e6)), nil, false)
	}
	b := db.NewBatch()
	defer b.Close()
	if err := o.writeTo(b); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for reader := b.Reader(); ; {
		_, key, _, ok, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		keys = append(keys, string(key))
	}
	if len(keys) < 1000 || !slices.IsSorted(keys) {
		t.Errorf("%d keys, in order: %v", len(keys), slices.IsSorted(keys))
	}
}

// TestSlotsAreCommittedTogether applies slots that nobody looks at. The database hears of
// them when somebody does, or when they are many, and of overwritten values never.
func TestSlotsAreCommittedTogether(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	apply := func(commands ...Message) {
		t.Helper()
		if _, err := m.Apply(m.Applied()+1, 1, commands); err != nil {
			t.Fatal(err)
		}
	}
	in := func(seq uint64) bool {
		t.Helper()
		_, closer, err := m.db.Get(appendSeqKey(nil, tableMessage, m.byName["S"].id, seq))
		if errors.Is(err, pebble.ErrNotFound) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		return closer.Close() == nil
	}
	apply(Message{Subject: "api.STREAM.CREATE.S", Data: []byte(`{"name":"S","subjects":["s.*"],"max_msgs_per_subject":1}`)})
	for range 10 {
		apply(Message{Subject: "api.s.a"}, Message{Subject: "api.s.b"})
	}
	if !m.pending.Load() || in(20) {
		t.Error("committed although nobody looked")
	}
	if n := len(m.work.pending.sorted(m.work.pending.tables[tableMessage])); n != 2 {
		t.Errorf("the database is to hear of %d messages, 2 are left", n)
	}
	if d := scrubbedDigest(t, m); d != m.Digest() || d.Slot != 11 {
		t.Errorf("a reader sees %+v, applied is %+v", d, m.Digest())
	}
	if m.pending.Load() || !in(20) || in(18) {
		t.Error("not committed as it is for who looks")
	}
	apply(Message{Subject: "api.s.c"}, Message{Subject: "api.s.d"}, Message{Subject: "api.s.e"})
	apply(Message{Subject: "api.s.d"}, Message{Subject: "api.s.c"}, Message{Subject: "api.s.a"}, Message{Subject: "api.s.b"})
	if first := m.byName["S"].state.first; !m.pending.Load() || first != 23 {
		t.Errorf("the first message is %d, want 23, before which there is a gap, none of it committed", first)
	}
}

// TestSlotsGoOnWhileAGroupIsCommitted, and find what it has written, and that only.
func TestSlotsGoOnWhileAGroupIsCommitted(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	until := make(chan struct{})
	arrives := sync.OnceFunc(func() { close(until) })
	defer arrives()
	departed := 0
	m.departs = func() error { departed++; <-until; return nil }
	apply := func(commands ...Message) (replies []Reply) {
		t.Helper()
		replies, err := m.Apply(m.Applied()+1, 1, commands)
		if err != nil {
			t.Fatal(err)
		}
		return replies
	}
	put := func(subject, header string, size int) Message {
		m := Message{Subject: "api.s." + subject, Data: make([]byte, size)}
		if header != "" {
			m.Header = []byte("NATS/1.0\r\n" + header + "\r\n\r\n")
		}
		return m
	}
	apply(Message{Subject: "api.STREAM.CREATE.S", Data: []byte(`{"name":"S","subjects":["s.*"],"max_msgs_per_subject":1}`)})
	first := func(want uint64) {
		t.Helper()
		if got := m.byName["S"].state.first; got != want {
			t.Errorf("the first message is %d, want %d", got, want)
		}
	}
	apply(put("a", "", 1), put("b", "", 1), put("c", "", 1), put("a", "", 1), put("d", "", 1)) // 1 to 5
	scrubbedDigest(t, m)
	apply(put("e", "", 5<<20), put("c", "", 1), put("c", "Nats-Msg-Id: c", 1), put("a", "", 1)) // 6 to 9: this departs
	first(2)
	if !m.pending.Load() {
		t.Error("readers may look before the group is committed")
	}
	replies := apply(put("f", "Nats-Expected-Last-Subject-Sequence: 0", 1), put("b", "Nats-Expected-Last-Subject-Sequence: 2", 1),
		put("c", "Nats-Msg-Id: c", 1), put("d", "Nats-Expected-Last-Subject-Sequence: 4", 1)) // 10, 11
	for i, want := range []string{`"seq":10`, `"seq":11`, `"seq":8,"duplicate":true`, `wrong last sequence: 5`} {
		if got := string(replies[i].Data); !strings.Contains(got, want) {
			t.Errorf("reply %d is %s, want %s", i, got, want)
		}
	}
	first(5)               // 3 and 4 are in the database, and gone
	apply(put("d", "", 1)) // 12
	first(6)
	apply(put("e", "", 1))                                   // 13
	first(8)                                                 // 7 has come and gone
	apply(put("c", "", 1), put("a", "", 1), put("f", "", 1)) // 14 to 16
	first(11)                                                // which has not departed
	seen := make(chan Digest)
	go func() { seen <- scrubbedDigest(t, m) }()
	select {
	case d := <-seen:
		t.Errorf("a reader sees slot %d before the group is committed", d.Slot)
	default:
	}
	arrives()
	if d := <-seen; d != m.Digest() || d.Slot != 7 || departed != 1 {
		t.Errorf("a reader sees %+v, applied is %+v, %d groups have departed", d, m.Digest(), departed)
	}
}

// TestAGroupThatIsNotCommittedBreaksTheMachine: the slots above it are not to be served, nor
// any more applied. The next that is applied may hear of it first, or who looks.
func TestAGroupThatIsNotCommittedBreaksTheMachine(t *testing.T) {
	for _, applied := range []bool{true, false} {
		m := openMem(t, vfs.NewMem())
		lost := errors.New("lost")
		until := make(chan struct{})
		m.departs = func() error { <-until; return lost }
		apply := func(slot uint64, size int) error {
			_, err := m.Apply(slot, 1, []Message{{Subject: "propose", Data: make([]byte, size)}})
			return err
		}
		if err := errors.Join(apply(1, 5<<20), apply(2, 1)); err != nil {
			t.Fatal(err)
		}
		close(until)
		if applied {
			m.work.left <- <-m.work.left // once it is there
			if err := apply(3, 1); !errors.Is(err, lost) {
				t.Errorf("apply: %v", err)
			}
		}
		if _, err := m.Sync(); !errors.Is(err, lost) {
			t.Errorf("sync: %v", err)
		}
		if err := apply(3, 1); !errors.Is(err, lost) {
			t.Errorf("apply after it: %v", err)
		}
		v := m.View()
		if _, err := v.Get(Ledger, 1); !errors.Is(err, lost) {
			t.Errorf("the message of slot 1: %v", err)
		}
		if err := errors.Join(v.Close(), m.Close()); !errors.Is(err, lost) {
			t.Errorf("close: %v", err)
		}
	}
}

// TestLostSlotsAreNotRead: slots that are applied and can not be committed any more are
// not served as if they had not been.
func TestLostSlotsAreNotRead(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	if _, err := m.Apply(1, 1, []Message{{Subject: "propose"}}); err != nil {
		t.Fatal(err)
	}
	lost := errors.New("lost")
	m.applying.Lock()
	m.broken = lost // as after a slot that failed
	m.applying.Unlock()
	v := m.View()
	if _, err := v.Digest(); !errors.Is(err, lost) {
		t.Errorf("digest: %v", err)
	}
	if _, err := v.Get(Ledger, 1); !errors.Is(err, lost) {
		t.Errorf("the message of slot 1: %v", err)
	}
	if _, ok := v.Mark(Ledger, "propose"); ok {
		t.Error("an old answer may be given")
	}
	if _, err := v.Pending(Query{Stream: Ledger}); !errors.Is(err, lost) {
		t.Errorf("number of messages: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Sync(); !errors.Is(err, lost) {
		t.Errorf("sync: %v", err)
	}
	if err := m.Close(); !errors.Is(err, lost) {
		t.Errorf("close: %v", err)
	}
}
