package sim

import (
	"maps"

	"github.com/synod-paxos/synod/paxos"
)

// promiseRecord is what the acceptors that promised a ballot had voted for until
// then, by the index of the acceptor.
type promiseRecord map[int]map[paxos.Slot]paxos.Ballot

// promised notes that a promise to ballot b leaves acceptor a. From the first one on
// it votes in no lower ballot, so what it had voted for until then is all that the
// ballot's proposer must heed.
func (o *oracle) promised(a *acceptor, b paxos.Ballot) {
	if o.config == nil {
		return
	}
	if o.records[b] == nil {
		o.records[b] = promiseRecord{}
	}
	i := o.config.Index(a.id)
	if _, ok := o.records[b][i]; !ok && o.config.Acceptors[i].Disk == a.disk.id {
		o.records[b][i] = maps.Clone(o.disk(a.disk.id).votes)
	}
}

// promisers is the acceptors that promised b.
func (o *oracle) promisers(b paxos.Ballot) paxos.Set {
	var s paxos.Set
	for i := range o.records[b] {
		s = s.With(i)
	}
	return s
}

// checkSafeValue is PTP's B3, which is all that agreement rests on: for every
// proposal there is a phase-1 quorum that promised its ballot, and of whose votes
// until then in its slot the one in the highest ballot was for the same value, or
// there was none. It holds whether or not anything is chosen yet.
func (o *oracle) checkSafeValue(p *proposer, m paxos.Accept) {
	if o.config == nil {
		return
	}
	record, promisers := o.records[m.Ballot], o.promisers(m.Ballot)
	for q := paxos.Set(1); q < 1<<len(o.config.Acceptors); q++ {
		if q&promisers == q && o.config.Phase1(q) && o.safe(m, record, q) {
			return
		}
	}
	o.w.fail("B3", "slot %d: proposer %s proposes %s in ballot %s, and no quorum's votes allow that",
		m.Slot, p.id, describeValue(m.Value), describeBallot(m.Ballot))
}

// safe reports whether the votes of quorum q allow the proposal m.
func (o *oracle) safe(m paxos.Accept, record promiseRecord, q paxos.Set) bool {
	var highest paxos.Ballot
	for i, votes := range record {
		if b := votes[m.Slot]; q.Has(i) && highest.Less(b) {
			highest = b
		}
	}
	if highest.IsZero() {
		return true
	}
	v := o.slots[m.Slot].proposal(highest)
	return v != nil && v.value.Equal(m.Value)
}
