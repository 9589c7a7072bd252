package roles

import (
	"math/rand/v2"
	"testing"

	"github.com/synod-paxos/synod/paxos"
)

// The fuzz targets feed a role any messages at all. Whatever comes, a role does not
// panic, asks for no more than a few effects in one step, keeps a bounded amount of
// memory, and wants to be woken in the future. Byzantine senders may make it lose
// its way, but never its process.

func FuzzAcceptor(f *testing.F) { f.Fuzz(wreakAcceptor) }
func FuzzProposer(f *testing.F) { f.Fuzz(wreakProposer) }
func FuzzLearner(f *testing.F)  { f.Fuzz(wreakLearner) }
func FuzzFounder(f *testing.F)  { f.Fuzz(wreakFounder) }

// TestRolesSurviveAnything is the fuzz targets on long random inputs, which a
// fuzzer takes its time to grow.
func TestRolesSurviveAnything(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
		data := make([]byte, 4000)
		_, _ = r.Read(data) // never fails
		wreakAcceptor(t, data)
		wreakProposer(t, data)
		wreakLearner(t, data)
		wreakFounder(t, data)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// maxEffects bounds what one input may ask for: a window of Accepts, or an answer
// for every slot that was kept, with room to spare.
const maxEffects = 4096

// stepper is what chaos is done to.
type stepper interface {
	Step(now paxos.Now, e paxos.Envelope, out *paxos.Effects)
	Tick(now paxos.Now, out *paxos.Effects)
	Wake() paxos.Instant
}

// wreak steps r with what c makes, ticks it as its Wake says, and calls other in
// between for what only this role takes.
func wreak(t *testing.T, r stepper, now paxos.Now, c *chaos, other func(paxos.Now, *paxos.Effects)) {
	for c.more() {
		var out paxos.Effects
		switch c.one(8) {
		case 0:
			now.Mono += paxos.Instant(c.byte()) * 10e6
			now.Wall = paxos.LogTime(c.number())
		case 1:
			other(now, &out)
		default:
			r.Step(now, c.envelope(), &out)
		}
		mayAsk(t, &out)
		out.Reset()
		r.Tick(now, &out)
		mayAsk(t, &out)
		if at := r.Wake(); at <= now.Mono && out.Stop == "" {
			t.Fatalf("after its Tick at %d it wants to be woken at %d", now.Mono, at)
		}
	}
}

func mayAsk(t *testing.T, out *paxos.Effects) {
	n := len(out.Persist) + len(out.Send) + len(out.Refuse) + len(out.Learn) + len(out.Answer) + len(out.Forget) + len(out.Read) + len(out.Drop)
	if n > maxEffects {
		t.Fatalf("one input asks for %d effects", n)
	}
}

func wreakAcceptor(t *testing.T, data []byte) {
	c := &chaos{data: data, role: "a1"}
	disk := &paxos.Ledger{}
	if c.bool() {
		disk.Append(paxos.Founded{Genesis: testGenesis(3), Sealed: true})
	}
	a := RestoreAcceptor(testSender("a1"), disk.State, paxos.Now{Mono: start0})
	wreak(t, a, paxos.Now{Mono: start0, Wall: wall0}, c, func(now paxos.Now, _ *paxos.Effects) { a.SetNoSpace(c.bool()) })
}

func wreakProposer(t *testing.T, data []byte) {
	c := &chaos{data: data, role: "p1"}
	o := DefaultProposerOptions()
	o.Seed, o.QueueCommands, o.BatchCommands = uint64(c.byte()), 8, 2
	p := NewProposer(testSender("p1"), o, paxos.Now{Mono: start0})
	r := &proposerActor{p} // it may lead already
	s := &script{t: t, role: r, genesis: testGenesis(3), now: paxos.Now{Mono: start0, Wall: wall0}, promised: map[paxos.NodeID]paxos.Ballot{}}
	if c.bool() {
		r.elect(s)
	}
	wreak(t, p, s.now, c, func(now paxos.Now, out *paxos.Effects) {
		switch c.one(4) {
		case 0:
			p.Drain(now, out)
		default:
			p.Propose(now, testCommand("x"), out)
			p.Flush(now, out)
		}
		p.Status(now)
	})
	if n := len(p.lead.rounds) + len(p.queue.commands) + len(p.phase1.votes); n > maxEffects {
		t.Errorf("it keeps %d things", n)
	}
}

func wreakLearner(t *testing.T, data []byte) {
	c := &chaos{data: data, role: "l1"}
	l := testLearner(16, 4096)
	if c.bool() {
		l = NewLearner(testSender("l1"), DefaultLearnerOptions(), paxos.Position{Applied: c.slot()}, paxos.Now{Mono: start0})
	}
	var learned paxos.Slot
	wreak(t, l, paxos.Now{Mono: start0, Wall: wall0}, c, func(now paxos.Now, out *paxos.Effects) {
		at := paxos.Position{Applied: learned, NextExpiry: paxos.LogTime(c.number())}
		switch c.one(4) {
		case 0:
			l.Read(now, c.number(), out)
		case 1:
			l.Digested(now, c.digest(), out)
		case 2:
			at.Applied = max(learned, c.near())
			l.Installed(now, at, out)
		default:
			l.Applied(now, at, out)
		}
		learned = max(learned, min(l.Status().Learned, l.Status().Position.Applied+8))
		l.SnapshotFrom(now, c.one(9))
	})
	open := 0
	for _, o := range l.open {
		open += len(*o)
	}
	if most := maxTallies * int(l.opts.OpenSlots); open > most {
		t.Errorf("it keeps %d tallies, want at most %d", open, most)
	}
}

func wreakFounder(t *testing.T, data []byte) {
	c := &chaos{data: data, role: "operator"}
	members := make([]paxos.NodeID, c.one(5))
	for i := range members {
		members[i] = c.id()
	}
	r := NewFounder(testSender("operator"), members, c.genesis())
	wreak(t, r, paxos.Now{Mono: start0, Wall: wall0}, c, func(paxos.Now, *paxos.Effects) {
		r.Missing()
		if _, err := r.Done(); err != nil && err.Error() == "" {
			t.Error("it fails without a reason")
		}
	})
}
