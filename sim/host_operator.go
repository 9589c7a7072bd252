package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// operator is somebody with `synod member` in hand: it asks the leader for one change
// after the other, again and again until each is finished, and then destroys the
// acceptors that were taken out.
type operator struct {
	process
	out   paxos.Effects
	asked paxos.Instant
	steps []step
	next  *paxos.Configuration // what the operator asks for
}

// step is one change to make of the configuration that is the newest then; nil for none.
type step func(c paxos.Configuration) *paxos.Configuration

// operatorAsks is how long an operator waits for an answer.
const operatorAsks = paxos.Duration(100 * time.Millisecond)

func newOperator(w *World) *operator {
	o := &operator{}
	o.process = w.adopt("o2", paxos.OperatorRole, o)
	return o
}

func (o *operator) boot(paxos.Now) { o.asked = 0 }

func (o *operator) founded() bool { return false }

func (o *operator) lose() { o.out = paxos.Effects{} }

func (o *operator) wake() paxos.Instant {
	if len(o.steps) == 0 {
		return 1 << 62
	}
	return o.asked + paxos.Instant(operatorAsks)
}

func (o *operator) settle(now paxos.Now) {
	if len(o.steps) > 0 && now.Mono >= o.wake() {
		o.ask(now)
	}
	sends := o.out.Send
	o.out = paxos.Effects{}
	for i := range sends {
		o.w.countSend(&sends[i])
		o.w.publish(&sends[i])
	}
}

func (o *operator) ask(now paxos.Now) {
	o.asked = now.Mono
	o.out.Send = append(o.out.Send, paxos.Envelope{
		Cluster: o.w.oracle.cluster, From: paxos.Sender{Role: paxos.OperatorRole, ID: o.id, Process: o.incarnation},
		Msg: paxos.Change{Next: o.next},
	})
}

// step takes the leader's word on how the change stands.
func (o *operator) step(now paxos.Now, e *paxos.Envelope) {
	m, ok := e.Msg.(paxos.ChangeReport)
	if !ok || len(o.steps) == 0 {
		return
	}
	switch {
	case o.next == nil && m.Waits == "" && m.Refused == "":
		o.begin(now, m.Newest)
	case o.next != nil && m.Newest.Number >= o.next.Number:
		if m.Newest.Number == o.next.Number && m.Newest.Same(o.next) && m.Waits == "" {
			o.w.oracle.finished(&m.Newest)
			o.w.count("changes finished", 1)
			o.end(&m.Newest)
		} else if m.Newest.Number > o.next.Number || !m.Newest.Same(o.next) {
			o.end(nil)
		}
	case m.Refused != "":
		o.w.count("changes refused", 1)
		o.w.note(o.id, "is refused: ", m.Refused)
		if o.w.quiet {
			o.end(nil)
		}
	}
}

func (o *operator) begin(now paxos.Now, newest paxos.Configuration) {
	if o.next = o.steps[0](newest); o.next == nil {
		o.end(nil)
		return
	}
	o.w.note(o.id, "asks for configuration ", int(o.next.Number))
	o.ask(now)
}

// end gives up the step, or destroys what the finished change to c left out.
func (o *operator) end(c *paxos.Configuration) {
	o.steps, o.next = o.steps[1:], nil
	if c == nil {
		return
	}
	for _, a := range o.w.acceptors {
		used := a.disk.State.Known.Newest()
		if !c.Has(a.id, a.disk.id) && used != nil && !a.gone {
			a.crash("is taken away, with its disk")
			a.gone, a.disk = true, &disk{id: o.w.uuid()}
		}
	}
}

// reconfigure gives the operator a change to make.
func (w *World) reconfigure(g *rand.Rand) (undo func()) {
	if w.oracle.known == nil || len(w.acceptors) > 12 {
		return nil
	}
	kind, draw := g.IntN(6), g.Uint64()
	w.operator.steps = append(w.operator.steps, func(c paxos.Configuration) *paxos.Configuration {
		return w.changed(c, kind, rand.New(rand.NewPCG(draw, 1)))
	})
	if w.operator.up {
		w.operator.awake()
	}
	return func() {}
}

// changed is what follows c: with an acceptor more, or less, or another one, or with
// other quorums.
func (w *World) changed(c paxos.Configuration, kind int, g *rand.Rand) *paxos.Configuration {
	c.Number++
	c.Acceptors = slices.Clone(c.Acceptors)
	grow, shrink := kind == 0 || kind > 2, kind == 1 || kind > 2
	if shrink && (len(c.Acceptors) > 1 || grow) {
		i := g.IntN(len(c.Acceptors))
		for j, m := range c.Acceptors { // one that has lost its disk before others
			if a := w.acceptorOf(m.ID); a == nil || a.disk.id != m.Disk {
				i = j
			}
		}
		c.Acceptors = slices.Delete(c.Acceptors, i, i+1)
	}
	if grow && len(c.Acceptors) < 6 {
		m := w.newcomer(&c)
		c.Acceptors = slices.Insert(c.Acceptors, g.IntN(len(c.Acceptors)+1), m)
	}
	c.Quorums = paxos.QuorumSystem{}
	if n := len(c.Acceptors); kind == 2 || g.IntN(4) == 0 {
		one := 1 + g.IntN(n)
		c.Quorums = paxos.QuorumSystem{Kind: paxos.Sizes, Size1: one, Size2: n + 1 - one}
	}
	if there := w.there(&c, nil); !c.Phase1(there) || !c.Phase2(there) {
		return nil // it would be the operator's fault
	}
	return &c
}

// there is the acceptors of c but for one that have the disk that c names.
func (w *World) there(c *paxos.Configuration, but *acceptor) paxos.Set {
	var s paxos.Set
	for i, m := range c.Acceptors {
		if a := w.acceptorOf(m.ID); a != nil && a != but && a.disk.id == m.Disk {
			s = s.With(i)
		}
	}
	return s
}

func (w *World) acceptorOf(id paxos.NodeID) *acceptor {
	i := slices.IndexFunc(w.acceptors, func(a *acceptor) bool { return a.id == id && !a.gone })
	if i < 0 {
		return nil
	}
	return w.acceptors[i]
}

// newcomer is an acceptor with a fresh disk that c does not name: one that lost its
// disk, or a new one.
func (w *World) newcomer(c *paxos.Configuration) paxos.Member {
	for _, a := range w.acceptors {
		if !a.gone && a.up && a.disk.State.Genesis == nil && c.Index(a.id) < 0 {
			return paxos.Member{ID: a.id, Disk: a.disk.id}
		}
	}
	a := newAcceptor(w, nodeID("a", len(w.acceptors)))
	w.acceptors = append(w.acceptors, a)
	w.byID[a.id] = &a.process
	a.start()
	return paxos.Member{ID: a.id, Disk: a.disk.id}
}
