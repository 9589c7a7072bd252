package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/synod-paxos/synod/actors"
	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// A Plan is what a cluster is founded with.
type Plan struct {
	Acceptors []paxos.NodeID
	Quorums   paxos.QuorumSystem
	Copies    int        // 0: one more than the acceptors that may be lost
	Window    paxos.Slot // 0: paxos.DefaultWindow

	// A cluster that goes on from a state names its digest, and the slot after it, and has
	// a generation above that of the cluster which the state is of.
	From       paxos.Slot // 0: 1, for the empty state
	State      [16]byte
	Generation uint64 // 0: 1
}

// genesis is p for a new cluster.
func (p Plan) genesis() paxos.Genesis {
	copies, window := p.Copies, p.Window
	if copies == 0 {
		copies = p.Quorums.Survives(len(p.Acceptors)) + 1
	}
	if window == 0 {
		window = paxos.DefaultWindow
	}
	return paxos.Genesis{
		Cluster: paxos.ClusterID{UUID: paxos.UUID(uuid.New()), Generation: max(p.Generation, 1)},
		Window:  window,
		First:   paxos.Configuration{Number: 1, From: max(p.From, 1), Quorums: p.Quorums, Copies: copies},
		State:   p.State,
	}
}

// Check reports everything that is wrong with p.
func (p Plan) Check() error {
	g := p.genesis()
	for i, id := range p.Acceptors {
		// The disks are known later; any that differ do for the check.
		g.First.Acceptors = append(g.First.Acceptors, paxos.Member{ID: id, Disk: paxos.UUID{byte(i + 1), 1}})
	}
	return g.Check()
}

// Differs says how g, which was founded before, is not what p asks for; empty when
// it is. What p leaves open does not differ.
func (p Plan) Differs(g *paxos.Genesis) string {
	var how []string
	if p.Copies != 0 && p.Copies != g.First.Copies {
		how = append(how, fmt.Sprintf("%d learner copies instead of %d", g.First.Copies, p.Copies))
	}
	if p.Window != 0 && p.Window != g.Window {
		how = append(how, fmt.Sprintf("a window of %d slots instead of %d", g.Window, p.Window))
	}
	return strings.Join(how, " and ")
}

// A Founding is what Found did.
type Founding struct {
	Genesis *paxos.Genesis
	Fresh   bool // false: the acceptors held this genesis before, maybe unfinished
}

// Found carries out p: it returns once every acceptor has stored and sealed the
// genesis. If the acceptors hold a genesis already, that one is completed; a
// different one is an error. It goes on asking until ctx ends.
//
// progress, if not nil, hears which acceptors have not answered the question that
// is asked now, each time that this changes.
func Found(ctx context.Context, b *bus.Bus, p Plan, progress func(missing []paxos.NodeID)) (*Founding, error) {
	o, err := startOperator(b)
	if err != nil {
		return nil, err
	}
	defer o.stop()
	plan := p.genesis()
	f := roles.NewFounder(o.self, p.Acceptors, plan)
	var last []paxos.NodeID
	for {
		if g, err := f.Done(); err != nil {
			return nil, err
		} else if g != nil {
			return &Founding{Genesis: g, Fresh: g.Cluster == plan.Cluster}, nil
		}
		if missing := f.Missing(); progress != nil && !slices.Equal(missing, last) {
			last = missing
			progress(missing)
		}
		var out paxos.Effects
		f.Tick(o.clock.Now(), &out)
		o.send(out.Send)
		e, ok := o.next(ctx, f.Wake())
		if ctx.Err() != nil {
			return nil, fmt.Errorf("the founding did not finish: no answer from %s: %w", joinIDs(f.Missing()), context.Cause(ctx))
		}
		if ok {
			out.Reset()
			f.Step(o.clock.Now(), e, &out)
			o.send(out.Send)
		}
	}
}

// Abandon drops the unsealed genesis of cluster at each of members. It returns why
// members refused; those that hold no such genesis do not.
func Abandon(ctx context.Context, b *bus.Bus, members []paxos.NodeID, cluster paxos.UUID) (map[paxos.NodeID]string, error) {
	o, err := startOperator(b)
	if err != nil {
		return nil, err
	}
	defer o.stop()
	refused, waiting := map[paxos.NodeID]string{}, slices.Clone(members)
	for len(waiting) > 0 {
		for _, id := range waiting {
			o.send([]paxos.Envelope{{From: o.self, To: id, Msg: paxos.Abandon{Cluster: paxos.ClusterID{UUID: cluster, Generation: 1}}}})
		}
		again := o.clock.Now().Mono + paxos.Instant(askAgain)
		for len(waiting) > 0 {
			e, ok := o.next(ctx, again)
			if ctx.Err() != nil {
				return refused, fmt.Errorf("no answer from %s: %w", joinIDs(waiting), context.Cause(ctx))
			}
			if !ok {
				break
			}
			if m, report := e.Msg.(paxos.GenesisReport); report && slices.Contains(waiting, e.From.ID) {
				waiting = slices.DeleteFunc(waiting, func(id paxos.NodeID) bool { return id == e.From.ID })
				if m.Refused != "" {
					refused[e.From.ID] = m.Refused
				}
			}
		}
	}
	return refused, nil
}

// askAgain is how long Abandon waits for answers before it asks again.
const askAgain = 250 * time.Millisecond

func joinIDs(ids []paxos.NodeID) string {
	var s []string
	for _, id := range ids {
		s = append(s, string(id))
	}
	return strings.Join(s, ", ")
}

// operator speaks to acceptors as `synod init` does.
type operator struct {
	self     paxos.Sender
	bus      *bus.Bus
	clock    *actors.Clock
	listener *bus.Listener
	heard    chan paxos.Envelope
}

// startOperator listens under an id that no other operator has.
func startOperator(b *bus.Bus) (*operator, error) {
	var suffix [6]byte
	_, _ = rand.Read(suffix[:]) // never fails
	o := &operator{
		self: paxos.Sender{Role: paxos.OperatorRole, ID: paxos.NodeID("init-" + hex.EncodeToString(suffix[:])), Process: newProcess()},
		bus:  b, clock: actors.NewClock(), heard: make(chan paxos.Envelope, 256),
	}
	var err error
	o.listener, err = b.Listen(paxos.OperatorRole, o.self.ID, func(e paxos.Envelope) {
		select {
		case o.heard <- e:
		default: // lost, as on the network: it is asked for again
		}
	})
	return o, err
}

func (o *operator) stop() { _ = o.listener.Stop() } // the connection is about to end

func (o *operator) send(envelopes []paxos.Envelope) {
	for _, e := range envelopes {
		_ = o.bus.Publish(e) // lost messages are normal; the bus counts them
	}
}

// next is the next answer, and false when none came until at or ctx ended.
func (o *operator) next(ctx context.Context, at paxos.Instant) (paxos.Envelope, bool) {
	timer := time.NewTimer(time.Duration(at - o.clock.Now().Mono))
	defer timer.Stop()
	select {
	case e := <-o.heard:
		return e, true
	case <-timer.C:
	case <-ctx.Done():
	}
	return paxos.Envelope{}, false
}
