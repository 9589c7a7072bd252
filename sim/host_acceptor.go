package sim

import (
	"slices"
	"time"

	"github.com/synod-paxos/synod/paxos"
	"github.com/synod-paxos/synod/roles"
)

// disk is what an acceptor keeps through its crashes.
type disk struct {
	paxos.Ledger
	id   paxos.UUID
	boot uint64
}

// acceptor is an acceptor with its disk and its writer: what several steps emit
// goes to the disk with one sync, and no message leaves before everything that
// was emitted before it is durable.
type acceptor struct {
	process
	disk   *disk
	saved  *disk // a copy that a story made of it
	role   *roles.Acceptor
	out    paxos.Effects
	groups []group // not written yet, in order
	taken  []group // being written
	busy   bool
	early  paxos.Early

	hung    int // faults that let no sync return
	factor  time.Duration
	broken  bool // the next sync fails
	noSpace bool
}

// group is the effects of one or more steps. If one of its messages has a page to
// fill in, that message's step is the last of the group.
type group struct {
	records []paxos.Record
	send    []paxos.Envelope
}

func newAcceptor(w *World, id paxos.NodeID) *acceptor {
	a := &acceptor{disk: &disk{id: w.uuid()}, factor: 1}
	a.process = w.adopt(id, paxos.AcceptorRole, a)
	return a
}

func (a *acceptor) boot(now paxos.Now) {
	a.disk.boot++
	self := paxos.Sender{Role: paxos.AcceptorRole, ID: a.id, Disk: a.disk.id, Boot: a.disk.boot, Process: a.incarnation}
	a.role, a.early = roles.RestoreAcceptor(self, a.disk.State, now), paxos.Early{}
}

// votesOrPromises tells a record of the protocol from what an acceptor is told of its own
// cluster, which it may keep beside any other.
func votesOrPromises(r paxos.Record) bool {
	switch r.(type) {
	case paxos.Voted, paxos.Promised:
		return true
	default:
		return false
	}
}

func (a *acceptor) founded() bool { return a.role.Genesis() != nil }

func (a *acceptor) step(now paxos.Now, e *paxos.Envelope) {
	sent, records := len(a.out.Send), len(a.out.Persist)
	a.role.Step(now, *e, &a.out)
	if slices.ContainsFunc(a.out.Persist[records:], votesOrPromises) {
		a.besideRival(now, "votes or promises")
	}
	if slices.ContainsFunc(a.out.Send[sent:], hasPage) {
		a.flush()
	}
}

func hasPage(e paxos.Envelope) bool {
	page, _ := paxos.Pending(e.Msg)
	return page != nil
}

func (a *acceptor) settle(now paxos.Now) {
	a.role.SetNoSpace(a.noSpace)
	a.role.Tick(now, &a.out)
	a.flush()
}

func (a *acceptor) wake() paxos.Instant { return a.role.Wake() }

// flush gives the effects so far to the writer.
func (a *acceptor) flush() {
	a.w.drops(a.id, a.out.Drop)
	if a.out.Stop != "" {
		a.stop(a.out.Stop)
		return
	}
	var early []paxos.Envelope
	early, a.out.Send = a.early.Take(a.out.Send)
	a.send(early)
	if len(a.out.Persist) > 0 || len(a.out.Send) > 0 {
		a.groups = append(a.groups, group{records: a.out.Persist, send: a.out.Send})
	}
	a.out = paxos.Effects{}
	a.write()
}

// write starts to write what waits, up to the first group with a page to fill in:
// a page must not show what was written after it.
func (a *acceptor) write() {
	if a.busy || len(a.groups) == 0 {
		return
	}
	n := slices.IndexFunc(a.groups, func(g group) bool { return slices.ContainsFunc(g.send, hasPage) }) + 1
	if n == 0 {
		n = len(a.groups)
	}
	a.taken, a.groups = a.groups[:n:n], a.groups[n:]
	a.busy = true
	records := 0
	for _, g := range a.taken {
		records += len(g.records)
	}
	if records == 0 {
		a.written()
		return
	}
	a.w.count("syncs", 1)
	a.w.count("records synced", records)
	if a.hung == 0 {
		a.w.after(&a.process, a.syncTime(), a.written)
	}
}

