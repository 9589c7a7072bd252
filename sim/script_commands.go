package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/synod-paxos/synod/paxos"
)

// scriptCommands is the commands by name. Filled in here, because some of them
// carry out others.
var scriptCommands map[string]func(*script, args) []string

func init() {
	scriptCommands = map[string]func(*script, args) []string{
		"cluster": (*script).cluster, "init": (*script).found, "start": (*script).start, "crash": (*script).crash,
		"drain": (*script).drain, "freeze": (*script).freeze, "thaw": (*script).thaw, "wipe": (*script).wipe, "save": (*script).save, "restore": (*script).restore, "disk": (*script).disk,
		"replace": (*script).replace, "add": (*script).takeIn, "remove": (*script).remove,
		"cut": (*script).cut, "isolate": (*script).isolate, "heal": (*script).heal,
		"lose": (*script).lose, "hold": (*script).hold, "release": (*script).release, "flow": (*script).flow,
		"send": (*script).send, "propose": (*script).propose, "read": (*script).read,
		"run": (*script).run, "wait": (*script).wait, "log": (*script).log, "clock": (*script).clock, "time": (*script).time, "votes": (*script).votes, "show": (*script).show,
	}
}

// cluster makes the processes. With leader=p1 the cluster is founded and led by p1
// at once; without, none of the processes runs yet.
func (s *script) cluster(a args) []string {
	p := CalmPlan(uint64(a.number("seed", 1)))
	p.Acceptors, p.Proposers, p.Learners = a.number("acceptors", 3), a.number("proposers", 2), a.number("learners", 2)
	p.Window, p.PageBytes = paxos.Slot(a.number("window", 256)), a.number("page", 1<<20)
	p.Copies = min(a.number("copies", 2), p.Learners)
	p.Proposing.BatchCommands = a.number("batch", p.Proposing.BatchCommands)
	p.DigestEvery = paxos.Slot(a.number("digests", 8))
	p.Calm = Weather{Min: time.Millisecond, Max: time.Millisecond}
	p.Sync, p.Apply, p.LearnerSync, p.Restart = time.Microsecond, time.Microsecond, 50*time.Millisecond, time.Hour
	if v, ok := a.named["sizes"]; ok {
		p.Quorums.Kind = paxos.Sizes
		if _, err := fmt.Sscanf(v, "%d/%d", &p.Quorums.Size1, &p.Quorums.Size2); err != nil {
			return []string{"sizes: " + err.Error()}
		}
	}
	s.w = NewWorld(p)
	s.events, s.shown = a.has("events"), map[string]bool{}
	s.w.recorder.sink = s.hear
	s.w.filter = s.filter
	s.client = newClient(s.w, ClientPlan{ID: "c"})
	s.w.clients = []*client{s.client}
	for _, p := range s.w.processes() {
		s.w.byID[p.id] = p
	}
	if id, ok := a.named["leader"]; ok {
		return s.foundWith(id)
	}
	return nil
}

// foundWith founds the cluster and lets one proposer lead it, out of sight.
func (s *script) foundWith(leader string) []string {
	wrong := s.found(args{})
	s.start(args{words: []string{leader}})
	wrong = append(wrong[:0], s.wait(args{})...)
	s.run(args{words: []string{"100ms"}})
	s.said = nil
	return wrong
}

// found runs `init` with all acceptors and learners up, until it is done.
func (s *script) found(a args) []string {
	for _, p := range s.w.processes() {
		if p.role == paxos.AcceptorRole || p.role == paxos.LearnerRole {
			p.start()
		}
	}
	if a.has("only") {
		return s.startFounder()
	}
	s.w.founder.start()
	if !s.w.advanceUntil(s.w.now+5*time.Second, func() bool { return s.w.founder.done != nil }) {
		return []string{"not founded"}
	}
	s.w.advance(s.w.now + 20*time.Millisecond)
	s.w.founder.crash("is done")
	s.said = nil
	return []string{"founded"}
}

