package roles

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/synod-paxos/synod/paxos"
)

// acceptorActor is an acceptor with its disk.
type acceptorActor struct {
	*Acceptor
	self      paxos.Sender
	disk      paxos.Ledger
	pageBytes int
}

// startAcceptor is "start id=a1", with disk=x when its disk is not the one that
// the cluster names, page-bytes=n for short pages, and unfounded for a fresh disk.
func startAcceptor(s *script, td *datadriven.TestData) actor {
	a := args{s, td}
	r := &acceptorActor{self: testSender(a.id("id")), pageBytes: int(a.number("page-bytes", 1<<20))}
	if a.has("disk") {
		r.self.Disk = testCluster(a.text("disk", ""))
	}
	if !a.has("unfounded") {
		r.disk.Append(paxos.Founded{Genesis: s.genesis, Sealed: true})
	}
	r.restore(s)
	return r
}

func (r *acceptorActor) restore(s *script) {
	r.Acceptor = RestoreAcceptor(r.self, r.disk.State, s.now)
}

// do understands "crash", a restart from what is on the disk, "disk full" and "disk
// free", and "superseded", what its caller remembers. "lose" before a message takes its effects away: the acceptor crashes
// before any of them is durable.
func (r *acceptorActor) do(s *script, td *datadriven.TestData, out *paxos.Effects) (string, bool) {
	switch td.Cmd {
	case "crash":
		r.self.Boot, r.self.Process = r.self.Boot+1, r.self.Process+1
		r.restore(s)
		m := r.disk.State.Marks
		return fmt.Sprintf("restored: promised %s%s\n", printBallot(r.disk.State.Promised), printMarks(m)), true
	case "lose":
		td.Cmd, td.CmdArgs = td.CmdArgs[0].Key, td.CmdArgs[1:]
		r.Step(s.now, s.parseEnvelope(td), out)
		text := "lost:\n" + s.printEffects(out)
		out.Reset()
		r.restore(s)
		return text, true
	case "superseded":
		a := args{s, td}
		r.Supersede(paxos.ClusterID{UUID: testCluster("c2"), Generation: a.number("generation", 0)})
		return "", true
	case "disk":
		r.SetNoSpace(td.CmdArgs[0].Key == "full")
		return "", true
	}
	return "", false
}

// after makes the records durable, and then fills in the pages.
func (r *acceptorActor) after(s *script, out *paxos.Effects) {
	r.disk.Append(out.Persist...)
	for i, e := range out.Send {
		if page, with := paxos.Pending(e.Msg); page != nil {
			p := *page
			r.disk.Fill(&p, r.pageBytes)
			out.Send[i].Msg = with(p)
		}
	}
}

type proposerActor struct{ *Proposer }

// startProposer is "start id=p1", with the options that a story needs to be small,
// and process= for a second start.
func startProposer(s *script, td *datadriven.TestData) actor {
	a := args{s, td}
	o := DefaultProposerOptions()
	o.Seed = a.number("seed", 1)
	o.Pipeline = int(a.number("pipeline", uint64(o.Pipeline)))
	o.BatchCommands = int(a.number("batch-commands", uint64(o.BatchCommands)))
	o.BatchBytes = int(a.number("batch-bytes", uint64(o.BatchBytes)))
	o.QueueCommands = int(a.number("queue-commands", uint64(o.QueueCommands)))
	o.QueueBytes = int(a.number("queue-bytes", uint64(o.QueueBytes)))
	o.Priority = int(a.number("priority", 0))
	self := testSender(a.id("id"))
	self.Process = a.number("process", self.Process)
	return &proposerActor{NewProposer(self, o, s.now)}
}

// do understands
//
//	propose x y z     commands that arrive together; data=100 for one of 100 bytes
//	order upgrade=2   an operator orders it; or skip=17, and command=3
//	drain             SIGTERM
//	status            the proposer's own view
//	found             it hears of its cluster
//	campaign          it asks, and a1 and a2 hear no leader either
//	elect             it leads, on a log that is empty
//	keep 2s           time in which a1 and a2 answer all Heartbeats; prints the rest
//	alone 2s          time in which nobody answers, but its own Heartbeats come back; prints the rest
func (r *proposerActor) do(s *script, td *datadriven.TestData, out *paxos.Effects) (string, bool) {
	switch td.Cmd {
	case "propose":
		for _, arg := range td.CmdArgs {
			c := testCommand(arg.Key)
			if len(arg.Vals) == 1 {
				c.Data = bytes.Repeat([]byte(arg.Key), int(parseNumber(s, arg.Vals[0])))
			}
			r.Propose(s.now, c, out)
		}
		return "", true
	case "order":
		r.Propose(s.now, parseOrder(args{s, td}), out)
		return "", true
	case "drain":
		r.Drain(s.now, out)
		return fmt.Sprintf("serving %v, retired %v\n", r.Serving(), r.Retired()), true
	case "status":
		return r.print(s), true
	case "found":
		r.found(s)
		return "", true
	case "campaign":
		r.campaign(s, out)
		return "", true
	case "elect":
		r.elect(s)
		return "leads in " + printBallot(r.ballot) + "\n", true
	case "keep":
		return "", r.keep(s, td.CmdArgs[0].Key, out, "a1", "a2")
	case "alone":
		return "", r.keep(s, td.CmdArgs[0].Key, out)
	}
	return "", false
}

