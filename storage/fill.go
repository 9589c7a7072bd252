package storage

import (
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/synod-paxos/synod/internal/guard"
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
	read := func() (struct{}, error) { return struct{}{}, a.fill(&page, maxBytes) }
	if _, err := guard.Attempt(a.halt, read); err != nil {
		return a.halt.Fail(a.whyUnread(wrap("read", a.votesPath(), err)))
	}
	*p = page
	a.counters.filled(p)
	return nil
}

func (a *Acceptor) fill(p *paxos.Page, maxBytes int) (err error) {
	from := max(p.From, paxos.Slot(a.trimmed.Load()))
	span := pebble.IterOptions{LowerBound: appendVoteKey(nil, from), UpperBound: keySpan[1]}
	if p.To != 0 {
		span.UpperBound = appendVoteKey(nil, max(from, p.To))
	}
	it, err := a.db.NewIter(&span)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		if len(it.Key()) != voteKeyLen {
			continue // a state or a genesis
		}
		v, err := a.readVote(it, p.BallotsOnly)
		if err != nil {
			return err
		}
		if !p.Add(v, &maxBytes) {
			return nil
		}
	}
	return nil
}

// readVote decodes the vote that it is at; the value's body is copied.
func (a *Acceptor) readVote(it *pebble.Iterator, ballotOnly bool) (paxos.Vote, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return paxos.Vote{}, err
	}
	v, err := decodeVote(value, a.seed, it.Key(), ballotOnly)
	if err != nil {
		return paxos.Vote{}, corrupt(a.votesPath(), "vote of key %x: %w", it.Key(), err)
	}
	v.Value.Body = slices.Clone(v.Value.Body)
	return v, nil
}

// loadState reads the state record and the genesis.
func (a *Acceptor) loadState() (s state, err error) {
	it, err := a.db.NewIter(&pebble.IterOptions{LowerBound: keySpan[0], UpperBound: keySpan[1]})
	if err != nil {
		return state{}, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.Last() {
		return state{}, errors.Join(it.Error(), corrupt(a.votesPath(), "there is no state record"))
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return state{}, err
	}
	s, err = decodeState(value, a.seed, it.Key())
	if err != nil {
		return state{}, corrupt(a.votesPath(), "state record of key %x: %w", it.Key(), err)
	}
	return s, a.loadGenesis(&s)
}

// loadGenesis completes s with the genesis and the configurations that its record
// tells of.
func (a *Acceptor) loadGenesis(s *state) error {
	if s.Genesis == nil {
		return nil
	}
	key := appendGenesisKey(nil, s.genesisAt)
	value, closer, err := a.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return corrupt(a.votesPath(), "the genesis record is missing")
	}
	if err != nil {
		return err
	}
	s.Genesis, s.Known, err = decodeGenesis(value, a.seed, key)
	if err = errors.Join(err, closer.Close()); err != nil {
		return corrupt(a.votesPath(), "genesis record: %w", err)
	}
	return nil
}