// startFounder only starts init; the story goes on while it runs.
func (s *script) startFounder() []string {
	s.w.founder.start()
	return nil
}

// each calls do for the processes that a names; "leader" is whoever leads.
func (s *script) each(a args, do func(*process)) []string {
	var wrong []string
	for _, word := range a.words {
		p := s.named(word)
		if p == nil {
			wrong = append(wrong, "there is no "+word)
			continue
		}
		do(p)
	}
	return wrong
}

func (s *script) named(word string) *process {
	if word == "leader" {
		if l := s.w.leader(); l != nil {
			return &l.process
		}
		return nil
	}
	return s.w.byID[paxos.NodeID(word)]
}

func (s *script) start(a args) []string {
	return s.each(a, func(p *process) { p.start() })
}

// crash stops processes. What an acceptor's disk was writing is lost, or, with
// written=yes, reached the disk although nobody was told.
func (s *script) crash(a args) []string {
	s.w.torn = func() bool { return a.named["written"] == "yes" }
	return s.each(a, func(p *process) { p.crash("crash") })
}

func (s *script) drain(a args) []string {
	wrong := s.each(a, func(p *process) {
		if x, ok := p.host.(*proposer); ok {
			x.drain()
		}
	})
	s.w.advance(s.w.now + 50*time.Millisecond)
	return wrong
}

func (s *script) freeze(a args) []string { return s.each(a, func(p *process) { p.freeze() }) }
func (s *script) thaw(a args) []string   { return s.each(a, func(p *process) { p.thaw() }) }

func (s *script) wipe(a args) []string {
	return s.each(a, func(p *process) {
		switch h := p.host.(type) {
		case *acceptor:
			h.wipe()
		case *learner:
			h.wipe()
		}
	})
}

// save copies acceptors' disks as they are; restore puts the copies in their place.
func (s *script) save(a args) []string {
	return s.each(a, func(p *process) {
		if h, ok := p.host.(*acceptor); ok {
			h.saved = &disk{Ledger: *h.disk.Clone(), id: h.disk.id, boot: h.disk.boot}
		}
	})
}

func (s *script) restore(a args) []string {
	return s.each(a, func(p *process) {
		if h, ok := p.host.(*acceptor); ok {
			p.crash("crash")
			h.disk = h.saved
			s.w.oracle.disk(h.disk.id).copied = true
			p.start()
		}
	})
}

// replace puts a newcomer in an acceptor's place.
func (s *script) replace(a args) []string { return s.change(paxos.NodeID(a.words[0]), true) }

// takeIn takes a newcomer in.
func (s *script) takeIn(args) []string { return s.change("", true) }

// remove leaves an acceptor out.
func (s *script) remove(a args) []string { return s.change(paxos.NodeID(a.words[0]), false) }

// change is an operator that takes a newcomer in, or an acceptor out, or both, and
// destroys what was left out once the change is finished.
func (s *script) change(leaves paxos.NodeID, comes bool) []string {
	o := s.w.operator
	o.steps = append(o.steps, func(c paxos.Configuration) *paxos.Configuration {
		c.Number++
		c.Acceptors = slices.DeleteFunc(slices.Clone(c.Acceptors), func(m paxos.Member) bool { return m.ID == leaves })
		if comes {
			c.Acceptors = append(c.Acceptors, s.w.newcomer(&c))
		}
		return &c
	})
	o.start()
	if !s.w.advanceUntil(s.w.now+10*time.Second, func() bool { return len(o.steps) == 0 }) {
		return []string{"not finished"}
	}
	o.crash("is done")
	return nil
}

// disk makes an acceptor's syncs hang, or return again.
func (s *script) disk(a args) []string {
	return s.each(args{words: a.words[:1]}, func(p *process) {
		h, ok := p.host.(*acceptor)
		switch {
		case !ok:
		case a.has("hangs"):
			h.hang()
		case a.has("fails"):
			h.broken = true
		default:
			h.heal()
		}
	})
}

