package storage

import (
	"fmt"
	"slices"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// bufferRetained is the size in bytes up to which an Append's memory is kept for the next.
const bufferRetained = 8 << 20

// Append makes the records durable, in order and all or none, with one sync, and
// then returns nil. Nothing that was remembered is ever lowered: what a record
// means is said by paxos.AcceptorState.Apply, and a vote below the trim point is
// not kept. The records are not held on to.
//
// After an error it is unknown which of this Append's records are durable, and
// the store is unusable: every call returns that error, or the one that came
// first in the background.
func (a *Acceptor) Append(records []paxos.Record) error {
	if err := a.unusable(); err != nil {
		return err
	}
	if len(records) == 0 {
		return nil
	}
	start := time.Now()
	if err := a.stage.fill(a.nextSegment(), records); err != nil {
		return a.halt.Fail(wrap("append", a.votesPath(), err))
	}
	size := len(a.stage.bytes)
	if err := a.settle(); err != nil {
		return err
	}
	a.counters.appended(records, size, time.Since(start))
	return nil
}

// unusable is why no call can be served, or nil.
func (a *Acceptor) unusable() error {
	if a.closed.Load() {
		return &Error{Op: "use", Path: a.dir.path, Kind: ErrClosed}
	}
	return a.halt.Cause()
}

// settle has the stage committed. It waits no longer than the store lives: the
// disk may never answer.
func (a *Acceptor) settle() error {
	a.commits <- struct{}{}
	select {
	case err := <-a.results:
		if err == nil {
			a.stage.settle()
		}
		return err
	case <-a.halt.Stopped():
		return a.halt.Cause()
	}
}

// commitLoop commits what is staged, each time that it is told to.
func (a *Acceptor) commitLoop() {
	defer close(a.ended)
	for range a.commits {
		a.results <- a.commit()
	}
}

// commit makes what is staged durable, and has it covered.
func (a *Acceptor) commit() error {
	if a.stage.opens {
		if err := a.roll(); err != nil {
			return err
		}
	}
	start := a.log.length
	if err := a.change("append", a.log.segment.path, func() error { return a.log.append(a.stage.bytes) }); err != nil {
		return err
	}
	if a.stage.opens { // not before: what has no Append yet must not become the first
		a.index.begin(a.stage.segment)
	}
	for i := range a.stage.votes {
		a.stage.votes[i].at += start
	}
	a.index.add(a.stage.votes, a.log.length, a.log.filled)
	a.cover.acked(a.stage.next.appends)
	a.trim(a.stage.next.Marks.TrimBelow)
	if a.options.CoverAfter < 0 {
		return a.coverNow()
	}
	a.coverSoon()
	return nil
}

// change does one change of the directory, unless the store has failed. A change that fails
// is its failure, and nothing is changed after that.
func (a *Acceptor) change(op, path string, do func() error) error {
	if err := a.halt.Cause(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return a.halt.Jam(wrap(op, path, err))
	}
	return nil
}

// stage is where an Append is put together.
type stage struct {
	segment *segment // where it goes
	opens   bool     // it is the first there
	bytes   []byte
	votes   []place // within bytes

	state   state // what is durable
	next    state // what is durable once bytes are
	founded bool  // the genesis or the configurations change
}

// fill makes the stage hold the records and the state after them. opens is the segment that
// they begin, if they begin one.
func (s *stage) fill(opens *segment, records []paxos.Record) error {
	if s.opens = opens != nil; s.opens {
		s.segment = opens
	}
	if cap(s.bytes) > bufferRetained {
		s.bytes = nil
	}
	s.bytes, s.votes = slices.Grow(s.bytes[:0], roomFor(records)), s.votes[:0]
	s.next, s.founded = s.state, s.opens
	s.next.appends++
	for _, r := range records {
		if err := s.put(r); err != nil {
			return err
		}
	}
	return s.finish()
}

// roomFor is about how many bytes the records take, values above all.
func roomFor(records []paxos.Record) int {
	const head = 256 // of a vote, and of the state, with the ids that are usual
	n := head
	for _, r := range records {
		if v, ok := r.(paxos.Voted); ok {
			n += head + len(v.Vote.Value.Body)
		}
	}
	return n
}

// settle says that it is durable.
func (s *stage) settle() { s.state = s.next }

func (s *stage) put(r paxos.Record) error {
	known := len(s.next.Known)
	s.next.Apply(r)
	switch r := r.(type) {
	case paxos.Voted:
		return s.putVote(r.Vote)
	case paxos.Trimmed: // it forgets configurations
		s.founded = s.founded || len(s.next.Known) != known
		return nil
	case paxos.Promised, paxos.Reached: // the state says it
		return nil
	case paxos.Founded, paxos.Configured, paxos.Abandoned:
		s.founded = true
		return nil
	default:
		return fmt.Errorf("%w: %T", ErrRecord, r)
	}
}

// putVote encodes v straight into the Append, so that a body is copied once.
func (s *stage) putVote(v paxos.Vote) (err error) {
	if v.Slot < s.next.Marks.TrimBelow {
		return nil
	}
	s.votes = append(s.votes, place{slot: v.Slot, at: int64(len(s.bytes))})
	s.bytes, err = appendVote(s.bytes, s.segment.seed, v)
	return err
}

// finish adds what makes the Append whole: a genesis and configurations that are new, or new
// to the segment, and the state.
func (s *stage) finish() (err error) {
	if s.next.Genesis != nil && s.founded {
		if s.bytes, err = appendGenesis(s.bytes, s.segment.seed, founding{s.next.Genesis, s.next.Known}); err != nil {
			return err
		}
	}
	s.bytes, err = appendState(s.bytes, s.segment.seed, s.segment.number, s.next)
	return err
}
