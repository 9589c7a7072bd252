package roles

import "github.com/synod-paxos/synod/paxos"

// AcceptorHello is how often an idle acceptor makes itself known.
const AcceptorHello = paxos.Duration(1e9)

// Acceptor is the acceptor of Multi-Paxos: PTP's priest with a ledger. What it
// must remember is paxos.AcceptorState and the votes on its disk; it never reads
// a vote, but asks for pages of them to be filled in on the way out.
type Acceptor struct {
	member
	state      paxos.AcceptorState
	signOfLife paxos.Instant // when a leader was last heard, or the start
	turns      turns
	nextHello  paxos.Instant
	noSpace    bool
}

// RestoreAcceptor is the acceptor self with the state that its disk holds. A
// restart is a crash and a recovery and nothing more.
func RestoreAcceptor(self paxos.Sender, state paxos.AcceptorState, now paxos.Now) *Acceptor {
	a := &Acceptor{member: member{self: self}, state: state, signOfLife: now.Mono, nextHello: now.Mono}
	if state.Sealed {
		a.join(state.Genesis)
		a.setKnown(state.Known)
	}
	a.self.Promised = state.Promised
	return a
}

// State is what the acceptor promised and voted, durable or about to be.
func (a *Acceptor) State() paxos.AcceptorState { return a.state }

// SetNoSpace says whether the disk is down to its reserve. The acceptor tells
// the leader, which then takes no more commands.
func (a *Acceptor) SetNoSpace(low bool) { a.noSpace = low }

// Wake is when Tick should be called next.
func (a *Acceptor) Wake() paxos.Instant { return a.nextHello }

// Tick makes the acceptor known when it is time to.
func (a *Acceptor) Tick(now paxos.Now, out *paxos.Effects) {
	a.noteTime(now)
	if now.Mono >= a.nextHello {
		a.hello(now, out)
	}
}

// Step handles one message. Stepping the same message twice gives the same
// answer, so senders may repeat themselves freely.
func (a *Acceptor) Step(now paxos.Now, e paxos.Envelope, out *paxos.Effects) {
	a.meet(now, e)
	if e.To != "" && e.To != a.self.ID {
		return
	}
	a.step(now, e, out)
	if a.gossip(now) {
		a.hello(now, out)
	}
}

func (a *Acceptor) step(now paxos.Now, e paxos.Envelope, out *paxos.Effects) {
	switch m := e.Msg.(type) {
	case paxos.GenesisQuery, paxos.StoreGenesis, paxos.Seal, paxos.Abandon:
		a.stepGenesis(now, e, out)
		return
	case paxos.Hello:
		a.stepHello(now, e, m, out)
		return
	}
	if reason := a.foreign(e); reason != 0 {
		drop(out, e, reason)
		return
	}
	switch m := e.Msg.(type) {
	case paxos.Prepare:
		a.stepPrepare(now, e, m, out)
	case paxos.Accept:
		a.stepAccept(now, e, m, out)
	case paxos.Heartbeat:
		a.stepHeartbeat(now, e, m, out)
	case paxos.Trim:
		a.stepTrim(e, m, out)
	case paxos.LeaderQuery:
		a.send(out, e.From.ID, paxos.LeaderReport{Nonce: m.Nonce, Silent: paxos.Duration(now.Mono - a.signOfLife)})
	case paxos.Fetch:
		a.stepFetch(now, e, m, out)
	case paxos.ReadQuery:
		a.send(out, e.From.ID, paxos.ReadReport{Nonce: m.Nonce, MaxVoted: a.highest()})
	}
}

// stepPrepare is phase 1b (PTP §2.3 step 2, PMS §2.2): promise to vote in no
// lower ballot, and report the votes. An equal ballot is the same proposer asking
// again, because a message was lost or for the next page of votes.
func (a *Acceptor) stepPrepare(now paxos.Now, e paxos.Envelope, m paxos.Prepare, out *paxos.Effects) {
	if !a.mayFollow(e, m.Ballot, out) {
		return
	}
	if a.state.Promised.Less(m.Ballot) {
		a.persist(paxos.Promised{Ballot: m.Ballot}, out)
	}
	page := paxos.Page{From: max(m.From, a.state.Marks.TrimBelow), To: m.To}
	if m.To == 0 { // a new leader needs no votes where the value is known to be chosen
		page.From = max(page.From, a.state.Marks.ChosenBelow)
	}
	if a.turns.turn(m) {
		a.signOfLife = now.Mono
	}
	a.send(out, m.Ballot.Proposer, paxos.Promise{Ballot: m.Ballot, Page: page, Marks: a.marks(now)})
}

