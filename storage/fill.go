package storage

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/synod-paxos/synod/paxos"
)

// Fill completes p with the votes in [p.From, p.To), lowest slot first, until they
// take maxBytes; at least one vote goes in, if there is one. p.Next is then the
// first slot left out, or 0. It sees all that was appended before the call, and
// perhaps some of an Append that has not returned. The values are p's own; a page
// of ballots reads none.
//
// An error means that votes cannot be read: the store is unusable, as after an
// error of Append, and p must not be used.
func (a *Acceptor) Fill(p *paxos.Page, maxBytes int) error {
	if err := a.unusable(); err != nil {
		return err
	}
	page := *p
	if err := a.fill(&page, maxBytes); err != nil {
		return a.halt.Fail(wrap("read", a.votesPath(), err))
	}
	*p = page
	a.counters.filled(p)
	return nil
}

func (a *Acceptor) fill(p *paxos.Page, maxBytes int) (err error) {
	from := max(p.From, paxos.Slot(a.trimmed.Load()))
	runs := a.index.read(from, p.To)
	defer a.index.release(runs)
	m := newMerge(a.disk, runs, from, p.To)
	defer func() { err = errors.Join(err, m.close()) }()
	for {
		v, ok, err := m.next(p.BallotsOnly)
		if err != nil || !ok || !p.Add(v, &maxBytes) {
			return err
		}
	}
}

// merge is the votes of several runs in ascending slots, of each slot the last one. A run is
// read from the slot on that it begins with: a page needs few of a long log.
type merge struct {
	fs       vfs.FS
	from, to paxos.Slot // to 0: no limit
	rest     []agedRun  // not read yet, the lowest first
	cursors  []*cursor  // of votes that are left
	files    map[*segment]vfs.File
}

// agedRun is a run, and how many were written before it.
type agedRun struct {
	run
	age int
}

func newMerge(fsys vfs.FS, runs []run, from, to paxos.Slot) *merge {
	m := &merge{fs: fsys, from: from, to: to, files: map[*segment]vfs.File{}}
	for i, r := range runs {
		m.rest = append(m.rest, agedRun{r, i})
	}
	slices.SortFunc(m.rest, func(a, b agedRun) int { return cmp.Compare(a.low, b.low) })
	return m
}

// next is the vote in the lowest slot that is left; ok is false when there is none.
func (m *merge) next(ballotOnly bool) (v paxos.Vote, ok bool, err error) {
	last := m.last()
	for len(m.rest) > 0 && (last == nil || m.rest[0].low <= last.slot) {
		if err := m.open(m.rest[0]); err != nil {
			return paxos.Vote{}, false, err
		}
		m.rest = m.rest[1:]
		last = m.last()
	}
	if last == nil || m.to != 0 && last.slot >= m.to {
		return paxos.Vote{}, false, nil
	}
	if v, err = last.vote(ballotOnly); err != nil {
		return paxos.Vote{}, false, err
	}
	return v, true, m.pass(v.Slot)
}

// last is the cursor at the lowest slot; of several the one that was written last.
func (m *merge) last() (last *cursor) {
	for _, c := range m.cursors {
		if last == nil || c.slot < last.slot || c.slot == last.slot && c.age > last.age {
			last = c
		}
	}
	return last
}

// open begins to read a run.
func (m *merge) open(r agedRun) error {
	f := m.files[r.segment]
	if f == nil {
		var err error
		if f, err = m.fs.Open(r.segment.path); err != nil {
			return wrap("read", r.segment.path, err)
		}
		m.files[r.segment] = f
	}
	c := &cursor{age: r.age, file: f, segment: r.segment, at: r.seek(m.from), end: r.end}
	err := c.seek(m.from)
	if c.ok {
		m.cursors = append(m.cursors, c)
	}
	return err
}