// cut cuts all links between two processes, or one direction of it.
func (s *script) cut(a args) []string {
	if len(a.words) < 2 {
		return []string{"cut whom from whom?"}
	}
	one, two := s.named(a.words[0]), s.named(a.words[1])
	if one == nil || two == nil {
		return []string{"there is no such process"}
	}
	links := []link{{one.id, two.id}}
	if !a.has("one-way") {
		links = append(links, link{two.id, one.id})
	}
	s.links = append(s.links, s.w.cutOff(links))
	return nil
}

func (s *script) isolate(a args) []string {
	return s.each(a, func(p *process) {
		s.links = append(s.links, s.w.cutOff(s.w.links(func(l link) bool { return l.from == p.id || l.to == p.id })))
	})
}

func (s *script) heal(args) []string {
	for _, undo := range s.links {
		undo()
	}
	s.links = nil
	return nil
}

// newRule reads "KIND|any [from=] [to=] [slot=] [count=]".
func (s *script) newRule(a args, hold bool) []string {
	r := &rule{from: paxos.NodeID(a.named["from"]), to: paxos.NodeID(a.named["to"]), slot: paxos.Slot(a.number("slot", 0)), count: a.number("count", 0), hold: hold}
	if len(a.words) > 0 && a.words[0] != "any" {
		r.kind = a.words[0]
	}
	s.rules = append(s.rules, r)
	return nil
}

func (s *script) lose(a args) []string { return s.newRule(a, false) }
func (s *script) hold(a args) []string { return s.newRule(a, true) }

// release lets messages that were held arrive, and holds no more.
func (s *script) release(args) []string {
	s.rules = slices.DeleteFunc(s.rules, func(r *rule) bool {
		for _, m := range r.held {
			s.w.push(event{at: s.w.now + time.Millisecond, p: m.to, env: m.e})
		}
		return r.hold
	})
	return s.run(args{words: []string{"20ms"}})
}

// flow ends losses of messages, or of one kind of them.
func (s *script) flow(a args) []string {
	s.rules = slices.DeleteFunc(s.rules, func(r *rule) bool { return !r.hold && (len(a.words) == 0 || a.has(r.kind)) })
	return nil
}

// run lets time pass.
func (s *script) run(a args) []string {
	s.w.advance(s.w.now + a.duration(20*time.Millisecond))
	return nil
}

// wait lets time pass until there is a leader, or until all learners that are up
// have applied all that is chosen.
func (s *script) wait(a args) []string {
	done := func() bool { l := s.w.leader(); return l != nil && l.open }
	if a.has("applied") {
		done = s.allApplied
	}
	if !s.w.advanceUntil(s.w.now+a.duration(10*time.Second), done) {
		return []string{"waited in vain: " + s.w.unfinished()}
	}
	return nil
}

func (s *script) allApplied() bool {
	for _, l := range s.w.learners {
		if l.up && l.machine.applied+1 != s.w.oracle.below {
			return false
		}
	}
	return true
}

// attempt sends a command with this id, to the named proposer or to any that serves.
func (s *script) attempt(id, to string) (inbox string, sent bool) {
	p := s.w.serving(s.client.plan.ID)
	if to != "" {
		p, _ = s.named(to).host.(*proposer)
	}
	if p == nil {
		return "", false
	}
	s.client.attempt++
	inbox = fmt.Sprintf("c-%s/%d", id, s.client.attempt)
	s.w.oracle.commands[id] = true
	s.w.oracle.attempted(inbox)
	p.propose(paxos.Command{Subject: "propose", Reply: inbox, Data: []byte(id)})
	return inbox, true
}

