package roles

import "github.com/synod-paxos/synod/paxos"

// ProposerOptions are the times and bounds of a Proposer. Every proposer of a
// cluster should have the same Heartbeat and Election.
type ProposerOptions struct {
	Heartbeat paxos.Duration // between a leader's signs of life
	Election  paxos.Duration // silence before a standby asks for an election: drawn from [Election, 2 Election)
	Retry     paxos.Duration // before an unanswered Prepare or Accept is sent again

	Pipeline      int // batches in flight at once; the cluster's window bounds it too
	BatchCommands int // most commands in one batch
	BatchBytes    int // most bytes in one batch; a command that does not fit is refused
	QueueCommands int // most commands that wait
	QueueBytes    int // most bytes that wait
	// QueueTimeout is how long a command waits to be proposed before it is refused:
	// without a quorum or a learner nothing else would end the wait.
	QueueTimeout paxos.Duration

	// Priority is above another proposer's when this one should lead in its stead while
	// both are there. The other one hands over to it; nothing waits for a timeout.
	Priority int

	Seed uint64 // for the timeouts; equal seeds draw equal ones
}

// DefaultProposerOptions suit a cluster whose members are within a few
// milliseconds of each other.
func DefaultProposerOptions() ProposerOptions {
	return ProposerOptions{
		Heartbeat: 60e6, Election: 300e6, Retry: 150e6,
		Pipeline: 8, BatchCommands: 4096, BatchBytes: 512 << 10,
		QueueCommands: 16384, QueueBytes: 64 << 20, QueueTimeout: 2e9,
	}
}

// stage is what a proposer is doing.
type stage uint8

const (
	standby   stage = iota // listens for a leader
	asking                 // asks the acceptors whether they hear one
	preparing              // phase 1
	leading                // phase 2, for one batch after the other
	retired                // has handed over, and never leads again
)

func (s stage) String() string {
	return [...]string{"standby", "asking", "preparing", "leading", "retired"}[s]
}

// Proposer is the proposer of Multi-Paxos: PTP's president, or a candidate. It
// remembers nothing over a restart: a new start has new ballots.
type Proposer struct {
	member
	opts   ProposerOptions
	random random
	stage  stage

	leader    paxos.Ballot // highest ballot of a leader heard of
	chosen    paxos.Chosen // what is chosen; From counts only while leading
	deadline  paxos.Instant
	nextHello paxos.Instant
	failures  int // elections lost in a row
	peers     peers
	learners  learners

	query  query // while asking
	ballot paxos.Ballot
	phase1 promises      // while preparing, and while leading for configurations to come
	giveUp paxos.Instant // when phase 1 has gone on for too long, while preparing
	lead   leadership
	queue  queue
	drain  bool
	yield  yield
	times  ProposerTimes
	began  paxos.Instant // phase 1, while preparing
}

// NewProposer is the proposer self, with a ballot incarnation that no other start
// of any proposer has: self.Process.
func NewProposer(self paxos.Sender, opts ProposerOptions, now paxos.Now) *Proposer {
	p := &Proposer{member: member{self: self}, opts: opts, random: random(opts.Seed), chosen: paxos.Chosen{Below: 1}}
	p.nextHello = now.Mono
	p.waitForLeader(now)
	return p
}

// Serving reports whether clients should reach this proposer. Its caller begins to
// leave the subjects of clients before it releases anything else once this is false;
// what still comes is refused, and certainly not done.
func (p *Proposer) Serving() bool { return p.stage == leading && !p.leaving() }

// Leading is the ballot that the proposer leads in; zero when it does not.
func (p *Proposer) Leading() paxos.Ballot {
	if p.stage != leading {
		return paxos.Ballot{}
	}
	return p.ballot
}

// ChosenBelow is the watermark below which the proposer knows all slots to be chosen.
func (p *Proposer) ChosenBelow() paxos.Slot { return p.chosen.Below }

// Drain makes the proposer hand over as soon as what it took is decided: no
// command is cut off, and the next leader need not wait for a timeout.
func (p *Proposer) Drain(now paxos.Now, out *paxos.Effects) {
	p.drain = true
	if p.stage != leading {
		p.stage = retired
	}
	p.handOver(now, out)
}

// Retired reports whether the proposer has drained.
func (p *Proposer) Retired() bool { return p.stage == retired }

// Wake is when Tick should be called next.
func (p *Proposer) Wake() paxos.Instant {
	return min(p.nextHello, p.deadline)
}

// Tick does what is due.
func (p *Proposer) Tick(now paxos.Now, out *paxos.Effects) {
	p.noteTime(now)
	if now.Mono >= p.nextHello {
		p.hello(now, out)
	}
	if now.Mono < p.deadline {
		return
	}
	if p.fenced() {
		p.waitForLeader(now)
		return
	}
	switch p.stage {
	case standby:
		p.ask(now, out)
	case asking:
		p.askAgain(now, out)
	case preparing:
		p.tickPreparing(now, out)
	case leading:
		p.tickLeading(now, out)
	case retired:
		p.waitForLeader(now)
	}
}