// turns is how far a proposer in phase 1 has come with this acceptor's pages.
type turns struct {
	ballot paxos.Ballot
	from   paxos.Slot
}

// turn notes which page m asks for, and reports whether that shows that an earlier one
// was heard. Such a proposer is about to lead: who takes over from it would begin with
// the first page again, and so on for ever where reading all takes longer than the others'
// patience. One that asks for the same again may hear nobody.
func (t *turns) turn(m paxos.Prepare) bool {
	if m.To != 0 {
		return false
	}
	on := m.Ballot == t.ballot && m.From > t.from
	*t = turns{m.Ballot, m.From}
	return on
}

// stepAccept is phase 2b (PTP §2.3 step 4, PMS §2.2): vote unless promised
// otherwise. Voting also promises: an acceptor that missed the Prepare of m's
// ballot must still refuse every lower one afterwards. It votes in no slot that a
// configuration without it governs, but hears there that a leader is alive.
func (a *Acceptor) stepAccept(now paxos.Now, e paxos.Envelope, m paxos.Accept, out *paxos.Effects) {
	if !a.mayFollow(e, m.Ballot, out) {
		return
	}
	if !a.honest(m.Chosen) || m.Slot == 0 || m.Slot >= m.Chosen.Below+a.genesis.Window {
		drop(out, e, paxos.Extreme)
		return
	}
	if m.Slot < a.state.Marks.TrimBelow {
		drop(out, e, paxos.Stale)
		return
	}
	a.signOfLife = now.Mono
	if !a.governed(e, m.Slot) {
		return
	}
	a.persist(paxos.Voted{
		Vote:        paxos.Vote{Slot: m.Slot, Ballot: m.Ballot, Value: m.Value},
		ChosenBelow: m.Chosen.Below,
	}, out)
	a.send(out, m.Ballot.Proposer, paxos.Accepted{Ballot: m.Ballot, Slots: []paxos.Slot{m.Slot}})
}

// stepHeartbeat notes a sign of life. Only a ballot not below the promise is one:
// the others belong to leaders that can choose nothing here.
func (a *Acceptor) stepHeartbeat(now paxos.Now, e paxos.Envelope, m paxos.Heartbeat, out *paxos.Effects) {
	if !a.mayFollow(e, m.Ballot, out) {
		return
	}
	if m.Contradicts() || !a.honest(m.Chosen) {
		drop(out, e, paxos.Extreme)
		return
	}
	a.signOfLife = now.Mono
	a.reach(m.Chosen.Below, out)
	a.send(out, m.Ballot.Proposer, paxos.LeaderReport{})
	a.hello(now, out)
}

// governed reports whether this acceptor may vote in slot, as the sender of e asks:
// the configuration that governs it has this acceptor and this disk, and the sender
// knew that configuration.
func (a *Acceptor) governed(e paxos.Envelope, slot paxos.Slot) bool {
	c := a.known.For(slot)
	return c != nil && e.Config >= c.Number && c.Has(a.self.ID, a.self.Disk)
}

// reach notes that all slots below are chosen. It does so durably once the newest
// configuration is in use: from then on, whoever asks enough of its acceptors learns
// that nobody needs the one before.
func (a *Acceptor) reach(below paxos.Slot, out *paxos.Effects) {
	newest := a.known.Newest()
	if a.state.Marks.ChosenBelow <= newest.From && newest.From < below && newest.Number > a.genesis.First.Number {
		a.persist(paxos.Reached{Below: below}, out)
	}
	a.state.Marks.ChosenBelow = max(a.state.Marks.ChosenBelow, below)
}

// mayFollow reports whether the promise allows ballot b, and answers with Nack
// when it does not.
func (a *Acceptor) mayFollow(e paxos.Envelope, b paxos.Ballot, out *paxos.Effects) bool {
	switch {
	case !ownBallot(e, b):
		drop(out, e, paxos.Inconsistent)
	case b.Less(a.state.Promised):
		a.send(out, b.Proposer, paxos.Nack{Ballot: b, Promised: a.state.Promised})
	case b.Round > a.state.Promised.Round+maxRoundStep:
		drop(out, e, paxos.Extreme)
	default:
		return true
	}
	return false
}

