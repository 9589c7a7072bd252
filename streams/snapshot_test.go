package streams

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/synod-paxos/synod/streams/command"
)

// tale is a small history that leaves something in every table.
func tale() [][]Message {
	publish := func(subject, header, data string) Message {
		m := Message{Subject: subject, Data: []byte(data)}
		if header != "" {
			m.Header = []byte("NATS/1.0\r\n" + header + "\r\n\r\n")
		}
		return m
	}
	typed := func(stream string, op command.Op, session ...uint64) Message {
		c := command.Command{Op: op}
		if len(session) > 0 {
			c.Session = command.Session{ID: session[0], Number: session[1], Awaited: session[1]}
		}
		return Message{Subject: "command." + stream, Data: c.Encode()}
	}
	return [][]Message{
		{publish("propose", "Nats-Msg-Id: a", "one"), publish("api.STREAM.CREATE.S", "", `{"name":"S","subjects":["s.>"],"max_msgs_per_subject":4,"allow_msg_ttl":true,"subject_delete_marker_ttl":1000000000,"allow_rollup_hdrs":true}`)},
		{publish("api.s.a", "", "1"), publish("api.s.a", "", "2"), publish("api.s.a", "", "3"), publish("api.s.b", "Nats-TTL: 1s", "4")},
		{typed("S", command.OpenSession{TTL: time.Minute}), typed("S", command.Acquire{Name: "l", Owner: []byte("o"), TTL: time.Second})},
		nil,
		{typed("S", command.Publish{Subject: "s.d"}, 1, 1), typed("S", command.Transaction{
			If:   []command.Condition{{Kind: command.LeaseIs, Subject: "l", Number: 1}, {Kind: command.RevisionIs, Subject: "s.a", Number: 3}},
			Then: []command.Action{{Kind: command.Put, Subject: "s.e", Data: []byte("t")}, {Kind: command.Get, Subject: "s.e"}},
		}, 1, 2), typed("S", command.Lookup{ID: "never", Since: 1e9})},
		{publish("api.s.a", "Nats-Msg-Id: b", "5"), publish("api.s.a", "", "6"), publish("propose", "Nats-Msg-Id: a", "again")},
		{publish("api.STREAM.MSG.DELETE.S", "", `{"seq":3}`), publish("api.s.c", "Nats-Rollup: sub", "7")},
		{publish("api.STREAM.CREATE.T", "", `{"name":"T"}`), publish("api.T", "", "8")},
		{publish("api.STREAM.DELETE.T", "", ""), publish("api.STREAM.PURGE.S", "", `{"filter":"s.a"}`)},
	}
}

// tales is the tale by the first rules, and by the newest ones, which have tables of their
// own.
func tales() map[string][][]Message {
	newest := tale()
	newest[0] = append([]Message{upgradeTo(MaxVersion)}, newest[0]...)
	return map[string][][]Message{"the first rules": tale(), "the newest rules": newest}
}

func applyTale(t testing.TB, m *Machine, from int) {
	t.Helper()
	applySlots(t, m, tale(), from)
}

// applySlots applies a history from a slot on, which is the next one.
func applySlots(t testing.TB, m *Machine, history [][]Message, from int) {
	t.Helper()
	for i, commands := range history[from:] {
		slot := from + i + 1
		if _, err := m.Apply(uint64(slot), int64(slot)*4e8, commands); err != nil {
			t.Fatal(err)
		}
	}
}

func snapshotBytes(t testing.TB, m *Machine) []byte {
	t.Helper()
	s, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b bytes.Buffer
	if n, err := s.WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Fatalf("wrote %d bytes of %d: %v", n, b.Len(), err)
	}
	return b.Bytes()
}

// TestSnapshotAtEveryPoint restores the state after every slot of a history and
// continues from there: digests and snapshots must be those of a machine that
// applied everything itself.
func TestSnapshotAtEveryPoint(t *testing.T) {
	for rules, history := range tales() {
		t.Run(rules, func(t *testing.T) { snapshotAtEveryPoint(t, history) })
	}
}

func snapshotAtEveryPoint(t *testing.T, history [][]Message) {
	whole := openMem(t, vfs.NewMem())
	defer closeMachine(t, whole)
	applySlots(t, whole, history, 0)
	want := snapshotBytes(t, whole)
	for at := range len(history) + 1 {
		source := openMem(t, vfs.NewMem())
		applySlots(t, source, history[:at], 0)
		fs := vfs.NewMem()
		m, err := Restore("state", bytes.NewReader(snapshotBytes(t, source)), Options{FS: fs})
		if err != nil {
			t.Fatalf("after slot %d: %v", at, err)
		}
		closeMachine(t, source)
		closeMachine(t, m)
		m = openMem(t, fs)
		if m.Durable() != uint64(at) {
			t.Errorf("durable slot %d after restoring slot %d", m.Durable(), at)
		}
		applySlots(t, m, history, at)
		if m.Digest() != whole.Digest() || !bytes.Equal(snapshotBytes(t, m), want) {
			t.Errorf("restored after slot %d: digest %+v, want %+v", at, m.Digest(), whole.Digest())
		}
		scrubbedDigest(t, m)
		closeMachine(t, m)
	}
}