// Step handles one message.
func (p *Proposer) Step(now paxos.Now, e paxos.Envelope, out *paxos.Effects) {
	p.meet(now, e)
	p.giveUpName(now, out)
	if e.To != "" && e.To != p.self.ID {
		return
	}
	if m, ok := e.Msg.(paxos.Hello); ok && p.genesis == nil {
		p.learnCluster(now, e, m)
	}
	p.learnConfigurations(e, out)
	p.step(now, e, out)
	if p.gossip(now) {
		p.hello(now, out)
	}
}

func (p *Proposer) step(now paxos.Now, e paxos.Envelope, out *paxos.Effects) {
	switch m := e.Msg.(type) {
	case paxos.Heartbeat:
		p.stepHeartbeat(now, e, m, out)
	case paxos.HandOver:
		p.stepHandOver(now, e, m, out)
	case paxos.Position:
		p.stepPosition(now, e, m, out)
	case paxos.Digest:
		p.stepDigest(e, m, out)
	case paxos.Fill:
		p.stepFill(now, e, m, out)
	case paxos.Hello:
		p.stepHello(now, e, m, out)
	case paxos.Change:
		p.stepChange(now, e, m, out)
	case paxos.Transfer:
		p.stepTransfer(now, e, m, out)
	case paxos.LeaderReport, paxos.Promise, paxos.Accepted, paxos.Nack:
		p.stepAnswer(now, e, out)
	}
}

// stepAnswer handles what only acceptors send.
func (p *Proposer) stepAnswer(now paxos.Now, e paxos.Envelope, out *paxos.Effects) {
	v, reason := p.fromAcceptor(e)
	if reason != 0 {
		drop(out, e, reason)
		return
	}
	p.hearPromise(now, v, e.From.Promised, out)
	switch m := e.Msg.(type) {
	case paxos.LeaderReport:
		p.stepReport(now, v, m, out)
	case paxos.Promise:
		p.stepPromise(now, v, e, m, out)
	case paxos.Accepted:
		p.stepAccepted(now, v, e, m, out)
	case paxos.Nack:
		p.stepNack(now, v, e, m, out)
	}
}

// stepHello keeps track of who is there. A leader's Heartbeats are answered with
// the acceptors' Hellos, so these are also what shows it that it has a quorum.
func (p *Proposer) stepHello(now paxos.Now, e paxos.Envelope, m paxos.Hello, out *paxos.Effects) {
	if p.genesis == nil {
		return // an acceptor that waits for its founding, too
	}
	switch e.From.Role {
	case paxos.AcceptorRole:
		v, reason := p.fromAcceptor(e)
		if reason != 0 {
			drop(out, e, reason)
			return
		}
		p.heard(now, v, m.Marks)
		v.noSpace = m.NoSpace
		p.hearPromise(now, v, e.From.Promised, out)
		p.crossOver(now, out)
	case paxos.ProposerRole:
		if p.foreign(e) == 0 {
			p.peers.note(e.From.ID, now).priority = m.Priority
		}
	}
}

// learnConfigurations takes over the newer configurations that e tells.
// Promises of those who know them were not taken until now.
func (p *Proposer) learnConfigurations(e paxos.Envelope, out *paxos.Effects) {
	m, ok := e.Msg.(paxos.Hello)
	if !ok || p.genesis == nil || e.Cluster != p.genesis.Cluster || !p.adopt(m.Known) {
		return
	}
	p.lead.until, p.lead.change.tell = 0, true
	if p.stage == preparing {
		p.askPromises(&p.phase1, out)
	}
}

// learnCluster takes the cluster from the first acceptor that has a sealed
// genesis: all its acceptors stored the same one before.
func (p *Proposer) learnCluster(now paxos.Now, e paxos.Envelope, m paxos.Hello) {
	if e.From.Role != paxos.AcceptorRole || m.Genesis == nil || m.Genesis.Check() != nil || m.Genesis.Cluster != e.Cluster ||
		e.Cluster.Generation < p.rivals.higher.Generation {
		return
	}
	p.join(m.Genesis)
	p.chosen = paxos.Chosen{Below: m.Genesis.First.From}
	p.waitForLeader(now)
}

// giveUpName ends what the proposer does for its cluster while another has its name.
// A proposer has no disk, so for one of a higher generation it changes over.
func (p *Proposer) giveUpName(now paxos.Now, out *paxos.Effects) {
	if !p.fenced() {
		return
	}
	switch p.stage {
	case leading:
		p.stepDown(now, out)
	case asking, preparing:
		p.waitForLeader(now)
	}
	if p.Superseded() == (paxos.ClusterID{}) {
		return
	}
	p.member = member{self: p.self, rivals: p.rivals} // what was promised there means nothing here
	p.leader, p.peers, p.learners, p.failures = paxos.Ballot{}, nil, nil, 0
	p.nextHello = now.Mono
}

// hello makes the proposer known, and asks for the cluster while it knows none.
func (p *Proposer) hello(now paxos.Now, out *paxos.Effects) {
	every := AcceptorHello
	if p.genesis == nil {
		every = p.opts.Election
	}
	p.nextHello = now.Mono + paxos.Instant(every)
	if p.stage != retired {
		g := p.genesis
		if p.Superseded() != (paxos.ClusterID{}) {
			g = nil // nobody is to join this cluster any more
		}
		p.send(out, "", paxos.Hello{Genesis: g, Known: p.told(), Leading: p.Leading(), Priority: p.opts.Priority})
	}
}