func parseOrder(a args) paxos.Command {
	if a.has("skip") {
		return paxos.OrderCommand(paxos.Skip{Slot: a.slot("skip"), Command: int(a.number("command", 0))}, "inbox")
	}
	return paxos.OrderCommand(paxos.Upgrade{Version: a.number("upgrade", 0)}, "inbox")
}

// found tells the cluster, and passes over the proposer's first Hello.
func (r *proposerActor) found(s *script) {
	var unseen paxos.Effects
	r.hear(s, "a1", paxos.Hello{Genesis: &s.genesis}, &unseen)
	r.Tick(s.now, &unseen)
}

// mostWakes is more than any story has while one command is carried out.
const mostWakes = 10_000

func (r *proposerActor) campaign(s *script, out *paxos.Effects) {
	for wakes := 0; r.stage != asking; wakes++ {
		if wakes == mostWakes {
			s.t.Fatal("it never asks")
		}
		out.Reset()
		s.pass(s.untilWake())
		r.Tick(s.now, out)
	}
	out.Reset()
	for _, id := range []paxos.NodeID{"a1", "a2"} {
		r.hear(s, id, paxos.LeaderReport{Nonce: r.query.nonce, Silent: r.opts.Election}, out)
	}
}

// elect plays the acceptors of an empty log.
func (r *proposerActor) elect(s *script) {
	var unseen paxos.Effects
	r.found(s)
	r.campaign(s, &unseen)
	for _, id := range []paxos.NodeID{"a1", "a2"} {
		s.promised[id] = r.ballot
		r.hear(s, id, paxos.Promise{Ballot: r.ballot, Page: paxos.Page{From: 1}, Marks: paxos.Marks{Clock: wall0}}, &unseen)
	}
	if r.stage != leading {
		s.t.Fatal("not elected")
	}
}

// keep has time pass in which these acceptors answer, and Heartbeats come back.
func (r *proposerActor) keep(s *script, d string, out *paxos.Effects, answer ...paxos.NodeID) bool {
	var all paxos.Effects
	wakes := 0
	for end := s.now.Mono + paxos.Instant(duration(s.t, d)); s.now.Mono < end; wakes++ {
		if wakes == mostWakes {
			s.t.Fatalf("it wakes again and again, and no time passes after %v", s.now.Mono)
		}
		s.pass(min(s.untilWake(), time.Duration(end-s.now.Mono)))
		sent := len(all.Send)
		r.Tick(s.now, &all)
		for _, e := range all.Send[sent:] {
			if _, ok := e.Msg.(paxos.Heartbeat); ok {
				r.Step(s.now, e, &all)
			}
		}
		for _, id := range answer {
			r.hear(s, id, paxos.Hello{}, &all)
		}
	}
	all.Send = slices.DeleteFunc(all.Send, func(e paxos.Envelope) bool {
		switch e.Msg.(type) {
		case paxos.Heartbeat, paxos.Hello:
			return true
		}
		return false
	})
	*out = all
	return true
}

// hear takes what an acceptor says on the story's behalf.
func (r *proposerActor) hear(s *script, id paxos.NodeID, m paxos.Message, out *paxos.Effects) {
	from := testSender(id)
	from.Promised = s.promised[id]
	r.Step(s.now, paxos.Envelope{Cluster: s.genesis.Cluster, Config: 1 + uint64(len(s.later)), From: from, Msg: m}, out)
}

func (r *proposerActor) print(s *script) string {
	v := r.Status(s.now)
	text := fmt.Sprintf("%s in %s, follows %s, serving %v\n", v.Stage, printBallot(v.Ballot), printBallot(v.Leader), r.Serving())
	text += fmt.Sprintf("chosen below %d, next %d, %d in flight, %d queued of %d bytes\n",
		v.ChosenBelow, v.Next, v.InFlight, v.Queued, v.QueuedBytes)
	return text + fmt.Sprintf("silent %s, learners %s\n", v.Silent, v.LiveLearners)
}

// after flushes, as a caller does when no more input waits.
func (r *proposerActor) after(s *script, out *paxos.Effects) { r.Flush(s.now, out) }

type learnerActor struct{ *Learner }

// printStanding is what is rarely worth a word.
func (r *learnerActor) printStanding() (text string) {
	if r.Agreed() != 0 {
		text += fmt.Sprintf(", agreed %d", r.Agreed())
	}
	if _, outvoted := r.Doubt(); outvoted {
		text += ", outvoted"
	}
	if r.Mute() && !r.Diverged() {
		text += ", mute"
	}
	return text
}

