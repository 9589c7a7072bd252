package sim

import (
	"maps"

	"github.com/synod-paxos/synod/paxos"
)

// promiseRecord is what the acceptors that promised a ballot had voted for until
// then, by disk.
type promiseRecord map[paxos.UUID]map[paxos.Slot]paxos.Ballot

// promised notes that a promise to ballot b leaves acceptor a. From the first one on
// it votes in no lower ballot, so what it had voted for until then is all that the
// ballot's proposer must heed.
func (o *oracle) promised(a *acceptor, b paxos.Ballot) {
	if o.known == nil {
		return
	}
	if o.records[b] == nil {
		o.records[b] = promiseRecord{}
	}
	if _, ok := o.records[b][a.disk.id]; !ok {
		o.records[b][a.disk.id] = maps.Clone(o.disk(a.disk.id).votes)
	}
}

// promisers is the acceptors of c that promised b.
func (o *oracle) promisers(b paxos.Ballot, c *paxos.Configuration) paxos.Set {
	var s paxos.Set
	for i, m := range c.Acceptors {
		if _, ok := o.records[b][m.Disk]; ok {
			s = s.With(i)
		}
	}
	return s
}

// checkSafeValue is PTP's B3, which is all that agreement rests on: for every
// proposal there is a phase-1 quorum that promised its ballot, and of whose votes
// until then in its slot the one in the highest ballot was for the same value, or
// there was none. It holds whether or not anything is chosen yet.
func (o *oracle) checkSafeValue(p *proposer, m paxos.Accept) {
	if o.known == nil {
		return
	}
	c := o.governs(m.Slot)
	if c == nil {
		o.w.fail("configurations", "proposer %s proposes in slot %d, and it is not decided who governs it: all below %d are chosen", p.id, m.Slot, o.below)
		return
	}
	o.checkHandedDown(p, m.Slot, c)
	record, promisers := o.records[m.Ballot], o.promisers(m.Ballot, c)
	for q := paxos.Set(1); q < 1<<len(c.Acceptors); q++ {
		if q&promisers == q && c.Phase1(q) && o.safe(m, record, q, c) {
			return
		}
	}
	o.w.fail("B3", "slot %d: proposer %s proposes %s in ballot %s, and no quorum's votes allow that",
		m.Slot, p.id, describeValue(m.Value), describeBallot(m.Ballot))
}

// safe reports whether the votes of quorum q allow the proposal m.
func (o *oracle) safe(m paxos.Accept, record promiseRecord, q paxos.Set, c *paxos.Configuration) bool {
	var highest paxos.Ballot
	for i, a := range c.Acceptors {
		if b := record[a.Disk][m.Slot]; q.Has(i) && highest.Less(b) {
			highest = b
		}
	}
	if highest.IsZero() {
		return true
	}
	v := o.slots[m.Slot].proposal(highest)
	return v != nil && v.value.Equal(m.Value)
}
