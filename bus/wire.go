package bus

import (
	"errors"
	"fmt"

	"github.com/synod-paxos/synod/paxos"
)

// WireVersion is the version of the wire form that this build writes, and the
// only one that it reads. Fields that an old receiver may skip need no new one.
const WireVersion = 1

var (
	// ErrWire is matched by every error of Encode and Decode: the message cannot
	// be told to others, or is not one.
	ErrWire = errors.New("bus: malformed message")
	// ErrWireVersion is matched, beside ErrWire, by Decode's error for a message of
	// another wire version: a newer or older build speaks.
	ErrWireVersion = errors.New("unknown wire version")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrWire, fmt.Errorf(format, args...))
}

// check holds what every message on the wire satisfies. Encode and Decode both
// enforce it, so what one build sends another can read. It judges the form of one
// message only: whether it is true, stale or hostile is for the roles.
func check(e paxos.Envelope) error {
	if e.From.Role < paxos.ProposerRole || e.From.Role > paxos.OperatorRole {
		return malformed("sender of unknown %s", e.From.Role)
	}
	if !e.From.ID.Valid() {
		return malformed("sender id %q", e.From.ID)
	}
	if e.To != "" && !e.To.Valid() {
		return malformed("receiver id %q", e.To)
	}
	if err := checkOptional("sender's promise", e.From.Promised); err != nil {
		return err
	}
	if e.Msg == nil {
		return malformed("no body")
	}
	if err := checkMessage(e.Msg); err != nil {
		return fmt.Errorf("%w in %T", err, e.Msg)
	}
	return nil
}

func checkMessage(m paxos.Message) error {
	switch m := m.(type) {
	case paxos.Prepare:
		return checkBallot("ballot", m.Ballot)
	case paxos.Promise:
		return errors.Join(checkBallot("ballot", m.Ballot), checkPage(m.Page))
	case paxos.Accept:
		return checkAccept(m)
	case paxos.Accepted:
		return errors.Join(checkBallot("ballot", m.Ballot), checkAscending(m.Slots))
	case paxos.Nack:
		return errors.Join(checkBallot("ballot", m.Ballot), checkBallot("promised ballot", m.Promised))
	case paxos.Heartbeat:
		return checkBallot("ballot", m.Ballot)
	case paxos.HandOver:
		return checkBallot("ballot", m.Ballot)
	case paxos.Trim:
		return checkBallot("ballot", m.Ballot)
	case paxos.Hello:
		return errors.Join(checkOptional("leading ballot", m.Leading), checkGenesis(m.Genesis), checkTold(m.Known), checkPriority(m.Priority))
	case paxos.Fetch:
		return checkOptionalID("value source", m.Values)
	case paxos.Votes:
		return checkPage(m.Page)
	case paxos.Change:
		if m.Next == nil {
			return nil
		}
		return checkConfiguration(m.Next)
	case paxos.ChangeReport:
		return checkConfiguration(&m.Newest)
	case paxos.Transfer:
		return checkOptionalID("proposer", m.To)
	case paxos.StoreGenesis:
		return checkGenesis(&m.Genesis)
	case paxos.GenesisReport:
		return checkGenesis(m.Genesis)
	case paxos.LeaderQuery, paxos.LeaderReport, paxos.Fill, paxos.Position, paxos.Digest, paxos.SnapshotQuery,
		paxos.SnapshotChunk, paxos.ReadQuery, paxos.ReadReport, paxos.GenesisQuery, paxos.Seal, paxos.Abandon:
		return nil
	default:
		return malformed("unknown message type")
	}
}

func checkAccept(m paxos.Accept) error {
	if m.Slot == 0 {
		return malformed("slot 0")
	}
	return errors.Join(checkBallot("ballot", m.Ballot), checkValue(m.Value))
}

// checkBallot wants the ballot of some proposer.
func checkBallot(what string, b paxos.Ballot) error {
	if !b.Proposer.Valid() {
		return malformed("%s of proposer %q", what, b.Proposer)
	}
	return nil
}

// checkOptional takes the zero ballot too.
func checkOptional(what string, b paxos.Ballot) error {
	if b.IsZero() {
		return nil
	}
	return checkBallot(what, b)
}

func checkOptionalID(what string, id paxos.NodeID) error {
	if id != "" && !id.Valid() {
		return malformed("%s %q", what, id)
	}
	return nil
}

func checkValue(v paxos.Value) error {
	if v.Kind > paxos.Reconfigure {
		return malformed("value of unknown %s", v.Kind)
	}
	return checkOptionalID("answerer", v.Answerer)
}

func checkAscending(slots []paxos.Slot) error {
	var last paxos.Slot
	for _, s := range slots {
		if s <= last {
			return malformed("slot %d after slot %d", s, last)
		}
		last = s
	}
	return nil
}

func checkPage(p paxos.Page) error {
	last := paxos.Slot(0)
	for i := range p.Votes {
		v := &p.Votes[i]
		if v.Slot <= last || v.Slot < p.From || (p.To != 0 && v.Slot >= p.To) {
			return malformed("vote in slot %d after slot %d in a page from %d to %d", v.Slot, last, p.From, p.To)
		}
		last = v.Slot
		if err := errors.Join(checkBallot("vote's ballot", v.Ballot), checkValue(v.Value)); err != nil {
			return err
		}
	}
	return nil
}

// checkGenesis looks at the form only, so that an acceptor can refuse a genesis
// that makes no sense with a reason. nil is none.
func checkGenesis(g *paxos.Genesis) error {
	if g == nil {
		return nil
	}
	return checkConfiguration(&g.First)
}

// maxTold is how many configurations a message tells at most.
const maxTold = paxos.MaxConfigurations + 1

func checkTold(known []paxos.Configuration) error {
	if len(known) > maxTold {
		return malformed("%d configurations, want at most %d", len(known), maxTold)
	}
	for i := range known {
		if err := checkConfiguration(&known[i]); err != nil {
			return err
		}
	}
	return nil
}

func checkPriority(priority int) error {
	if priority < -maxCount || priority > maxCount {
		return malformed("priority of %d, want at most %d", priority, maxCount)
	}
	return nil
}

func checkConfiguration(c *paxos.Configuration) error {
	if len(c.Acceptors) > paxos.MaxAcceptors {
		return malformed("%d acceptors, want at most %d", len(c.Acceptors), paxos.MaxAcceptors)
	}
	for _, m := range c.Acceptors {
		if !m.ID.Valid() {
			return malformed("acceptor id %q", m.ID)
		}
	}
	q := c.Quorums
	if q.Kind > paxos.Grid {
		return malformed("unknown %s", q.Kind)
	}
	for _, n := range [...]int{c.Copies, q.Size1, q.Size2, q.Rows} {
		if n < 0 || n > maxCount {
			return malformed("count of %d, want 0 to %d", n, maxCount)
		}
	}
	return nil
}

// maxCount bounds the counts of a configuration; honest ones are below
// paxos.MaxAcceptors or are a handful of learners.
const maxCount = 1 << 20
