package storage

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/synod-paxos/synod/paxos"
)

// batchRetained is the size in bytes up to which an Append's memory is kept for
// the next.
const batchRetained = 8 << 20

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
	if err := a.stage.fill(records); err != nil {
		return a.halt.Fail(wrap("append", a.votesPath(), err))
	}
	size := a.stage.batch.Len() // Pebble may keep a large batch
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
	for range a.commits {
		a.results <- a.commit()
	}
}

// commit makes the staged batch durable, and has it covered.
func (a *Acceptor) commit() error {
	if err := a.apply(); err != nil {
		return a.halt.Fail(wrap("append", a.votesPath(), err))
	}
	a.cover.acked(a.stage.next.appends)
	a.trim(a.stage.next.Marks.TrimBelow)
	if a.options.CoverAfter < 0 {
		return a.coverNow()
	}
	a.coverSoon()
	return nil
}

// apply commits the batch. Pebble panics where it cannot go on.
func (a *Acceptor) apply() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pebble: %v", p)
		}
	}()
	a.reclaim.wrote(a.stage.low)
	err = a.db.Apply(a.stage.batch, pebble.Sync)
	a.reclaim.wrote(a.stage.low) // the batch may have gone to a new MemTable
	return errors.Join(err, a.halt.Cause())
}

// stage is where an Append's batch is put together.
type stage struct {
	seed  seed
	batch *pebble.Batch

	state state      // what is durable
	next  state      // what is durable once the batch is
	low   paxos.Slot // the lowest slot of a key in the batch

	founded bool // the batch changes the genesis or the configurations
	scratch []byte
}

// fill makes the batch hold the records and the state record after them.
func (s *stage) fill(records []paxos.Record) error {
	s.batch.Reset()
	s.next, s.founded = s.state, false
	s.next.appends++
	s.low = math.MaxUint64
	for _, r := range records {
		if err := s.put(r); err != nil {
			return err
		}
	}
	return errors.Join(s.putGenesis(), s.putState())
}

// settle says that the batch is durable.
func (s *stage) settle() { s.state = s.next }

func (s *stage) put(r paxos.Record) error {
	s.next.Apply(r)
	switch r := r.(type) {
	case paxos.Promised, paxos.Trimmed, paxos.Reached: // the state record says it
		return nil
	case paxos.Voted:
		return s.putVote(r.Vote)
	case paxos.Founded, paxos.Configured, paxos.Abandoned:
		s.founded = true
		return nil
	default:
		return fmt.Errorf("%w: %T", ErrRecord, r)
	}
}

// putVote encodes v straight into the batch, so that a body is copied once.
func (s *stage) putVote(v paxos.Vote) (err error) {
	if v.Slot < s.next.Marks.TrimBelow {
		return nil
	}
	s.low = min(s.low, v.Slot)
	var sum uint32
	s.scratch = appendVoteKey(s.scratch[:0], v.Slot)
	s.scratch, sum, err = appendVoteHeader(s.scratch, s.seed, s.scratch, v)
	if err != nil {
		return err
	}
	key, header := s.scratch[:voteKeyLen], s.scratch[voteKeyLen:]
	op := s.batch.SetDeferred(len(key), len(header)+bodyRecordLen(v.Value.Body))
	copy(op.Key, key)
	putBody(op.Value[copy(op.Value, header):], sum, v.Value.Body)
	return op.Finish()
}

// putGenesis stores a genesis and configurations that are new, or that the trim point
// passes.
func (s *stage) putGenesis() error {
	if s.next.Genesis == nil || !s.founded && s.next.genesisAt >= s.next.Marks.TrimBelow {
		return nil
	}
	s.next.genesisAt = s.next.position()
	key := appendGenesisKey(nil, s.next.genesisAt)
	value, err := appendGenesis(nil, s.seed, key, s.next.Genesis, s.next.Known)
	if err != nil {
		return err
	}
	return s.batch.Set(key, value, nil)
}

func (s *stage) putState() error {
	s.low = min(s.low, s.next.position())
	s.scratch = appendStateKey(s.scratch[:0], s.next.position())
	buf, err := appendState(s.scratch, s.seed, s.scratch, s.next)
	if err != nil {
		return err
	}
	s.scratch = buf
	return s.batch.Set(buf[:markKeyLen], buf[markKeyLen:], nil)
}