// startLearner is "start id=l1", with applied= for a state machine that is not
// empty, unfounded for a disk that knows no cluster, or bound=c1 generation=2, and the options of a story.
func startLearner(s *script, td *datadriven.TestData) actor {
	a := args{s, td}
	o := DefaultLearnerOptions()
	o.OpenSlots = paxos.Slot(a.number("open-slots", uint64(o.OpenSlots)))
	o.OpenBytes = int(a.number("open-bytes", uint64(o.OpenBytes)))
	applied := a.slot("applied")
	self := testSender(a.id("id"))
	self.Process = a.number("process", 0) // also where the nonces of its reads start
	l := NewLearner(self, o, paxos.Position{Applied: applied, Durable: applied}, s.now)
	if a.has("bound") {
		l.Bind(paxos.ClusterID{UUID: testCluster(a.text("bound", "")), Generation: a.number("generation", 1)})
	}
	if !a.has("unfounded") {
		g := s.genesis
		l.Join(&g)
		l.Tick(s.now, &paxos.Effects{}) // its first Hello and Position are no part of the story
	}
	return &learnerActor{l}
}

// do understands
//
//	applied slot=3 durable=2 expiry=5s   how far the state machine is
//	installed slot=100                   it took over a snapshot
//	read 1 2                             reads arrive
//	digested slot=256 sum=x              the state machine's digest after a slot
//	hold slot=7                          the state machine cannot apply it
//	tell to=l2                           its caller asks a fellow for a snapshot
//	snapshot-from turn=1                 whom it would ask for a snapshot
//	status                               the learner's own view
func (r *learnerActor) do(s *script, td *datadriven.TestData, out *paxos.Effects) (string, bool) {
	a := args{s, td}
	at := paxos.Position{Applied: a.slot("slot"), Durable: a.slot("durable"), NextExpiry: a.logTime("expiry")}
	switch td.Cmd {
	case "applied":
		r.Applied(s.now, at, out)
	case "installed":
		r.Installed(s.now, at, out)
	case "read":
		for _, arg := range td.CmdArgs {
			r.Read(s.now, parseNumber(s, arg.Key), out)
		}
	case "digested":
		r.Digested(s.now, a.digest(), out)
	case "hold":
		r.Hold(a.slot("slot"))
	case "tell":
		r.Tell(a.id("to"), paxos.SnapshotQuery{}, out)
	case "snapshot-from":
		return orNobody(r.SnapshotFrom(s.now, int(a.number("turn", 0)))) + "\n", true
	case "status":
		v := r.Status()
		return fmt.Sprintf("learned %d, applied %d, chosen below %d, trimmed below %d, leader %s, %d open, %d unanswered, "+
			"fetching %v, needs snapshot %v, diverged %v, cannot read %v%s\n",
			v.Learned, v.Position.Applied, v.ChosenBelow, v.TrimBelow, printBallot(v.Leader), v.Open, v.Unanswered,
			v.Fetching, r.NeedsSnapshot(), r.Diverged(), r.CannotRead(s.now, paxos.Duration(time.Second)), r.printStanding()), true
	default:
		return "", false
	}
	return "", true
}

func orNobody(id paxos.NodeID) string {
	if id == "" {
		return "nobody"
	}
	return string(id)
}

func (r *learnerActor) after(*script, *paxos.Effects) {}

type founderActor struct{ *Founder }

// startFounder is "start members=(a1,a2,a3)": synod init, with the story's genesis
// as its plan, copies= or window= where that differs, and uuid= for a cluster UUID
// of its own.
func startFounder(s *script, td *datadriven.TestData) actor {
	a := args{s, td}
	var members []paxos.NodeID
	for _, id := range a.list("members") {
		if id != "" {
			members = append(members, paxos.NodeID(id))
		}
	}
	plan := s.parseGenesis(a)
	plan.First.Acceptors = nil
	if a.has("uuid") {
		plan.Cluster.UUID = testCluster(a.text("uuid", ""))
	}
	return &founderActor{NewFounder(testSender("operator"), members, plan)}
}

// do understands "done", how far it is.
func (r *founderActor) do(_ *script, td *datadriven.TestData, _ *paxos.Effects) (string, bool) {
	if td.Cmd != "done" {
		return "", false
	}
	g, err := r.Done()
	switch {
	case err != nil:
		return "no: " + tellNames(strings.ReplaceAll(err.Error(), "\n", "\n    ")) + "\n", true
	case g != nil:
		return "yes: " + printGenesis(g) + "\n", true
	default:
		return fmt.Sprintf("not yet, missing %s\n", r.Missing()), true
	}
}

func (r *founderActor) after(*script, *paxos.Effects) {}
