package sim

import (
	"fmt"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// network is core NATS as the roles may see it: at most once, and worse.
type network struct {
	calm     Weather
	weathers []*Weather
	cut      map[link]int
	buffered map[link]int
	buffers  map[link][]*paxos.Envelope // in the order of their sending, until the buffering ends
	order    []link                     // of buffers, so that no map order counts
	leaky    map[paxos.NodeID]int       // per mille of what a process sends that is lost
}

// link is one direction between two processes.
type link struct{ from, to paxos.NodeID }

// Weather is how the network treats messages.
type Weather struct {
	Loss, Duplicate int // per mille
	Min, Max        time.Duration
	Straggle        int // per mille that take up to Straggler, past elections
	Straggler       time.Duration
}

func (x Weather) String() string {
	return fmt.Sprintf("loses %d‰, doubles %d‰, takes up to %v, %d‰ up to %v", x.Loss, x.Duplicate, x.Max, x.Straggle, x.Straggler)
}

func newNetwork(p *Plan) network {
	return network{calm: p.Calm, cut: map[link]int{}, buffered: map[link]int{}, leaky: map[paxos.NodeID]int{}, buffers: map[link][]*paxos.Envelope{}}
}

// weather is the worst of what is going on.
func (n *network) weather() Weather {
	x := n.calm
	for _, o := range n.weathers {
		x.Loss, x.Duplicate = max(x.Loss, o.Loss), max(x.Duplicate, o.Duplicate)
		x.Max = max(x.Max, o.Max)
		x.Straggle, x.Straggler = max(x.Straggle, o.Straggle), max(x.Straggler, o.Straggler)
	}
	return x
}

// latency is how long a message that arrives takes.
func (w *World) latency(x Weather) time.Duration {
	if x.Straggle > 0 && w.rng.IntN(1000) < x.Straggle {
		return w.draw(x.Straggler)
	}
	return x.Min + w.draw(x.Max-x.Min+1)
}

// publish sends e to all that its subject reaches.
func (w *World) publish(e *paxos.Envelope) {
	if w.recorder.on() {
		w.note(e.From.ID, "-> ", e)
	}
	w.eachReceiver(e, func(to *process) { w.post(e.From.ID, to, e) })
}

// post sends e along one link.
func (w *World) post(from paxos.NodeID, to *process, e *paxos.Envelope) {
	l := link{from, to.id}
	if w.net.cut[l] > 0 {
		w.count("messages cut off", 1)
		return
	}
	if w.filter != nil && !w.filter(from, to, e) {
		return
	}
	if w.net.buffered[l] > 0 {
		w.net.buffers[l] = append(w.net.buffers[l], e)
		return
	}
	x := w.net.weather()
	if loss := max(x.Loss, w.net.leaky[from]); loss > 0 && w.rng.IntN(1000) < loss {
		w.count("messages lost", 1)
		return
	}
	w.push(event{at: w.now + w.latency(x), p: to, env: e})
	if x.Duplicate > 0 && w.rng.IntN(1000) < x.Duplicate {
		w.count("messages doubled", 1)
		w.push(event{at: w.now + w.latency(x), p: to, env: e})
	}
}

// reaches reports whether something sent now along a link of clients arrives, and
// when.
func (w *World) reaches(from, to paxos.NodeID) (time.Duration, bool) {
	x := w.net.weather()
	l := link{from, to}
	if w.net.cut[l] > 0 || w.net.buffered[l] > 0 || (x.Loss > 0 && w.rng.IntN(1000) < x.Loss) {
		return 0, false
	}
	return w.latency(x), true
}

// eachReceiver calls do for every process that the subject of e reaches, in a
// fixed order, as package bus has its subjects.
func (w *World) eachReceiver(e *paxos.Envelope, do func(*process)) {
	switch m := e.Msg.(type) {
	case paxos.Accepted:
		w.one(m.Ballot.Proposer, do)
		w.eachLearner(do)
		return
	case paxos.Hello:
		w.helloReceivers(e.From, do)
		return
	case paxos.GenesisQuery, paxos.StoreGenesis, paxos.Seal, paxos.Abandon:
		if e.To == "" {
			w.eachAcceptor(do)
			return
		}
	}
	if e.To != "" {
		w.one(e.To, do)
		return
	}
	switch e.Msg.(type) {
	case paxos.Accept:
		w.eachAcceptor(do)
		w.eachLearner(do)
	case paxos.Heartbeat:
		w.eachAcceptor(do)
		w.eachProposer(do)
		w.eachLearner(do)
	case paxos.Position, paxos.Digest:
		w.eachProposer(do)
		w.eachLearner(do)
	case paxos.Fill, paxos.Change, paxos.Transfer:
		w.eachProposer(do)
	default: // LeaderQuery, Trim, Fetch, ReadQuery
		w.eachAcceptor(do)
	}
}

func (w *World) helloReceivers(from paxos.Sender, do func(*process)) {
	switch from.Role {
	case paxos.AcceptorRole:
		w.one(from.ID, do) // the others look only for another cluster in it, which a learner is here
		w.eachProposer(do)
		w.eachLearner(do)
	case paxos.ProposerRole:
		w.eachAcceptor(do)
		w.eachProposer(do)
	default:
		w.eachAcceptor(do)
		w.eachProposer(do)
		w.eachLearner(do)
	}
}

func (w *World) one(id paxos.NodeID, do func(*process)) {
	if p := w.byID[id]; p != nil {
		do(p)
	}
}

func (w *World) eachAcceptor(do func(*process)) {
	for _, a := range w.acceptors {
		do(&a.process)
	}
}

func (w *World) eachProposer(do func(*process)) {
	for _, p := range w.proposers {
		do(&p.process)
	}
}

func (w *World) eachLearner(do func(*process)) {
	for _, l := range w.learners {
		do(&l.process)
	}
}

// cutOff cuts links, until the function that it returns is called.
func (w *World) cutOff(links []link) (undo func()) {
	for _, l := range links {
		w.net.cut[l]++
	}
	return func() {
		for _, l := range links {
			w.net.cut[l] = max(0, w.net.cut[l]-1)
		}
	}
}

// buffer keeps what is sent along links, as a client that reconnects does, until
// the function that it returns is called: then all of it arrives, long out of date.
func (w *World) buffer(links []link) (undo func()) {
	for _, l := range links {
		if w.net.buffered[l] == 0 {
			w.net.order = append(w.net.order, l)
		}
		w.net.buffered[l]++
	}
	return func() {
		for _, l := range links {
			if w.net.buffered[l] = max(0, w.net.buffered[l]-1); w.net.buffered[l] == 0 {
				w.release(l)
			}
		}
	}
}

func (w *World) release(l link) {
	for _, e := range w.net.buffers[l] {
		w.push(event{at: w.now + w.latency(w.net.calm), p: w.byID[l.to], env: e})
	}
	delete(w.net.buffers, l)
}

// heal ends everything that is wrong with the network.
func (n *network) heal(w *World) {
	n.weathers = nil
	clear(n.leaky)
	clear(n.cut)
	clear(n.buffered)
	for _, l := range n.order {
		w.release(l)
	}
	n.order = nil
}
