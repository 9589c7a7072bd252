package ladder

import (
	"cmp"
	"slices"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// node is one node of the cluster, as a message told of it.
type node struct {
	role paxos.Role
	id   paxos.NodeID
}

func compareNodes(a, b node) int { return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.id, b.id)) }

// observer makes events of messages. It knows the nodes that it has heard of, and
// counts the votes of the slots that it has heard of.
type observer struct {
	subjects bus.Subjects
	nodes    []node // sorted
	config   *paxos.Configuration
	votes    map[paxos.Slot]map[paxos.Ballot]paxos.Set
	oldest   paxos.Slot // of votes
}

// maxSlots is how many slots' votes are kept.
const maxSlots = 4096

// hear is the event of one message, less its receivers.
func (o *observer) hear(at time.Time, e paxos.Envelope) Event {
	o.meet(node{e.From.Role, e.From.ID})
	if m, ok := e.Msg.(paxos.Hello); ok && m.Genesis != nil {
		o.config = &m.Genesis.First
	}
	v := describe(at, &e)
	if m, ok := e.Msg.(paxos.Accepted); ok {
		v.Chosen = o.count(&e, m)
	}
	return v
}

// receivers are the nodes that hear a message, of those heard so far.
func (o *observer) receivers(subject string, e paxos.Envelope) []paxos.NodeID {
	ids := []paxos.NodeID{}
	for _, n := range o.nodes {
		if n.id != e.From.ID && o.subjects.Hear(n.role, n.id, subject, e) {
			ids = append(ids, n.id)
		}
	}
	return ids
}

func (o *observer) meet(n node) {
	if i, known := slices.BinarySearchFunc(o.nodes, n, compareNodes); !known {
		o.nodes = slices.Insert(o.nodes, i, n)
	}
}

// count is the slots of m that its votes complete a quorum for.
func (o *observer) count(e *paxos.Envelope, m paxos.Accepted) (chosen []paxos.Slot) {
	if o.config == nil || e.Config != o.config.Number {
		return nil
	}
	i := o.config.Index(e.From.ID)
	if i < 0 || o.config.Acceptors[i].Disk != e.From.Disk {
		return nil
	}
	for _, slot := range m.Slots {
		if slot < o.oldest {
			continue
		}
		ballots := o.votes[slot]
		if ballots == nil {
			ballots = map[paxos.Ballot]paxos.Set{}
			o.votes[slot] = ballots
		}
		before := ballots[m.Ballot]
		ballots[m.Ballot] = before.With(i)
		if !o.config.Phase2(before) && o.config.Phase2(before.With(i)) {
			chosen = append(chosen, slot)
		}
	}
	o.forget()
	return chosen
}

// forget keeps the memory bounded, and the newest slots.
func (o *observer) forget() {
	if len(o.votes) <= maxSlots {
		return
	}
	slots := make([]paxos.Slot, 0, len(o.votes))
	for slot := range o.votes {
		slots = append(slots, slot)
	}
	slices.Sort(slots)
	for _, slot := range slots[:len(slots)/2] {
		delete(o.votes, slot)
	}
	o.oldest = slots[len(slots)/2]
}