// TestSnapshotIsOfOneSlot writes a snapshot while Apply continues.
func TestSnapshotIsOfOneSlot(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	applyTale(t, m, 0)
	want := snapshotBytes(t, m)
	s, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for slot := m.Applied() + 1; slot < 20; slot++ {
		if _, err := m.Apply(slot, 0, []Message{{Subject: "propose", Data: []byte("later")}}); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil || !bytes.Equal(b.Bytes(), want) {
		t.Errorf("the snapshot changed with what was applied after it: %v", err)
	}
}

// TestDamagedSnapshotIsRefused flips every byte, and cuts at every byte; the state
// that was there must stay.
func TestDamagedSnapshotIsRefused(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	applyTale(t, m, 0)
	good := snapshotBytes(t, m)
	closeMachine(t, m)
	fs := vfs.NewMem()
	old := openMem(t, fs)
	before := old.Digest()
	closeMachine(t, old)
	try := func(what string, b []byte) {
		m, err := Restore("state", bytes.NewReader(b), Options{FS: fs})
		if err == nil {
			closeMachine(t, m)
			t.Fatalf("%s: restored", what)
		}
		if !errors.Is(err, errBadSnapshot) && !strings.Contains(err.Error(), "format version") {
			t.Errorf("%s: error %v does not say that the snapshot is damaged", what, err)
		}
	}
	for i := 0; i < len(good); i += 7 {
		b := bytes.Clone(good)
		b[i] ^= 1 << (i % 8)
		try(fmt.Sprintf("byte %d flipped", i), b)
		try(fmt.Sprintf("cut at byte %d", i), good[:i])
	}
	old = openMem(t, fs)
	defer closeMachine(t, old)
	if old.Digest() != before {
		t.Errorf("digest %+v after refused snapshots, want %+v", old.Digest(), before)
	}
}

// A crashPoint is a file system that loses power before one of its writes.
type crashPoint struct {
	mem   *vfs.MemFS
	cfg   vfs.CrashCloneCfg
	after int // writes

	mu    sync.Mutex
	count int
	clone *vfs.MemFS // what the crash left; nil when there were fewer writes
}

func (c *crashPoint) fs() vfs.FS {
	return errorfs.Wrap(c.mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.count == c.after {
			c.clone = c.mem.CrashClone(c.cfg)
		}
		c.count++
		return nil
	}))
}

// TestCrashDuringRestore loses power after every write operation of a restore: the
// next Open finds the old state or the new one, whole.
func TestCrashDuringRestore(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	applyTale(t, m, 0)
	snapshot, after := snapshotBytes(t, m), m.Digest()
	closeMachine(t, m)
	found := map[Digest]int{}
	for n := 0; ; n++ {
		mem := vfs.NewCrashableMem()
		old := openMem(t, mem)
		if _, err := old.Apply(1, 1, []Message{{Subject: "propose", Data: []byte("old")}}); err != nil {
			t.Fatal(err)
		}
		before := old.Digest()
		closeMachine(t, old)
		crash := &crashPoint{mem: mem, after: n, cfg: vfs.CrashCloneCfg{UnsyncedDataPercent: n % 3 * 50, RNG: rand.New(rand.NewPCG(uint64(n), 0))}}
		m, err := Restore("state", bytes.NewReader(snapshot), Options{FS: crash.fs()})
		if err != nil {
			t.Fatal(err)
		}
		closeMachine(t, m)
		if crash.clone == nil {
			break
		}
		m = openMem(t, crash.clone)
		d := scrubbedDigest(t, m)
		closeMachine(t, m)
		if states := statesIn(t, crash.clone); len(states) != 1 {
			t.Errorf("crash at operation %d: there are %v", n, states)
		}
		if d != before && d != after {
			t.Fatalf("crash at operation %d: digest %+v, want %+v or %+v", n, d, before, after)
		}
		found[d]++
	}
	if len(found) != 2 {
		t.Errorf("crashes left %v, want some with the old state and some with the new one", found)
	}
}

