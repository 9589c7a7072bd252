package streams

import (
	"bytes"

	"github.com/cespare/xxhash/v2"
)

// cachedSubjects is the number of subjects whose records are kept in memory, about
// 150 bytes each. Reading one from the database costs more than all else that a
// put does.
const cachedSubjects = 1 << 16

// A subjectTable is a cache of subject records as they are on disk. A subject has
// one place in it; what was there before is dropped.
type subjectTable struct {
	places []*cachedSubject // nil until the first use
}

type cachedSubject struct {
	stream, epoch uint64 // of stream.epoch
	name          []byte
	record        subjectRecord
	stored        bool // there is a pair on disk
	sum           Sum  // of that pair
}

// place returns where the subject whose key is key belongs.
func (t *subjectTable) place(key []byte) **cachedSubject {
	if t.places == nil {
		t.places = make([]*cachedSubject, cachedSubjects)
	}
	return &t.places[xxhash.Sum64(key)%cachedSubjects]
}

// load sets c to the record of a subject, and reports whether it is known.
func (t *subjectTable) load(s *stream, key []byte, c *subjectCache) bool {
	e := *t.place(key)
	if e == nil || e.stream != s.id || e.epoch != s.epoch || !bytes.Equal(e.name, c.name) {
		return false
	}
	c.record, c.stored, c.sum = e.record, e.stored, e.sum
	return true
}

// store keeps c, which is as on disk.
func (t *subjectTable) store(s *stream, key []byte, c *subjectCache) {
	p := t.place(key)
	if *p == nil {
		*p = new(cachedSubject)
	}
	e := *p
	e.stream, e.epoch = s.id, s.epoch
	e.name = append(e.name[:0], c.name...)
	e.record, e.stored, e.sum = c.record, c.stored, c.sum
}
