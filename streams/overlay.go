package streams

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// An overlay holds what was written and is not in the database yet: of each key only
// what was written last. So a pair that comes and goes between two commits costs the
// database nothing, and what is committed is in the order of the keys, which costs the
// database least.
type overlay struct {
	seed    maphash.Seed
	group   uint32  // number of the group of slots whose writes these are; above that of all before
	places  []place // by the hash of a key, and the first free one after that; at most half of them are taken
	entries []written
	tables  [tables][]int32 // entries by table, in the order of the first write
	bytes   []byte          // keys and values of the entries
	writes  int

	ranges  []keyPrefix       // of which all pairs were removed, in that order
	removed map[keyPrefix]int // how many writes were before the last removal

	shown [tables]shown // to somebody who looks at a table in its order
	keys  []sortKey     // scratch of sorted
}

// A place is free unless it is of the present group.
type place struct {
	group uint32
	entry int32
}

// tables is above the number of each table.
const tables = 0x40

// A keyPrefix is the table and the number of a stream.
type keyPrefix [prefixBytes]byte

// A written entry is what was last written to one key.
type written struct {
	hash    uint64 // of the key
	key     int    // where it begins in overlay.bytes
	value   int    // likewise
	keyLen  int32
	len     int32
	room    int32 // for a longer value
	present bool  // there is a value; else the key was removed
	fresh   bool  // the database has no such key
	at      int   // number of the write
}

// entryBytes is about what an entry takes beside its key and value.
const entryBytes = 80

// retainedBytes is how much memory is kept from group to group.
const retainedBytes = 16 << 20

// reset drops everything: what is written from now on is of another group.
func (o *overlay) reset(group uint32) {
	if o.places == nil || o.size() > retainedBytes || group <= o.group {
		*o = overlay{seed: maphash.MakeSeed(), places: make([]place, 1024), removed: make(map[keyPrefix]int)}
	}
	o.group = group
	clear(o.removed)
	o.entries, o.bytes, o.ranges, o.writes = o.entries[:0], o.bytes[:0], o.ranges[:0], 0
	for i := range o.tables {
		o.tables[i] = o.tables[i][:0]
	}
	o.hide()
}

// size is about how much memory the overlay takes.
func (o *overlay) size() int { return len(o.bytes) + len(o.entries)*entryBytes }

func (o *overlay) keyOf(e *written) []byte   { return o.bytes[e.key : e.key+int(e.keyLen)] }
func (o *overlay) valueOf(e *written) []byte { return o.bytes[e.value : e.value+int(e.len)] }

// find returns the entry of a key, -1 for none, and its place.
func (o *overlay) find(key []byte, hash uint64) (entry int32, at int) {
	for at = int(hash) & (len(o.places) - 1); ; at = (at + 1) & (len(o.places) - 1) {
		p := o.places[at]
		if p.group != o.group {
			return -1, at
		}
		if e := &o.entries[p.entry]; e.hash == hash && bytes.Equal(o.keyOf(e), key) {
			return p.entry, at
		}
	}
}

// rangeOf returns how many writes were before all pairs of the key's table and stream
// were removed, -1 if that was not.
func (o *overlay) rangeOf(key []byte) int {
	if len(o.removed) == 0 || len(key) < prefixBytes {
		return -1
	}
	if n, ok := o.removed[keyPrefix(key)]; ok {
		return n
	}
	return -1
}

// get returns the value of key, until the next write, and whether there is one. known
// is false when only the database can tell.
func (o *overlay) get(key []byte) (value []byte, present, known bool) {
	i, _ := o.find(key, maphash.Bytes(o.seed, key))
	removed := o.rangeOf(key)
	if i < 0 {
		return nil, false, removed >= 0
	}
	e := &o.entries[i]
	if !e.present || e.at <= removed {
		return nil, false, true
	}
	return o.valueOf(e), true, true
}

// set writes a pair. fresh says that neither the overlay nor the database has the key.
func (o *overlay) set(key, value []byte, fresh bool) {
	e := o.write(key, fresh)
	e.present, e.len = true, int32(len(value))
	if e.len > e.room {
		e.value, e.room = len(o.bytes), e.len
		o.bytes = append(o.bytes, value...)
		return
	}
	copy(o.valueOf(e), value)
}

// delete removes a pair, if there is one.
func (o *overlay) delete(key []byte) { o.write(key, false).present = false }

