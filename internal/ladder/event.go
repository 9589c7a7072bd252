package ladder

import (
	"fmt"
	"strings"
	"time"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// Event is one message, as `synod trace --json` prints it. Fields that the message
// does not have are left out.
type Event struct {
	Time time.Time      `json:"time"` // when the observer heard it
	Kind string         `json:"kind"` // the word that its subject has for it
	Role string         `json:"role"` // of the sender
	From paxos.NodeID   `json:"from"`
	To   []paxos.NodeID `json:"to"` // nodes heard of so far that it reaches

	Ballot   string       `json:"ballot,omitempty"`
	Promised string       `json:"promised,omitempty"` // Nack: the ballot to beat
	Slots    []paxos.Slot `json:"slots,omitempty"`    // Accept, Accepted
	// FromSlot and ToSlot are the range of slots that the message speaks of, the latter
	// not included and 0 for an open range. Prepare, Promise, Fetch, Votes, Fill.
	FromSlot paxos.Slot `json:"from_slot,omitempty"`
	ToSlot   paxos.Slot `json:"to_slot,omitempty"`
	Votes    *int       `json:"votes,omitempty"`    // Promise, Votes: how many it lists
	Value    string     `json:"value,omitempty"`    // Accept: noop, batch or reconfigure
	Commands *int       `json:"commands,omitempty"` // Accept of a batch
	Bytes    *int       `json:"bytes,omitempty"`    // Accept: of the value
	// ChosenBelow is the watermark that the message states.
	ChosenBelow paxos.Slot `json:"chosen_below,omitempty"`
	// Chosen are the slots that this Accepted completes a quorum for, as far as the
	// observer heard the votes before it.
	Chosen []paxos.Slot `json:"chosen,omitempty"`
	Note   string       `json:"note,omitempty"` // what else matters, for people

	ballot paxos.Ballot // for people: without the incarnation
	sign   bool         // it answers a Heartbeat, and says only that its sender is there
}

// describe is e without what depends on other messages.
func describe(at time.Time, e *paxos.Envelope) Event {
	v := Event{Time: at, Kind: bus.KindOf(e.Msg).String(), Role: e.From.Role.String(), From: e.From.ID}
	switch m := e.Msg.(type) {
	case paxos.Prepare:
		v.in(m.Ballot).between(m.From, m.To)
	case paxos.Promise:
		v.in(m.Ballot).page(&m.Page)
		v.ChosenBelow = m.Marks.ChosenBelow
	case paxos.Accept:
		v.in(m.Ballot).accept(&m)
	case paxos.Accepted:
		v.in(m.Ballot)
		v.Slots = m.Slots
	case paxos.Nack:
		v.in(m.Ballot)
		v.Promised = m.Promised.String()
		v.Note = "promised " + short(m.Promised)
	case paxos.Heartbeat:
		v.in(m.Ballot)
		v.ChosenBelow = m.Chosen.Below
	case paxos.HandOver:
		v.in(m.Ballot)
		v.ChosenBelow = m.Chosen.Below
	case paxos.Trim:
		v.in(m.Ballot)
		v.Note = fmt.Sprintf("forget below %d", m.Below)
	case paxos.Fetch:
		v.between(m.From, m.To)
		v.Note = "values from " + string(m.Values)
	case paxos.Votes:
		v.page(&m.Page)
		v.ChosenBelow = m.Marks.ChosenBelow
	case paxos.Fill:
		v.between(m.From, m.To)
	default:
		v.others(e.Msg)
	}
	return v
}

// others are the messages that speak of no slot and no ballot in particular.
func (v *Event) others(m paxos.Message) {
	switch m := m.(type) {
	case paxos.Hello:
		v.hello(&m)
	case paxos.LeaderReport:
		if m.Nonce == 0 {
			v.sign, v.Note = true, "hears the leader"
			return
		}
		v.Note = "no leader for " + time.Duration(m.Silent).Round(time.Millisecond).String()
	case paxos.Position:
		v.ChosenBelow = m.Applied + 1
		v.Note = fmt.Sprintf("%d, durable %d", m.Applied, m.Durable)
	case paxos.Digest:
		v.Note = fmt.Sprintf("after %d: %x", m.Slot, m.Sum[:4])
	case paxos.ReadReport:
		v.Note = fmt.Sprintf("voted up to %d", m.MaxVoted)
	case paxos.SnapshotChunk:
		v.Note = fmt.Sprintf("after %d: %d of %d bytes", m.Applied, m.Offset+uint64(len(m.Data)), m.Total)
	case paxos.GenesisQuery:
		v.Note = "which cluster?"
	case paxos.StoreGenesis:
		v.Note = "store " + m.Genesis.Cluster.UUID.String()
	case paxos.Seal:
		v.Note = "seal " + m.Cluster.UUID.String()
	case paxos.Abandon:
		v.Note = "abandon " + m.Cluster.UUID.String()
	case paxos.GenesisReport:
		v.genesis(&m)
	}
}

func (v *Event) hello(m *paxos.Hello) {
	v.ChosenBelow = m.Marks.ChosenBelow
	switch {
	case !m.Leading.IsZero():
		v.in(m.Leading)
		v.Note = "leading"
	case m.NoSpace:
		v.Note = "disk full"
	}
}

func (v *Event) genesis(m *paxos.GenesisReport) {
	switch {
	case m.Refused != "":
		v.Note = "refused: " + m.Refused
	case m.Genesis == nil:
		v.Note = "of no cluster"
	case m.Sealed:
		v.Note = "sealed " + m.Genesis.Cluster.UUID.String()
	default:
		v.Note = "stored " + m.Genesis.Cluster.UUID.String()
	}
}

func (v *Event) in(b paxos.Ballot) *Event {
	v.Ballot, v.ballot = b.String(), b
	return v
}

func (v *Event) between(from, to paxos.Slot) { v.FromSlot, v.ToSlot = from, to }

func (v *Event) page(p *paxos.Page) {
	v.between(p.From, p.To)
	n := len(p.Votes)
	v.Votes = &n
	if p.Next != 0 {
		v.Note = fmt.Sprintf("more from %d", p.Next)
	}
}

func (v *Event) accept(m *paxos.Accept) {
	v.Slots, v.Value, v.ChosenBelow = []paxos.Slot{m.Slot}, m.Value.Kind.String(), m.Chosen.Below
	size := len(m.Value.Body)
	v.Bytes = &size
	if m.Value.Kind == paxos.Batch {
		commands, err := paxos.DecodeBatch(m.Value.Body)
		n := len(commands)
		v.Commands = &n
		if err != nil {
			v.Note = "unreadable batch"
		}
	}
}

// short is b for people who know which start of a proposer they look at.
func short(b paxos.Ballot) string {
	if b.IsZero() {
		return "0"
	}
	return fmt.Sprintf("%d.%s", b.Round, b.Proposer)
}

// text is v in words, without its time, sender and receivers.
func (v *Event) text() string {
	parts := []string{v.Kind}
	if s := v.slots(); s != "" {
		parts = append(parts, s)
	}
	if v.Ballot != "" {
		parts = append(parts, "@"+short(v.ballot))
	}
	switch {
	case v.Commands != nil:
		parts = append(parts, plural(*v.Commands, "cmd"), fmt.Sprintf("%dB", *v.Bytes))
	case v.Value != "":
		parts = append(parts, v.Value)
	case v.Votes != nil:
		parts = append(parts, plural(*v.Votes, "vote"))
	case len(v.Chosen) > 0 && len(v.Chosen) < len(v.Slots):
		parts = append(parts, "chosen: "+ranges(v.Chosen))
	case len(v.Chosen) > 0:
		parts = append(parts, "chosen")
	case v.Kind == "heartbeat", v.Kind == "handover":
		parts = append(parts, fmt.Sprintf("chosen<%d", v.ChosenBelow))
	}
	if v.Note != "" {
		parts = append(parts, v.Note)
	}
	return strings.Join(parts, " ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// slots is which slots v speaks of: "17", "17-19,21" or "17-" for an open range.
func (v *Event) slots() string {
	if len(v.Slots) == 0 {
		switch {
		case v.FromSlot == 0:
			return ""
		case v.ToSlot == 0:
			return fmt.Sprintf("%d-", v.FromSlot)
		case v.ToSlot <= v.FromSlot+1:
			return fmt.Sprint(v.FromSlot)
		default:
			return fmt.Sprintf("%d-%d", v.FromSlot, v.ToSlot-1)
		}
	}
	return ranges(v.Slots)
}

// ranges are ascending slots in few words.
func ranges(slots []paxos.Slot) string {
	var parts []string
	for i := 0; i < len(slots); {
		j := i
		for j+1 < len(slots) && slots[j+1] == slots[j]+1 {
			j++
		}
		if j == i {
			parts = append(parts, fmt.Sprint(slots[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", slots[i], slots[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}