// statesIn is the databases that are in the directory of openMem.
func statesIn(t *testing.T, mem vfs.FS) []string {
	t.Helper()
	names, err := mem.List("state")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, statePrefix) })
}

// TestCrashWhileMakingTheState loses power after every write operation of the
// first Open: the next one must work.
func TestCrashWhileMakingTheState(t *testing.T) {
	for n := 0; ; n++ {
		mem := vfs.NewCrashableMem()
		crash := &crashPoint{mem: mem, after: n}
		closeMachine(t, openMem(t, crash.fs()))
		if crash.clone == nil {
			return
		}
		m := openMem(t, crash.clone)
		scrubbedDigest(t, m)
		closeMachine(t, m)
	}
}

// TestFlippedByteIsFound changes one value behind the machine's back, in every
// table: the scrub must find it, and name the stream or the key.
func TestFlippedByteIsFound(t *testing.T) {
	for rules, history := range tales() {
		t.Run(rules, func(t *testing.T) { flippedByteIsFound(t, history[:7]) })
	}
}

func flippedByteIsFound(t *testing.T, history [][]Message) {
	m := openMem(t, vfs.NewMem())
	defer closeMachine(t, m)
	for i, commands := range history {
		if _, err := m.Apply(uint64(i+1), int64(i+1), commands); err != nil {
			t.Fatal(err)
		}
	}
	scrubbedDigest(t, m)
	pairs := map[string][]byte{}
	v := m.View()
	err := v.scan([]byte{firstSnapshotOf}, []byte{0xff}, func(key, value []byte) (bool, error) {
		pairs[string(key)] = bytes.Clone(value)
		return true, nil
	})
	if err = errors.Join(err, v.Close()); err != nil {
		t.Fatal(err)
	}
	for _, key := range sortedKeys(pairs) {
		value := pairs[key]
		for i := range value {
			bad := bytes.Clone(value)
			bad[i] ^= 0x10
			set(t, m, key, bad)
			v := m.View()
			if _, err := v.Scrub(context.Background()); err == nil {
				t.Errorf("key %x: byte %d flipped and not found", key, i)
			}
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
		}
		set(t, m, key, value)
	}
	scrubbedDigest(t, m)
}

func set(t *testing.T, m *Machine, key string, value []byte) {
	t.Helper()
	if err := m.db.Set([]byte(key), value, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedValueIsAnError damages what a read and a slot need.
func TestDamagedValueIsAnError(t *testing.T) {
	fs := vfs.NewMem()
	m := openMem(t, fs)
	applyTale(t, m, 0)
	set(t, m, string(appendSeqKey(nil, tableMessage, m.byName["S"].id, 6)), []byte{0xff})
	v := m.View()
	_, err := v.Get("S", 6)
	if err == nil || !strings.Contains(err.Error(), "damaged state: key 20") {
		t.Errorf("error %v, want one that names the key", err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	before := m.Digest()
	_, err = m.Apply(before.Slot+1, 0, []Message{{Subject: "propose"}, {Subject: "api.STREAM.MSG.DELETE.S", Data: []byte(`{"seq":6}`)}})
	if err == nil || !strings.Contains(err.Error(), "damaged state: key 20") {
		t.Errorf("error %v, want one that names the key", err)
	}
	if m.Digest() != before {
		t.Errorf("digest %+v after a failed slot, want %+v", m.Digest(), before)
	}
	if _, err := m.Apply(before.Slot+1, 0, nil); err == nil {
		t.Error("a machine that failed applied another slot")
	}
	closeMachine(t, m)
	m = openMem(t, fs)
	defer closeMachine(t, m)
	if m.Digest() != before {
		t.Errorf("digest %+v after opening again, want %+v", m.Digest(), before)
	}
}

// TestOtherFormatIsRefused opens a state of a layout that does not exist yet.
func TestOtherFormatIsRefused(t *testing.T) {
	fs := vfs.NewMem()
	m := openMem(t, fs)
	set(t, m, string([]byte{tableVersion}), []byte{formatVersion + 1})
	if err := m.db.Flush(); err != nil {
		t.Fatal(err)
	}
	closeMachine(t, m)
	_, err := Open("state", Options{FS: fs})
	if err == nil || !strings.Contains(err.Error(), "format version 02, this build reads 1 only") {
		t.Errorf("error %v, want one that names both versions", err)
	}
}

// TestDirectoryHasOneOwner opens one directory twice.
func TestDirectoryHasOneOwner(t *testing.T) {
	fs := vfs.NewMem()
	m := openMem(t, fs)
	defer closeMachine(t, m)
	if _, err := Open("state", Options{FS: fs}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v, want one that says that the directory is in use", err)
	}
}