// write returns the entry of key, which is about to be written.
func (o *overlay) write(key []byte, fresh bool) *written {
	hash := maphash.Bytes(o.seed, key)
	i, at := o.find(key, hash)
	if i < 0 {
		i = int32(len(o.entries))
		o.entries = append(o.entries, written{hash: hash, key: len(o.bytes), keyLen: int32(len(key)), fresh: fresh})
		o.bytes = append(o.bytes, key...)
		o.tables[key[0]] = append(o.tables[key[0]], i)
		o.places[at] = place{o.group, i}
		o.makeRoom()
	}
	o.writes++
	e := &o.entries[i]
	e.at = o.writes
	if s := &o.shown[key[0]]; s.on {
		s.changed = append(s.changed, i)
	}
	return e
}

// makeRoom keeps half of the places free.
func (o *overlay) makeRoom() {
	if 2*len(o.entries) <= len(o.places) {
		return
	}
	o.places = make([]place, 2*len(o.places))
	for i := range o.entries {
		at := int(o.entries[i].hash) & (len(o.places) - 1)
		for o.places[at].group == o.group {
			at = (at + 1) & (len(o.places) - 1)
		}
		o.places[at] = place{o.group, int32(i)}
	}
}

// removeRange removes all pairs whose keys begin with a prefix.
func (o *overlay) removeRange(p keyPrefix) {
	if _, ok := o.removed[p]; !ok {
		o.ranges = append(o.ranges, p)
	}
	o.removed[p] = o.writes
}

// removesRanges reports whether all pairs of some range were removed.
func (o *overlay) removesRanges() bool { return len(o.ranges) > 0 }

// isNews reports whether the database is to be told of an entry.
func (o *overlay) isNews(e *written) bool {
	return (e.present || !e.fresh) && e.at > o.rangeOf(o.keyOf(e))
}

// writeTo writes everything to a batch, in the order of the keys.
func (o *overlay) writeTo(b *pebble.Batch) error {
	if err := o.removeRanges(b); err != nil {
		return err
	}
	for _, table := range o.tables {
		for _, k := range o.sorted(table) {
			if err := o.tell(b, &o.entries[k.entry]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *overlay) removeRanges(b *pebble.Batch) error {
	for _, p := range o.ranges {
		end := appendPrefix(nil, p[0], binary.BigEndian.Uint64(p[1:])+1)
		if err := b.DeleteRange(p[:], end, nil); err != nil {
			return err
		}
	}
	return nil
}

func (o *overlay) tell(b *pebble.Batch, e *written) error {
	if e.present {
		return b.Set(o.keyOf(e), o.valueOf(e), nil)
	}
	return b.Delete(o.keyOf(e), nil)
}

// A sortKey is an entry and a part of its key that decides most comparisons.
type sortKey struct {
	part  uint64
	entry int32
}

// sorted returns the entries of a table that are news in the order of their keys, until
// the next call.
func (o *overlay) sorted(table []int32) []sortKey {
	keys := o.keys[:0]
	var first []byte
	common := 0
	for _, i := range table {
		e := &o.entries[i]
		if !o.isNews(e) {
			continue
		}
		if key := o.keyOf(e); first == nil {
			first, common = key, len(key)
		} else {
			common = commonBytes(first[:common], key)
		}
		keys = append(keys, sortKey{entry: i})
	}
	for i := range keys {
		var part [8]byte
		copy(part[:], o.keyOf(&o.entries[keys[i].entry])[common:])
		keys[i].part = binary.BigEndian.Uint64(part[:])
	}
	slices.SortFunc(keys, func(a, b sortKey) int {
		if a.part != b.part {
			return cmp.Compare(a.part, b.part)
		}
		return bytes.Compare(o.keyOf(&o.entries[a.entry]), o.keyOf(&o.entries[b.entry]))
	})
	o.keys = keys
	return keys
}

// commonBytes returns how many first bytes a and b have in common.
func commonBytes(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// shown is what a batch with an index has of a table.
type shown struct {
	on      bool
	changed []int32 // entries written since
}

// show makes a batch with an index hold what the overlay has of a table.
func (o *overlay) show(b *pebble.Batch, table byte) error {
	s := &o.shown[table]
	news := s.changed
	if !s.on {
		news = o.tables[table]
	}
	for _, i := range news {
		e := &o.entries[i]
		if e.present && e.at <= o.rangeOf(o.keyOf(e)) {
			continue // the batch has the removal of its range
		}
		if err := o.tell(b, e); err != nil {
			return err
		}
	}
	s.on, s.changed = true, s.changed[:0]
	return nil
}

// hide says that the batch with an index is gone.
func (o *overlay) hide() {
	for i := range o.shown {
		o.shown[i].on, o.shown[i].changed = false, o.shown[i].changed[:0]
	}
}
