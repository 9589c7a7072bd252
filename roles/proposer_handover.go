package roles

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/synod-paxos/synod/paxos"
)

// This file is how leadership goes from one proposer to another that is ready for it,
// without a timeout: on SIGTERM, when an operator asks for it, and when a proposer of a
// higher priority is there.

// yield is whom a leader hands over to while it goes on as a standby.
type yield struct {
	to    paxos.NodeID  // empty: nobody
	tried paxos.Instant // when it last gave way to a higher priority
}

// preferAfter is how long a proposer of a higher priority must be there, and a leader
// have led, before the one hands over to the other; preferAgain how long a leader
// waits until it tries once more: the other may be unable to lead.
const (
	preferAfter = paxos.Duration(3 * AcceptorHello)
	preferAgain = paxos.Duration(60e9)
)

// leaving reports whether the leader is to hand over.
func (p *Proposer) leaving() bool { return p.drain || p.yield.to != "" }

// handOver asks another proposer to lead once a leader that is leaving has nothing left.
func (p *Proposer) handOver(now paxos.Now, out *paxos.Effects) {
	if p.stage != leading || !p.leaving() || len(p.lead.rounds) > 0 || len(p.queue.commands) > 0 {
		return
	}
	to := p.yield.to
	if to == "" || !p.peers.there(to, now) {
		to = p.peers.successor(p.self.ID, now)
	}
	if to != "" {
		p.send(out, to, paxos.HandOver{Ballot: p.ballot, Chosen: p.chosen})
	}
	p.stepDown(now, out)
}

// stepTransfer hands over because an operator wants it.
func (p *Proposer) stepTransfer(now paxos.Now, e paxos.Envelope, m paxos.Transfer, out *paxos.Effects) {
	if !p.commanded(e, out) {
		return
	}
	if p.leaving() {
		p.reportLeaving(e.From.ID, "leadership is handed over already: ask again when it is", out)
		return
	}
	to := m.To
	if to == "" {
		to = p.peers.successor(p.self.ID, now)
	}
	switch {
	case to == p.self.ID:
		p.reportChange(e.From.ID, "", out)
	case to == "":
		p.reportChange(e.From.ID, "no other proposer is there", out)
	case !p.peers.there(to, now):
		p.reportChange(e.From.ID, fmt.Sprintf("proposer %s is not there", to), out)
	default:
		p.reportChange(e.From.ID, "", out)
		p.yield.to = to
		p.handOver(now, out)
	}
}

// preferOther begins to hand over to a proposer of a higher priority.
func (p *Proposer) preferOther(now paxos.Now) {
	if p.leaving() || now.Mono-p.lead.since < paxos.Instant(preferAfter) ||
		p.yield.tried != 0 && now.Mono-p.yield.tried < paxos.Instant(preferAgain) {
		return
	}
	for _, o := range p.peers {
		if o.priority > p.opts.Priority && o.there(now) && now.Mono-o.since >= paxos.Instant(preferAfter) {
			p.yield = yield{to: o.id, tried: now.Mono}
			return
		}
	}
}

// peers are the other proposers, those of a higher priority first.
type peers []*peer

type peer struct {
	id       paxos.NodeID
	priority int
	since    paxos.Instant // heard without a long silence since then
	heard    paxos.Instant
}

// note says that proposer id was heard.
func (ps *peers) note(id paxos.NodeID, now paxos.Now) *peer {
	kept := slices.DeleteFunc(*ps, func(p *peer) bool { return !p.there(now) })
	i := slices.IndexFunc(kept, func(p *peer) bool { return p.id == id })
	if i < 0 {
		i, kept = len(kept), append(kept, &peer{id: id, since: now.Mono})
	}
	noted := kept[i]
	noted.heard = now.Mono
	*ps = kept
	return noted
}

// there reports whether p was heard lately.
func (p *peer) there(now paxos.Now) bool { return now.Mono-p.heard < paxos.Instant(3*AcceptorHello) }

// there reports whether proposer id was heard lately.
func (ps peers) there(id paxos.NodeID, now paxos.Now) bool {
	return slices.ContainsFunc(ps, func(p *peer) bool { return p.id == id && p.there(now) })
}

// successor is the proposer other than self that was heard lately and has the highest
// priority, of several the one with the lowest id; empty for none.
func (ps peers) successor(self paxos.NodeID, now paxos.Now) paxos.NodeID {
	there := slices.DeleteFunc(slices.Clone(ps), func(p *peer) bool { return p.id == self || !p.there(now) })
	if len(there) == 0 {
		return ""
	}
	return slices.MinFunc(there, func(a, b *peer) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmpID(a.id, b.id))
	}).id
}