// send sends commands, and does not wait for their answers.
func (s *script) send(a args) []string {
	var wrong []string
	for _, id := range a.words {
		if _, ok := s.attempt(id, a.named["to"]); !ok {
			wrong = append(wrong, id+": nobody serves")
		}
	}
	s.run(args{})
	return wrong
}

// propose sends commands one after the other, again until they are answered, as a
// client does.
func (s *script) propose(a args) []string {
	var said []string
	for _, id := range a.words {
		said = append(said, s.proposeOne(id, a))
	}
	return said
}

func (s *script) proposeOne(id string, a args) string {
	answer := ""
	for range a.number("attempts", 20) {
		inbox, ok := s.attempt(id, a.named["to"])
		if !ok {
			s.run(args{words: []string{"200ms"}})
			continue
		}
		s.w.reply = func(to string, what string) {
			if to == inbox && answer == "" {
				answer = what
			}
		}
		if s.w.advanceUntil(s.w.now+500*time.Millisecond, func() bool { return answer != "" }) && !strings.Contains(answer, "refused") {
			break
		}
		answer = ""
		s.run(args{words: []string{"200ms"}})
	}
	if answer == "" {
		answer = "no answer"
	}
	return id + ": " + answer
}

func (s *script) read(a args) []string {
	var said []string
	wrong := s.each(a, func(p *process) {
		l, ok := p.host.(*learner)
		served := false
		if ok {
			s.w.oracle.reads++
			l.read(s.w.oracle.reads, func() { served = true })
			s.w.advanceUntil(s.w.now+2*time.Second, func() bool { return served })
		}
		if served {
			said = append(said, fmt.Sprintf("%s: %s", p.id, l.machine))
		} else {
			said = append(said, fmt.Sprintf("%s: cannot read", p.id))
		}
	})
	return append(said, wrong...)
}

// log prints what learners have applied.
func (s *script) log(a args) []string {
	var said []string
	wrong := s.each(a, func(p *process) {
		if l, ok := p.host.(*learner); ok {
			said = append(said, fmt.Sprintf("%s: %s", p.id, l.machine))
		}
	})
	return append(said, wrong...)
}

// clock sets the wall clock of a process, ahead of true time by so much.
func (s *script) clock(a args) []string {
	return s.each(args{words: a.words[:1]}, func(p *process) { p.clock.skew = a.duration(0) })
}

// time prints how far ahead of true time log time is at learners.
func (s *script) time(a args) []string {
	var said []string
	wrong := s.each(a, func(p *process) {
		if l, ok := p.host.(*learner); ok {
			ahead := time.Duration(l.machine.time - epoch - paxos.LogTime(s.w.now))
			said = append(said, fmt.Sprintf("%s: %s", p.id, ahead.Round(time.Second)))
		}
	})
	return append(said, wrong...)
}

// String is the commands in the log, in order.
func (m *machine) String() string {
	if len(m.entries) == 0 {
		return "nothing"
	}
	var ids []string
	for _, e := range m.entries {
		ids = append(ids, e.id)
	}
	return strings.Join(ids, " ")
}

// votes prints what is on acceptors' disks.
func (s *script) votes(a args) []string {
	var said []string
	wrong := s.each(a, func(p *process) {
		h, ok := p.host.(*acceptor)
		if !ok {
			return
		}
		page := paxos.Page{From: 1}
		h.disk.Fill(&page, 1<<30)
		line := fmt.Sprintf("%s: promised %s", p.id, describeBallot(h.disk.State.Promised))
		for _, v := range page.Votes {
			line += fmt.Sprintf("; slot %d in %s %s", v.Slot, describeBallot(v.Ballot), describeValue(v.Value))
		}
		said = append(said, plain(line))
	})
	return append(said, wrong...)
}

// show makes messages of these kinds visible, as they are sent.
func (s *script) show(a args) []string {
	clear(s.shown)
	for _, kind := range a.words {
		s.shown[kind] = true
	}
	return nil
}
