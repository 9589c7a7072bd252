package streams

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var historiesFlag = flag.Int("streams.histories", 6, "number of random histories")

// A history is a machine, the model that it must equal, and everything applied.
type history struct {
	t      *testing.T
	r      *rand.Rand
	fs     *vfs.MemFS
	o      Options
	m      *Machine
	model  *model
	stamps []int64
	slots  [][]Message
	twin   *Machine // applies the same slots, and comes from snapshots now and then

	parts   bool       // the machine writes long removals in parts
	midSlot *vfs.MemFS // what a crash between two parts of the last slot left

	reads map[string]markedRead // by stream and subject
	kept  int                   // reads whose mark was that of the one before
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{t: t, reads: map[string]markedRead{}, r: rand.New(rand.NewPCG(seed, 1)), fs: vfs.NewCrashableMem()}
	h.o = Options{FS: h.fs, CacheBytes: 1 << 20, MemTableBytes: 256 << 10}
	if seed%2 == 0 {
		h.o.Limits = Limits{Expiries: 2, MessageIDs: 6, Sessions: 3, Leases: 2}
	}
	h.model = newModel(h.o.Limits)
	h.parts = seed%3 == 0
	h.reopen()
	h.twin = h.open(vfs.NewMem())
	return h
}

func (h *history) open(fs vfs.FS) *Machine {
	h.t.Helper()
	o := h.o
	o.FS = fs
	m, err := Open("state", o)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// reopen opens the machine, which is closed.
func (h *history) reopen() {
	h.t.Helper()
	h.m = h.open(h.fs)
	if h.parts {
		h.m.spillAt = 1
		h.m.spilled = h.betweenParts
	}
}

// betweenParts looks at a slot that is half written: readers must see the state
// before it. Now and then the process dies there.
func (h *history) betweenParts(int) {
	h.t.Helper()
	if d := scrubbedDigest(h.t, h.m); d.Slot != h.model.slot-1 || d != h.m.Digest() {
		h.t.Fatalf("slot %d is half written, and readers see %+v", h.model.slot, d)
	}
	h.compareMarks(true)
	if h.r.IntN(10) == 0 {
		if err := h.m.db.Flush(); err != nil {
			h.t.Fatal(err)
		}
		h.midSlot = h.fs.CrashClone(vfs.CrashCloneCfg{})
	}
}

// step applies a random slot and compares all replies.
func (h *history) step() {
	h.t.Helper()
	stamp := max(h.model.now, 1) + []int64{-5, 0, 1, 1e8, 1e9, 30e9}[h.r.IntN(6)]
	var commands []Message
	for range h.r.IntN(6) {
		commands = append(commands, h.command())
	}
	if h.r.IntN(40) == 0 {
		commands = append(commands, upgradeTo(h.r.Uint64N(MaxVersion+1)), h.command())
	}
	h.slots, h.stamps = append(h.slots, commands), append(h.stamps, stamp)
	want := h.model.apply(stamp, commands)
	replies, err := h.m.Apply(h.model.slot, stamp, commands)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range commands {
		if got := result(h.t, replies[i].Data); got != want[i] {
			h.t.Fatalf("slot %d: %s %q %q\n got %q: %q\nwant %q", h.model.slot, commands[i].Subject, commands[i].Header, commands[i].Data, got, replies[i].Data, want[i])
		}
	}
	again, err := h.twin.Apply(h.model.slot, stamp, commands)
	if err != nil {
		h.t.Fatal(err)
	}
	if !reflect.DeepEqual(replies, again) {
		h.t.Fatalf("slot %d: the twin answered %q, want %q", h.model.slot, again, replies)
	}
	h.compareDigests()
	h.compareMarks(false)
}

func (h *history) compareDigests() {
	h.t.Helper()
	if a, b := h.m.Digest(), h.twin.Digest(); a != b {
		h.t.Fatalf("digests differ: %+v, the twin has %+v", a, b)
	}
	if got, want := h.m.NextExpiry(), h.model.nextDue(); want != 0 && (got == 0 || got > max(want, h.model.now)) {
		h.t.Fatalf("slot %d: next expiry %d, want %d or earlier", h.model.slot, got, want)
	}
}

// result reads a reply as the model gives it.
func result(t *testing.T, data []byte) any {
	t.Helper()
	if data[0] != '{' {
		return string(data)
	}
	var r struct {
		Seq    int64
		Purged int64
		Error  *APIError
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatalf("reply %q: %v", data, err)
	}
	if r.Error != nil {
		return -int64(r.Error.ErrCode)
	}
	return r.Seq + r.Purged
}

var historySubjects = []string{"a.x", "a.y", "a.z.z", "b.x", "b.y", "propose"}

func (h *history) command() Message {
	r := h.r
	name := []string{"A", "B", Ledger}[r.IntN(3)]
	seq := int(h.model.find(Ledger).last)
	if s := h.model.find(name); s != nil {
		seq = int(s.last)
	}
	near := max(seq-r.IntN(8)+1, 0)
	if r.IntN(3) == 0 {
		return Message{Subject: "command." + name, Data: h.typed(name, near)}
	}
	switch n := r.IntN(100); {
	case n < 15:
		return Message{Subject: "propose", Header: h.header(near), Data: []byte("data")}
	case n < 75:
		return Message{Subject: "api." + historySubjects[r.IntN(6)], Header: h.header(near), Data: bytes.Repeat([]byte("v"), r.IntN(20))}
	case n < 82:
		return Message{Subject: "api.STREAM.CREATE." + name, Data: h.config(name)}
	case n < 88:
		return Message{Subject: "api.STREAM.UPDATE." + name, Data: h.config(name)}
	case n < 90:
		return Message{Subject: "api.STREAM.DELETE." + name}
	case n < 94:
		return Message{Subject: "api.STREAM.MSG.DELETE." + name, Data: fmt.Appendf(nil, `{"seq":%d}`, near)}
	case n < 99:
		purges := []string{"", `{"keep":2}`, `{"keep":70}`, fmt.Sprintf(`{"seq":%d}`, near), `{"filter":"a.*"}`, `{"filter":"a.*","keep":1}`, fmt.Sprintf(`{"filter":"*.x","seq":%d}`, near), `{"filter":"a.x","keep":1}`}
		return Message{Subject: "api.STREAM.PURGE." + name, Data: []byte(purges[r.IntN(len(purges))])}
	}
	return Message{Subject: []string{"", "x", "api", "api.", "api..", "api.a.*", "api.nowhere"}[r.IntN(7)], Data: []byte("x")}
}

func (h *history) header(near int) []byte {
	r := h.r
	var b []byte
	maybe := func(odds int, name string, values ...any) {
		if r.IntN(odds) == 0 {
			b = fmt.Appendf(b, "%s: %v\r\n", name, values[r.IntN(len(values))])
		}
	}
	maybe(4, "Nats-Msg-Id", 9*r.IntN(13))
	maybe(6, "Nats-TTL", "1s", "5", "2m", "never", "x")
	maybe(8, "Nats-Rollup", "sub", "all", "x")
	maybe(8, "KV-Operation", "PURGE", "DEL")
	maybe(10, "Nats-Expected-Last-Subject-Sequence", 0, near)
	maybe(12, "Nats-Expected-Last-Sequence", near)
	maybe(20, "Nats-Expected-Last-Subject-Sequence-Subject", "a.*", "a.x", "*.x")
	maybe(20, "Nats-Expected-Last-Msg-Id", 9*r.IntN(13))
	maybe(20, "Nats-Expected-Stream", "A", "B")
	if b == nil {
		return nil
	}
	return append(append([]byte("NATS/1.0\r\n"), b...), "\r\n"...)
}

func (h *history) config(name string) []byte {
	r := h.r
	c := map[string]any{"name": name, "subjects": []string{strings.ToLower(name) + ".>"}}
	if name == Ledger {
		c["subjects"], c["deny_delete"], c["deny_purge"], c["duplicate_window"] = []string{"propose"}, true, true, int64(time.Hour)
	}
	maybe := func(field string, values ...any) {
		if r.IntN(3) == 0 {
			c[field] = values[r.IntN(len(values))]
		}
	}
	maybe("max_msgs", 4, 9)
	maybe("max_bytes", 150, 400)
	maybe("discard", "new")
	maybe("max_msg_size", 60)
	if name != Ledger {
		maybe("max_msgs_per_subject", 1, 2, 3)
		maybe("max_age", int64(2*time.Second), int64(time.Minute), int64(time.Hour))
		maybe("duplicate_window", int64(time.Second), int64(20*time.Second))
		maybe("storage", "memory")
		maybe("allow_rollup_hdrs", true)
		maybe("subject_delete_marker_ttl", int64(time.Second), int64(70*time.Second)+1)
		maybe("first_seq", 5)
	}
	c["allow_msg_ttl"] = true
	return mustJSON(c)
}

// compare reads the whole state and compares it with the model.
func (h *history) compare() {
	h.t.Helper()
	scrubbedDigest(h.t, h.m)
	v := h.m.View()
	defer v.Close()
	var names []string
	for _, s := range h.model.streams {
		names = append(names, s.cfg.Name)
		h.compareStream(v, s)
	}
	slices.Sort(names)
	if got := v.Names(""); !slices.Equal(got, names) {
		h.t.Fatalf("streams %v, want %v", got, names)
	}
}

func (h *history) compareStream(v *View, s *modelStream) {
	h.t.Helper()
	name := s.cfg.Name
	info, err := v.Info(name)
	if err != nil {
		h.t.Fatal(err)
	}
	state := streamState{msgs: uint64(len(s.msgs)), bytes: s.bytes(), first: s.first, last: s.last, lastTime: s.lastTime, subjects: uint64(len(s.subjects()))}
	var firstTime int64
	if len(s.msgs) > 0 {
		firstTime = s.msgs[0].time
	}
	if want := state.publicState(firstTime); !reflect.DeepEqual(info.State, want) {
		h.t.Fatalf("slot %d: state of %s %+v, want %+v", h.model.slot, name, info.State, want)
	}
	if !bytes.Equal(mustJSON(info.Config), mustJSON(s.cfg)) {
		h.t.Fatalf("config of %s %s, want %s", name, mustJSON(info.Config), mustJSON(s.cfg))
	}
	for range 6 {
		h.compareQuery(v, s, h.query(s))
	}
	h.compareQuery(v, s, Query{Stream: name})
	for _, subject := range s.subjects() {
		if m, err := v.Last(name, subject); err != nil || m.Seq != s.lastOf(subject) {
			h.t.Fatalf("last of %s in %s: %v, %v, want %d", subject, name, m, err, s.lastOf(subject))
		}
	}
	at := h.model.now - h.r.Int64N(60e9)
	want := s.last + 1
	if i := slices.IndexFunc(s.msgs, func(m modelMessage) bool { return m.time >= at }); i >= 0 {
		want = s.msgs[i].seq
	}
	if got, err := v.SeqAt(name, time.Unix(0, at)); err != nil || s.nextAt(got) != s.nextAt(want) {
		h.t.Fatalf("first message of %s at %d: %d, %v, want %d", name, at, got, err, want)
	}
}

// nextAt returns the first message at or after seq, 0 when there is none.
func (s *modelStream) nextAt(seq uint64) uint64 {
	for _, m := range s.msgs {
		if m.seq >= seq {
			return m.seq
		}
	}
	return 0
}

func (h *history) query(s *modelStream) Query {
	all := []string{"a.x", "a.*", "a.>", "*.x", ">", "b.x", "propose", "a.z.z"}
	q := Query{Stream: s.cfg.Name, LastPerSubject: h.r.IntN(2) == 0}
	for range h.r.IntN(3) {
		q.Filters = append(q.Filters, all[h.r.IntN(len(all))])
	}
	if h.r.IntN(2) == 0 {
		q.From = s.first + h.r.Uint64N(s.last-min(s.first, s.last)+2)
	}
	return q
}

func (h *history) compareQuery(v *View, s *modelStream, q Query) {
	h.t.Helper()
	var want, got []string
	for _, m := range s.msgs {
		if m.seq >= q.From && newFilters(q.Filters...).match(m.subject) && (!q.LastPerSubject || s.lastOf(string(m.subject)) == m.seq) {
			want = append(want, fmt.Sprintf("%d %s %d %q %q", m.seq, m.subject, m.time, m.header, m.data))
		}
	}
	for m, err := range v.Messages(q) {
		if err != nil {
			h.t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %s %d %q %q", m.Seq, m.Subject, m.Time.UnixNano(), m.Header, m.Data))
	}
	if !slices.Equal(got, want) {
		h.t.Fatalf("slot %d: %+v yields\n%s\nwant\n%s", h.model.slot, q, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n, err := v.Pending(q); err != nil || n != uint64(len(want)) {
		h.t.Fatalf("slot %d: %+v has %d pending, %v, want %d", h.model.slot, q, n, err, len(want))
	}
}

// crash loses what was not synced, or a part of it.
func (h *history) crash() {
	h.t.Helper()
	durable := h.m.Durable()
	clone := h.midSlot
	if clone == nil {
		clone = h.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: h.r.IntN(3) * 50, RNG: h.r})
	}
	h.midSlot = nil
	closeMachine(h.t, h.m)
	closeMachine(h.t, h.twin)
	h.fs = clone
	clear(h.reads)
	h.reopen()
	h.rewind(durable)
}

// rewind makes model and twin what they were at the slot that the machine is at.
func (h *history) rewind(durable uint64) {
	h.t.Helper()
	applied := h.m.Applied()
	if applied < durable || applied > h.model.slot {
		h.t.Fatalf("slot %d after a crash, want %d to %d", applied, durable, h.model.slot)
	}
	h.slots, h.stamps = h.slots[:applied], h.stamps[:applied]
	h.model, h.twin = newModel(h.o.Limits), h.open(vfs.NewMem())
	for i := range h.slots {
		h.model.apply(h.stamps[i], h.slots[i])
		if _, err := h.twin.Apply(uint64(i+1), h.stamps[i], h.slots[i]); err != nil {
			h.t.Fatal(err)
		}
	}
	h.compareDigests()
	h.compare()
}

// copyTwin makes the twin a restored snapshot of the machine.
func (h *history) copyTwin() {
	h.t.Helper()
	s, err := h.m.Snapshot()
	if err != nil {
		h.t.Fatal(err)
	}
	defer s.Close()
	closeMachine(h.t, h.twin)
	r, w := io.Pipe()
	go func() {
		_, err := s.WriteTo(w)
		w.CloseWithError(err)
	}()
	o := h.o
	o.FS = vfs.NewMem()
	if h.twin, err = Restore("state", r, o); err != nil {
		h.t.Fatal(err)
	}
	h.compareDigests()
	scrubbedDigest(h.t, h.twin)
}

// TestHistoriesEqualTheModel applies random slots to a machine, a model and a
// twin, with restarts, losses of power and snapshots in between.
func TestHistoriesEqualTheModel(t *testing.T) {
	for i := range *historiesFlag {
		seed := *seedFlag + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			h := newHistory(t, seed)
			for range 250 {
				h.step()
				h.event()
			}
			if h.kept < 500 {
				t.Errorf("marks let %d reads be kept, which tests little", h.kept)
			}
			closeMachine(t, h.m)
			closeMachine(t, h.twin)
		})
	}
}

func (h *history) event() {
	h.t.Helper()
	if h.midSlot != nil {
		h.crash()
	}
	switch h.r.IntN(40) {
	case 0:
		h.crash()
	case 1:
		closeMachine(h.t, h.m)
		h.reopen()
		h.compareDigests()
	case 2:
		h.copyTwin()
	case 3, 4, 5, 6, 7, 8:
		h.compare()
	case 9, 10, 11:
		if slot, err := h.m.Sync(); err != nil || slot != h.model.slot {
			h.t.Fatalf("sync: slot %d, %v, want %d", slot, err, h.model.slot)
		}
	}
}