// honest reports whether the watermark of c is one that a log could have reached.
func (a *Acceptor) honest(c paxos.Chosen) bool {
	return c.Below >= 1 && !a.tooFar(c.Below, max(a.highest(), a.state.Marks.ChosenBelow))
}

// stepTrim forgets votes that no learner needs any more.
func (a *Acceptor) stepTrim(e paxos.Envelope, m paxos.Trim, out *paxos.Effects) {
	switch {
	case !a.mayFollow(e, m.Ballot, out), m.Below <= a.state.Marks.TrimBelow:
	case m.Below > a.state.Marks.ChosenBelow:
		drop(out, e, paxos.Extreme)
	default:
		a.persist(paxos.Trimmed{Below: m.Below}, out)
	}
}

// stepFetch reports votes to a learner that missed them.
func (a *Acceptor) stepFetch(now paxos.Now, e paxos.Envelope, m paxos.Fetch, out *paxos.Effects) {
	page := paxos.Page{From: max(m.From, a.state.Marks.TrimBelow), To: m.To, BallotsOnly: m.Values != a.self.ID}
	a.send(out, e.From.ID, paxos.Votes{Page: page, Marks: a.marks(now)})
}

// highest is the highest slot that this acceptor ever voted in, also when it has
// forgotten the vote.
func (a *Acceptor) highest() paxos.Slot {
	if a.state.Marks.TrimBelow == 0 {
		return a.state.Marks.MaxVoted
	}
	return max(a.state.Marks.MaxVoted, a.state.Marks.TrimBelow-1)
}

func (a *Acceptor) marks(now paxos.Now) paxos.Marks {
	m := a.state.Marks
	m.MaxVoted, m.Clock = a.highest(), now.Wall
	return m
}

func (a *Acceptor) persist(r paxos.Record, out *paxos.Effects) {
	a.state.Apply(r)
	a.self.Promised = a.state.Promised
	out.Persist = append(out.Persist, r)
	switch r.(type) {
	case paxos.Configured, paxos.Trimmed:
		a.setKnown(a.state.Known)
	}
}

// stepHello answers a newcomer that asks for its cluster, takes over the
// configurations that it is told, and notices a twin: a process that speaks under
// this id from this disk, or a copy of it. The one with the older boot number stops,
// both when they are equal.
func (a *Acceptor) stepHello(now paxos.Now, e paxos.Envelope, m paxos.Hello, out *paxos.Effects) {
	if e.From.Role == paxos.AcceptorRole {
		if e.From.ID == a.self.ID && e.From.Process != a.self.Process {
			a.meetTwin(e, out)
		}
		return
	}
	if e.Cluster == (paxos.ClusterID{}) {
		a.hello(now, out)
		return
	}
	if a.beFounded(e, m, out) || a.beConfigured(e, m, out) {
		a.hello(now, out)
	}
}

// beConfigured takes over the configurations in m that are newer, durably, and
// reports whether there are any. One that knows only older ones is told.
func (a *Acceptor) beConfigured(e paxos.Envelope, m paxos.Hello, out *paxos.Effects) bool {
	if a.genesis == nil || e.Cluster != a.genesis.Cluster {
		return false
	}
	a.ahead = a.ahead || e.Config < a.known.Number()
	if a.known.With(m.Known).Number() <= a.known.Number() {
		return false
	}
	a.persist(paxos.Configured{Known: m.Known}, out)
	return true
}

func (a *Acceptor) meetTwin(e paxos.Envelope, out *paxos.Effects) {
	drop(out, e, paxos.Twin)
	if e.From.Disk == a.self.Disk && e.From.Boot >= a.self.Boot {
		out.Stop = "another process runs acceptor " + string(a.self.ID) + " on this disk or on a copy of it; stop one of them for good"
	}
}

func (a *Acceptor) hello(now paxos.Now, out *paxos.Effects) {
	a.nextHello = now.Mono + paxos.Instant(AcceptorHello)
	g := a.genesis
	if a.Superseded() != (paxos.ClusterID{}) {
		g = nil // nobody is to join this cluster any more
	}
	a.send(out, "", paxos.Hello{Genesis: g, Known: a.told(), Marks: a.marks(now), NoSpace: a.noSpace})
}
