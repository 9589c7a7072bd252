package streams

import (
	"context"
	"encoding/binary"
	"fmt"
)

// Scrub reads every pair of the state and compares it with the stored digests and
// counters. It returns the digest that it verified, or what is damaged. It takes
// as long as reading the whole state from disk; ctx can end it.
func (v *View) Scrub(ctx context.Context) (Digest, error) {
	want, err := v.Digest()
	if err != nil {
		return Digest{}, err
	}
	s := &scrub{streams: make(map[uint64]*scrubbed)}
	seen := 0
	err = v.scan([]byte{tableGlobals}, []byte{0xff}, func(key, value []byte) (bool, error) {
		if seen++; seen%1024 == 0 && ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		return true, s.add(key, value)
	})
	if err == nil {
		err = s.compare(want)
	}
	return want, err
}

// scrubbed is what the pairs of one stream add up to.
type scrubbed struct {
	config, state bool
	want          streamState
	size          *stream // knows how messages count
	got           streamState
}

// A scrub adds up pairs, which come in the order of their keys: configurations and
// counters before what they describe.
type scrub struct {
	hash    hasher
	total   Sum
	streams map[uint64]*scrubbed // only looked up, and all checked alike
	order   []uint64
}

func (s *scrub) add(key, value []byte) error {
	sum := s.hash.pair(key, value)
	switch {
	case len(key) == 1 && key[0] == tableGlobals, key[0] == tableSkip && validSkip(key, value):
		s.total.add(sum)
		return nil
	}
	if len(key) < prefixBytes {
		return damaged(key, "a key of no table")
	}
	st, err := s.stream(key)
	if err != nil {
		return err
	}
	switch table := key[0]; table {
	case tableConfig, tableState:
		s.total.add(sum)
		return st.addRecord(key, value)
	case tableMessage, tableIndex, tableSubject, tableExpiry:
		st.got.messageSum.add(sum)
	case tableID, tableIDQueue, tableIDGroup, tableIDRun:
		st.got.idSum.add(sum)
	case tableSession, tableNonce, tableOutcome, tableLease, tableDue:
		st.got.ownerSum.add(sum)
	default:
		return damaged(key, "a key of no table")
	}
	return st.count(key, value)
}

func (s *scrub) stream(key []byte) (*scrubbed, error) {
	id := binary.BigEndian.Uint64(key[1:prefixBytes])
	st := s.streams[id]
	if st == nil {
		if key[0] != tableConfig {
			return nil, damaged(key, "a pair of no stream")
		}
		st = new(scrubbed)
		s.streams[id] = st
		s.order = append(s.order, id)
	}
	return st, nil
}

func (st *scrubbed) addRecord(key, value []byte) (err error) {
	if len(key) != prefixBytes {
		return damaged(key, "not a key of a record")
	}
	var ok bool
	if key[0] == tableConfig {
		created, c, valid := parseConfig(value)
		if ok = valid; ok {
			st.size = newStream(0, c, created)
		}
		st.config = true
	} else {
		st.want, ok = parseStreamState(value)
		st.state = true
	}
	if !ok {
		err = damaged(key, "not a record of a stream")
	}
	return err
}

// count checks the form of a pair and adds it to the counters.
func (st *scrubbed) count(key, value []byte) (err error) {
	ok := true
	switch table := key[0]; table {
	case tableMessage:
		var m message
		if m, ok = parseMessage(value); ok {
			st.got.msgs++
			st.got.bytes += st.size.sizeOf(&m)
		}
		ok = ok && len(key) == seqKeyBytes
	case tableIndex:
		ok = len(key) > seqKeyBytes+1 && key[len(key)-9] == 0 && len(value) == 0
	case tableSubject:
		st.got.subjects++
		_, ok = parseSubjectRecord(value)
	case tableExpiry:
		ok = len(key) == seqKeyBytes+8 && len(value) == 0
	case tableID, tableIDQueue, tableIDGroup, tableIDRun:
		ok = st.countIDs(key, value)
	default:
		ok = st.countOwner(key, value)
	}
	if !ok {
		err = damaged(key, "not a pair of its table")
	}
	return err
}

// countIDs is count for ids.
func (st *scrubbed) countIDs(key, value []byte) (ok bool) {
	switch key[0] {
	case tableID:
		st.got.ids++
		_, ok = parseSeenID(value)
	case tableIDGroup:
		var ids []groupedID
		ids, ok = parseIDGroup(nil, value)
		st.got.ids += uint64(len(ids))
	case tableIDQueue, tableIDRun:
		var run idRun
		run, ok = parseIDRun(key, value)
		ok = ok && len(key) == seqKeyBytes && run.ids.valid()
	}
	return ok
}

// countOwner is count for sessions and leases.
func (st *scrubbed) countOwner(key, value []byte) (ok bool) {
	switch key[0] {
	case tableSession:
		st.got.sessions++
		_, ok = parseSession(value)
		ok = ok && len(key) == seqKeyBytes
	case tableNonce:
		ok = len(key) == prefixBytes+nonceBytes && len(value) == 8
	case tableOutcome:
		ok = len(key) == seqKeyBytes+8
	case tableLease:
		st.got.leases++
		_, ok = parseLease(value)
	case tableDue:
		_, _, _, ok = splitDueKey(key)
		ok = ok && len(value) == 0
	}
	return ok
}

func (s *scrub) compare(want Digest) error {
	for _, id := range s.order {
		if err := s.streams[id].compare(); err != nil {
			return fmt.Errorf("streams: slot %d: %w", want.Slot, err)
		}
	}
	if s.total != want.Sum {
		return fmt.Errorf("streams: damaged state: digest of slot %d is %s, the pairs have %s", want.Slot, want.Sum, s.total)
	}
	return nil
}

func (st *scrubbed) compare() error {
	name := st.size.config.Name
	if !st.state {
		return fmt.Errorf("damaged state: stream %s has no counters", name)
	}
	got, want := &st.got, &st.want
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"messages", got.msgs, want.msgs},
		{"bytes", got.bytes, want.bytes},
		{"subjects", got.subjects, want.subjects},
		{"message ids", got.ids, want.ids},
		{"digest of messages", got.messageSum, want.messageSum},
		{"digest of message ids", got.idSum, want.idSum},
		{"sessions", got.sessions, want.sessions},
		{"leases", got.leases, want.leases},
		{"digest of sessions and leases", got.ownerSum, want.ownerSum},
	} {
		if c.got != c.want {
			return fmt.Errorf("damaged state: stream %s: %s: counters say %v, the pairs %v", name, c.what, c.want, c.got)
		}
	}
	return nil
}
