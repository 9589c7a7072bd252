package streams

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestOverlayIsLikeAMap does the same to a map and to an overlay above a database, which
// takes it now and then: one key after the other, in the order of the keys, and at the end.
func TestOverlayIsLikeAMap(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	w := &m.work
	w.begin(0)
	r := rand.New(rand.NewPCG(1, 2))
	want := map[string]string{}
	ended := func() {
		t.Helper()
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		w.write()
	}
	gone := 0 // pairs that came and went without the database
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
			compareTable(t, w, table, want)
		case n < 730:
			for i := range w.pending.entries {
				if e := &w.pending.entries[i]; e.fresh && !e.present {
					gone++
				}
			}
			ended()
		default:
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
	for _, table := range messageTables[:2] {
		compareTable(t, w, table, want)
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	if gone < 100 {
		t.Errorf("only %d pairs came and went between two commits", gone)
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
	o.reset()
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
	large := make([]byte, 1<<20)
	for range 5 {
		apply(Message{Subject: "api.s.a", Data: large})
	}
	if !in(31) && !in(32) {
		t.Error("5 MiB are kept in memory")
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