func (a *acceptor) syncTime() time.Duration {
	return (20*time.Microsecond + a.w.draw(a.w.plan.Sync)) * a.factor
}

// written is the return of a sync: the records are durable, the messages leave.
func (a *acceptor) written() {
	taken := a.taken
	a.taken, a.busy = nil, false
	if a.broken {
		a.broken = false
		a.stop("the disk failed")
		return
	}
	for _, g := range taken {
		a.append(g.records)
	}
	for _, g := range taken {
		a.release(g.send)
	}
	a.write()
}

func (a *acceptor) append(records []paxos.Record) {
	for _, r := range records {
		if a.w.recorder.on() {
			a.w.note(a.id, "durable ", r)
		}
		a.disk.Append(r)
		a.w.oracle.durable(a, r)
	}
}

// release sends messages, with their pages filled in and neighbouring votes of one
// ballot in one message.
func (a *acceptor) release(send []paxos.Envelope) {
	var merged []paxos.Envelope
	for _, e := range send {
		if page, with := paxos.Pending(e.Msg); page != nil {
			p := *page
			a.disk.Fill(&p, a.w.plan.PageBytes)
			e.Msg = with(p)
		}
		if n := len(merged); n == 0 || !mergeAccepted(&merged[n-1], e) {
			merged = append(merged, e)
		}
	}
	if n := len(merged); n > 0 {
		a.early.Released(&merged[n-1])
	}
	a.send(merged)
}

func (a *acceptor) send(messages []paxos.Envelope) {
	for i := range messages {
		a.w.oracle.released(a, &messages[i])
		a.w.publish(&messages[i])
	}
}

// mergeAccepted adds the votes of e to those of last, if it may.
func mergeAccepted(last *paxos.Envelope, e paxos.Envelope) bool {
	m1, ok1 := last.Msg.(paxos.Accepted)
	m2, ok2 := e.Msg.(paxos.Accepted)
	if !ok1 || !ok2 || m1.Ballot != m2.Ballot {
		return false
	}
	m1.Slots = append(slices.Clip(m1.Slots), m2.Slots...)
	slices.Sort(m1.Slots)
	m1.Slots = slices.Compact(m1.Slots)
	last.Msg = m1
	return true
}

// lose forgets what was not durable. A sync that was under way may have reached
// the disk or not, but as one.
func (a *acceptor) lose() {
	if a.busy && a.w.torn() {
		for _, g := range a.taken {
			a.append(g.records)
		}
	}
	lost := 0
	for _, g := range append(a.taken, a.groups...) {
		lost += len(g.records)
	}
	a.w.count("records in danger at a crash", lost)
	a.out, a.groups, a.taken, a.busy = paxos.Effects{}, nil, nil, false
	a.role = nil
}

// hang lets no sync return, until the function that it returns is called.
func (a *acceptor) hang() (undo func()) {
	a.hung++
	return func() {
		if a.hung = max(0, a.hung-1); a.hung == 0 && a.busy && a.up {
			a.w.after(&a.process, a.syncTime(), a.written)
		}
	}
}

// heal ends everything that is wrong with the disk, except that it may be new.
func (a *acceptor) heal() {
	stuck := a.hung > 0 && a.busy && a.up
	a.hung, a.factor, a.broken, a.noSpace = 0, 1, false, false
	if stuck {
		a.w.after(&a.process, a.syncTime(), a.written)
	}
}

// wipe gives the acceptor an empty disk: a new incarnation, that never votes in
// its predecessor's place.
func (a *acceptor) wipe() {
	a.crash("loses its disk")
	a.disk = &disk{id: a.w.uuid()}
	a.start()
}