// pass goes on behind the slot, and forgets the runs that end there.
func (m *merge) pass(slot paxos.Slot) error {
	var errs []error
	m.cursors = slices.DeleteFunc(m.cursors, func(c *cursor) bool {
		if c.slot == slot {
			errs = append(errs, c.next())
		}
		return !c.ok
	})
	return errors.Join(errs...)
}

func (m *merge) close() error {
	var errs []error
	for s, f := range m.files {
		errs = append(errs, wrap("close", s.path, f.Close()))
	}
	return errors.Join(errs...)
}

// cursor goes from vote to vote of a run.
type cursor struct {
	age     int // how many runs were written before
	file    vfs.File
	segment *segment
	at, end int64 // of the rest of the run

	ok     bool       // it has read the beginning of a vote
	slot   paxos.Slot // of that vote
	length int        // of the entry that ends at at

	window []byte // a part of the file
	from   int64  // where it begins
}

// windowBytes is how much of a segment is read at once.
const windowBytes = 64 << 10

// seek goes to the first vote from the slot on.
func (c *cursor) seek(from paxos.Slot) error {
	for err := c.next(); ; err = c.next() {
		if err != nil || !c.ok || c.slot >= from {
			return err
		}
	}
}

// next goes to the next vote, if there is one.
func (c *cursor) next() error {
	for c.ok = false; c.at < c.end; {
		header, err := c.bytes(c.at, entryHeader)
		if err != nil {
			return err
		}
		kind, length := header[0], entryHeader+int64(binary.LittleEndian.Uint32(header[1:]))
		if length > c.end-c.at {
			return c.broken()
		}
		c.at, c.length = c.at+length, int(length)
		if kind == voteEntry {
			v, err := c.vote(true)
			c.slot, c.ok = v.Slot, err == nil
			return err
		}
		if err := c.pass(kind); err != nil {
			return err
		}
	}
	return nil
}

// pass reads what is no vote: were its length not what it was, votes might be passed too.
func (c *cursor) pass(kind byte) error {
	entry, err := c.bytes(c.at-int64(c.length), c.length)
	if err != nil {
		return err
	}
	if kind != stateEntry && kind != genesisEntry || content(entry, kind, c.segment.seed).bad {
		return c.broken()
	}
	return nil
}

// vote reads the vote whose entry ends at at.
func (c *cursor) vote(ballotOnly bool) (v paxos.Vote, err error) {
	n, decode := c.length, decodeVote
	if ballotOnly {
		n, decode = min(n, voteHeaderMax), decodeBallot
	}
	entry, err := c.bytes(c.at-int64(c.length), n)
	if err != nil {
		return paxos.Vote{}, err
	}
	if v, err = decode(entry, c.segment.seed); err != nil {
		return paxos.Vote{}, c.broken()
	}
	v.Value.Body = slices.Clone(v.Value.Body)
	return v, nil
}

// broken is the error of a run that is not what was written.
func (c *cursor) broken() error {
	return corrupt(c.segment.path, "a vote before byte %d: %w", c.at, errBroken)
}

// bytes is n bytes of the file, until the next call.
func (c *cursor) bytes(at int64, n int) ([]byte, error) {
	if at < c.from || at+int64(n) > c.from+int64(len(c.window)) {
		if err := c.load(at, n); err != nil {
			return nil, err
		}
	}
	return c.window[at-c.from:][:n], nil
}

// load reads at least n bytes from at on, all of which were written once.
func (c *cursor) load(at int64, n int) error {
	if int64(n) > c.end-at {
		return c.broken()
	}
	size := int(min(max(int64(n), windowBytes), c.end-at))
	c.window, c.from = slices.Grow(c.window[:0], size)[:size], at
	got, err := c.file.ReadAt(c.window, at)
	switch {
	case got >= n && (err == nil || errors.Is(err, io.EOF)):
		c.window = c.window[:got]
		return nil
	case err == nil || errors.Is(err, io.EOF):
		err = corrupt(c.segment.path, "it ends before byte %d", at+int64(n))
	}
	c.window = c.window[:0]
	return wrap("read", c.segment.path, err)
}
